//! `enable` and `disable`.

use super::{Several, chosen::chosen};
use crate::cli::{context::Context, models};
use crate::error::{Kind as ErrorKind, Result};
use crate::resources::{Kind, KindId};
use clap::ArgMatches;
use serde_json::json;

/// Runs `gw KIND enable` or `disable`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static Kind,
    verb: &str,
    matches: &ArgMatches,
) -> Result<()> {
    let remote = context.remote()?;
    let names = chosen(context, &remote, kind, matches).await?;
    let mut problems = Several::new(names.len());
    for name in &names {
        match remote.action(kind, name, verb, &json!({})).await {
            Ok(record) => context.changed(kind, &record, &format!("{verb}d"))?,
            Err(error) if error.kind == ErrorKind::NotFound && kind.id == KindId::Model => {
                match models::toggle(context, name, verb == "enable").await? {
                    Some(record) => context.changed(kind, &record, &format!("{verb}d"))?,
                    None => problems.note(error)?,
                }
            }
            Err(error) => problems.note(error)?,
        }
    }
    problems.end()
}
