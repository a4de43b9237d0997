//! `gw logs get ID`: one request in full, its content, or a curl line to send it again.

use super::super::{
    context::Context,
    print::{Format, text, visible},
    verbs::describe,
};
use super::{
    content::{self, why_none},
    curl::curl,
    printer, row as log_row, timeline,
};
use crate::error::{Error, Result};
use clap::ArgMatches;
use serde_json::Value;
use std::io::IsTerminal;

/// Runs `gw logs get`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let id = matches.get_one::<String>("id").cloned().unwrap_or_default();
    if id.trim().is_empty() {
        return Err(Error::invalid("the id of a request is empty")
            .param("id")
            .hint("list requests with their ids: gw logs"));
    }
    let remote = context.remote()?;
    let mut row = remote.log(&id).await?;
    if matches.get_flag("curl") {
        let url = remote
            .status()
            .await?
            .get("url")
            .and_then(Value::as_str)
            .unwrap_or("http://127.0.0.1:4000")
            .to_owned();
        context.data(&curl(&row, &url)?);
        return Ok(());
    }
    let bodies = matches.get_flag("bodies");
    if !bodies && let Value::Object(map) = &mut row {
        map.shift_remove("content");
    }
    match context.look.format {
        Format::Table | Format::Wide => {
            let people = context.look.format == Format::Table && std::io::stdout().is_terminal();
            context.data(&render(&row, bodies, people));
        }
        Format::Name | Format::Csv => {
            context.data(&printer::lines(&context.look.format, &[row], true));
        }
        _ => context.data(&context.look.found(&row)?),
    }
    Ok(())
}

/// `people`: they look at it, and no program reads it.
fn render(row: &Value, bodies: bool, people: bool) -> String {
    let mut head = row.clone();
    let mut attempts = Vec::new();
    if let Value::Object(map) = &mut head {
        map.shift_remove("content");
        match map.shift_remove("content_state") {
            Some(state) if content::is_gone(&state) => {
                map.insert("content".into(), why_none(row).into());
            }
            _ => {}
        }
        let status = map
            .shift_remove("cost_status")
            .map(|status| text(&status))
            .unwrap_or_default();
        map.shift_remove("cost_pico");
        let unpriced = map.shift_remove("unpriced");
        map.insert(
            "cost".into(),
            match unpriced {
                Some(bucket) => format!("{}: {}", cost(row, &status), text(&bucket)),
                None => cost(row, &status),
            }
            .into(),
        );
        map.shift_remove("cost_before");
        if let Some(before) = map.shift_remove("repriced") {
            map.insert("cost_before".into(), cost_before(&before).into());
        }
        if let Some(usage) = map.get("usage").cloned() {
            let source = map
                .shift_remove("usage_source")
                .map(|source| text(&source))
                .unwrap_or_default();
            map.insert("usage".into(), tokens(&usage, &source).into());
        }
        for name in ["latency_ms", "ttft_ms", "waited_ms"] {
            if let Some(millis) = map.get(name).and_then(Value::as_u64) {
                map.insert(name.into(), log_row::span(millis).into());
            }
        }
        *map = std::mem::take(map)
            .into_iter()
            .map(|(name, value)| (name.trim_end_matches("_ms").to_owned(), value))
            .collect();
        if let Some(Value::Array(list)) = map.shift_remove("attempts") {
            attempts = list;
        }
        map.retain(|_, value| !value.is_null());
    }
    let mut out = describe::lines(&head);
    if !attempts.is_empty() {
        out.push('\n');
        out.push_str(&match people {
            true => timeline::chart(row),
            false => timeline::tries(&attempts),
        });
    }
    if bodies {
        for side in ["request", "response"] {
            let body = row.pointer(&format!("/content/{side}"));
            let shown = match body {
                Some(body) => body.get("text").and_then(Value::as_str).map_or_else(
                    || {
                        format!(
                            "(base64) {}",
                            text(body.get("base64").unwrap_or(&Value::Null))
                        )
                    },
                    |body| visible(body).into_owned(),
                ),
                None => format!("({})", why_none(row)),
            };
            out.push_str(&format!("\n{side}:\n{}\n", shown.trim_end()));
        }
        if row.pointer("/content/truncated") == Some(&Value::Bool(true)) {
            out.push_str("(the response was longer than is kept)\n");
        }
    }
    out
}

/// The amount and how it came about; only the latter where there is none.
fn cost(row: &Value, status: &str) -> String {
    match log_row::cost(row).as_str() {
        "-" if !status.is_empty() => status.to_owned(),
        shown if status.is_empty() || shown == status => shown.to_owned(),
        shown => format!("{shown} ({status})"),
    }
}

/// What it cost before it was priced again, until when, and who had that done.
fn cost_before(before: &Value) -> String {
    let said = |name: &str| before.get(name).map(text).unwrap_or_default();
    let cost = cost(before, &said("cost_status"));
    format!("{cost}; priced again at {} by {}", said("at"), said("who"))
}

/// Tokens in one line: in and out always, the rest where there is any.
fn tokens(usage: &Value, source: &str) -> String {
    let parts = [
        ("input", "in"),
        ("cache_read", "cached"),
        ("cache_write_5m", "written to cache for 5m"),
        ("cache_write_1h", "written to cache for 1h"),
        ("cache_write", "written to cache"),
        ("output", "out"),
        ("reasoning", "reasoning"),
        ("audio", "of them audio in"),
        ("audio_cached", "of them audio cached"),
        ("image", "of them images in"),
        ("audio_output", "of them audio out"),
        ("image_output", "of them images out"),
        ("other_models", "of other models"),
        ("searches", "web searches"),
        ("seconds", "seconds of sound"),
        ("search_units", "search units"),
    ];
    let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
    let shown = parts
        .iter()
        .filter(|(name, _)| count(name) > 0 || ["input", "output"].contains(name))
        .map(|(name, word)| format!("{} {word}", count(name)));
    let source = if source.is_empty() {
        String::new()
    } else {
        format!(" ({source})")
    };
    format!("{}{source}", shown.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    fn row() -> Value {
        json!({"id": "req_1", "format": "anthropic", "status": 200, "latency_ms": 1212, "key": null, "cost_pico": null,
            "usage": {"input": 2, "cache_read": 3, "output": 4, "audio": 0}, "usage_source": "reported", "cost_status": "unpriced", "unpriced": "output", "tier": "flex",
            "attempts": [{"provider": "a", "model": "m", "start_ms": 0, "duration_ms": 12, "status": 429, "class": "capacity", "reason": "rate limited"},
                {"provider": "b", "model": "n", "start_ms": 13, "duration_ms": 1200, "status": 200, "class": "ok"}],
            "content": {"request": {"text": "{\"it's\":1}"}, "response": {"text": "a\u{1b}[2J\nb"}, "truncated": true}})
    }

    #[test]
    fn in_full() {
        assert_eq!(
            render(&row(), true, false),
            "id        req_1\nformat    anthropic\nstatus    200\nlatency   1.2s\nusage     2 in, 3 cached, 4 out (reported)\ntier      flex\ncost      unpriced: output\n\n\
             TRY   TARGET   START   TOOK   STATUS   CLASS      REASON\n1     a/m      0ms     12ms   429      capacity   rate limited\n2     b/n      13ms    1.2s   200      ok         -\n\n\
             request:\n{\"it's\":1}\n\nresponse:\na\\u001b[2J\nb\n(the response was longer than is kept)\n"
        );
    }

    #[test]
    fn content_that_is_gone_is_not_said_to_have_been_nothing() {
        let shown = |state: &str, bodies| {
            let row = json!({"id": "req_1", "content_state": state});
            render(&row, bodies, false)
        };
        assert_eq!(
            shown("removed", true),
            "id        req_1\ncontent   removed by retention\ncost      -\n\nrequest:\n(removed by retention)\n\nresponse:\n(removed by retention)\n"
        );
        assert_eq!(
            shown("left_out", false),
            "id        req_1\ncontent   left out: there was no room for it\ncost      -\n"
        );
        for state in ["none", "kept"] {
            assert_eq!(shown(state, false), "id     req_1\ncost   -\n");
        }
        let error = curl(&json!({"content_state": "removed"}), "x").unwrap_err();
        assert_eq!(
            error.message,
            "the content of this request was removed by retention"
        );
    }
}
