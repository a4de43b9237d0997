//! A credential somebody issues for a while: the one that is good now, read by requests without waiting, and renewed
//! early by a task of its own. Must not know how it is asked for, nor what it is sent to.

mod keep;
mod plan;
mod time;

use super::issuer::{Issuer, Token};
use arc_swap::{ArcSwapOption, Guard};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// What was issued last.
#[derive(PartialEq)]
pub(super) struct Held {
    pub token: Token,
    /// Since when, and until when it is good; `None`: it does not say.
    from: Duration,
    until: Option<Duration>,
}

/// What is wrong with a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Why the issuer gave nothing, in a fragment for the operator.
    pub why: String,
    /// How long the credential there is still is good; `None`: there is none.
    pub lapses: Option<Duration>,
}

/// A credential that is renewed.
pub struct Lease {
    issuer: Issuer,
    clock: Arc<dyn time::Clock>,
    held: ArcSwapOption<Held>,
    /// Why the last asking failed.
    trouble: Mutex<Option<String>>,
    /// How often the issuer has been asked, whatever came of it.
    asked: watch::Sender<u64>,
    /// Wakes the task that renews it: what it has was refused.
    doubted: Arc<Notify>,
    /// Whether a task renews it.
    kept: AtomicBool,
}

/// Leases are alike that are made from the same.
impl PartialEq for Lease {
    fn eq(&self, other: &Lease) -> bool {
        self.issuer == other.issuer
    }
}

impl Lease {
    /// Nothing is asked yet.
    pub(super) fn new(issuer: Issuer) -> Arc<Lease> {
        Lease::by(issuer, Arc::new(time::System))
    }

    fn by(issuer: Issuer, clock: Arc<dyn time::Clock>) -> Arc<Lease> {
        Arc::new(Lease {
            issuer,
            clock,
            held: ArcSwapOption::empty(),
            trouble: Mutex::default(),
            asked: watch::Sender::new(0),
            doubted: Arc::default(),
            kept: AtomicBool::new(false),
        })
    }

    /// Goes on with what another one has until its own issuer has been asked, so that no request is without.
    pub(super) fn bridge(&self, before: &Lease) {
        if self.issuer.alike(&before.issuer) {
            self.held.store(before.held.load_full());
        }
    }

    /// What is good now, or why there is nothing. Never waits.
    pub(super) fn current(&self) -> Result<Guard<Option<Arc<Held>>>, String> {
        let held = self.held.load();
        let over = match &*held {
            None => "has not been asked yet",
            Some(one) if one.until.is_some_and(|until| self.clock.now() >= until) => {
                "gave one that has lapsed"
            }
            Some(_) => return Ok(held),
        };
        let why = self.why();
        Err(why.unwrap_or_else(|| format!("{} {over}", self.issuer.describe())))
    }

    /// What is wrong, if anything is.
    pub fn trouble(&self) -> Option<Trouble> {
        let why = self.why()?;
        let now = self.clock.now();
        let held = self.held.load();
        let left = held.as_ref().and_then(|held| match held.until {
            Some(until) => until.checked_sub(now),
            None => Some(Duration::MAX),
        });
        Some(Trouble {
            why,
            lapses: left.filter(|left| !left.is_zero()),
        })
    }

    /// Waits until the issuer has answered once, or has failed to.
    pub async fn settled(&self) {
        let mut asked = self.asked.subscribe();
        // It cannot be gone: it is this lease's.
        let _ = asked.wait_for(|times| *times > 0).await;
    }

    /// Asks the issuer for one, where there is none: for those who call a provider once.
    pub(super) async fn obtain(&self) -> Result<(), String> {
        match self.current() {
            Ok(_) => Ok(()),
            Err(_) => self.renew().await,
        }
    }

    /// Renews it for this provider from here on, in a task on this runtime that ends with the lease. Once is enough.
    pub fn keep(self: &Arc<Lease>, name: &Arc<str>) {
        if !self.kept.swap(true, Ordering::Relaxed) {
            tokio::spawn(keep::keep(Arc::downgrade(self), name.clone()));
        }
    }

    /// What it has was refused, although it should be good: it is renewed early, though not often.
    pub(super) fn doubt(&self) {
        self.doubted.notify_one();
    }

    /// Asks the issuer once.
    async fn renew(&self) -> Result<(), String> {
        let from = self.clock.now();
        let answer = tokio::select! {
            answer = self.issuer.ask() => answer,
            () = self.clock.until(from + keep::PATIENCE) => {
                Err(format!("{} does not answer", self.issuer.describe()))
            }
        };
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = answer.map(|issued| {
            // It lives from when it was asked for: the answer may have been on its way for a while.
            let until = issued.lifetime.map(|lifetime| from + lifetime);
            let token = issued.token;
            self.held.store(Some(Arc::new(Held { token, from, until })));
        });
        // What it went on with until now was made from what is replaced.
        if ended.is_err() && *self.asked.borrow() == 0 {
            self.held.store(None);
        }
        *trouble = ended.clone().err();
        drop(trouble);
        self.asked.send_modify(|times| *times += 1);
        ended
    }

    /// When the credential there is should be asked for again.
    fn due(&self, dice: u32) -> Option<Duration> {
        let held = self.held.load();
        held.as_ref()
            .map(|held| plan::renewal(held.from, held.until, dice))
    }

    fn why(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests;
