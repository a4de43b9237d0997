//! `gw serve` and `gw mock` as people and scripts start them, on default paths: new secrets, `--dev`, a command beside it.
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
mod scripted;
mod upkeep;
