//! What has changed since the last look, as notices: a limit has come to a threshold, a target has failed or is back, a
//! credential is refused or taken again. Pure; whoever looks hands in how things are.

use super::Notice;
use crate::live::view::Target;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// How a limit stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// Whose limit it is: kind and name.
    pub kind: &'static str,
    pub name: String,
    /// Such as `spend=10/month`.
    pub limit: String,
    pub used: u64,
    pub amount: u64,
    /// Requests it has refused since the start.
    pub refused: u64,
    /// Seconds for which it is not told of again where it was: of one that rolls as long as its window lasts.
    pub quiet: u64,
    /// What is told beside, such as `used` in people's units.
    pub about: Value,
}

/// A provider whose credential is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    pub provider: String,
    pub status: u16,
    pub since: String,
}

/// What was seen last.
#[derive(Debug)]
pub struct Watch {
    /// In percent, the lowest first.
    thresholds: Vec<u32>,
    limits: HashMap<(&'static str, String, String), Seen>,
    /// Targets that are down, and in which state.
    down: HashMap<(String, Option<String>), String>,
    refused: HashSet<String>,
    /// What was there at the first look is not news.
    looked: bool,
}

#[derive(Debug, Default)]
struct Seen {
    /// The thresholds it is at or above, and when that was told, in seconds.
    told: HashMap<u32, u64>,
    refused: u64,
}

/// States of a target in which nothing is sent to it because it failed.
const DOWN: [&str; 2] = ["suspended", "failing_checks"];

impl Watch {
    pub fn new(thresholds: Vec<u32>) -> Watch {
        Watch {
            thresholds,
            limits: HashMap::new(),
            down: HashMap::new(),
            refused: HashSet::new(),
            looked: false,
        }
    }

    /// How things are at this second; what there is to tell.
    pub fn look(
        &mut self,
        now: u64,
        limits: Vec<Standing>,
        targets: &[Target],
        refused: &[Credential],
    ) -> Vec<Notice> {
        let first = !std::mem::replace(&mut self.looked, true);
        let mut notices = self.limits(now, limits, first);
        notices.extend(self.targets(targets));
        notices.extend(self.credentials(refused));
        notices
    }

    fn limits(&mut self, now: u64, limits: Vec<Standing>, first: bool) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut before = std::mem::take(&mut self.limits);
        for standing in limits {
            let place = (standing.kind, standing.name.clone(), standing.limit.clone());
            let mut seen = before.remove(&place).unwrap_or_default();
            let refuses = standing.refused > seen.refused;
            seen.refused = standing.refused;
            let percent = u128::from(standing.used) * 100 / u128::from(standing.amount.max(1));
            for threshold in &self.thresholds {
                // What is left may be too little for anybody: then it is used up, too.
                let reached = percent >= u128::from(*threshold) || (*threshold == 100 && refuses);
                match seen.told.get(threshold) {
                    None if reached => {
                        seen.told.insert(*threshold, now);
                        if !first {
                            notices.push(told(&standing, *threshold));
                        }
                    }
                    Some(at) if !reached && now >= at + standing.quiet => {
                        seen.told.remove(threshold);
                    }
                    _ => {}
                }
            }
            self.limits.insert(place, seen);
        }
        notices
    }

    fn targets(&mut self, targets: &[Target]) -> Vec<Notice> {
        let mut notices = Vec::new();
        for target in targets {
            let place = (target.provider.clone(), target.model.clone());
            let is_down = DOWN.contains(&target.state.as_str());
            let about = || {
                json!({"provider": target.provider, "model": target.model, "state": target.state,
                    "detail": target.detail, "routes": target.routes})
            };
            match self.down.get(&place) {
                None if is_down => {
                    self.down.insert(place, target.state.clone());
                    notices.push(Notice::new("target.down", about()));
                }
                Some(_) if !is_down => {
                    self.down.remove(&place);
                    notices.push(Notice::new("target.up", about()));
                }
                _ => {}
            }
        }
        // Those that are no target any more.
        self.down.retain(|(provider, model), _| {
            targets
                .iter()
                .any(|target| target.provider == *provider && target.model == *model)
        });
        notices
    }

    fn credentials(&mut self, refused: &[Credential]) -> Vec<Notice> {
        let now: HashSet<String> = refused.iter().map(|one| one.provider.clone()).collect();
        let mut notices: Vec<Notice> = refused
            .iter()
            .filter(|one| !self.refused.contains(&one.provider))
            .map(|one| {
                let about =
                    json!({"provider": one.provider, "status": one.status, "since": one.since});
                Notice::new("credential.refused", about)
            })
            .collect();
        let gone = self.refused.difference(&now);
        notices.extend(
            gone.map(|provider| Notice::new("credential.accepted", json!({"provider": provider}))),
        );
        self.refused = now;
        notices
    }
}

fn told(standing: &Standing, threshold: u32) -> Notice {
    let mut about = json!({
        "subject": {"kind": standing.kind, "name": standing.name},
        "limit": standing.limit, "threshold": threshold, "refused": standing.refused,
    });
    if let (Value::Object(about), Value::Object(more)) = (&mut about, &standing.about) {
        about.extend(more.clone());
    }
    Notice::new("limit.threshold", about)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(used: u64, refused: u64, quiet: u64) -> Vec<Standing> {
        vec![Standing {
            kind: "key",
            name: "ci".into(),
            limit: "tokens=1000/hour".into(),
            used,
            amount: 1_000,
            refused,
            quiet,
            about: json!({"used": used}),
        }]
    }

    fn thresholds(notices: &[Notice]) -> Vec<Value> {
        notices
            .iter()
            .map(|notice| notice.about["threshold"].clone())
            .collect()
    }

    #[test]
    fn each_threshold_is_told_once_a_window() {
        let mut watch = Watch::new(vec![80, 100]);
        let mut look = |now, used, refused| {
            thresholds(&watch.look(now, standing(used, refused, 3_600), &[], &[]))
        };
        assert_eq!(look(0, 799, 0), [] as [Value; 0]);
        assert_eq!(look(1, 800, 0), [80]);
        assert_eq!(look(2, 900, 0), [] as [Value; 0]);
        // It never gets quite full, and refuses.
        assert_eq!(look(3, 990, 1), [100]);
        // A window that rolls goes down and up again: not before its time is over.
        assert_eq!(look(4, 700, 1), [] as [Value; 0]);
        assert_eq!(look(5, 1_000, 1), [] as [Value; 0]);
        assert_eq!(look(3_700, 10, 1), [] as [Value; 0]);
        assert_eq!(look(3_701, 1_000, 1), [80, 100]);
    }

    #[test]
    fn what_was_there_at_the_start_is_no_news() {
        let mut watch = Watch::new(vec![80]);
        assert_eq!(watch.look(0, standing(900, 0, 0), &[], &[]), []);
        assert_eq!(watch.look(1, standing(950, 0, 0), &[], &[]), []);
        // A limit that is gone and comes back is another one.
        assert_eq!(watch.look(2, Vec::new(), &[], &[]), []);
        assert_eq!(watch.look(3, standing(950, 0, 0), &[], &[]).len(), 1);
    }

    #[test]
    fn targets_go_down_and_up_and_credentials_are_refused_and_taken() {
        let mut watch = Watch::new(Vec::new());
        let target = |state: &str| Target {
            provider: "a".into(),
            state: state.into(),
            ..Target::default()
        };
        let refusal = Credential {
            provider: "a".into(),
            status: 401,
            since: "then".into(),
        };
        let mut kinds = |states: &[&str], refused: bool| -> Vec<&'static str> {
            let targets: Vec<Target> = states.iter().map(|state| target(state)).collect();
            let refused = if refused {
                vec![refusal.clone()]
            } else {
                Vec::new()
            };
            let notices = watch.look(0, Vec::new(), &targets, &refused);
            notices.iter().map(|notice| notice.kind).collect()
        };
        assert_eq!(kinds(&["healthy"], false), [] as [&str; 0]);
        assert_eq!(kinds(&["suspended"], false), ["target.down"]);
        assert_eq!(kinds(&["failing_checks"], true), ["credential.refused"]);
        assert_eq!(kinds(&["cooling"], true), ["target.up"]);
        assert_eq!(
            kinds(&["suspended"], false),
            ["target.down", "credential.accepted"]
        );
        assert_eq!(kinds(&[], false), [] as [&str; 0]);
    }
}
