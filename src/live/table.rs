//! Rows found by names, in a table with a bound: finding one costs a hash of the names and one comparison. Must not know
//! what is counted in the rows.

use foldhash::fast::FixedState;
use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

/// Rows of `C` under `N` names each.
#[derive(Debug, Default)]
pub struct Table<const N: usize, C> {
    /// Of this process alone: callers choose some of the names, and must not know which fall together.
    hasher: FixedState,
    places: HashMap<u64, u32, BuildHasherDefault<Given>>,
    rows: Vec<([Box<str>; N], C)>,
    /// The row that was found last: mostly it is asked for again.
    last: usize,
}

/// The keys are hashes already.
#[derive(Debug, Default)]
pub struct Given(u64);

impl Hasher for Given {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl<const N: usize, C: Default> Table<N, C> {
    pub fn new(seed: u64) -> Table<N, C> {
        Table {
            hasher: FixedState::with_seed(seed),
            places: HashMap::default(),
            rows: Vec::new(),
            last: 0,
        }
    }

    /// The row under these names, made where there is none. `None`: there would be more than `most`.
    pub fn at(&mut self, names: [&str; N], most: usize) -> Option<&mut C> {
        let place = self.place(names, most)?;
        self.row(place)
    }

    pub fn row(&mut self, place: usize) -> Option<&mut C> {
        self.rows.get_mut(place).map(|(_, row)| row)
    }

    /// The same row's place.
    pub fn place(&mut self, names: [&str; N], most: usize) -> Option<usize> {
        if !self.is_at(self.last, &names) {
            self.last = self.find(names, most)?;
        }
        Some(self.last)
    }

    fn is_at(&self, place: usize, names: &[&str; N]) -> bool {
        let row = self.rows.get(place);
        row.is_some_and(|(own, _)| own.iter().zip(names).all(|(own, name)| **own == **name))
    }

    fn find(&mut self, names: [&str; N], most: usize) -> Option<usize> {
        let mut hash = self.hasher.hash_one(names);
        loop {
            match self.places.get(&hash) {
                Some(place) => {
                    let place = *place as usize;
                    if self.is_at(place, &names) {
                        return Some(place);
                    }
                    hash = hash.wrapping_add(1);
                }
                None if self.rows.len() >= most => return None,
                None => {
                    let place = self.rows.len();
                    self.places.insert(hash, u32::try_from(place).ok()?);
                    self.rows.push((names.map(Box::from), C::default()));
                    return Some(place);
                }
            }
        }
    }

    pub fn rows(&self) -> impl Iterator<Item = (&[Box<str>; N], &C)> {
        self.rows.iter().map(|(names, row)| (names, row))
    }

    /// Begins every row anew and keeps the names, so that counting goes on without an allocation; more rows than `kept` go.
    pub fn reset(&mut self, kept: usize) {
        if self.rows.len() > kept {
            self.places.clear();
            self.rows.clear();
        }
        for (_, row) in &mut self.rows {
            *row = C::default();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn counts_as_a_map_does(seed in any::<u64>(), names in proptest::collection::vec(("[ab]{0,9}", "[ab]{0,2}"), 0..60)) {
            let (mut table, mut map) = (Table::<2, u64>::new(seed), BTreeMap::<_, u64>::new());
            for (one, two) in &names {
                *table.at([one, two], usize::MAX).unwrap() += 1;
                *map.entry([one.as_str(), two]).or_default() += 1;
            }
            let counted: BTreeMap<[&str; 2], u64> = table.rows().map(|(names, count)| ([&*names[0], &*names[1]], *count)).collect();
            prop_assert_eq!(counted, map);
        }
    }

    #[test]
    fn what_falls_together_is_kept_apart() {
        let mut table = Table::<1, u64>::new(1);
        *table.at(["a"], 9).unwrap() += 1;
        // As if "b" had the hash of "a".
        let place = *table.places.values().next().unwrap();
        let hash = table.hasher.hash_one(["b"]);
        table.places.insert(hash, place);
        *table.at(["b"], 9).unwrap() += 5;
        *table.at(["b"], 9).unwrap() += 5;
        let rows: Vec<_> = table
            .rows()
            .map(|(names, row)| (&*names[0], *row))
            .collect();
        assert_eq!(rows, [("a", 1), ("b", 10)]);
    }

    #[test]
    fn there_is_a_most_and_names_stay_through_a_reset() {
        let mut table = Table::<1, u64>::new(0);
        for name in ["a", "b"] {
            *table.at([name], 2).unwrap() += 1;
        }
        assert!(table.at(["c"], 2).is_none() && table.at(["a"], 2).is_some());
        table.reset(2);
        assert_eq!(
            table.rows().map(|(_, row)| *row).collect::<Vec<_>>(),
            [0, 0]
        );
        table.reset(1);
        assert_eq!(table.rows().count(), 0);
    }
}
