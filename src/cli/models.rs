//! `gw model search`: the catalogue by part of a name.

use super::{
    context::{Context, name_of},
    verbs,
};
use crate::error::Result;
use crate::resources::model;
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw model search`.
pub(crate) async fn search(context: &Context, matches: &ArgMatches) -> Result<()> {
    let items = verbs::get::pages(&context.remote()?, &model::KIND, None, None).await?;
    let query = matches.get_one::<String>("query").map(|text| text.to_lowercase()).unwrap_or_default();
    let providers: Vec<&String> = matches.get_many("provider").into_iter().flatten().collect();
    let enabled = match (matches.get_flag("enabled"), matches.get_flag("disabled")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let wanted = |item: &Value| {
        let field = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let found = ["name", "upstream_id", "display_name"].iter().any(|name| field(name).to_lowercase().contains(&query));
        let provider = providers.is_empty() || providers.iter().any(|provider| field("provider") == provider.as_str());
        found && provider && enabled.is_none_or(|on| item.get("enabled").and_then(Value::as_bool).unwrap_or(true) == on)
    };
    let mut found: Vec<Value> = items.into_iter().filter(wanted).collect();
    if matches.get_flag("group_snapshots") {
        found = grouped(found);
    }
    let mut look = context.look.clone();
    look.headers = !matches.get_flag("no_headers");
    look.labels = matches.get_flag("show_labels");
    if let Some(by) = matches.get_one::<String>("sort_by") {
        super::path::sort_by(&mut found, by);
    }
    if let Some(limit) = matches.get_one::<usize>("limit") {
        found.truncate(*limit);
    }
    if found.is_empty() {
        context.talk("no model matches; list what a provider serves with: gw provider discover NAME");
    }
    context.data(&look.records(&model::KIND, &found, false)?);
    Ok(())
}

/// Dated versions folded into their model, which is shown as `gpt-4o (+2)`; those whose model is not among
/// the results stay.
fn grouped(items: Vec<Value>) -> Vec<Value> {
    let of = |item: &Value| item.get("snapshot_of").and_then(Value::as_str).filter(|of| !of.is_empty()).map(String::from);
    let names: Vec<String> = items.iter().map(|item| name_of(item).to_owned()).collect();
    let mut counts = std::collections::BTreeMap::<String, u64>::new();
    for parent in items.iter().filter_map(of).filter(|parent| names.contains(parent)) {
        *counts.entry(parent).or_default() += 1;
    }
    let mut kept: Vec<Value> = items.into_iter().filter(|item| of(item).is_none_or(|parent| !names.contains(&parent))).collect();
    for item in &mut kept {
        if let Some(count) = counts.get(name_of(item)).copied() {
            item["name"] = json!(format!("{} (+{count})", name_of(item)));
            item["snapshots"] = json!(count);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_fold_into_their_model() {
        let items = vec![
            json!({"name": "a"}),
            json!({"name": "a-1", "snapshot_of": "a"}),
            json!({"name": "a-2", "snapshot_of": "a"}),
            json!({"name": "b-1", "snapshot_of": "b"}),
        ];
        assert_eq!(grouped(items), vec![json!({"name": "a (+2)", "snapshots": 2}), json!({"name": "b-1", "snapshot_of": "b"})]);
    }
}
