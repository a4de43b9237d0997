//! `gw route status`: how each target of a route is doing now, and what it did in the last hour.

use super::{
    context::{Context, name_of},
    print::{Format, clean, table, text},
    verbs,
};
use crate::error::Result;
use crate::resources::route;
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw route status`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let remote = context.remote()?;
    let mut names = verbs::names(&route::KIND, matches)?;
    let named = !names.is_empty();
    if !named {
        let all = verbs::pages::pages(&remote, &route::KIND, None, None).await?;
        names = all.iter().map(|item| name_of(item).to_owned()).collect();
        if names.is_empty() {
            context.talk(&verbs::chosen::nothing(&route::KIND, matches));
        }
    }
    let (mut found, mut problems) = (Vec::new(), verbs::Several::new(names.len()));
    for name in &names {
        match remote.route_status(name).await {
            Ok(status) => found.push(status),
            Err(error) => problems.note(error)?,
        }
    }
    match &context.look.format {
        format @ (Format::Table | Format::Wide) => {
            let shown = found
                .iter()
                .map(|status| render(status, *format == Format::Wide));
            context.data(&shown.collect::<Vec<_>>().join("\n"));
        }
        // Of none that is there, nothing is said.
        _ if found.is_empty() && named => {}
        _ => match (named, found.as_slice()) {
            (true, [one]) if names.len() == 1 => context.data(&context.look.found(one)?),
            _ => context.data(&context.look.value(&json!({ "items": found }))?),
        },
    }
    problems.end()
}

/// A line about the route, and a table of its targets.
fn render(status: &Value, wide: bool) -> String {
    let field = |path: &str| super::path::lookup(status, path).map(|value| clean(&text(value)));
    let or = |path: &str, other: &str| {
        field(path)
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| other.into())
    };
    let count = or("hour.requests", "0");
    let off = status.get("enabled") == Some(&Value::Bool(false));
    let mut out = format!(
        "{} ({}{}): {count} request{} {}\n",
        or("route", "-"),
        or("strategy", "fallback"),
        if off { ", disabled" } else { "" },
        if count == "1" { "" } else { "s" },
        match status["hour"].get("complete") {
            Some(Value::Bool(false)) => format!("read back to {}", or("hour.since", "-")),
            _ => "in the last hour".into(),
        }
    );
    let targets = status.get("targets").and_then(Value::as_array);
    let targets = targets.map_or(&[][..], Vec::as_slice);
    let mut heads = vec!["TARGET", "STATE", "TTFT", "BUSY", "SHARE", "FAILED"];
    if wide {
        heads.extend(["RULE", "TIER", "WEIGHT"]);
    }
    out.push_str(&table(
        &heads,
        targets.iter().map(|target| row(target, wide)).collect(),
        true,
    ));
    out
}

fn row(target: &Value, wide: bool) -> Vec<String> {
    let of = |path: &str| super::path::lookup(target, path).filter(|value| !value.is_null());
    let or_dash = |shown: Option<String>| shown.unwrap_or_else(|| "-".into());
    let shown = |path: &str| or_dash(of(path).map(|value| clean(&text(value))));
    let percent = |path: &str| {
        let share = of(path)?.as_f64()?;
        Some(format!("{}%", (share * 100.0).round()))
    };
    let count = |path: &str| of(path).and_then(Value::as_u64).unwrap_or(0);
    let share = match (percent("hour.share"), percent("due")) {
        (Some(share), Some(due)) => format!("{share} of {due}"),
        (Some(share), None) => share,
        (None, Some(due)) => format!("- of {due}"),
        (None, None) => "-".into(),
    };
    let mut cells = vec![
        name(target),
        shown("detail"),
        or_dash(of("load.first_content_ms").map(|ms| format!("{} ms", text(ms)))),
        shown("load.in_flight"),
        share,
        match count("hour.attempts") {
            0 => "-".into(),
            attempts => format!("{} of {attempts}", count("hour.failures")),
        },
    ];
    if wide {
        let rule = of("rule")
            .and_then(Value::as_u64)
            .map(|rule| (rule + 1).to_string());
        cells.extend([or_dash(rule), shown("tier"), shown("weight")]);
    }
    cells
}

/// `PROVIDER/MODEL`, or the provider alone where the model is as asked.
fn name(target: &Value) -> String {
    let text = |field: &str| target.get(field).and_then(Value::as_str).map(clean);
    let provider = text("provider").unwrap_or_default();
    match text("model") {
        Some(model) => format!("{provider}/{model}"),
        None => provider,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_target_in_eighty_columns() {
        let hour = |first: u64, share: f64, attempts: u64, failures: u64| json!({"first": first, "share": share, "attempts": attempts, "failures": failures});
        let status = json!({"route": "default", "enabled": true, "strategy": "split", "hour": {"since": "x", "requests": 530, "complete": true}, "targets": [
            {"provider": "openai", "model": "gpt-4o", "weight": 8, "tier": 0, "state": "healthy", "detail": "healthy", "due": 0.8,
                "load": {"in_flight": 2, "first_content_ms": 305}, "hour": hour(412, 0.777, 412, 3)},
            {"provider": "claude", "model": "sonnet", "weight": 2, "tier": 0, "rule": 0, "state": "suspended", "detail": "suspended for 29s", "due": null,
                "load": {"in_flight": 0}, "hour": hour(118, 0.223, 118, 17)},
            {"provider": "mistral", "model": null, "weight": 0, "tier": 1, "state": "out", "detail": "weight is 0", "due": 0.0, "hour": hour(0, 0.0, 0, 0)}]});
        assert_eq!(
            render(&status, false),
            "default (split): 530 requests in the last hour\n\
             TARGET          STATE               TTFT     BUSY   SHARE        FAILED\n\
             openai/gpt-4o   healthy             305 ms   2      78% of 80%   3 of 412\n\
             claude/sonnet   suspended for 29s   -        0      22%          17 of 118\n\
             mistral         weight is 0         -        -      0% of 0%     -\n"
        );
        let wide = render(&status, true);
        assert!(
            wide.lines()
                .nth(3)
                .is_some_and(|line| line.ends_with("17 of 118   1      0      2")),
            "{wide}"
        );
    }
}
