//! Models beside their records: what the catalogue knows of each provider's, and switching off and on what may have no
//! record yet.

use super::call::{Call, answer, tagged};
use super::draft::Draft;
use super::in_force::InForce;
use super::item::Item;
use super::made::Made;
use super::probe;
use crate::catalog;
use crate::error::{Error, Result};
use crate::resources::{
    self, Record, glob,
    model::{Model, State},
    provider::Provider,
};
use crate::vendors::{self, VENDORS, Vendor};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::HashSet;

/// What is known offline: of the providers beside their records, or of vendors (`vendor`, by id, or `all`).
pub async fn known(call: Call) -> Result<Response> {
    let state = call.desk.in_force();
    let offered = |vendor: &Vendor| catalog::offered(vendor.id, vendor.catalog, &state.prices);
    let items: Vec<Value> = match call.param("vendor") {
        None => beside(&state),
        Some("all") => VENDORS.iter().flat_map(offered).collect(),
        Some(ids) => {
            let rows = ids.split(',').map(vendors::vendor);
            let rows: Vec<&Vendor> = rows.collect::<Result<_>>()?;
            rows.into_iter().flat_map(offered).collect()
        }
    };
    Ok(answer(StatusCode::OK, &json!({ "items": items })))
}

/// What the catalogue knows of each provider's models, and no record speaks of.
fn beside(state: &InForce) -> Vec<Value> {
    let recorded: HashSet<(String, String)> = state
        .of("model")
        .filter_map(|record| {
            let model = model(&record)?;
            let id = model.upstream(&record.name).to_owned();
            Some((model.provider, id))
        })
        .collect();
    let mut items = Vec::new();
    for record in state.of("provider") {
        let Some((spec, vendor)) = provider(&record) else {
            continue;
        };
        for id in state.prices.ids(vendor.catalog) {
            let there = (record.name.clone(), id.to_owned());
            if exposed(&spec, id) && !recorded.contains(&there) {
                let shown = catalog::listed(
                    id,
                    vendor.catalog,
                    &state.prices,
                    &record.name,
                    State::Enabled,
                );
                items.push(shown);
            }
        }
    }
    items
}

/// `POST …/models/{name}/enable` and `disable`: the record of that name; or the model that is meant by `PROVIDER/ID`, or by
/// an id that one provider alone serves, under whatever name there is a record. Where there is none it is made: for what
/// the catalogue knows, and to switch off whatever might be asked for.
pub async fn switch(call: Call, on: bool) -> Result<Response> {
    let kind = call.kind()?;
    let version = call.if_match()?;
    let state = call.desk.in_force();
    let plan = |draft: &mut Draft<'_>| {
        let (provider, id, own) = match draft.get(kind.name, &call.name) {
            Ok(record) => {
                draft.expect(kind.name, &call.name, version)?;
                let spec = model(&record).ok_or_else(|| unreadable(&record))?;
                let id = spec.upstream(&record.name).to_owned();
                (spec.provider, id, call.name.clone())
            }
            Err(missing) => match meant(&state, &call.name)? {
                None => return Err(missing),
                Some(found) if on && !found.known => return Err(missing),
                Some(found) => {
                    let name = format!("{}/{}", found.provider, found.id);
                    (found.provider, found.id, name)
                }
            },
        };
        // All records of a model are switched: it is one model by whatever name.
        let same = |record: &std::sync::Arc<Record>| {
            model(record)
                .is_some_and(|spec| spec.provider == provider && spec.upstream(&record.name) == id)
        };
        let records = draft.records.of(kind.name, None).filter(same);
        let mut items: Vec<Item> = records
            .map(|record| Item {
                kind: kind.name.into(),
                name: record.name.clone(),
                spec: record.spec.clone(),
                ..Item::default()
            })
            .collect();
        if items.is_empty() {
            let mut spec = resources::Spec::new();
            spec.insert("provider".into(), provider.as_str().into());
            items.push(Item {
                kind: kind.name.into(),
                name: own.clone(),
                spec,
                ..Item::default()
            });
        }
        let shown = items.iter().position(|item| item.name == own).unwrap_or(0);
        let mut made = None;
        for (place, mut item) in items.into_iter().enumerate() {
            let name = item.name.clone();
            item.spec.insert("enabled".into(), on.into());
            let (outcome, secret) = draft.put(item)?;
            if place == shown {
                let record = draft.get(kind.name, &name)?;
                made = Some(Made {
                    outcome,
                    secret,
                    record,
                });
            }
        }
        made.ok_or_else(|| Error::internal("there was no model to switch"))
    };
    let made = call.desk.write(&call.actor, false, plan).await?;
    Ok(tagged(StatusCode::OK, &made.show(&call, false)))
}

/// A provider's model, by its id upstream.
struct Meant {
    provider: String,
    id: String,
    /// The catalogue, the provider's record or a model's record speaks of it.
    known: bool,
}

/// What a name that is no record's means: `PROVIDER/ID`, or an id that one provider alone is known to serve.
fn meant(state: &InForce, name: &str) -> Result<Option<Meant>> {
    let named = name.split_once('/');
    let named = named.and_then(|(at, _)| state.get("provider", at).ok());
    if let Some(record) = named {
        let id = probe::known_as(state, &record, name);
        return Ok(Some(Meant {
            known: serves(state, &record, &id),
            provider: record.name.clone(),
            id,
        }));
    }
    let serving: Vec<String> = state
        .of("provider")
        .filter(|record| serves(state, record, name))
        .map(|record| record.name.clone())
        .collect();
    match &serving[..] {
        [] => Ok(None),
        [one] => Ok(Some(Meant {
            provider: one.clone(),
            id: name.to_owned(),
            known: true,
        })),
        _ => {
            let names: Vec<String> = serving
                .iter()
                .map(|at| format!("`{at}/{}`", name.escape_debug()))
                .collect();
            Err(
                Error::invalid(format!("several providers serve `{}`", name.escape_debug()))
                    .param("name")
                    .hint(format!("name one of {}", names.join(", "))),
            )
        }
    }
}

/// Whether a provider is known to serve a model of this id.
fn serves(state: &InForce, record: &Record, id: &str) -> bool {
    let recorded = || {
        let mut models = state.of("model");
        models.any(|it| {
            model(&it)
                .is_some_and(|spec| spec.provider == record.name && spec.upstream(&it.name) == id)
        })
    };
    let catalogued = provider(record).is_some_and(|(spec, vendor)| {
        exposed(&spec, id)
            && (state.prices.knows(vendor.catalog, id) || spec.models.iter().any(|it| it == id))
    });
    catalogued || recorded()
}

/// Whether a provider lets callers have a model.
fn exposed(spec: &Provider, id: &str) -> bool {
    spec.models.is_empty() || glob::any(&spec.models, id)
}

fn provider(record: &Record) -> Option<(Provider, &'static Vendor)> {
    let spec: Provider = serde_json::from_value(Value::Object(record.spec.clone())).ok()?;
    let vendor = vendors::vendor(&spec.vendor).ok()?;
    Some((spec, vendor))
}

fn model(record: &Record) -> Option<Model> {
    serde_json::from_value(Value::Object(record.spec.clone())).ok()
}

fn unreadable(record: &Record) -> Error {
    Error::internal(format!(
        "the record of model `{}` cannot be read",
        record.name
    ))
}
