//! What of a logged request is needed to send it again: its path and its body, as far as the log has them.

use super::content::why_none;
use crate::chat::Op;
use crate::error::{Error, Result};
use crate::formats::{self, entry::Streams};
use serde_json::Value;

/// A request as it was sent.
#[derive(Debug, PartialEq)]
pub(super) struct Sent<'a> {
    pub path: String,
    pub body: &'a str,
    /// Whether the path names the model, and the body does not.
    pub model_in_path: bool,
}

/// Where a request of this format goes; nothing where no path of the format says so.
fn path_of(format: &str, model: Option<&str>, stream: bool) -> Option<(String, bool)> {
    let entries = formats::named(format)?.entries;
    if let Some(entry) = entries.iter().find(|entry| !entry.path.contains('{')) {
        return Some((entry.path.to_owned(), false));
    }
    let wanted = if stream {
        Streams::Always
    } else {
        Streams::Never
    };
    let fits = |it: &&formats::entry::Entry| {
        !it.path.contains('*') && (it.streams == wanted || it.streams == Streams::Asked)
    };
    let entry = entries.iter().find(fits)?;
    Some((entry.path.replace("{model}", model?), true))
}

/// The request of a row; `model`: the one to ask in place of its own.
pub(super) fn sent<'a>(row: &'a Value, model: Option<&str>) -> Result<Sent<'a>> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let body = row.pointer("/content/request/text").and_then(Value::as_str);
    let body = body.filter(|body| !body.is_empty()).ok_or_else(|| {
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
    let format = text("format").unwrap_or_default();
    let stream = row.get("stream") == Some(&Value::Bool(true));
    let model = model.or(text("requested_model"));
    let (path, model_in_path) = match text("path") {
        Some(path) => (path.to_owned(), false),
        None => path_of(format, model, stream).ok_or_else(|| {
            Error::not_found(format!(
                "where a request of the format `{}` was sent is not kept",
                format.escape_debug()
            ))
            .hint("send it again from where it came")
        })?,
    };
    Ok(Sent {
        path,
        body,
        model_in_path,
    })
}

/// Refuses what is more than a question and its answer: sent again it would make something again.
pub(super) fn plain(row: &Value) -> Result<()> {
    let format = row
        .get("format")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match formats::named(format).map(|format| format.op) {
        Some(Op::Keep(_)) => Err(Error::invalid(format!(
            "a request of the format `{format}` makes something that the provider keeps: it is not sent again"
        ))
        .hint("gw logs get ID --curl prints it as a command")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_says_where_it_was_sent() {
        let content = json!({"request": {"text": "{}"}});
        for (mut row, path) in [
            (json!({"format": "anthropic-messages"}), "/v1/messages"),
            (
                json!({"format": "openai-chat", "path": "/team/v1/chat/completions"}),
                "/team/v1/chat/completions",
            ),
            (
                json!({"format": "gemini", "requested_model": "gemini-2.5-pro"}),
                "/v1beta/models/gemini-2.5-pro:generateContent",
            ),
            (
                json!({"format": "gemini", "requested_model": "gemini-2.5-pro", "stream": true}),
                "/v1beta/models/gemini-2.5-pro:streamGenerateContent",
            ),
        ] {
            row["content"] = content.clone();
            assert_eq!(sent(&row, None).unwrap().path, path);
        }
        let row = json!({"format": "gemini", "content": content});
        assert_eq!(
            sent(&row, Some("g")).unwrap().path,
            "/v1beta/models/g:generateContent"
        );
        assert!(sent(&row, None).is_err());
    }

    #[test]
    fn what_makes_something_is_not_sent_again() {
        assert!(plain(&json!({"format": "openai-batches"})).is_err());
        assert!(plain(&json!({"format": "files"})).is_err());
        assert!(plain(&json!({"format": "openai-chat"})).is_ok());
    }
}
