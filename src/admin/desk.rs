//! The one writer: turns drafts into one commit each and hands the result to the data plane. A write is
//! acknowledged only after it is durable and in force.

use super::in_force::{Credentials, InForce};
use super::{Deps, Published, credentials, draft::Draft};
use crate::catalog::Overlay;
use crate::error::{Error, Kind, Result};
use crate::resources::{Record, Spec, Stamp};
use crate::store::records::{Actor, At, Change, Commit, OWN_KIND, State};
use crate::store::secret::Secret;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

/// The desk every admin listener of a process shares.
pub struct Desk {
    pub(super) deps: Deps,
    in_force: RwLock<Arc<InForce>>,
    /// Held while a change is drafted, committed and published; readers never wait for it.
    writer: tokio::sync::Mutex<()>,
    pub(super) idempotency: super::idempotency::IdempotencyKeys,
    pub(super) recent: super::used::Recent,
    retry: Arc<tokio::sync::Notify>,
}

/// First and longest pause between attempts at credentials that could not be had.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// How often a change is planned again because others wrote meanwhile.
const PLANS: usize = 20;

impl Desk {
    /// Takes over what the store has, resolves credentials, publishes, and keeps trying for credentials that
    /// are missing.
    pub async fn open(deps: Deps) -> Result<Arc<Desk>> {
        let newest = deps.records.watch();
        let desk = Arc::new(Desk {
            deps,
            in_force: RwLock::default(),
            writer: tokio::sync::Mutex::new(()),
            idempotency: super::idempotency::IdempotencyKeys::default(),
            recent: super::used::Recent::default(),
            retry: Arc::default(),
        });
        let records = desk.deps.records.state();
        let prices = desk.deps.prices.clone();
        *desk
            .in_force
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(InForce {
            prices,
            ..InForce::default()
        });
        let touched = records.entries().map(|(at, _)| at.clone()).collect();
        if !desk.deps.mended {
            desk.forget_unknown(&records).await;
        }
        desk.install(records, &touched).await;
        tokio::spawn(retry(Arc::downgrade(&desk)));
        tokio::spawn(follow(Arc::downgrade(&desk), newest));
        Ok(desk)
    }

    /// What is in force now.
    pub fn in_force(&self) -> Arc<InForce> {
        self.in_force
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs `plan` over a draft of what is in force and makes what it drafted true, all or nothing. With
    /// `dry_run` everything is checked and nothing is changed. `plan` runs again where others wrote meanwhile:
    /// what was checked against an older state is checked against the newer one.
    ///
    /// Not to be dropped half-way: callers that may go away run it in a task of its own.
    pub async fn write<T>(
        &self,
        actor: &Actor,
        dry_run: bool,
        plan: impl Fn(&mut Draft<'_>) -> Result<T>,
    ) -> Result<T> {
        let (answer, touched) = self.change(actor, dry_run, plan).await?;
        let providers = touched.into_iter().filter(|(kind, _)| kind == "provider");
        let providers: BTreeSet<String> = providers.map(|(_, name)| name).collect();
        if !providers.is_empty() {
            // So that a request right after finds what it is signed in with. Others may write meanwhile.
            (self.deps.settled)(providers).await;
        }
        Ok(answer)
    }

    /// The same; also what was touched.
    async fn change<T>(
        &self,
        actor: &Actor,
        dry_run: bool,
        plan: impl Fn(&mut Draft<'_>) -> Result<T>,
    ) -> Result<(T, BTreeSet<At>)> {
        let _turn = self.writer.lock().await;
        for _ in 0..PLANS {
            self.catch_up().await?;
            let base = self.in_force();
            let mut draft = Draft::new(&base, &self.deps.hasher);
            let answer = plan(&mut draft)?;
            let batch = draft.finish()?;
            self.check_references(&base, &batch.changes).await?;
            if dry_run || batch.changes.is_empty() {
                return Ok((answer, BTreeSet::new()));
            }
            let entries: Vec<String> = batch.secrets.iter().map(|(at, _)| at.clone()).collect();
            let touched = batch.changes.iter().map(Change::at).collect();
            let (store, who) = (self.deps.records.clone(), actor.clone());
            let (revision, changes) = (base.records.revision, batch.changes);
            let committed = match self.store_secrets(batch.secrets).await {
                Ok(()) => blocking(move || store.commit(&who, revision, &changes)).await,
                Err(error) => Err(error),
            };
            match committed {
                Ok(Commit::Done(records)) => {
                    self.install(records, &touched).await;
                    self.forget(batch.forget).await;
                    return Ok((answer, touched));
                }
                Ok(Commit::Moved(_)) => self.forget(entries).await,
                Err(error) => {
                    self.forget(entries).await;
                    return Err(error);
                }
            }
        }
        Err(Error::new(
            Kind::Conflict,
            "others keep changing records at this moment",
        )
        .hint("nothing was changed; try again"))
    }

    /// Writes into the audit log what was done that is no change of a record anybody sees.
    pub async fn note(&self, actor: &Actor, name: &str, what: Spec) -> Result<()> {
        let _turn = self.writer.lock().await;
        for _ in 0..PLANS {
            let state = self.deps.records.state();
            let (now, known) = (Stamp::now(), state.get(OWN_KIND, name));
            let record = Record {
                kind: OWN_KIND.to_owned(),
                name: name.to_owned(),
                version: 0,
                created: known.as_ref().map_or(now, |known| known.created),
                updated: now,
                spec: what.clone(),
                system: Spec::new(),
            };
            let expected = known.map_or(0, |known| known.version);
            let changes = [Change::Put { expected, record }];
            let (store, who, base) = (self.deps.records.clone(), actor.clone(), state.revision);
            if let Commit::Done(_) = blocking(move || store.commit(&who, base, &changes)).await? {
                return self.catch_up().await;
            }
        }
        Err(Error::new(
            Kind::Conflict,
            "others keep changing records at this moment",
        )
        .hint("what was done is done, and is not in the audit log"))
    }

    /// Brings in what others have written to the same store.
    async fn catch_up(&self) -> Result<()> {
        let before = self.in_force();
        let newest = self.deps.records.state();
        let revision = before.records.revision;
        if newest.revision == revision {
            return Ok(());
        }
        let store = self.deps.records.clone();
        let touched = match blocking(move || store.changes_since(revision)).await? {
            Some(entries) => entries
                .iter()
                .flat_map(|entry| entry.changes.iter().map(Change::at))
                .collect(),
            // Too long ago to be told step by step.
            None => before
                .records
                .difference(&newest)
                .into_keys()
                .collect::<BTreeSet<At>>(),
        };
        self.install(newest, &touched).await;
        Ok(())
    }

    /// Puts these records in force, with the credentials of the providers that were touched read anew.
    async fn install(&self, records: Arc<State>, touched: &BTreeSet<At>) {
        let before = self.in_force();
        let of_providers = || touched.iter().filter(|(kind, _)| kind == "provider");
        let mut found = before.credentials.clone();
        if of_providers().next().is_some() {
            let there: Vec<Arc<Record>> = of_providers().filter_map(|at| records.at(at)).collect();
            let mut credentials = (*found).clone();
            of_providers().for_each(|(_, name)| drop(credentials.remove(name)));
            credentials.extend(resolve(&self.deps, there).await);
            found = Arc::new(credentials);
        }
        self.publish(
            InForce {
                records,
                credentials: found,
                prices: before.prices.clone(),
            },
            touched,
        );
    }

    /// Keeps these prices and puts them in force.
    pub(super) async fn reprice(&self, prices: Arc<Overlay>) -> Result<()> {
        let _turn = self.writer.lock().await;
        let (keep, kept) = (self.deps.keep_prices.clone(), prices.clone());
        blocking(move || keep(kept.published())).await?;
        let now = self.in_force();
        let state = InForce {
            prices,
            ..(*now).clone()
        };
        self.publish(state, &BTreeSet::new());
        Ok(())
    }

    fn publish(&self, state: InForce, touched: &BTreeSet<At>) {
        (self.deps.publish)(Published {
            records: &state.records,
            touched,
            credentials: &state.credentials,
            prices: &state.prices,
        });
        let failing = state.credentials.values().any(Result::is_err);
        *self
            .in_force
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        if failing {
            self.retry.notify_one();
        }
    }

    /// Looks at what changed providers newly refer to outside of gw.
    async fn check_references(&self, before: &InForce, changes: &[Change]) -> Result<()> {
        for change in changes {
            let Change::Put { record, .. } = change else {
                continue;
            };
            if record.kind != "provider" {
                continue;
            }
            let old = before.get("provider", &record.name).ok();
            let (vault, new) = (self.deps.vault.clone(), record.clone());
            blocking(move || credentials::check_references(&*vault, old.as_deref(), &new)).await?;
        }
        Ok(())
    }

    /// Writes managed secrets under names that no record refers to yet.
    async fn store_secrets(&self, secrets: Vec<(String, Secret)>) -> Result<()> {
        for (entry, secret) in secrets {
            let vault = self.deps.vault.clone();
            blocking(move || vault.set(&entry, &secret)).await?;
        }
        Ok(())
    }

    /// Takes secrets out of the vault that no record refers to.
    async fn forget(&self, entries: Vec<String>) {
        for entry in entries {
            let vault = self.deps.vault.clone();
            if let Err(error) = blocking(move || vault.delete(&entry)).await {
                tracing::warn!(%error, "a secret that nothing refers to is still in the vault");
            }
        }
    }

    /// Takes out what a crash between vault and store left: the record decides what is in use.
    async fn forget_unknown(&self, records: &State) {
        let vault = self.deps.vault.clone();
        let names = match blocking(move || vault.names()).await {
            Ok(names) => names,
            Err(error) => {
                tracing::warn!(%error, "the vault cannot be searched for secrets that nothing refers to");
                return;
            }
        };
        let known: BTreeSet<String> = records
            .of("provider", None)
            .filter_map(|record| credentials::entry(&record))
            .collect();
        let unknown = names
            .into_iter()
            .filter(|name| credentials::is_entry(name) && !known.contains(name));
        let unknown: Vec<String> = unknown.collect();
        if !unknown.is_empty() {
            tracing::info!(
                count = unknown.len(),
                "taking secrets out of the vault that no record refers to"
            );
        }
        self.forget(unknown).await;
    }

    /// Asks again for every credential that could not be had, and reads credential files anew; true where some
    /// are still missing. Writers do not wait meanwhile: a locked keyring takes its time.
    pub async fn refresh_credentials(&self) -> bool {
        let before = self.in_force();
        let asks = |record: &Arc<Record>| {
            before
                .credentials
                .get(&record.name)
                .is_none_or(Result::is_err)
                || credentials::in_file(record)
        };
        let list: Vec<Arc<Record>> = before.of("provider").filter(asks).collect();
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
        let now = self.in_force();
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
            let touched = fresh
                .keys()
                .map(|name| ("provider".to_owned(), name.clone()));
            let touched: BTreeSet<At> = touched.collect();
            let mut credentials = (*now.credentials).clone();
            credentials.extend(fresh);
            let state = InForce {
                credentials: Arc::new(credentials),
                ..(*now).clone()
            };
            self.publish(state, &touched);
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

/// Brings in what others write to the same store as they write it.
async fn follow(desk: Weak<Desk>, mut newest: tokio::sync::watch::Receiver<u64>) {
    while newest.changed().await.is_ok() {
        let revision = *newest.borrow_and_update();
        let Some(desk) = desk.upgrade() else { return };
        // Own writes are in force, or about to be: whoever holds the turn sees to it.
        if desk.in_force().records.revision < revision {
            let _turn = desk.writer.lock().await;
            if let Err(error) = desk.catch_up().await {
                tracing::warn!(%error, "changes others made could not be read; the next change brings them in");
            }
        }
    }
}

/// Each provider's credential, all asked for at once: every one may take as long as a locked keyring does.
async fn resolve(deps: &Deps, providers: Vec<Arc<Record>>) -> Credentials {
    let one = |record: Arc<Record>| {
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
