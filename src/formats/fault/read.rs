//! What an upstream's error body says, whatever its shape.

use super::{aws, scrub};
use crate::chat::Fault;
use crate::formats::lenient::as_text;
use serde_json::Value;

/// The longest message kept.
const LONGEST: usize = 2000;

/// Reads an upstream's error body: OpenAI's, Anthropic's or Google's shape, `{"message"}`, `{"detail"}`,
/// `{"error":"text"}`, HTML, plain text or nothing. Credentials in it are taken out.
pub fn read_fault(status: u16, body: &[u8]) -> Fault {
    let mut fault = Fault {
        status: answered(status),
        kind: String::new(),
        message: String::new(),
        code: None,
        param: None,
    };
    match serde_json::from_str::<Value>(&as_text(body)) {
        Ok(value) => read_value(&value, &mut fault),
        Err(_) => fault.message = plain(&as_text(body.get(..LONGEST * 32).unwrap_or(body))),
    }
    fault.message = tidy(&fault.message);
    if fault.message.is_empty() {
        fault.message = format!("the provider answered {status} without a message");
    }
    fault
}

/// An error that came inside a 200, as an event of a stream or in place of the reply: its status is its own word.
pub fn fault_inside(body: &[u8]) -> Fault {
    let mut fault = read_fault(502, body);
    fault.status = status_of(&fault);
    fault
}

/// The same of one whose kind is said beside it: by the name of the event, or by a header.
pub fn fault_named(kind: &str, body: &[u8]) -> Fault {
    let mut fault = read_fault(502, body);
    if fault.kind.is_empty() {
        aws::plain(kind).clone_into(&mut fault.kind);
    }
    fault.status = status_of(&fault);
    fault
}

/// A provider's status as gw says it to a caller. 499 is said of a caller that has hung up, and this one is there.
fn answered(status: u16) -> u16 {
    match status {
        499 => 502,
        status => status,
    }
}

/// The status an error inside a 200 stands for: its own number, else by its type; 502 where it says neither.
fn status_of(fault: &Fault) -> u16 {
    let number = fault
        .code
        .as_deref()
        .and_then(|code| code.parse::<u16>().ok())
        .filter(|status| (400..600).contains(status))
        .map(answered);
    let by = |name: &str| match name {
        "invalid_request_error"
        | "INVALID_ARGUMENT"
        | "context_length_exceeded"
        | "invalid_prompt" => Some(400),
        "authentication_error" | "invalid_api_key" | "UNAUTHENTICATED" => Some(401),
        "billing_error" => Some(402),
        "permission_error" | "PERMISSION_DENIED" => Some(403),
        "not_found_error" | "NOT_FOUND" | "model_not_found" => Some(404),
        "request_too_large" => Some(413),
        "rate_limit_error"
        | "rate_limit_exceeded"
        | "insufficient_quota"
        | "tokens"
        | "requests"
        | "RESOURCE_EXHAUSTED" => Some(429),
        "api_error" | "server_error" | "internal_server_error" | "INTERNAL" => Some(500),
        "service_unavailable"
        | "service_unavailable_error"
        | "server_is_overloaded"
        | "UNAVAILABLE" => Some(503),
        "timeout_error" | "DEADLINE_EXCEEDED" => Some(504),
        "overloaded_error" => Some(529),
        _ => None,
    };
    number
        .or_else(|| by(&fault.kind))
        .or_else(|| by(fault.code.as_deref()?))
        .or_else(|| aws::status(&fault.kind))
        .unwrap_or(502)
}

fn read_value(value: &Value, fault: &mut Fault) {
    match value {
        Value::Array(items) => {
            if let Some(first) = items.first() {
                read_value(first, fault);
            }
        }
        Value::String(text) => fault.message = text.clone(),
        Value::Object(members) => {
            let get = |names: &[&str]| {
                names
                    .iter()
                    .find_map(|name| members.get(*name).filter(|value| !value.is_null()))
            };
            // OpenRouter hangs the error of a stream on the choice that failed.
            let of_choice = || {
                get(&["choices"])?
                    .as_array()?
                    .iter()
                    .find_map(|choice| choice.get("error"))
            };
            match get(&["error"]).or_else(of_choice) {
                Some(inner @ (Value::Object(_) | Value::String(_))) => read_value(inner, fault),
                _ => {
                    fault.message = get(&[
                        "message",
                        "Message",
                        "detail",
                        "msg",
                        "error_description",
                        "errors",
                        "title",
                    ])
                    .map(words)
                    .unwrap_or_default()
                }
            }
            // What stands beside the error fills in what the error itself does not say.
            if fault.message.is_empty() {
                fault.message = get(&["message", "detail"]).map(words).unwrap_or_default();
            }
            if fault.kind.is_empty() {
                fault.kind = get(&["type", "status"])
                    .and_then(Value::as_str)
                    .filter(|kind| *kind != "error")
                    .unwrap_or_default()
                    .to_owned();
            }
            if fault.code.is_none() {
                let status = || get(&["status", "status_code"]).filter(|value| value.is_number());
                fault.code = get(&["code"]).or_else(status).map(words);
            }
            if fault.param.is_none() {
                fault.param = get(&["param"]).and_then(Value::as_str).map(str::to_owned);
            }
        }
        _ => {}
    }
}

/// A value as words: validation lists (FastAPI) as their messages, anything unknown as compact JSON.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join("; "),
        Value::Object(members) => match members
            .get("msg")
            .or(members.get("message"))
            .or(members.get("detail"))
        {
            Some(inner) => words(inner),
            None => value.to_string(),
        },
        other => other.to_string(),
    }
}

/// Text without markup; of an HTML page, its title where it has one.
fn plain(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if !lower
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('<')
    {
        return text.to_owned();
    }
    if let Some((_, rest)) = lower.split_once("<title") {
        let from = text.len() - rest.len();
        let inner = text
            .get(from..)
            .and_then(|rest| rest.split_once('>'))
            .and_then(|(_, rest)| rest.split_once('<'))
            .map_or("", |(title, _)| title.trim());
        if !inner.is_empty() {
            return inner.to_owned();
        }
    }
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// One line without control characters or credentials, of bounded length.
fn tidy(text: &str) -> String {
    let mut line = String::new();
    // First, so that nothing is cut in two that would be known whole.
    let text = scrub(text);
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        if line.len() + word.len() >= LONGEST {
            // Half a word could be half a credential, which nobody would know any more.
            if line.is_empty() {
                line.push_str(&word[..word.floor_char_boundary(LONGEST)]);
            }
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_shape_says_what_it_says() {
        for (body, kind, message) in [
            (
                r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"x"}}"#,
                "invalid_request_error",
                "no",
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
                "overloaded_error",
                "busy",
            ),
            (
                r#"[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]"#,
                "INVALID_ARGUMENT",
                "bad",
            ),
            (r#"{"error":"model not found"}"#, "", "model not found"),
            (r#"{"message":"slow down"}"#, "", "slow down"),
            (r#"{"detail":"Not Found"}"#, "", "Not Found"),
            (
                r#"{"detail":[{"loc":["body","x"],"msg":"field required"},{"msg":"too long"}]}"#,
                "",
                "field required; too long",
            ),
            (
                r#"{"object":"error","message":{"detail":[{"msg":"bad role"}]},"type":"invalid_request"}"#,
                "invalid_request",
                "bad role",
            ),
            (
                "<html><head><title>502 Bad Gateway</title></head><body><h1>x</h1></body></html>",
                "",
                "502 Bad Gateway",
            ),
            ("<!DOCTYPE html><p>gone\n<b>away</b></p>", "", "gone away"),
            ("upstream connect error\n", "", "upstream connect error"),
            ("", "", "the provider answered 500 without a message"),
            ("{}", "", "the provider answered 500 without a message"),
            ("null", "", "the provider answered 500 without a message"),
            (
                r#"{"error":{"message":"key sk-abcdefghijklmnop is wrong"}}"#,
                "",
                "key [redacted] is wrong",
            ),
        ] {
            let fault = read_fault(500, body.as_bytes());
            assert_eq!(
                (fault.kind.as_str(), fault.message.as_str()),
                (kind, message),
                "{body}"
            );
        }
        let fault = read_fault(
            400,
            br#"{"error":{"message":"no","code":42,"param":"model"}}"#,
        );
        assert_eq!(
            (fault.code.as_deref(), fault.param.as_deref()),
            (Some("42"), Some("model"))
        );
        let named = fault_named("modelStreamErrorException", br#"{"message":"no"}"#);
        assert_eq!(
            (named.status, &*named.kind, &*named.message),
            (424, "modelStreamErrorException", "no")
        );
        assert!(read_fault(400, "é".repeat(9000).as_bytes()).message.len() < LONGEST + 8);
    }

    #[test]
    fn stream_errors_get_a_status() {
        for (body, status) in [
            (r#"{"error":{"message":"x","code":429}}"#, 429),
            (
                r#"{"error":{"message":"x","type":"overloaded_error"}}"#,
                529,
            ),
            (
                r#"{"error":{"message":"x","type":"server_error","code":null}}"#,
                500,
            ),
            (
                r#"{"error":{"message":"x","code":"rate_limit_exceeded"}}"#,
                429,
            ),
            (r#"{"error":"x"}"#, 502),
        ] {
            assert_eq!(
                status_of(&read_fault(200, body.as_bytes())),
                status,
                "{body}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_body_gives_one_line(body in proptest::collection::vec(any::<u8>(), 0..200), html in ".{0,60}") {
            for body in [body, format!("<{html}").into_bytes(), format!("<title{html}").into_bytes()] {
                let message = read_fault(500, &body).message;
                prop_assert!(!message.is_empty() && !message.chars().any(char::is_control));
            }
        }
    }
}
