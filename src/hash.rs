//! A fast hash for tables of names and numbers that are bounded: a few instructions a word. It is seeded, because callers
//! choose some of the names and must not know which fall together. Must not know what is hashed.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::LazyLock,
};

/// Words are mixed as in the compiler's own tables: <https://docs.rs/rustc-hash>
const FACTOR: u64 = 0xf135_7aea_2e62_a9c5;

fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR)
}

/// Goes on with a text. A length is no character's: texts do not run into each other.
pub fn text(hash: u64, text: &str) -> u64 {
    bytes(hash, text.as_bytes())
}

fn bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let rest = rest
        .iter()
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    mix(hash, rest << 8 | bytes.len() as u64 & 0xff)
}

/// The end of a hash: tables look at its lowest and highest bits, which depend on few of what was mixed in.
pub fn end(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(FACTOR);
    hash ^ hash >> 32
}

/// Makes tables of the standard library hash so, by a seed of this process.
#[derive(Clone, Copy, Debug)]
pub struct Seeded(u64);

impl Default for Seeded {
    fn default() -> Seeded {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
        Seeded(*SEED)
    }
}

impl BuildHasher for Seeded {
    type Hasher = Mixing;
    fn build_hasher(&self) -> Mixing {
        Mixing(self.0)
    }
}

/// A hash under way.
#[derive(Clone, Copy, Debug)]
pub struct Mixing(u64);

impl Hasher for Mixing {
    fn finish(&self) -> u64 {
        end(self.0)
    }
    fn write(&mut self, some: &[u8]) {
        self.0 = bytes(self.0, some);
    }
    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }
    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    proptest! {
        #[test]
        fn a_table_counts_as_any_other(names in proptest::collection::vec(("[ab]{0,9}", 0_u32..3), 0..80)) {
            let mut seeded: HashMap<(String, u32), usize, Seeded> = HashMap::default();
            let mut other: HashMap<(String, u32), usize> = HashMap::new();
            for name in names {
                *seeded.entry(name.clone()).or_default() += 1;
                *other.entry(name).or_default() += 1;
            }
            let mut counted: Vec<_> = seeded.into_iter().collect();
            let mut wanted: Vec<_> = other.into_iter().collect();
            counted.sort();
            wanted.sort();
            prop_assert_eq!(counted, wanted);
        }
    }

    #[test]
    fn neighbours_do_not_fall_together() {
        for name in ["key-", "u", "vendor/model-name-", "req_01ABCDEF000000000"] {
            let hashes = (0..4096).map(|at| end(text(1, &format!("{name}{at:04}"))));
            let buckets: HashSet<u64> = hashes.map(|hash| hash & 0xffff).collect();
            // By chance 3,970 of 65,536 would be told apart.
            assert!(buckets.len() > 3_800, "{name} {}", buckets.len());
        }
    }
}
