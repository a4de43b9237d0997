//! Ready-made answers for measurements: as fast as the mock can be.

use super::ask::Wire;
use super::endpoint::Endpoint;
use super::http::{self, Framing, Request};
use serde_json::json;

/// Ready-made answers for measurements: head and body of a fixed size, one for each format.
pub struct Plain {
    answers: [(Endpoint<'static>, Vec<u8>); 6],
}

impl Plain {
    /// Bodies of `bytes`, or as small as they can be.
    pub fn new(bytes: usize) -> Plain {
        let build = |wire: Wire| {
            let body =
                |text: usize| body(wire, &format!("{} {}", super::GREETING, "x".repeat(text)));
            let body = body(bytes.saturating_sub(body(0).len()));
            let mut answer = http::head(
                200,
                "application/json",
                Framing::Length(body.len()),
                true,
                &[],
            );
            answer.extend_from_slice(body.as_bytes());
            (Endpoint::Chat(wire), answer)
        };
        Plain {
            answers: [
                Wire::Openai,
                Wire::Responses,
                Wire::Anthropic,
                Wire::Gemini,
                Wire::Converse,
                Wire::Cohere,
            ]
            .map(build),
        }
    }

    /// The fixed answer, where a request is plain enough for it.
    pub fn answer(&self, request: &Request) -> Option<&[u8]> {
        let asks = |needle: &str| memchr::memmem::find(&request.body, needle.as_bytes()).is_some();
        if !request.keep_alive
            || request.method != "POST"
            || asks("\"stream\":true")
            || asks("\"stream\": true")
            || request.header("x-mock").is_some()
        {
            return None;
        }
        let endpoint = Endpoint::of(request.path());
        let known = self.answers.iter().find(|(known, _)| *known == endpoint);
        known.map(|(_, answer)| answer.as_slice())
    }
}

fn body(wire: Wire, text: &str) -> String {
    match wire {
        Wire::Openai => json!({"id": "chatcmpl-mock", "object": "chat.completion", "created": 1_760_000_000, "model": "mock",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 200, "total_tokens": 220}, "system_fingerprint": "gw-mock"}),
        Wire::Responses => json!({"id": "resp_mock", "object": "response", "created_at": 1_760_000_000, "status": "completed", "model": "mock",
            "output": [{"id": "msg_mock", "type": "message", "status": "completed", "role": "assistant",
                "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": text}]}],
            "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
            "usage": {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 200,
                "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 220}}),
        Wire::Anthropic => json!({"id": "msg_mock", "type": "message", "role": "assistant", "model": "mock",
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 20, "output_tokens": 200}}),
        Wire::Converse => json!({"metrics": {"latencyMs": 1}, "output": {"message": {"content": [{"text": text}], "role": "assistant"}},
            "stopReason": "end_turn", "usage": {"inputTokens": 20, "outputTokens": 200, "totalTokens": 220}}),
        Wire::Cohere => json!({"id": "mock", "message": {"role": "assistant", "content": [{"type": "text", "text": text}]}, "finish_reason": "COMPLETE",
            "usage": {"billed_units": {"input_tokens": 20, "output_tokens": 200}, "tokens": {"input_tokens": 80, "output_tokens": 200}}}),
        Wire::Gemini => json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 20, "candidatesTokenCount": 200, "totalTokenCount": 220}, "modelVersion": "mock", "responseId": "mock"}),
    }
    .to_string()
}
