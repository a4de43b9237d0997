//! `gw logs` and `gw logs export`: the same rows in the same order and the same formats; they differ in how many
//! and in which format where none was asked for.

use super::super::{context::Context, print::Format, remote::Query};
use super::{fetch, printer::Printer};
use crate::error::Result;
use crate::resources::Stamp;
use clap::{ArgMatches, parser::ValueSource};
use serde_json::Value;

/// Rows of a list, unless asked otherwise.
const LIST: usize = 20;

/// Runs `gw logs`.
pub(super) async fn list(context: &Context, matches: &ArgMatches, filters: &Query) -> Result<()> {
    let most = matches.get_one::<usize>("tail").copied().unwrap_or(LIST);
    if filters.iter().any(|(name, _)| *name == "text") {
        return search(context, matches, filters, most).await;
    }
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

/// Prints what is found as it is found: newest first, since looking through bodies takes a while.
async fn search(
    context: &Context,
    matches: &ArgMatches,
    filters: &Query,
    most: usize,
) -> Result<()> {
    let progress = context.progress("looking through the log", None);
    let headers = !matches.get_flag("no_headers");
    let mut printer = Printer::new(context, context.look.format.clone(), headers);
    let streams = matches!(context.look.format, Format::Table | Format::Wide);
    let mut query = filters.clone();
    query.push(("limit", most.saturating_add(1).to_string()));
    let mut lines = context.remote()?.export_logs(&query).await?;
    let (mut count, mut more) = (0, false);
    while let Some(row) = lines.next().await? {
        if count == most {
            more = true;
            break;
        }
        count += 1;
        match streams {
            true => printer.one(row)?,
            false => printer.take(vec![row])?,
        }
    }
    drop(progress);
    if !streams {
        printer.end()?;
    } else if count == 0 {
        context.talk(&nothing(filters));
    }
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
    let mut filters = filters.clone();
    if matches.get_flag("content") {
        filters.push(("content", "true".into()));
    }
    filters.extend(
        matches
            .get_one::<String>("after")
            .map(|id| ("cursor", id.clone())),
    );
    let filters = &filters;
    let mut done = Done::default();
    let progress = context.progress("exporting requests", Some(100));
    let mut printer = Printer::new(context, format, !matches.get_flag("no_headers"));
    match matches.get_one::<usize>("tail").copied() {
        Some(most) => {
            let (rows, more) = fetch::last(context, filters, most).await?;
            printer.take(rows)?;
            printer.end()?;
            left_out(context, most, more);
        }
        None => {
            let all = fetch::all(context, filters, |rows| {
                let percent = done.take(&rows, Stamp::now());
                progress.say(&format!("exporting requests: {}", done.count));
                progress.step(percent);
                printer.take(rows)
            })
            .await;
            all.map_err(|error| match &done.last {
                Some(id) => error.hint(format!(
                    "{} requests were written; go on with --after {id}",
                    done.count
                )),
                None => error,
            })?;
            printer.end()?;
        }
    }
    Ok(())
}

/// How far an export is: by time, since nobody counts rows before they are read.
#[derive(Default)]
struct Done {
    count: usize,
    last: Option<String>,
    begin: Option<Stamp>,
    percent: u64,
}

impl Done {
    /// Takes rows in; how many percent more are done.
    fn take(&mut self, rows: &[Value], now: Stamp) -> u64 {
        self.count += rows.len();
        let text = |row: &Value, name: &str| row.get(name)?.as_str().map(str::to_owned);
        let at = |row: &Value| Stamp::parse(&text(row, "at")?).ok();
        let Some(last) = rows.last() else { return 0 };
        self.last = text(last, "id");
        let begin = *self
            .begin
            .get_or_insert(rows.first().and_then(at).unwrap_or(now));
        let (gone, all) = (
            at(last).unwrap_or(now).0 - begin.0,
            (now.0 - begin.0).max(1),
        );
        let percent = u64::try_from(gone.saturating_mul(100) / all)
            .unwrap_or(0)
            .min(100);
        let more = percent.saturating_sub(self.percent);
        self.percent += more;
        more
    }
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
