//! Many records at once, all or none; and the way back: every record in the form that is taken.

use super::desk::Desk;
use super::in_force::InForce;
use super::{changes, draft::Draft, draft::Outcome, item::Item};
use crate::error::{Error, Kind, Result};
use crate::resources::{self, KINDS, Record};
use crate::store::{records::Actor, secret::Secret};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The label that says whose files a record comes from.
pub const OWNER: &str = "gw/owner";

struct Request {
    items: Vec<Item>,
    dry_run: bool,
    owner: Option<String>,
    prune: bool,
    force: bool,
}

impl Desk {
    /// Makes the records so in one commit: `{items: [{kind, name, …}], dry_run?, owner?, prune?, force_conflicts?}`
    /// gives `{items: [{kind, name, result, secret?, changes?}], created, configured, unchanged, pruned}`; a dry run
    /// says what would change.
    pub async fn apply(&self, actor: &Actor, body: Value, dry_run: bool) -> Result<Value> {
        let request = read(body)?;
        let dry_run = dry_run || request.dry_run;
        let results = self.write(actor, dry_run, |draft| {
            let mut results: Vec<(String, String, Outcome, Option<Secret>)> = Vec::new();
            let mut named = BTreeSet::new();
            let record = |draft: &Draft<'_>, kind: &str, name: &str| -> Option<Record> {
                let record = draft.get(kind, name).ok().filter(|_| dry_run)?;
                Some(Record::clone(&record))
            };
            let mut changed = Vec::new();
            for mut item in request.items.iter().cloned() {
                let at = (item.kind.clone(), item.name.clone());
                if !named.insert(at.clone()) {
                    return Err(
                        Error::invalid(format!("{} `{}` is given twice", at.0, at.1))
                            .param("items"),
                    );
                }
                own(
                    draft.records.at(&at).as_deref(),
                    &mut item,
                    request.owner.as_deref(),
                    request.force,
                )?;
                let before = record(draft, &at.0, &at.1);
                let (outcome, secret) = draft.put(item).map_err(|error| within(error, &at))?;
                let after = record(draft, &at.0, &at.1);
                changed.push(changes::between(before.as_ref(), after.as_ref()));
                results.push((at.0, at.1, outcome, secret));
            }
            if request.prune {
                let owner = request.owner.as_deref();
                let gone = |record: &Arc<Record>| {
                    owner.is_some()
                        && owner_of(record) == owner
                        && !named.contains(&(record.kind.clone(), record.name.clone()))
                };
                let gone: Vec<(String, String)> = draft
                    .records
                    .iter()
                    .filter(gone)
                    .map(|record| (record.kind.clone(), record.name.clone()))
                    .collect();
                // Where something that stays refers to one of them, `finish` says so.
                for (kind, name) in gone {
                    let before = record(draft, &kind, &name);
                    changed.push(changes::between(before.as_ref(), None));
                    draft.delete(&kind, &name)?;
                    results.push((kind, name, Outcome::Pruned, None));
                }
            }
            Ok((results, changed))
        });
        let (results, changed) = results.await?;
        let mut answer = report(results, dry_run);
        if let Some(Value::Array(items)) = answer.get_mut("items").filter(|_| dry_run) {
            for (item, changes) in items.iter_mut().zip(changed) {
                item["changes"] = changes;
            }
        }
        Ok(answer)
    }
}

fn report(results: Vec<(String, String, Outcome, Option<Secret>)>, dry_run: bool) -> Value {
    let mut answer = json!({});
    for outcome in [
        Outcome::Created,
        Outcome::Configured,
        Outcome::Unchanged,
        Outcome::Pruned,
    ] {
        answer[outcome.name()] = results.iter().filter(|one| one.2 == outcome).count().into();
    }
    let item = |(kind, name, outcome, secret): &(String, String, Outcome, Option<Secret>)| {
        let mut item = json!({"kind": kind, "name": name, "result": outcome.name()});
        if let Some(secret) = secret.as_ref().filter(|_| !dry_run) {
            item["secret"] = secret.expose().into();
        }
        item
    };
    answer["items"] = results.iter().map(item).collect();
    answer["dry_run"] = dry_run.into();
    answer
}

fn read(body: Value) -> Result<Request> {
    let Value::Object(mut body) = body else {
        return Err(Error::invalid("the body is not a JSON object"));
    };
    let Some(Value::Array(list)) = body.shift_remove("items") else {
        return Err(Error::invalid("`items` is not a list of records").param("items"));
    };
    let mut flag = |name: &str| match body.shift_remove(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(on)) => Ok(on),
        Some(_) => Err(Error::invalid(format!("`{name}` is neither true nor false")).param(name)),
    };
    let (dry_run, prune, force) = (flag("dry_run")?, flag("prune")?, flag("force_conflicts")?);
    let owner = match body.shift_remove("owner") {
        None | Some(Value::Null) => None,
        Some(Value::String(owner)) if !owner.is_empty() => Some(owner),
        Some(_) => return Err(Error::invalid("`owner` is not a name").param("owner")),
    };
    if prune && owner.is_none() {
        return Err(Error::invalid(
            "pruning needs an owner: only what an owner's files made is ever pruned",
        )
        .param("owner")
        .hint("add --owner NAME"));
    }
    if let Some(field) = body.keys().next() {
        return Err(
            Error::invalid(format!("unknown field `{}`", field.escape_debug()))
                .param(field.clone())
                .hint("it takes: items, dry_run, owner, prune, force_conflicts"),
        );
    }
    let mut items = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let kind = value
            .get("kind")
            .and_then(Value::as_str)
            .ok_or_else(|| Error::invalid(format!("item {index} has no `kind`")).param("items"))?;
        items.push(
            Item::parse(resources::kind(kind)?, None, value)
                .map_err(|error| error.hint(format!("this is item {index} of the list")))?,
        );
    }
    Ok(Request {
        items,
        dry_run,
        owner,
        prune,
        force,
    })
}

/// Marks the item as this owner's; another owner's record is only taken when that is asked for. Files without
/// an owner leave the mark as it is.
fn own(old: Option<&Record>, item: &mut Item, owner: Option<&str>, force: bool) -> Result<()> {
    let before = old.and_then(owner_of);
    if let (Some(owner), Some(other)) = (owner, before)
        && owner != other
        && !force
    {
        return Err(Error::new(
            Kind::Conflict,
            format!("{} `{}` belongs to `{other}`", item.kind, item.name),
        )
        .hint("take it over with --force-conflicts"));
    }
    let Some(owner) = owner.or(before) else {
        return Ok(());
    };
    let labels = item
        .spec
        .entry("labels")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(labels) = labels {
        labels.insert(OWNER.into(), owner.into());
    }
    Ok(())
}

fn owner_of(record: &Record) -> Option<&str> {
    record.spec.get("labels")?.get(OWNER)?.as_str()
}

/// Says which of many records an error is about.
fn within(mut error: Error, at: &(String, String)) -> Error {
    let called = format!("`{}`", at.1);
    if !error.message.contains(&called) {
        error.message = format!("{} {called}: {}", at.0, error.message);
    }
    error
}

/// Every record as `apply` takes it, in the order their references need. References, never secrets.
pub fn export(state: &InForce) -> Value {
    let item = |record: Arc<Record>| {
        let mut item = json!({"kind": record.kind, "name": record.name});
        if let Value::Object(map) = &mut item {
            map.extend(record.spec.clone());
        }
        item
    };
    let items: Vec<Value> = KINDS
        .iter()
        .flat_map(|kind| state.of(kind.name))
        .map(item)
        .collect();
    json!({"apiVersion": "gw/v1", "items": items})
}
