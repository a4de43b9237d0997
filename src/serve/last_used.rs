//! When each key was last used, across restarts: the data plane notes it in memory, and a small file gets it
//! once a minute, where it changed, and at the stop. A crash loses a minute of it, and losing the file loses
//! nothing else.

use super::saving;
use crate::error::{Error, Result};
use crate::gateway::Shared;
use crate::resources::Stamp;
use crate::store::private;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

/// How often the file is written at most.
const EVERY: Duration = Duration::from_secs(60);

/// Reads and writes the file for the keys of a data plane.
pub struct LastUsed {
    shared: Arc<Shared>,
    /// `None` where state is in memory.
    path: Option<PathBuf>,
    /// What the file holds.
    written: Mutex<Vec<u8>>,
}

impl LastUsed {
    /// Tells the keys there are what the file knows of them, and keeps the file up to date from here on.
    pub fn start(shared: Arc<Shared>, path: Option<PathBuf>) -> Arc<LastUsed> {
        if let Some(path) = &path {
            match read(path) {
                Ok(known) => restore(&shared, &known),
                Err(error) => tracing::warn!(
                    "when keys were last used is not known from before this start: {error}"
                ),
            }
        }
        let kept = Arc::new(LastUsed {
            shared,
            path,
            written: Mutex::default(),
        });
        if kept.path.is_some() {
            let kept = kept.clone();
            saving::every(EVERY, || std::future::ready(()), move || kept.save());
        }
        kept
    }

    /// Writes the file where something changed. Keys that are gone are left out.
    pub fn save(&self) {
        let Some(path) = &self.path else { return };
        let serving = self.shared.serving.load();
        let known: BTreeMap<&str, String> = serving
            .snapshot
            .last_used()
            .map(|(key, at)| (key, at.load(Ordering::Relaxed)))
            .filter(|(_, at)| *at > 0)
            .map(|(key, at)| (key, Stamp(at).rfc3339()))
            .collect();
        let Ok(content) = serde_json::to_vec(&known) else {
            return;
        };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if *written == content || (known.is_empty() && written.is_empty()) {
            return;
        }
        match private::replace(path, &content) {
            Ok(()) => *written = content,
            Err(error) => tracing::warn!("when keys were last used is not kept: {error}"),
        }
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, String>> {
    let content = private::read(path)?.unwrap_or_else(|| b"{}".to_vec());
    serde_json::from_slice(&content)
        .map_err(|error| Error::invalid(format!("`{}` is damaged", path.display())).cause(error))
}

fn restore(shared: &Shared, known: &BTreeMap<String, String>) {
    let serving = shared.serving.load();
    for (key, last) in serving.snapshot.last_used() {
        if let Some(Ok(at)) = known.get(key).map(|time| Stamp::parse(time)) {
            last.fetch_max(at.0, Ordering::Relaxed);
        }
    }
}
