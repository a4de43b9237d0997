//! `set`: change some fields, as a merge patch of each record meant.

use super::{Several, chosen::chosen};
use crate::cli::{
    context::Context,
    credential,
    fields::{self, Mode},
    remote::{Query, Remote},
    routes,
};
use crate::error::{Error, Result};
use crate::resources::{Kind, KindId, Spec};
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw KIND set`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<()> {
    let mut patch = fields::body(kind, matches, Mode::Patch)?;
    if kind.id == KindId::Provider
        && let Some(secret) = credential::given(context, matches, &mut patch)?
    {
        patch.insert("credential_value".into(), json!(secret.as_str()));
    }
    if patch.is_empty() && !(kind.id == KindId::Route && routes::given(matches)) {
        return Err(Error::invalid("nothing to change was given")
            .hint(format!("see the fields with: gw {} set --help", kind.name)));
    }
    let remote = context.remote()?;
    let names = chosen(context, &remote, kind, matches).await?;
    if names.len() > 1 && matches.contains_id("version") {
        return Err(
            Error::invalid("--version is of one record, and several are meant")
                .hint("leave it out, or name one"),
        );
    }
    let mut problems = Several::new(names.len());
    for name in &names {
        let done = one(context, &remote, kind, name, patch.clone(), matches).await;
        if let Err(error) = done {
            problems.note(error)?;
        }
    }
    problems.end()
}

async fn one(
    context: &Context,
    remote: &Remote,
    kind: &'static Kind,
    name: &str,
    mut patch: Spec,
    matches: &ArgMatches,
) -> Result<()> {
    let mut seen = matches.get_one::<u64>("version").copied();
    if kind.id == KindId::Route {
        // How targets line up depends on the strategy, which may be the one the record has.
        if patch.get("strategy").is_none() && matches.contains_id("then") {
            let record = remote.get(kind, name).await?;
            seen = seen.or_else(|| record.get("version").and_then(Value::as_u64));
            patch.insert(
                "strategy".into(),
                record
                    .get("strategy")
                    .cloned()
                    .unwrap_or_else(|| json!("fallback")),
            );
        }
        routes::targets(matches, &mut patch)?;
    }
    let mut options = Query::new();
    let dry_run = matches.get_flag("dry_run");
    if dry_run {
        options.push(("dry_run", "true".into()));
    }
    let record = remote
        .patch(kind, name, &Value::Object(patch), seen, &options)
        .await?;
    if kind.id == KindId::Provider && !dry_run {
        credential::warn(context, &record);
    }
    let what = match record.get("result").and_then(Value::as_str) {
        Some("unchanged") => "unchanged",
        _ if dry_run => "would be configured (dry run)",
        _ => "configured",
    };
    context.changed(kind, &record, what)
}
