//! `gw usage`: what was used. For people a table with bars and courses, in a pipe tab-separated columns with exact
//! figures, for programs what the gateway told.

mod columns;
mod reprice;
mod table;

use super::{
    context::Context,
    print::{self, Format, json as json_text, quoted},
    remote::Query,
};
use crate::error::Result;
use clap::ArgMatches;
use jiff::tz::TimeZone;
use serde_json::Value;

/// How far back, unless asked otherwise.
const SINCE: &str = "7d";
/// By what, unless asked otherwise.
const BY: &str = "model";
/// Lines for people, unless asked otherwise.
const LINES: usize = 40;

/// Runs `gw usage`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    if let Some(("reprice", sub)) = matches.subcommand() {
        return reprice::run(context, sub).await;
    }
    let people = matches!(context.look.format, Format::Table | Format::Wide);
    let terminal = print::columns().filter(|_| people);
    let progress = context.progress("summing", None);
    let told = context
        .remote_for_many()?
        .usage(&query(matches, terminal))
        .await?;
    drop(progress);
    let headers = !matches.get_flag("no_headers");
    let items = told.get("items").and_then(Value::as_array);
    let items = items.map_or(&[][..], Vec::as_slice);
    match (&context.look.format, terminal) {
        (Format::Table | Format::Wide, _) if items.is_empty() => context.talk(&nothing(&told)),
        (format @ (Format::Table | Format::Wide), Some(width)) => {
            let wide = *format == Format::Wide;
            context.data(&table::render(&told, width, wide, headers));
        }
        (Format::Table | Format::Wide, None) => {
            context.data(&columns::lines(
                &told,
                items,
                "\t",
                &columns::plain,
                headers,
            ));
        }
        (Format::Csv, _) => context.data(&columns::lines(&told, items, ",", &quoted, headers)),
        (Format::Jsonl, _) => {
            let lines = items.iter().map(|item| json_text(item) + "\n");
            context.data(&lines.collect::<String>());
        }
        _ => context.data(&context.look.found(&told)?),
    }
    if people && !items.is_empty() {
        notes(&told).iter().for_each(|note| context.talk(note));
    }
    Ok(())
}

/// What the gateway is asked; `terminal`: for people at one so wide.
fn query(matches: &ArgMatches, terminal: Option<usize>) -> Query {
    let mut query = super::logs::filters(matches);
    if !query.iter().any(|(name, _)| *name == "since") {
        query.push(("since", SINCE.into()));
    }
    let by: Vec<&str> = matches
        .get_many::<String>("by")
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let by = match by.is_empty() {
        true => BY.to_owned(),
        false => by.join(","),
    };
    query.push(("by", by));
    query.push(("tz", zone(matches.get_flag("utc"))));
    if let Some(sort) = matches.get_one::<String>("sort") {
        query.push(("sort", sort.clone()));
    }
    let limit = matches.get_one::<usize>("limit").copied();
    if let Some(limit) = limit.or(terminal.map(|_| LINES)) {
        query.push(("limit", limit.to_string()));
    }
    if let Some(width) = terminal {
        query.push(("points", table::points(width).to_string()));
    }
    query
}

/// The zone people's days are in: by its name where it has one that the gateway can look up, else as it is now.
fn zone(utc: bool) -> String {
    let zone = match utc {
        true => TimeZone::UTC,
        false => TimeZone::system(),
    };
    if zone == TimeZone::UTC {
        return "UTC".into();
    }
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => {
            let now = jiff::Timestamp::now().to_zoned(zone);
            now.strftime("%:z").to_string()
        }
    }
}

/// A time as people here read it.
fn here(told: &Value, field: &str) -> Option<String> {
    let time: jiff::Timestamp = told.get(field)?.as_str()?.parse().ok()?;
    let time = time.to_zoned(TimeZone::system());
    Some(time.strftime("%Y-%m-%d %H:%M").to_string())
}

fn nothing(told: &Value) -> String {
    match here(told, "since") {
        Some(since) => format!("no requests in the log since {since} match"),
        None => "no requests in the log match".into(),
    }
}

/// What is to be said beside the sums, so that nobody takes them for more than they are.
fn notes(told: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    let total = told.get("total").unwrap_or(&Value::Null);
    let count = |field: &str| total.get(field).and_then(Value::as_u64).unwrap_or(0);
    let money = |field: &str| {
        let text = total.get(field).and_then(Value::as_str);
        text.and_then(|text| text.parse::<f64>().ok())
    };
    let unpriced = count("unpriced");
    if unpriced > 0 {
        let (are, have) = match unpriced {
            1 => (" has", "its model a price"),
            _ => ("s have", "their models prices"),
        };
        notes.push(format!(
            "{unpriced} request{are} no price and no part in SPEND: give {have}, then gw usage reprice"
        ));
    }
    if let (Some(estimated), Some(spend)) = (money("spend_estimated"), money("spend"))
        && spend > 0.0
    {
        let share = (estimated / spend * 100.0).clamp(0.0, 100.0);
        let requests = count("estimated");
        let is = if requests == 1 { "" } else { "s" };
        notes.push(format!(
            "{share:.1} % of SPEND is estimated, of {requests} request{is} whose usage the provider did not say"
        ));
    }
    let time = |field: &str| told.get(field).and_then(Value::as_str);
    if let (Some(since), Some(oldest), Some(shown)) =
        (time("since"), time("oldest"), here(told, "oldest"))
        && oldest > since
    {
        notes.push(format!("the log has requests since {shown}"));
    }
    notes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_asked_is_told_to_the_gateway() {
        let asked = |line: &str, terminal: Option<usize>| {
            let matches = crate::cli::command()
                .try_get_matches_from(line.split(' '))
                .unwrap();
            let query = query(matches.subcommand_matches("usage").unwrap(), terminal);
            let words = query.iter().map(|(name, value)| format!("{name}={value}"));
            words.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            asked("gw usage --utc", None),
            "since=7d by=model tz=UTC sort=spend"
        );
        assert_eq!(
            asked(
                "gw usage --utc --by day,label:team --key a,b --since 2h --sort tokens --limit 3",
                Some(80)
            ),
            "key=a key=b since=2h by=day,label:team tz=UTC sort=tokens limit=3 points=10"
        );
    }

    #[test]
    fn sums_are_taken_for_no_more_than_they_are() {
        let told = json!({
            "since": "2026-01-01T00:00:00.000Z", "oldest": "2026-01-02T00:00:00.000Z",
            "total": {"unpriced": 1, "estimated": 2, "spend": "4", "spend_estimated": "0.5"},
        });
        let notes = notes(&told);
        assert_eq!(
            notes[..2],
            [
                "1 request has no price and no part in SPEND: give its model a price, then gw usage reprice",
                "12.5 % of SPEND is estimated, of 2 requests whose usage the provider did not say",
            ]
        );
        assert!(notes[2].starts_with("the log has requests since 2026-01-0"));
        let whole = json!({"since": null, "oldest": "2026-01-02T00:00:00.000Z", "total": {"unpriced": 0, "spend": "0"}});
        assert_eq!(super::notes(&whole), Vec::<String>::new());
    }
}
