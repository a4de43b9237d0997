//! What is printed, where it is read: on a terminal and in a pipe, in every format, whole outputs compared.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;

mod formats;
mod help;
mod hints;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod progress;
#[cfg(target_os = "linux")]
mod terminal;
mod usage;
