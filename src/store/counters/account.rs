//! An account: a subject with its ledger behind one short lock. It is found once for a caller and then only handed on.

use super::books::Page;
use super::ledger::Ledger;
use super::{Second, Subject};
use crate::resources::limit::Limit;
use std::fmt;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, Ordering},
};

/// A subject's account. The same for as long as the subject has one: its limits change in place.
pub struct Account {
    subject: Subject,
    ledger: Mutex<Ledger>,
    /// When it was last asked for or reserved on.
    last: AtomicU32,
    /// Where what it counts is kept.
    page: Option<Page>,
}

impl Account {
    pub(super) fn new(subject: Subject, ledger: Ledger, page: Option<Page>) -> Account {
        Account {
            subject,
            last: AtomicU32::new(ledger.now()),
            ledger: Mutex::new(ledger),
            page,
        }
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Held for a few instructions, never across anything that waits.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limit(self: &Arc<Account>, limits: &[Limit], version: u64, now: Second) {
        self.touch(now);
        let new = self.ledger().limit(limits, version, now);
        if new {
            self.note();
        }
    }

    /// There is something new to be kept.
    pub(super) fn note(self: &Arc<Account>) {
        if let Some(page) = &self.page {
            page.note(self);
        }
    }

    pub(super) fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// It is to be kept as a whole, whatever was written of it.
    pub(super) fn write_whole(self: &Arc<Account>) {
        self.ledger().write_whole();
        self.note();
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
