//! What a user's records say of a provider's models, by the ids models have upstream. A record is taken apart when its model is
//! first asked for. Must not know what the catalogue says.

use super::{Limited, held::typed, limited::Owner};
use crate::hash::Seeded;
use crate::layers::Layers;
use crate::resources::model::{self, Model};
use crate::store::counters::Kind;
use crate::store::records::Stored;
use memchr::memmem;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

/// The models of one provider that there are records of.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorded {
    by_id: Layers<Arc<str>, Arc<Entry>>,
    /// By record name: the id, where a record's name is not it.
    aliases: Layers<Arc<str>, Arc<str>>,
}

/// What is said of one model.
#[derive(Debug)]
struct Entry {
    /// It may have several, by their names.
    records: Vec<(Arc<str>, Stored)>,
    said: OnceLock<Box<Said>>,
}

#[derive(Debug)]
struct Said {
    model: Option<Model>,
    limited: Option<Limited>,
}

/// Where a record of a model belongs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub provider: String,
    /// Its id upstream.
    pub id: Arc<str>,
}

impl Place {
    /// `None`: the record says nothing of it that could be read.
    pub fn of(name: &str, stored: &Stored) -> Option<Place> {
        #[derive(serde::Deserialize)]
        struct Of {
            spec: Named,
        }
        #[derive(serde::Deserialize)]
        struct Named {
            provider: String,
            #[serde(default)]
            upstream_id: String,
        }
        let spec = stored.read::<Of>().ok()?.spec;
        let id = model::upstream(&spec.provider, &spec.upstream_id, name).into();
        Some(Place {
            provider: spec.provider,
            id,
        })
    }
}

/// The id upstream that a record of this provider's is about. Of most the record need not be taken apart for it.
pub(super) fn id(provider: &str, name: &str, stored: &Stored) -> Option<Arc<str>> {
    // As it is spelt in what is stored; within a text its quotes would be escaped.
    match memmem::find(stored.value(), b"\"upstream_id\"") {
        None => Some(model::upstream(provider, "", name).into()),
        Some(_) => Some(Place::of(name, stored)?.id),
    }
}

impl Recorded {
    /// Of these records, by their names in order, with their ids upstream.
    pub fn of(records: Vec<(Arc<str>, Arc<str>, Stored)>) -> Recorded {
        let aliases = records.iter().filter(|(name, id, _)| name != id);
        let aliases: Vec<_> = aliases
            .map(|(name, id, _)| (name.clone(), id.clone()))
            .collect();
        let mut all: Vec<(Arc<str>, Arc<Entry>)> = Vec::with_capacity(records.len());
        let mut several = Vec::new();
        let mut seen = HashSet::with_capacity_and_hasher(records.len(), Seeded::default());
        for (name, id, stored) in records {
            match seen.insert(id.clone()) {
                true => all.push((id, Entry::of(vec![(name, stored)]))),
                false => several.push((name, id, stored)),
            }
        }
        let mut recorded = Recorded::default();
        recorded.by_id.fill(all);
        recorded.aliases.fill(aliases);
        for (name, id, stored) in several {
            recorded.put(name, id, stored);
        }
        recorded
    }

    /// Adds a record, or has it as it is now.
    pub fn put(&mut self, name: Arc<str>, id: Arc<str>, stored: Stored) {
        let mut records = self.without(&name, &id);
        let at = records.partition_point(|(other, _)| *other < name);
        records.insert(at, (name.clone(), stored));
        self.by_id.insert(id.clone(), Entry::of(records));
        if name != id {
            self.aliases.insert(name, id);
        }
    }

    /// Takes a record away.
    pub fn take(&mut self, name: &Arc<str>, id: &Arc<str>) {
        let rest = self.without(name, id);
        match rest.is_empty() {
            true => self.by_id.remove(id.clone()),
            false => self.by_id.insert(id.clone(), Entry::of(rest)),
        }
        self.aliases.remove(name.clone());
    }

    fn without(&self, name: &str, id: &str) -> Vec<(Arc<str>, Stored)> {
        let known = self.by_id.get(id).map(|entry| entry.records.clone());
        let mut records = known.unwrap_or_default();
        records.retain(|(other, _)| **other != *name);
        records
    }

    /// What is said of the model of this id.
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.by_id.get(id)?.said().model.as_ref()
    }

    /// What limits it.
    pub fn limited(&self, id: &str) -> Option<&Limited> {
        self.by_id.get(id)?.said().limited.as_ref()
    }

    /// The id behind a record's name, where that is not it.
    pub fn alias(&self, name: &str) -> Option<&Arc<str>> {
        self.aliases.get(name)
    }

    /// The ids there are, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_id.iter().map(|(id, _)| id)
    }
}

impl Entry {
    fn of(records: Vec<(Arc<str>, Stored)>) -> Arc<Entry> {
        Arc::new(Entry {
            records,
            said: OnceLock::new(),
        })
    }

    fn said(&self) -> &Said {
        self.said.get_or_init(|| {
            let (mut said, mut on) = (None, true);
            let mut limited = None;
            for (name, stored) in &self.records {
                let Some(record) = typed::<Model>(name, stored) else {
                    continue;
                };
                limited =
                    Limited::of(Kind::Model, Owner::of(&record), &record.spec.limits).or(limited);
                // Under whichever of its names it was switched off, it is off.
                on &= record.spec.enabled;
                said = Some(record.spec);
            }
            let model = said.map(|model| Model {
                enabled: on,
                ..model
            });
            Box::new(Said { model, limited })
        })
    }
}
