//! `gw logs`: list, follow, show one, export.

use super::{
    context::Context,
    logs_show,
    print::{Format, cell, clean, money, table},
    remote::Query,
};
use crate::error::{Error, Result};
use crate::resources::{Millis, Stamp};
use clap::ArgMatches;
use serde_json::Value;

/// Rows a page of an export.
const PAGE: usize = 500;

/// Runs `gw logs`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("get", sub)) => logs_show::run(context, sub).await,
        Some(("export", sub)) => export(context, sub).await,
        _ if matches.get_flag("follow") => follow(context, matches).await,
        _ => list(context, matches).await,
    }
}

/// The filters as query parameters. Durations count back from now.
fn query(matches: &ArgMatches, now: Stamp) -> Result<Query> {
    let mut query = Query::new();
    for id in ["key", "user", "route", "provider", "model", "status"] {
        query.extend(
            matches
                .get_many::<String>(id)
                .into_iter()
                .flatten()
                .map(|value| (id, value.clone())),
        );
    }
    for id in ["since", "until"] {
        if let Some(text) = matches.get_one::<String>(id) {
            query.push((
                id,
                time(text, now).map_err(|error| error.param(format!("--{id}")))?,
            ));
        }
    }
    query.extend(
        matches
            .get_one::<String>("text")
            .map(|text| ("text", text.clone())),
    );
    Ok(query)
}

fn time(text: &str, now: Stamp) -> Result<String> {
    match text.parse::<Millis>() {
        Ok(ago) => Ok(Stamp(
            now.0
                .saturating_sub(i64::try_from(ago.0).unwrap_or(i64::MAX)),
        )
        .rfc3339()),
        Err(_) => Stamp::parse(text).map(Stamp::rfc3339).map_err(|error| {
            Error::invalid(error.message).hint("write it as 1h, 30m, 7d or 2026-12-31T00:00:00Z")
        }),
    }
}

async fn list(context: &Context, matches: &ArgMatches) -> Result<()> {
    let most = matches.get_one::<usize>("tail").copied().unwrap_or(20);
    let mut rows = fetch(context, query(matches, Stamp::now())?, most).await?;
    let headers = !matches.get_flag("no_headers");
    match &context.look.format {
        Format::Table | Format::Wide => {
            // Oldest first, so that the newest is beside the prompt.
            rows.reverse();
            if rows.is_empty() {
                context.talk("no requests logged that fit");
            } else {
                context.data(&render_rows(
                    &rows,
                    context.look.format == Format::Wide,
                    headers,
                ));
            }
        }
        Format::Name => context.data(
            &rows
                .iter()
                .map(|row| format!("{}\n", text(row, "id")))
                .collect::<String>(),
        ),
        Format::Csv => context.data(&csv(&rows, headers)),
        Format::Json | Format::Yaml | Format::Toml => {
            context.data(&context.look.value(&serde_json::json!({ "items": rows }))?)
        }
        _ => {
            for row in &rows {
                context.data(&context.look.value(row)?);
            }
        }
    }
    Ok(())
}

/// Up to `most` rows, newest first, over as many pages as it takes.
async fn fetch(context: &Context, filters: Query, most: usize) -> Result<Vec<Value>> {
    let remote = context.remote()?;
    let (mut rows, mut cursor) = (Vec::new(), None::<String>);
    while rows.len() < most {
        let mut query = filters.clone();
        query.push(("limit", (most - rows.len()).min(PAGE).to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let mut page = remote.logs(&query).await?;
        cursor = page.get("cursor").and_then(Value::as_str).map(String::from);
        match page.get_mut("items").map(Value::take) {
            Some(Value::Array(got)) if !got.is_empty() => rows.extend(got.into_iter().map(dated)),
            _ => break,
        }
        if cursor.is_none() {
            break;
        }
    }
    rows.truncate(most);
    Ok(rows)
}

async fn follow(context: &Context, matches: &ArgMatches) -> Result<()> {
    let filters = query(matches, Stamp::now())?;
    let remote = context.remote()?;
    // Asked for before the backlog is read, so that nothing falls between the two.
    let mut rows = remote.follow(&filters).await?;
    let wide = context.look.format == Format::Wide;
    let columns = matches!(context.look.format, Format::Table | Format::Wide);
    let backlog = match matches.get_one::<usize>("tail") {
        Some(most) => fetch(context, filters, *most).await?,
        None => Vec::new(),
    };
    if columns && !matches.get_flag("no_headers") {
        context.data(&line(
            &heads(wide)
                .map(|(head, _)| head.to_owned())
                .collect::<Vec<_>>(),
            wide,
        ));
    }
    let seen: Vec<String> = backlog.iter().map(|row| text(row, "id")).collect();
    for row in backlog.into_iter().rev() {
        print_one(context, &row, columns, wide)?;
    }
    while let Some(row) = rows.next().await?.map(dated) {
        if !seen.contains(&text(&row, "id")) {
            print_one(context, &row, columns, wide)?;
        }
    }
    Err(Error::new(
        crate::error::Kind::NoGateway,
        "the gateway closed the connection",
    )
    .hint("see whether it still runs with `gw status`"))
}

fn print_one(context: &Context, row: &Value, columns: bool, wide: bool) -> Result<()> {
    match (columns, &context.look.format) {
        (true, _) => context.data(&line(&cells(row, wide), wide)),
        (_, Format::Json) => context.data(&(super::print::json(row) + "\n")),
        _ => context.data(&context.look.value(row)?),
    }
    Ok(())
}

async fn export(context: &Context, matches: &ArgMatches) -> Result<()> {
    let filters = query(matches, Stamp::now())?;
    let most = matches
        .get_one::<usize>("tail")
        .copied()
        .unwrap_or(usize::MAX);
    let remote = context.remote()?;
    let (mut left, mut cursor) = (most, None::<String>);
    while left > 0 {
        let mut query = filters.clone();
        query.push(("limit", left.min(PAGE).to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = remote.logs(&query).await?;
        let rows = page
            .get("items")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        context.data(
            &rows
                .iter()
                .take(left)
                .map(|row| super::print::json(&dated(row.clone())) + "\n")
                .collect::<String>(),
        );
        left = left.saturating_sub(rows.len());
        cursor = page.get("cursor").and_then(Value::as_str).map(String::from);
        if cursor.is_none() || rows.is_empty() {
            break;
        }
    }
    Ok(())
}

/// Heads and the width they get when rows come one by one.
const HEADS: [(&str, usize); 10] = [
    ("TIME", 8),
    ("ID", 30),
    ("KEY", 10),
    ("MODEL", 24),
    ("PROVIDER", 10),
    ("STATUS", 6),
    ("LATENCY", 7),
    ("IN", 5),
    ("OUT", 5),
    ("COST", 9),
];
const WIDE: [(&str, usize); 7] = [
    ("ROUTE", 10),
    ("ATTEMPTS", 8),
    ("TTFT", 6),
    ("CACHED", 6),
    ("REQUESTED-MODEL", 16),
    ("USER", 10),
    ("ERROR", 5),
];

fn heads(wide: bool) -> impl Iterator<Item = (&'static str, usize)> {
    HEADS
        .into_iter()
        .chain(WIDE.into_iter().filter(move |_| wide))
}

/// A row with its time as scripts read it: RFC 3339.
pub(crate) fn dated(mut row: Value) -> Value {
    if let Some(at) = row.get("at").and_then(Value::as_i64) {
        row["at"] = Stamp(at).rfc3339().into();
    }
    row
}

/// Rows as a table.
pub(crate) fn render_rows(rows: &[Value], wide: bool, headers: bool) -> String {
    let heads: Vec<&str> = heads(wide).map(|(head, _)| head).collect();
    table(
        &heads,
        rows.iter().map(|row| cells(row, wide)).collect(),
        headers,
    )
}

/// One line of a table whose other rows are not known yet.
fn line(cells: &[String], wide: bool) -> String {
    let widths: Vec<usize> = heads(wide).map(|(_, width)| width).collect();
    super::print::row(&widths, cells)
}

fn text(row: &Value, name: &str) -> String {
    row.get(name).map(super::print::text).unwrap_or_default()
}

fn cells(row: &Value, wide: bool) -> Vec<String> {
    let show = |path: &str| cell("", "", super::path::lookup(row, path), Stamp(0));
    let count = |names: &[&str]| {
        let found: Vec<u64> = names
            .iter()
            .filter_map(|name| super::path::lookup(row, name)?.as_u64())
            .collect();
        if found.is_empty() {
            "-".to_owned()
        } else {
            found.iter().sum::<u64>().to_string()
        }
    };
    let at = row.get("at");
    let at = at.and_then(Value::as_i64).map(Stamp).or_else(|| {
        at.and_then(Value::as_str)
            .and_then(|text| Stamp::parse(text).ok())
    });
    let mut cells = vec![
        at.map_or_else(|| "-".into(), clock),
        show("id"),
        show("key"),
        model(row),
        show("provider"),
        show("status"),
        row.get("latency_ms")
            .and_then(Value::as_u64)
            .map_or_else(|| "-".into(), span),
        count(&IN),
        count(&["usage.output", "usage.reasoning"]),
        cost(row),
    ];
    if wide {
        let attempts = row
            .get("attempts")
            .and_then(Value::as_array)
            .map_or_else(|| "-".into(), |attempts| attempts.len().to_string());
        let ttft = row
            .get("ttft_ms")
            .and_then(Value::as_u64)
            .map_or_else(|| "-".into(), span);
        cells.extend([
            show("route"),
            attempts,
            ttft,
            count(&["usage.cache_read"]),
            show("requested_model"),
            show("user"),
            show("error"),
        ]);
    }
    cells
}

/// Buckets of tokens that went in.
const IN: [&str; 4] = [
    "usage.input",
    "usage.cache_read",
    "usage.cache_write_5m",
    "usage.cache_write_1h",
];

/// The model that answered; `asked→resolved` where they differ.
pub(crate) fn model(row: &Value) -> String {
    let asked = row
        .get("requested_model")
        .and_then(Value::as_str)
        .map(clean)
        .filter(|name| !name.is_empty());
    let resolved = row
        .get("model")
        .and_then(Value::as_str)
        .map(clean)
        .filter(|name| !name.is_empty());
    match (asked, resolved) {
        (Some(asked), Some(resolved)) if asked != resolved => format!("{asked}→{resolved}"),
        (_, Some(model)) | (Some(model), None) => model,
        (None, None) => "-".into(),
    }
}

/// The cost, or why there is none; never a 0 for what is not known.
pub(crate) fn cost(row: &Value) -> String {
    let status = row
        .get("cost_status")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match (status, row.get("cost_pico").and_then(Value::as_i64)) {
        ("free", _) => "free".into(),
        ("estimated", Some(pico)) => format!("~{}", money(pico)),
        (_, Some(pico)) => money(pico),
        (_, None) => "-".into(),
    }
}

/// Local time of day.
fn clock(at: Stamp) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(time) => time
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%H:%M:%S")
            .to_string(),
        Err(_) => "-".into(),
    }
}

/// Milliseconds as `305ms` or `1.8s`.
pub(crate) fn span(millis: u64) -> String {
    match millis {
        0..=999 => format!("{millis}ms"),
        _ => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
    }
}

fn csv(rows: &[Value], headers: bool) -> String {
    const PATHS: [&str; 17] = [
        "at",
        "id",
        "key",
        "user",
        "route",
        "requested_model",
        "model",
        "provider",
        "status",
        "outcome",
        "latency_ms",
        "ttft_ms",
        "usage.input",
        "usage.cache_read",
        "usage.output",
        "cost_pico",
        "error",
    ];
    let field = |row: &Value, path: &str| {
        super::print::quoted(
            &super::path::lookup(row, path)
                .map(super::print::text)
                .unwrap_or_default(),
        )
    };
    let head = if headers {
        PATHS.join(",") + "\n"
    } else {
        String::new()
    };
    rows.iter().fold(head, |text, row| {
        text + &PATHS.map(|path| field(row, path)).join(",") + "\n"
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_become_parameters() {
        let matches = crate::cli::command()
            .try_get_matches_from(
                "gw logs --key a,b --status 4xx --since 1h --until 2026-01-01T00:00:00Z --text x"
                    .split(' '),
            )
            .unwrap();
        let now = Stamp::parse("2026-01-01T02:00:00Z").unwrap();
        let text: Vec<String> = query(matches.subcommand_matches("logs").unwrap(), now)
            .unwrap()
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            text,
            [
                "key=a",
                "key=b",
                "status=4xx",
                "since=2026-01-01T01:00:00.000Z",
                "until=2026-01-01T00:00:00.000Z",
                "text=x"
            ]
        );
        assert!(time("soon", now).is_err());
    }

    #[test]
    fn rows_become_lines() {
        let row = json!({"id": "req_1", "at": null, "key": "dev", "requested_model": "gpt-4o", "model": "claude", "provider": "anthropic", "status": 200,
            "usage": {"input": 20, "cache_read": 2, "output": 31}, "cost_pico": 500_000_000, "cost_status": "calculated", "latency_ms": 1843, "attempts": [{}, {}]});
        assert_eq!(
            render_rows(std::slice::from_ref(&row), false, true),
            "TIME   ID      KEY   MODEL           PROVIDER    STATUS   LATENCY   IN   OUT   COST\n-      req_1   dev   gpt-4o→claude   anthropic   200      1.8s      22   31    $0.0005\n"
        );
        assert_eq!(
            cells(&row, true)[10..],
            ["-", "2", "-", "2", "gpt-4o", "-", "-"]
        );
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(
            dated(json!({"at": 1_795_224_747_194_i64}))["at"],
            "2026-11-21T01:32:27.194Z"
        );
        assert_eq!(dated(json!({"at": "x"}))["at"], "x");
    }

    #[test]
    fn what_is_not_known_is_never_zero() {
        assert_eq!(cost(&json!({"cost_status": "unpriced"})), "-");
        assert_eq!(
            cost(&json!({"cost_status": "free", "cost_pico": 0})),
            "free"
        );
        assert_eq!(
            cost(&json!({"cost_status": "estimated", "cost_pico": 1_000_000_000_000_i64})),
            "~$1.00"
        );
    }
}
