//! `delete`: by name, by label, or all of a kind.

use super::{Several, chosen::chosen};
use crate::cli::{
    context::Context,
    print::Format,
    remote::{Query, Remote},
};
use crate::error::{self, Error, Result};
use crate::resources::Kind;
use clap::ArgMatches;
use serde_json::Value;

/// A record to delete.
pub(crate) type Target = (&'static Kind, String);

/// Runs `gw KIND delete`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<()> {
    let remote = context.remote()?;
    let names = chosen(context, &remote, kind, matches).await?;
    let all: Vec<Target> = names.into_iter().map(|name| (kind, name)).collect();
    let many = !matches.contains_id("name");
    asked(context, &remote, &all, matches, many).await
}

/// Deletes, after asking where more may go than was named: by labels, all of a kind, or what refers to it.
pub(crate) async fn asked(
    context: &Context,
    remote: &Remote,
    all: &[Target],
    matches: &ArgMatches,
    many: bool,
) -> Result<()> {
    let cascade = matches.get_flag("cascade");
    let safe = matches.get_flag("yes") || matches.get_flag("dry_run");
    if !all.is_empty() && !safe && (many || cascade) {
        let mut question = format!("deleting {}", listed(all));
        if cascade {
            let along = plan(remote, all).await?;
            for taken in &along {
                context.talk(&line(taken, "would be "));
            }
            question.push_str(&match along.len() {
                0 => String::new(),
                1 => String::from(" and the record listed above"),
                count => format!(" and the {count} records listed above"),
            });
        }
        context.confirm(&question)?;
    }
    these(context, remote, all, matches).await
}

/// The records by name, as many as a question has room for.
fn listed(all: &[Target]) -> String {
    const ROOM: usize = 20;
    let names: Vec<String> = all
        .iter()
        .take(ROOM)
        .map(|(kind, name)| format!("{}/{name}", kind.name))
        .collect();
    match all.len() {
        count if count > ROOM => format!("{count} records ({}, …)", names.join(", ")),
        _ => names.join(", "),
    }
}

/// What would go, or change, along with the records: asked of the gateway, which changes nothing.
async fn plan(remote: &Remote, all: &[Target]) -> Result<Vec<Value>> {
    let mut along: Vec<Value> = Vec::new();
    for (kind, name) in all {
        let answer = match remote.delete(kind, name, &cascading()).await {
            Ok(answer) => answer,
            // What is not there is said when its turn comes.
            Err(error) if error.kind == error::Kind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for taken in besides(&answer, all) {
            let same = |other: &&mut Value| {
                ["kind", "name"]
                    .iter()
                    .all(|field| other.get(field) == taken.get(field))
            };
            match along.iter_mut().find(same) {
                None => along.push(taken.clone()),
                // Each alone leaves something of it; all together may not.
                Some(known) if text(known, "action") == "unbound" => {
                    known["action"] = "unbound, or deleted where nothing is left of it".into();
                }
                Some(_) => {}
            }
        }
    }
    Ok(along)
}

/// Asks what a deletion would take along, and changes nothing.
fn cascading() -> Query {
    vec![("cascade", "true".into()), ("dry_run", "true".into())]
}

fn taken(answer: &Value) -> impl Iterator<Item = &Value> {
    answer
        .get("taken")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// What goes along and is not itself among the records named.
fn besides<'a>(answer: &'a Value, all: &'a [Target]) -> impl Iterator<Item = &'a Value> {
    taken(answer).filter(|taken| {
        !all.iter()
            .any(|(kind, name)| text(taken, "kind") == kind.name && text(taken, "name") == name)
    })
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item.get(field).and_then(Value::as_str).unwrap_or("-")
}

/// `key/ci deleted`, `route/r would be unbound`.
fn line(taken: &Value, would: &str) -> String {
    let (kind, name) = (text(taken, "kind"), text(taken, "name"));
    format!("{kind}/{name} {would}{}", text(taken, "action"))
}

/// Deletes records one by one, in the order given.
pub(crate) async fn these(
    context: &Context,
    remote: &Remote,
    all: &[Target],
    matches: &ArgMatches,
) -> Result<()> {
    let (cascade, dry_run) = (matches.get_flag("cascade"), matches.get_flag("dry_run"));
    let mut options = Query::new();
    for (id, on) in [("cascade", cascade), ("dry_run", dry_run)] {
        if on {
            options.push((id, "true".into()));
        }
    }
    let mut problems = Several::new(all.len());
    let progress = context.progress("deleting", Some(all.len() as u64));
    for (kind, name) in all {
        progress.step(1);
        let answer = match remote.delete(kind, name, &options).await {
            Err(error) if dry_run && error.kind == error::Kind::Conflict && all.len() > 1 => {
                among(remote, kind, name, all, error).await
            }
            answer => answer,
        };
        match answer {
            Ok(mut answer) => {
                if dry_run {
                    answer["taken"] = besides(&answer, all).cloned().collect();
                }
                gone(context, kind, name, &answer, dry_run)?;
            }
            Err(error)
                if error.kind == error::Kind::NotFound && matches.get_flag("ignore_not_found") => {}
            Err(error) => problems.note(error)?,
        }
    }
    problems.end()
}

/// A dry run's answer where all that refers to the record would have gone before it; else the refusal.
async fn among(
    remote: &Remote,
    kind: &'static Kind,
    name: &str,
    all: &[Target],
    refusal: Error,
) -> Result<Value> {
    let answer = remote.delete(kind, name, &cascading()).await?;
    let alone = besides(&answer, all).next().is_none();
    if alone { Ok(answer) } else { Err(refusal) }
}

fn gone(context: &Context, kind: &Kind, name: &str, answer: &Value, dry_run: bool) -> Result<()> {
    match context.look.format {
        Format::Table | Format::Wide if context.quiet => {}
        Format::Table | Format::Wide => {
            let would = if dry_run { "would be " } else { "" };
            let mut text = format!("{}/{name} {would}deleted\n", kind.name);
            for taken in taken(answer) {
                text.push_str(&line(taken, would));
                text.push('\n');
            }
            context.data(&text);
        }
        Format::Name => context.data(&format!("{}/{name}\n", kind.name)),
        _ => context.data(&context.look.value(answer)?),
    }
    Ok(())
}
