//! What providers keep under the gateway's credential, such as answers that a later request goes on from: which key had
//! it made, and where. It is another caller's for everybody else, and only the provider and model that made it know it.
//! Must not know formats, and keeps no id: digests alone.

use super::failure::Failure;
use crate::chat::Fault;
use crate::formats::peek;
use crate::plan::{Caller, Choice, Excluded, Plan, Snapshot, Why};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// How many are known of one caller, and of all: a caller's oldest go first, and where all have too many those of the
/// caller who has most, so that nobody's are pushed out by somebody else's.
const MOST_OF_ONE: usize = 20_000;
const MOST: usize = 200_000;

/// Half a digest: of an object's id, or of who a caller is.
pub type Mark = [u8; 16];

/// Where something is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    pub provider: Arc<str>,
    /// The model's id upstream; empty: it is no model's, as files are.
    pub model: Arc<str>,
}

/// One thing that became known: where something is kept, or (`None`) that it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub owner: Mark,
    pub mark: Mark,
    pub home: Option<Home>,
}

/// Everything that is known to be kept.
#[derive(Default)]
pub struct Keeper {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    owners: HashMap<Mark, Things>,
    /// Who had it made, of each.
    makers: HashMap<Mark, Mark>,
    count: usize,
    /// What has changed since somebody asked; `None`: nobody does.
    changes: Option<Vec<Change>>,
}

/// One caller's.
#[derive(Default)]
struct Things {
    homes: HashMap<Mark, Home>,
    /// Oldest first; what has been forgotten may still be in it.
    order: VecDeque<Mark>,
}

impl Things {
    /// Forgets the oldest, if any.
    fn shed(&mut self) -> Option<Mark> {
        while let Some(oldest) = self.order.pop_front() {
            if self.homes.remove(&oldest).is_some() {
                return Some(oldest);
            }
        }
        None
    }
}

impl Inner {
    fn apply(&mut self, change: Change) {
        let things = self.owners.entry(change.owner).or_default();
        let before = match &change.home {
            None => things.homes.remove(&change.mark).map(|_| ()),
            Some(home) => {
                let before = things.homes.insert(change.mark, home.clone());
                if before.is_none() {
                    things.order.push_back(change.mark);
                }
                before.map(|_| ())
            }
        };
        match (before, &change.home) {
            (None, Some(_)) => self.count += 1,
            (Some(()), None) => self.count -= 1,
            _ => {}
        }
        // What is gone leaves its place behind; they are bounded with the rest.
        let full = things.homes.len() > MOST_OF_ONE || things.order.len() > 2 * MOST_OF_ONE;
        match &change.home {
            Some(_) => drop(self.makers.insert(change.mark, change.owner)),
            None => self.unmade(change.owner, change.mark),
        }
        let owner = change.owner;
        if let Some(changes) = &mut self.changes {
            changes.push(change);
        }
        if full {
            self.shed(owner);
        }
        if self.count > MOST {
            let most = self.owners.iter().max_by_key(|(_, it)| it.homes.len());
            if let Some(owner) = most.map(|(owner, _)| *owner) {
                // Some at once: finding the one who has most takes a look at all.
                (0..MOST / 100).for_each(|_| self.shed(owner));
            }
        }
        if self
            .owners
            .get(&owner)
            .is_some_and(|it| it.homes.is_empty())
        {
            self.owners.remove(&owner);
        }
    }

    /// Forgets who had something made.
    fn unmade(&mut self, owner: Mark, mark: Mark) {
        if self.makers.get(&mark) == Some(&owner) {
            self.makers.remove(&mark);
        }
    }

    /// Forgets a caller's oldest.
    fn shed(&mut self, owner: Mark) {
        let shed = self.owners.get_mut(&owner).and_then(Things::shed);
        if let Some(mark) = shed {
            self.count -= 1;
            self.unmade(owner, mark);
            if let Some(changes) = &mut self.changes {
                changes.push(Change {
                    owner,
                    mark,
                    home: None,
                });
            }
        }
    }
}

impl Keeper {
    /// Where this caller's object of this id is.
    pub fn find(&self, caller: &Caller, id: &str) -> Option<Home> {
        let inner = self.inner();
        let things = inner.owners.get(&owner(caller))?;
        things.homes.get(&mark(id)).cloned()
    }

    /// Whether somebody is known to have had it made.
    fn is_made(&self, id: &str) -> bool {
        self.inner().makers.contains_key(&mark(id))
    }

    /// Notes that a caller's request has made it.
    pub fn note(&self, caller: &Caller, id: &str, home: Home) {
        self.change(caller, id, Some(home));
    }

    /// Forgets one that is gone.
    pub fn forget(&self, caller: &Caller, id: &str) {
        if self.find(caller, id).is_some() {
            self.change(caller, id, None);
        }
    }

    fn change(&self, caller: &Caller, id: &str, home: Option<Home>) {
        self.inner().apply(Change {
            owner: owner(caller),
            mark: mark(id),
            home,
        });
        self.changed.notify_one();
    }

    /// Waits until something has changed since the last time.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes over what was known before, and notes from here on what changes.
    pub fn restore(&self, known: impl IntoIterator<Item = Change>) {
        let mut inner = self.inner();
        inner.changes = None;
        known.into_iter().for_each(|change| inner.apply(change));
        inner.changes = Some(Vec::new());
    }

    /// What has changed since the last time.
    pub fn changes(&self) -> Vec<Change> {
        let mut inner = self.inner();
        inner
            .changes
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// How much is known.
    pub fn count(&self) -> usize {
        self.inner().count
    }

    /// Everything that is known, each caller's oldest first.
    pub fn all(&self) -> Vec<Change> {
        let inner = self.inner();
        let each = inner.owners.iter().flat_map(|(owner, things)| {
            things.order.iter().filter_map(|mark| {
                Some(Change {
                    owner: *owner,
                    mark: *mark,
                    home: Some(things.homes.get(mark)?.clone()),
                })
            })
        });
        each.collect()
    }

    /// A panic elsewhere leaves the map whole.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves of a plan the targets that may be asked for what the request names: where this caller's own is kept; of
    /// anything else those that are asked with the caller's own key. Any other would show one caller what is another's.
    pub fn hold(
        &self,
        named: &[peek::Kept<'_>],
        caller: &Caller,
        snapshot: &Snapshot,
        plan: &mut Plan,
    ) -> Result<(), Failure> {
        for kept in named {
            let home = self.find(caller, &kept.id);
            if home.is_none() && kept.missing.open && !self.is_made(&kept.id) {
                continue;
            }
            let chosen_by_caller = |choice: &Choice| match &plan.route {
                None => true,
                Some(route) => route.pool(plan.rule).targets.iter().any(|target| {
                    target.model.is_none()
                        && snapshot.provider(&target.provider_name) == Some(choice.provider)
                }),
            };
            let stays = |choice: &Choice| match &home {
                None => snapshot.takes_own_key(choice.provider),
                Some(home) => {
                    snapshot.provider(&home.provider) == Some(choice.provider)
                        && (home.model.is_empty()
                            || choice.model == home.model
                            || chosen_by_caller(choice))
                }
            };
            let holds = |choices: &[Choice]| -> Vec<Choice> {
                choices.iter().filter(|it| stays(it)).cloned().collect()
            };
            let (attempts, later) = (holds(&plan.attempts), holds(&plan.later));
            if attempts.is_empty() && later.is_empty() {
                return Err(missing(kept, home.as_ref()));
            }
            // What else rests is no way for this request, however soon it is free.
            if let Some(home) = &home {
                let rests = |out: &Excluded| matches!(out.why, Why::Resting(_) | Why::Checks(_));
                plan.excluded
                    .retain(|out| !rests(out) || out.provider == home.provider);
            }
            (plan.attempts, plan.later) = (attempts, later);
        }
        Ok(())
    }
}

fn mark(id: &str) -> Mark {
    half(Sha256::new_with_prefix(id))
}

fn owner(caller: &Caller) -> Mark {
    let mut digest = Sha256::new();
    for part in [&*caller.user, &*caller.key] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.update(caller.created.0.to_le_bytes());
    half(digest)
}

fn half(digest: Sha256) -> Mark {
    let mut mark = Mark::default();
    let whole = digest.finalize();
    mark.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    mark
}

/// In words and with the code that clients know from the provider itself.
fn missing(kept: &peek::Kept<'_>, home: Option<&Home>) -> Failure {
    let member = kept.member;
    let why = match home {
        None => format!("`{member}` names nothing that was made with this key"),
        Some(Home { provider, model }) => format!(
            "what `{member}` names is kept by `{}`, which this request cannot be sent to now",
            match &**model {
                "" => provider.to_string(),
                model => format!("{provider}/{model}"),
            }
        ),
    };
    let fix = kept.missing.fix.replace("{member}", member);
    Failure::unfit(Box::new(Fault {
        status: kept.missing.status,
        kind: "invalid_request_error".into(),
        message: format!("{why} (fix: {fix})"),
        code: Some(kept.missing.code.into()),
        param: Some(member.into()),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::resources::{Stamp, key::LogContent};

    fn caller(user: &str, key: &str) -> Caller {
        Caller {
            labels: Arc::default(),
            key: key.into(),
            user: user.into(),
            created: Stamp(0),
            environment: "default".into(),
            expires: None,
            active: true,
            log_content: LogContent::Metadata,
            allowance: None,
            direct: Vec::new(),
            running: Arc::default(),
            last_used: Arc::default(),
        }
    }

    fn home(provider: &str) -> Home {
        Home {
            provider: provider.into(),
            model: "m".into(),
        }
    }

    #[test]
    fn what_is_kept_is_found_by_the_key_that_made_it_alone() {
        let keeper = Keeper::default();
        let ours = caller("u", "k");
        keeper.note(&ours, "resp_1", home("p"));
        assert_eq!(keeper.find(&ours, "resp_1"), Some(home("p")));
        for (other, id) in [
            (caller("u", "l"), "resp_1"),
            (caller("v", "k"), "resp_1"),
            (caller("uk", ""), "resp_1"),
            (caller("u", "k"), "resp_2"),
            (caller("u", ""), "kresp_1"),
        ] {
            assert_eq!(keeper.find(&other, id), None, "{other:?} {id}");
        }
        let again = Caller {
            created: Stamp(1),
            ..caller("u", "k")
        };
        assert_eq!(keeper.find(&again, "resp_1"), None);
        keeper.forget(&caller("u", "l"), "resp_1");
        assert!(keeper.find(&ours, "resp_1").is_some());
        keeper.forget(&ours, "resp_1");
        assert_eq!(keeper.find(&ours, "resp_1"), None);
    }

    #[test]
    fn the_oldest_of_who_has_most_are_forgotten_first() {
        let (keeper, ours, few) = (Keeper::default(), caller("u", "k"), caller("u", "few"));
        keeper.note(&few, "resp_few", home("p"));
        for at in 0..MOST_OF_ONE + 3 {
            keeper.note(&ours, &format!("resp_{at}"), home("p"));
        }
        assert_eq!(keeper.find(&ours, "resp_2"), None);
        assert!(keeper.find(&ours, "resp_3").is_some());
        // Many callers together are too many.
        for at in 0..MOST {
            let other = caller("v", &format!("k{}", at / MOST_OF_ONE));
            keeper.note(&other, &format!("resp_{at}"), home("p"));
        }
        let inner = keeper.inner();
        assert!(inner.count <= MOST, "{}", inner.count);
        let held: usize = inner.owners.values().map(|it| it.homes.len()).sum();
        assert_eq!(held, inner.count);
        drop(inner);
        assert!(keeper.find(&few, "resp_few").is_some());
    }

    #[test]
    fn what_changed_and_what_is_known_come_to_the_same() {
        let (first, ours) = (Keeper::default(), caller("u", "k"));
        assert_eq!(first.changes(), []);
        first.restore([]);
        for id in ["a", "b", "c"] {
            first.note(&ours, id, home("p"));
        }
        first.note(&ours, "b", home("q"));
        first.forget(&ours, "a");
        first.forget(&ours, "never");
        let (changes, all) = (first.changes(), first.all());
        assert_eq!((changes.len(), all.len()), (5, 2));
        assert_eq!(first.changes(), []);
        for known in [changes, all] {
            let second = Keeper::default();
            second.restore(known);
            assert_eq!(second.all(), first.all());
            assert_eq!(second.find(&ours, "b"), Some(home("q")));
            assert_eq!(second.find(&ours, "a"), None);
        }
    }
}
