//! Why a request gets no answer: the one word that all stages use for it.

use super::{failure::Failure, watch::Fired};
use crate::error::Error;

/// A request that ended without an answer.
// Made once a request at most; boxing would only move the cost.
#[allow(clippy::large_enum_variant)]
pub enum Ended {
    /// Refused by gw itself. `close`: the request's body was not read, so the connection cannot go on.
    Refused { error: Error, close: bool },
    /// The attempts came to this.
    Failed(Failure),
    /// From outside: revoked, shut down, out of time.
    Interrupted(Fired),
}

impl Ended {
    /// Refused with the request's body unread.
    pub fn unread(error: Error) -> Ended {
        Ended::Refused { error, close: true }
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Ended {
        Ended::Refused {
            error,
            close: false,
        }
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Ended {
        Ended::Failed(failure)
    }
}
