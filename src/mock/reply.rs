//! What is sent back, and refusals in each format. Must not know what was asked.

use super::ask::{Refusal, Wire};
use super::stream::{Frame, Style};
use super::{anthropic, gemini, openai};
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
    whole(status, &error(wire, status, message, param, None), extra)
}

/// A refusal in the caller's format.
pub fn refused(wire: Wire, why: &Refusal) -> Reply {
    let body = error(wire, why.status, &why.message, Some(&why.param), why.code);
    whole(why.status, &body, Vec::new())
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
