//! Damaged places in segment files: each counted once and named by its file, until the file goes.

use super::lock;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

/// Places remembered of one file.
const MAX_PLACES: usize = 4096;
/// File names told.
const MAX_NAMES: usize = 20;

/// What is known to be damaged.
#[derive(Default)]
pub struct Damage {
    /// By the segments' numbers.
    files: Mutex<BTreeMap<u64, File>>,
}

struct File {
    name: String,
    places: BTreeSet<u64>,
}

impl Damage {
    /// A place of a segment cannot be read; what is there is skipped. A file is warned of once.
    pub fn note(&self, number: u64, path: &Path, at: u64) {
        let mut files = lock(&self.files);
        let file = files.entry(number).or_insert_with(|| {
            let name = path.file_name().unwrap_or(path.as_os_str());
            let name = name.to_string_lossy().into_owned();
            tracing::warn!(segment = %name, at, "request log is damaged: rows or content there are skipped");
            File {
                name,
                places: BTreeSet::new(),
            }
        });
        if file.places.len() < MAX_PLACES {
            file.places.insert(at);
        }
    }

    /// The file is gone.
    pub fn forget(&self, number: u64) {
        lock(&self.files).remove(&number);
    }

    /// Damaged places.
    pub fn places(&self) -> u64 {
        lock(&self.files)
            .values()
            .map(|file| file.places.len() as u64)
            .sum()
    }

    /// Names of damaged files, oldest first; the last one says how many more there are.
    pub fn names(&self) -> Vec<String> {
        let files = lock(&self.files);
        let mut names: Vec<String> = files
            .values()
            .take(MAX_NAMES)
            .map(|file| file.name.clone())
            .collect();
        if files.len() > MAX_NAMES {
            names.push(format!("and {} more", files.len() - MAX_NAMES));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_once_and_names_are_bounded() {
        let damage = Damage::default();
        for number in 0..25 {
            for at in [8, 8, 100] {
                damage.note(number, Path::new(&format!("logs/{number:08}-a.seg")), at);
            }
        }
        damage.forget(0);
        assert_eq!(damage.places(), 48);
        let names = damage.names();
        assert_eq!(
            (names.len(), names[0].as_str(), names[20].as_str()),
            (21, "00000001-a.seg", "and 4 more")
        );
    }
}
