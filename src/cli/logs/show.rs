//! `gw logs get ID`: one request in full, its content, or a curl line to send it again.

use super::super::{
    context::Context,
    print::{Format, clean, table, text, visible},
    verbs::describe,
};
use super::{printer, row as log_row};
use crate::error::{Error, Result};
use crate::formats;
use crate::shell;
use clap::ArgMatches;
use serde_json::Value;

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
        Format::Table | Format::Wide => context.data(&render(&row, bodies)),
        Format::Name | Format::Csv => {
            context.data(&printer::lines(&context.look.format, &[row], true));
        }
        _ => context.data(&context.look.found(&row)?),
    }
    Ok(())
}

fn render(row: &Value, bodies: bool) -> String {
    let mut head = row.clone();
    let mut attempts = Vec::new();
    if let Value::Object(map) = &mut head {
        map.shift_remove("content");
        match map.shift_remove("content_state") {
            Some(state) if WHY.iter().any(|(known, _)| state == *known) => {
                map.insert("content".into(), why_none(row).into());
            }
            _ => {}
        }
        let status = map
            .shift_remove("cost_status")
            .map(|status| text(&status))
            .unwrap_or_default();
        map.shift_remove("cost_pico");
        map.insert("cost".into(), cost(row, &status).into());
        if let Some(usage) = map.get("usage").cloned() {
            let source = map
                .shift_remove("usage_source")
                .map(|source| text(&source))
                .unwrap_or_default();
            map.insert("usage".into(), tokens(&usage, &source).into());
        }
        for name in ["latency_ms", "ttft_ms"] {
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
        out.push_str(&tries(&attempts));
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

/// Why content that was to be kept is not there.
const WHY: [(&str, &str); 3] = [
    ("removed", "removed by retention"),
    ("left_out", "left out: there was no room for it"),
    ("damaged", "damaged: it cannot be read"),
];

fn why_none(row: &Value) -> &'static str {
    let state = row.get("content_state").and_then(Value::as_str);
    let why = WHY.iter().find(|(known, _)| state == Some(known));
    why.map_or("not kept", |(_, why)| why)
}

/// The amount and how it came about; only the latter where there is none.
fn cost(row: &Value, status: &str) -> String {
    match log_row::cost(row).as_str() {
        "-" if !status.is_empty() => status.to_owned(),
        shown if status.is_empty() || shown == status => shown.to_owned(),
        shown => format!("{shown} ({status})"),
    }
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
        ("image", "of them images in"),
        ("audio_output", "of them audio out"),
        ("image_output", "of them images out"),
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

/// The targets tried, as a table.
pub(crate) fn tries(attempts: &[Value]) -> String {
    let show =
        |attempt: &Value, name: &str| match attempt.get(name).map(text).map(|text| clean(&text)) {
            Some(text) if !text.is_empty() => text,
            _ => "-".into(),
        };
    let millis = |attempt: &Value, name: &str| {
        attempt
            .get(name)
            .and_then(Value::as_u64)
            .map_or_else(|| "-".into(), log_row::span)
    };
    let row = |(at, attempt): (usize, &Value)| {
        let target = format!("{}/{}", show(attempt, "provider"), show(attempt, "model"));
        vec![
            (at + 1).to_string(),
            target,
            millis(attempt, "start_ms"),
            millis(attempt, "duration_ms"),
            show(attempt, "status"),
            show(attempt, "class"),
            show(attempt, "reason"),
        ]
    };
    table(
        &[
            "TRY", "TARGET", "START", "TOOK", "STATUS", "CLASS", "REASON",
        ],
        attempts.iter().enumerate().map(row).collect(),
        true,
    )
}

/// Where requests of a format go whose path names no model.
fn path_of(format: &str) -> &'static str {
    let entries = formats::named(format).map_or(&[][..], |format| format.entries);
    let mut plain = entries
        .iter()
        .map(|entry| entry.path)
        .filter(|path| !path.contains('{'));
    plain.next().unwrap_or(match format {
        "anthropic" => "/v1/messages",
        _ => "/v1/chat/completions",
    })
}

/// The request as a command; the key stays a variable.
fn curl(row: &Value, url: &str) -> Result<String> {
    let body = row
        .pointer("/content/request/text")
        .and_then(Value::as_str)
        .filter(|body| !body.is_empty());
    let body = body.ok_or_else(|| {
        let error = Error::not_found(format!("the content of this request was {}", why_none(row)));
        error.hint(match why_none(row) {
            "not kept" => "keep it with --log-content full, on `gw serve` and on the key",
            _ => "see what is kept and for how long: logs.content_max_age and logs.content_max_bytes in gw.toml",
        })
    })?;
    // As the log has what is no JSON (`gateway::record`).
    let told = serde_json::from_str::<Value>(body).unwrap_or_default();
    if told.get("content_type").is_some() && told.get("bytes").is_some() {
        let why = "of this request's body the log has kind and length alone";
        return Err(Error::not_found(why).hint("send it again from where it came"));
    }
    let path = match row.get("path").and_then(Value::as_str) {
        Some(path) => path,
        None => path_of(
            row.get("format")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        ),
    };
    let quoted = shell::quoted(body);
    Ok(format!(
        "curl -sS {}{path} \\\n  -H \"authorization: Bearer $GW_API_KEY\" \\\n  -H 'content-type: application/json' \\\n  --data-raw {quoted}\n",
        url.trim_end_matches('/').trim_end_matches("/v1")
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    fn row() -> Value {
        json!({"id": "req_1", "format": "anthropic", "status": 200, "latency_ms": 1212, "key": null, "cost_pico": null,
            "usage": {"input": 2, "cache_read": 3, "output": 4, "audio": 0}, "usage_source": "reported", "cost_status": "unpriced",
            "attempts": [{"provider": "a", "model": "m", "start_ms": 0, "duration_ms": 12, "status": 429, "class": "capacity", "reason": "rate limited"},
                {"provider": "b", "model": "n", "start_ms": 13, "duration_ms": 1200, "status": 200, "class": "ok"}],
            "content": {"request": {"text": "{\"it's\":1}"}, "response": {"text": "a\u{1b}[2J\nb"}, "truncated": true}})
    }

    #[test]
    fn in_full() {
        assert_eq!(
            render(&row(), true),
            "id        req_1\nformat    anthropic\nstatus    200\nlatency   1.2s\nusage     2 in, 3 cached, 4 out (reported)\ncost      unpriced\n\n\
             TRY   TARGET   START   TOOK   STATUS   CLASS      REASON\n1     a/m      0ms     12ms   429      capacity   rate limited\n2     b/n      13ms    1.2s   200      ok         -\n\n\
             request:\n{\"it's\":1}\n\nresponse:\na\\u001b[2J\nb\n(the response was longer than is kept)\n"
        );
    }

    #[test]
    fn content_that_is_gone_is_not_said_to_have_been_nothing() {
        let shown = |state: &str, bodies| {
            let row = json!({"id": "req_1", "content_state": state});
            render(&row, bodies)
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

    #[test]
    fn curl_keeps_the_key_out() {
        assert_eq!(
            curl(&row(), "http://127.0.0.1:4000/v1").unwrap(),
            "curl -sS http://127.0.0.1:4000/v1/messages \\\n  -H \"authorization: Bearer $GW_API_KEY\" \\\n  -H 'content-type: application/json' \\\n  --data-raw '{\"it'\\''s\":1}'\n"
        );
        assert_eq!(
            curl(&json!({}), "x").unwrap_err().kind,
            crate::error::Kind::NotFound
        );
    }
}
