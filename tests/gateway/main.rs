//! The data plane from outside: the real binary, the simulator as upstream, and bare sockets for what no HTTP
//! library would send.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;
mod kit;

mod steering;
mod wire_head;
mod wire_limits;
