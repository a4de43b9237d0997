//! A request of the log as a command that sends it again.

use super::resend::sent;
use crate::error::Result;
use crate::shell;
use serde_json::Value;

/// The request as a command; the key stays a variable.
pub(super) fn curl(row: &Value, url: &str) -> Result<String> {
    let sent = sent(row, None)?;
    let quoted = shell::quoted(sent.body);
    Ok(format!(
        "curl -sS {}{} \\\n  -H \"authorization: Bearer $GW_API_KEY\" \\\n  -H 'content-type: application/json' \\\n  --data-raw {quoted}\n",
        url.trim_end_matches('/').trim_end_matches("/v1"),
        sent.path
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn curl_keeps_the_key_out() {
        let row = json!({"format": "anthropic-messages", "content": {"request": {"text": "{\"it's\":1}"}}});
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
