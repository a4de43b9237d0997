//! What providers keep under the gateway's credential, such as answers that a later request goes on from: which key had
//! it made, and where. It is another caller's for everybody else, and only the provider and model that made it know it.
//! Must not know formats, and keeps no id: digests alone.

use super::failure::Failure;
use crate::chat::Fault;
use crate::formats::peek;
use crate::plan::{Caller, Choice, Plan, Snapshot};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many are known; the oldest go first.
const MOST: usize = 100_000;

/// Half a digest of an object's id together with whose it is.
type Mark = [u8; 16];

/// Where something is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    pub provider: Arc<str>,
    /// The model's id upstream.
    pub model: Arc<str>,
}

/// Everything that is known to be kept.
#[derive(Default)]
pub struct Keeper {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    homes: HashMap<Mark, Home>,
    /// Oldest first; what has been forgotten may still be in it.
    order: VecDeque<Mark>,
}

impl Keeper {
    /// Where this caller's object of this id is.
    pub fn find(&self, caller: &Caller, id: &str) -> Option<Home> {
        self.inner().homes.get(&mark(caller, id)).cloned()
    }

    /// Notes that a caller's request has made it.
    pub fn note(&self, caller: &Caller, id: &str, home: Home) {
        let mark = mark(caller, id);
        let mut inner = self.inner();
        if inner.homes.insert(mark, home).is_none() {
            inner.order.push_back(mark);
        }
        while inner.order.len() > MOST {
            if let Some(oldest) = inner.order.pop_front() {
                inner.homes.remove(&oldest);
            }
        }
    }

    /// Forgets one that is gone.
    pub fn forget(&self, caller: &Caller, id: &str) {
        self.inner().homes.remove(&mark(caller, id));
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
            let chosen_by_caller = |choice: &Choice| match &plan.route {
                None => true,
                Some(route) => route.targets.iter().any(|target| {
                    target.model.is_none()
                        && snapshot.provider(&target.provider_name) == Some(choice.provider)
                }),
            };
            let stays = |choice: &Choice| match &home {
                None => snapshot.takes_own_key(choice.provider),
                Some(home) => {
                    snapshot.provider(&home.provider) == Some(choice.provider)
                        && (choice.model == home.model || chosen_by_caller(choice))
                }
            };
            let attempts: Vec<Choice> = plan
                .attempts
                .iter()
                .filter(|it| stays(it))
                .cloned()
                .collect();
            if attempts.is_empty() {
                return Err(missing(kept, home.as_ref()));
            }
            plan.attempts = attempts;
        }
        Ok(())
    }
}

fn mark(caller: &Caller, id: &str) -> Mark {
    let mut digest = Sha256::new();
    for part in [&*caller.user, &*caller.key] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.update(id);
    let mut mark = Mark::default();
    let whole = digest.finalize();
    mark.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    mark
}

/// 400 in words and with the code that clients know from the provider itself.
fn missing(kept: &peek::Kept<'_>, home: Option<&Home>) -> Failure {
    let member = kept.member;
    let why = match home {
        None => format!("`{member}` names nothing that was made with this key"),
        Some(Home { provider, model }) => format!(
            "what `{member}` names is kept by `{provider}/{model}`, which this request cannot be sent to now"
        ),
    };
    Failure::unfit(Box::new(Fault {
        status: 400,
        kind: "invalid_request_error".into(),
        message: format!("{why} (fix: send the whole conversation, without `{member}`)"),
        code: Some(kept.missing.into()),
        param: Some(member.into()),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::resources::key::LogContent;

    fn caller(user: &str, key: &str) -> Caller {
        Caller {
            key: key.into(),
            user: user.into(),
            environment: "default".into(),
            expires: None,
            active: true,
            log_content: LogContent::Metadata,
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
        keeper.forget(&caller("u", "l"), "resp_1");
        assert!(keeper.find(&ours, "resp_1").is_some());
        keeper.forget(&ours, "resp_1");
        assert_eq!(keeper.find(&ours, "resp_1"), None);
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let keeper = Keeper::default();
        let ours = caller("u", "k");
        for at in 0..MOST + 3 {
            keeper.note(&ours, &format!("resp_{at}"), home("p"));
        }
        assert_eq!(keeper.find(&ours, "resp_2"), None);
        assert!(keeper.find(&ours, "resp_3").is_some());
        assert_eq!(keeper.inner().homes.len(), MOST);
    }
}
