//! A map that is made of many at once and changed a little afterwards: what it was made of lies in one table, and the changes
//! over it. Clones share both, and what was replaced stays in the table: nothing that does something when it goes belongs in here.

use crate::hash::Seeded;
use rpds::HashTrieMapSync;
use std::{borrow::Borrow, collections::HashMap, hash::Hash, sync::Arc};

/// Cheap to clone; a look-up costs what one in a table costs, and while something was changed one in a tree beside.
#[derive(Debug)]
pub struct Layers<K: Eq + Hash, V> {
    base: Arc<HashMap<K, V, Seeded>>,
    /// `None`: it is no more.
    over: HashTrieMapSync<K, Option<V>, Seeded>,
}

impl<K: Eq + Hash, V> Clone for Layers<K, V> {
    fn clone(&self) -> Layers<K, V> {
        Layers {
            base: self.base.clone(),
            over: self.over.clone(),
        }
    }
}

impl<K: Eq + Hash, V> Default for Layers<K, V> {
    fn default() -> Layers<K, V> {
        Layers {
            base: Arc::default(),
            over: HashTrieMapSync::default(),
        }
    }
}

impl<K: Eq + Hash, V> Layers<K, V> {
    /// Whether nothing was ever in it.
    pub fn is_empty(&self) -> bool {
        self.base.is_empty() && self.over.is_empty()
    }

    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let over = (!self.over.is_empty()).then(|| self.over.get(key));
        match over.flatten() {
            Some(over) => over.as_ref(),
            // Where there is nothing, a key is not even hashed.
            None if self.base.is_empty() => None,
            None => self.base.get(key),
        }
    }

    pub fn insert(&mut self, key: K, value: V) {
        self.over.insert_mut(key, Some(value));
    }

    pub fn remove(&mut self, key: K) {
        match self.base.contains_key(&key) {
            true => self.over.insert_mut(key, None),
            false => drop(self.over.remove_mut(&key)),
        }
    }

    /// Puts all of these in; of the same key the last.
    pub fn fill(&mut self, all: impl IntoIterator<Item = (K, V)>) {
        match self.is_empty() {
            true => self.base = Arc::new(all.into_iter().collect()),
            false => all
                .into_iter()
                .for_each(|(key, value)| self.insert(key, value)),
        }
    }

    /// All of it, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let base = self.base.iter();
        let base = base.filter(|(key, _)| !self.over.contains_key(*key));
        let over = self.over.iter();
        base.chain(over.filter_map(|(key, value)| Some((key, value.as_ref()?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// However it came about, it holds what a plain map would.
        #[test]
        fn it_is_a_map(
            first in proptest::collection::vec((0u8..6, 0u8..9), 0..6),
            steps in proptest::collection::vec((0u8..6, any::<Option<u8>>()), 0..20),
            more in proptest::collection::vec((0u8..6, 0u8..9), 0..3),
        ) {
            let mut layers = Layers::default();
            let mut plain = BTreeMap::new();
            layers.fill(first.clone());
            plain.extend(first);
            for (key, value) in steps {
                match value {
                    Some(value) => {
                        layers.insert(key, value);
                        plain.insert(key, value);
                    }
                    None => {
                        layers.remove(key);
                        plain.remove(&key);
                    }
                }
            }
            layers.fill(more.clone());
            plain.extend(more);
            let all: BTreeMap<u8, u8> = layers.iter().map(|(key, value)| (*key, *value)).collect();
            prop_assert_eq!(&all, &plain);
            for key in 0..6 {
                prop_assert_eq!(layers.get(&key), plain.get(&key));
            }
        }
    }
}
