//! The real `gw serve`, killed, cut off, starved of disk and started on damaged state: what it acknowledged stays.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod child;
mod cut;
mod damage;
mod full;
#[path = "../harness/mod.rs"]
mod harness;
mod kill;
mod read_only_start;
mod refusing;
mod rig;
mod speed;
mod start;
mod traffic;
mod writes;
