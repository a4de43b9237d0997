//! Says loudly what is injected in front of providers: when it begins, and when it is over.

use super::{announce, provider_health};
use crate::gateway::Shared;
use crate::resources::Stamp;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;

/// The longest sleep: clocks are set.
const LONGEST: Duration = Duration::from_secs(60);

/// Follows what is injected; `changed` tells of records that have changed.
pub fn follow(shared: Arc<Shared>, mut changed: watch::Receiver<()>) {
    tokio::spawn(async move {
        let mut told = BTreeMap::new();
        loop {
            let next = tell(&shared, &mut told, Stamp::now());
            if let Ok(Err(_)) = tokio::time::timeout(next, changed.changed()).await {
                return;
            }
        }
    });
}

/// Says what has begun or ended since `told`; how long nothing else can end.
fn tell(shared: &Shared, told: &mut BTreeMap<Arc<str>, String>, now: Stamp) -> Duration {
    let serving = shared.serving.load();
    let there = serving.upstreams.iter().filter(|it| !it.name.is_empty());
    let injected: BTreeMap<Arc<str>, String> = there
        .clone()
        .filter_map(|upstream| {
            Some((
                upstream.name.clone(),
                provider_health::injected(upstream, now)?,
            ))
        })
        .collect();
    for (name, what) in &injected {
        if told.get(name) != Some(what) {
            say(&format!("faults are injected in front of `{name}`: {what}"));
        }
    }
    for name in told.keys().filter(|name| !injected.contains_key(*name)) {
        say(&format!(
            "nothing is injected in front of `{name}` any more"
        ));
    }
    *told = injected;
    let ends = there.filter_map(|upstream| Some(upstream.injected.as_ref()?.1));
    let left = ends.filter_map(|end| u64::try_from(end.saturating_sub(now.0)).ok());
    let next = left.filter(|left| *left > 0).min();
    next.map_or(LONGEST, Duration::from_millis).min(LONGEST)
}

/// To people, and to the log that is kept.
fn say(line: &str) {
    announce::say("game day", line);
}
