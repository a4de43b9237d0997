//! A change being put together: the records as they would be, checked as a whole before anything is written.

use super::{
    credentials,
    desk::{Book, State},
    item::Item,
    keys, refs,
};
use crate::error::{Error, Kind, Result};
use crate::resources::{self, Record, Spec, Stamp, name};
use crate::store::{records::Change, secret::Secret, token::Hasher};
use std::collections::BTreeSet;

/// What happened to one record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Created,
    Configured,
    Unchanged,
    Pruned,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Created => "created",
            Outcome::Configured => "configured",
            Outcome::Unchanged => "unchanged",
            Outcome::Pruned => "pruned",
        }
    }
}

/// Records as they would be after the change.
pub struct Draft<'a> {
    base: &'a Book,
    state: &'a State,
    pub records: Book,
    pub hasher: &'a Hasher,
    touched: BTreeSet<(String, String)>,
    secrets: Vec<(String, Secret)>,
}

/// A finished draft: what to commit and what it leads to.
pub struct Batch {
    pub changes: Vec<Change>,
    pub records: Book,
    /// Vault entries to write before the commit.
    pub secrets: Vec<(String, Secret)>,
    /// Vault entries nothing needs any more, to delete after it.
    pub forget: Vec<String>,
}

impl Batch {
    /// The providers whose credential may have changed.
    pub fn providers(&self) -> BTreeSet<String> {
        let name = |change: &Change| match change {
            Change::Put { record, .. } => (record.kind == "provider").then(|| record.name.clone()),
            Change::Delete { kind, name, .. } => (kind == "provider").then(|| name.clone()),
        };
        let secrets = self
            .secrets
            .iter()
            .filter_map(|(at, _)| at.strip_prefix("provider/").map(str::to_owned));
        self.changes
            .iter()
            .filter_map(name)
            .chain(secrets)
            .collect()
    }
}

impl<'a> Draft<'a> {
    pub fn new(state: &'a State, hasher: &'a Hasher) -> Draft<'a> {
        Draft {
            base: &state.records,
            state,
            records: state.records.clone(),
            hasher,
            touched: BTreeSet::new(),
            secrets: Vec::new(),
        }
    }

    pub fn get(&self, kind: &str, name: &str) -> Result<&Record> {
        self.records
            .get(&(kind.to_owned(), name.to_owned()))
            .ok_or_else(|| refs::missing(kind, name))
    }

    /// Fails unless the record is at the version the caller has seen.
    pub fn expect(&self, kind: &str, name: &str, version: Option<u64>) -> Result<()> {
        let now = self.get(kind, name)?.version;
        match version {
            Some(seen) if seen != now => Err(Error::new(
                Kind::Stale,
                format!(
                    "{kind} `{name}` has changed since it was read (version {now}, not {seen})"
                ),
            )
            .hint(format!("read it again with: gw {kind} get {name} -o json"))),
            _ => Ok(()),
        }
    }

    /// Makes the record so; what it is made of may be a new secret, which is given back for its one showing.
    pub fn put(&mut self, item: Item) -> Result<(Outcome, Option<Secret>)> {
        let kind = resources::kind(&item.kind)?;
        let at = (kind.name.to_owned(), item.name.clone());
        let old = self.records.get(&at).cloned();
        if old.is_none() {
            name::check(kind, &item.name)?;
        }
        let mut spec = (kind.check)(item.spec.clone())?;
        let before = old.as_ref().map(|old| &old.spec);
        resources::acceptable(kind, before, &spec, Stamp::now())?;
        let mut system = old
            .as_ref()
            .map(|old| old.system.clone())
            .unwrap_or_default();
        let mut shown = None;
        match kind.name {
            "key" => shown = keys::put(self, &item, old.as_ref(), &mut system, &spec)?,
            "provider" => {
                let lost = self
                    .state
                    .credentials
                    .get(&item.name)
                    .is_some_and(|now| now.is_err());
                if let Some(secret) =
                    credentials::put(self.hasher, &item, lost, &mut spec, &mut system)?
                {
                    self.secrets.push((credentials::at(&item.name), secret));
                }
                credentials::check_vendor(&spec)?;
            }
            _ => {}
        }
        let outcome = match old {
            None => Outcome::Created,
            Some(old) if old.spec == spec && old.system == system => {
                return Ok((Outcome::Unchanged, shown));
            }
            Some(_) => Outcome::Configured,
        };
        self.set(&at, spec, system);
        Ok((outcome, shown))
    }

    /// Puts a checked spec in place; the envelope follows from what was there.
    pub fn set(&mut self, at: &(String, String), spec: Spec, system: Spec) {
        let now = Stamp::now();
        let base = self.base.get(at);
        let record = Record {
            kind: at.0.clone(),
            name: at.1.clone(),
            version: base.map_or(1, |base| base.version + 1),
            created: base.map_or(now, |base| base.created),
            updated: now,
            spec,
            system,
        };
        self.touched.insert(at.clone());
        self.records.insert(at.clone(), record);
    }

    /// Changes fields of a record that is there, through the kind's own check.
    pub fn edit(&mut self, kind: &str, name: &str, change: impl FnOnce(&mut Spec)) -> Result<()> {
        let record = self.get(kind, name)?.clone();
        let mut spec = record.spec.clone();
        change(&mut spec);
        let spec = (resources::kind(kind)?.check)(spec)?;
        if spec != record.spec {
            self.set(&(record.kind, record.name), spec, record.system);
        }
        Ok(())
    }

    pub fn delete(&mut self, kind: &str, name: &str) -> Result<()> {
        self.get(kind, name)?;
        let at = (kind.to_owned(), name.to_owned());
        self.records.remove(&at);
        self.touched.insert(at);
        Ok(())
    }

    /// Checks the whole and says what has to be committed.
    pub fn finish(self) -> Result<Batch> {
        refs::check(&self.records, &self.touched)?;
        keys::check_unique(&self.records, &self.touched)?;
        let (mut changes, mut forget) = (Vec::new(), Vec::new());
        for at in &self.touched {
            match (self.base.get(at), self.records.get(at)) {
                (old, Some(new)) => changes.push(Change::Put {
                    expected: old.map_or(0, |old| old.version),
                    record: new.clone(),
                }),
                (Some(old), None) => changes.push(Change::Delete {
                    expected: old.version,
                    kind: at.0.clone(),
                    name: at.1.clone(),
                }),
                (None, None) => {}
            }
            let managed = |record: Option<&Record>| {
                record.is_some_and(|record| {
                    record.kind == "provider"
                        && record.system.contains_key(credentials::FINGERPRINT)
                })
            };
            if managed(self.base.get(at)) && !managed(self.records.get(at)) {
                forget.push(credentials::at(&at.1));
            }
        }
        Ok(Batch {
            changes,
            records: self.records,
            secrets: self.secrets,
            forget,
        })
    }
}
