//! `gw model search`: the catalogue by part of a name.

use super::{
    context::{Context, name_of},
    print::Format,
    verbs,
};
use crate::catalog::{self, Known};
use crate::error::Result;
use crate::resources::{model, provider};
use crate::vendors::{VENDORS, Vendor, vendor};
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw model search`.
pub(crate) async fn search(context: &Context, matches: &ArgMatches) -> Result<()> {
    let remote = context.remote()?;
    let vendors: Vec<&String> = matches.get_many("vendor").into_iter().flatten().collect();
    let own = verbs::pages::pages(&remote, &model::KIND, None, None).await?;
    let set_up = verbs::pages::pages(&remote, &provider::KIND, None, None).await?;
    let items = match vendors[..] {
        [] if !set_up.is_empty() => with_catalogue(own, &set_up),
        // Nothing of it can be called yet, so it has no status.
        [] => VENDORS.iter().flat_map(offered).collect(),
        _ => vendors
            .iter()
            .map(|id| vendor(id).map(offered))
            .collect::<Result<Vec<_>>>()?
            .concat(),
    };
    let query = matches
        .get_one::<String>("query")
        .map(|text| text.to_lowercase())
        .unwrap_or_default();
    let providers: Vec<&String> = matches.get_many("provider").into_iter().flatten().collect();
    let enabled = match (matches.get_flag("enabled"), matches.get_flag("disabled")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let wanted = |item: &Value| {
        let field = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let found = ["name", "upstream_id", "display_name"]
            .iter()
            .any(|name| field(name).to_lowercase().contains(&query));
        let provider = providers.is_empty()
            || providers
                .iter()
                .any(|provider| field("provider") == provider.as_str());
        found
            && provider
            && enabled
                .is_none_or(|on| item.get("enabled").and_then(Value::as_bool).unwrap_or(true) == on)
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
        context
            .talk("no model matches; list what a provider serves with: gw provider discover NAME");
    } else if set_up.is_empty() && vendors.is_empty() {
        context.talk("no provider is set up: these are what vendors offer");
    }
    if matches!(look.format, Format::Table | Format::Wide) {
        found = counted(found);
    }
    context.data(&look.records(&model::KIND, &found, false)?);
    Ok(())
}

/// Records first, then what the catalogue knows of each provider beside them.
fn with_catalogue(own: Vec<Value>, providers: &[Value]) -> Vec<Value> {
    let mut items = own;
    for provider in providers {
        let name = name_of(provider).to_owned();
        let Some(vendor) = provider
            .get("vendor")
            .and_then(Value::as_str)
            .and_then(|id| vendor(id).ok())
            .filter(|vendor| !vendor.catalog.is_empty())
        else {
            continue;
        };
        let globs: Vec<String> = provider
            .get("models")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(String::from)
            .collect();
        for known in catalog::all(vendor.catalog) {
            let exposed = globs.is_empty() || crate::resources::glob::any(&globs, &known.id);
            let recorded = items.iter().any(|item| {
                item.get("provider").and_then(Value::as_str) == Some(&name)
                    && upstream(item) == known.id
            });
            if exposed && !recorded {
                items.push(listed(&known, &name, Some(true)));
            }
        }
    }
    items
}

/// Everything the catalogue knows of a vendor; nothing of it can be called before there is a provider.
fn offered(vendor: &Vendor) -> Vec<Value> {
    let known = if vendor.catalog.is_empty() {
        Vec::new()
    } else {
        catalog::all(vendor.catalog)
    };
    known
        .iter()
        .map(|known| listed(known, vendor.id, None))
        .collect()
}

/// The id a model's provider knows it by.
fn upstream(item: &Value) -> &str {
    let said = item
        .get("status")
        .and_then(|status| status.get("upstream_id"));
    said.or_else(|| item.get("upstream_id"))
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
        .unwrap_or_else(|| name_of(item))
}

/// A row of the catalogue in the form of a model's record.
fn listed(known: &Known, provider: &str, enabled: Option<bool>) -> Value {
    let status = catalog::facts(None, Some(known)).show(&known.id);
    json!({"name": known.id, "provider": provider, "enabled": enabled, "status": status})
}

/// Turns `PROVIDER/MODEL` on or off: its record, under whatever name, or one made for it over the catalogue.
pub(crate) async fn toggle(context: &Context, name: &str, on: bool) -> Result<Option<Value>> {
    let Some((at, id)) = name.split_once('/') else {
        return Ok(None);
    };
    let remote = context.remote()?;
    let Ok(found) = remote.get(&provider::KIND, at).await else {
        return Ok(None);
    };
    let own = verbs::pages::pages(&remote, &model::KIND, None, None).await?;
    let record = own.iter().find(|item| {
        item.get("provider").and_then(Value::as_str) == Some(at) && upstream(item) == id
    });
    if let Some(record) = record {
        return remote
            .action(
                &model::KIND,
                name_of(record),
                if on { "enable" } else { "disable" },
                &json!({}),
            )
            .await
            .map(Some);
    }
    let vendor = found
        .get("vendor")
        .and_then(Value::as_str)
        .and_then(|id| vendor(id).ok());
    match vendor.is_some_and(|vendor| {
        !vendor.catalog.is_empty() && catalog::find(vendor.catalog, id).is_some()
    }) {
        true => remote
            .create(
                &model::KIND,
                &json!({"name": name, "provider": at, "upstream_id": id, "enabled": on}),
                &Vec::new(),
            )
            .await
            .map(Some),
        false => Ok(None),
    }
}

/// Dated versions folded into their provider's model, which lists them as `snapshots`; those whose model is not
/// among the results stay.
fn grouped(items: Vec<Value>) -> Vec<Value> {
    let parents: Vec<Option<usize>> = items.iter().map(|item| parent(item, &items)).collect();
    let mut snapshots: Vec<Vec<Value>> = vec![Vec::new(); items.len()];
    for (item, parent) in items.iter().zip(&parents) {
        if let Some(list) = parent.and_then(|at| snapshots.get_mut(at)) {
            list.push(name_of(item).into());
        }
    }
    let kept = items.into_iter().zip(parents).zip(snapshots);
    kept.filter(|((_, parent), _)| parent.is_none())
        .map(|((mut item, _), list)| {
            if !list.is_empty() {
                item["snapshots"] = list.into();
            }
            item
        })
        .collect()
}

/// Where among `items` the model is that this one is a dated version of: as its record says, else by its id.
fn parent(item: &Value, items: &[Value]) -> Option<usize> {
    let text = |item: &Value, name: &str| {
        let said = item.get(name).and_then(Value::as_str);
        said.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let base =
        text(item, "snapshot_of").or_else(|| catalog::base(upstream(item)).map(Into::into))?;
    items.iter().position(|other| {
        text(other, "provider") == text(item, "provider")
            && (upstream(other) == base || name_of(other) == base)
            && name_of(other) != name_of(item)
            // A version of a version is folded no further than one that is shown.
            && text(other, "snapshot_of").is_none()
            && catalog::base(upstream(other)).is_none()
    })
}

/// Tables have the number of snapshots behind the name: `gpt-4o (+2)`.
fn counted(mut items: Vec<Value>) -> Vec<Value> {
    for item in &mut items {
        if let Some(count) = item
            .get("snapshots")
            .and_then(Value::as_array)
            .map(Vec::len)
        {
            item["name"] = json!(format!("{} (+{count})", name_of(item)));
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_before_the_catalogue() {
        let own = vec![
            json!({"name": "best", "provider": "o", "upstream_id": "gpt-4o", "enabled": false}),
        ];
        let providers = [
            json!({"name": "o", "vendor": "openai", "models": ["gpt-4o*"]}),
            json!({"name": "m", "vendor": "mock"}),
        ];
        let found = with_catalogue(own, &providers);
        assert_eq!(
            found
                .iter()
                .filter(|item| upstream(item) == "gpt-4o")
                .count(),
            1,
            "the record stands for the catalogue's row"
        );
        let mini = found
            .iter()
            .find(|item| name_of(item) == "gpt-4o-mini")
            .cloned()
            .unwrap_or_default();
        assert_eq!(
            (
                &mini["provider"],
                &mini["enabled"],
                &mini["status"]["price_input"]
            ),
            (&json!("o"), &json!(true), &json!("0.15"))
        );
        assert!(
            found
                .iter()
                .all(|item| upstream(item).starts_with("gpt-4o")),
            "what the provider does not expose is left out"
        );
        let all: Vec<Value> = VENDORS.iter().flat_map(offered).collect();
        assert!(
            all.iter().any(|item| item["provider"] == "anthropic")
                && all.iter().all(|item| item["enabled"].is_null())
        );
    }

    #[test]
    fn snapshots_fold_into_their_model() {
        let items = vec![
            json!({"name": "a"}),
            json!({"name": "a-2024-08-06"}),
            json!({"name": "old", "snapshot_of": "a"}),
            json!({"name": "p/a-20250514", "provider": "p", "status": {"upstream_id": "a-20250514"}}),
            json!({"name": "b-1", "snapshot_of": "b"}),
            json!({"name": "c-latest"}),
        ];
        let found = grouped(items.clone());
        assert_eq!(
            found,
            vec![
                json!({"name": "a", "snapshots": ["a-2024-08-06", "old"]}),
                items[3].clone(),
                items[4].clone(),
                items[5].clone(),
            ]
        );
        assert_eq!(name_of(&counted(found)[0]), "a (+2)");
    }
}
