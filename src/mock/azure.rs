//! What Azure adds to OpenAI's chats: what its filters found, in streams as a first piece without any choice.
//! <https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter>

use super::stream::Frame;
use serde_json::{Value, json};

/// A whole answer with what the filters found.
pub fn whole(mut body: Value) -> Value {
    body["prompt_filter_results"] = json!([{"prompt_index": 0, "content_filter_results": found()}]);
    for choice in body["choices"].as_array_mut().into_iter().flatten() {
        choice["content_filter_results"] = found();
    }
    body
}

/// The piece that a stream begins with.
pub fn first() -> Frame {
    let results = json!([{"prompt_index": 0, "content_filter_results": found()}]);
    Frame::data(
        &json!({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": results}),
        false,
    )
}

fn found() -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    json!({"hate": safe, "self_harm": safe, "sexual": safe, "violence": safe})
}
