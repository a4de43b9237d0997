//! A change being put together: the records as they would be, checked as a whole before anything is written.

use super::{credentials, in_force::InForce, item::Item, keys, refs};
use crate::error::{Error, Kind, Result};
use crate::resources::{self, KindId, Record, Spec, Stamp, name};
use crate::store::records::{At, Change, State, Stored};
use crate::store::{secret::Secret, token::Hasher};
use std::collections::BTreeSet;
use std::sync::Arc;

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
    base: &'a InForce,
    /// Never stored as it is: the bytes of what was put are not made yet.
    pub records: State,
    pub hasher: &'a Hasher,
    touched: BTreeSet<At>,
    /// Vault entries and what goes into them.
    secrets: Vec<(String, Secret)>,
}

/// A finished draft: what to commit and what belongs to it.
pub struct Batch {
    pub changes: Vec<Change>,
    /// Vault entries to write before the commit. No record refers to one of them until it is committed.
    pub secrets: Vec<(String, Secret)>,
    /// Vault entries no record refers to after the commit.
    pub forget: Vec<String>,
}

impl<'a> Draft<'a> {
    pub fn new(base: &'a InForce, hasher: &'a Hasher) -> Draft<'a> {
        Draft {
            base,
            records: (*base.records).clone(),
            hasher,
            touched: BTreeSet::new(),
            secrets: Vec::new(),
        }
    }

    pub fn get(&self, kind: &str, name: &str) -> Result<Arc<Record>> {
        self.records
            .get(kind, name)
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
        let old = self.records.at(&at);
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
        let mut minted = None;
        match kind.id {
            KindId::Key => {
                minted = keys::put(self.hasher, &item, old.as_deref(), &mut system, &spec)?;
            }
            KindId::Provider => {
                let lost = self.base.lost(&item.name);
                self.secrets.extend(credentials::put(
                    self.hasher,
                    &item,
                    lost,
                    &mut spec,
                    &mut system,
                )?);
                credentials::check_vendor(&spec)?;
            }
            KindId::User | KindId::Model | KindId::Route => {}
        }
        let outcome = match old {
            None => Outcome::Created,
            Some(old) if old.spec == spec && old.system == system => {
                return Ok((Outcome::Unchanged, minted));
            }
            Some(_) => Outcome::Configured,
        };
        self.set(&at, spec, system);
        Ok((outcome, minted))
    }

    /// Puts a checked spec in place; the envelope follows from what was there.
    pub fn set(&mut self, at: &At, spec: Spec, system: Spec) {
        let now = Stamp::now();
        let base = self.base.records.at(at);
        let base = base.as_deref();
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
        self.records.put(Stored::Draft(Arc::new(record)));
    }

    pub fn delete(&mut self, kind: &str, name: &str) -> Result<()> {
        let at = self.get(kind, name)?.at();
        self.records.remove(&at);
        self.touched.insert(at);
        Ok(())
    }

    /// Checks the whole and says what has to be committed.
    pub fn finish(self) -> Result<Batch> {
        let base = &self.base.records;
        refs::check(base, &self.records, &self.touched)?;
        let (mut changes, mut forget) = (Vec::new(), Vec::new());
        for at in &self.touched {
            let (old, new) = (base.at(at), self.records.at(at));
            match (&old, &new) {
                (old, Some(new)) => changes.push(Change::Put {
                    expected: old.as_ref().map_or(0, |old| old.version),
                    record: (**new).clone(),
                }),
                (Some(old), None) => changes.push(Change::Delete {
                    expected: old.version,
                    kind: at.0.clone(),
                    name: at.1.clone(),
                }),
                (None, None) => {}
            }
            let entry =
                |record: &Option<Arc<Record>>| record.as_deref().and_then(credentials::entry);
            forget.extend(entry(&old).filter(|had| entry(&new).as_ref() != Some(had)));
        }
        Ok(Batch {
            changes,
            secrets: self.secrets,
            forget,
        })
    }
}
