//! `gw export`: everything as a file `gw apply` takes back; references, never secrets.

use super::{
    context::{Context, name_of},
    names::{self, Named},
    print::{Format, grouped, toml_records},
    remote::Remote,
    verb_first, verbs,
};
use crate::error::{Error, Result};
use crate::resources::{KINDS, Stamp, kind};
use crate::vendors::vendor;
use clap::ArgMatches;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Runs `gw export`. TOML unless another format is asked for.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let wanted = names::named(
        matches
            .get_many::<String>("what")
            .into_iter()
            .flatten()
            .map(String::as_str),
    )?;
    verb_first::whole("export", &wanted, matches)?;
    let remote = context.remote()?;
    let mut answer = remote.export().await?;
    let all = match answer.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let variables = variables(&all);
    let mut items = chosen(&remote, all, &wanted, matches).await?;
    let mut needed = BTreeSet::new();
    for item in &mut items {
        if let Some(variable) = variables.get(name_of(item)).filter(|_| managed(item)) {
            item["credential_from"] = json!({ "env": variable });
            needed.insert(variable.as_str());
        }
    }
    let notes = notes(&items, &needed);
    for note in &notes {
        context.talk(note);
    }
    if items.is_empty() {
        context.talk(&match verbs::chosen::selector(matches) {
            Some(labels) => format!("nothing matches -l {labels}"),
            None => "there is nothing to export".into(),
        });
    }
    match context.look.format {
        Format::Table | Format::Wide | Format::Toml => {
            let head: String = notes.iter().map(|note| format!("# {note}\n")).collect();
            let gap = if head.is_empty() { "" } else { "\n" };
            context.data(&format!("{head}{gap}{}", toml_records(&items)?));
        }
        Format::Jsonl => context.data(
            &items
                .iter()
                .map(|item| super::print::json(item) + "\n")
                .collect::<String>(),
        ),
        Format::Name => context.data(
            &items
                .iter()
                .map(|item| format!("{}/{}\n", text(item, "kind"), name_of(item)))
                .collect::<String>(),
        ),
        _ => context.data(&context.look.value(&grouped(&items))?),
    }
    Ok(())
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the item is a provider whose credential the gateway keeps.
fn managed(item: &Value) -> bool {
    text(item, "kind") == "provider" && text(item, "credential") == "managed"
}

/// What is asked for, by name, by kind and by labels; an error names what there is not.
async fn chosen(
    remote: &Remote,
    all: Vec<Value>,
    wanted: &[Named],
    matches: &ArgMatches,
) -> Result<Vec<Value>> {
    let is =
        |item: &Value, kind: &str, name: &str| text(item, "kind") == kind && name_of(item) == name;
    let absent: Vec<(&str, &str)> = wanted
        .iter()
        .filter_map(|(kind, name)| Some((kind.name, name.as_deref()?)))
        .filter(|(kind, name)| !all.iter().any(|item| is(item, kind, name)))
        .collect();
    if let Some((first, _)) = absent.first() {
        let said: Vec<String> = absent
            .iter()
            .map(|(kind, name)| format!("no {kind} `{}`", name.escape_debug()))
            .collect();
        return Err(Error::not_found(said.join(", "))
            .hint(format!("list what there is with: gw {first} get")));
    }
    let mut labelled = BTreeSet::new();
    if let Some(selector) = verbs::chosen::selector(matches) {
        for kind in KINDS {
            for item in verbs::pages::pages(remote, kind, Some(selector), None).await? {
                labelled.insert((kind.name, name_of(&item).to_owned()));
            }
        }
    }
    let selected = matches.contains_id("selector");
    let mut items = all;
    items.retain(|item| {
        let (of, name) = (text(item, "kind"), name_of(item));
        let named = wanted.is_empty()
            || wanted
                .iter()
                .any(|(kind, one)| kind.name == of && one.as_ref().is_none_or(|one| one == name));
        let fits = !selected
            || kind(of).is_ok_and(|kind| labelled.contains(&(kind.name, name.to_owned())));
        named && fits
    });
    Ok(items)
}

/// The variable each managed credential is read from when the file is applied: the vendor's own where one
/// provider alone would use it, else one named after the provider.
fn variables(all: &[Value]) -> BTreeMap<String, String> {
    let usual = |item: &Value| vendor(text(item, "vendor")).map_or("", |vendor| vendor.env);
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for item in all.iter().filter(|item| managed(item)) {
        *uses.entry(usual(item)).or_default() += 1;
    }
    let mut taken: BTreeSet<String> = uses
        .iter()
        .filter(|(variable, count)| !variable.is_empty() && **count == 1)
        .map(|(variable, _)| (*variable).to_owned())
        .collect();
    let mut found = BTreeMap::new();
    for item in all.iter().filter(|item| managed(item)) {
        let name = name_of(item);
        let own = usual(item);
        let variable = match taken.contains(own) && uses.get(own) == Some(&1) {
            true => own.to_owned(),
            false => {
                let base = spelled(name);
                let mut variable = format!("{base}_API_KEY");
                let mut number = 2;
                while !taken.insert(variable.clone()) {
                    variable = format!("{base}_{number}_API_KEY");
                    number += 1;
                }
                variable
            }
        };
        found.insert(name.to_owned(), variable);
    }
    found
}

/// A name as shells take it for a variable.
fn spelled(name: &str) -> String {
    let letters: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let letters = letters.to_ascii_uppercase();
    match letters.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("GW_{letters}"),
        false => letters,
    }
}

/// What whoever applies the file elsewhere has to know.
fn notes(items: &[Value], needed: &BTreeSet<&str>) -> Vec<String> {
    let mut notes = Vec::new();
    if !needed.is_empty() {
        let names: Vec<&str> = needed.iter().copied().collect();
        notes.push(format!(
            "credentials are not exported: set {} where this is applied; a gateway that has them needs none",
            names.join(", ")
        ));
    }
    let keys = || items.iter().filter(|item| text(item, "kind") == "key");
    if keys().next().is_some() {
        notes.push(
            "secrets of keys are not exported: where a key is new it gets a new one, shown once, or add secret_from = { env = \"NAME\" }"
                .into(),
        );
    }
    let over =
        |item: &&Value| Stamp::parse(text(item, "expires")).is_ok_and(|at| at <= Stamp::now());
    for key in keys().filter(over) {
        notes.push(format!(
            "key/{} has expired: elsewhere it needs a later expiry, or none",
            name_of(key)
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_the_vendors_own_or_the_providers() {
        let provider = |name: &str, vendor: &str, credential: &str| json!({"kind": "provider", "name": name, "vendor": vendor, "credential": credential});
        let all = [
            provider("anthropic", "anthropic", "managed"),
            provider("openai", "openai", "managed"),
            provider("openai-eu", "openai", "managed"),
            provider("openai.eu", "openai", "managed"),
            provider("1st", "openai-compatible", "managed"),
            provider("other", "openai", "env:OTHER"),
            json!({"kind": "user", "name": "anthropic"}),
        ];
        let found: Vec<(String, String)> = variables(&all).into_iter().collect();
        let pair = |name: &str, variable: &str| (name.to_owned(), variable.to_owned());
        assert_eq!(
            found,
            [
                pair("1st", "GW_1ST_API_KEY"),
                pair("anthropic", "ANTHROPIC_API_KEY"),
                pair("openai", "OPENAI_API_KEY"),
                pair("openai-eu", "OPENAI_EU_API_KEY"),
                pair("openai.eu", "OPENAI_EU_2_API_KEY"),
            ]
        );
    }
}
