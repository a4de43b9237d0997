//! `get`, `list`, `ls`: a kind's records, or some by name.

use super::{Several, chosen, names, pages};
use crate::cli::{context::Context, models, path, remote::Remote};
use crate::error::Result;
use crate::resources::{Kind, KindId};
use clap::ArgMatches;
use serde_json::Value;

/// Runs `gw KIND get`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<()> {
    let names = names(kind, matches)?;
    if kind.id == KindId::Model && names.is_empty() {
        return models::list(context, matches).await;
    }
    let remote = context.remote()?;
    let (items, problems) = if names.is_empty() {
        (list(&remote, kind, matches).await?, Several::new(0))
    } else {
        some_since(&remote, kind, &names, since(kind, matches)).await?
    };
    if !items.is_empty() || names.is_empty() {
        show(context, kind, items, names.len() == 1, matches)?;
    }
    problems.end()
}

/// Prints records with the listing's options.
pub(crate) fn show(
    context: &Context,
    kind: &'static Kind,
    mut items: Vec<Value>,
    single: bool,
    matches: &ArgMatches,
) -> Result<()> {
    if let Some(by) = matches.get_one::<String>("sort_by") {
        path::sort_by(&mut items, by);
    }
    if let Some(limit) = matches.get_one::<usize>("limit") {
        items.truncate(*limit);
    }
    let mut look = context.look.clone();
    look.headers = !matches.get_flag("no_headers");
    look.labels = matches.get_flag("show_labels");
    if items.is_empty()
        && matches!(
            look.format,
            crate::cli::print::Format::Table | crate::cli::print::Format::Wide
        )
    {
        context.talk(&chosen::nothing(kind, matches));
        return Ok(());
    }
    context.data(&look.records(kind, &items, single)?);
    Ok(())
}

/// All pages of a listing.
pub(crate) async fn list(
    remote: &Remote,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<Vec<Value>> {
    let selector = chosen::selector(matches);
    // Sorting needs all of them.
    let limit = matches
        .get_one::<usize>("limit")
        .copied()
        .filter(|_| matches.get_one::<String>("sort_by").is_none());
    pages::since(remote, kind, selector, limit, since(kind, matches)).await
}

/// Since when lists tell what was used, unless asked otherwise.
const SINCE: &str = "24h";

/// Since when a list of this kind tells what each used; `None`: it does not.
pub(crate) fn since<'a>(kind: &Kind, matches: &'a ArgMatches) -> Option<&'a str> {
    let given = matches.try_get_one::<String>("since").ok().flatten();
    kind.statuses
        .contains(&"usage")
        .then(|| given.map_or(SINCE, String::as_str))
}

/// Records by name, and what went wrong with the others. Models may have none: the catalogue knows them.
pub(crate) async fn some(
    remote: &Remote,
    kind: &'static Kind,
    names: &[String],
) -> Result<(Vec<Value>, Several)> {
    some_since(remote, kind, names, None).await
}

/// The same with what each used since a time.
async fn some_since(
    remote: &Remote,
    kind: &'static Kind,
    names: &[String],
    since: Option<&str>,
) -> Result<(Vec<Value>, Several)> {
    if kind.id == KindId::Model {
        return models::some(remote, names).await;
    }
    let (mut items, mut problems) = (Vec::new(), Several::new(names.len()));
    for name in names {
        match remote.get_since(kind, name, since).await {
            Ok(item) => items.push(item),
            Err(error) => problems.note(error)?,
        }
    }
    Ok((items, problems))
}
