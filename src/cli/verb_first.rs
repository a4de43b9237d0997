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
    matches: Option<&ArgMatches>,
) -> Result<(Vec<(&'static Kind, Vec<Value>)>, verbs::Several)> {
    let mut groups: Vec<(&'static Kind, Vec<Value>)> = Vec::new();
    let mut problems = verbs::Several::new(all.len());
    for (kind, name) in all {
        let got = match (name, matches) {
            (Some(name), _) => remote.get(kind, name).await.map(|item| vec![item]),
            (None, Some(matches)) => verbs::get::list(remote, kind, matches).await,
            (None, None) => verbs::get::pages(remote, kind, None, None).await,
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
    let (groups, problems) = fetch(remote, &all, listing).await?;
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
    let mut targets: Vec<(&'static Kind, String)> = Vec::new();
    let mut broad = Vec::new();
    for (kind, name) in all {
        match name {
            Some(name) => targets.push((kind, name)),
            None => {
                let found = verbs::get::pages(
                    remote,
                    kind,
                    matches.get_one::<String>("selector").map(String::as_str),
                    None,
                )
                .await?;
                targets.extend(
                    found
                        .iter()
                        .map(|item| (kind, super::context::name_of(item).to_owned())),
                );
                broad.push(kind.plural);
            }
        }
    }
    let given: Vec<&String> = matches.get_many("file").into_iter().flatten().collect();
    targets.extend(
        files::read(&given)?
            .iter()
            .map(|item| Ok((item.kind, item.name()?.to_owned())))
            .collect::<Result<Vec<_>>>()?,
    );
    // What refers to others goes first.
    targets.sort_by_key(|(kind, _)| {
        std::cmp::Reverse(
            crate::resources::KINDS
                .iter()
                .position(|of| of.name == kind.name),
        )
    });
    if targets.is_empty() {
        context.talk("nothing to delete");
        return Ok(());
    }
    if targets
        .iter()
        .any(|(kind, name)| crate::resources::name::check(kind, name).is_err())
    {
        return Err(
            Error::invalid("not every word is TYPE/NAME").hint("write TYPE/NAME, such as key/ci")
        );
    }
    if !broad.is_empty() {
        verbs::delete::confirm(
            context,
            matches,
            &format!("deleting {} records ({})", targets.len(), broad.join(", ")),
        )?;
    } else if matches.get_flag("cascade") {
        verbs::delete::confirm(
            context,
            matches,
            &format!("deleting {} records and what refers to them", targets.len()),
        )?;
    }
    verbs::delete::these(context, remote, &targets, matches).await
}
