//! What is sent back, and refusals in each format. Must not know what was asked.

use super::ask::{Refusal, Wire};
use super::stream::{Frame, Style};
use super::{anthropic, cohere, converse, gemini, openai};
use serde_json::{Value, json};

/// What is sent back.
#[derive(Debug)]
pub enum Reply {
    Whole {
        status: u16,
        content_type: &'static str,
        extra: Vec<String>,
        body: Vec<u8>,
    },
    Stream {
        extra: Vec<String>,
        style: Style,
        frames: Vec<Frame>,
    },
}

/// An error body in a format.
pub fn error(
    wire: Wire,
    status: u16,
    message: &str,
    param: Option<&str>,
    code: Option<&str>,
) -> Value {
    match wire {
        Wire::Openai | Wire::Responses => openai::error(status, message, param, code),
        Wire::Anthropic => {
            let mut body = anthropic::error(status, message);
            if let (Some(code), Some(param)) = (code, param) {
                body["error"]["details"] = json!({"error_code": code, "unsupported": [param]});
            }
            body
        }
        Wire::Gemini => gemini::error(status, message),
        Wire::Converse => json!({"message": message}),
        Wire::Cohere => cohere::error(message),
    }
}

/// An error in a format, with the headers that go with it.
pub fn failed(
    wire: Wire,
    status: u16,
    message: &str,
    param: Option<&str>,
    code: Option<&str>,
    mut extra: Vec<String>,
) -> Reply {
    if wire == Wire::Converse {
        let kind = code.unwrap_or(converse::kind(status));
        extra.push(format!(
            "x-amzn-errortype: {kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"
        ));
        extra.push(id(wire).to_owned());
    }
    whole(status, &error(wire, status, message, param, code), extra)
}

/// The header that names a request.
pub fn id(wire: Wire) -> &'static str {
    match wire {
        Wire::Anthropic => "request-id: req_mock",
        Wire::Converse => "x-amzn-requestid: 00000000-0000-4000-8000-000000000000",
        Wire::Cohere => "x-debug-trace-id: 00000000000000000000000000000000",
        Wire::Openai | Wire::Responses | Wire::Gemini => "x-request-id: req_mock",
    }
}

/// An error in the caller's format.
pub fn refuse(
    wire: Wire,
    status: u16,
    message: &str,
    param: Option<&str>,
    extra: Vec<String>,
) -> Reply {
    failed(wire, status, message, param, None, extra)
}

/// A refusal in the caller's format.
pub fn refused(wire: Wire, why: &Refusal) -> Reply {
    let (message, param) = (&why.message, Some(why.param.as_str()));
    failed(wire, why.status, message, param, why.code, Vec::new())
}

/// A JSON answer.
pub fn whole(status: u16, body: &Value, extra: Vec<String>) -> Reply {
    Reply::Whole {
        status,
        content_type: "application/json",
        extra,
        body: body.to_string().into_bytes(),
    }
}
