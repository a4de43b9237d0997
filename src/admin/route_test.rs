//! Trying a route: one small real request through each of its targets, and what came of each.

use super::call::{Call, answer};
use super::desk::{Desk, blocking};
use super::in_force::InForce;
use super::{credentials, probe};
use crate::catalog::{self, Overlay, Prices};
use crate::chat::UsageSource;
use crate::error::{Error, Result};
use crate::resources::{
    Record, Stamp,
    model::Model,
    provider::Provider,
    route::{Route, Target},
};
use crate::upstream::{
    Timers, Upstream,
    trial::{Sample, State, sample},
};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::sync::Arc;

/// Targets tried at a time.
const MOST: usize = 16;

pub async fn test(call: Call) -> Result<Response> {
    let body = call.json()?;
    let asked = body.get("model").and_then(Value::as_str).map(str::to_owned);
    let state = call.desk.in_force();
    let record = state.get("route", &call.name)?;
    let spec: Route = serde_json::from_value(Value::Object(record.spec.clone()))
        .map_err(|error| Error::internal("the route record cannot be read").cause(error))?;
    let mut targets: Vec<Target> = Vec::new();
    for target in spec.every_target() {
        // Of one that several rules name, the first that is picked at all.
        let known = targets
            .iter_mut()
            .find(|known| known.provider == target.provider && known.model == target.model);
        match known {
            Some(known) => known.weight = known.weight.max(target.weight),
            None => targets.push(target.clone()),
        }
    }
    let mut items = Vec::with_capacity(targets.len());
    for some in targets.chunks(MOST) {
        let tried = some
            .iter()
            .map(|target| one(&call.desk, &state, target, asked.as_deref()));
        for item in join_all(tried).await {
            items.push(item?);
        }
    }
    let shown = json!({"route": call.name, "items": items});
    Ok(answer(StatusCode::OK, &shown))
}

/// One target.
async fn one(desk: &Desk, state: &InForce, target: &Target, asked: Option<&str>) -> Result<Value> {
    let mut shown = json!({"provider": target.provider, "model": target.model});
    let record = state.get("provider", &target.provider).ok();
    let (record, spec, asked) = match told(target, record, asked) {
        Ok(told) => told,
        Err(why) => {
            shown["tried"] = false.into();
            shown["message"] = why.into();
            return Ok(shown);
        }
    };
    let model = probe::known_as(state, &record, asked);
    let own = own(state, &target.provider, &model);
    shown["model"] = model.as_str().into();
    if own.as_ref().is_some_and(|own| !own.enabled) {
        shown["tried"] = false.into();
        shown["message"] = "model is disabled".into();
        return Ok(shown);
    }
    let (vault, of) = (desk.deps.vault.clone(), record.clone());
    let access = blocking(move || Ok(credentials::resolve(&*vault, &of))).await?;
    let name: Arc<str> = record.name.as_str().into();
    let upstream = Upstream::build(name, &spec, Some(&access), Timers::default())?;
    let sample = sample(&upstream, &model).await;
    (desk.deps.tried)(&record.name, &sample.trial);
    tell(
        &mut shown,
        &sample,
        &prices(&state.prices, &spec, own.as_ref(), &model),
    );
    let injected = spec.injected().filter(|(_, until)| Stamp::now().0 < *until);
    if let Some((faults, _)) = injected {
        // It goes to the provider itself.
        shown["not_met"] = faults.to_string().into();
    }
    Ok(shown)
}

/// What a target is tried with: its provider and the model, or why it is not.
fn told<'a>(
    target: &'a Target,
    record: Option<Arc<Record>>,
    asked: Option<&'a str>,
) -> Result<(Arc<Record>, Provider, &'a str), &'static str> {
    if target.weight == 0 {
        return Err("weight is 0");
    }
    let record = record.ok_or("no such provider")?;
    let spec: Provider = serde_json::from_value(Value::Object(record.spec.clone()))
        .map_err(|_| "the provider's record cannot be read")?;
    if !spec.enabled {
        return Err("provider is disabled");
    }
    let model = target.model.as_deref().or(asked);
    let model = model.ok_or("takes the model as asked: name one with -m MODEL")?;
    Ok((record, spec, model))
}

/// What a record of the user's says of a model.
fn own(state: &InForce, provider: &str, upstream: &str) -> Option<Model> {
    state.of("model").find_map(|record| {
        let model: Model = serde_json::from_value(Value::Object(record.spec.clone())).ok()?;
        let same = model.provider == provider && model.upstream(&record.name) == upstream;
        same.then_some(model)
    })
}

fn prices(newer: &Overlay, spec: &Provider, own: Option<&Model>, model: &str) -> Arc<Prices> {
    let vendor = crate::vendors::vendor(&spec.vendor).ok();
    let catalog = vendor.map_or("", |vendor| vendor.catalog);
    newer.facts(own, catalog, model).prices
}

fn tell(shown: &mut Value, sample: &Sample, prices: &Prices) {
    let trial = &sample.trial;
    // Nothing was sent where nothing could be said.
    let tried = trial.state != State::Unverified;
    shown["tried"] = tried.into();
    shown["message"] = trial.message.as_str().into();
    if !tried {
        return;
    }
    shown["ok"] = (trial.state == State::Verified).into();
    shown["status"] = trial.status.into();
    shown["ms"] = trial.ms.into();
    if let Some(first) = sample.first_content_ms {
        shown["first_content_ms"] = first.into();
    }
    if let Some(usage) = &sample.usage {
        let cost = catalog::cost(usage, sample.tier, UsageSource::Reported, prices);
        shown["usage"] = json!(usage);
        shown["cost_status"] = json!(cost.status);
        shown["cost_pico"] = cost.pico.and_then(|pico| i64::try_from(pico).ok()).into();
    }
}
