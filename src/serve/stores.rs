//! Opens what holds state, in the order that makes errors clear, and closes it so that nothing is lost.

use crate::admin;
use crate::config::{Config, SecretStore};
use crate::error::{Error, Result};
use crate::parallel;
use crate::store::{
    ADMIN_TOKEN,
    counters::{self, Counters},
    digest_key,
    journal::{self, Journal},
    lock::{self, Lock},
    modes,
    records::{self, Records},
    secret::Secret,
    token::Hasher,
    upkeep::Upkeep,
    vault::{self, Choice, MasterKey, Vault},
};
use std::{path::PathBuf, sync::Arc};

/// Everything that holds state.
pub struct Stores {
    pub records: Arc<dyn Records>,
    pub journal: Arc<dyn Journal>,
    pub counters: Arc<dyn Counters>,
    pub vault: Arc<dyn Vault>,
    pub hasher: Hasher,
    /// The data directory; a private temporary one with `--in-memory` (for the admin token).
    pub dir: PathBuf,
    /// What a start had to mend, to be said aloud.
    pub notice: Option<String>,
    lock: Option<Arc<Lock>>,
    _temporary: Option<Temporary>,
}

/// What a gateway in memory has in the file system, taken away with it however it ends.
struct Temporary(Config);

impl Drop for Temporary {
    fn drop(&mut self) {
        tidy(&self.0);
    }
}

/// Removes what a gateway in memory has in the file system: its directory, and the one of its private socket.
pub fn tidy(config: &Config) {
    if !(config.server.in_memory || config.dev) {
        return;
    }
    let _ = std::fs::remove_dir_all(own_dir());
    let sockets = crate::config::private_dir();
    let _ = std::fs::remove_file(sockets.join("admin.sock"));
    // Only an empty one goes.
    let _ = std::fs::remove_dir(sockets);
}

/// The directory of a gateway in memory.
fn own_dir() -> PathBuf {
    std::env::temp_dir().join(format!("gw-{}", std::process::id()))
}

impl Stores {
    /// The file that keeps when keys were last used; `None` where nothing is kept.
    pub fn last_used(&self) -> Option<PathBuf> {
        self.lock.as_ref().map(|_| self.dir.join("last-used.json"))
    }

    /// The file that keeps what providers keep for whom; `None` where nothing is kept.
    pub fn kept(&self) -> Option<PathBuf> {
        self.lock.as_ref().map(|_| self.dir.join("kept.jsonl"))
    }

    /// The file that keeps newer prices; `None` where nothing is kept.
    pub fn prices(&self) -> Option<PathBuf> {
        self.lock.as_ref().map(|_| self.dir.join("prices.json"))
    }

    pub fn open(config: &Config) -> Result<Stores> {
        match config.server.in_memory || config.dev {
            true => Stores::memory(config),
            false => Stores::disk(config),
        }
    }

    fn memory(config: &Config) -> Result<Stores> {
        let dir = own_dir();
        let vault = match config.secrets.store {
            SecretStore::Auto | SecretStore::Memory => {
                Arc::new(vault::Memory::default()) as Arc<dyn Vault>
            }
            _ => {
                return Err(
                    Error::invalid("with --in-memory secrets live in memory too")
                        .hint("leave out --secrets, or give a --data-dir"),
                );
            }
        };
        private_dir(&dir)?;
        let temporary = Temporary(config.clone());
        Ok(Stores {
            records: Arc::new(records::memory::Memory::new()),
            journal: Arc::new(
                journal::memory::Memory::new(20_000, 64 << 20).redacting(redaction(config)?),
            ),
            counters: Arc::new(counters::Memory::default()),
            vault,
            hasher: Hasher::ephemeral()?,
            dir,
            notice: None,
            lock: None,
            _temporary: Some(temporary),
        })
    }

    fn disk(config: &Config) -> Result<Stores> {
        let dir = config.data_dir();
        let lock = Arc::new(lock::take(&dir, "")?);
        let mut mended = modes::mend(&dir)?;
        // A killed gateway's; the start may take long, and nobody is to take it for this one's.
        super::ready::remove_file(config);
        let records = records::sled::Sled::open(&dir)?.under(lock.clone());
        mended.extend(records.notice());
        let notice = (!mended.is_empty()).then(|| mended.join("\n"));
        let hasher = digest_key::open(&dir, &records)?;
        let choice = match config.secrets.store {
            SecretStore::Auto => Choice::Auto,
            SecretStore::Keyring => Choice::Keyring,
            SecretStore::Sealed => Choice::Sealed,
            SecretStore::Memory => Choice::Memory,
        };
        let vault = vault::open(
            &dir,
            choice,
            MasterKey::given(config.secrets.master_key_file.as_deref())?,
        )?;
        let limit = |bytes: u64| (bytes > 0).then_some(bytes);
        let settings = journal::segments::Settings {
            max_bytes: limit(config.logs.max_bytes.0),
            content_max_bytes: limit(config.logs.content_max_bytes.0),
            max_age: config.logs.max_age.std(),
            content_max_age: config.logs.content_max_age.std(),
            redact: redaction(config)?,
            ..Default::default()
        };
        let (journal, counters) = parallel::both(
            || journal::segments::Segments::open(dir.join("logs"), settings),
            || counters::Embedded::open(&dir.join("counters")),
        );
        let (journal, counters) = (journal?, counters?);
        Ok(Stores {
            records: Arc::new(records),
            journal: Arc::new(journal),
            counters: Arc::new(counters),
            vault,
            hasher,
            dir,
            notice,
            lock: Some(lock),
            _temporary: None,
        })
    }

    /// The stores as a whole.
    pub fn upkeep(&self) -> Upkeep {
        Upkeep {
            dir: self.lock.as_ref().map(|_| self.dir.clone()),
            records: self.records.clone(),
            journal: self.journal.clone(),
            counters: self.counters.clone(),
        }
    }

    /// The admin token for TCP, made where there is none.
    pub fn admin_token(&self) -> Result<Secret> {
        let path = self.dir.join(ADMIN_TOKEN);
        // The lock is ours, so nobody is writing it: an empty file is what a cut left of the first start, and nobody has
        // that token.
        if std::fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() == 0) {
            let _ = std::fs::remove_file(&path);
        }
        admin::token(&self.dir)
    }

    /// Lets a second gateway's error say where this one's admin API is.
    pub fn announce(&self, admin: &str) {
        if let Some(lock) = &self.lock {
            lock.announce(admin);
        }
    }

    /// Writes out the log; the records are durable already.
    pub fn close(self) {}
}

impl Drop for Stores {
    fn drop(&mut self) {
        // Before the lock goes: the next gateway must not meet this one's writer.
        self.journal.close();
        self.counters.close();
    }
}

/// What request logs are not to keep.
fn redaction(config: &Config) -> Result<journal::Redaction> {
    let keys = crate::formats::fault::credential_pattern();
    journal::Redaction::new(&config.logs.redact, &keys)
}

fn private_dir(dir: &std::path::Path) -> Result<()> {
    #[allow(unused_mut)]
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir).map_err(|error| {
        Error::invalid(format!("cannot make the directory `{}`", dir.display()))
            .cause(error)
            .hint("set TMPDIR to a directory that can be written")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::error::Kind;
    use crate::store::records::{Actor, Change};

    #[test]
    fn the_lock_outlives_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.data_dir = Some(dir.path().to_owned());
        config.secrets.store = SecretStore::Memory;
        let stores = Stores::open(&config).unwrap();
        // As the desk and the listeners hold it, which may end after the stores were closed.
        let records = stores.records.clone();
        stores.close();
        let held = || lock::take(dir.path(), "").map(|_| ()).unwrap_err().kind;
        assert_eq!(held(), Kind::Conflict);
        let record = serde_json::from_value(serde_json::json!({"kind": "user", "name": "ann", "version": 0, "created": 0, "updated": 0, "spec": {}})).unwrap();
        let change = Change::Put {
            expected: 0,
            record,
        };
        records
            .commit(&Actor::default(), records.state().revision, &[change])
            .unwrap();
        assert_eq!(held(), Kind::Conflict);
        drop(records);
        lock::take(dir.path(), "").unwrap();
    }
}
