//! Looks once a second at what there may be to tell somebody: limits, targets, credentials. Nothing is looked at where nobody
//! is to be told.

use super::live;
use crate::catalog;
use crate::config::{self, is_web};
use crate::error::{Error, Result};
use crate::gateway::Shared;
use crate::notify::{Credential, Notifier, Receiver, Standing, Watch};
use crate::resources::{
    Stamp,
    limit::{Metric, Window},
};
use crate::store::{
    counters::{self, Counters},
    secret::Secret,
    secret_file,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How often things are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// The longest secret.
const SECRET: usize = 4 << 10;

/// Who is to be told, as configured.
pub fn receivers(config: &config::Notify) -> Result<Vec<Receiver>> {
    let secret = config.secret.as_deref().map(secret).transpose()?;
    let receiver = |to: &String| match is_web(to) {
        true => Receiver::address(to, secret.clone()),
        false => Receiver::command(to),
    };
    config.to.iter().map(receiver).collect()
}

/// The secret that is kept there: `env:NAME` or `file:/PATH`.
fn secret(place: &str) -> Result<Secret> {
    let found = match place.split_once(':') {
        Some(("env", name)) => {
            std::env::var(name).map_err(|_| format!("the variable `{name}` is not set"))
        }
        Some(("file", path)) => secret_file::read(path, SECRET)
            .map_err(|why| format!("`{path}` {why}"))
            .map(|content| String::from_utf8_lossy(&content).trim().to_owned()),
        _ => Err("it says not where it is".to_owned()),
    };
    let wrong = |why: String| {
        Error::invalid(format!("the secret for notices cannot be had: {why}"))
            .param("notify.secret")
            .hint("write notify.secret as env:NAME or file:/PATH")
    };
    let found = found.map_err(wrong)?;
    match found.is_empty() {
        false => Ok(Secret::new(found)),
        true => Err(wrong("it is empty".into())),
    }
}

/// Tells of what changes from here on.
pub fn start(
    shared: &Arc<Shared>,
    counters: Arc<dyn Counters>,
    notifier: Arc<Notifier>,
    thresholds: Vec<u32>,
) {
    if !notifier.is_wanted() {
        return;
    }
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move {
        let mut clock = tokio::time::interval(EVERY);
        let mut watch = Watch::new(thresholds);
        loop {
            clock.tick().await;
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let (now, standings) = standings(&*counters).await;
            let targets = live::targets(&shared);
            for notice in watch.look(now, standings, &targets, &refused(&shared)) {
                notifier.tell(&notice);
            }
        }
    });
}

/// How every limit stands that is counted over some time.
async fn standings(counters: &dyn Counters) -> (u64, Vec<Standing>) {
    let now = counters.now();
    let mut all = Vec::new();
    for account in counters.accounts() {
        let subject = account.subject();
        for standing in counters.standings(&account, now).await {
            // What runs at the same time goes up and down all the time.
            if standing.limit.window != Window::Now {
                all.push(told(subject, &standing));
            }
        }
    }
    (now.into(), all)
}

fn told(subject: &counters::Subject, standing: &counters::Standing) -> Standing {
    let limit = &standing.limit;
    let amount = |amount: u64| -> Value {
        match limit.metric {
            Metric::Spend => catalog::dollars(amount.into()).into(),
            _ => amount.into(),
        }
    };
    let mut about = json!({
        "used": amount(standing.used), "reserved": amount(standing.reserved), "left": amount(standing.left),
        "amount": amount(limit.amount), "shadow": limit.shadow,
    });
    if let Some(reset) = standing.reset {
        about["reset"] = Stamp(i64::from(reset) * 1_000).rfc3339().into();
    }
    if let Some((kind, name)) = &subject.of {
        about["of"] = json!({"kind": kind.name(), "name": name});
    }
    Standing {
        kind: subject.kind.name(),
        name: subject.name.to_string(),
        limit: limit.to_string(),
        used: standing.used,
        amount: limit.amount,
        refused: standing.refused,
        quiet: match limit.window {
            Window::Rolling(span) => span.seconds(),
            _ => 0,
        },
        about,
    }
}

/// Providers that refuse their credential now.
fn refused(shared: &Shared) -> Vec<Credential> {
    let serving = shared.serving.load();
    let there = serving.upstreams.iter().filter(|it| !it.name.is_empty());
    there
        .filter_map(|upstream| {
            let refusal = upstream.standing.refusal()?;
            Some(Credential {
                provider: upstream.name.to_string(),
                status: refusal.status,
                since: refusal.since.rfc3339(),
            })
        })
        .collect()
}
