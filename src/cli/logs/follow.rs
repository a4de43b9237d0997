//! `gw logs -f`: rows as they are written, after those that were there where asked for.

use super::super::{context::Context, remote::Query};
use super::{fetch, printer::Printer};
use crate::error::{Error, Kind, Result};
use clap::ArgMatches;
use serde_json::Value;
use std::collections::HashSet;

/// Runs `gw logs -f`.
pub(super) async fn run(context: &Context, matches: &ArgMatches, filters: &Query) -> Result<()> {
    let headers = !matches.get_flag("no_headers");
    let printer = Printer::new(context, context.look.format.clone(), headers);
    let mut printer = printer.without_an_end()?;
    // Asked for before what was there is read, so that nothing falls between the two.
    let mut rows = context.remote()?.follow(filters).await?;
    let before = match matches.get_one::<usize>("tail") {
        Some(most) => fetch::last(context, filters, *most).await?.0,
        None => Vec::new(),
    };
    let id = |row: &Value| row.get("id").and_then(Value::as_str).map(str::to_owned);
    let seen: HashSet<String> = before.iter().filter_map(id).collect();
    for row in before {
        printer.one(row)?;
    }
    while let Some(row) = rows.next().await? {
        if let Some(lost) = row.get("lost").and_then(Value::as_u64) {
            context.talk(&format!(
                "{lost} requests were left out: they came faster than they are read here"
            ));
            continue;
        }
        if id(&row).is_none_or(|id| !seen.contains(&id)) {
            printer.one(row)?;
        }
    }
    Err(
        Error::new(Kind::NoGateway, "the gateway closed the connection")
            .hint("see whether it still runs with `gw status`"),
    )
}
