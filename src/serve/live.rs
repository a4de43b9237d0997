//! What is going on, put together from those who know: the sums of what ended, what the data plane counts now, how targets,
//! log and process are doing.

use super::{provider_health, route_state};
use crate::catalog;
use crate::gateway::{Serving, Shared};
use crate::live::{
    metrics,
    process::Process,
    scene::Scene,
    view::{Count, Log, Target, View},
};
use crate::notify::Notifier;
use crate::plan::status;
use crate::resources::Stamp;
use crate::store::journal::{Filter, Journal, sums::Ask};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// How often tallies are added up while requests come, whether or not anybody looks.
const EVERY: Duration = Duration::from_secs(1);
/// Workers say within this what runs.
const ANSWER: Duration = Duration::from_millis(60);
/// Targets told of at most: those that are not well first.
const TARGETS: usize = 200;

/// Adds up from now on. What was spent that day before this process started is read from the log, which has rows of what was
/// answered since, too: those are added up here.
pub fn start(shared: &Arc<Shared>, started: Stamp) {
    let live = shared.clone();
    tokio::task::spawn_blocking(move || {
        let spent = spent_before(&*live.journal, started);
        live.live.spent_before(started.0, spent);
    });
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move {
        while let Some(shared) = shared.upgrade() {
            // Asked first: what ended before that is added up below.
            let rested = shared.rests().then(|| shared.woken());
            look(&shared, |_| ());
            drop(shared);
            match rested {
                Some(woken) => woken.await,
                None => tokio::time::sleep(EVERY).await,
            }
        }
    });
}

/// What rows of the same day cost that are older, in picodollars.
fn spent_before(journal: &dyn Journal, started: Stamp) -> u64 {
    let filter = Filter {
        since: Some(Stamp(started.0 - started.0.rem_euclid(86_400_000))),
        until: Some(started),
        ..Filter::default()
    };
    let sums = journal.fold(&Ask {
        filter,
        ..Ask::default()
    });
    let spent = sums.map(|sums| sums.total.figures.cost_pico);
    u64::try_from(spent.unwrap_or_default()).unwrap_or_default()
}

/// Adds up until now.
fn look<T>(shared: &Shared, with: impl FnOnce(&crate::live::Totals) -> T) -> T {
    let serving = shared.serving.load();
    shared.live.look(
        Stamp::now().0,
        &|provider, model| known(&serving, provider, model),
        with,
    )
}

/// Whether a model is known by more than what callers say: by a record, a target or the catalogue. Dated and fine-tuned
/// versions are, where they have a row of their own.
fn known(serving: &Serving, provider: &str, model: &str) -> bool {
    let place = serving.snapshot.provider(provider);
    let provider = place.and_then(|place| serving.snapshot.providers.get(place));
    provider.is_some_and(|it| {
        it.has_record(model)
            || it.health.names(model)
            || it.spec.models.iter().any(|exposed| exposed == model)
            || (!it.catalog.is_empty() && catalog::has(it.catalog, model))
    })
}

/// What is going on now; `None`: the gateway stops.
pub async fn view(shared: Arc<Shared>, started: Stamp) -> Option<Value> {
    if shared.is_stopping() {
        return None;
    }
    shared.ask_what_runs();
    tokio::time::sleep(ANSWER).await;
    let mut view = look(&shared, View::of);
    view.at = Stamp::now().rfc3339();
    view.since = started.rfc3339();
    view.in_flight = shared.traffic.in_flight.load(Ordering::Relaxed) as u64;
    view.waiting = shared.waiting.load(Ordering::Relaxed) as u64;
    view.connections = shared.connections.load(Ordering::Relaxed) as u64;
    view.runs(shared.live.running());
    let refused = shared
        .live
        .refusals()
        .filter(|(_, [enforced, _])| *enforced > 0);
    view.refused = refused
        .map(|(name, [count, _])| Count {
            name: name.into(),
            count,
        })
        .collect();
    view.targets = targets(&shared);
    view.targets.truncate(TARGETS);
    let log = shared.journal.health();
    view.log = Log {
        written: log.written,
        rows_dropped: log.rows_dropped,
        content_dropped: log.content_dropped,
        degraded: log.degraded,
    };
    serde_json::to_value(view).ok()
}

/// The metrics as text.
pub fn metrics(shared: &Shared, started: Stamp, notifier: &Notifier, openmetrics: bool) -> String {
    let mut scene = look(shared, Scene::of);
    scene.refused = shared.live.refusals().collect();
    scene.in_flight = shared.traffic.in_flight.load(Ordering::Relaxed) as u64;
    scene.waiting = shared.waiting.load(Ordering::Relaxed) as u64;
    scene.held_bytes = shared.traffic.in_flight_bytes.load(Ordering::Relaxed) as u64;
    scene.connections = shared.connections.load(Ordering::Relaxed) as u64;
    scene.workers = shared.workers.load(Ordering::Relaxed) as u64;
    scene.targets = targets(shared);
    scene.providers = providers(shared);
    scene.log = shared.journal.health();
    scene.notices = notifier.export();
    scene.spans = shared
        .traces
        .as_ref()
        .map(|traces| traces.export())
        .unwrap_or_default();
    scene.process = Process::now(started.0);
    metrics::text(scene, openmetrics)
}

/// The targets of all active routes, each once, those that are not well first.
pub fn targets(shared: &Shared) -> Vec<Target> {
    let serving = shared.serving.load();
    let (now, at) = (shared.moment(Instant::now()), Stamp::now());
    let snapshot = &serving.snapshot;
    let mut all: BTreeMap<(String, Option<String>), Target> = BTreeMap::new();
    for route in snapshot.active_routes() {
        for target in status::of(snapshot, &route.name, &route.spec, now) {
            let model = target.model.as_deref().map(str::to_owned);
            let (state, detail) = route_state::words(&serving, &target, at);
            let place = (target.provider.to_string(), model.clone());
            let told = all.entry(place).or_insert_with(|| Target {
                provider: target.provider.to_string(),
                model,
                state: state.into(),
                detail: detail.clone(),
                in_flight: target.load.in_flight.into(),
                first_content_ms: target.load.first_content_ms,
                routes: Vec::new(),
            });
            // Out of one route by its weight, in another.
            if told.state == "out" && state != "out" {
                (told.state, told.detail) = (state.into(), detail);
            }
            let name = route.name.to_string();
            if !told.routes.contains(&name) {
                told.routes.push(name);
            }
        }
    }
    let mut all: Vec<Target> = all.into_values().collect();
    all.sort_by_key(|target| target.state == "healthy");
    all
}

/// Providers by name, and how they are doing in a word.
fn providers(shared: &Shared) -> Vec<(String, String)> {
    let serving = shared.serving.load();
    let (now, at) = (shared.moment(Instant::now()), Stamp::now());
    let providers = serving
        .upstreams
        .iter()
        .zip(serving.snapshot.providers.iter());
    let there = providers.filter(|(upstream, _)| !upstream.name.is_empty());
    there
        .map(|(upstream, provider)| {
            let resting = provider.health.resting(now);
            let health = provider_health::of(upstream, resting, None, at);
            let word = health
                .get("health")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let word = match resting {
                1.. if word.ends_with(" resting") => "resting",
                _ => word,
            };
            (upstream.name.to_string(), word.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal::{Memory, Row};

    #[test]
    fn what_was_answered_since_the_start_is_no_part_of_what_was_spent_before() {
        const DAY: i64 = 86_400_000;
        let log = Memory::default();
        let started = Stamp(7 * DAY + 1000);
        for (at, cost) in [
            (7 * DAY - 1, 1),
            (7 * DAY, 20),
            (started.0 - 1, 300),
            (started.0, 4000),
            (started.0 + 1, 50_000),
        ] {
            let row = Row {
                id: format!("req_{at}"),
                at: Stamp(at),
                cost_pico: Some(cost),
                ..Row::default()
            };
            log.push(row, None);
        }
        assert_eq!(spent_before(&log, started), 320);
    }
}
