//! `gw serve` as people and scripts start it, on default paths: new secrets, `--dev`, a command beside it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;

mod command;
mod dev;
mod home;
mod listening;
mod new_secrets;
mod next_steps;
mod quickstart;
