//! Whether a provider is known to answer: nothing until it was asked, then how the last asking went.
//! In memory alone, and gone when the address or the credential changes.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// How an asking went: well, or why not.
pub type Verdict = Result<(), String>;

/// What is known of one provider.
#[derive(Debug, Default)]
pub struct Standing {
    /// The last asking went well; read by each request, so that a provider that is well costs one load.
    well: AtomicBool,
    /// `None`: never asked.
    last: Mutex<Option<Verdict>>,
}

impl Standing {
    /// It answered.
    pub fn worked(&self) {
        if !self.well.load(Ordering::Relaxed) {
            self.set(Ok(()));
        }
    }

    /// It did not, and why: cannot be reached, or refuses the credential.
    pub fn failed(&self, why: String) {
        self.set(Err(why));
    }

    /// How the last asking went, `None` before the first.
    pub fn last(&self) -> Option<Verdict> {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, verdict: Verdict) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.well.store(verdict.is_ok(), Ordering::Relaxed);
        *last = Some(verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_known_until_it_was_asked() {
        let standing = Standing::default();
        assert_eq!(standing.last(), None);
        standing.failed("HTTP 401".into());
        assert_eq!(standing.last(), Some(Err("HTTP 401".into())));
        standing.worked();
        assert_eq!(standing.last(), Some(Ok(())));
        standing.failed("gone".into());
        standing.worked();
        assert_eq!(standing.last(), Some(Ok(())));
    }
}
