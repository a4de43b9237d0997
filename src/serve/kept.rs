//! What providers keep for which key, across restarts: the data plane notes it in memory, and a file gets what changed once a
//! second and at the stop, a line a change. A crash loses a second of it; a line that is damaged loses itself.

use super::saving;
use crate::error::Result;
use crate::gateway::{
    Shared,
    kept::{Change, Home, Mark},
};
use crate::store::private;
use serde::{Deserialize, Serialize};
use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How often the file is written at most.
const EVERY: Duration = Duration::from_secs(1);
/// How many lines more than there are things it may have before it is written anew.
const SPARE: usize = 20_000;

/// Writes the file of a data plane.
pub struct Kept {
    shared: Arc<Shared>,
    /// `None` where state is in memory.
    path: Option<PathBuf>,
    /// Lines in the file.
    lines: Mutex<usize>,
}

/// One change as the file has it: digests alone, in hexadecimal.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    owner: String,
    mark: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<std::borrow::Cow<'a, str>>,
}

impl Kept {
    /// Tells the data plane what the file knows, and keeps the file up to date from here on.
    pub fn start(shared: Arc<Shared>, path: Option<PathBuf>) -> Arc<Kept> {
        let mut lines = 0;
        if let Some(path) = &path {
            match read(path) {
                Ok((known, whole)) => {
                    // A line that is torn off would spoil the next: everything is written anew then.
                    lines = if whole { known.len() } else { 0 };
                    shared.kept.restore(known);
                }
                Err(error) => {
                    tracing::warn!(
                        "what providers keep is not known from before this start: {error}"
                    );
                    shared.kept.restore([]);
                }
            }
        }
        let kept = Arc::new(Kept {
            shared,
            path,
            lines: Mutex::new(lines),
        });
        if kept.path.is_some() {
            let (kept, shared) = (kept.clone(), kept.shared.clone());
            let news = move || {
                let shared = shared.clone();
                async move { shared.kept.changed().await }
            };
            saving::every(EVERY, news, move || kept.save());
        }
        kept
    }

    /// Writes what has changed.
    pub fn save(&self) {
        let Some(path) = &self.path else { return };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.shared.kept.changes();
        if changes.is_empty() {
            return;
        }
        let saved = match *lines == 0 {
            true => self.anew(path),
            false => append(path, &changes).map(|()| *lines + changes.len()),
        };
        let saved = saved.and_then(|count| match count > 2 * self.shared.kept.count() + SPARE {
            true => self.anew(path),
            false => Ok(count),
        });
        match saved {
            Ok(count) => *lines = count,
            // The next change writes everything.
            Err(error) => {
                *lines = 0;
                tracing::warn!("what providers keep is not noted: {error}");
            }
        }
    }

    /// The file with what is known alone; how many lines that is.
    fn anew(&self, path: &Path) -> Result<usize> {
        let all = self.shared.kept.all();
        private::replace(path, &written(&all))?;
        Ok(all.len())
    }
}

fn written(changes: &[Change]) -> Vec<u8> {
    let mut out = Vec::new();
    for change in changes {
        let home = change.home.as_ref();
        let line = Line {
            owner: hex(&change.owner),
            mark: hex(&change.mark),
            provider: home.map(|home| (*home.provider).into()),
            model: home.map(|home| (*home.model).into()),
        };
        // Texts always serialise.
        out.extend(serde_json::to_vec(&line).unwrap_or_default());
        out.push(b'\n');
    }
    out
}

fn append(path: &Path, changes: &[Change]) -> Result<()> {
    let append = || {
        let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
        file.write_all(&written(changes))?;
        file.sync_data()
    };
    append().map_err(|error| {
        let what = format!("`{}` cannot be written", path.display());
        crate::error::Error::internal(what).cause(error)
    })
}

/// What the file knows, and whether none of its lines is damaged.
fn read(path: &Path) -> Result<(Vec<Change>, bool)> {
    let content = private::read(path)?.unwrap_or_default();
    let lines: Vec<&[u8]> = content
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let changes: Vec<Change> = lines.iter().filter_map(|line| change(line)).collect();
    let whole = changes.len() == lines.len() && content.last().is_none_or(|byte| *byte == b'\n');
    if changes.len() < lines.len() {
        tracing::warn!(
            "`{}` has {} damaged lines: what they noted is forgotten",
            path.display(),
            lines.len() - changes.len()
        );
    }
    Ok((changes, whole))
}

fn change(line: &[u8]) -> Option<Change> {
    let line: Line<'_> = serde_json::from_slice(line).ok()?;
    let home = line.provider.map(|provider| Home {
        provider: provider.into(),
        model: line.model.unwrap_or_default().into(),
    });
    Some(Change {
        owner: unhex(&line.owner)?,
        mark: unhex(&line.mark)?,
        home,
    })
}

fn hex(mark: &Mark) -> String {
    mark.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Mark> {
    let number = u128::from_str_radix(text, 16).ok()?;
    (text.len() == 32).then(|| number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_torn_off_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kept.jsonl");
        let changes = vec![
            Change {
                owner: [1; 16],
                mark: [0xAB; 16],
                home: Some(Home {
                    provider: "p\"1".into(),
                    model: "m".into(),
                }),
            },
            Change {
                owner: [0; 16],
                mark: [2; 16],
                home: None,
            },
        ];
        assert_eq!(read(&path).unwrap(), (vec![], true));
        private::replace(&path, &written(&changes[..1])).unwrap();
        append(&path, &changes[1..]).unwrap();
        assert_eq!(read(&path).unwrap(), (changes.clone(), true));
        let whole = std::fs::read(&path).unwrap();
        private::replace(&path, &whole[..whole.len() - 5]).unwrap();
        assert_eq!(read(&path).unwrap(), (changes[..1].to_vec(), false));
    }
}
