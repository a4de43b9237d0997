//! What was used: sums over the request log by anything, and of a list of records what each used lately.

use super::Desk;
use super::call::{Call, answer};
use super::desk::blocking;
use super::used::{Used, spend};
use crate::catalog::dollars;
use crate::error::{Error, Result};
use crate::resources::{KindId, Stamp};
use crate::store::journal::sums::{By, COUNTED, Field, Figures, Histogram, Line, Metric, Point};
use crate::store::journal::{Ask, Filter, Folded};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Instant;

/// Lines of an answer, unless asked otherwise.
const LINES: usize = 1_000;

/// What the parameters ask for.
fn ask(call: &Call) -> Result<Ask> {
    let mut ask = Ask {
        lines: LINES,
        ..Ask::default()
    };
    let now = Stamp::now();
    for (name, value) in &call.query {
        if !ask.take(name, value)? {
            ask.filter.take(name, value, now)?;
        }
    }
    if let (Some(since), Some(until)) = (ask.filter.since, ask.filter.until)
        && since >= until
    {
        return Err(Error::invalid("`since` is not before `until`")
            .param("since")
            .hint("write since=7d and until=1d for the six days until yesterday"));
    }
    Ok(ask)
}

pub async fn sums(call: Call) -> Result<Response> {
    let ask = ask(&call)?;
    let journal = call.desk.deps.journal.clone();
    let told = blocking(move || {
        let folded = journal.fold(&ask)?;
        Ok(show(&ask, &folded))
    })
    .await?;
    Ok(answer(StatusCode::OK, &told))
}

fn show(ask: &Ask, folded: &Folded) -> Value {
    let time = |at: Option<Stamp>| at.map(Stamp::rfc3339);
    let items = folded.lines.iter().map(|line| {
        let mut item: Map<String, Value> = ask
            .by
            .iter()
            .zip(&line.of)
            .map(|(by, of)| (by.word(), of.as_deref().into()))
            .collect();
        item.extend(of_line(line, ask.sort));
        Value::Object(item)
    });
    let mut told = json!({
        "since": time(ask.filter.since),
        "until": time(ask.filter.until),
        // What was before that is no longer in the log, or never was.
        "oldest": time(folded.oldest.map(Stamp)),
        "by": ask.by.iter().map(By::word).collect::<Vec<_>>(),
        "sort": ask.sort.word(),
        "items": items.collect::<Vec<_>>(),
        "total": of_line(&folded.total, ask.sort),
    });
    if let Some((count, others)) = &folded.others {
        let mut others = of_line(others, ask.sort);
        others.insert("lines".into(), (*count).into());
        told["others"] = others.into();
    }
    if !folded.points.is_empty() {
        let points = folded.points.iter();
        told["points"] = points.map(|at| Stamp(*at).rfc3339()).collect();
    }
    told
}

fn of_line(line: &Line, sort: Metric) -> Map<String, Value> {
    let mut shown = figures(&line.figures);
    if !line.course.is_empty() {
        let point = |point: &Point| match sort {
            Metric::Spend => Value::from(dollars(point.cost_pico)),
            Metric::Tokens => point.tokens.into(),
            Metric::Errors => point.errors.into(),
            Metric::Requests | Metric::Latency => point.requests.into(),
        };
        let course = line.course.iter().map(point);
        shown.insert("trend".into(), course.collect());
    }
    shown
}

fn figures(figures: &Figures) -> Map<String, Value> {
    let usage = figures.usage();
    let counts = COUNTED.iter().zip(&figures.counts);
    let counts = counts.filter(|(_, count)| **count > 0);
    let counts: Map<String, Value> = counts
        .map(|((name, _), count)| ((*name).to_owned(), (*count).into()))
        .collect();
    let times = |times: &Histogram| {
        let of = |per_mille| times.percentile(per_mille);
        json!({"mean": times.mean(), "p50": of(500), "p95": of(950)})
    };
    let mut shown = Map::from_iter([
        ("requests".to_owned(), figures.requests.into()),
        ("errors".to_owned(), figures.errors.into()),
        ("tokens".to_owned(), usage.total().into()),
        ("input".to_owned(), usage.prompt().into()),
        ("output".to_owned(), usage.completion().into()),
        ("usage".to_owned(), counts.into()),
        (
            "spend".to_owned(),
            spend(figures.cost_pico, figures.unpriced).into(),
        ),
        ("unpriced".to_owned(), figures.unpriced.into()),
        ("estimated".to_owned(), figures.estimated.into()),
    ]);
    if figures.estimated > 0 {
        let estimated = dollars(figures.estimated_pico);
        shown.insert("spend_estimated".into(), estimated.into());
    }
    shown.insert("latency_ms".into(), times(&figures.latency));
    shown.insert("ttft_ms".into(), times(&figures.ttft));
    shown
}

/// What the records of the call's kind used since `since` of its parameters; `None` where it does not ask.
pub async fn used(call: &Call) -> Result<Option<Arc<Used>>> {
    let Some(since) = call.param("since") else {
        return Ok(None);
    };
    let field = match call.kind()?.id {
        KindId::Key => Field::Key,
        KindId::User => Field::User,
        KindId::Route => Field::Route,
        // What answered may be called otherwise than its record.
        KindId::Provider | KindId::Model => {
            let kind = call.kind()?;
            let text = format!("what {} used is not told with their records", kind.plural);
            return Err(Error::invalid(text)
                .param("since")
                .hint(format!("ask for it with: gw usage --by {}", kind.name)));
        }
    };
    let key = (field as u8, since.to_owned());
    if let Some(known) = call.desk.recent.still(&key) {
        return Ok(Some(known));
    }
    let mut filter = Filter::default();
    filter.take("since", since, Stamp::now())?;
    let (desk, begun) = (call.desk.clone(), Instant::now());
    let asked = since.to_owned();
    let used = blocking(move || read(&desk, asked, filter, field)).await?;
    let used = Arc::new(used);
    call.desk.recent.keep(key, begun, used.clone());
    Ok(Some(used))
}

fn read(desk: &Desk, since: String, filter: Filter, field: Field) -> Result<Used> {
    let ask = Ask {
        filter,
        by: vec![By::Field(field)],
        ..Ask::default()
    };
    let folded = desk.deps.journal.fold(&ask)?;
    let named = |line: Line| Some((line.of.into_iter().next().flatten()?, line.figures));
    Ok(Used {
        since,
        of: folded.lines.into_iter().filter_map(named).collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::catalog::CostStatus;
    use crate::chat::Usage;
    use crate::store::journal::{Journal, Memory, Row};

    fn row(id: u64, model: &str, cost: Option<i64>) -> Row {
        Row {
            id: format!("req_{id}"),
            at: Stamp(1_790_000_000_000),
            model: Some(model.into()),
            status: 200,
            usage: Usage {
                input: 10,
                cache_read: 5,
                output: 2,
                ..Usage::default()
            },
            cost_pico: cost,
            cost_status: match cost {
                Some(1) => CostStatus::Estimated,
                Some(_) => CostStatus::Calculated,
                None => CostStatus::Unpriced,
            },
            latency_ms: 20,
            ..Row::default()
        }
    }

    #[test]
    fn sums_are_told_to_the_last_digit_and_never_as_nothing() {
        let log = Memory::default();
        log.push(row(1, "a", Some(12_345_678_901_234_567)), None);
        log.push(row(2, "a", Some(1)), None);
        log.push(row(3, "a", None), None);
        log.push(row(4, "b", None), None);
        let mut ask = Ask::default();
        ask.take("by", "model").unwrap();
        ask.take("points", "3").unwrap();
        let told = show(&ask, &log.fold(&ask).unwrap());
        let times = json!({"mean": 20, "p50": 20, "p95": 20});
        let never = json!({"mean": null, "p50": null, "p95": null});
        assert_eq!(
            told,
            json!({
                "since": null, "until": null, "oldest": "2026-09-21T14:13:20.000Z", "by": ["model"], "sort": "spend",
                "items": [
                    {
                        "model": "a", "requests": 3, "errors": 0, "tokens": 51, "input": 45, "output": 6,
                        "usage": {"input": 30, "cache_read": 15, "output": 6},
                        "spend": "12345.678901234568", "unpriced": 1, "estimated": 1, "spend_estimated": "0.000000000001",
                        "latency_ms": times, "ttft_ms": never, "trend": ["12345.678901234568"],
                    },
                    {
                        "model": "b", "requests": 1, "errors": 0, "tokens": 17, "input": 15, "output": 2,
                        "usage": {"input": 10, "cache_read": 5, "output": 2},
                        "spend": null, "unpriced": 1, "estimated": 0,
                        "latency_ms": times, "ttft_ms": never, "trend": ["0"],
                    },
                ],
                "total": {
                    "requests": 4, "errors": 0, "tokens": 68, "input": 60, "output": 8,
                    "usage": {"input": 40, "cache_read": 20, "output": 8},
                    "spend": "12345.678901234568", "unpriced": 2, "estimated": 1, "spend_estimated": "0.000000000001",
                    "latency_ms": times, "ttft_ms": never, "trend": ["12345.678901234568"],
                },
                "points": ["2026-09-21T14:00:00.000Z"],
            })
        );
    }
}
