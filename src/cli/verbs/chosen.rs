//! Whom a command is for: the names given, what carries some labels, or every one. Nothing given is nobody;
//! the command tree asks for one of the three.

use super::{names, pages::pages};
use crate::cli::{
    context::{Context, name_of},
    remote::Remote,
};
use crate::error::Result;
use crate::resources::Kind;
use clap::ArgMatches;

/// The selector given, never an empty one.
pub(crate) fn selector(matches: &ArgMatches) -> Option<&str> {
    matches
        .get_one::<String>("selector")
        .map(String::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// The names meant. Says so where labels match nothing.
pub(crate) async fn chosen(
    context: &Context,
    remote: &Remote,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<Vec<String>> {
    let given = names(kind, matches)?;
    if !given.is_empty() {
        return Ok(given);
    }
    let found = whole(remote, kind, matches).await?;
    if found.is_empty() {
        context.talk(&nothing(kind, matches));
    }
    Ok(found)
}

/// Every name of the kind that the selector takes; none without a selector or `--all`.
pub(crate) async fn whole(
    remote: &Remote,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<Vec<String>> {
    let selector = selector(matches);
    if selector.is_none() && !matches.get_flag("all") {
        return Ok(Vec::new());
    }
    let found = pages(remote, kind, selector, None).await?;
    Ok(found.iter().map(|item| name_of(item).to_owned()).collect())
}

/// What to say where nothing was found.
pub(crate) fn nothing(kind: &Kind, matches: &ArgMatches) -> String {
    match selector(matches) {
        Some(labels) => format!("no {} match -l {labels}", kind.plural),
        None => format!(
            "no {} yet; make one with: gw {} create",
            kind.plural, kind.name
        ),
    }
}
