//! `gw` as a new user runs it: a home directory, a runtime directory and a working directory of its own, and
//! nothing said about addresses or places unless that is what is tried.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod address_parts;
mod admin_socket;
mod contradictions;
mod crowding;
mod doctoring;
mod empty_names;
mod estimating;
mod expecting;
mod found_settings;
#[path = "../harness/mod.rs"]
mod harness;
mod home;
mod kept;
mod last_used;
mod models;
mod not_utf8;
mod provider_lists;
mod provider_tls;
mod providers;
mod quiet;
mod request_check;
mod streams;
mod syncing;
mod tls;
mod usage;
mod vendor_rows;
