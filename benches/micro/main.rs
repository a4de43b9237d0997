//! What each step of a request costs by itself, in time and in allocations: `cargo bench --bench micro`, or with a step's
//! name behind `--`, such as `cargo bench --bench micro -- body::peek`. A file a step.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../samples/agent.rs"]
mod agent;
mod body;
mod cost;
mod key;
mod limits;
mod log;
mod metrics;
mod planning;
mod sse;
mod state;
mod translation;

/// What the gateway allocates with, counted.
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler<mimalloc::MiMalloc> =
    divan::AllocProfiler::new(mimalloc::MiMalloc);

fn main() {
    divan::main();
}
