//! A request of the log as a command that sends it again.

use super::content::why_none;
use crate::error::{Error, Result};
use crate::formats;
use crate::shell;
use serde_json::Value;

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
pub(super) fn curl(row: &Value, url: &str) -> Result<String> {
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

    #[test]
    fn curl_keeps_the_key_out() {
        let row = json!({"format": "anthropic", "content": {"request": {"text": "{\"it's\":1}"}}});
        assert_eq!(
            curl(&row, "http://127.0.0.1:4000/v1").unwrap(),
            "curl -sS http://127.0.0.1:4000/v1/messages \\\n  -H \"authorization: Bearer $GW_API_KEY\" \\\n  -H 'content-type: application/json' \\\n  --data-raw '{\"it'\\''s\":1}'\n"
        );
        assert_eq!(
            curl(&json!({}), "x").unwrap_err().kind,
            crate::error::Kind::NotFound
        );
    }
}
