//! Limits on the command line. Must not know how they are counted.

mod flags;

pub(crate) use flags::{SUGAR, Sugar, given};
