//! What a script does to a finished answer: events that are broken, missing or wrong, bodies cut in half.

use super::ask::{Ask, Wire};
use super::reply::{Reply, failed, whole};
use super::script::Script;
use super::stream::{Frame, Style};
use super::{anthropic, cohere, converse, gemini, openai, responses};
use serde_json::Value;

/// An answer in one piece, with the faults that such an answer can have. Errors are told in `errors`.
pub fn answer(ask: &Ask, errors: Wire, body: Value, script: &Script, extra: Vec<String>) -> Reply {
    let message = script.message.as_deref();
    if script.failed_after.is_some() && ask.wire == Wire::Responses {
        let message = message.unwrap_or("the mock was asked to fail");
        return whole(200, &responses::failed(ask, message, code(script)), extra);
    }
    if script.error_after.or(script.failed_after).is_some() {
        let message = message.unwrap_or("the mock was asked to fail");
        let status = script.error_status.unwrap_or(500);
        return failed(errors, status, message, None, script.code.as_deref(), extra);
    }
    if script.malformed_after.is_none() {
        return whole(200, &body, extra);
    }
    let mut body = body.to_string().into_bytes();
    body.truncate(body.len() / 2);
    Reply::Whole {
        status: 200,
        content_type: "application/json",
        extra,
        body,
    }
}

/// Puts the frames in that a script asks for, and cuts off what would follow an error.
pub fn frames(frames: Vec<Frame>, style: Style, ask: &Ask, script: &Script) -> Vec<Frame> {
    let mut out = Vec::with_capacity(frames.len() + 2);
    let (mut content, mut sent) = (0, 0);
    let insert = |out: &mut Vec<Frame>, content: usize, sent: usize| {
        if script.malformed_after == Some(content) {
            out.push(Frame::data(&"{\"this is\": not JSON", false));
        }
        if script.bad_crc_after == Some(content) {
            out.push(Frame::data(&"{}", false).unsound());
        }
        if let Some(bytes) = script.long_line.filter(|_| content == 1) {
            out.push(Frame::data(&"", false).filled(bytes));
        }
        if let Some(frame) = failure(style, ask, script, content, sent) {
            out.push(frame);
            return true;
        }
        false
    };
    let mut over = insert(&mut out, 0, 0);
    for mut frame in frames {
        if over {
            break;
        }
        frame.comment = script.comments;
        let counts = frame.content;
        out.push(frame);
        sent += 1;
        if counts {
            content += 1;
            over = insert(&mut out, content, sent);
        }
    }
    out
}

/// The event that ends a stream as failed, where that is due after `content` events, `sent` in all.
fn failure(style: Style, ask: &Ask, script: &Script, content: usize, sent: usize) -> Option<Frame> {
    let failed = script.failed_after == Some(content);
    if !failed && script.error_after != Some(content) {
        return None;
    }
    let message = script
        .message
        .as_deref()
        .unwrap_or("the mock was asked to fail in its stream");
    if let Style::Binary(_) = style {
        return Some(converse::exception(message, script.code.as_deref()));
    }
    Some(match ask.wire {
        Wire::Openai | Wire::Converse => Frame::data(
            &openai::error(
                script.error_status.unwrap_or(500),
                message,
                None,
                script.code.as_deref(),
            ),
            false,
        ),
        Wire::Responses if failed => responses::failed_event(ask, message, code(script), sent),
        Wire::Responses => responses::error_event(message, code(script), sent),
        Wire::Anthropic => Frame::named(
            &anthropic::error(script.error_status.unwrap_or(529), message),
            false,
        ),
        Wire::Gemini => Frame::data(
            &gemini::error(script.error_status.unwrap_or(503), message),
            false,
        ),
        Wire::Cohere => cohere::failed_event(message),
    })
}

fn code(script: &Script) -> &str {
    script.code.as_deref().unwrap_or("server_error")
}
