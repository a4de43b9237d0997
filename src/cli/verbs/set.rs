//! `set`: change some fields of one record, as a merge patch.

use super::name;
use crate::cli::{
    context::Context,
    credential,
    fields::{self, Mode},
    remote::Query,
    routes,
};
use crate::error::{Error, Result};
use crate::resources::Kind;
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw KIND set`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<()> {
    let name = name(kind, matches)?;
    let mut patch = fields::body(kind, matches, Mode::Patch)?;
    let remote = context.remote()?;
    let mut seen = matches.get_one::<u64>("version").copied();
    if kind.name == "route" {
        // How targets line up depends on the strategy, which may be the one the record has.
        if patch.get("strategy").is_none() && matches.contains_id("then") {
            let record = remote.get(kind, &name).await?;
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
    if kind.name == "provider"
        && let Some(secret) = credential::given(context, matches, &mut patch)?
    {
        patch.insert("credential_value".into(), json!(secret.as_str()));
    }
    if patch.is_empty() {
        return Err(Error::invalid("nothing to change was given")
            .hint(format!("see the fields with: gw {} set --help", kind.name)));
    }
    let mut options = Query::new();
    let dry_run = matches.get_flag("dry_run");
    if dry_run {
        options.push(("dry_run", "true".into()));
    }
    let record = remote
        .patch(kind, &name, &Value::Object(patch), seen, &options)
        .await?;
    let what = match record.get("result").and_then(Value::as_str) {
        Some("unchanged") => "unchanged",
        _ if dry_run => "would be configured (dry run)",
        _ => "configured",
    };
    context.changed(kind, &record, what)
}
