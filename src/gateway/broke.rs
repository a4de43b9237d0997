//! How a connection to an upstream broke.

use crate::http1::{answer, body};
use std::fmt;

/// Why nothing more comes over a connection, or nothing that can be read.
#[derive(Debug)]
pub enum Broke {
    /// It ended before an answer.
    Closed,
    Io(std::io::Error),
    Head(answer::Malformed),
    Body(body::Malformed),
    /// The request itself broke off.
    Unsent,
}

impl fmt::Display for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broke::Closed => f.write_str("it was closed before an answer"),
            Broke::Io(error) => error.fmt(f),
            Broke::Head(why) => why.fmt(f),
            Broke::Body(why) => why.fmt(f),
            Broke::Unsent => f.write_str("the request broke off"),
        }
    }
}
