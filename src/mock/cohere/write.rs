//! Writing an answer, whole or as events; and failing, which is an ordinary end with another reason.

use crate::mock::answer::{Answer, Finish, Usage, halves};
use crate::mock::ask::Ask;
use crate::mock::call::Call;
use crate::mock::script::Script;
use crate::mock::stream::Frame;
use serde_json::{Value, json};

/// What is said before tools are called.
const PLAN: &str = "I will use the tools.";
/// Tokens of every prompt that nobody pays for.
const PREAMBLE: u64 = 1;

/// The whole answer.
pub fn whole(ask: &Ask, answer: &Answer, script: &Script) -> Value {
    let mut content = Vec::new();
    if let Some(thought) = &answer.thought {
        content.push(json!({"type": "thinking", "thinking": thought}));
    }
    if answer.calls.is_empty() || !answer.pieces.is_empty() {
        content.push(json!({"type": "text", "text": answer.text()}));
    }
    let mut message = json!({"role": "assistant"});
    if !content.is_empty() {
        message["content"] = json!(content);
    }
    if !answer.calls.is_empty() {
        if plans(answer) {
            message["tool_plan"] = json!(PLAN);
        }
        message["tool_calls"] = answer
            .calls
            .iter()
            .map(|made| call(made, &made.arguments))
            .collect();
    }
    json!({"id": id(ask), "message": message, "finish_reason": finish(answer.finish), "usage": usage(&answer.usage, script)})
}

/// The stream's events, end mark included.
pub fn frames(ask: &Ask, answer: &Answer, script: &Script) -> Vec<Frame> {
    let message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let begin = json!({"id": id(ask), "type": "message-start", "delta": {"message": message}});
    let mut frames = vec![Frame::named(&begin, false)];
    let event = |kind: &str, index: usize, message: Value, content: bool| {
        let mut event = json!({"type": kind, "index": index});
        if !message.is_null() {
            event["delta"] = json!({"message": message});
        }
        Frame::named(&event, content)
    };
    let mut index = 0;
    let mut block = |frames: &mut Vec<Frame>, kind: &str, pieces: &[&str]| {
        let part = |text: &str| json!({"type": kind, kind: text});
        frames.push(event(
            "content-start",
            index,
            json!({"content": part("")}),
            false,
        ));
        for piece in pieces {
            frames.push(event(
                "content-delta",
                index,
                json!({"content": {kind: piece}}),
                true,
            ));
        }
        frames.push(event("content-end", index, Value::Null, false));
        index += 1;
    };
    if let Some(thought) = &answer.thought {
        block(&mut frames, "thinking", &halves(thought));
    }
    if answer.calls.is_empty() || !answer.pieces.is_empty() {
        let pieces: Vec<&str> = answer.pieces.iter().map(String::as_str).collect();
        block(&mut frames, "text", &pieces);
    }
    if !answer.calls.is_empty() && plans(answer) {
        for piece in PLAN.split_inclusive(' ') {
            let plan =
                json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}});
            frames.push(Frame::named(&plan, true));
        }
    }
    for (at, made) in answer.calls.iter().enumerate() {
        let begin = json!({"tool_calls": call(made, "")});
        frames.push(event("tool-call-start", at, begin, false));
        for piece in halves(&made.arguments) {
            let more = json!({"tool_calls": {"function": {"arguments": piece}}});
            frames.push(event("tool-call-delta", at, more, true));
        }
        frames.push(event("tool-call-end", at, Value::Null, false));
    }
    let end =
        json!({"finish_reason": finish(answer.finish), "usage": usage(&answer.usage, script)});
    frames.push(Frame::named(
        &json!({"type": "message-end", "delta": end}),
        false,
    ));
    frames.push(Frame::data(&"[DONE]", false));
    frames
}

/// The event that ends a failed answer: its head said 200 long ago.
pub fn failed_event(message: &str) -> Frame {
    let delta = json!({"error": message, "finish_reason": "ERROR", "usage": {}});
    Frame::named(&json!({"type": "message-end", "delta": delta}), false)
}

/// An error body.
pub fn error(message: &str) -> Value {
    json!({"id": "00000000-0000-4000-8000-000000000000", "message": message})
}

fn id(ask: &Ask) -> String {
    format!("00000000-0000-4000-8000-{:012}", ask.number())
}

/// Who thinks does not plan aloud.
fn plans(answer: &Answer) -> bool {
    answer.thought.is_none() && answer.pieces.is_empty()
}

fn call(call: &Call, arguments: &str) -> Value {
    let number = call.id.trim_start_matches("mock_");
    json!({"id": format!("{}_mock{number}", call.name), "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "COMPLETE",
        Finish::Length => "MAX_TOKENS",
        Finish::Tool => "TOOL_CALL",
        Finish::Filter => "ERROR",
    }
}

fn usage(usage: &Usage, script: &Script) -> Value {
    if script.no_usage {
        return json!({});
    }
    if let Some([prompt, output, total]) = &script.bad_usage {
        return json!({"billed_units": {"input_tokens": prompt, "output_tokens": output}, "tokens": {"input_tokens": total}});
    }
    json!({"billed_units": {"input_tokens": usage.prompt.saturating_sub(PREAMBLE), "output_tokens": usage.output},
        "tokens": {"input_tokens": usage.prompt, "output_tokens": usage.output}, "cached_tokens": usage.cached})
}
