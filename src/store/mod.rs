//! Where state rests, behind small traits with one contract suite each: records (users, keys, providers,
//! models, routes) with the audit log, request logs, what was used by window, secrets. No HTTP here.

/// The admin token's file in a data directory: the gateway makes it, and its command line reads it.
pub const ADMIN_TOKEN: &str = "admin.token";

mod archive;
pub mod counters;
pub mod digest_key;
pub mod harden;
pub mod journal;
pub mod key_file;
pub mod lock;
pub mod modes;
pub mod private;
pub mod records;
pub mod room;
pub mod secret;
pub mod secret_file;
mod strength;
pub mod token;
mod turns;
pub mod upkeep;
mod varint;
pub mod vault;
