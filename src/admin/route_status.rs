//! How a route is doing: its targets' state now, and what the last hour of the request log says of each.

use super::call::{Call, answer};
use super::desk::blocking;
use crate::error::Result;
use crate::resources::Stamp;
use crate::store::journal::{Filter, Journal, MAX_LIMIT, Order, Row};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How far back the log is read.
const BACK: i64 = 3_600_000;
/// Requests read at most, the newest first, and for how long.
const MOST: u64 = 200_000;
const READING: Duration = Duration::from_secs(3);
/// Classes of attempts that say nothing against the target.
const NOT_ITS_OWN: [&str; 8] = [
    "ok",
    "cancelled",
    "caller",
    "unfit",
    "limit",
    "own_key",
    "context",
    "not_found",
];

pub async fn status(call: Call) -> Result<Response> {
    let state = call.desk.in_force();
    let record = state.get("route", &call.name)?;
    let mut targets = (call.desk.deps.route_state)(&record);
    let (journal, name) = (call.desk.deps.journal.clone(), record.name.clone());
    let hour = blocking(move || Hour::read(&*journal, &name, Stamp::now())).await?;
    let named: Vec<(String, Option<String>)> = targets.iter().map(target).collect();
    let counts: Vec<Counts> = named.iter().map(|of| hour.of(of, &named)).collect();
    // Among those it competes with: the targets of the same rule, or of none.
    let rules: Vec<Option<u64>> = targets.iter().map(rule).collect();
    let among = |rule: &Option<u64>| -> u64 {
        let same = rules
            .iter()
            .zip(&counts)
            .filter(|(other, _)| *other == rule);
        same.map(|(_, counts)| counts.first).sum()
    };
    for ((shown, counts), rule) in targets.iter_mut().zip(&counts).zip(&rules) {
        shown["hour"] = counts.show(among(rule));
    }
    let spec = |field: &str| record.spec.get(field).cloned().unwrap_or_default();
    let enabled = record.spec.get("enabled") != Some(&Value::Bool(false));
    Ok(answer(
        StatusCode::OK,
        &json!({
            "route": record.name, "enabled": enabled, "strategy": spec("strategy"),
            "hour": {"since": Stamp(hour.since).rfc3339(), "requests": hour.requests, "complete": hour.complete},
            "targets": targets,
        }),
    ))
}

fn target(shown: &Value) -> (String, Option<String>) {
    let text = |name: &str| shown.get(name).and_then(Value::as_str).map(str::to_owned);
    (text("provider").unwrap_or_default(), text("model"))
}

fn rule(shown: &Value) -> Option<u64> {
    shown.get("rule").and_then(Value::as_u64)
}

/// What one target did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    /// Requests that it was tried for first.
    first: u64,
    attempts: u64,
    failures: u64,
}

impl Counts {
    /// `among`: requests for which this target or one that it competes with was tried first.
    fn show(&self, among: u64) -> Value {
        let share =
            (among > 0).then(|| (self.first as f64 / among as f64 * 1_000.0).round() / 1_000.0);
        json!({"first": self.first, "share": share, "attempts": self.attempts, "failures": self.failures})
    }
}

/// What the log says of the last hour of a route.
struct Hour {
    since: i64,
    /// Requests for which any target was tried.
    requests: u64,
    /// It is the whole hour: there was time and room to read it.
    complete: bool,
    /// By provider and model.
    counts: BTreeMap<(String, String), Counts>,
}

impl Hour {
    fn read(journal: &dyn Journal, route: &str, now: Stamp) -> Result<Hour> {
        let mut hour = Hour {
            since: now.0.saturating_sub(BACK),
            requests: 0,
            complete: true,
            counts: BTreeMap::new(),
        };
        let mut filter = Filter::default();
        filter.take("route", route, now)?;
        filter.take("since", &Stamp(hour.since).rfc3339(), now)?;
        let (begun, mut cursor) = (Instant::now(), None::<String>);
        loop {
            let page = journal.query(&filter, Order::NewestFirst, MAX_LIMIT, cursor.as_deref())?;
            page.rows.iter().for_each(|row| hour.add(row));
            let Some(next) = page.cursor else {
                return Ok(hour);
            };
            if hour.requests >= MOST || begun.elapsed() > READING {
                hour.complete = false;
                if let Some(oldest) = page.rows.last() {
                    hour.since = oldest.at.0;
                }
                return Ok(hour);
            }
            cursor = Some(next);
        }
    }

    fn add(&mut self, row: &Row) {
        self.requests += u64::from(!row.attempts.is_empty());
        for (at, attempt) in row.attempts.iter().enumerate() {
            let of = (attempt.provider.to_string(), attempt.model.to_string());
            let counts = self.counts.entry(of).or_default();
            counts.first += u64::from(at == 0);
            counts.attempts += 1;
            counts.failures += u64::from(!NOT_ITS_OWN.contains(&&*attempt.class));
        }
    }

    /// What a target did; one that takes the model as asked has all of its provider's that no other target names.
    fn of(
        &self,
        (provider, model): &(String, Option<String>),
        named: &[(String, Option<String>)],
    ) -> Counts {
        let others = |asked: &String| {
            let is = |(of, model): &(String, Option<String>)| {
                of == provider && model.as_ref() == Some(asked)
            };
            named.iter().any(is)
        };
        let mut sum = Counts::default();
        for ((by, asked), counts) in &self.counts {
            let its = by == provider
                && match model {
                    Some(model) => model == asked,
                    None => !others(asked),
                };
            if its {
                sum.first += counts.first;
                sum.attempts += counts.attempts;
                sum.failures += counts.failures;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::journal::{Attempt, Memory};

    #[test]
    fn the_hour_is_counted_by_target_and_first_choice() {
        let (log, now) = (Memory::default(), Stamp(10_000_000));
        let push = |at: i64, route: &str, attempts: &[(&str, &str, &str)]| {
            let attempt = |(provider, model, class): &(&str, &str, &str)| Attempt {
                provider: (*provider).into(),
                model: (*model).into(),
                class: class.to_string().into(),
                ..Attempt::default()
            };
            log.push(
                Row {
                    id: format!("req_{at:08}{route}"),
                    at: Stamp(at),
                    route: Some(route.into()),
                    attempts: attempts.iter().map(attempt).collect(),
                    ..Row::default()
                },
                None,
            );
        };
        push(9_000_000, "r", &[("a", "x", "ok")]);
        push(9_000_001, "r", &[("a", "x", "capacity"), ("b", "y", "ok")]);
        push(9_000_002, "r", &[("a", "z", "caller")]);
        push(9_000_003, "r", &[]);
        push(9_000_004, "r", &[("b", "y", "upstream"), ("b", "y", "ok")]);
        push(9_000_005, "other", &[("a", "x", "upstream")]);
        push(6_000_000, "r", &[("a", "x", "upstream")]);
        let hour = Hour::read(&log, "r", now).unwrap();
        assert_eq!(
            (hour.requests, hour.complete, hour.since),
            (4, true, 6_400_000)
        );
        let target =
            |provider: &str, model: Option<&str>| (provider.to_owned(), model.map(str::to_owned));
        let named = [
            target("a", Some("x")),
            target("b", Some("y")),
            target("a", None),
        ];
        let counts = |first, attempts, failures| Counts {
            first,
            attempts,
            failures,
        };
        let told: Vec<Counts> = named.iter().map(|of| hour.of(of, &named)).collect();
        assert_eq!(told, [counts(2, 2, 1), counts(1, 3, 1), counts(1, 1, 0)]);
        assert_eq!(
            told[0].show(4),
            json!({"first": 2, "share": 0.5, "attempts": 2, "failures": 1})
        );
        assert_eq!(Counts::default().show(0)["share"], Value::Null);
    }
}
