//! `gw logs` and `gw logs export`: the same rows in the same order and the same formats; they differ in how many
//! and in which format where none was asked for.

use super::super::{context::Context, print::Format, remote::Query};
use super::{fetch, printer::Printer};
use crate::error::Result;
use clap::{ArgMatches, parser::ValueSource};

/// Rows of a list, unless asked otherwise.
const LIST: usize = 20;

/// Runs `gw logs`.
pub(super) async fn list(context: &Context, matches: &ArgMatches, filters: &Query) -> Result<()> {
    let most = matches.get_one::<usize>("tail").copied().unwrap_or(LIST);
    let progress = context.progress("reading the log", None);
    let (rows, more) = fetch::last(context, filters, most).await?;
    drop(progress);
    let people = matches!(context.look.format, Format::Table | Format::Wide);
    if rows.is_empty() && !more && people {
        context.talk(&nothing(filters));
        return Ok(());
    }
    let mut printer = Printer::new(
        context,
        context.look.format.clone(),
        !matches.get_flag("no_headers"),
    );
    printer.take(rows)?;
    printer.end()?;
    left_out(context, most, more);
    Ok(())
}

/// Runs `gw logs export`.
pub(super) async fn export(context: &Context, matches: &ArgMatches, filters: &Query) -> Result<()> {
    let asked = |source| source != ValueSource::DefaultValue;
    let format = match matches.value_source("output").is_some_and(asked) {
        true => context.look.format.clone(),
        false => Format::Jsonl,
    };
    let progress = context.progress("exporting requests", None);
    let mut count = 0_usize;
    let mut printer = Printer::new(context, format, !matches.get_flag("no_headers"));
    match matches.get_one::<usize>("tail").copied() {
        Some(most) => {
            let (rows, more) = fetch::last(context, filters, most).await?;
            printer.take(rows)?;
            printer.end()?;
            left_out(context, most, more);
        }
        None => {
            fetch::all(context, filters, |rows| {
                count += rows.len();
                progress.say(&format!("exporting requests: {count}"));
                printer.take(rows)
            })
            .await?;
            printer.end()?;
        }
    }
    Ok(())
}

/// Says that a limit was reached.
fn left_out(context: &Context, most: usize, more: bool) {
    if more {
        context.talk(&format!(
            "only the newest {most} are shown, there are more: ask for them with -n N"
        ));
    }
}

/// Why a list is empty.
fn nothing(filters: &Query) -> String {
    if filters.is_empty() {
        return "no requests are in the log yet".into();
    }
    let words = filters
        .iter()
        .map(|(name, value)| format!("--{name} {value}"))
        .collect::<Vec<_>>();
    format!("no requests in the log match {}", words.join(" "))
}
