//! Writing an answer, whole or as the messages of a stream; and failing.

use super::SEAL;
use crate::mock::answer::{Answer, Finish, Usage, halves};
use crate::mock::script::Script;
use crate::mock::stream::Frame;
use serde_json::{Value, json};

/// The whole answer.
pub fn whole(answer: &Answer, script: &Script) -> Value {
    let mut content = Vec::new();
    if let Some(thought) = &answer.thought {
        content.push(
            json!({"reasoningContent": {"reasoningText": {"text": thought, "signature": SEAL}}}),
        );
    }
    if answer.calls.is_empty() || !answer.pieces.is_empty() {
        content.push(json!({"text": answer.text()}));
    }
    for call in &answer.calls {
        // Whole answers carry parsed input; what does not parse can only be told in a stream.
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        content.push(json!({"toolUse": {"toolUseId": format!("tooluse_{}", call.id), "name": call.name, "input": input}}));
    }
    let mut body = json!({"metrics": {"latencyMs": 1}, "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": finish(answer.finish)});
    if let Some(usage) = usage(&answer.usage, script) {
        body["usage"] = usage;
    }
    body
}

/// The stream's messages. Only calls say that they begin.
pub fn frames(answer: &Answer, script: &Script) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut push = |name: &str, data: Value, content: bool| {
        let data = padded(data, frames.len());
        frames.push(Frame::called(name, &data, content));
    };
    let mut index = 0;
    let mut block =
        |push: &mut dyn FnMut(&str, Value, bool), start: Option<Value>, deltas: Vec<Value>| {
            if let Some(start) = start {
                push(
                    "contentBlockStart",
                    json!({"contentBlockIndex": index, "start": start}),
                    false,
                );
            }
            for delta in deltas {
                push(
                    "contentBlockDelta",
                    json!({"contentBlockIndex": index, "delta": delta}),
                    true,
                );
            }
            push(
                "contentBlockStop",
                json!({"contentBlockIndex": index}),
                false,
            );
            index += 1;
        };
    push("messageStart", json!({"role": "assistant"}), false);
    if let Some(thought) = &answer.thought {
        let deltas = [json!({"text": thought}), json!({"signature": SEAL})];
        let deltas = deltas.map(|delta| json!({"reasoningContent": delta}));
        block(&mut push, None, deltas.to_vec());
    }
    if answer.calls.is_empty() || !answer.pieces.is_empty() {
        let pieces = answer.pieces.iter();
        block(
            &mut push,
            None,
            pieces.map(|piece| json!({"text": piece})).collect(),
        );
    }
    for call in &answer.calls {
        let start =
            json!({"toolUse": {"toolUseId": format!("tooluse_{}", call.id), "name": call.name}});
        let deltas = halves(&call.arguments).map(|piece| json!({"toolUse": {"input": piece}}));
        block(&mut push, Some(start), deltas.to_vec());
    }
    push(
        "messageStop",
        json!({"stopReason": finish(answer.finish)}),
        false,
    );
    let mut metadata = json!({"metrics": {"latencyMs": 1}});
    if let Some(usage) = usage(&answer.usage, script) {
        metadata["usage"] = usage;
    }
    push("metadata", metadata, false);
    frames
}

/// The data of the `at`th message with some of the letters in `p` that hide how long it is.
pub fn padded(mut data: Value, at: usize) -> Value {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let long = 4 + 17 * at % (LETTERS.len() - 4);
    data["p"] = json!(&LETTERS[..long]);
    data
}

/// The message that ends a stream as failed; `code` names another exception than Amazon's own.
pub fn exception(message: &str, code: Option<&str>) -> Frame {
    let code = code.unwrap_or("InternalServerException");
    let mut letters = code.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    let name: String = first.into_iter().chain(letters).collect();
    Frame::exception(&name, &json!({"message": message}))
}

/// The exception of a status.
pub fn kind(status: u16) -> &'static str {
    match status {
        401 => "UnrecognizedClientException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        503 => "ServiceUnavailableException",
        400..500 => "ValidationException",
        _ => "InternalServerException",
    }
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Tool => "tool_use",
        Finish::Filter => "content_filtered",
    }
}

fn usage(usage: &Usage, script: &Script) -> Option<Value> {
    if script.no_usage {
        return None;
    }
    if let Some([prompt, output, total]) = &script.bad_usage {
        return Some(json!({"inputTokens": prompt, "outputTokens": output, "totalTokens": total}));
    }
    let fresh = usage.prompt - usage.cached - usage.cache_write;
    let mut told = json!({"inputTokens": fresh, "outputTokens": usage.output, "totalTokens": usage.prompt + usage.output,
        "cacheReadInputTokens": usage.cached, "cacheReadInputTokenCount": usage.cached,
        "cacheWriteInputTokens": usage.cache_write, "cacheWriteInputTokenCount": usage.cache_write, "serverToolUsage": {}});
    if usage.cache_write > 0 {
        told["cacheDetails"] = json!([{"ttl": "5m", "inputTokens": usage.cache_write}]);
    }
    Some(told)
}
