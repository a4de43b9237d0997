//! Limits as requests carry them: with the account they are counted in, so that nothing is looked up for a request. Must not
//! know what is reserved when.

use crate::resources::{
    Record, Stamp,
    limit::{Limit, Metric, Unpriced},
};
use crate::store::counters::{Account, Counters, Kind, Subject};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// The record whose limits they are.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    name: &'a str,
    made: Stamp,
    version: u64,
}

impl<'a> Owner<'a> {
    pub fn of<S>(record: &'a Record<S>) -> Owner<'a> {
        Owner {
            name: &record.name,
            made: record.created,
            version: record.version,
        }
    }
}

/// The limits of one record, or of each session of it.
pub struct Limited {
    subject: Subject,
    limits: Vec<Limit>,
    version: u64,
    account: OnceLock<Arc<Account>>,
}

impl Limited {
    /// `None`: there are none.
    pub fn of(kind: Kind, owner: Owner<'_>, limits: &[Limit]) -> Option<Limited> {
        (!limits.is_empty()).then(|| Limited {
            subject: Subject::new(kind, owner.name, owner.made),
            limits: limits.to_vec(),
            version: owner.version,
            account: OnceLock::new(),
        })
    }

    /// The record's account.
    pub fn account(&self, counters: &dyn Counters) -> &Arc<Account> {
        let made = || counters.account(&self.subject, &self.limits, self.version);
        self.account.get_or_init(made)
    }

    /// The account of one of its sessions.
    fn session(&self, counters: &dyn Counters, id: &str) -> Arc<Account> {
        counters.account(&self.subject.session(id), &self.limits, self.version)
    }

    fn looks_at(&self, metrics: &[Metric]) -> bool {
        let mut limits = self.limits.iter();
        limits.any(|limit| metrics.contains(&limit.metric))
    }
}

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.subject, self.limits)
    }
}

/// All that limits the requests of a key: its own limits, its user's, and those of each session of either.
#[derive(Debug)]
pub struct Allowance {
    key: Option<Limited>,
    user: Option<Limited>,
    key_sessions: Option<Limited>,
    user_sessions: Option<Limited>,
    /// Some of them count tokens, or money.
    pub tokens: bool,
    pub spend: bool,
    /// Only models with a known price may be called.
    pub priced_alone: bool,
}

/// What a record says of its limits: its own, those of its sessions, and what becomes of models without a price.
type Said<'a> = (Owner<'a>, &'a [Limit], &'a [Limit], Unpriced);

impl Allowance {
    /// `None`: nothing limits them.
    pub fn of(key: Said<'_>, user: Option<Said<'_>>) -> Option<Allowance> {
        let own = |kind, said: Option<Said<'_>>| {
            said.and_then(|(record, limits, ..)| Limited::of(kind, record, limits))
        };
        let sessions = |kind, said: Option<Said<'_>>| {
            said.and_then(|(record, _, limits, _)| Limited::of(kind, record, limits))
        };
        let all = [
            own(Kind::Key, Some(key)),
            own(Kind::User, user),
            sessions(Kind::Key, Some(key)),
            sessions(Kind::User, user),
        ];
        let looks = |metrics: &[Metric]| all.iter().flatten().any(|it| it.looks_at(metrics));
        let (tokens, spend) = (
            looks(&[Metric::Tokens, Metric::Input, Metric::Output]),
            looks(&[Metric::Spend]),
        );
        let refuses = |said: Said<'_>| said.3 == Unpriced::Refuse;
        let priced_alone = spend && (refuses(key) || user.is_some_and(refuses));
        if all.iter().all(Option::is_none) {
            return None;
        }
        let [key, user, key_sessions, user_sessions] = all;
        Some(Allowance {
            key,
            user,
            key_sessions,
            user_sessions,
            tokens,
            spend,
            priced_alone,
        })
    }

    /// The accounts that a request is counted in, in the order in which they are asked.
    pub fn accounts(&self, counters: &dyn Counters, session: Option<&str>) -> Vec<Arc<Account>> {
        let own = [&self.key, &self.user].into_iter().flatten();
        let own = own.map(|limited| limited.account(counters).clone());
        let sessions = [&self.key_sessions, &self.user_sessions]
            .into_iter()
            .flatten();
        let sessions = sessions
            .zip(std::iter::repeat(session))
            .filter_map(|(limited, id)| Some(limited.session(counters, id?)));
        own.chain(sessions).collect()
    }
}
