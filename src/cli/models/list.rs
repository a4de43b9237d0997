//! `gw model list` and `search`: the user's records, what the catalogue knows of their providers beside them, or all that
//! vendors offer; newest first.

use super::{built_in, group, upstream};
use crate::cli::{
    context::{Context, name_of},
    path,
    print::Format,
    verbs::{chosen, pages::pages},
};
use crate::error::{Kind, Result};
use crate::resources::model;
use clap::ArgMatches;
use serde_json::Value;

/// Runs the listing.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let filter = Filter::of(matches);
    let all = gathered(context, matches).await?;
    let any = !all.is_empty();
    let mut found: Vec<Value> = all.into_iter().filter(|item| filter.takes(item)).collect();
    newest_first(&mut found);
    if matches.get_flag("group_snapshots") {
        found = group::grouped(found);
    }
    if let Some(by) = matches.get_one::<String>("sort_by") {
        path::sort_by(&mut found, by);
    }
    if let Some(limit) = matches.get_one::<usize>("limit") {
        found.truncate(*limit);
    }
    let mut look = context.look.clone();
    look.headers = !matches.get_flag("no_headers");
    look.labels = matches.get_flag("show_labels");
    let people = matches!(look.format, Format::Table | Format::Wide);
    if found.is_empty() {
        context.talk(&match (any, chosen::selector(matches)) {
            (_, Some(_)) => chosen::nothing(&model::KIND, matches),
            (true, None) => "no model matches".into(),
            (false, None) => {
                "nothing is known of these models; ask the provider with: gw model sync".to_owned()
            }
        });
        if people {
            return Ok(());
        }
    }
    if people {
        found = group::counted(found);
    }
    context.data(&look.records(&model::KIND, &found, false)?);
    Ok(())
}

/// Everything the listing is about, whatever it is filtered by.
async fn gathered(context: &Context, matches: &ArgMatches) -> Result<Vec<Value>> {
    let vendors: Vec<&str> = texts(matches, "vendor").collect();
    let remote = context.remote()?;
    if let Some(labels) = chosen::selector(matches) {
        return pages(&remote, &model::KIND, Some(labels), None).await;
    }
    let offered = match matches.get_flag("all") {
        true => Some("all".to_owned()),
        false => (!vendors.is_empty()).then(|| vendors.join(",")),
    };
    if let Some(offered) = offered {
        return match remote.catalog(Some(&offered)).await {
            Err(error) if error.kind == Kind::NoGateway => {
                context.talk("no gateway answers: this is the catalogue of this program");
                built_in(&offered)
            }
            found => found,
        };
    }
    let own = pages(&remote, &model::KIND, None, None).await?;
    let set_up = pages(&remote, &crate::resources::provider::KIND, None, Some(1)).await?;
    if set_up.is_empty() {
        context.talk("no provider is set up: these are what vendors offer");
        return remote.catalog(Some("all")).await;
    }
    let beside = remote.catalog(None).await?;
    Ok(own.into_iter().chain(beside).collect())
}

/// Newest first by release date; those whose date is not known behind them; by name where that says nothing.
fn newest_first(items: &mut [Value]) {
    let released = |item: &Value| {
        let said = item.get("status").and_then(|status| status.get("released"));
        let said = said.and_then(Value::as_str);
        std::cmp::Reverse(said.unwrap_or_default().to_owned())
    };
    items.sort_by_cached_key(|item| (released(item), name_of(item).to_owned()));
}

fn texts<'a>(matches: &'a ArgMatches, id: &str) -> impl Iterator<Item = &'a str> {
    let given = matches.get_many::<String>(id).into_iter().flatten();
    given.map(String::as_str)
}

/// What is asked of models.
struct Filter {
    text: String,
    providers: Vec<String>,
    states: Vec<String>,
    capabilities: Vec<String>,
}

impl Filter {
    fn of(matches: &ArgMatches) -> Filter {
        let owned = |id: &str| texts(matches, id).map(str::to_owned).collect::<Vec<_>>();
        let mut states = owned("status");
        for on in [model::State::Enabled, model::State::Disabled] {
            if matches
                .try_get_one::<bool>(on.word())
                .is_ok_and(|flag| flag == Some(&true))
            {
                states.push(on.word().to_owned());
            }
        }
        let query = matches.try_get_one::<String>("query").ok().flatten();
        let text = query.or_else(|| matches.get_one::<String>("search"));
        Filter {
            text: text.map(|text| text.to_lowercase()).unwrap_or_default(),
            providers: owned("provider"),
            states,
            capabilities: owned("capability"),
        }
    }

    fn takes(&self, item: &Value) -> bool {
        let field = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = |name: &str| item.get("status").and_then(|status| status.get(name));
        let found = [name_of(item), upstream(item), field("display_name")]
            .iter()
            .any(|name| name.to_lowercase().contains(&self.text));
        let of =
            self.providers.is_empty() || self.providers.iter().any(|it| it == field("provider"));
        let state = status("state").and_then(Value::as_str).unwrap_or_default();
        let stands = self.states.is_empty() || self.states.iter().any(|it| it == state);
        let can = status("capabilities").and_then(Value::as_array);
        let able = |word: &String| {
            can.is_some_and(|list| list.iter().any(|known| known.as_str() == Some(word)))
        };
        found && of && stands && self.capabilities.iter().all(able)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn filtered(line: &[&str], items: &[Value]) -> Vec<String> {
        let matches = crate::cli::command()
            .try_get_matches_from([&["gw", "model"], line].concat())
            .unwrap();
        let (_, model) = matches.subcommand().unwrap();
        let filter = Filter::of(model.subcommand().unwrap().1);
        let found = items.iter().filter(|item| filter.takes(item));
        found.map(|item| name_of(item).to_owned()).collect()
    }

    #[test]
    fn every_filter_takes_its_share() {
        let items = [
            json!({"name": "p/a", "provider": "p", "status": {"state": "enabled", "upstream_id": "a", "capabilities": ["tools", "images"]}}),
            json!({"name": "fast", "provider": "p", "display_name": "Quick One", "status": {"state": "disabled", "upstream_id": "b", "capabilities": ["tools"]}}),
            json!({"name": "q/c", "provider": "q", "status": {"state": "gone", "upstream_id": "c"}}),
        ];
        for (line, names) in [
            (&["list"][..], &["p/a", "fast", "q/c"][..]),
            (&["list", "--provider", "p"], &["p/a", "fast"]),
            (&["list", "--status", "disabled,gone"], &["fast", "q/c"]),
            (&["search", "--enabled"], &["p/a"]),
            (&["list", "--capability", "tools"], &["p/a", "fast"]),
            (&["list", "--capability", "tools,images"], &["p/a"]),
            (&["list", "--search", "QUICK"], &["fast"]),
            (&["search", "c"], &["q/c", "fast"]),
        ] {
            let mut names: Vec<&str> = names.to_vec();
            let mut found = filtered(line, &items);
            found.sort();
            names.sort_unstable();
            assert_eq!(found, names, "{line:?}");
        }
    }

    #[test]
    fn the_newest_comes_first_and_what_has_no_date_last() {
        let mut items = [
            json!({"name": "z"}),
            json!({"name": "b", "status": {"released": "2025-01-01"}}),
            json!({"name": "a", "status": {"released": "2025-01-01"}}),
            json!({"name": "n", "status": {"released": "2026-03-04"}}),
            json!({"name": "y"}),
        ];
        newest_first(&mut items);
        assert_eq!(
            items.iter().map(name_of).collect::<Vec<_>>(),
            ["n", "a", "b", "y", "z"]
        );
    }
}
