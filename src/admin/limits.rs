//! How limits stand, and corrections of what was counted: each is in the audit log.

use super::call::{Call, answer};
use super::in_force::InForce;
use crate::catalog;
use crate::error::{Error, Result, nearest};
use crate::resources::{
    self, KindId, Record, Spec, Stamp,
    limit::{Limit, Metric},
};
use crate::store::counters::{Account, Counters, Kind, Second, Standing, Subject};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Where a record's `system` part says of its newest correction.
const CORRECTED: &str = "limits_reset";

/// The account a kind's records have; `None`: nothing of theirs is counted.
fn counted(kind: KindId) -> Option<Kind> {
    match kind {
        KindId::Key => Some(Kind::Key),
        KindId::User => Some(Kind::User),
        KindId::Provider => Some(Kind::Provider),
        KindId::Model => Some(Kind::Model),
        KindId::Route => None,
    }
}

/// The limits that a field of a record holds.
fn limits(record: &Record, field: &str) -> Vec<Limit> {
    let list = record.spec.get(field).cloned().unwrap_or_default();
    serde_json::from_value(list).unwrap_or_default()
}

/// A record's account.
fn account(counters: &dyn Counters, record: &Record) -> Option<Arc<Account>> {
    let kind = counted(resources::kind(&record.kind).ok()?.id)?;
    let subject = Subject::new(kind, record.name.as_str(), record.created);
    Some(counters.account(&subject, &limits(record, "limits"), record.version))
}

pub async fn get(call: Call) -> Result<Response> {
    let state = call.desk.in_force();
    let record = state.get(call.kind()?.name, &call.name)?;
    let counters = &*call.desk.deps.counters;
    let mut shown = json!({"kind": record.kind, "name": record.name});
    shown["limits"] = standings(counters, account(counters, &record)).await.into();
    // What its user may use binds a key as much.
    if let Some(user) = user_of(&state, &record) {
        let standings = standings(counters, account(counters, &user)).await;
        if !standings.is_empty() {
            shown["user"] = json!({"name": user.name, "limits": standings});
        }
    }
    if let Some(limits) = record.spec.get("session_limits") {
        shown["session_limits"] = limits.clone();
    }
    if call.flag("sessions")? {
        shown["sessions"] = sessions(counters, &record).await.into();
    }
    Ok(answer(StatusCode::OK, &shown))
}

fn user_of(state: &InForce, record: &Record) -> Option<Arc<Record>> {
    let mut user = record.refs().filter(|(kind, _)| kind == "user");
    state.records.at(&user.next()?)
}

async fn standings(counters: &dyn Counters, account: Option<Arc<Account>>) -> Vec<Value> {
    let Some(account) = account else {
        return Vec::new();
    };
    let standings = counters.standings(&account, counters.now()).await;
    standings.iter().map(shown).collect()
}

/// Each session of a record that is counted now.
async fn sessions(counters: &dyn Counters, record: &Record) -> Vec<Value> {
    let kind = resources::kind(&record.kind)
        .ok()
        .and_then(|kind| counted(kind.id));
    let is_its = |account: &&Arc<Account>| {
        let of = account.subject().of.as_ref();
        of.is_some_and(|(of, name)| Some(*of) == kind && **name == *record.name)
    };
    let all = counters.accounts();
    let mut found = Vec::new();
    for account in all.iter().filter(is_its) {
        let standings = standings(counters, Some(account.clone())).await;
        found.push(json!({"session": &*account.subject().name, "limits": standings}));
    }
    let name = |value: &Value| value["session"].as_str().unwrap_or_default().to_owned();
    found.sort_by_key(name);
    found
}

/// Money is dollars in decimal, exact, as text; everything else a number.
fn shown(standing: &Standing) -> Value {
    let limit = &standing.limit;
    let amount = |count: u64| match limit.metric {
        Metric::Spend => Value::from(catalog::dollars(count.into())),
        _ => Value::from(count),
    };
    let mut shown = json!({
        "limit": limit, "name": limit.name(), "amount": amount(limit.amount), "used": amount(standing.used),
        "reserved": amount(standing.reserved), "left": amount(standing.left), "share": share(standing),
    });
    if let Some(reset) = standing.reset {
        shown["reset"] = time(reset).into();
    }
    if limit.shadow {
        shown["shadow"] = true.into();
    }
    if standing.refused > 0 {
        shown["refused"] = standing.refused.into();
    }
    shown
}

/// What is used and reserved, of all there is: from 0 to 1 where it is not over.
fn share(standing: &Standing) -> f64 {
    let taken = standing.used.saturating_add(standing.reserved);
    match standing.limit.amount {
        0 => 1.0,
        amount => (taken as f64 / amount as f64 * 1e4).round() / 1e4,
    }
}

fn time(at: Second) -> String {
    Stamp(i64::from(at) * 1_000).rfc3339()
}

/// What a correction is asked to be.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    /// One by its name, such as `tokens/hour`; all of them without.
    limit: Option<String>,
    reason: Option<String>,
}

pub async fn reset(call: Call) -> Result<Response> {
    let asked: Asked = serde_json::from_value(call.json()?).map_err(|error| {
        Error::invalid(format!("the correction cannot be read: {error}"))
            .hint("it takes: limit, reason")
    })?;
    let kind = call.kind()?;
    let named = |record: &Record| -> Result<Option<Limit>> {
        let Some(name) = &asked.limit else {
            return Ok(None);
        };
        let limits = limits(record, "limits");
        let found = limits.iter().find(|limit| limit.name() == *name);
        found
            .copied()
            .map(Some)
            .ok_or_else(|| unknown(record, &limits, name))
    };
    // The audit log first: a correction that nobody can see is none.
    let plan = |draft: &mut super::draft::Draft<'_>| {
        let record = draft.get(kind.name, &call.name)?;
        named(&record)?;
        let mut system = record.system.clone();
        let mut said = Map::new();
        said.insert("version".into(), (record.version + 1).into());
        for (name, text) in [("limit", &asked.limit), ("reason", &asked.reason)] {
            said.extend(
                text.as_ref()
                    .map(|text| (name.to_owned(), text.as_str().into())),
            );
        }
        system.insert(CORRECTED.into(), said.into());
        draft.set(&record.at(), record.spec.clone(), system);
        Ok(())
    };
    call.desk.write(&call.actor, false, plan).await?;
    let state = call.desk.in_force();
    let record = state.get(kind.name, &call.name)?;
    let counters = &*call.desk.deps.counters;
    if let Some(account) = account(counters, &record) {
        counters.reset(&account, named(&record)?.as_ref());
    }
    let standings = standings(counters, account(counters, &record)).await;
    Ok(answer(
        StatusCode::OK,
        &json!({"kind": record.kind, "name": record.name, "result": "reset", "limits": standings}),
    ))
}

fn unknown(record: &Record, limits: &[Limit], name: &str) -> Error {
    let names: Vec<String> = limits.iter().map(Limit::name).collect();
    let error = Error::not_found(format!(
        "{} `{}` has no limit `{}`",
        record.kind,
        record.name,
        name.escape_debug()
    ))
    .param("limit");
    let names = || names.iter().map(String::as_str);
    match nearest(name, names()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if limits.is_empty() => error.hint(format!(
            "it has none; give it one: gw {} limits set {} --limit tokens=100000/hour",
            record.kind, record.name
        )),
        None => error.hint(format!(
            "it has: {}",
            names().collect::<Vec<_>>().join(", ")
        )),
    }
}

/// What an entry of the audit log says of a correction, where a record was put for that.
pub fn correction(record: &Record) -> Option<Spec> {
    let said = record.system.get(CORRECTED)?.as_object()?;
    let is_of_this = said.get("version").and_then(Value::as_u64) == Some(record.version);
    is_of_this.then(|| {
        let mut said = said.clone();
        said.shift_remove("version");
        said
    })
}
