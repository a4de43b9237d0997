//! Why a request gets no answer: the one word that all stages use for it.

use super::{failure::Failure, limit::Limited, watch::Fired};
use crate::error::Error;
use crate::formats::count::Counted;

/// A request that ended without an answer.
// Made once a request at most; boxing would only move the cost.
#[allow(clippy::large_enum_variant)]
pub enum Ended {
    /// Refused by gw itself.
    Refused(Error),
    /// A limit of its key, user or session does not let it through.
    Limited(Box<Limited>),
    /// The attempts came to this.
    Failed(Failure),
    /// The caller closed in the middle of its request.
    Gone,
    /// A count that no target gave: gw's own.
    Counted(Counted),
    /// From outside: revoked, shut down, out of time.
    Interrupted(Fired),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Ended {
        Ended::Refused(error)
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Ended {
        Ended::Failed(failure)
    }
}
