//! `gw export`: everything as a file `gw apply` takes back; references, never secrets.

use super::{
    context::Context,
    names,
    print::{Format, grouped, toml_records},
};
use crate::error::Result;
use clap::ArgMatches;
use serde_json::Value;

/// Runs `gw export`. TOML unless another format is asked for.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let wanted = names::named(
        matches
            .get_many::<String>("what")
            .into_iter()
            .flatten()
            .map(String::as_str),
    )?;
    let answer = context.remote()?.export().await?;
    let mut items = answer
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let field = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(String::from);
    items.retain(|item| {
        wanted.is_empty()
            || wanted.iter().any(|(kind, name)| {
                field(item, "kind").as_deref() == Some(kind.name)
                    && (name.is_none() || field(item, "name") == *name)
            })
    });
    match context.look.format {
        Format::Table | Format::Wide | Format::Toml => context.data(&toml_records(&items)?),
        Format::Jsonl => context.data(
            &items
                .iter()
                .map(|item| super::print::json(item) + "\n")
                .collect::<String>(),
        ),
        Format::Name => context.data(
            &items
                .iter()
                .filter_map(|item| {
                    Some(format!(
                        "{}/{}\n",
                        field(item, "kind")?,
                        field(item, "name")?
                    ))
                })
                .collect::<String>(),
        ),
        _ => context.data(&context.look.value(&grouped(&items))?),
    }
    Ok(())
}
