//! How limits stand, as columns for programs, and for people at a terminal with bars beside them.

use super::super::print::{bar, clean, money, table, text, until};
use crate::resources::Stamp;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

/// A bar is at least and at most so long; where there is less room there is none.
const SHORTEST: usize = 5;
const LONGEST: usize = 40;

/// Whether there is anything to show of an answer.
pub(super) fn any(limits: &Value) -> bool {
    owners(limits).iter().any(|(_, list)| !list.is_empty())
}

/// The answers of some records. `columns`: of the terminal; `None` for programs.
pub(super) fn render(found: &[Value], columns: Option<usize>, now: Stamp) -> String {
    let owners: Vec<(String, Vec<&Value>)> = found.iter().flat_map(owners).collect();
    match columns {
        None => {
            let heads = [
                "OWNER", "LIMIT", "USED", "RESERVED", "LEFT", "RESET", "REFUSED",
            ];
            let rows = owners.iter().flat_map(|(owner, list)| {
                list.iter().map(|standing| {
                    let mut row = vec![owner.clone(), shown(standing, "limit")];
                    row.extend(["used", "reserved", "left"].map(|count| shown(standing, count)));
                    row.extend(["reset", "refused"].map(|field| shown(standing, field)));
                    row
                })
            });
            let rows: Vec<Vec<String>> = rows.collect();
            match rows.is_empty() {
                true => String::new(),
                false => table(&heads, rows, true),
            }
        }
        Some(columns) => charts(&owners, columns, now),
    }
}

/// Whose limits an answer is about, and how they stand: its own, its user's, its sessions'.
fn owners(limits: &Value) -> Vec<(String, Vec<&Value>)> {
    let of = |value: &Value, field: &str| value.get(field).map(text).map(|it| clean(&it));
    let named = |kind: &str, name: Option<String>| format!("{kind}/{}", name.unwrap_or_default());
    let own = named(&of(limits, "kind").unwrap_or_default(), of(limits, "name"));
    let mut owners = vec![(own, standings(limits))];
    if let Some(user) = limits.get("user") {
        owners.push((named("user", of(user, "name")), standings(user)));
    }
    let sessions = limits.get("sessions").and_then(Value::as_array);
    for session in sessions.into_iter().flatten() {
        owners.push((named("session", of(session, "session")), standings(session)));
    }
    owners
}

fn standings(of: &Value) -> Vec<&Value> {
    let list = of.get("limits").and_then(Value::as_array);
    list.into_iter().flatten().collect()
}

fn shown(standing: &Value, field: &str) -> String {
    let value = standing.get(field).filter(|value| !value.is_null());
    let shown = value.map(|value| clean(&text(value)));
    shown
        .filter(|it| !it.is_empty())
        .unwrap_or_else(|| "-".into())
}

/// For each owner its limits with a bar of what is taken of each.
fn charts(owners: &[(String, Vec<&Value>)], columns: usize, now: Stamp) -> String {
    let heads = ["LIMIT", "USED", "RESERVED", "LEFT", "RESET"];
    let rows: Vec<Vec<String>> = owners
        .iter()
        .flat_map(|(_, list)| list.iter().map(|standing| cells(standing, now)))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let laid = table(&heads, rows, true);
    let mut lines = laid.lines();
    let head = lines.next().unwrap_or_default();
    let width = laid.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
    // Behind a gap of three, and in front of one and the share.
    let room = columns.saturating_sub(width + 3 + " 1000%".len());
    let length = room.min(LONGEST);
    let mut out = String::new();
    for (at, (owner, list)) in owners.iter().enumerate() {
        if list.is_empty() {
            continue;
        }
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&format!("{owner}\n{head}\n"));
        for standing in list {
            let line = lines.next().unwrap_or_default();
            out.push_str(line);
            if length >= SHORTEST {
                let missing = width - line.width();
                out.extend(std::iter::repeat_n(' ', missing + 3));
                let share = standing.get("share").and_then(Value::as_f64);
                let share = share.unwrap_or(0.0);
                out.push_str(&format!(
                    "{} {}%",
                    bar(share, length),
                    (share * 100.0).round()
                ));
            }
            out.push('\n');
        }
        list.iter()
            .filter_map(|it| refused(it))
            .for_each(|line| out.push_str(&line));
    }
    out
}

/// How often a limit has refused, where it has.
fn refused(standing: &Value) -> Option<String> {
    let times = standing.get("refused").and_then(Value::as_u64)?;
    let what = match standing.get("shadow") {
        Some(_) => "would have refused",
        None => "has refused",
    };
    let (limit, s) = (shown(standing, "limit"), if times == 1 { "" } else { "s" });
    Some(format!(
        "{limit} {what} {times} request{s} since gw started\n"
    ))
}

fn cells(standing: &Value, now: Stamp) -> Vec<String> {
    let limit = shown(standing, "limit");
    let money = limit.starts_with("spend=");
    let amount = |field| match money {
        true => dollars(&shown(standing, field)),
        false => shown(standing, field),
    };
    let reset = standing.get("reset").and_then(Value::as_str);
    let reset = reset.and_then(|at| Stamp::parse(at).ok());
    vec![
        limit,
        amount("used"),
        amount("reserved"),
        amount("left"),
        reset.map_or_else(|| "-".into(), |at| until(at, now)),
    ]
}

/// Dollars to the precision the amount deserves.
fn dollars(exact: &str) -> String {
    let amount: f64 = exact.parse().unwrap_or(0.0);
    // `as` saturates.
    money((amount * 1e12).round() as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn found() -> Vec<Value> {
        vec![json!({"kind": "key", "name": "ci",
            "limits": [
                {"limit": "tokens=100000/hour", "amount": 100_000, "used": 91_250, "reserved": 4_096, "left": 4_654, "share": 0.9535, "reset": "2026-11-22T07:12:00Z", "refused": 3},
                {"limit": "requests=60/minute", "amount": 60, "used": 7, "reserved": 0, "left": 53, "share": 0.1167, "reset": "2026-11-22T06:30:41Z"},
                {"limit": "parallel=4", "amount": 4, "used": 1, "reserved": 0, "left": 3, "share": 0.25},
                {"limit": "spend=10/month:shadow", "amount": "10", "used": "12.5", "reserved": "0.25", "left": "0", "share": 1.275, "reset": "2026-12-01T00:00:00Z", "shadow": true, "refused": 17},
            ],
            "user": {"name": "ann", "limits": [{"limit": "spend=100/total", "amount": "100", "used": "0.00042", "reserved": "0", "left": "99.99958", "share": 0.0}]},
            "sessions": [{"session": "s-1\u{1b}[2J", "limits": [{"limit": "requests=200/total", "amount": 200, "used": 200, "reserved": 0, "left": 0, "share": 1.0}]}]})]
    }

    fn at(columns: Option<usize>) -> String {
        render(
            &found(),
            columns,
            Stamp::parse("2026-11-22T06:30:00Z").unwrap(),
        )
    }

    #[test]
    fn at_80_columns() {
        assert_eq!(
            at(Some(80)),
            [
                "key/ci\n",
                "LIMIT                   USED       RESERVED   LEFT      RESET\n",
                "tokens=100000/hour      91250      4096       4654      in 42m   ████████▋ 95%\n",
                "requests=60/minute      7          0          53        in 41s   █░░░░░░░░ 12%\n",
                "parallel=4              1          0          3         -        ██▎░░░░░░ 25%\n",
                "spend=10/month:shadow   $12.50     $0.2500    $0        in 8d    █████████ 127%\n",
                "tokens=100000/hour has refused 3 requests since gw started\n",
                "spend=10/month:shadow would have refused 17 requests since gw started\n",
                "\n",
                "user/ann\n",
                "LIMIT                   USED       RESERVED   LEFT      RESET\n",
                "spend=100/total         $0.00042   $0         $100.00   -        ░░░░░░░░░ 0%\n",
                "\n",
                "session/s-1\\u001b[2J\n",
                "LIMIT                   USED       RESERVED   LEFT      RESET\n",
                "requests=200/total      200        0          0         -        █████████ 100%\n",
            ]
            .concat()
        );
    }

    #[test]
    fn at_200_columns() {
        assert_eq!(
            at(Some(200)),
            [
            "key/ci\n",
            "LIMIT                   USED       RESERVED   LEFT      RESET\n",
            "tokens=100000/hour      91250      4096       4654      in 42m   ██████████████████████████████████████▏░ 95%\n",
            "requests=60/minute      7          0          53        in 41s   ████▋░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 12%\n",
            "parallel=4              1          0          3         -        ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 25%\n",
            "spend=10/month:shadow   $12.50     $0.2500    $0        in 8d    ████████████████████████████████████████ 127%\n",
            "tokens=100000/hour has refused 3 requests since gw started\n",
            "spend=10/month:shadow would have refused 17 requests since gw started\n",
            "\n",
            "user/ann\n",
            "LIMIT                   USED       RESERVED   LEFT      RESET\n",
            "spend=100/total         $0.00042   $0         $100.00   -        ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0%\n",
            "\n",
            "session/s-1\\u001b[2J\n",
            "LIMIT                   USED       RESERVED   LEFT      RESET\n",
            "requests=200/total      200        0          0         -        ████████████████████████████████████████ 100%\n",
            ]
            .concat()
        );
    }

    #[test]
    fn programs_get_columns_alone() {
        assert_eq!(
            at(None),
            [
            "OWNER                  LIMIT                   USED      RESERVED   LEFT       RESET                  REFUSED\n",
            "key/ci                 tokens=100000/hour      91250     4096       4654       2026-11-22T07:12:00Z   3\n",
            "key/ci                 requests=60/minute      7         0          53         2026-11-22T06:30:41Z   -\n",
            "key/ci                 parallel=4              1         0          3          -                      -\n",
            "key/ci                 spend=10/month:shadow   12.5      0.25       0          2026-12-01T00:00:00Z   17\n",
            "user/ann               spend=100/total         0.00042   0          99.99958   -                      -\n",
            "session/s-1\\u001b[2J   requests=200/total      200       0          0          -                      -\n",
            ]
            .concat()
        );
        assert_eq!(render(&[], None, Stamp(0)), "");
        assert!(!any(&json!({"kind": "key", "name": "k", "limits": []})));
    }
}
