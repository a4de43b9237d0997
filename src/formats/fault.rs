//! Errors on the wire: reading whatever an upstream sent as one, and writing one in each format's shape. Credentials
//! are taken out where a stranger's words come in; what gw says itself is written as it stands.

use super::Seen;
use crate::{
    chat::Fault,
    error::{Error, Kind},
};
use serde_json::{Value, json};

pub(super) mod aws;
mod others;
mod place;
mod read;
mod scrub;

pub use aws::plain as exception_name;
pub use others::{write_google, write_message};
pub use place::Signs;
pub use read::{fault_inside, fault_named, read_fault};
pub use scrub::{Hidden, pattern as credential_pattern, scrub};

/// `error.type`s an OpenAI client may know; others come from another format and are replaced by status.
/// <https://platform.openai.com/docs/guides/error-codes>
const OPENAI: [&str; 14] = [
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "rate_limit_exceeded",
    "insufficient_quota",
    "tokens",
    "requests",
    "server_error",
    "api_error",
    "service_unavailable",
    "timeout_error",
    "image_generation_user_error",
];

/// <https://docs.anthropic.com/en/api/errors>
const ANTHROPIC: [&str; 10] = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
];

fn openai_type(fault: &Fault) -> &str {
    match fault.status {
        _ if OPENAI.contains(&fault.kind.as_str()) => &fault.kind,
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500 | 507 => "server_error",
        503 | 529 => "service_unavailable",
        408 | 504 => "timeout_error",
        400..=498 => "invalid_request_error",
        _ => "api_error",
    }
}

fn anthropic_type(fault: &Fault) -> &str {
    // OpenAI says this of everything from 400 to 404; here each status has its own.
    let general = fault.kind == "invalid_request_error";
    match fault.status {
        _ if !general && ANTHROPIC.contains(&fault.kind.as_str()) => &fault.kind,
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        408 | 504 => "timeout_error",
        400..=498 => "invalid_request_error",
        _ => "api_error",
    }
}

fn openai_value(fault: &Fault) -> Value {
    json!({"error": {"message": fault.message, "type": openai_type(fault), "param": fault.param, "code": fault.code}})
}

fn anthropic_value(fault: &Fault) -> Value {
    let mut body = json!({"type": "error", "error": {"type": anthropic_type(fault), "message": fault.message}});
    // The official clients' tool runners ask for a conversation that the server holds, and go on without by these codes.
    if fault.param.as_deref() == Some("thread") {
        body["error"]["details"] =
            json!({"error_code": "thread_unsupported_request", "unsupported": ["thread"]});
    } else if fault.code.as_deref() == Some("thread_not_found") {
        body["error"]["details"] = json!({"error_code": "thread_not_found"});
    }
    body
}

/// An OpenAI error body.
pub fn write_openai(fault: &Fault) -> Vec<u8> {
    openai_value(fault).to_string().into_bytes()
}

/// An OpenAI error in a stream. No `[DONE]` follows: the reply is not complete.
pub fn write_openai_event(fault: &Fault) -> Vec<u8> {
    format!("data: {}\n\n", openai_value(fault)).into_bytes()
}

/// An Anthropic error body.
pub fn write_anthropic(fault: &Fault) -> Vec<u8> {
    anthropic_value(fault).to_string().into_bytes()
}

/// An Anthropic error in a stream.
pub fn write_anthropic_event(fault: &Fault) -> Vec<u8> {
    format!("event: error\ndata: {}\n\n", anthropic_value(fault)).into_bytes()
}

/// An error as an exception in one of Amazon's event streams.
pub fn write_exception_event(fault: &Fault) -> Vec<u8> {
    let mut event = format!("event: {}\ndata: ", aws::in_stream(fault.status)).into_bytes();
    event.extend(write_message(fault));
    event.extend_from_slice(b"\n\n");
    event
}

/// The error in place of a reply, for those who only want to know why there is none.
pub(super) fn in_place(seen: &Seen) -> Error {
    let said = seen.fault.as_ref().map_or("", |fault| &fault.message);
    Error::new(
        Kind::Upstream,
        format!("the provider answered with an error: {said}"),
    )
}

/// That a reply is none.
pub(super) fn no_object(cause: Error) -> Error {
    Error::new(Kind::Upstream, "the provider's answer is not a JSON object").cause(cause)
}

/// gw's own error as callers see it: the message with its hint, but never the cause, which may name
/// internal addresses. The type is left to the format, by status. The message may quote what a caller sent, a
/// credential in the wrong place perhaps; the hint is gw's alone and stays as it is.
impl From<&Error> for Fault {
    fn from(error: &Error) -> Fault {
        let row = error.kind.row();
        let mut message = scrub(&error.message).into_owned();
        if let Some(hint) = &error.hint {
            message.push_str(&format!(" (fix: {hint})"));
        }
        Fault {
            status: row.status,
            kind: row.code.to_owned(),
            message,
            code: Some(row.code.to_owned()),
            param: error.param.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::error::TABLE;

    fn fault(status: u16, kind: &str) -> Fault {
        Fault {
            status,
            kind: kind.to_owned(),
            message: "no \"luck\"".to_owned(),
            code: None,
            param: Some("model".to_owned()),
        }
    }

    #[test]
    fn anthropics_clients_learn_that_a_conversation_is_not_held() {
        let refused = Fault {
            param: Some("thread".to_owned()),
            ..fault(400, "invalid_request_error")
        };
        assert_eq!(
            anthropic_value(&refused)["error"]["details"],
            json!({"error_code": "thread_unsupported_request", "unsupported": ["thread"]})
        );
        let unknown = Fault {
            code: Some("thread_not_found".to_owned()),
            param: Some("previous_message_id".to_owned()),
            ..fault(400, "invalid_request_error")
        };
        assert_eq!(
            anthropic_value(&unknown)["error"]["details"],
            json!({"error_code": "thread_not_found"})
        );
    }

    #[test]
    fn bodies_and_events_have_each_formats_shape() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let one = fault(429, "overloaded_error");
        let openai = r#"{"error":{"message":"no \"luck\"","type":"rate_limit_error","param":"model","code":null}}"#;
        assert_eq!(text(write_openai(&one)), openai);
        assert_eq!(
            text(write_openai_event(&one)),
            format!("data: {openai}\n\n")
        );
        let anthropic =
            r#"{"type":"error","error":{"type":"overloaded_error","message":"no \"luck\""}}"#;
        assert_eq!(text(write_anthropic(&one)), anthropic);
        assert_eq!(
            text(write_anthropic_event(&one)),
            format!("event: error\ndata: {anthropic}\n\n")
        );
    }

    #[test]
    fn foreign_types_are_mapped_by_status() {
        for (status, openai, anthropic) in [
            (400, "invalid_request_error", "invalid_request_error"),
            (401, "authentication_error", "authentication_error"),
            (402, "insufficient_quota", "billing_error"),
            (403, "permission_error", "permission_error"),
            (404, "not_found_error", "not_found_error"),
            (413, "invalid_request_error", "request_too_large"),
            (422, "invalid_request_error", "invalid_request_error"),
            (429, "rate_limit_error", "rate_limit_error"),
            (500, "server_error", "api_error"),
            (502, "api_error", "api_error"),
            (503, "service_unavailable", "overloaded_error"),
            (504, "timeout_error", "timeout_error"),
            (529, "service_unavailable", "overloaded_error"),
        ] {
            assert_eq!(
                openai_type(&fault(status, "SOMETHING_ELSE")),
                openai,
                "{status}"
            );
            assert_eq!(
                anthropic_type(&fault(status, "SOMETHING_ELSE")),
                anthropic,
                "{status}"
            );
        }
        assert_eq!(
            anthropic_type(&fault(404, "invalid_request_error")),
            "not_found_error"
        );
        assert_eq!(
            openai_type(&fault(429, "insufficient_quota")),
            "insufficient_quota"
        );
    }

    #[test]
    fn gws_own_errors_get_the_types_of_the_error_table() {
        // Kinds that share another's status exist in the CLI alone.
        for row in TABLE
            .iter()
            .filter(|row| Kind::from_status(row.status) == row.kind)
        {
            let fault = Fault::from(&Error::new(row.kind, "x"));
            assert_eq!(
                (openai_type(&fault), anthropic_type(&fault)),
                (row.openai, row.anthropic),
                "{}",
                row.code
            );
        }
        let error = Error::new(Kind::Upstream, "no answer")
            .hint("try `gw provider test p`")
            .cause("connect 10.0.0.7:443 refused");
        assert_eq!(
            Fault::from(&error).message,
            "no answer (fix: try `gw provider test p`)"
        );
        let error = Error::invalid("no key `sk-live-0123456789`")
            .hint("gw route create r --key ci-2026-11-21-nightly");
        assert_eq!(
            Fault::from(&error).message,
            "no key `[redacted]` (fix: gw route create r --key ci-2026-11-21-nightly)"
        );
    }
}
