//! From records to what requests are served from, and from configuration to the data plane's settings.

use super::{checks::Checks, provider_health, ready::Ready, stores::Stores};
use crate::admin::{self, Published};
use crate::catalog;
use crate::chat::{Op, UsageSource};
use crate::config::Config;
use crate::formats;
use crate::gateway::{Serving, Settings, Shared};
use crate::notify::Notifier;
use crate::plan::{
    session::Names,
    snapshot::{Provider, VendorFacts},
};
use crate::resources::{Stamp, provider};
use crate::store::{
    counters::Counters,
    journal::{Price, Row},
    records::Records,
};
use crate::upstream::{Timers, Upstream};
use crate::vendors;
use serde_json::{Map, Value, json};
use std::sync::{Arc, atomic::Ordering};
use std::time::Instant;

/// Makes what requests are served from follow a change and swaps it in: requests that start from here on see it.
pub fn publish(shared: &Shared, published: &Published<'_>) {
    let before = shared.serving.load_full();
    let snapshot = before.snapshot.after(
        published.records,
        published.touched,
        published.prices,
        vendor_facts,
    );
    let touched = |name: &str| {
        let at = ("provider".to_owned(), name.to_owned());
        published.touched.contains(&at)
    };
    if published.touched.iter().any(|(kind, _)| kind == "provider") {
        let failing = published.credentials.iter().filter_map(|(name, found)| {
            let why = found.as_ref().err()?;
            Some(format!("provider `{name}`: {why}"))
        });
        let mut failing: Vec<String> = failing.collect();
        failing.sort();
        shared.degraded.store(Arc::new(failing));
    }
    let upstream = |(place, provider): (usize, &Arc<Provider>)| match before.upstreams.get(place) {
        Some(same) if same.name == provider.name && !touched(&provider.name) => same.clone(),
        _ => {
            let access = published.credentials.get(&*provider.name);
            let built = Upstream::build(
                provider.name.clone(),
                &provider.spec,
                access,
                shared.settings.timers,
            );
            let upstream = built
                .unwrap_or_else(|error| Upstream::broken(provider.name.clone(), &error.message));
            Arc::new(match before.upstream(&provider.name) {
                Some(before) => upstream.after(before),
                None => upstream,
            })
        }
    };
    let upstreams: Vec<Arc<Upstream>> = snapshot
        .providers
        .iter()
        .enumerate()
        .map(upstream)
        .collect();
    super::leases::keep(&upstreams);
    shared.serve_from(Serving {
        snapshot,
        upstreams,
    });
}

/// Forgets what was counted of records that are gone. Another record of an old name was made at another time.
pub fn forget_gone(counters: &dyn Counters, published: &Published<'_>) {
    #[derive(serde::Deserialize)]
    struct Made {
        created: Stamp,
    }
    counters.retain(&|subject| {
        let (kind, name) = subject.record();
        let Some(stored) = published.records.stored(kind.name(), name) else {
            return false;
        };
        // What was not touched is what it was when it was looked at.
        let at = (kind.name().to_owned(), name.to_owned());
        let made = || stored.read::<Made>().ok().map(|it| it.created);
        !published.touched.contains(&at) || made() == Some(subject.made)
    });
}

/// What planning needs to know of a provider's vendor: what it serves, and what the record says of it beside.
fn vendor_facts(spec: &provider::Provider) -> Option<VendorFacts> {
    let vendor = vendors::vendor(&spec.vendor).ok()?;
    let endpoints = vendor.endpoints.iter();
    let own = endpoints.map(|endpoint| formats::format(endpoint.format));
    let said = spec.formats.iter().filter_map(|name| formats::named(name));
    let mut ops: Vec<Op> = own.chain(said).map(|format| format.op).collect();
    // What cannot be asked is estimated.
    if ops.contains(&Op::Chat) {
        ops.push(Op::Count);
    }
    ops.dedup();
    Some(VendorFacts {
        ops,
        catalog: vendor.catalog,
        own_names: vendor.own_names,
    })
}

/// What a request of the log costs as models are priced now. `None`, as it did: nothing was used or it only counted,
/// or what answered is not known any more or has no price.
pub fn price(shared: &Shared, row: &Row) -> Option<Price> {
    let counts = formats::named(&row.format).is_some_and(|format| format.op == Op::Count);
    if counts || row.usage_source == UsageSource::None {
        return None;
    }
    let serving = shared.serving.load();
    let provider = serving.snapshot.provider(row.provider.as_deref()?)?;
    let facts = serving.snapshot.facts(provider, row.model.as_deref()?);
    let cost = catalog::cost(&row.usage, row.tier, row.usage_source, &facts.prices);
    Some(Price {
        cost_pico: Some(i64::try_from(cost.pico?).ok()?),
        cost_status: cost.status,
        unpriced: cost.unpriced,
    })
}

/// A bound as configured: 0 switches it off.
fn bound(value: u64) -> usize {
    if value == 0 {
        usize::MAX
    } else {
        usize::try_from(value).unwrap_or(usize::MAX)
    }
}

/// What the admin interface takes.
pub fn admin_limits(config: &Config) -> admin::Limits {
    let limits = &config.limits;
    admin::Limits {
        body: bound(limits.admin_max_body.0),
        apply: bound(limits.admin_max_apply.0),
        depth: bound(limits.admin_json_depth.into()),
        connections: bound(limits.admin_max_connections.into()),
        models: bound(limits.upstream_max_models.into()),
    }
}

/// The data plane's settings.
pub fn settings(config: &Config) -> Settings {
    let limits = &config.limits;
    Settings {
        first_byte: limits.first_byte.std(),
        header: limits.header_timeout.std(),
        idle: limits.idle.std(),
        body_stall: limits.body_stall.std(),
        body_total: limits.body_total.std(),
        body_rate: limits.body_rate.0,
        write_stall: limits.write_stall.std(),
        ping: limits.ping.std(),
        max_head_bytes: bound(limits.max_header_bytes.0),
        max_header_bytes: bound(limits.max_header_line.0),
        max_headers: bound(limits.max_headers.into()),
        max_uri_bytes: bound(limits.max_url.0),
        max_body: bound(limits.max_body.0),
        max_upload: bound(limits.max_upload.0),
        json_depth: bound(limits.json_depth.into()),
        max_connections: bound(limits.max_connections.into()),
        max_connections_per_ip: bound(limits.max_connections_per_ip.into()),
        max_in_flight: bound(limits.max_in_flight.into()),
        max_in_flight_per_key: bound(limits.max_in_flight_per_key.into()),
        max_in_flight_bytes: bound(limits.max_in_flight_bytes.0),
        max_reply: bound(limits.upstream_max_body.0),
        timers: Timers {
            connect: limits.upstream_connect.std(),
            first_content: limits.upstream_first_byte.std(),
            idle: limits.upstream_idle.std(),
            answer: limits.upstream_answer.std(),
        },
        log_content: config.log_content(),
        sessions: Names::of(&config.server.session_headers, &config.server.agent_headers),
        ..Settings::default()
    }
}

/// What `status` says that does not change while the process runs.
pub fn facts(ready: &Ready, stores: &Stores, started: Stamp) -> Value {
    let mut facts = json!({
        "url": ready.urls.first(),
        "urls": ready.urls,
        "admin": ready.admins,
        "pid": std::process::id(),
        "version": env!("CARGO_PKG_VERSION"),
        "started": started.rfc3339(),
        "secrets": stores.vault.describe(),
    });
    if let Some(metrics) = &ready.metrics {
        facts["metrics"] = metrics.as_str().into();
    }
    facts
}

/// What is running, and is it well.
pub fn status(
    shared: &Shared,
    facts: Option<&Value>,
    records: &dyn Records,
    checks: &Checks,
    notifier: &Notifier,
) -> Value {
    let mut status = facts
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let serving = shared.serving.load();
    let (now, at) = (shared.moment(Instant::now()), Stamp::now());
    let providers: Map<String, Value> = serving
        .upstreams
        .iter()
        .zip(serving.snapshot.providers.iter())
        .filter(|(upstream, _)| !upstream.name.is_empty())
        .map(|(upstream, provider)| {
            let resting = provider.health.resting(now);
            let checked = checks.show(&upstream.name);
            let health = provider_health::of(upstream, resting, checked, at);
            (upstream.name.to_string(), health)
        })
        .collect();
    let (log, store) = (shared.journal.health(), records.health());
    let counters = shared.counters.health();
    let mut degraded: Vec<String> = shared.degraded.load().iter().cloned().collect();
    degraded.extend(
        serving
            .upstreams
            .iter()
            .flat_map(|upstream| provider_health::degraded(upstream)),
    );
    degraded.extend(
        store
            .degraded
            .iter()
            .map(|why| format!("state store: {why}")),
    );
    degraded.extend(
        shared
            .tls
            .iter()
            .filter_map(|tls| tls.trouble())
            .map(|why| format!("TLS certificate: {why}")),
    );
    degraded.extend(log.trouble().map(|why| format!("request log: {why}")));
    degraded.extend(
        [&counters.degraded, &counters.damaged]
            .into_iter()
            .flatten()
            .map(|why| format!("counters: {why}")),
    );
    status.insert(
        "status".into(),
        if degraded.is_empty() {
            "ready"
        } else {
            "degraded"
        }
        .into(),
    );
    status.insert("degraded".into(), degraded.into());
    let injected: Map<String, Value> = serving
        .upstreams
        .iter()
        .filter_map(|it| {
            Some((
                it.name.to_string(),
                provider_health::injected(it, at)?.into(),
            ))
        })
        .collect();
    if !injected.is_empty() {
        status.insert("injected".into(), injected.into());
    }
    status.insert("store".into(), records.describe().into());
    if !store.damaged.is_empty() {
        status.insert("damaged".into(), store.damaged.into());
    }
    status.insert("revision".into(), serving.snapshot.revision().into());
    status.insert(
        "requests".into(),
        shared.traffic.requests.load(Ordering::Relaxed).into(),
    );
    status.insert(
        "in_flight".into(),
        shared.traffic.in_flight.load(Ordering::Relaxed).into(),
    );
    status.insert(
        "connections".into(),
        shared.connections.load(Ordering::Relaxed).into(),
    );
    status.insert("log".into(), json!(log));
    status.insert("counters".into(), json!(counters));
    if notifier.is_wanted() {
        status.insert("notify".into(), notifier.status().into());
    }
    status.insert("providers".into(), providers.into());
    Value::Object(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rooms have defaults of their own for whoever uses them alone; they are the configuration's.
    #[test]
    fn every_room_has_the_same_defaults() {
        let config = Config::default();
        assert_eq!(settings(&config), Settings::default());
        assert_eq!(admin_limits(&config), admin::Limits::default());
    }
}
