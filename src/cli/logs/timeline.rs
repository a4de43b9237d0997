//! The attempts of one request: as columns for programs, and to people as bars over the time they took.

use super::super::print::{clean, table, text};
use super::row::{cut, span};
use serde_json::Value;

/// Columns of a terminal that are counted on.
const WIDTH: usize = 80;
/// In front of everything that belongs to an attempt.
const INDENT: usize = 4;
/// Columns of a bar.
const BAR: usize = 52;
/// Where the status begins.
const STATUS: usize = 64;
/// A gap (ms) that is a wait, and not what gw itself took.
const WAIT: u64 = 50;

/// The targets tried, as a table.
pub(crate) fn tries(attempts: &[Value]) -> String {
    let after = attempts.iter().any(|it| number(it, "retry_after") > 0);
    let row = |(at, attempt): (usize, &Value)| {
        let millis = |name: &str| {
            let millis = attempt.get(name).and_then(Value::as_u64);
            millis.map_or_else(|| "-".into(), span)
        };
        let mut cells = vec![
            (at + 1).to_string(),
            target(attempt),
            millis("start_ms"),
            millis("duration_ms"),
            show(attempt, "status"),
            show(attempt, "class"),
        ];
        if after {
            cells.push(asked_for(attempt).unwrap_or_else(|| "-".into()));
        }
        let reason = attempt.get("reason").and_then(Value::as_str).map(clean);
        let why: Vec<String> = reason.into_iter().chain(injected(attempt)).collect();
        cells.push(match why.is_empty() {
            true => "-".into(),
            false => why.join("; "),
        });
        cells
    };
    let mut heads = vec!["TRY", "TARGET", "START", "TOOK", "STATUS", "CLASS"];
    if after {
        heads.push("RETRY-AFTER");
    }
    heads.push("REASON");
    table(&heads, attempts.iter().enumerate().map(row).collect(), true)
}

/// The attempts of a row over its time: below each its bar, why gw moved on and how long it waited then.
pub(super) fn chart(row: &Value) -> String {
    let none = Vec::new();
    let attempts = row.get("attempts").and_then(Value::as_array);
    let attempts = attempts.unwrap_or(&none);
    let ends = attempts.iter().map(end);
    let whole = ends.chain([number(row, "latency_ms"), 1]).max();
    let scale = Scale(whole.unwrap_or(1));
    let (mut out, mut free) = (String::new(), 0);
    for (at, attempt) in attempts.iter().enumerate() {
        let start = number(attempt, "start_ms");
        let gap = start.saturating_sub(free);
        if gap >= WAIT {
            // A body may have been long in coming.
            let came = at == 0 && number(row, "waited_ms") == 0;
            let what = if came { "went before" } else { "waited" };
            let bar = scale.bar(&[(free, start, '·')]);
            out.push_str(&line(&bar, &format!("{what} {}", span(gap))));
        }
        free = end(attempt);
        let number = format!("{:>2}", at + 1);
        let came_to = came_to(attempt);
        let room = WIDTH.saturating_sub(INDENT + 2 + width(&came_to));
        let name = cut(&target(attempt), room);
        let gap = (STATUS - INDENT).saturating_sub(width(&name)).max(2);
        out.push_str(&format!("{number}  {name}{:gap$}{came_to}\n", ""));
        let mut spans = vec![(start, free, '█')];
        let last = at + 1 == attempts.len();
        if last && attempt.get("class").and_then(Value::as_str) == Some("ok") {
            spans.push((free, scale.0, '▒'));
        }
        let times = format!("{} +{}", span(start), span(free.saturating_sub(start)));
        out.push_str(&line(&scale.bar(&spans), &times));
        let why = attempt.get("reason").and_then(Value::as_str).map(clean);
        let asked = asked_for(attempt).map(|time| format!("asked to wait {time}"));
        let why: Vec<String> = why
            .into_iter()
            .chain(injected(attempt))
            .chain(asked)
            .collect();
        out.push_str(&wrapped(&why.join("; ")));
    }
    out + &wrapped(&over(row))
}

/// When content began to come, and when all was over.
fn over(row: &Value) -> String {
    let end = span(number(row, "latency_ms"));
    match row.get("ttft_ms").and_then(Value::as_u64) {
        Some(content) => format!("content from {}, over after {end}", span(content)),
        None => format!("no content, over after {end}"),
    }
}

/// Milliseconds over the columns of a bar.
struct Scale(u64);

impl Scale {
    /// Spans from and to a time, each in its character; what there is at all is seen.
    fn bar(&self, spans: &[(u64, u64, char)]) -> String {
        let mut cells = [' '; BAR];
        for (from, to, mark) in spans {
            let place = |at: u64| u128::from(at) * BAR as u128;
            let from = (place(*from) / u128::from(self.0)) as usize;
            let to = place(*to).div_ceil(u128::from(self.0)) as usize;
            let from = from.min(BAR - 1);
            let cells = cells.get_mut(from..to.clamp(from + 1, BAR));
            let free = |cell: &&mut char| **cell == ' ';
            let cells = cells.into_iter().flatten();
            cells.filter(free).for_each(|cell| *cell = *mark);
        }
        cells.iter().collect()
    }
}

fn line(bar: &str, beside: &str) -> String {
    format!("{:INDENT$}{bar}  {beside}\n", "")
}

/// Text in lines that fit, below an attempt.
fn wrapped(text: &str) -> String {
    let (mut out, mut at) = (String::new(), 0);
    for word in text.split_whitespace() {
        if at > 0 && at + 1 + width(word) > WIDTH {
            out.push('\n');
            at = 0;
        }
        let space = if at == 0 { INDENT } else { 1 };
        out.extend(std::iter::repeat_n(' ', space));
        out.push_str(word);
        at += space + width(word);
    }
    if at > 0 {
        out.push('\n');
    }
    out
}

fn width(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

fn end(attempt: &Value) -> u64 {
    number(attempt, "start_ms").saturating_add(number(attempt, "duration_ms"))
}

fn show(attempt: &Value, name: &str) -> String {
    match attempt.get(name).map(text).map(|text| clean(&text)) {
        Some(text) if !text.is_empty() => text,
        _ => "-".into(),
    }
}

fn target(attempt: &Value) -> String {
    match show(attempt, "model").as_str() {
        "-" => show(attempt, "provider"),
        model => format!("{}/{model}", show(attempt, "provider")),
    }
}

/// Status, where there was an answer, and class.
fn came_to(attempt: &Value) -> String {
    match show(attempt, "status").as_str() {
        "-" => show(attempt, "class"),
        status => format!("{status} {}", show(attempt, "class")),
    }
}

/// What was put in front of the provider, where the reason does not say so.
fn injected(attempt: &Value) -> Option<String> {
    let what = attempt.get("injected").and_then(Value::as_str)?;
    let said = show(attempt, "reason").contains("(injected)");
    (!said).then(|| format!("injected: {}", clean(what)))
}

/// How long the provider asked to be left alone.
fn asked_for(attempt: &Value) -> Option<String> {
    let seconds = attempt.get("retry_after").and_then(Value::as_u64)?;
    Some(format!("{seconds}s"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row() -> Value {
        json!({"latency_ms": 2600, "ttft_ms": 1800, "attempts": [
            {"provider": "a", "model": "m", "start_ms": 0, "duration_ms": 520, "status": 429, "class": "capacity", "retry_after": 1,
                "reason": "rate limited for this organisation and this model; moved on to the next target"},
            {"provider": "b", "model": "n", "start_ms": 521, "duration_ms": 4, "class": "connect", "reason": "refused; no target left, waiting to try again"},
            {"provider": "a", "model": "m", "start_ms": 1300, "duration_ms": 500, "status": 200, "class": "ok"}]})
    }

    #[test]
    fn attempts_are_bars_over_the_time_they_took() {
        let shown = [
            " 1  a/m                                                         429 capacity",
            "    ███████████                                           0ms +520ms",
            "    rate limited for this organisation and this model; moved on to the next",
            "    target; asked to wait 1s",
            " 2  b/n                                                         connect",
            "              █                                           521ms +4ms",
            "    refused; no target left, waiting to try again",
            "              ················                            waited 775ms",
            " 3  a/m                                                         200 ok",
            "                              ██████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒  1.3s +500ms",
            "    content from 1.8s, over after 2.6s",
        ];
        assert_eq!(chart(&row()).lines().collect::<Vec<_>>(), shown);
    }

    #[test]
    fn what_was_injected_is_said_once() {
        let attempts = [
            json!({"provider": "a", "model": "m", "start_ms": 0, "duration_ms": 1, "status": 429, "class": "capacity",
                "reason": "an error (injected); moved on to the next target", "injected": "429"}),
            json!({"provider": "b", "model": "m", "start_ms": 1, "duration_ms": 900, "status": 200, "class": "ok", "injected": "ttft=900ms"}),
        ];
        let shown = tries(&attempts);
        assert!(
            shown.contains("   an error (injected); moved on to the next target\n"),
            "{shown}"
        );
        assert!(shown.ends_with("   injected: ttft=900ms\n"), "{shown}");
        let shown = chart(&json!({"latency_ms": 901, "attempts": attempts}));
        assert_eq!(shown.matches("injected").count(), 2, "{shown}");
    }

    #[test]
    fn any_times_make_bars_within_80_columns() {
        let name = "provider-of-a-long-name";
        let model = "anthropic.claude-sonnet-4-5-20250929-v1:0-and-more-of-it";
        for times in [
            [0, 0, 0],
            [0, 1, u64::MAX],
            [u64::MAX, u64::MAX, 5],
            [7, 0, 0],
        ] {
            let row = json!({"latency_ms": times[2], "attempts": [
                {"provider": name, "model": "m", "start_ms": times[0], "duration_ms": times[1], "class": "ok"}]});
            let shown = chart(&row);
            assert!(shown.contains('█'), "{shown}");
        }
        let mut row = row();
        row["attempts"][0]["model"] = model.into();
        row["attempts"][0]["provider"] = "bedrock".into();
        let lines = chart(&row);
        let wide: Vec<&str> = lines.lines().filter(|line| width(line) > WIDTH).collect();
        assert_eq!(wide, Vec::<&str>::new());
        assert_eq!(chart(&json!({})), "    no content, over after 0ms\n");
    }

    #[test]
    fn as_columns_the_wait_asked_for_is_one_where_there_is_any() {
        let row = row();
        let attempts = row["attempts"].as_array().map_or(&[][..], |all| all);
        assert_eq!(
            tries(attempts),
            "TRY   TARGET   START   TOOK    STATUS   CLASS      RETRY-AFTER   REASON\n\
             1     a/m      0ms     520ms   429      capacity   1s            rate limited for this organisation and this model; moved on to the next target\n\
             2     b/n      521ms   4ms     -        connect    -             refused; no target left, waiting to try again\n\
             3     a/m      1.3s    500ms   200      ok         -             -\n"
        );
        assert_eq!(
            tries(&attempts[1..2]),
            "TRY   TARGET   START   TOOK   STATUS   CLASS     REASON\n1     b/n      521ms   4ms    -        connect   refused; no target left, waiting to try again\n"
        );
    }
}
