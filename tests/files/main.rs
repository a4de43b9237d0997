//! Records by the many: what destructive commands refuse, and what files say, change and bring back.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;

mod destructive;
mod empty_files;
mod many;
mod mistakes;
mod moving;
mod strategy;
mod validation;
