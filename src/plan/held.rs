//! Keys as a snapshot holds them, each made into a caller for the first request that comes with it: of ten thousand few are in
//! use. Must not know how one is found.

use super::{Allowance, Caller, limited::Owner};
use crate::resources::{
    Record, Resource, Stamp,
    key::{Key, KeySystem},
    user::User,
};
use crate::store::records::{State, Stored};
use crate::store::token::unhex;
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicI64, AtomicUsize},
};

/// A key as it is stored.
#[derive(Debug)]
pub(super) struct Held {
    name: Arc<str>,
    key: Stored,
    running: Arc<AtomicUsize>,
    pub last_used: Arc<AtomicI64>,
    /// `None` within: it does not parse.
    known: OnceLock<Option<Known>>,
}

/// A key that was asked for.
#[derive(Debug)]
struct Known {
    caller: Arc<Caller>,
    /// Digests of its secrets, and when each ends that was rotated out.
    digests: Vec<([u8; 32], Option<Stamp>)>,
}

impl Held {
    /// `before`: the same key as it was, whose counts go on.
    pub fn new(name: Arc<str>, key: &Stored, before: Option<&Held>) -> Held {
        let (running, last_used) = before
            .map(|old| (old.running.clone(), old.last_used.clone()))
            .unwrap_or_default();
        Held {
            name,
            key: key.clone(),
            running,
            last_used,
            known: OnceLock::new(),
        }
    }

    /// The caller it is. `records`: in which key and user are as they were when it was made.
    pub fn caller(&self, records: &State) -> Option<&Arc<Caller>> {
        self.known(records).map(|known| &known.caller)
    }

    /// The same, if a secret with this digest is good at `now`.
    pub fn presented(&self, records: &State, digest: &[u8; 32], now: i64) -> Option<&Arc<Caller>> {
        let known = self.known(records)?;
        let good = |until: Option<Stamp>| until.is_none_or(|end| now < end.0);
        let mut digests = known.digests.iter();
        let good = digests.any(|(known, until)| known == digest && good(*until));
        good.then_some(&known.caller)
    }

    fn known(&self, records: &State) -> Option<&Known> {
        self.known.get_or_init(|| self.made(records)).as_ref()
    }

    fn made(&self, records: &State) -> Option<Known> {
        let key = typed::<Key>(&self.name, &self.key)?;
        let spec = &key.spec;
        let user = records.stored("user", &spec.user);
        let user = user.and_then(|user| typed::<User>(&spec.user, user));
        let allowance = Allowance::of(
            (
                Owner::of(&key),
                &spec.limits,
                &spec.session_limits,
                spec.unpriced,
            ),
            user.as_ref().map(|user| {
                let spec = &user.spec;
                (
                    Owner::of(user),
                    &*spec.limits,
                    &*spec.session_limits,
                    spec.unpriced,
                )
            }),
        );
        let system = KeySystem::of(&key);
        let digests = system.digests();
        let digests = digests.filter_map(|(hex, until)| Some((unhex(hex)?, until)));
        let digests = digests.collect();
        let mut labels = user
            .as_ref()
            .map(|user| user.spec.labels.clone())
            .unwrap_or_default();
        let spec = key.spec;
        labels.extend(spec.labels);
        let caller = Caller {
            key: self.name.clone(),
            labels: Arc::new(labels),
            user: spec.user.as_str().into(),
            created: key.created,
            environment: spec.environment.as_str().into(),
            // A time nobody can read has passed.
            expires: spec
                .expires
                .as_deref()
                .map(|time| Stamp::parse(time).unwrap_or(Stamp(0))),
            active: spec.enabled
                && user.is_some_and(|user| user.spec.enabled)
                && system.revoked.is_none(),
            log_content: spec.log_content,
            allowance,
            direct: spec.direct,
            running: self.running.clone(),
            last_used: self.last_used.clone(),
        };
        Some(Known {
            caller: Arc::new(caller),
            digests,
        })
    }
}

/// A record with its spec in its kind's form; one that does not parse is as if it were not there.
pub(super) fn typed<T: Resource>(name: &str, stored: &Stored) -> Option<Record<T>> {
    stored
        .read::<Record<T>>()
        .inspect_err(|error| {
            tracing::warn!(kind = T::KIND, name, %error, "record left out");
        })
        .ok()
}
