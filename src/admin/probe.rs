//! Trying a provider: is its credential good, and which models does it have. Calls it as serving does, and
//! tells the data plane what came of it.

use super::call::{Call, answer};
use super::desk::{Desk, blocking};
use super::in_force::InForce;
use super::item::Item;
use super::{
    credentials,
    draft::{Draft, Outcome},
};
use crate::error::{Error, Kind, Result};
use crate::resources::glob::{self, own_name};
use crate::resources::{
    self, Record, Stamp,
    model::{Model, ModelSystem},
    name,
    provider::{Credential, Provider},
};
use crate::store::secret::Secret;
use crate::upstream::{
    Access, Timers, Upstream,
    trial::{self, State, Trial},
};
use crate::vendors;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// A trial of one provider.
pub struct Report {
    trial: Trial,
    local: bool,
    /// Signed in to as the gateway's own machine: there is nothing to store instead.
    machine: bool,
}

impl Report {
    pub fn show(&self, name: &str) -> Value {
        let state = match self.trial.state {
            State::Verified => "verified",
            State::Unverified => "unverified",
            State::Refused => "refused",
            State::Unreachable => "unreachable",
            State::Failed => "failed",
        };
        let Trial {
            status,
            models,
            ms,
            message,
            ..
        } = &self.trial;
        let ok = matches!(self.trial.state, State::Verified | State::Unverified);
        let mut shown = json!({"ok": ok, "state": state, "status": status, "models": models, "ms": ms, "message": message});
        if self.trial.state == State::Refused && !self.machine {
            shown["fix"] = format!("gw provider rekey {name} --credential-stdin").into();
        }
        shown
    }

    /// Tells the data plane, so that the provider's health says what was found.
    pub fn note(&self, desk: &Desk, name: &str) {
        (desk.deps.tried)(name, &self.trial);
    }
}

pub async fn test(call: Call) -> Result<Response> {
    let body = call.json()?;
    let model = body.get("model").and_then(Value::as_str);
    let report = stored(&call, model).await?;
    Ok(answer(StatusCode::OK, &report.show(&call.name)))
}

pub async fn discover(call: Call) -> Result<Response> {
    let body = call.json()?;
    let enable =
        call.flag("enable")? || body.get("enable").and_then(Value::as_bool).unwrap_or(false);
    let (models, mut shown) = listed(&call).await?;
    if enable {
        let created = call.desk.write(&call.actor, false, |draft| {
            draft.get("provider", &call.name)?;
            made(draft, &call.name, models.iter())
        });
        shown["created"] = created.await?.into();
    }
    Ok(answer(StatusCode::OK, &shown))
}

/// `POST …/providers/{name}/sync`: records for what the provider lists and no record speaks of, as far as it lets callers
/// have it; a mark for what it no longer lists. Answers `{name, listed, new, gone, back, dry_run}` with records' names.
pub async fn sync(call: Call) -> Result<Response> {
    let dry_run = call.flag("dry_run")?;
    let (models, _) = listed(&call).await?;
    let there: HashSet<&str> = models.iter().map(String::as_str).collect();
    let plan = |draft: &mut Draft<'_>| {
        let record = draft.get("provider", &call.name)?;
        let spec = &record.spec;
        let spec: Provider = serde_json::from_value(Value::Object(spec.clone()))
            .map_err(|error| Error::internal("the provider record cannot be read").cause(error))?;
        let own: Vec<(Arc<Record>, String)> = draft
            .records
            .of("model", None)
            .filter_map(|record| {
                let model: Model =
                    serde_json::from_value(Value::Object(record.spec.clone())).ok()?;
                let id = model.upstream(&record.name).to_owned();
                (model.provider == call.name).then(|| (record.clone(), id))
            })
            .collect();
        let (mut gone, mut back) = (Vec::new(), Vec::new());
        for (record, id) in &own {
            let since = match (there.contains(id.as_str()), ModelSystem::of(record).gone) {
                (false, None) => Some(Stamp::now()),
                (true, Some(_)) => None,
                _ => continue,
            };
            let list = if since.is_some() {
                &mut gone
            } else {
                &mut back
            };
            list.push(record.name.clone());
            let system = ModelSystem { gone: since }.written();
            draft.set(&record.at(), record.spec.clone(), system);
        }
        let known: HashSet<&str> = own.iter().map(|(_, id)| id.as_str()).collect();
        let wanted = models.iter().filter(|id| {
            let exposed = spec.models.is_empty() || glob::any(&spec.models, id);
            exposed && !known.contains(id.as_str())
        });
        let new = made(draft, &call.name, wanted)?;
        Ok(
            json!({"name": call.name, "listed": models.len(), "new": new, "gone": gone, "back": back, "dry_run": dry_run}),
        )
    };
    let done = call.desk.write(&call.actor, dry_run, plan).await?;
    Ok(answer(StatusCode::OK, &done))
}

/// What the call's provider lists, and the report of asking it.
async fn listed(call: &Call) -> Result<(Vec<String>, Value)> {
    let report = stored(call, None).await?;
    let shown = report.show(&call.name);
    match report.trial.models {
        Some(models) => Ok((models, shown)),
        None => Err(Error::new(Kind::Upstream, format!("the models of provider `{}` are not to be had: {}", call.name, report.trial.message))
            .hint(format!("try it with: gw provider test {0}; or add models by hand: gw model create {0}/MODEL --provider {0}", call.name))),
    }
}

/// Makes a record of each of a provider's models that has none of this name; their names.
fn made<'a>(
    draft: &mut Draft<'_>,
    provider: &str,
    models: impl Iterator<Item = &'a String>,
) -> Result<Vec<String>> {
    let kind = resources::kind("model")?;
    let mut created = Vec::new();
    for id in models {
        let called = format!("{provider}/{id}");
        if name::check(kind, &called).is_err() || draft.get("model", &called).is_ok() {
            continue;
        }
        let mut spec = resources::Spec::new();
        spec.insert("provider".into(), provider.into());
        let (outcome, _) = draft.put(Item {
            kind: "model".into(),
            name: called.clone(),
            spec,
            ..Item::default()
        })?;
        if outcome == Outcome::Created {
            created.push(called);
        }
    }
    Ok(created)
}

/// Tries the call's provider with what it refers to now: a model of it, or else its list of models.
async fn stored(call: &Call, model: Option<&str>) -> Result<Report> {
    let state = call.desk.in_force();
    let record = state.get("provider", &call.name)?;
    let model = model.map(|asked| known_as(&state, &record, asked));
    let (vault, asked) = (call.desk.deps.vault.clone(), record.clone());
    let access = blocking(move || Ok(credentials::resolve(&*vault, &asked))).await?;
    let most = call.desk.deps.limits.models;
    let report = run(&record, access, model.as_deref(), most).await?;
    report.note(&call.desk, &call.name);
    Ok(report)
}

/// The id this provider knows a model by.
pub fn known_as(state: &InForce, provider: &Record, asked: &str) -> String {
    let models = state.of("model").filter_map(|record| {
        let model: Model = serde_json::from_value(Value::Object(record.spec.clone())).ok()?;
        Some((record.name.clone(), model))
    });
    let vendor = provider.spec.get("vendor").and_then(Value::as_str);
    let own = vendor.and_then(|id| Some(vendors::vendor(id).ok()?.own_names));
    upstream_id(&provider.name, own.unwrap_or_default(), asked, models)
}

/// The id a provider knows a model by, which may be asked for by its record's name, with or without `PROVIDER/`.
fn upstream_id(
    provider: &str,
    own_names: &[&str],
    asked: &str,
    models: impl Iterator<Item = (impl AsRef<str>, Model)>,
) -> String {
    let long = format!("{provider}/{asked}");
    for (name, model) in models.filter(|(_, model)| model.provider == provider) {
        let name = name.as_ref();
        if name == asked || name == long {
            return model.upstream(name).to_owned();
        }
    }
    asked
        .strip_prefix(provider)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|_| !own_name(own_names, asked))
        .unwrap_or(asked)
        .to_owned()
}

/// Tries a provider that is about to be created, as the record will be, with the secret that comes with it. What
/// refuses the credential, or is not there, is not stored; a local server that is not running yet is.
pub async fn before_create(
    desk: &Desk,
    record: Arc<Record>,
    given: Option<Secret>,
) -> Result<Report> {
    let (vault, asked) = (desk.deps.vault.clone(), record.clone());
    let access = blocking(move || {
        Ok(match given {
            Some(secret) => credentials::with(&asked, &secret),
            None => credentials::resolve(&*vault, &asked),
        })
    });
    let report = run(&record, access.await?, None, desk.deps.limits.models).await?;
    let kind = match report.trial.state {
        State::Verified | State::Unverified => return Ok(report),
        State::Unreachable if report.local => return Ok(report),
        State::Refused => Kind::Invalid,
        State::Unreachable | State::Failed => Kind::Upstream,
    };
    Err(Error::new(
        kind,
        format!(
            "provider `{}` was not stored: {}",
            record.name, report.trial.message
        ),
    )
    .hint("mend it, or store it untested with --verify=false"))
}

async fn run(
    record: &Record,
    access: Result<Access, String>,
    model: Option<&str>,
    most: usize,
) -> Result<Report> {
    let spec: Provider = serde_json::from_value(Value::Object(record.spec.clone()))
        .map_err(|error| Error::internal("the provider record cannot be read").cause(error))?;
    let upstream = Upstream::build(
        record.name.as_str().into(),
        &spec,
        Some(&access),
        Timers::default(),
    )?;
    let trial = match model {
        Some(model) => trial::one_token(&upstream, model).await,
        None => trial::list(&upstream, most).await,
    };
    Ok(Report {
        trial,
        local: upstream.is_local(),
        machine: matches!(
            spec.credential,
            Credential::Aws(_) | Credential::Google | Credential::Azure
        ),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_model_is_found_by_every_name_it_has() {
        let model = |id: &str| -> Model {
            serde_json::from_value(json!({"provider": "p", "upstream_id": id})).unwrap()
        };
        for (asked, id) in [
            ("fast", "gpt-4o-mini"),
            ("p/big", "gpt-4o"),
            ("big", "gpt-4o"),
            ("org/m", "org/m"),
            ("p/other", "other"),
            ("p/own", "p/own"),
        ] {
            let records = [("fast", model("gpt-4o-mini")), ("p/big", model("gpt-4o"))];
            assert_eq!(
                upstream_id("p", &["p/own"], asked, records.into_iter()),
                id,
                "{asked}"
            );
        }
    }
}
