//! Sums for people at a terminal: rounded figures, a bar of what lines are ordered by, and how it went over the time.

use super::columns::by;
use crate::cli::{
    path::lookup,
    print::{amount, bar, clean, short, table, text},
};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// Between two columns, as tables have it.
const GAP: usize = 3;
/// Columns of names are not cut below this.
const NAME: usize = 12;
/// The longest bar.
const BAR: usize = 40;
/// A terminal from this on has room for the figures that others leave out.
const ROOMY: usize = 110;

/// In how many points courses are shown.
pub(super) fn points(width: usize) -> usize {
    (width / 8).clamp(8, 32)
}

/// Figures of a line: the head, and what it shows.
type Figure = (&'static str, fn(&Value) -> String);

fn figures(wide: bool, roomy: bool) -> Vec<Figure> {
    let mut all: Vec<Figure> = vec![
        ("REQUESTS", |line| count(line, "requests")),
        ("ERR", errors),
        ("TOKENS", |line| count(line, "tokens")),
    ];
    if wide {
        all.extend([
            ("IN", (|line| count(line, "input")) as fn(&Value) -> String),
            ("CACHED", |line| count(line, "usage.cache_read")),
            ("OUT", |line| count(line, "output")),
        ]);
    }
    all.push(("SPEND", spend));
    if wide {
        all.push(("UNPRICED", |line| count(line, "unpriced")));
        all.push(("ESTIMATED", |line| count(line, "estimated")));
        all.push(("MEAN", |line| took(line, "latency_ms.mean")));
    }
    if wide || roomy {
        all.push(("P50", |line| took(line, "latency_ms.p50")));
    }
    all.push(("P95", |line| took(line, "latency_ms.p95")));
    if wide || roomy {
        all.push(("TTFT", |line| took(line, "ttft_ms.p50")));
    }
    if wide {
        all.push(("TTFT-P95", |line| took(line, "ttft_ms.p95")));
    }
    all
}

fn number(line: &Value, path: &str) -> Option<u64> {
    lookup(line, path)?.as_u64()
}

fn count(line: &Value, path: &str) -> String {
    short(number(line, path).unwrap_or(0))
}

fn took(line: &Value, path: &str) -> String {
    number(line, path).map_or_else(|| "-".into(), crate::cli::logs::span)
}

fn errors(line: &Value) -> String {
    let errors = number(line, "errors").unwrap_or(0);
    let requests = number(line, "requests").unwrap_or(0);
    match (errors, errors as f64 / requests.max(1) as f64 * 100.0) {
        (0, _) => "0".into(),
        (_, share) if share < 0.1 => "<0.1%".into(),
        (_, share) if share < 10.0 => format!("{share:.1}%"),
        (_, share) => format!("{share:.0}%"),
    }
}

/// What is known of it; a mark where that is not all.
fn spend(line: &Value) -> String {
    let known = line.get("spend").and_then(Value::as_str);
    let Some(known) = known else {
        return "-".into();
    };
    match number(line, "unpriced") {
        Some(0) | None => amount(known),
        Some(_) => format!("{}+?", amount(known)),
    }
}

/// What bars are of.
fn weight(line: &Value, sort: &str) -> f64 {
    let value = match sort {
        "spend" => lookup(line, "spend"),
        "latency" => lookup(line, "latency_ms.p95"),
        other => lookup(line, other),
    };
    of(value)
}

fn of(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::String(text)) => text.parse().unwrap_or(0.0),
        Some(value) => value.as_f64().unwrap_or(0.0),
        None => 0.0,
    }
}

/// A course as a line of blocks, the most of it as high as a line is.
fn spark(points: &[Value]) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<f64> = points.iter().map(|point| of(Some(point))).collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    let shown = values.iter().map(|value| {
        let height = (value / most * HEIGHTS.len() as f64).ceil() as usize;
        let height = HEIGHTS.get(height.clamp(1, HEIGHTS.len()) - 1);
        match *value > 0.0 {
            true => height.copied().unwrap_or(' '),
            false => ' ',
        }
    });
    shown.collect::<String>().trim_end().to_owned()
}

fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if kept.width() >= most {
            kept.pop();
            break;
        }
    }
    kept + "…"
}

/// What a column of names is called.
fn head(by: &str) -> String {
    by.strip_prefix("label:").unwrap_or(by).to_uppercase()
}

/// The whole table, no wider than the terminal where that is possible.
pub(super) fn render(told: &Value, width: usize, wide: bool, headers: bool) -> String {
    let by = by(told);
    let sort = told.get("sort").and_then(Value::as_str).unwrap_or("spend");
    let items = told.get("items").and_then(Value::as_array);
    let items = items.map_or(&[][..], Vec::as_slice);
    let figures = figures(wide, width >= ROOMY);
    let timely = by
        .first()
        .is_some_and(|by| ["hour", "day", "month"].contains(by));
    let total = told.get("total").filter(|_| items.len() > 1);
    let others = told.get("others");
    let lines: Vec<&Value> = items.iter().chain(others).chain(total).collect();
    let mut names: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            by.iter().map(|by| {
                let name = item.get(*by).map(text).unwrap_or_default();
                match clean(&name) {
                    name if name.is_empty() => "-".into(),
                    name => name,
                }
            })
        })
        .map(Iterator::collect)
        .collect();
    let under = |word: String| -> Vec<String> {
        let rest = by.iter().skip(1).map(|_| String::new());
        std::iter::once(word).chain(rest).collect()
    };
    if let Some(others) = others {
        let count = number(others, "lines").unwrap_or(0);
        names.push(under(format!("({count} more)")));
    }
    if total.is_some() {
        names.push(under("total".into()));
    }
    let cells: Vec<Vec<String>> = lines
        .iter()
        .map(|line| figures.iter().map(|(_, show)| show(line)).collect())
        .collect();
    // What is left when the figures are there goes to the names, the bars and the courses.
    let taken: usize = figures
        .iter()
        .enumerate()
        .map(|(at, (head, _))| {
            let cells = cells.iter().filter_map(|row| row.get(at));
            cells
                .map(|cell| cell.width())
                .max()
                .unwrap_or(0)
                .max(head.len())
                + GAP
        })
        .sum();
    let courses = !timely && items.iter().any(|item| item.get("trend").is_some());
    let course = match courses {
        true => points(width) + GAP,
        false => 0,
    };
    let mut left = width.saturating_sub(taken);
    for (at, by) in by.iter().enumerate() {
        let need = names.iter().filter_map(|row| row.get(at));
        let need = need
            .map(|name| name.width())
            .max()
            .unwrap_or(0)
            .max(by.len());
        // Bars and courses have to have some room, and so do the names that follow.
        let after = (by_after(by, told) + 1) * (NAME + GAP);
        let most = left.saturating_sub(course + after).max(NAME);
        let most = if wide { usize::MAX } else { most };
        names
            .iter_mut()
            .filter_map(|row| row.get_mut(at))
            .for_each(|name| *name = cut(name, most));
        left = left.saturating_sub(need.min(most) + GAP);
    }
    let room = left.saturating_sub(course).min(BAR);
    let most = items.iter().map(|item| weight(item, sort));
    let most = most.fold(0.0, f64::max);
    let mut heads: Vec<String> = by.iter().map(|by| head(by)).collect();
    heads.extend(figures.iter().map(|(head, _)| (*head).to_owned()));
    if room > 3 {
        heads.push(String::new());
    }
    if courses {
        heads.push("TREND".into());
    }
    let rows =
        lines
            .iter()
            .enumerate()
            .zip(names)
            .zip(cells)
            .map(|(((at, line), names), cells)| {
                let mut row = names;
                row.extend(cells);
                if room > 3 {
                    let own = at < items.len() && most > 0.0;
                    row.push(match own {
                        true => drawn(weight(line, sort) / most, room),
                        false => String::new(),
                    });
                }
                if courses {
                    let trend = line.get("trend").and_then(Value::as_array);
                    row.push(trend.map_or_else(String::new, |points| spark(points)));
                }
                row
            });
    let rows = rows.collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    table(&heads, rows, headers)
}

/// A bar without its empty rest: it stands in a column of its own.
fn drawn(share: f64, width: usize) -> String {
    bar(share, width).trim_end_matches('░').to_owned()
}

/// How many columns of names come after one.
fn by_after(name: &str, told: &Value) -> usize {
    let all = by(told);
    let at = all.iter().position(|by| *by == name).unwrap_or(0);
    all.len() - at - 1
}

#[cfg(test)]
mod tests;
