//! A row of the log as people read it: columns that fit a terminal of 80, the rest in `-o wide`.

use super::super::{
    path::lookup,
    print::{self, cell, clean, money, table, text},
};
use crate::resources::Stamp;
use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::Value;

/// Columns that a line has room for.
const ROOM: usize = 80;
/// Between two columns.
const GAP: usize = 3;
/// Characters of an id that are shown: the time and a little more. `gw logs get` takes them.
const SHORT: usize = 12;
/// What every id begins with, which is not shown.
const PREFIX: &str = "req_";

/// Heads, and the width they get where rows come one by one.
const NARROW: [(&str, usize); 7] = [
    ("TIME", 8),
    ("ID", SHORT),
    ("KEY", 6),
    ("MODEL", 16),
    ("STATUS", 6),
    ("TOOK", 5),
    ("COST", 9),
];
const WIDE: [(&str, usize); 18] = [
    ("TIME", 19),
    ("ID", 30),
    ("KEY", 10),
    ("MODEL", 24),
    ("PROVIDER", 10),
    ("STATUS", 6),
    ("TOOK", 5),
    ("IN", 5),
    ("OUT", 5),
    ("COST", 9),
    ("ROUTE", 10),
    ("ATTEMPTS", 8),
    ("TTFT", 6),
    ("CACHED", 6),
    ("USER", 10),
    ("SESSION", 10),
    ("AGENT", 10),
    ("ERROR", 5),
];
/// Where KEY and MODEL stand in the narrow table.
const KEY: usize = 2;
const MODEL: usize = 3;

fn columns(wide: bool) -> &'static [(&'static str, usize)] {
    if wide { &WIDE } else { &NARROW }
}

fn heads(wide: bool, now: Stamp) -> Vec<String> {
    columns(wide)
        .iter()
        .map(|(head, _)| match *head {
            "TIME" => local(now).map_or("TIME".into(), |now| now.strftime("TIME %Z").to_string()),
            head => head.to_owned(),
        })
        .collect()
}

/// Rows as a table.
pub(super) fn table_of(rows: &[Value], wide: bool, headers: bool, now: Stamp) -> String {
    let length = if wide { usize::MAX } else { short(rows) };
    let mut cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| cells(row, wide, length, now))
        .collect();
    let heads = heads(wide, now);
    if !wide {
        fit(&mut cells, &heads);
    }
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    table(&heads, cells, headers)
}

/// Makes models and then keys shorter where lines would else be too long.
fn fit(rows: &mut [Vec<String>], heads: &[String]) {
    let width = |rows: &[Vec<String>], at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        let heads = heads.get(at).into_iter();
        cells
            .chain(heads)
            .map(|cell| count(cell))
            .max()
            .unwrap_or(0)
    };
    for (at, least) in [(MODEL, 12), (KEY, 6)] {
        let all: usize = (0..heads.len()).map(|at| width(rows, at) + GAP).sum();
        let over = all.saturating_sub(GAP + ROOM);
        let most = width(rows, at).saturating_sub(over).max(least);
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(at)) {
            *cell = cut(cell, most);
        }
    }
}

/// Text of at most so many columns. What was asked for goes before the model that answered.
pub(super) fn cut(text: &str, most: usize) -> String {
    if count(text) <= most {
        return text.to_owned();
    }
    if let Some(at) = text.rfind('→').filter(|at| *at > 0) {
        return cut(&text[at..], most);
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if count(&kept) >= most {
            kept.pop();
            break;
        }
    }
    format!("{kept}…")
}

/// Columns of the terminal.
fn count(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// The heads of lines that come one by one.
pub(super) fn head_line(wide: bool, now: Stamp) -> String {
    print::row(&widths(wide), &heads(wide, now))
}

fn widths(wide: bool) -> Vec<usize> {
    columns(wide).iter().map(|(_, width)| *width).collect()
}

/// A line of a table whose other rows are not known yet.
pub(super) fn line(row: &Value, wide: bool, now: Stamp) -> String {
    let mut cells = cells(row, wide, if wide { usize::MAX } else { SHORT }, now);
    let mut widths = widths(wide);
    if !wide {
        // What another cell takes beyond its column, the model gives.
        cells[KEY] = cut(&cells[KEY], (widths[KEY] + widths[MODEL]) / 2);
        let beyond = cells.iter().zip(&widths).enumerate();
        let beyond = beyond.filter(|(at, _)| *at != MODEL);
        let beyond: usize = beyond
            .map(|(_, (cell, width))| count(cell).saturating_sub(*width))
            .sum();
        widths[MODEL] = widths[MODEL].saturating_sub(beyond).max(1);
        cells[MODEL] = cut(&cells[MODEL], widths[MODEL]);
    }
    print::row(&widths, &cells)
}

/// How many characters of their ids tell these rows apart.
fn short(rows: &[Value]) -> usize {
    let mut ids: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.get("id")?.as_str())
        .collect();
    ids.sort_unstable();
    let alike = |(one, other): (&str, &str)| {
        let same = one.bytes().zip(other.bytes());
        same.take_while(|(one, other)| one == other).count()
    };
    let most = ids.windows(2).map(|pair| alike((pair[0], pair[1]))).max();
    most.map_or(SHORT, |most| (most + 1).saturating_sub(PREFIX.len()))
        .max(SHORT)
}

fn id(row: &Value, length: usize) -> String {
    let whole = cell("", "", row.get("id"), Stamp(0));
    match whole.strip_prefix(PREFIX) {
        Some(rest) if length < usize::MAX => rest.chars().take(length).collect(),
        _ => whole,
    }
}

fn cells(row: &Value, wide: bool, length: usize, now: Stamp) -> Vec<String> {
    let show = |path: &str| cell("", "", lookup(row, path), Stamp(0));
    let took = |path: &str| {
        let millis = lookup(row, path).and_then(Value::as_u64);
        millis.map_or_else(|| "-".into(), span)
    };
    let attempts = row.get("attempts").and_then(Value::as_array);
    let cell = |(head, _): &(&str, usize)| match *head {
        "TIME" => clock(row, wide, now),
        "ID" => id(row, length),
        "KEY" => show("key"),
        "MODEL" => model(row),
        "PROVIDER" => show("provider"),
        "STATUS" => status(row),
        "TOOK" => took("latency_ms"),
        "IN" => tokens(row, &IN),
        "OUT" => tokens(row, &["usage.output", "usage.reasoning"]),
        "COST" => cost(row),
        "ROUTE" => show("route"),
        "ATTEMPTS" => attempts.map_or_else(|| "-".into(), |all| all.len().to_string()),
        "TTFT" => took("ttft_ms"),
        "CACHED" => tokens(row, &["usage.cache_read"]),
        "USER" => show("user"),
        "SESSION" => show("session"),
        "AGENT" => show("agent"),
        _ => show("error"),
    };
    columns(wide).iter().map(cell).collect()
}

/// Buckets of tokens that went in.
const IN: [&str; 5] = [
    "usage.input",
    "usage.cache_read",
    "usage.cache_write_5m",
    "usage.cache_write_1h",
    "usage.cache_write",
];

fn tokens(row: &Value, buckets: &[&str]) -> String {
    let found: Vec<u64> = buckets
        .iter()
        .filter_map(|bucket| lookup(row, bucket)?.as_u64())
        .collect();
    match found.is_empty() {
        true => "-".to_owned(),
        false => found.iter().sum::<u64>().to_string(),
    }
}

/// The HTTP status; an answer that was cut off had begun with 200 and must not look so.
pub(super) fn status(row: &Value) -> String {
    let begun = row.get("status").and_then(Value::as_u64) == Some(200);
    match row.get("outcome").and_then(Value::as_str) {
        Some("failed_after_commit") => "broken".into(),
        Some(cut @ ("revoked" | "shutdown")) if begun => cut.into(),
        _ => cell("", "", row.get("status"), Stamp(0)),
    }
}

/// The model that answered; `asked→resolved` where that is another than was asked for, with or without its provider.
fn model(row: &Value) -> String {
    let name = |field: &str| {
        let name = row.get(field).and_then(Value::as_str).map(clean);
        name.filter(|name| !name.is_empty())
    };
    match (name("requested_model"), name("model")) {
        (Some(asked), Some(resolved)) if asked != resolved => {
            let named = asked.strip_suffix(&resolved);
            let provider = named.and_then(|rest| rest.strip_suffix('/'));
            match provider.is_some_and(|provider| name("provider").as_deref() == Some(provider)) {
                true => resolved,
                false => format!("{asked}→{resolved}"),
            }
        }
        (_, Some(model)) | (Some(model), None) => model,
        (None, None) => "-".into(),
    }
}

/// The cost, or why there is none; never a 0 for what is not known.
pub(super) fn cost(row: &Value) -> String {
    let status = row.get("cost_status").map(text).unwrap_or_default();
    match (
        status.as_str(),
        row.get("cost_pico").and_then(Value::as_i64),
    ) {
        ("free", _) => "free".into(),
        ("estimated", Some(pico)) => format!("~{}", money(pico)),
        (_, Some(pico)) => money(pico),
        (_, None) => "-".into(),
    }
}

fn local(at: Stamp) -> Option<Zoned> {
    let time = Timestamp::from_millisecond(at.0).ok()?;
    Some(time.to_zoned(TimeZone::system()))
}

/// Local time: of day for today's rows, with the date for others.
fn clock(row: &Value, wide: bool, now: Stamp) -> String {
    let at = row.get("at").and_then(Value::as_str);
    let at = at.and_then(|text| local(Stamp::parse(text).ok()?));
    let Some((at, now)) = at.zip(local(now)) else {
        return "-".into();
    };
    let form = match () {
        () if wide => "%Y-%m-%d %H:%M:%S",
        () if at.date() == now.date() => "%H:%M:%S",
        () if at.year() == now.year() => "%m-%d %H:%M",
        () => "%Y-%m-%d",
    };
    at.strftime(form).to_string()
}

/// Milliseconds as `305ms` or `1.8s`.
pub(crate) fn span(millis: u64) -> String {
    match millis {
        0..=999 => format!("{millis}ms"),
        _ => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    const ID: &str = "req_01KAJ5X0ZQ7F8Y2M3N4P5Q6R7S";

    fn example() -> Value {
        json!({"id": ID, "at": null, "key": "dev", "requested_model": "gpt-4o", "model": "claude", "provider": "anthropic",
            "status": 200, "outcome": "ok", "usage": {"input": 20, "cache_read": 2, "output": 31}, "cost_pico": 500_000_000,
            "cost_status": "calculated", "latency_ms": 1843, "attempts": [{}, {}]})
    }

    #[test]
    fn rows_become_lines() {
        let shown = table_of(&[example()], false, false, Stamp(0));
        assert_eq!(
            shown,
            "-   01KAJ5X0ZQ7F   dev   gpt-4o→claude   200   1.8s   $0.0005\n"
        );
        assert_eq!(
            cells(&example(), true, usize::MAX, Stamp(0))[1..],
            [
                ID,
                "dev",
                "gpt-4o→claude",
                "anthropic",
                "200",
                "1.8s",
                "22",
                "31",
                "$0.0005",
                "-",
                "2",
                "-",
                "2",
                "-",
                "-",
                "-",
                "-"
            ]
        );
    }

    #[test]
    fn naming_the_provider_is_asking_for_the_model() {
        let mut direct = example();
        direct["requested_model"] = "anthropic/claude".into();
        assert_eq!(model(&direct), "claude");
        direct["requested_model"] = "other/claude".into();
        assert_eq!(model(&direct), "other/claude→claude");
    }

    #[test]
    fn a_broken_stream_does_not_look_like_success() {
        let mut broken = example();
        broken["outcome"] = "failed_after_commit".into();
        assert_eq!(status(&broken), "broken");
    }

    #[test]
    fn lines_fit_80_columns_and_ids_stay_whole() {
        let mut long = example();
        long["key"] = "continuous-integration".into();
        long["requested_model"] = "gpt-4o-mini-2024-07-18".into();
        long["model"] = "claude-sonnet-4-5-20250929".into();
        long["at"] = "2026-03-01T10:00:00.000Z".into();
        let mut twin = long.clone();
        twin["id"] = "req_01KAJ5X0ZQ7F8Y2M3N4P5Q6R7T".into();
        let now = Stamp::parse("2026-03-05T10:00:00Z").unwrap();
        for line in [
            table_of(&[long.clone()], false, true, now),
            line(&long, false, now),
            head_line(false, now),
        ]
        .concat()
        .lines()
        {
            assert!(count(line) <= ROOM, "{}: {line}", count(line));
        }
        // Ids that begin alike are told apart.
        let shown = table_of(&[long, twin], false, false, now);
        assert!(shown.contains("01KAJ5X0ZQ7F8Y2M3N4P5Q6R7S") && shown.contains("Q6R7T"));
    }

    #[test]
    fn what_was_asked_for_is_cut_before_what_answered() {
        assert_eq!(cut("gpt-4o→claude-sonnet", 20), "gpt-4o→claude-sonnet");
        assert_eq!(cut("gpt-4o→claude-sonnet", 15), "→claude-sonnet");
        assert_eq!(cut("gpt-4o→claude-sonnet", 8), "→claude…");
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
