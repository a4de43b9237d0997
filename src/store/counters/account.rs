//! An account: a subject with its ledger behind one short lock. It is found once for a caller and then only handed on.

use super::ledger::Ledger;
use super::{Second, Subject};
use crate::resources::limit::Limit;
use std::fmt;
use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, Ordering},
};

/// A subject's account. The same for as long as the subject has one: its limits change in place.
pub struct Account {
    subject: Subject,
    ledger: Mutex<Ledger>,
    /// When it was last asked for or reserved on.
    last: AtomicU32,
}

impl Account {
    pub(super) fn new(subject: Subject) -> Account {
        Account {
            subject,
            ledger: Mutex::default(),
            last: AtomicU32::new(0),
        }
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Held for a few instructions, never across anything that waits.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limit(&self, limits: &[Limit], version: u64, now: Second) {
        self.touch(now);
        self.ledger().limit(limits, version, now);
    }

    pub(super) fn touch(&self, now: Second) {
        self.last.store(now, Ordering::Relaxed);
    }

    pub(super) fn last(&self) -> Second {
        self.last.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.subject)
    }
}
