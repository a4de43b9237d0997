//! Whether a provider is known to answer, and to take gw's credential: nothing until it was asked, then how the last
//! asking went. In memory alone, and gone when the address or the credential changes.

use crate::resources::Stamp;
use crate::seldom::Seldom;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// How an asking went: well, or why not.
pub type Verdict = Result<(), String>;

/// Since when a provider refuses its credential. Over with the first request that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub since: Stamp,
    /// The last one's.
    pub status: u16,
    pub count: u64,
}

/// What is known of one provider.
#[derive(Debug, Default)]
pub struct Standing {
    /// The last asking went well; read by each request, so that a provider that is well costs one load.
    well: AtomicBool,
    known: Mutex<Known>,
    /// Lines of the log about its credential.
    told: Seldom,
}

#[derive(Debug, Default)]
struct Known {
    /// `None`: never asked.
    last: Option<Verdict>,
    refusal: Option<Refusal>,
}

impl Standing {
    /// It answered.
    pub fn worked(&self) {
        if !self.well.load(Ordering::Relaxed) {
            self.note(Ok(()), |known| known.refusal = None);
        }
    }

    /// It did not, and why: cannot be reached, or its credential is not to be had.
    pub fn failed(&self, why: String) {
        self.note(Err(why), |_| ());
    }

    /// It refused the credential with this status. A line of the log is due where it says how many refusals that stands
    /// for.
    pub fn refused(&self, status: u16) -> Option<u64> {
        let why = format!("it refused the credential (HTTP {status})");
        self.note(Err(why), |known| {
            let new = Refusal {
                since: Stamp::now(),
                status,
                count: 0,
            };
            let refusal = known.refusal.get_or_insert(new);
            refusal.status = status;
            refusal.count = refusal.count.saturating_add(1);
        });
        self.told.due()
    }

    /// The credential is not to be had, and why; the same of a line of the log.
    pub fn without_credential(&self, why: String) -> Option<u64> {
        self.failed(why);
        self.told.due()
    }

    /// How the last asking went, `None` before the first.
    pub fn last(&self) -> Option<Verdict> {
        self.known().last.clone()
    }

    /// Since when it refuses its credential, if so.
    pub fn refusal(&self) -> Option<Refusal> {
        self.known().refusal.clone()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, verdict: Verdict, also: impl FnOnce(&mut Known)) {
        let mut known = self.known();
        self.well.store(verdict.is_ok(), Ordering::Relaxed);
        known.last = Some(verdict);
        also(&mut known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_until_it_was_asked() {
        let standing = Standing::default();
        assert_eq!(standing.last(), None);
        standing.failed("gone".into());
        assert_eq!(standing.last(), Some(Err("gone".into())));
        standing.worked();
        assert_eq!(standing.last(), Some(Ok(())));
        standing.failed("gone".into());
        standing.worked();
        assert_eq!(standing.last(), Some(Ok(())));
    }

    #[test]
    fn a_refusal_stands_until_something_works_and_is_told_once_a_while() {
        let standing = Standing::default();
        let seen = || {
            let refusal = standing.refusal()?;
            Some((refusal.status, refusal.count))
        };
        assert_eq!(standing.refused(401), Some(1));
        assert_eq!(standing.refused(403), None);
        assert_eq!(seen(), Some((403, 2)));
        // Not to be reached meanwhile: what is known of the credential stays.
        standing.failed("gone".into());
        assert_eq!(seen(), Some((403, 2)));
        standing.worked();
        assert_eq!(seen(), None);
    }
}
