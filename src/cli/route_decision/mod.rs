//! How `gw route explain` shows its answer: who asks for what, the routes and why one decides, the targets in order, what
//! is left out and why, what makes it move on, and how it went before.

mod fields;
mod past;
mod targets;

use super::print::{clean, table, text};
use fields::{duration, field, given, joined, list, target};
use serde_json::Value;

/// The answer as lines.
pub(crate) fn render(answer: &Value) -> String {
    let mut out = asked(answer);
    routes(&mut out, answer);
    rules(&mut out, answer);
    match answer.get("refused") {
        Some(refused) => {
            left_out(&mut out, answer);
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
    if let Some(format) = answer.get("asked").and_then(|asked| given(asked, "format")) {
        out.push_str(&format!(" ({format})"));
    }
    if answer.get("admitted") == Some(&Value::Bool(false)) {
        out.push_str(" (not let in: disabled, expired or revoked)");
    }
    out.push('\n');
    let asked = needs(answer.get("asked").unwrap_or(&Value::Null));
    if !asked.is_empty() {
        out.push_str(&format!("{asked}\n"));
    }
    out
}

/// What is to be known of a request beside its format.
fn needs(asked: &Value) -> String {
    let mut parts = Vec::new();
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
    parts.join(", ")
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
    // Behind the one that decides none is looked at.
    let candidates = list(answer, "candidates");
    let decides = |one: &Value| one.get("decides") == Some(&Value::Bool(true));
    let last = candidates.iter().position(decides);
    for one in candidates.iter().take(last.map_or(usize::MAX, |at| at + 1)) {
        if let Some(when) = one.get("when") {
            let head = format!("route {}'s condition", field(one, "route"));
            out.push_str(&format!("\n{}", condition(&head, when)));
        }
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

/// The rules that were looked at, in order.
fn rules(out: &mut String, answer: &Value) {
    for (at, rule) in list(answer, "rules").iter().enumerate() {
        let head = format!("rule {}", field(rule, "rule"));
        let space = if at == 0 { "\n" } else { "" };
        out.push_str(&format!("{space}{}", condition(&head, rule)));
    }
}

/// A condition, whether it holds, and what it asked about.
fn condition(head: &str, told: &Value) -> String {
    let holds = match told.get("holds") {
        Some(Value::Bool(true)) => "holds",
        _ => "does not hold",
    };
    let mut out = format!("{head} {holds}: {}\n", field(told, "condition"));
    let why = given(told, "why");
    if let Some(why) = &why {
        out.push_str(&format!("  {why}\n"));
    }
    let values = told.get("values").and_then(Value::as_object);
    for (name, value) in values.into_iter().flatten() {
        // What is not there is said already.
        if why.is_none() || value != "nothing" {
            out.push_str(&format!("  {} is {}\n", clean(name), clean(&text(value))));
        }
    }
    out
}

/// The route, its rule and its strategy, in words.
fn decided(route: &str, answer: &Value) -> String {
    let rule = match given(answer, "rule") {
        Some(rule) => format!(", rule {rule}"),
        None if !list(answer, "rules").is_empty() => ", no rule, its own targets".into(),
        None => String::new(),
    };
    let Some(strategy) = given(answer, "strategy") else {
        return format!("\n{route}: the provider is asked itself\n");
    };
    let sticky = answer.get("sticky");
    let words = |strategy: &str| match sticky.filter(|_| strategy == "sticky") {
        Some(sticky) => format!("sticky: {}", stuck(sticky)),
        None => format!("{strategy}: {}", words(strategy)),
    };
    let tiers = list(answer, "tiers");
    if tiers.is_empty() {
        return format!("\n{route}{rule}, {}\n", words(&strategy));
    }
    let mut out = format!("\n{route}{rule}\n");
    for tier in tiers {
        out.push_str(&format!(
            "tier {}, {}\n",
            field(tier, "tier"),
            words(&field(tier, "strategy"))
        ));
    }
    out
}

fn words(strategy: &str) -> &'static str {
    match strategy {
        "fallback" => "in order",
        "split" => "drawn by weight for every request",
        "round-robin" => "by turns",
        "weighted-round-robin" => "by turns in proportion to the weights",
        "least-latency" => "of two drawn by weight the one whose content came sooner lately",
        "least-busy" => "the fewest requests under way for its weight",
        "least-cost" => "the cheapest by the estimate",
        "sticky" => "one target for what belongs together",
        _ => "as it is said to be",
    }
}

/// What keeps requests together, and what that comes to here.
fn stuck(sticky: &Value) -> String {
    let (asked, by) = (field(sticky, "asked"), field(sticky, "by"));
    let value = match given(sticky, "value") {
        Some(value) => format!("{by} `{value}`"),
        None => "how the conversation begins".into(),
    };
    let named = asked == by || asked == format!("header:{by}");
    match named {
        true => format!("one target for {value}"),
        false => format!(
            "one target for {value}, as the request names no {}",
            asked.trim_start_matches("header:")
        ),
    }
}

/// The targets in order, and what is left out.
fn planned(out: &mut String, answer: &Value) {
    let attempts = list(answer, "attempts");
    out.push_str(&match given(answer, "route") {
        Some(route) => decided(&route, answer),
        None if answer.get("kept").is_some() => {
            "\nno route: it goes where what it asks for is kept\n".into()
        }
        None => "\nno route: the key may call it directly\n".into(),
    });
    if !attempts.is_empty() {
        out.push_str(&targets::table(answer));
    }
    for one in attempts {
        for note in list(one, "notes") {
            out.push_str(&format!("{}: {}\n", target(one), clean(&text(note))));
        }
    }
    left_out(out, answer);
    follows(out, answer);
    out.push_str(
        &match (attempts.first(), duration(answer, "wait_for_capacity_ms")) {
            (Some(first), _) => format!("\nwould use {}\n", target(first)),
            (None, Some(wait)) => {
                format!("\nwould wait for the first that is free, {wait} at most\n")
            }
            (None, None) => "\nwould find no target\n".into(),
        },
    );
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
        let bounds = [
            duration(answer, "retry_if_under_ms")
                .map(|time| format!("after failures within {time} alone")),
            given(answer, "max_attempts").map(|most| format!("{most} attempts at most")),
            duration(answer, "wait_for_capacity_ms")
                .map(|time| format!("waits up to {time} where all rest")),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        if !bounds.is_empty() {
            out.push_str(&format!("  {}\n", bounds.join("; ")));
        }
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

/// The targets that are not tried.
fn left_out(out: &mut String, answer: &Value) {
    let excluded = list(answer, "excluded").iter();
    let excluded: Vec<Vec<String>> = excluded
        .map(|one| vec![target(one), field(one, "why")])
        .collect();
    if !excluded.is_empty() {
        block(out, &table(&["LEFT OUT", "WHY"], excluded, true));
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
        let answer = json!({"key": "k", "user": "u", "environment": "prod", "admitted": true, "requested_model": "x",
            "asked": {"format": "openai-chat", "path": "/t", "stream": true, "tokens": 12, "needs": ["tools", "images"], "media": false},
            "candidates": [
                {"route": "s", "bound_by": "key", "priority": 0, "decides": false, "why": "its condition does not hold",
                    "when": {"condition": "headers[\"x-team\"] == \"search\"", "holds": false, "why": "there is no header `x-team`", "values": {"headers[\"x-team\"]": "nothing"}}},
                {"route": "r", "bound_by": "key", "priority": 1, "decides": true, "why": "decides"}],
            "rules": [
                {"rule": 1, "condition": "model == \"y\"", "holds": false, "values": {"model": "\"x\""}},
                {"rule": 2, "condition": "stream", "holds": true, "values": {"stream": "true"}}],
            "route": "r", "rule": 2, "strategy": "split",
            "named": {"route": "other", "decides": false, "why": "it is for others"},
            "attempts": [
                {"provider": "a", "model": "m", "tier": 0, "weight": 8, "share": 0.8, "load": {"in_flight": 0},
                    "timers": {"connect_ms": 10_000, "first_content_ms": 120_000, "idle_ms": 60_000, "answer_ms": 600_000}},
                {"provider": "b", "model": "", "tier": 0, "weight": 2, "share": 0.2, "load": {"in_flight": 2}}],
            "excluded": [{"provider": "c", "model": null, "why": "disabled"}],
            "retry_on": ["429", "5xx"], "retries": 2, "retry_if_under_ms": 2000, "max_attempts": 3, "wait_for_capacity_ms": 20_000, "draws": {"a/m": 3, "b/": 1}});
        let shown = [
            "as key k of user u in prod, asking for x (openai-chat)",
            "at /t, streamed, about 12 tokens, needs tools, images",
            "",
            "ROUTE   BOUND BY   PRIORITY   WHY",
            "s       key        0          its condition does not hold",
            "r       key        1          decides",
            "",
            "route s's condition does not hold: headers[\"x-team\"] == \"search\"",
            "  there is no header `x-team`",
            "",
            "route other does not decide: it is for others",
            "",
            "rule 1 does not hold: model == \"y\"",
            "  model is \"x\"",
            "rule 2 holds: stream",
            "  stream is true",
            "",
            "r, rule 2, split: drawn by weight for every request",
            "TRY   TARGET   TIER   WEIGHT   FIRST   DRAWN",
            "1     a/m      0      8        80 %    3 (75 %)",
            "2     b        0      2        20 %    1 (25 %)",
            "",
            "LEFT OUT   WHY",
            "c          disabled",
            "",
            "moves on after 429, 5xx; 2 times more when all have failed",
            "  after failures within 2s alone; 3 attempts at most; waits up to 20s where all rest",
            "timers: connect 10s, first content 2m, silence 1m",
            "",
            "would use a/m",
        ];
        assert_eq!(render(&answer).lines().collect::<Vec<_>>(), shown);
    }

    #[test]
    fn strategies_in_words() {
        let told = |answer: Value| decided("r", &answer).trim().to_owned();
        let by = |asked: &str, by: &str, value: &str| {
            told(
                json!({"strategy": "sticky", "sticky": {"asked": asked, "by": by, "value": value}}),
            )
        };
        for (said, words) in [
            (
                told(json!({"strategy": "fallback"})),
                "r, fallback: in order",
            ),
            (
                told(json!({"strategy": "split", "rules": [{}]})),
                "r, no rule, its own targets, split: drawn by weight for every request",
            ),
            (
                by("session", "session", "abc"),
                "r, sticky: one target for session `abc`",
            ),
            (
                by("session", "key", "ci"),
                "r, sticky: one target for key `ci`, as the request names no session",
            ),
            (
                by("header:x-team", "x-team", "search"),
                "r, sticky: one target for x-team `search`",
            ),
            (
                by("header:x-team", "key", "ci"),
                "r, sticky: one target for key `ci`, as the request names no x-team",
            ),
            (
                told(json!({"strategy": "sticky", "sticky": {"asked": "prompt", "by": "prompt"}})),
                "r, sticky: one target for how the conversation begins",
            ),
            (
                told(
                    json!({"strategy": "split", "tiers": [{"tier": 0, "strategy": "split"}, {"tier": 1, "strategy": "round-robin"}]}),
                ),
                "r\ntier 0, split: drawn by weight for every request\ntier 1, round-robin: by turns",
            ),
            (
                told(json!({"strategy": null})),
                "r: the provider is asked itself",
            ),
        ] {
            assert_eq!(said, words);
        }
    }

    #[test]
    fn notes_stand_below_the_attempts() {
        let answer = json!({"key": "k", "user": "u", "candidates": [], "route": "r", "strategy": "fallback", "excluded": [],
            "attempts": [{"provider": "a", "model": "m", "tier": 0, "weight": 1, "share": 1.0, "notes": ["resting"]}]});
        assert_eq!(
            render(&answer),
            "as key k of user u\n\nr, fallback: in order\nTRY   TARGET   TIER   WEIGHT   FIRST\n1     a/m      0      1        100 %\na/m: resting\n\nwould use a/m\n"
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
