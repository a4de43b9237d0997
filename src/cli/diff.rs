//! `gw diff`: what apply would change. Exit code 0: nothing, 1: something, 2 and more: an error.

use super::{
    apply::{self, field},
    context::Context,
    files,
    print::clean,
};
use crate::error::{Error, Kind, Result};
use crate::resources;
use clap::ArgMatches;
use serde_json::{Map, Value, json};
use std::process::ExitCode;

/// Runs `gw diff`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<ExitCode> {
    // The exit code 1 is taken: errors that would use it are told apart by 2.
    let differ = differences(context, matches).await.map_err(|error| {
        if error.kind.row().exit == 1 {
            Error {
                kind: Kind::Invalid,
                ..error
            }
        } else {
            error
        }
    })?;
    Ok(if differ {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

async fn differences(context: &Context, matches: &ArgMatches) -> Result<bool> {
    let items = files::read(
        &matches
            .get_many("file")
            .into_iter()
            .flatten()
            .collect::<Vec<_>>(),
    )?;
    let remote = context.remote()?;
    let mut body = apply::request(&items, matches);
    body["dry_run"] = json!(true);
    let answer = remote.apply(&body).await;
    let answer = answer.map_err(|error| files::located(&items, error))?;
    let (mut text, mut counts) = (String::new(), [0u32; 3]);
    for result in answer
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let (kind, name) = (
            resources::kind(field(result, "kind"))?,
            field(result, "name"),
        );
        let wanted = items
            .iter()
            .find(|item| item.kind.name == kind.name && item.name == name);
        let wanted = wanted.map(|item| spec(&item.body)).unwrap_or_default();
        let (old, new) = match field(result, "result") {
            "created" => (Map::new(), (kind.check)(wanted.clone()).unwrap_or(wanted)),
            "configured" => (
                spec(
                    remote
                        .get(kind, name)
                        .await?
                        .as_object()
                        .unwrap_or(&Map::new()),
                ),
                (kind.check)(wanted.clone()).unwrap_or(wanted),
            ),
            "pruned" => (
                spec(
                    remote
                        .get(kind, name)
                        .await?
                        .as_object()
                        .unwrap_or(&Map::new()),
                ),
                Map::new(),
            ),
            _ => continue,
        };
        let (old, new) = if body.get("owner").is_none_or(Value::is_null) {
            (unowned(old), unowned(new))
        } else {
            (old, new)
        };
        counts[usize::from(!old.is_empty()) + usize::from(new.is_empty() && !old.is_empty())] += 1;
        text.push_str(&lines(kind.name, name, &old, &new));
    }
    let [create, change, delete] = counts;
    text.push_str(&format!(
        "{change} to change, {create} to create, {delete} to delete\n"
    ));
    if !context.quiet {
        context.data(&text);
    }
    Ok(create + change + delete > 0)
}

/// Only what the user sets; secrets are never shown.
fn spec(body: &Map<String, Value>) -> Map<String, Value> {
    let left_out = |field: &str| {
        resources::Record::ENVELOPE.contains(&field)
            || ["secret", "credential_value", "replace_secret"].contains(&field)
    };
    body.iter()
        .filter(|(field, _)| !left_out(field))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect()
}

/// Without the label that says who owns it: files applied for nobody leave it as it is.
fn unowned(mut spec: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(labels)) = spec.get_mut("labels") {
        labels.shift_remove("gw/owner");
        if labels.is_empty() {
            spec.shift_remove("labels");
        }
    }
    spec
}

/// `-` what is, `+` what would be, a line a field.
fn lines(kind: &str, name: &str, old: &Map<String, Value>, new: &Map<String, Value>) -> String {
    let mut text = format!("  {kind}/{}\n", clean(name));
    let fields = old
        .keys()
        .chain(new.keys().filter(|field| !old.contains_key(*field)));
    for field in fields.filter(|field| old.get(*field) != new.get(*field)) {
        for (sign, side) in [('-', old), ('+', new)] {
            if let Some(value) = side.get(field) {
                text.push_str(&format!("{sign}   {} = {}\n", clean(field), written(value)));
            }
        }
    }
    text
}

/// A value as TOML writes it within a line.
fn written(value: &Value) -> String {
    let inside = |items: Vec<String>| items.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", inside(items.iter().map(written).collect())),
        Value::Object(map) if map.is_empty() => "{}".into(),
        Value::Object(map) => format!(
            "{{ {} }}",
            inside(
                map.iter()
                    .map(|(key, value)| format!("{} = {}", clean(key), written(value)))
                    .collect()
            )
        ),
        other => clean(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_show_both_sides() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        let old = map(json!({"retry_on": ["429", "5xx"], "strategy": "fallback", "seed": 1}));
        let new = map(
            json!({"retry_on": ["429", "5xx", "timeout"], "strategy": "fallback", "targets": [{"provider": "a", "weight": 2}]}),
        );
        assert_eq!(
            lines("route", "checkout", &old, &new),
            "  route/checkout\n-   retry_on = [\"429\", \"5xx\"]\n+   retry_on = [\"429\", \"5xx\", \"timeout\"]\n-   seed = 1\n+   targets = [{ provider = \"a\", weight = 2 }]\n"
        );
    }

    #[test]
    fn the_owner_is_no_difference() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        assert_eq!(
            unowned(map(json!({"labels": {"gw/owner": "ci"}, "seed": 1}))),
            map(json!({"seed": 1}))
        );
        assert_eq!(
            unowned(map(json!({"labels": {"gw/owner": "ci", "a": "b"}}))),
            map(json!({"labels": {"a": "b"}}))
        );
    }

    #[test]
    fn secrets_are_left_out() {
        let body = json!({"name": "p", "vendor": "v", "credential_value": "sk-x", "secret": "y", "status": {}});
        assert_eq!(
            spec(body.as_object().unwrap_or(&Map::new()))
                .keys()
                .collect::<Vec<_>>(),
            ["vendor"]
        );
    }
}
