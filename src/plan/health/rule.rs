//! What a provider's record says of when its targets are left alone, read by all of them; and by when all are well again.
//! It follows the record while requests run: a target goes by what holds when it fails.

use crate::plan::Moment;
use crate::resources::provider::{self, Provider};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the targets of one provider share.
#[derive(Debug)]
pub(super) struct Rule {
    /// Failures in a row that suspend a target; 0: none does.
    after: AtomicU64,
    /// For how long (ms).
    suspension: AtomicU64,
    /// By when all models are well again if nothing else happens: until then one has to look.
    pub unwell: AtomicU64,
    /// Since when the provider's active health checks fail; 0: they pass, or there are none.
    failing: AtomicU64,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule {
            after: u64::from(provider::SUSPEND_AFTER).into(),
            suspension: provider::SUSPEND_FOR.0.into(),
            unwell: AtomicU64::new(0),
            failing: AtomicU64::new(0),
        }
    }
}

impl Rule {
    pub fn follow(&self, spec: &Provider) {
        self.after.store(spec.suspend_after.into(), Relaxed);
        self.suspension.store(spec.suspend_for.0, Relaxed);
    }

    /// Since when its active health checks fail; `None`: they do not.
    pub fn checked(&self, failing: Option<Moment>) {
        self.failing.store(failing.map_or(0, Moment::ms), Relaxed);
    }

    /// For how long they have failed (ms), if they do.
    pub fn failing_for(&self, now: Moment) -> Option<u64> {
        match self.failing.load(Relaxed) {
            0 => None,
            since => Some(now.ms().saturating_sub(since)),
        }
    }

    /// Whether a target with so many failures in a row is suspended.
    pub fn suspends(&self, failures: u64) -> bool {
        let after = self.after.load(Relaxed);
        after > 0 && failures >= after
    }

    /// Whether any is.
    pub fn ever_suspends(&self) -> bool {
        self.suspends(u64::MAX)
    }

    /// How long a suspension is (ms).
    pub fn suspension(&self) -> u64 {
        self.suspension.load(Relaxed)
    }
}
