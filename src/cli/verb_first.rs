//! `gw get`, `gw describe`, `gw delete` over many kinds: they take what `-o name` prints.

use super::{
    context::Context,
    files,
    names::{self, Named},
    print::{Format, toml_records},
    remote::Remote,
    verbs,
};
use crate::error::{Error, Result};
use crate::resources::Kind;
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs the verb over everything named.
pub(crate) async fn run(context: &Context, verb: &str, matches: &ArgMatches) -> Result<()> {
    let words = matches
        .get_many::<String>("what")
        .into_iter()
        .flatten()
        .map(String::as_str);
    let all = names::named(words)?;
    whole(verb, &all, matches)?;
    let remote = context.remote()?;
    match verb {
        "delete" => delete(context, &remote, all, matches).await,
        _ => show(context, &remote, all, verb, matches).await,
    }
}

/// The records named, kind by kind in the order first named, and what could not be had.
pub(crate) async fn fetch(
    remote: &Remote,
    all: &[Named],
    selector: Option<&str>,
    listing: Option<&ArgMatches>,
) -> Result<(Vec<(&'static Kind, Vec<Value>)>, verbs::Several)> {
    let mut groups: Vec<(&'static Kind, Vec<Value>)> = Vec::new();
    let mut problems = verbs::Several::new(all.len());
    for (kind, name) in all {
        let got = match (name, listing) {
            (Some(name), listing) => {
                let since = listing.and_then(|matches| verbs::get::since(kind, matches));
                let found = remote.get_since(kind, name, since).await;
                found.map(|item| vec![item])
            }
            (None, Some(matches)) => verbs::get::list(remote, kind, matches).await,
            (None, None) => verbs::pages::pages(remote, kind, selector, None).await,
        };
        match got {
            Err(error) => problems.note(error)?,
            Ok(items) => match groups.iter_mut().find(|(of, _)| of.name == kind.name) {
                Some((_, group)) => group.extend(items),
                None => groups.push((kind, items)),
            },
        }
    }
    Ok((groups, problems))
}

async fn show(
    context: &Context,
    remote: &Remote,
    all: Vec<Named>,
    verb: &str,
    matches: &ArgMatches,
) -> Result<()> {
    let listing = (verb == "get").then_some(matches);
    let by = listing.and_then(|matches| matches.get_one::<String>("sort_by"));
    let wanted = match &context.look.format {
        Format::Value(path) => Some(path),
        _ => None,
    };
    for (kind, _) in &all {
        for path in by.into_iter().chain(wanted) {
            super::path::check(kind, path)?;
        }
    }
    let (groups, problems) = fetch(remote, &all, verbs::chosen::selector(matches), listing).await?;
    let single = matches!(&all[..], [(_, Some(_))]);
    match &context.look.format {
        Format::Json | Format::Yaml if !single => {
            let items: Vec<&Value> = groups.iter().flat_map(|(_, items)| items).collect();
            context.data(&context.look.value(&json!({ "items": items }))?);
        }
        Format::Toml => context.data(&toml_records(
            &groups
                .iter()
                .flat_map(|(_, items)| items.clone())
                .collect::<Vec<_>>(),
        )?),
        _ => {
            for (at, (kind, items)) in groups.into_iter().enumerate() {
                if at > 0
                    && matches!(context.look.format, Format::Table | Format::Wide)
                    && !items.is_empty()
                {
                    context.data("\n");
                }
                match listing {
                    Some(matches) => verbs::get::show(context, kind, items, single, matches)?,
                    None => verbs::describe::show(context, kind, &items, single)?,
                }
            }
        }
    }
    problems.end()
}

async fn delete(
    context: &Context,
    remote: &Remote,
    all: Vec<Named>,
    matches: &ArgMatches,
) -> Result<()> {
    let mut targets: Vec<verbs::delete::Target> = Vec::new();
    let mut many = false;
    for (kind, name) in all {
        match name {
            Some(name) => {
                crate::resources::name::check(kind, &name)?;
                targets.push((kind, name));
            }
            None => {
                let found = verbs::chosen::whole(remote, kind, matches).await?;
                if found.is_empty() {
                    context.talk(&verbs::chosen::nothing(kind, matches));
                }
                targets.extend(found.into_iter().map(|name| (kind, name)));
                many = true;
            }
        }
    }
    let given: Vec<&String> = matches.get_many("file").into_iter().flatten().collect();
    targets.extend(files::named(&given)?);
    // What refers to others goes first.
    targets.sort_by_key(|(kind, _)| {
        std::cmp::Reverse(
            crate::resources::KINDS
                .iter()
                .position(|of| of.name == kind.name),
        )
    });
    verbs::delete::asked(context, remote, &targets, matches, many).await
}

/// A TYPE alone never means all of it by itself, and labels choose among a TYPE, not among names.
pub(crate) fn whole(verb: &str, all: &[Named], matches: &ArgMatches) -> Result<()> {
    let labels = verbs::chosen::selector(matches).is_some();
    let every = verb == "delete" && matches.get_flag("all");
    for (kind, name) in all {
        match name {
            None if verb == "delete" && !labels && !every => {
                return Err(
                    Error::invalid(format!("no {} is named", kind.name)).hint(format!(
                        "write {0}/NAME, or choose with -l LABELS; --all deletes every {0}",
                        kind.name
                    )),
                );
            }
            Some(name) if labels || every => {
                let flag = if labels { "-l" } else { "--all" };
                return Err(Error::invalid(format!(
                    "{flag} chooses among all of a TYPE, and {}/{} is one already",
                    kind.name,
                    name.escape_debug()
                ))
                .hint("give one or the other"));
            }
            _ => {}
        }
    }
    Ok(())
}
