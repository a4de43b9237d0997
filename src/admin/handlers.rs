//! What the admin paths do: the same few lines for every resource kind.

use super::call::{Call, answer, parse, tagged};
use super::desk::blocking;
use super::in_force::InForce;
use super::item::Item;
use super::made::Made;
use super::{
    cascade, draft::Draft, draft::Outcome, keys, models, openapi, probe, select, show, usage,
};
use crate::error::{Error, Kind, Result};
use crate::resources::{self, KindId, Millis, Record};
use crate::store::secret::Secret;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

pub async fn list(call: Call) -> Result<Response> {
    let kind = call.kind()?;
    let selector = select::Selector::parse(call.param("selector").unwrap_or_default())?;
    let limit = call.number("limit")?.unwrap_or(usize::MAX);
    let after = call.param("cursor").map(select::uncursor).transpose()?;
    let used = usage::used(&call).await?;
    let state = call.desk.in_force();
    let show = show::Show::new(&call.desk, &state).with(used);
    let mut rest = state
        .records
        .of(kind.name, after.as_deref())
        .filter(|record| selector.takes(record));
    let mut items = Vec::new();
    let mut last = None;
    for record in rest.by_ref().take(limit) {
        items.push(show.record(&record));
        last = Some(record);
    }
    let cursor = match (last, rest.next()) {
        (Some(last), Some(_)) => Some(select::cursor(&last.name)),
        _ => None,
    };
    Ok(answer(
        StatusCode::OK,
        &json!({"items": items, "cursor": cursor}),
    ))
}

pub async fn get(call: Call) -> Result<Response> {
    let used = usage::used(&call).await?;
    let state = call.desk.in_force();
    let record = state.get(call.kind()?.name, &call.name)?;
    Ok(tagged(
        StatusCode::OK,
        &show::Show::new(&call.desk, &state)
            .with(used)
            .record(&record),
    ))
}

pub async fn create(call: Call) -> Result<Response> {
    let Some(header) = call.headers.get("idempotency-key") else {
        return create_record(&call).await;
    };
    let key = header
        .to_str()
        .map_err(|_| Error::invalid("`Idempotency-Key` is not text").param("Idempotency-Key"))?
        .to_owned();
    let path = format!("{}?{:?}", call.path, call.query);
    let mut done = loop {
        let slot = call.desk.idempotency.slot(&key, &path, &call.body)?;
        let done = slot.clone().lock_owned().await;
        // Those who waited for one that failed begin anew, one of them first.
        if done.is_some() || call.desk.idempotency.holds(&key, &slot) {
            break done;
        }
    };
    if let Some(done) = &*done {
        let status = StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK);
        return Ok(tagged(
            status,
            &parse(done.body.expose().as_bytes(), usize::MAX)?,
        ));
    }
    let response = create_record(&call).await;
    match response {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            let bytes = axum::body::to_bytes(body, usize::MAX)
                .await
                .map_err(|error| Error::internal("the answer could not be kept").cause(error))?;
            let body = Secret::new(String::from_utf8_lossy(&bytes).into_owned());
            *done = Some(super::idempotency::Done {
                status: parts.status.as_u16(),
                body,
            });
            Ok(Response::from_parts(parts, axum::body::Body::from(bytes)))
        }
        Err(error) => {
            call.desk.idempotency.forget(&key);
            Err(error)
        }
    }
}

async fn create_record(call: &Call) -> Result<Response> {
    let kind = call.kind()?;
    let item = Item::parse(kind, None, call.json()?)?;
    let (dry_run, name) = (call.flag("dry_run")?, item.name.clone());
    let exists = call.desk.in_force().get(kind.name, &name).is_ok();
    let check = item.secret_check.clone();
    let plan = |draft: &mut Draft<'_>| {
        let there = draft.get(kind.name, &name).ok();
        if let Some(old) = there.as_ref().filter(|_| !item.if_not_exists) {
            return Err(taken(kind, old));
        }
        // A secret brought along that is not this key's must not pass for success.
        let same = |old: &Record| {
            item.secret
                .as_ref()
                .is_none_or(|secret| keys::matches(draft.hasher, old, secret))
        };
        let (outcome, secret) = match there {
            Some(old) if same(&old) => (Outcome::Unchanged, None),
            _ => draft.put(item.clone())?,
        };
        Ok(Made {
            outcome,
            secret,
            record: draft.get(kind.name, &name)?,
        })
    };
    let verified = match call.flag("verify")? && kind.id == KindId::Provider && !exists {
        // What can be said without asking the provider is said first.
        true => {
            let planned = call.desk.write(&call.actor, true, &plan).await?.record;
            Some(probe::before_create(&call.desk, planned, item.credential.clone()).await?)
        }
        false => None,
    };
    let made = call.desk.write(&call.actor, dry_run, plan).await?;
    let status = if made.outcome == Outcome::Created && !dry_run {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    if let Some(report) = &verified
        && !dry_run
    {
        report.note(&call.desk, &name);
    }
    let mut value = made.show(call, dry_run);
    if let Some(secret) = check {
        let held = made.outcome != Outcome::Created
            && keys::matches(&call.desk.deps.hasher, &made.record, &secret);
        value["status"]["secret_matches"] = held.into();
    }
    if let Some(report) = verified {
        value["test"] = report.show(&name);
    }
    Ok(tagged(status, &value))
}

fn taken(kind: &resources::Kind, old: &Record) -> Error {
    Error::new(
        Kind::Conflict,
        format!("{} `{}` exists", kind.name, old.name),
    )
    .param("name")
    .hint(match kind.id {
        KindId::Key => format!(
            "its secret cannot be shown again; make a new one with: gw key rotate {}",
            old.name
        ),
        KindId::User | KindId::Provider | KindId::Model | KindId::Route => format!(
            "change it with: gw {} set {}, or pass --if-not-exists",
            kind.name, old.name
        ),
    })
}

pub async fn replace(call: Call) -> Result<Response> {
    let kind = call.kind()?;
    let item = Item::parse(kind, Some(&call.name), call.json()?)?;
    change(&call, |draft, version| {
        draft.expect(kind.name, &item.name, version)?;
        draft.put(item.clone())
    })
    .await
}

pub async fn patch(call: Call) -> Result<Response> {
    let kind = call.kind()?;
    let wanted = call.json()?;
    if !wanted.is_object() {
        return Err(Error::invalid("a patch is a JSON object"));
    }
    change(&call, |draft, version| {
        draft.expect(kind.name, &call.name, version)?;
        let mut whole = Value::Object(draft.get(kind.name, &call.name)?.spec.clone());
        merge(&mut whole, &wanted);
        if wanted.get("credential_value").is_some_and(Value::is_string)
            && wanted.get("credential").is_none()
        {
            // A new managed secret takes the place of whatever reference was there.
            whole["credential"] = "managed".into();
        }
        draft.put(Item::parse(kind, Some(&call.name), whole)?)
    })
    .await
}

/// A change of the call's record, answered with what it is now.
async fn change(
    call: &Call,
    plan: impl Fn(&mut Draft<'_>, Option<u64>) -> Result<(Outcome, Option<Secret>)>,
) -> Result<Response> {
    let (version, dry_run, kind) = (call.if_match()?, call.flag("dry_run")?, call.kind()?);
    let plan = |draft: &mut Draft<'_>| {
        let (outcome, secret) = plan(draft, version)?;
        Ok(Made {
            outcome,
            secret,
            record: draft.get(kind.name, &call.name)?,
        })
    };
    let made = call.desk.write(&call.actor, dry_run, plan).await?;
    Ok(tagged(StatusCode::OK, &made.show(call, dry_run)))
}

/// RFC 7396: `null` takes a field away, objects are merged, everything else is replaced.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    if let Value::Object(map) = into {
        for (key, value) in patch {
            match value {
                Value::Null => {
                    map.shift_remove(key);
                }
                value => merge(map.entry(key.clone()).or_insert(Value::Null), value),
            }
        }
    }
}

pub async fn delete(call: Call) -> Result<Response> {
    let kind = call.kind()?;
    let (version, dry_run, along) = (
        call.if_match()?,
        call.flag("dry_run")?,
        call.flag("cascade")?,
    );
    let plan = |draft: &mut Draft<'_>| {
        draft.expect(kind.name, &call.name, version)?;
        match along {
            true => cascade::delete(draft, kind.name, &call.name),
            false => draft.delete(kind.name, &call.name).map(|()| Vec::new()),
        }
    };
    let taken = call.desk.write(&call.actor, dry_run, plan).await?;
    let result = json!({"kind": kind.name, "name": call.name, "result": "deleted", "dry_run": dry_run, "taken": taken});
    Ok(answer(StatusCode::OK, &result))
}

pub async fn enable(call: Call) -> Result<Response> {
    switch(call, true).await
}

pub async fn disable(call: Call) -> Result<Response> {
    switch(call, false).await
}

async fn switch(call: Call, on: bool) -> Result<Response> {
    let kind = call.kind()?;
    if kind.id == KindId::Model {
        return models::switch(call, on).await;
    }
    change(&call, |draft, version| {
        draft.expect(kind.name, &call.name, version)?;
        let mut spec = draft.get(kind.name, &call.name)?.spec.clone();
        spec.insert("enabled".into(), on.into());
        draft.put(Item {
            kind: kind.name.into(),
            name: call.name.clone(),
            spec,
            ..Item::default()
        })
    })
    .await
}

pub async fn rotate(call: Call) -> Result<Response> {
    let Value::Object(body) = call.json()? else {
        return Err(Error::invalid("the body is not a JSON object"));
    };
    if let Some(field) = body
        .keys()
        .find(|field| !["grace", "secret"].contains(&field.as_str()))
    {
        return Err(
            Error::invalid(format!("unknown field `{}`", field.escape_debug()))
                .param(field.clone())
                .hint("it takes: grace, secret"),
        );
    }
    let text = |field: &str| match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::invalid(format!("`{field}` is not a string")).param(field)),
    };
    let grace: Millis = text("grace")?
        .map_or(Ok(Millis(0)), |text| text.parse())
        .map_err(|error: Error| error.param("grace"))?;
    let secret = text("secret")?.map(Secret::new);
    let own = secret.is_some();
    change(&call, |draft, version| {
        draft.expect("key", &call.name, version)?;
        let record = draft.get("key", &call.name)?;
        let (system, fresh) = keys::rotated(draft.hasher, &record, grace, secret.clone())?;
        draft.set(&record.at(), record.spec.clone(), system);
        Ok((Outcome::Configured, (!own).then_some(fresh)))
    })
    .await
}

pub async fn revoke(call: Call) -> Result<Response> {
    change(&call, |draft, version| {
        draft.expect("key", &call.name, version)?;
        let record = draft.get("key", &call.name)?;
        if let Some((spec, system)) = keys::ended(&record)? {
            draft.set(&record.at(), spec, system);
        }
        Ok((Outcome::Configured, None))
    })
    .await
}

pub async fn identify(call: Call) -> Result<Response> {
    let body = call.json()?;
    let secret = body
        .get("secret")
        .and_then(Value::as_str)
        .ok_or_else(|| Error::invalid("`secret` is missing").param("secret"))?;
    let state = call.desk.in_force();
    let record = holder(&call, &state, secret)?;
    Ok(tagged(
        StatusCode::OK,
        &show::Show::new(&call.desk, &state).record(&record),
    ))
}

/// The key a secret belongs to.
fn holder(call: &Call, state: &InForce, secret: &str) -> Result<Arc<Record>> {
    let secret = Secret::new(secret.to_owned());
    keys::identify(&state.records, &call.desk.deps.hasher, &secret).ok_or_else(|| {
        Error::not_found("no key has this secret")
            .param("secret")
            .hint("list keys and their prefixes with: gw key get")
    })
}

pub async fn vendors(_: Call) -> Result<Response> {
    let rows = crate::vendors::VENDORS.iter();
    let rows: Vec<Value> = rows.map(crate::vendors::describe).collect();
    Ok(answer(StatusCode::OK, &json!({"items": rows})))
}

pub async fn apply(mut call: Call) -> Result<Response> {
    let (wanted, dry_run) = (call.json()?, call.flag("dry_run")?);
    // It may be large, and is not read again.
    call.body = bytes::Bytes::new();
    let result = call.desk.apply(&call.actor, wanted, dry_run).await?;
    Ok(answer(StatusCode::OK, &result))
}

pub async fn export(call: Call) -> Result<Response> {
    Ok(answer(
        StatusCode::OK,
        &super::apply::export(&call.desk.in_force()),
    ))
}

pub async fn explain(call: Call) -> Result<Response> {
    let (query, explain) = (call.json()?, call.desk.deps.explain.clone());
    // A query may carry a secret to tell the key by; the planner is given its name.
    let query = name_key(&call, query)?;
    Ok(answer(
        StatusCode::OK,
        &blocking(move || explain(query)).await?,
    ))
}

pub async fn estimate(call: Call) -> Result<Response> {
    let (question, estimate) = (call.json()?, call.desk.deps.estimate.clone());
    Ok(answer(
        StatusCode::OK,
        &blocking(move || estimate(question)).await?,
    ))
}

fn name_key(call: &Call, mut query: Value) -> Result<Value> {
    let given = query
        .as_object_mut()
        .and_then(|map| map.shift_remove("secret"));
    match given {
        None => {}
        Some(Value::String(secret)) => {
            let secret = zeroize::Zeroizing::new(secret);
            let state = call.desk.in_force();
            query["key"] = holder(call, &state, &secret)?.name.as_str().into();
        }
        Some(_) => return Err(Error::invalid("`secret` is not a string").param("secret")),
    }
    Ok(query)
}

pub async fn history(call: Call) -> Result<Response> {
    let most = call.number("limit")?.unwrap_or(50).min(1000);
    let store = call.desk.deps.records.clone();
    let entries = blocking(move || store.history(most)).await?;
    let items: Vec<Value> = entries.iter().filter_map(show::entry).collect();
    Ok(answer(StatusCode::OK, &json!({"items": items})))
}

pub async fn status(call: Call) -> Result<Response> {
    let mut value = (call.desk.deps.status)();
    let state = call.desk.in_force();
    if let Value::Object(map) = &mut value {
        map.insert("revision".into(), state.records.revision.into());
        let count = |kind: &&resources::Kind| {
            (
                kind.plural.to_owned(),
                Value::from(state.records.names(kind.name).count()),
            )
        };
        map.insert(
            "records".into(),
            Value::Object(resources::KINDS.iter().map(count).collect()),
        );
        let failing = state.credentials.iter().filter_map(|(name, now)| {
            now.as_ref()
                .err()
                .map(|why| (name.clone(), Value::from(why.as_str())))
        });
        map.insert("credentials".into(), Value::Object(failing.collect()));
        map.insert("prices".into(), Value::Object(state.prices.told()));
    }
    Ok(answer(StatusCode::OK, &value))
}

pub async fn healthz(_: Call) -> Result<Response> {
    Ok(answer(StatusCode::OK, &json!({"status": "ok"})))
}

pub async fn openapi(_: Call) -> Result<Response> {
    Ok(answer(StatusCode::OK, &openapi::document()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_as_rfc_7396_says() {
        for (mut target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            merge(&mut target, &patch);
            assert_eq!(target, result);
        }
    }
}
