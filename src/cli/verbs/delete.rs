//! `delete`: by name, by label, or all of a kind.

use super::{Several, get, names};
use crate::cli::{
    context::{Context, name_of},
    print::Format,
    remote::{Query, Remote},
};
use crate::error::{self, Result};
use crate::resources::Kind;
use clap::ArgMatches;
use serde_json::Value;

/// Runs `gw KIND delete`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<()> {
    let remote = context.remote()?;
    let mut names = names(kind, matches)?;
    if names.is_empty() {
        let found = get::pages(
            &remote,
            kind,
            matches.get_one::<String>("selector").map(String::as_str),
            None,
        )
        .await?;
        names = found.iter().map(|item| name_of(item).to_owned()).collect();
        if names.is_empty() {
            context.talk(&format!("no such {}", kind.plural));
            return Ok(());
        }
        confirm(
            context,
            matches,
            &format!(
                "deleting {} {}: {}",
                names.len(),
                kind.plural,
                names.join(", ")
            ),
        )?;
    } else if matches.get_flag("cascade") {
        confirm(
            context,
            matches,
            &format!("deleting {} and what refers to it", names.join(", ")),
        )?;
    }
    let all: Vec<(&'static Kind, String)> = names.into_iter().map(|name| (kind, name)).collect();
    these(context, &remote, &all, matches).await
}

/// Asks unless told not to, or nothing would happen anyway.
pub(crate) fn confirm(context: &Context, matches: &ArgMatches, what: &str) -> Result<()> {
    match matches.get_flag("yes") || matches.get_flag("dry_run") {
        true => Ok(()),
        false => context.confirm(what),
    }
}

/// Deletes records one by one, in the order given.
pub(crate) async fn these(
    context: &Context,
    remote: &Remote,
    all: &[(&'static Kind, String)],
    matches: &ArgMatches,
) -> Result<()> {
    let mut options = Query::new();
    for id in ["cascade", "dry_run"] {
        if matches.get_flag(id) {
            options.push((id, "true".into()));
        }
    }
    let mut problems = Several::new(all.len());
    let progress = context.progress("deleting", Some(all.len() as u64));
    for (kind, name) in all {
        progress.step(1);
        match remote.delete(kind, name, &options).await {
            Ok(answer) => gone(context, kind, name, &answer, matches.get_flag("dry_run"))?,
            Err(error)
                if error.kind == error::Kind::NotFound && matches.get_flag("ignore_not_found") => {}
            Err(error) => problems.note(error)?,
        }
    }
    problems.end()
}

fn gone(context: &Context, kind: &Kind, name: &str, answer: &Value, dry_run: bool) -> Result<()> {
    match context.look.format {
        Format::Table | Format::Wide if context.quiet => {}
        Format::Table | Format::Wide => {
            let would = if dry_run { "would be " } else { "" };
            let mut text = format!("{}/{name} {would}deleted\n", kind.name);
            for taken in answer
                .get("taken")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let field = |name: &str| taken.get(name).and_then(Value::as_str).unwrap_or("-");
                text.push_str(&format!(
                    "{}/{} {would}{}\n",
                    field("kind"),
                    field("name"),
                    field("action")
                ));
            }
            context.data(&text);
        }
        Format::Name => context.data(&format!("{}/{name}\n", kind.name)),
        _ => context.data(&context.look.value(answer)?),
    }
    Ok(())
}
