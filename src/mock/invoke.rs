//! Anthropic's answers as Amazon Bedrock's InvokeModel hands them on: events inside `chunk` messages, counts beside them.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html>

use super::answer::Usage;
use super::converse::padded;
use super::stream::Frame;
use base64::Engine as _;
use serde_json::{Value, json};

/// Each event of a stream inside a message of its own; the last one tells what was counted.
pub fn chunks(frames: Vec<Frame>, usage: &Usage) -> Vec<Frame> {
    let wrapped = |(at, frame): (usize, Frame)| {
        let mut event: Value = serde_json::from_str(frame.text()).unwrap_or_default();
        match event["type"].as_str() {
            // Nobody has to be kept waiting here.
            Some("ping") => return None,
            Some("message_stop") => {
                event["amazon-bedrock-invocationMetrics"] = json!({"inputTokenCount": fresh(usage), "outputTokenCount": usage.output,
                    "invocationLatency": 1, "firstByteLatency": 1, "cacheReadInputTokenCount": usage.cached,
                    "cacheWriteInputTokenCount": usage.cache_write});
            }
            _ => {}
        }
        let bytes = base64::engine::general_purpose::STANDARD.encode(event.to_string());
        let chunk = padded(json!({"bytes": bytes}), at);
        Some(Frame::called("chunk", &chunk, frame.content))
    };
    frames.into_iter().enumerate().filter_map(wrapped).collect()
}

/// The headers that count what an answer in one piece took.
pub fn counts(usage: &Usage) -> [String; 5] {
    [
        ("input-token-count", fresh(usage)),
        ("output-token-count", usage.output),
        ("cache-read-input-token-count", usage.cached),
        ("cache-write-input-token-count", usage.cache_write),
        ("invocation-latency", 1),
    ]
    .map(|(name, count)| format!("x-amzn-bedrock-{name}: {count}"))
}

fn fresh(usage: &Usage) -> u64 {
    usage.prompt - usage.cached - usage.cache_write
}
