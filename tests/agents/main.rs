//! Coding agents as callers: the agents themselves, doing one task straight at the simulator and through gw, and the
//! requests of those that cannot be run here, as their guides and sources show them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;

mod claude_code;
mod compare;
mod roster;
mod run;
mod shapes;
mod tasks;
