//! What has been used, by window: keys, users, sessions, providers and models each have an account, with limits on it and a
//! ledger of what was used in the time they look back on. A request reserves before it is sent and settles when it is known
//! what it came to. Must not know requests, prices or the words of refusals.
//!
//! A request counts at the second it reserved, in every window and for everything it used, as its row in the log does.

mod account;
mod amounts;
mod answer;
mod books;
mod clock;
#[cfg(test)]
mod contract;
pub mod embedded;
#[cfg(test)]
mod laws;
mod ledger;
pub mod memory;
#[cfg(test)]
mod naive;
mod period;
mod reserving;
mod subject;
mod trail;

pub use account::Account;
pub use amounts::Amounts;
pub use answer::Answer;
pub use clock::Clock;
pub use embedded::Embedded;
pub use memory::Memory;
pub use subject::{Kind, Subject};

use crate::error::Result as Outcome;
use crate::resources::limit::Limit;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Seconds since 1970-01-01T00:00:00Z, by the clock of the counters ([`Counters::now`]).
pub type Second = u32;

/// How many sessions have an account at once; beyond, those that were used longest ago go, and start anew when they come back.
pub const SESSIONS: usize = 10_000;

/// Where accounts are kept. Reserving and settling are one atomic step each over all accounts given; nothing is held between
/// them but what was reserved.
pub trait Counters: Send + Sync {
    /// What time it is, for all that follows: it runs evenly while the process does, whatever is done to the system's clock.
    fn now(&self) -> Second;

    /// The account of a subject, made where there is none, with these limits from here on. `version` is that of the record
    /// they are from: older ones do not replace newer ones. What was counted stays, and of a limit that is new only what the
    /// account happens to know of the time before.
    fn account(&self, subject: &Subject, limits: &[Limit], version: u64) -> Arc<Account>;

    /// Reserves on all these accounts or on none. Requests and what runs in parallel count at once, the rest is held until it
    /// is settled. Only limits are asked that look at something there is more than 0 of in `asked`.
    fn reserve(
        &self,
        accounts: &[&Arc<Account>],
        asked: Amounts,
        now: Second,
    ) -> Answer<Result<Reserved, Box<Refusal>>>;

    /// The same where no limit is in the way, not even one in shadow; else nothing is reserved, and nothing counts as refused.
    fn try_reserve(
        &self,
        accounts: &[&Arc<Account>],
        asked: Amounts,
        now: Second,
    ) -> Answer<Option<Reserved>>;

    /// Puts what was used in the place of what was reserved, on the same accounts; [`Amounts::default`] where nothing came of
    /// the request, not even one that counts. Never waits.
    fn settle(&self, accounts: &[&Arc<Account>], reserved: &Reserved, used: Amounts, now: Second);

    /// How each limit of an account stands.
    fn standings(&self, account: &Arc<Account>, now: Second) -> Answer<Vec<Standing>>;

    /// All accounts there are, for those who look at them away from requests.
    fn accounts(&self) -> Vec<Arc<Account>>;

    /// Forgets what one limit of an account sees as used, or everything. What is reserved stays. Where a limit's window rolls,
    /// those of other lengths over the same forget it too.
    fn reset(&self, account: &Arc<Account>, limit: Option<&Limit>);

    /// Forgets the accounts of whom this does not hold: keys, users, providers and models that are gone, with their sessions.
    fn retain(&self, keep: &dyn Fn(&Subject) -> bool);

    /// Writes what it keeps anew, so that what is gone gives its room back: bytes before and after. `None`: it keeps nothing.
    /// Blocks.
    fn compact(&self) -> Outcome<Option<(u64, u64)>> {
        Ok(None)
    }

    /// How the store is doing. Cheap, and never waits for the disk: readiness asks for it.
    fn health(&self) -> Health;

    /// Writes out what is not yet written. Later requests still count, in memory.
    fn close(&self);
}

/// What was reserved, to be settled once.
#[derive(Clone, Debug, PartialEq)]
pub struct Reserved {
    pub amounts: Amounts,
    /// The second in which it counts.
    pub at: Second,
    /// What limits in shadow would have refused.
    pub shadowed: Vec<Refusal>,
}

/// Why nothing was reserved: of all limits that are in the way the one that is so longest.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Whose limit it is.
    pub subject: Subject,
    pub limit: Limit,
    /// In its window, in its unit.
    pub used: u64,
    /// By requests that run.
    pub reserved: u64,
    /// By this request.
    pub asked: u64,
    /// When there is room for this request, as far as time makes it; `None` where time makes none.
    pub reset: Option<Second>,
    /// Seconds after which it is worth asking again; `None`: waiting cannot cure it.
    pub retry_after: Option<u32>,
}

/// How a limit stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub limit: Limit,
    pub used: u64,
    pub reserved: u64,
    pub left: u64,
    /// How often it refused, or would have, since the process began.
    pub refused: u64,
    /// When nothing of what is used now counts any more; `None` where that never comes, or nothing is used.
    pub reset: Option<Second>,
}

/// How a store of counters is doing; shown by `gw status`, `gw doctor` and `/readyz`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    pub accounts: u64,
    /// Of its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What of the file could not be read at the start; what it counted is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
    /// Why what is counted is not being stored now, if so: `disk full`, …
    pub degraded: Option<String>,
}
