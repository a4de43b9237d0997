//! The admin interface from outside: requests to the router in this process, and clients over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod applying;
mod cascading;
mod doubles;
mod guarding;
mod keys;
mod log_paging;
mod logs;
mod own_records;
mod owning;
mod providers;
mod records;
mod sockets;
