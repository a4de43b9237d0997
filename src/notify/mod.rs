//! Telling somebody: of limits that fill up, of targets that fail and come back, of credentials that are refused. What there is
//! to tell is found by whoever looks; here it is worded, bounded, and brought to commands and addresses. Must not know who asks.

mod deliver;
mod sign;
mod watch;

pub use deliver::Receiver;
pub use sign::{SIGNATURE, signature};
pub use watch::{Credential, Standing, Watch};

use crate::live::scene::Export;
use crate::resources::Stamp;
use serde_json::{Map, Value, json};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::mpsc;

/// Notices that wait for one receiver at most; more are left out and counted.
const WAITING: usize = 256;
/// Notices in any minute at most.
const A_MINUTE: usize = 60;
const MINUTE_MS: i64 = 60_000;

/// Something to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Such as `limit.threshold`.
    pub kind: &'static str,
    /// What there is to say beside kind and time.
    pub about: Map<String, Value>,
}

impl Notice {
    pub fn new(kind: &'static str, about: Value) -> Notice {
        let about = match about {
            Value::Object(about) => about,
            _ => Map::new(),
        };
        Notice { kind, about }
    }

    /// As it is sent. Each has an id of its own, which stays through repeats.
    fn text(&self, at: Stamp) -> String {
        let mut told = json!({
            "id": format!("evt_{}", ulid::Ulid::new()), "type": self.kind, "at": at.rfc3339(),
        });
        if let Value::Object(members) = &mut told {
            members.extend(self.about.clone());
        }
        told.to_string()
    }
}

/// A notice as it is sent.
#[derive(Debug)]
pub struct Letter {
    pub kind: &'static str,
    pub text: String,
}

/// How it went with one receiver.
#[derive(Debug, Default)]
struct Tally {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    delivered: Option<Stamp>,
    /// When something was given up, and why.
    given_up: Option<(Stamp, String)>,
}

impl Tally {
    fn note(&self, outcome: &Result<(), String>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => {
                self.sent.fetch_add(1, Relaxed);
                last.delivered = Some(Stamp::now());
            }
            Err(why) => {
                self.failed.fetch_add(1, Relaxed);
                last.given_up = Some((Stamp::now(), why.clone()));
            }
        }
    }
}

struct Post {
    receiver: Arc<Receiver>,
    tally: Arc<Tally>,
    queue: mpsc::Sender<Arc<Letter>>,
}

/// Brings notices to their receivers.
pub struct Notifier {
    posts: Vec<Post>,
    /// When the last ones were told.
    lately: Mutex<VecDeque<i64>>,
}

impl Notifier {
    /// Delivers from here on, on the runtime this is called on; each receiver at its own pace.
    pub fn start(receivers: Vec<Receiver>) -> Arc<Notifier> {
        let post = |receiver: Receiver| {
            let (queue, mut letters) = mpsc::channel::<Arc<Letter>>(WAITING);
            let (receiver, tally) = (Arc::new(receiver), Arc::new(Tally::default()));
            let (own, noted) = (receiver.clone(), tally.clone());
            tokio::spawn(async move {
                while let Some(letter) = letters.recv().await {
                    let outcome = own.deliver(&letter).await;
                    if let Err(why) = &outcome {
                        tracing::warn!(to = own.shown(), why, "a notice could not be delivered");
                    }
                    noted.note(&outcome);
                }
            });
            Post {
                receiver,
                tally,
                queue,
            }
        };
        Arc::new(Notifier {
            posts: receivers.into_iter().map(post).collect(),
            lately: Mutex::default(),
        })
    }

    /// Whether there is anybody to tell.
    pub fn is_wanted(&self) -> bool {
        !self.posts.is_empty()
    }

    /// Hands a notice over, without waiting.
    pub fn tell(&self, notice: &Notice) {
        let now = Stamp::now();
        let letter = Arc::new(Letter {
            kind: notice.kind,
            text: notice.text(now),
        });
        let room = self.room(now.0);
        for post in &self.posts {
            if !room || post.queue.try_send(letter.clone()).is_err() {
                post.tally.dropped.fetch_add(1, Relaxed);
            }
        }
    }

    /// Whether another may be told now.
    fn room(&self, now: i64) -> bool {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        while lately.front().is_some_and(|at| *at <= now - MINUTE_MS) {
            lately.pop_front();
        }
        let room = lately.len() < A_MINUTE;
        if room {
            lately.push_back(now);
        }
        room
    }

    /// Tells every receiver that this is a trial, once, and says how that went.
    pub async fn test(&self) -> Value {
        let notice = Notice::new("test", json!({"message": "a trial of gw's notices"}));
        let letter = Letter {
            kind: notice.kind,
            text: notice.text(Stamp::now()),
        };
        let mut items = Vec::new();
        for post in &self.posts {
            let begun = std::time::Instant::now();
            let outcome = post.receiver.once(&letter).await;
            post.tally.note(&outcome);
            let ms = begun.elapsed().as_millis() as u64;
            let mut item = json!({"to": post.receiver.shown(), "ok": outcome.is_ok(), "ms": ms});
            if let Err(why) = outcome {
                item["error"] = why.into();
            }
            items.push(item);
        }
        json!({ "items": items })
    }

    /// How it goes with each receiver.
    pub fn status(&self) -> Vec<Value> {
        let posts = self.posts.iter();
        posts
            .map(|post| {
                let tally = &post.tally;
                let last = tally.last.lock().unwrap_or_else(PoisonError::into_inner);
                let mut shown = json!({
                    "to": post.receiver.shown(),
                    "sent": tally.sent.load(Relaxed),
                    "failed": tally.failed.load(Relaxed),
                    "dropped": tally.dropped.load(Relaxed),
                });
                if let Some(at) = last.delivered {
                    shown["last_sent"] = at.rfc3339().into();
                }
                if let Some((at, why)) = &last.given_up {
                    shown["last_failed"] = at.rfc3339().into();
                    shown["last_error"] = why.as_str().into();
                }
                shown
            })
            .collect()
    }

    /// The same in sum, for the metrics.
    pub fn export(&self) -> Export {
        let sum = |of: fn(&Tally) -> &AtomicU64| {
            self.posts
                .iter()
                .map(|post| of(&post.tally).load(Relaxed))
                .sum()
        };
        Export {
            sent: sum(|tally| &tally.sent),
            failed: sum(|tally| &tally.failed),
            dropped: sum(|tally| &tally.dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn notices_have_an_id_and_say_what_they_are_about() {
        let notice = Notice::new("target.down", json!({"provider": "a"}));
        let told: Value = serde_json::from_str(&notice.text(Stamp(0))).unwrap();
        assert!(told["id"].as_str().unwrap().starts_with("evt_"));
        assert_eq!(
            (&told["type"], &told["at"], &told["provider"]),
            (
                &json!("target.down"),
                &json!("1970-01-01T00:00:00.000Z"),
                &json!("a")
            )
        );
    }

    #[tokio::test]
    async fn a_flood_is_bounded_and_counted() {
        let notifier = Notifier::start(vec![Receiver::command("true").unwrap()]);
        for _ in 0..A_MINUTE + 40 {
            notifier.tell(&Notice::new("test", json!({})));
        }
        assert_eq!(notifier.export().dropped, 40);
        assert!(notifier.room(Stamp::now().0 + MINUTE_MS));
    }
}
