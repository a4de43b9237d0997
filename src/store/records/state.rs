//! The records at one revision, and the one function that says what a transaction does to them. Both stores
//! use it, so versions and refusals cannot differ. Cloning shares everything: a state is a value to hold on to.

use super::base::{Base, Found};
use super::{Change, Entry, Stored, value};
use crate::error::{Error, Kind, Result};
use crate::hash::Seeded;
use crate::resources::{self, Record};
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

/// Where a record is found: its kind and its name.
pub type At = (String, String);

/// Every record, the revision they are at, and who names whom. What a change touches is all that it costs: it lies over
/// what there was at the start, with `None` where that holds no more.
#[derive(Clone, Default)]
pub struct State {
    pub revision: u64,
    base: Arc<Base>,
    records: RedBlackTreeMapSync<At, Option<Stored>>,
    /// (what is named, who names it).
    referrers: RedBlackTreeMapSync<(At, At), Option<()>>,
    /// What only one record may have (see [`resources::Kind::claims`]), and who has it.
    claims: HashTrieMapSync<String, Option<At>, Seeded>,
    len: usize,
    /// [`Summary::digest`], kept with every change.
    digest: u64,
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
        self.revision == other.revision && self.entries().eq(other.entries())
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
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn get(&self, kind: &str, name: &str) -> Option<Arc<Record>> {
        self.stored(kind, name).map(Stored::record)
    }

    /// [`State::get`] with kind and name in one.
    pub fn at(&self, at: &At) -> Option<Arc<Record>> {
        self.get(&at.0, &at.1)
    }

    /// Whether there is such a record.
    pub fn has(&self, at: &At) -> bool {
        self.stored(&at.0, &at.1).is_some()
    }

    /// A record as it is stored.
    pub fn stored(&self, kind: &str, name: &str) -> Option<&Stored> {
        let over = match self.records.is_empty() {
            true => None,
            false => self.records.get(&(kind.to_owned(), name.to_owned())),
        };
        match over {
            Some(over) => over.as_ref(),
            None => self.base.get(kind, name),
        }
    }

    /// Every record, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Record>> {
        self.entries().map(|(_, stored)| stored.record())
    }

    /// Where every record is, by kind and name, and as what it is stored.
    pub fn entries(&self) -> impl Iterator<Item = (&At, &Stored)> {
        self.from(&At::default())
    }

    fn from<'a>(&'a self, at: &At) -> impl Iterator<Item = (&'a At, &'a Stored)> + use<'a> {
        laid(self.base.from(at), self.records.range(at.clone()..))
    }

    /// Records of a kind by name, from the one after `after` on.
    pub fn of<'a>(
        &'a self,
        kind: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = Arc<Record>> + use<'a> {
        self.of_kind(kind, after).map(|(_, stored)| stored.record())
    }

    /// The names of the records of a kind, in order.
    pub fn names<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.of_kind(kind, None).map(|(at, _)| &*at.1)
    }

    fn of_kind<'a>(
        &'a self,
        kind: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a At, &'a Stored)> + use<'a> {
        // A name with a zero byte behind it is the next name there can be.
        let first = after.map_or_else(String::new, |name| format!("{name}\0"));
        let kind = kind.to_owned();
        self.from(&(kind.clone(), first))
            .take_while(move |(at, _)| at.0 == kind)
    }

    /// The records that name this one, by kind and name.
    pub fn referrers<'a>(&'a self, at: &At) -> impl Iterator<Item = &'a At> + use<'a> {
        let named = at.clone();
        let over = self.referrers.range((named.clone(), At::default())..);
        let over = over
            .take_while(move |((to, _), _)| *to == named)
            .map(|((_, from), there)| (from, there));
        let base = self.base.referrers(at).map(|from| (from, &()));
        laid(base, over).map(|(from, ())| from)
    }

    /// Who has what only one record may have.
    pub fn claimed(&self, claim: &str) -> Option<&At> {
        let over = (!self.claims.is_empty()).then(|| self.claims.get(claim));
        match over.flatten() {
            Some(over) => over.as_ref(),
            None => self.base.claimed(claim),
        }
    }

    /// Puts a record in place.
    pub fn put(&mut self, stored: Stored) {
        let record = stored.record();
        let at = record.at();
        self.remove(&at);
        self.len += 1;
        self.digest = self.digest.wrapping_add(value::sum_of(stored.value()));
        for to in record.refs() {
            self.referrers.insert_mut((to, at.clone()), Some(()));
        }
        for claim in record.claims() {
            self.claims.insert_mut(claim, Some(at.clone()));
        }
        self.records.insert_mut(at, Some(stored));
    }

    /// The state of these records, none of which is there twice.
    pub fn of_distinct(found: Vec<Found>) -> State {
        let sums = found
            .iter()
            .map(|found| value::sum_of(found.stored.value()));
        State {
            digest: sums.fold(0, u64::wrapping_add),
            len: found.len(),
            base: Arc::new(Base::of(found)),
            ..State::default()
        }
    }

    /// Takes a record away; nothing happens where there is none.
    pub fn remove(&mut self, at: &At) {
        let Some(old) = self.stored(&at.0, &at.1).cloned() else {
            return;
        };
        self.len -= 1;
        self.digest = self.digest.wrapping_sub(value::sum_of(old.value()));
        match self.base.get(&at.0, &at.1) {
            Some(_) => self.records.insert_mut(at.clone(), None),
            None => drop(self.records.remove_mut(at)),
        }
        let old = old.record();
        for to in old.refs() {
            let known = self.base.refers(&to, at);
            let pair = (to, at.clone());
            match known {
                true => self.referrers.insert_mut(pair, None),
                false => drop(self.referrers.remove_mut(&pair)),
            }
        }
        for claim in old.claims() {
            // Another record may hold it by now: it is that one's.
            if self.claimed(&claim) != Some(at) {
                continue;
            }
            match self.base.claimed(&claim) {
                Some(_) => self.claims.insert_mut(claim, None),
                None => drop(self.claims.remove_mut(&claim)),
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
                Some(write) => write.as_ref().map(Stored::record),
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
                    let stored = Stored::of(&record)?;
                    step.changes.push(Change::Put { expected, record });
                    Some(stored)
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

    /// The state made of these records; of the same name the last.
    pub fn from_records(
        revision: u64,
        records: impl IntoIterator<Item = impl AsRef<Record>>,
    ) -> Result<State> {
        let mut found = BTreeMap::new();
        for record in records {
            let record = record.as_ref();
            found.insert(record.at(), Found::of(Stored::of(record)?, record));
        }
        Ok(State {
            revision,
            ..State::of_distinct(found.into_values().collect())
        })
    }

    /// What has to be written so that a store that holds `self` holds `want`.
    pub fn difference(&self, want: &State) -> Writes {
        let changed = want
            .entries()
            .filter(|(at, stored)| self.stored(&at.0, &at.1) != Some(stored))
            .map(|(at, stored)| (at.clone(), Some(stored.clone())));
        let gone = self
            .entries()
            .filter(|(at, _)| !want.has(at))
            .map(|(at, _)| (at.clone(), None));
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

/// Both in one, in order: what `over` has a key of is as that says, and gone where it says nothing.
fn laid<'a, K: Ord + 'a, V: 'a>(
    base: impl Iterator<Item = (&'a K, &'a V)>,
    over: impl Iterator<Item = (&'a K, &'a Option<V>)>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    let (mut base, mut over) = (base.peekable(), over.peekable());
    iter::from_fn(move || {
        loop {
            let order = match (base.peek(), over.peek()) {
                (_, None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((base, _)), Some((over, _))) => base.cmp(over),
            };
            match order {
                Ordering::Less => return base.next(),
                Ordering::Equal => drop(base.next()),
                Ordering::Greater => {}
            }
            if let Some((key, Some(value))) = over.next() {
                return Some((key, value));
            }
        }
    })
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
        State::from_records(state.revision, state.iter()).unwrap()
    }

    /// The same, one after the other.
    fn put_again(state: &State) -> State {
        let mut again = State::default();
        state
            .entries()
            .for_each(|(_, stored)| again.put(stored.clone()));
        again
    }

    proptest! {
        /// However records come and go, also over those of a start, they are there in order, and references, claims and the
        /// summary are theirs.
        #[test]
        fn what_follows_from_records_follows_them(
            steps in proptest::collection::vec((0usize..4, 0usize..4, any::<bool>(), 0u8..3, 0u8..8), 0..40)
        ) {
            let mut state = State::default();
            let mut there = BTreeMap::new();
            for (key, user, stays, digest, start) in steps {
                if start == 0 {
                    state = rebuilt(&state);
                }
                let at = (String::from("key"), format!("k{key}"));
                if stays {
                    let record = record("key", &at.1, json!({"user": format!("u{user}")}), &format!("{digest}{key}"));
                    state.put(Stored::of(&record).unwrap());
                    there.insert(at, record);
                } else {
                    state.remove(&at);
                    there.remove(&at);
                }
                prop_assert!(state.iter().map(|it| (*it).clone()).eq(there.values().cloned()));
                prop_assert!(there.iter().all(|(at, record)| state.at(at).as_deref() == Some(record)));
                for fresh in [rebuilt(&state), put_again(&state)] {
                    prop_assert_eq!(&state, &fresh);
                    let summary = Summary { revision: 0, ..fresh.summary() };
                    prop_assert_eq!(Summary { revision: 0, ..state.summary() }, summary);
                    for user in 0..4 {
                        let at = (String::from("user"), format!("u{user}"));
                        let names = |state: &State| state.referrers(&at).cloned().collect::<Vec<_>>();
                        prop_assert_eq!(names(&state), names(&fresh));
                    }
                    for claim in (0..3).flat_map(|digest| (0..4).map(move |key| format!("{digest}{key}"))) {
                        prop_assert_eq!(state.claimed(&claim), fresh.claimed(&claim));
                    }
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
