//! The records at one revision, and the one function that says what a transaction does to them. Both stores
//! use it, so versions and refusals cannot differ. Cloning shares everything: a state is a value to hold on to.

use super::{Change, Entry, value};
use crate::error::{Error, Kind, Result};
use crate::parallel;
use crate::resources::{self, Record};
use rpds::{HashTrieMapSync, RedBlackTreeMapSync, RedBlackTreeSetSync};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a record is found: its kind and its name.
pub type At = (String, String);

/// Every record, the revision they are at, and who names whom. What a change touches is all that it costs.
#[derive(Clone, Default)]
pub struct State {
    pub revision: u64,
    records: RedBlackTreeMapSync<At, Stored>,
    /// (what is named, who names it).
    referrers: RedBlackTreeSetSync<(At, At)>,
    /// What only one record may have (see [`resources::Kind::claims`]), and who has it.
    claims: HashTrieMapSync<String, At>,
    /// [`Summary::digest`], kept with every change.
    digest: u64,
}

/// A record and the bytes it is stored as.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub record: Arc<Record>,
    pub value: Arc<[u8]>,
}

/// What a store says about itself, so that missing records are seen when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub revision: u64,
    pub records: u64,
    /// Differs when a record is missing, added or changed, whatever the order.
    pub digest: u64,
}

/// What each touched record becomes; `None`: it goes.
pub type Writes = BTreeMap<At, Option<Stored>>;

/// What a checked transaction will do, and the changes as they go into the audit log.
#[derive(Debug, Default)]
pub struct Step {
    pub writes: Writes,
    pub changes: Vec<Change>,
}

/// Two states are equal where their records are: the rest follows from them.
impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        self.revision == other.revision && self.records == other.records
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "State {{ revision: {}, records: {} }}",
            self.revision,
            self.len()
        )
    }
}

impl State {
    pub fn len(&self) -> usize {
        self.records.size()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn get(&self, kind: &str, name: &str) -> Option<&Arc<Record>> {
        self.at(&(kind.to_owned(), name.to_owned()))
    }

    /// [`State::get`] with kind and name in one.
    pub fn at(&self, at: &At) -> Option<&Arc<Record>> {
        self.records.get(at).map(|stored| &stored.record)
    }

    /// Every record, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values().map(|stored| &stored.record)
    }

    /// Records of a kind by name, from the one after `after` on.
    pub fn of<'a>(
        &'a self,
        kind: &'a str,
        after: Option<&str>,
    ) -> impl Iterator<Item = &'a Arc<Record>> {
        // A name with a zero byte behind it is the next name there can be.
        let first = after.map_or_else(String::new, |name| format!("{name}\0"));
        self.records
            .range((kind.to_owned(), first)..)
            .map(|(_, stored)| &stored.record)
            .take_while(move |record| record.kind == kind)
    }

    /// The records that name this one, by kind and name.
    pub fn referrers<'a>(&'a self, at: &At) -> impl Iterator<Item = &'a At> + use<'a> {
        let named = at.clone();
        let lowest = (String::new(), String::new());
        self.referrers
            .range((named.clone(), lowest)..)
            .take_while(move |(to, _)| *to == named)
            .map(|(_, from)| from)
    }

    /// Who has what only one record may have.
    pub fn claimed(&self, claim: &str) -> Option<&At> {
        self.claims.get(claim)
    }

    /// Puts a record in place, bytes and all.
    pub fn put(&mut self, stored: Stored) {
        let at = stored.record.at();
        self.remove(&at);
        self.digest = self.digest.wrapping_add(value::sum_of(&stored.value));
        for to in stored.record.refs() {
            self.referrers.insert_mut((to, at.clone()));
        }
        for claim in stored.record.claims() {
            self.claims.insert_mut(claim, at.clone());
        }
        self.records.insert_mut(at, stored);
    }

    /// The state of these records, none of which is there twice. They are put where they go without a look at what was there,
    /// the middle one first: what comes in order makes a tree deep before it is balanced.
    pub fn of_distinct(stored: Vec<Stored>) -> State {
        let mut state = State::default();
        let (records, (referrers, claims)) = parallel::both(
            || {
                let mut records = RedBlackTreeMapSync::default();
                middle_first(&stored, &mut |stored| {
                    records.insert_mut(stored.record.at(), stored.clone());
                });
                records
            },
            || {
                let mut referrers = RedBlackTreeSetSync::default();
                let mut claims = HashTrieMapSync::default();
                middle_first(&stored, &mut |stored| {
                    for to in stored.record.refs() {
                        referrers.insert_mut((to, stored.record.at()));
                    }
                    for claim in stored.record.claims() {
                        claims.insert_mut(claim, stored.record.at());
                    }
                });
                (referrers, claims)
            },
        );
        (state.records, state.referrers, state.claims) = (records, referrers, claims);
        let sums = stored.iter().map(|stored| value::sum_of(&stored.value));
        state.digest = sums.fold(0, u64::wrapping_add);
        state
    }

    /// Takes a record away; nothing happens where there is none.
    pub fn remove(&mut self, at: &At) {
        let Some(old) = self.records.get(at).cloned() else {
            return;
        };
        self.records.remove_mut(at);
        self.digest = self.digest.wrapping_sub(value::sum_of(&old.value));
        for to in old.record.refs() {
            self.referrers.remove_mut(&(to, at.clone()));
        }
        for claim in old.record.claims() {
            // Another record may hold it by now: it is that one's.
            if self.claims.get(&claim) == Some(at) {
                self.claims.remove_mut(&claim);
            }
        }
    }

    /// Checks all changes against this state and against each other; nothing is changed yet.
    pub fn check(&self, changes: &[Change]) -> Result<Step> {
        let mut step = Step::default();
        for change in changes {
            let at = change.at();
            let (Change::Put { expected, .. } | Change::Delete { expected, .. }) = *change;
            let now = match step.writes.get(&at) {
                Some(write) => write.as_ref().map(|stored| &stored.record),
                None => self.at(&at),
            };
            let version = now.map_or(0, |record| record.version);
            if version != expected || (version == 0 && matches!(change, Change::Delete { .. })) {
                return Err(stale(&at, version, expected));
            }
            let write = match change {
                Change::Put { record, .. } => {
                    // The version is the store's to give: whatever the caller wrote there cannot break the order.
                    let record = Record {
                        version: expected + 1,
                        ..record.clone()
                    };
                    let value = value::encode(&record)?.into();
                    step.changes.push(Change::Put {
                        expected,
                        record: record.clone(),
                    });
                    Some(Stored {
                        record: Arc::new(record),
                        value,
                    })
                }
                Change::Delete { .. } => {
                    step.changes.push(change.clone());
                    None
                }
            };
            step.writes.insert(at, write);
        }
        Ok(step)
    }

    /// The state after what [`State::check`] allowed.
    pub fn after(&self, revision: u64, writes: &Writes) -> State {
        let mut state = self.clone();
        state.revision = revision;
        for (at, write) in writes {
            match write {
                Some(stored) => state.put(stored.clone()),
                None => state.remove(at),
            }
        }
        state
    }

    /// Brings in an entry of the audit log that follows this state directly.
    pub fn replay(&mut self, entry: &Entry) -> Result<()> {
        if entry.revision != self.revision + 1 {
            return Err(Error::internal(format!(
                "audit log entry {} does not follow revision {}",
                entry.revision, self.revision
            )));
        }
        let step = self.check(&entry.changes).map_err(|error| {
            Error::internal(format!(
                "audit log entry {} does not fit the state before it",
                entry.revision
            ))
            .cause(error)
        })?;
        *self = self.after(entry.revision, &step.writes);
        Ok(())
    }

    pub fn summary(&self) -> Summary {
        Summary {
            revision: self.revision,
            records: self.len() as u64,
            digest: self.digest,
        }
    }

    /// The state made of these records.
    pub fn from_records(
        revision: u64,
        records: impl IntoIterator<Item = impl Into<Arc<Record>>>,
    ) -> Result<State> {
        let mut state = State {
            revision,
            ..State::default()
        };
        for record in records {
            let record = record.into();
            let value = value::encode(&record)?.into();
            state.put(Stored { record, value });
        }
        Ok(state)
    }

    /// What has to be written so that a store that holds `self` holds `want`.
    pub fn difference(&self, want: &State) -> Writes {
        let changed = want
            .records
            .iter()
            .filter(|(at, stored)| self.records.get(*at) != Some(stored))
            .map(|(at, stored)| (at.clone(), Some(stored.clone())));
        let gone = self
            .records
            .keys()
            .filter(|at| !want.records.contains_key(*at))
            .map(|at| (at.clone(), None));
        changed.chain(gone).collect()
    }
}

impl Record {
    /// Where it is found.
    pub fn at(&self) -> At {
        (self.kind.clone(), self.name.clone())
    }
    /// The records it names.
    pub fn refs(&self) -> impl Iterator<Item = At> {
        let refs = resources::kind(&self.kind).map(|kind| (kind.refs)(&self.spec));
        refs.unwrap_or_default()
            .into_iter()
            .map(|(kind, name)| (kind.to_owned(), name))
    }
    /// What no other record may have.
    pub fn claims(&self) -> Vec<String> {
        resources::kind(&self.kind)
            .map(|kind| (kind.claims)(self))
            .unwrap_or_default()
    }
}

/// Hands each over: the middle one, then either half in the same way.
fn middle_first<'a, T>(items: &'a [T], with: &mut impl FnMut(&'a T)) {
    if let Some((middle, after)) = items[items.len() / 2..].split_first() {
        with(middle);
        middle_first(&items[..items.len() / 2], with);
        middle_first(after, with);
    }
}

fn stale((kind, name): &At, version: u64, expected: u64) -> Error {
    let message = match (version, expected) {
        (0, 0) => format!("{kind} `{name}` does not exist"),
        (0, _) => {
            format!("{kind} `{name}` does not exist any more, version {expected} was expected")
        }
        (_, 0) => format!("{kind} `{name}` exists already"),
        _ => format!("{kind} `{name}` is at version {version}, version {expected} was expected"),
    };
    Error::new(Kind::Stale, message).hint(format!(
        "read it again, then repeat the change: gw {kind} get {name}"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn record(kind: &str, name: &str, spec: serde_json::Value, digest: &str) -> Record {
        serde_json::from_value(
            json!({"kind": kind, "name": name, "version": 1, "created": 0, "updated": 0,
            "spec": spec, "system": {"digest": digest, "prefix": "", "last4": ""}}),
        )
        .unwrap()
    }

    /// Everything that follows from the records, made anew from them.
    fn rebuilt(state: &State) -> State {
        State::from_records(state.revision, state.iter().cloned()).unwrap()
    }

    proptest! {
        /// However records come and go, references, claims and the summary are those of the records that are there.
        #[test]
        fn what_follows_from_records_follows_them(steps in proptest::collection::vec((0usize..4, 0usize..4, any::<bool>(), 0u8..3), 0..40)) {
            let mut state = State::default();
            for (key, user, there, digest) in steps {
                let at = (String::from("key"), format!("k{key}"));
                if there {
                    let record = record("key", &at.1, json!({"user": format!("u{user}")}), &format!("{digest}{key}"));
                    let value = value::encode(&record).unwrap().into();
                    state.put(Stored { record: Arc::new(record), value });
                } else {
                    state.remove(&at);
                }
                let at_once = State {
                    revision: state.revision,
                    ..State::of_distinct(state.records.values().cloned().collect())
                };
                for fresh in [rebuilt(&state), at_once] {
                prop_assert_eq!(state.summary(), fresh.summary());
                for user in 0..4 {
                    let at = (String::from("user"), format!("u{user}"));
                    let names = |state: &State| state.referrers(&at).cloned().collect::<Vec<_>>();
                    prop_assert_eq!(names(&state), names(&fresh));
                }
                for claim in fresh.claims.keys() {
                    prop_assert_eq!(state.claimed(claim), fresh.claimed(claim));
                }
                prop_assert_eq!(state.claims.size(), fresh.claims.size());
                }
            }
        }
    }

    #[test]
    fn a_kind_is_read_from_any_name_on() {
        let records = ["b", "a", "ab", "c"]
            .map(|name| record("user", name, json!({}), ""))
            .into_iter()
            .chain([record("key", "z", json!({"user": "a"}), "d")]);
        let state = State::from_records(1, records).unwrap();
        let names = |kind, after| {
            state
                .of(kind, after)
                .map(|record| record.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names("user", None), ["a", "ab", "b", "c"]);
        assert_eq!(names("user", Some("a")), ["ab", "b", "c"]);
        assert_eq!(names("user", Some("aa")), ["ab", "b", "c"]);
        assert_eq!(names("key", None), ["z"]);
        assert_eq!(names("route", None), Vec::<String>::new());
    }
}
