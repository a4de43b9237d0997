//! The one writer: holds every record in memory, turns drafts into one commit each, and hands the result to
//! the data plane. A write is acknowledged only after it is durable and in force.

use super::{Deps, Published, credentials, draft::Draft};
use crate::error::{Error, Kind, Result};
use crate::resources::Record;
use crate::store::records::{Actor, Change};
use crate::store::secret::Secret;
use crate::upstream::Access;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

/// Records by (kind, name).
pub type Book = BTreeMap<(String, String), Record>;

/// By provider: what its record refers to, or why that is not to be had.
pub type Credentials = HashMap<String, Result<Access, String>>;

/// What is in force: never changed, only replaced.
#[derive(Default)]
pub struct State {
    pub revision: u64,
    pub records: Book,
    pub credentials: Credentials,
}

impl State {
    /// The record, or an error whose hint is the line that makes it.
    pub fn get(&self, kind: &str, name: &str) -> Result<&Record> {
        self.records
            .get(&(kind.to_owned(), name.to_owned()))
            .ok_or_else(|| super::refs::missing(kind, name))
    }
    /// Every record of a kind, by name.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Record> {
        self.records
            .values()
            .filter(move |record| record.kind == kind)
    }
}

/// The desk every admin listener of a process shares.
pub struct Desk {
    pub(super) deps: Deps,
    state: RwLock<Arc<State>>,
    /// Held while a change is drafted, committed and published; readers never wait for it.
    writer: tokio::sync::Mutex<()>,
    pub(super) idempotency: super::idempotency::IdempotencyKeys,
    retry: Arc<tokio::sync::Notify>,
}

/// First and longest pause between attempts at credentials that could not be had.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

impl Desk {
    /// Reads the store, resolves credentials, publishes, and keeps trying for credentials that are missing.
    pub async fn open(deps: Deps) -> Result<Arc<Desk>> {
        let store = deps.records.clone();
        let (revision, list) = blocking(move || store.load()).await?;
        let records: Book = list
            .into_iter()
            .map(|record| ((record.kind.clone(), record.name.clone()), record))
            .collect();
        let every = records
            .values()
            .filter(|record| record.kind == "provider")
            .cloned()
            .collect();
        let credentials = resolve(&deps, every).await;
        let state = Arc::new(State {
            revision,
            records,
            credentials,
        });
        publish(&deps, &state);
        let desk = Arc::new(Desk {
            deps,
            state: RwLock::new(state),
            writer: tokio::sync::Mutex::new(()),
            idempotency: super::idempotency::IdempotencyKeys::default(),
            retry: Arc::default(),
        });
        tokio::spawn(retry(Arc::downgrade(&desk)));
        Ok(desk)
    }

    /// What is in force now.
    pub fn state(&self) -> Arc<State> {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs `plan` over a draft of the current state and makes what it drafted true, all or nothing. With
    /// `dry_run` everything is checked and nothing is changed.
    ///
    /// Not to be dropped half-way: callers that may go away run it in a task of its own.
    pub async fn write<T>(
        &self,
        actor: &Actor,
        dry_run: bool,
        plan: impl FnOnce(&mut Draft<'_>) -> Result<T>,
    ) -> Result<T> {
        let _turn = self.writer.lock().await;
        let before = self.state();
        let mut draft = Draft::new(&before, &self.deps.hasher);
        let answer = plan(&mut draft)?;
        let batch = draft.finish()?;
        self.check_references(&before, &batch.changes).await?;
        if dry_run || batch.changes.is_empty() && batch.secrets.is_empty() {
            return Ok(answer);
        }
        let restore = self.store_secrets(&batch.secrets).await?;
        let (store, who, changes) = (
            self.deps.records.clone(),
            actor.clone(),
            batch.changes.clone(),
        );
        let committed = match changes.is_empty() {
            true => Ok(before.revision),
            false => blocking(move || store.commit(&who, &changes)).await,
        };
        let revision = match committed {
            Ok(revision) => revision,
            Err(error) => {
                self.put_back(restore).await;
                return Err(error);
            }
        };
        let touched: BTreeSet<String> = batch.providers();
        let changed = batch
            .records
            .values()
            .filter(|record| record.kind == "provider" && touched.contains(&record.name))
            .cloned()
            .collect();
        let mut credentials = before.credentials.clone();
        credentials.retain(|name, _| !touched.contains(name));
        credentials.extend(resolve(&self.deps, changed).await);
        self.install(State {
            revision,
            records: batch.records,
            credentials,
        });
        self.forget_secrets(batch.forget).await;
        Ok(answer)
    }

    fn install(&self, state: State) {
        let state = Arc::new(state);
        let failing = state.credentials.values().any(Result::is_err);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state.clone();
        publish(&self.deps, &state);
        if failing {
            self.retry.notify_one();
        }
    }

    /// Looks at what changed providers newly refer to outside of gw.
    async fn check_references(&self, before: &Arc<State>, changes: &[Change]) -> Result<()> {
        for change in changes {
            let Change::Put { record, .. } = change else {
                continue;
            };
            if record.kind != "provider" {
                continue;
            }
            let old = before.get("provider", &record.name).ok().cloned();
            let (vault, new) = (self.deps.vault.clone(), record.clone());
            blocking(move || credentials::check_references(&*vault, old.as_ref(), &new)).await?;
        }
        Ok(())
    }

    /// Writes managed secrets before the records that need them; gives what was there before.
    async fn store_secrets(
        &self,
        secrets: &[(String, Secret)],
    ) -> Result<Vec<(String, Option<Secret>)>> {
        let mut restore = Vec::new();
        for (name, secret) in secrets.iter().cloned() {
            let (vault, at) = (self.deps.vault.clone(), name.clone());
            let stored = blocking(move || {
                let old = vault.get(&at)?;
                vault.set(&at, &secret)?;
                Ok(old)
            });
            match stored.await {
                Ok(old) => restore.push((name, old)),
                Err(error) => {
                    self.put_back(restore).await;
                    return Err(error);
                }
            }
        }
        Ok(restore)
    }

    async fn put_back(&self, restore: Vec<(String, Option<Secret>)>) {
        for (name, old) in restore {
            let vault = self.deps.vault.clone();
            let done = blocking(move || match old {
                Some(old) => vault.set(&name, &old),
                None => vault.delete(&name),
            });
            if let Err(error) = done.await {
                tracing::warn!(%error, "a secret of a refused change is still in the vault");
            }
        }
    }

    async fn forget_secrets(&self, names: Vec<String>) {
        for name in names {
            let vault = self.deps.vault.clone();
            if let Err(error) = blocking(move || vault.delete(&name)).await {
                tracing::warn!(%error, "a secret of a deleted provider is still in the vault");
            }
        }
    }

    /// Asks again for every credential that could not be had, and reads credential files anew; true where some
    /// are still missing. Writers do not wait meanwhile: a locked keyring takes its time.
    pub async fn refresh_credentials(&self) -> bool {
        let before = self.state();
        let asks = |record: &&Record| {
            before
                .credentials
                .get(&record.name)
                .is_none_or(Result::is_err)
                || credentials::in_file(record)
        };
        let list: Vec<Record> = before.of("provider").filter(asks).cloned().collect();
        if list.is_empty() {
            return false;
        }
        let asked: HashMap<String, u64> = list
            .iter()
            .map(|record| (record.name.clone(), record.version))
            .collect();
        let mut fresh = resolve(&self.deps, list).await;
        let still = fresh.values().any(Result::is_err);
        let _turn = self.writer.lock().await;
        let now = self.state();
        fresh.retain(|name, found| {
            // What has been changed since was resolved by that change.
            let same = now
                .get("provider", name)
                .is_ok_and(|record| Some(&record.version) == asked.get(name));
            let known = now.credentials.get(name);
            // A good credential is not given up because its file cannot be read at this moment.
            same && known != Some(found) && !(found.is_err() && known.is_some_and(Result::is_ok))
        });
        if !fresh.is_empty() {
            let mut credentials = now.credentials.clone();
            credentials.extend(fresh);
            let state = Arc::new(State {
                revision: now.revision,
                records: now.records.clone(),
                credentials,
            });
            *self.state.write().unwrap_or_else(PoisonError::into_inner) = state.clone();
            publish(&self.deps, &state);
        }
        still
    }
}

async fn retry(desk: Weak<Desk>) {
    let mut pause = RETRY.0;
    loop {
        let Some(strong) = desk.upgrade() else { return };
        let missing = strong.refresh_credentials().await;
        // Not held while waiting: the desk, and the store with it, goes when its last listener goes.
        let wake = strong.retry.clone();
        drop(strong);
        if missing {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        } else {
            let _ = tokio::time::timeout(RETRY.1, wake.notified()).await;
            pause = RETRY.0;
        }
    }
}

fn publish(deps: &Deps, state: &State) {
    let records: Vec<Record> = state.records.values().cloned().collect();
    (deps.publish)(Published {
        revision: state.revision,
        records: &records,
        credentials: &state.credentials,
    });
}

/// Each provider's credential, all asked for at once: every one may take as long as a locked keyring does.
async fn resolve(deps: &Deps, providers: Vec<Record>) -> Credentials {
    let one = |record: Record| {
        let (vault, name) = (deps.vault.clone(), record.name.clone());
        async move {
            let found = blocking(move || Ok(credentials::resolve(&*vault, &record))).await;
            (name, found.unwrap_or_else(|error| Err(error.to_string())))
        }
    };
    futures_util::future::join_all(providers.into_iter().map(one))
        .await
        .into_iter()
        .collect()
}

/// Runs what blocks on a disk or a secret store off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(Kind::Internal, "a store call did not finish").cause(error)),
    }
}
