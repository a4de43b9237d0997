//! An answer as Anthropic Messages, whole or streamed. <https://docs.anthropic.com/en/api/messages>

use super::answer::{Answer, Finish, Usage, halves};
use super::ask::Ask;
use super::script::Script;
use super::stream::Frame;
use serde_json::{Value, json};

/// Stands where a real provider seals a thought.
pub const SEAL: &str = "Z3ctbW9jay1zaWduYXR1cmU=";

/// The whole answer.
pub fn whole(ask: &Ask, answer: &Answer, script: &Script) -> Value {
    let mut content = Vec::new();
    if let Some(thought) = &answer.thought {
        content.push(json!({"type": "thinking", "thinking": thought, "signature": SEAL}));
    }
    if answer.calls.is_empty() || !answer.pieces.is_empty() {
        content.push(json!({"type": "text", "text": answer.text()}));
    }
    for call in &answer.calls {
        // Whole answers carry parsed input; what does not parse can only be told in a stream.
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        content.push(json!({"type": "tool_use", "id": format!("toolu_{}", call.id), "name": call.name, "input": input}));
    }
    let mut message = message(
        ask,
        content,
        usage(&answer.usage, answer.usage.output, script),
    );
    message["stop_reason"] = json!(finish(answer.finish));
    message
}

/// The stream's frames, end mark included.
pub fn frames(ask: &Ask, answer: &Answer, script: &Script) -> Vec<Frame> {
    let begin = json!({"type": "message_start", "message": message(ask, Vec::new(), usage(&answer.usage, 1, script))});
    let mut frames = vec![Frame::named(&begin, false)];
    let mut index = 0;
    let mut block = |frames: &mut Vec<Frame>, begin: Value, deltas: Vec<Value>| {
        frames.push(Frame::named(
            &json!({"type": "content_block_start", "index": index, "content_block": begin}),
            false,
        ));
        if index == 0 {
            frames.push(Frame::named(&json!({"type": "ping"}), false));
        }
        for delta in deltas {
            frames.push(Frame::named(
                &json!({"type": "content_block_delta", "index": index, "delta": delta}),
                true,
            ));
        }
        frames.push(Frame::named(
            &json!({"type": "content_block_stop", "index": index}),
            false,
        ));
        index += 1;
    };
    if let Some(thought) = &answer.thought {
        let deltas = vec![
            json!({"type": "thinking_delta", "thinking": thought}),
            json!({"type": "signature_delta", "signature": SEAL}),
        ];
        block(
            &mut frames,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            deltas,
        );
    }
    if answer.calls.is_empty() || !answer.pieces.is_empty() {
        let deltas = answer
            .pieces
            .iter()
            .map(|piece| json!({"type": "text_delta", "text": piece}))
            .collect();
        block(&mut frames, json!({"type": "text", "text": ""}), deltas);
    }
    for call in &answer.calls {
        let deltas = halves(&call.arguments)
            .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
            .to_vec();
        block(
            &mut frames,
            json!({"type": "tool_use", "id": format!("toolu_{}", call.id), "name": call.name, "input": {}}),
            deltas,
        );
    }
    let mut last = json!({"type": "message_delta", "delta": {"stop_reason": finish(answer.finish), "stop_sequence": null}});
    if let Some(usage) = usage(&answer.usage, answer.usage.output, script) {
        last["usage"] = usage;
    }
    frames.push(Frame::named(&last, false));
    frames.push(Frame::named(&json!({"type": "message_stop"}), false));
    frames
}

/// An error body; also the data of an error event.
pub fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 | 503 => "overloaded_error",
        400..500 => "invalid_request_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"})
}

fn message(ask: &Ask, content: Vec<Value>, usage: Option<Value>) -> Value {
    let mut message = json!({"id": format!("msg_mock_{}", ask.number()), "type": "message", "role": "assistant", "model": ask.model, "content": content,
        "stop_reason": null, "stop_sequence": null});
    if let Some(usage) = usage {
        message["usage"] = usage;
    }
    message
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tool => "tool_use",
        Finish::Filter => "refusal",
    }
}

fn usage(usage: &Usage, output: u64, script: &Script) -> Option<Value> {
    if script.no_usage {
        return None;
    }
    if let Some([prompt, output, cached]) = &script.bad_usage {
        return Some(
            json!({"input_tokens": prompt, "output_tokens": output, "cache_read_input_tokens": cached}),
        );
    }
    Some(
        json!({"input_tokens": usage.prompt - usage.cached - usage.cache_write, "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cached, "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output, "service_tier": "standard"}),
    )
}
