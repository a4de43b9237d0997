//! How `gw route explain` shows its answer: who asks for what, the routes and why one decides, the targets in order, what
//! is left out and why, what makes it move on, and how it went before.

mod fields;
mod past;

use super::print::{clean, table, text};
use fields::{duration, field, given, joined, list, target};
use serde_json::Value;

/// The answer as lines.
pub(crate) fn render(answer: &Value) -> String {
    let mut out = asked(answer);
    routes(&mut out, answer);
    match answer.get("refused") {
        Some(refused) => {
            out.push_str(&format!(
                "\nwould be refused with status {}: {}\n",
                field(refused, "status"),
                field(refused, "message")
            ));
            if let Some(fix) = given(refused, "fix") {
                out.push_str(&format!("  fix: {fix}\n"));
            }
        }
        None => planned(&mut out, answer),
    }
    if let Some(then) = answer.get("as_of") {
        out.push_str(&past::render(then));
    }
    out
}

/// Who asks, and for what.
fn asked(answer: &Value) -> String {
    let mut out = format!(
        "as key {} of user {}",
        field(answer, "key"),
        field(answer, "user")
    );
    if let Some(environment) = given(answer, "environment") {
        out.push_str(&format!(" in {environment}"));
    }
    if let Some(model) = given(answer, "requested_model") {
        out.push_str(&format!(", asking for {model}"));
    }
    if answer.get("admitted") == Some(&Value::Bool(false)) {
        out.push_str(" (not let in: disabled, expired or revoked)");
    }
    out.push('\n');
    let Some(asked) = answer.get("asked") else {
        return out;
    };
    let mut parts = vec![field(asked, "format")];
    if let Some(path) = given(asked, "path") {
        parts.push(format!("at {path}"));
    }
    if asked.get("stream") == Some(&Value::Bool(true)) {
        parts.push("streamed".into());
    }
    match asked.get("tokens").and_then(Value::as_u64) {
        None | Some(0) => {}
        Some(tokens) => parts.push(format!("about {tokens} tokens")),
    }
    if !list(asked, "needs").is_empty() {
        parts.push(format!("needs {}", joined(asked, "needs")));
    }
    out.push_str(&parts.join(", "));
    out.push('\n');
    out
}

/// The routes that could decide, and what they let through.
fn routes(out: &mut String, answer: &Value) {
    let candidates = list(answer, "candidates").iter().map(|one| {
        ["route", "bound_by", "priority", "why"]
            .map(|name| field(one, name))
            .to_vec()
    });
    let candidates: Vec<Vec<String>> = candidates.collect();
    if !candidates.is_empty() {
        block(
            out,
            &table(&["ROUTE", "BOUND BY", "PRIORITY", "WHY"], candidates, true),
        );
    }
    for through in list(answer, "passthrough") {
        out.push_str(&format!(
            "\nroute {} lets through to {}: {} below {}\n",
            field(through, "route"),
            joined(through, "providers"),
            joined(through, "methods"),
            joined(through, "paths")
        ));
    }
    if let Some(named) = answer
        .get("named")
        .filter(|named| named.get("decides") == Some(&Value::Bool(false)))
    {
        out.push_str(&format!(
            "\nroute {} does not decide: {}\n",
            field(named, "route"),
            field(named, "why")
        ));
    }
}

/// The targets in order, and what is left out.
fn planned(out: &mut String, answer: &Value) {
    let attempts = list(answer, "attempts");
    out.push_str(&match given(answer, "route") {
        Some(route) => format!("\n{route}, {}\n", field(answer, "strategy")),
        None if answer.get("kept").is_some() => {
            "\nno route: it goes where what it asks for is kept\n".into()
        }
        None => "\nno route: the key may call it directly\n".into(),
    });
    if !attempts.is_empty() {
        let row = |(at, one): (usize, &Value)| {
            vec![
                (at + 1).to_string(),
                target(one),
                field(one, "tier"),
                field(one, "weight"),
            ]
        };
        let rows = attempts.iter().enumerate().map(row).collect();
        out.push_str(&table(&["TRY", "TARGET", "TIER", "WEIGHT"], rows, true));
    }
    for one in attempts {
        for note in list(one, "notes") {
            out.push_str(&format!("{}: {}\n", target(one), clean(&text(note))));
        }
    }
    let excluded = list(answer, "excluded").iter();
    let excluded: Vec<Vec<String>> = excluded
        .map(|one| vec![target(one), field(one, "why")])
        .collect();
    if !excluded.is_empty() {
        block(out, &table(&["LEFT OUT", "WHY"], excluded, true));
    }
    follows(out, answer);
    draws(out, answer);
    out.push_str(&match attempts.first() {
        Some(first) => format!("\nwould use {}\n", target(first)),
        None => "\nwould find no target\n".into(),
    });
}

/// What makes it move on, and how long each target gets.
fn follows(out: &mut String, answer: &Value) {
    if answer.get("retry_on").is_some() {
        let rounds = match answer.get("retries").and_then(Value::as_u64) {
            None | Some(0) => String::new(),
            Some(1) => "; once more when all have failed".into(),
            Some(times) => format!("; {times} times more when all have failed"),
        };
        let triggers = match joined(answer, "retry_on") {
            none if none.is_empty() => "nothing".into(),
            triggers => triggers,
        };
        out.push_str(&format!("\nmoves on after {triggers}{rounds}\n"));
    }
    let stream = answer.pointer("/asked/stream") == Some(&Value::Bool(true));
    let mut timers: Vec<(String, String)> = Vec::new();
    for one in list(answer, "attempts") {
        let shown = one
            .get("timers")
            .map(|timers| timers_of(timers, stream))
            .unwrap_or_default();
        let known = timers.iter().any(|(_, other)| *other == shown);
        if !shown.is_empty() && !known {
            timers.push((target(one), shown));
        }
    }
    let several = timers.len() > 1;
    for (target, timers) in timers {
        let of = if several {
            format!(" of {target}")
        } else {
            String::new()
        };
        out.push_str(&format!("timers{of}: {timers}\n"));
    }
}

fn timers_of(timers: &Value, stream: bool) -> String {
    let names: &[(&str, &str)] = match stream {
        true => &[
            ("connect", "connect_ms"),
            ("first content", "first_content_ms"),
            ("silence", "idle_ms"),
        ],
        false => &[("connect", "connect_ms"), ("whole answer", "answer_ms")],
    };
    let shown = names
        .iter()
        .chain(&[("in total", "total_ms")])
        .filter_map(|(name, field)| Some(format!("{name} {}", duration(timers, field)?)));
    shown.collect::<Vec<_>>().join(", ")
}

fn draws(out: &mut String, answer: &Value) {
    let draws = answer.get("draws").and_then(Value::as_object);
    let draws: Vec<Vec<String>> = draws
        .into_iter()
        .flatten()
        .map(|(target, count)| vec![clean(target), text(count)])
        .collect();
    if !draws.is_empty() {
        block(out, &table(&["FIRST CHOICE", "DRAWN"], draws, true));
    }
}

fn block(out: &mut String, table: &str) {
    out.push('\n');
    out.push_str(table);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn explanations_in_lines() {
        let answer = json!({"key": "k", "user": "u", "admitted": true, "requested_model": "x",
            "candidates": [{"route": "r", "bound_by": "key", "priority": 0, "decides": true, "why": "decides"}], "route": "r", "strategy": "fallback",
            "named": {"route": "other", "decides": false, "why": "it is for others"},
            "attempts": [{"provider": "a", "model": "m", "tier": 0, "weight": 1}], "excluded": [{"provider": "c", "model": null, "why": "disabled"}],
            "draws": {"a/m": 3}});
        let shown = "as key k of user u, asking for x\n\nROUTE   BOUND BY   PRIORITY   WHY\nr       key        0          decides\n\n\
            route other does not decide: it is for others\n\nr, fallback\nTRY   TARGET   TIER   WEIGHT\n1     a/m      0      1\n\n\
            LEFT OUT   WHY\nc          disabled\n\nFIRST CHOICE   DRAWN\na/m            3\n\nwould use a/m\n";
        assert_eq!(render(&answer), shown);
    }

    #[test]
    fn notes_stand_below_the_attempts() {
        let answer = json!({"key": "k", "user": "u", "candidates": [], "route": "r", "strategy": "fallback", "excluded": [],
            "attempts": [{"provider": "a", "model": "m", "tier": 0, "weight": 1, "notes": ["resting"]}]});
        assert_eq!(
            render(&answer),
            "as key k of user u\n\nr, fallback\nTRY   TARGET   TIER   WEIGHT\n1     a/m      0      1\na/m: resting\n\nwould use a/m\n"
        );
    }

    #[test]
    fn refusals_with_what_to_do() {
        let refused = json!({"key": "k", "user": "u", "candidates": [], "refused": {"status": 403, "message": "no route", "fix": "gw route create"}});
        assert_eq!(
            render(&refused),
            "as key k of user u\n\nwould be refused with status 403: no route\n  fix: gw route create\n"
        );
    }
}
