//! `gw diff`: what apply would change. Exit code 0: nothing, 1: something, 2 and more: an error.

use super::{
    apply::{self, field},
    context::Context,
    files,
    print::{Format, clean, complain},
};
use crate::error::Result;
use clap::ArgMatches;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Runs `gw diff`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<ExitCode> {
    match differences(context, matches).await {
        Ok(false) => Ok(ExitCode::SUCCESS),
        Ok(true) => Ok(ExitCode::from(1)),
        // That code is taken: errors that would use it are told apart by 2, and say of themselves what they are.
        Err(error) if error.kind.row().exit == 1 => {
            complain(&error);
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(error),
    }
}

async fn differences(context: &Context, matches: &ArgMatches) -> Result<bool> {
    let items = apply::records(matches)?;
    let mut body = apply::request(&items, matches);
    body["dry_run"] = json!(true);
    let answer = context.remote_for_many()?.apply(&body).await;
    let mut answer = answer.map_err(|error| files::located(&items, error))?;
    let mut changed = match answer.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    changed.retain(|item| field(item, "result") != "unchanged");
    if !context.quiet {
        context.data(&match context.look.format {
            Format::Table | Format::Wide => rendered(&changed, &answer),
            Format::Name => changed
                .iter()
                .map(|item| format!("{}/{}\n", field(item, "kind"), field(item, "name")))
                .collect(),
            Format::Jsonl => changed.iter().map(|item| format!("{item}\n")).collect(),
            _ => {
                answer["items"] = json!(changed);
                context.look.value(&answer)?
            }
        });
    }
    Ok(!changed.is_empty())
}

/// A block a record, and the total.
fn rendered(changed: &[Value], answer: &Value) -> String {
    let mut text: String = changed.iter().map(lines).collect();
    let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
    text.push_str(&format!(
        "{} to change, {} to create, {} to delete\n",
        count("configured"),
        count("created"),
        count("pruned")
    ));
    text
}

/// `-` what is, `+` what would be, a line a field; of secrets only that they change.
fn lines(item: &Value) -> String {
    let (kind, name) = (field(item, "kind"), field(item, "name"));
    let what = match field(item, "result") {
        "created" => " to create",
        "pruned" => " to delete",
        _ => "",
    };
    let mut text = format!("  {kind}/{}{what}\n", clean(name));
    let changes = item.get("changes").and_then(Value::as_array);
    for change in changes.into_iter().flatten() {
        let name = clean(field(change, "field"));
        if let Some(what) = change.get("secret").and_then(Value::as_str) {
            let sign = if what == "removed" { '-' } else { '+' };
            text.push_str(&format!("{sign}   {name}: {what}, not shown\n"));
        }
        for (sign, side) in [('-', "old"), ('+', "new")] {
            if let Some(value) = change.get(side) {
                text.push_str(&format!("{sign}   {name} = {}\n", written(value)));
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
    fn lines_show_both_sides_and_no_secret() {
        let item = json!({"kind": "route", "name": "checkout", "result": "configured", "changes": [
            {"field": "retry_on", "old": ["429", "5xx"], "new": ["429", "5xx", "timeout"]},
            {"field": "seed", "old": 1},
            {"field": "targets", "new": [{"provider": "a", "weight": 2}]},
            {"field": "secret", "secret": "another"},
        ]});
        assert_eq!(
            lines(&item),
            "  route/checkout\n-   retry_on = [\"429\", \"5xx\"]\n+   retry_on = [\"429\", \"5xx\", \"timeout\"]\n-   seed = 1\n+   targets = [{ provider = \"a\", weight = 2 }]\n+   secret: another, not shown\n"
        );
    }
}
