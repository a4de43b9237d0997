//! Who is calling: a key of a user, as the snapshot knows it.

use super::Allowance;
use crate::resources::{Stamp, key::LogContent};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

/// A key as requests see it. Immutable: a request holds the one it started with, and whether that still
/// holds is asked of the newest snapshot.
#[derive(Debug)]
pub struct Caller {
    pub key: Arc<str>,
    pub user: Arc<str>,
    /// When the key was made: another key of its name was made at another time.
    pub created: Stamp,
    pub environment: Arc<str>,
    /// Its user's labels, and its own over them.
    pub labels: Arc<BTreeMap<String, String>>,
    pub expires: Option<Stamp>,
    /// Key and user are both enabled and the key is not revoked.
    pub active: bool,
    pub log_content: LogContent,
    /// What limits its requests; `None`: nothing does.
    pub allowance: Option<Allowance>,
    /// Globs of models callable where no route takes the request.
    pub direct: Vec<String>,
    /// Its requests running now; the same count in every snapshot.
    pub running: Arc<AtomicUsize>,
    /// Unix milliseconds of its last request that was let in, 0 before there is one; the same in every snapshot.
    pub last_used: Arc<AtomicI64>,
}

impl Caller {
    /// When it was last used.
    pub fn used(&self) -> Option<Stamp> {
        Some(Stamp(self.last_used.load(Ordering::Relaxed))).filter(|at| at.0 > 0)
    }

    /// Notes that it is used now. Requests of one key come on many threads: they write only what is news.
    pub fn touch(&self, now: i64) {
        if self.last_used.load(Ordering::Relaxed) < now {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }

    /// Whether requests are let in at this time.
    pub fn admitted(&self, now: i64) -> bool {
        self.active && !self.expired(now)
    }

    fn expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|end| now >= end.0)
    }

    /// Why they are not, for the log; `None` where they are.
    pub fn denial(&self, now: i64) -> Option<&'static str> {
        match () {
            () if !self.active => Some("the key is revoked or disabled, or its user is"),
            () if self.expired(now) => Some("the key has expired"),
            () => None,
        }
    }
}
