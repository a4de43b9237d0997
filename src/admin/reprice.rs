//! Pricing requests of the log again: by how models are priced now, noted in the audit log.

use super::call::{Call, answer};
use super::desk::blocking;
use crate::catalog::dollars;
use crate::error::{Error, Result};
use crate::resources::Stamp;
use crate::store::journal::{Filter, Repricing, reprice::Change};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Under which name the audit log has it.
pub const NOTED: &str = "reprice";

/// What is to be priced again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    since: String,
    until: Option<String>,
    #[serde(default)]
    model: Vec<String>,
    #[serde(default)]
    provider: Vec<String>,
    #[serde(default)]
    dry_run: bool,
}

pub async fn reprice(call: Call) -> Result<Response> {
    let wanted: Wanted = serde_json::from_value(call.json()?).map_err(|error| {
        Error::invalid("the body does not say what is to be priced again")
            .cause(error)
            .hint(
                "send {\"since\": \"7d\"}, and with it until, model, provider (lists) and dry_run",
            )
    })?;
    let (now, mut filter) = (Stamp::now(), Filter::default());
    filter.take("since", &wanted.since, now)?;
    if let Some(until) = &wanted.until {
        filter.take("until", until, now)?;
    }
    for (word, values) in [("model", &wanted.model), ("provider", &wanted.provider)] {
        for value in values {
            filter.take(word, value, now)?;
        }
    }
    let (since, until) = (filter.since, filter.until);
    let by = (!wanted.dry_run).then(|| (now, call.actor.who.clone()));
    let (journal, price) = (call.desk.deps.journal.clone(), call.desk.deps.price.clone());
    let tally = blocking(move || {
        journal.reprice(&Repricing {
            filter,
            price: &*price,
            by,
        })
    })
    .await?;
    let total = tally.total();
    let items = tally.0.iter().map(|((model, provider), change)| {
        let mut item = show(change);
        item.insert("model".into(), model.clone().into());
        item.insert("provider".into(), provider.clone().into());
        Value::Object(item)
    });
    let mut told = show(&total);
    told.insert("since".into(), since.map(Stamp::rfc3339).into());
    told.insert("until".into(), until.map(Stamp::rfc3339).into());
    if !wanted.dry_run && total.changed > 0 {
        let mut noted = told.clone();
        noted.insert("model".into(), json!(wanted.model));
        noted.insert("provider".into(), json!(wanted.provider));
        call.desk.note(&call.actor, NOTED, noted).await?;
    }
    told.insert("dry_run".into(), wanted.dry_run.into());
    told.insert("items".into(), items.collect());
    Ok(answer(StatusCode::OK, &Value::Object(told)))
}

fn show(change: &Change) -> Map<String, Value> {
    // What nothing is known of is not nothing.
    let known = |pico: i128, unpriced: u64| {
        (pico != 0 || unpriced < change.requests || change.requests == 0).then(|| dollars(pico))
    };
    Map::from_iter([
        ("requests".to_owned(), change.requests.into()),
        ("changed".to_owned(), change.changed.into()),
        (
            "before".to_owned(),
            known(change.before, change.unpriced_before).into(),
        ),
        (
            "after".to_owned(),
            known(change.after, change.unpriced_after).into(),
        ),
        ("unpriced_before".to_owned(), change.unpriced_before.into()),
        ("unpriced_after".to_owned(), change.unpriced_after.into()),
    ])
}
