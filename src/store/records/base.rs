//! What a state begins with: the records of a start in their order, and what follows from them, each in one piece of memory.
//! Never changed; [`super::State`] lays over it what changes.

use super::{At, Stored};
use crate::hash::Seeded;
use crate::parallel;
use crate::resources::Record;
use std::collections::HashMap;

/// Records in order, and who names whom by their places.
#[derive(Default)]
pub struct Base {
    records: Vec<(At, Stored)>,
    /// By what is named: who names it, in order.
    referrers: HashMap<At, Vec<u32>, Seeded>,
    claims: HashMap<String, u32, Seeded>,
}

/// A record that was found, with what follows from it.
pub struct Found {
    pub at: At,
    pub stored: Stored,
    /// What it names.
    pub refs: Vec<At>,
    /// What no other record may have.
    pub claims: Vec<String>,
}

impl Found {
    /// `record`: what is stored there.
    pub fn of(stored: Stored, record: &Record) -> Found {
        Found {
            at: record.at(),
            stored,
            refs: record.refs().collect(),
            claims: record.claims(),
        }
    }
}

/// By what is named: the places that name it, which come in order.
fn referrers(names: Vec<(At, u32)>) -> HashMap<At, Vec<u32>, Seeded> {
    let mut referrers: HashMap<At, Vec<u32>, Seeded> = HashMap::default();
    for (named, place) in names {
        let by = referrers.entry(named).or_default();
        if by.last() != Some(&place) {
            by.push(place);
        }
    }
    referrers
}

impl Base {
    /// Of these, none of which is there twice.
    pub fn of(mut found: Vec<Found>) -> Base {
        // What comes from a store is in order already.
        found.sort_by(|one, other| one.at.cmp(&other.at));
        let mut records = Vec::with_capacity(found.len());
        let (mut names, mut owned) = (Vec::new(), Vec::new());
        for (place, found) in (0u32..).zip(found) {
            names.extend(found.refs.into_iter().map(|named| (named, place)));
            owned.extend(found.claims.into_iter().map(|claim| (claim, place)));
            records.push((found.at, found.stored));
        }
        let (referrers, claims) =
            parallel::both(|| referrers(names), || owned.into_iter().collect());
        Base {
            records,
            referrers,
            claims,
        }
    }

    pub fn get(&self, kind: &str, name: &str) -> Option<&Stored> {
        let order = |(at, _): &(At, Stored)| (&*at.0, &*at.1).cmp(&(kind, name));
        let place = self.records.binary_search_by(order).ok()?;
        self.records.get(place).map(|(_, stored)| stored)
    }

    /// In order, from this one on.
    pub fn from<'a>(&'a self, at: &At) -> impl Iterator<Item = (&'a At, &'a Stored)> + use<'a> {
        let first = self.records.partition_point(|(there, _)| there < at);
        let rest = self.records.get(first..).unwrap_or_default();
        rest.iter().map(|(at, stored)| (at, stored))
    }

    /// Who names it, in order.
    pub fn referrers<'a>(&'a self, at: &At) -> impl Iterator<Item = &'a At> + use<'a> {
        let places = self.referrers.get(at).into_iter().flatten();
        places.filter_map(|place| self.at(*place))
    }

    /// Whether one names the other.
    pub fn refers(&self, to: &At, from: &At) -> bool {
        let places = self.referrers.get(to).map_or(&[][..], Vec::as_slice);
        let order = |place: &u32| self.at(*place).cmp(&Some(from));
        places.binary_search_by(order).is_ok()
    }

    /// Who has it.
    pub fn claimed(&self, claim: &str) -> Option<&At> {
        self.at(*self.claims.get(claim)?)
    }

    fn at(&self, place: u32) -> Option<&At> {
        let (at, _) = self.records.get(usize::try_from(place).ok()?)?;
        Some(at)
    }
}
