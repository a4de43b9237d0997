//! `enable` and `disable`.

use super::{Several, chosen::chosen};
use crate::cli::{
    context::Context,
    print::{clean, text},
};
use crate::error::Result;
use crate::resources::{Kind, KindId};
use clap::ArgMatches;
use serde_json::{Value, json};

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
            Ok(record) => {
                context.changed(kind, &record, &format!("{verb}d"))?;
                if kind.id == KindId::Model && verb == "disable" {
                    touched(context, &record);
                }
            }
            Err(error) => problems.note(error)?,
        }
    }
    problems.end()
}

/// Says which routes a model has left, and which have nothing left without it.
fn touched(context: &Context, record: &Value) {
    let names = |field: &str| {
        let names = record.get("status").and_then(|status| status.get(field));
        names.map(text).filter(|names| !names.is_empty())
    };
    let say = |field: &str, what: &str| {
        if let Some(names) = names(field) {
            context.talk(&format!("{what}: {}", clean(&names)));
        }
    };
    say("routes", "left the routes");
    say("routes_as_asked", "no longer to be asked for through");
    if let Some(empty) = names("routes_without_target") {
        let route = empty.split([',', ' ']).next().unwrap_or_default();
        context.talk(&format!(
            "no target is left in: {0}; give it another with: gw route set {1} --to PROVIDER/MODEL",
            clean(&empty),
            clean(route)
        ));
    }
}
