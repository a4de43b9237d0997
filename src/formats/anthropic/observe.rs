//! Watching Anthropic replies go by: what each stream event means, and usage out of whole replies.

use crate::{
    chat::Usage,
    formats::{
        Mark, Seen,
        fault::{read_fault, status_of},
        lenient::{Count, Text, Weight, object},
    },
};
use serde::Deserialize;
use std::borrow::Cow;

/// Any event, or a whole message: the fields gw looks at.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    model: Text<'a>,
    #[serde(borrow, default, deserialize_with = "object")]
    message: Message<'a>,
    #[serde(borrow, default, deserialize_with = "object")]
    content_block: Block<'a>,
    #[serde(default, deserialize_with = "object")]
    delta: Delta,
    #[serde(default)]
    content: Weight,
    #[serde(default)]
    stop_reason: Weight,
    #[serde(default, deserialize_with = "object")]
    usage: Counts,
    #[serde(default)]
    error: Weight,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(deserialize_with = "object")]
    usage: Counts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    text: Weight,
    thinking: Weight,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    text: Weight,
    thinking: Weight,
    partial_json: Weight,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Counts {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    #[serde(deserialize_with = "object")]
    cache_creation: Written,
    #[serde(deserialize_with = "object")]
    output_tokens_details: OutputDetails,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Written {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Count,
}

impl Counts {
    /// Adds these counts to what is known. They are running totals: of the output the last one holds, of the
    /// input the largest, since some servers send zeros first and the truth last, or the other way round.
    /// Counts that cannot be believed end it all: then the usage is estimated.
    fn merge(&self, known: &mut Option<Usage>) {
        if [self.input_tokens, self.output_tokens].contains(&Count::Absurd) {
            *known = None;
            return;
        }
        // Without the input's size there is nothing to add to.
        if known.is_none() && self.input_tokens == Count::Absent {
            return;
        }
        let usage = known.get_or_insert_default();
        let long = self.cache_creation.ephemeral_1h_input_tokens.or_zero();
        let short = self.cache_creation.ephemeral_5m_input_tokens.or_zero().max(
            self.cache_creation_input_tokens
                .or_zero()
                .saturating_sub(long),
        );
        usage.input = usage.input.max(self.input_tokens.or_zero());
        usage.cache_read = usage.cache_read.max(self.cache_read_input_tokens.or_zero());
        usage.cache_write_1h = usage.cache_write_1h.max(long);
        // A later total without its split says nothing new about the split that is known.
        usage.cache_write_5m = usage.cache_write_5m.max(if long == 0 {
            short.saturating_sub(usage.cache_write_1h)
        } else {
            short
        });
        let output = match self.output_tokens {
            Count::Of(tokens) => tokens,
            Count::Absent | Count::Absurd => usage.completion(),
        };
        usage.reasoning = usage
            .reasoning
            .max(self.output_tokens_details.thinking_tokens.or_zero())
            .min(output);
        usage.output = output - usage.reasoning;
    }
}

fn parse(data: &[u8]) -> Option<Body<'_>> {
    // Derived structs would take a list of their fields, too.
    if !data.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(data).ok()
}

/// What one event of a message stream means.
pub fn observe(data: &[u8], seen: &mut Seen) -> Mark {
    match data.trim_ascii() {
        b"" => return Mark::Setup,
        // OpenRouter ends this format's streams like its others, behind `message_stop`.
        b"[DONE]" => return Mark::Done,
        _ => {}
    }
    if let Some(body) = parse(data) {
        return note(body, data, seen);
    }
    // Broken UTF-8 is the provider's and is forwarded as it is; only the look at it needs text.
    match String::from_utf8_lossy(data) {
        Cow::Owned(text) => {
            parse(text.as_bytes()).map_or(Mark::Malformed, |body| note(body, text.as_bytes(), seen))
        }
        Cow::Borrowed(_) => Mark::Malformed,
    }
}

fn note(body: Body<'_>, data: &[u8], seen: &mut Seen) -> Mark {
    let kind = body.kind.as_str();
    if body.error.any || kind == "error" {
        let mut fault = read_fault(502, data);
        fault.status = status_of(&fault);
        seen.fault = Some(fault);
        return Mark::Error;
    }
    let mut text = |parts: &[Weight]| {
        seen.text_bytes = parts
            .iter()
            .fold(seen.text_bytes, |sum, part| sum.saturating_add(part.bytes))
    };
    match kind {
        "content_block_delta" => {
            text(&[
                body.delta.text,
                body.delta.thinking,
                body.delta.partial_json,
            ]);
            Mark::Content
        }
        "content_block_start" => {
            let block = &body.content_block;
            text(&[block.text, block.thinking]);
            let empty = matches!(block.kind.as_str(), "text" | "thinking")
                && !block.text.any
                && !block.thinking.any;
            if empty { Mark::Setup } else { Mark::Content }
        }
        "message_start" => {
            body.message.usage.merge(&mut seen.usage);
            named(seen, body.message.model);
            Mark::Setup
        }
        "message_delta" => {
            body.usage.merge(&mut seen.usage);
            seen.finished = true;
            Mark::Content
        }
        "message_stop" => Mark::Done,
        // A whole message; in a stream it would be a server that ignored `stream`.
        "message" => {
            text(&[body.content]);
            body.usage.merge(&mut seen.usage);
            named(seen, body.model);
            seen.finished |= body.stop_reason.any;
            Mark::Content
        }
        // Ping, the end of a block, and kinds to come.
        _ => Mark::Setup,
    }
}

fn named(seen: &mut Seen, model: Text<'_>) {
    if seen.model.is_none() {
        seen.model = model
            .0
            .filter(|model| !model.is_empty())
            .map(Cow::into_owned);
    }
}

/// Usage and model out of a whole message; an error in it as well.
pub fn observe_reply(body: &[u8], seen: &mut Seen) {
    observe(body, seen);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn each_event_is_marked() {
        for (data, want) in [
            (
                r#"{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":1,"output_tokens":1}}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
                Mark::Content,
            ),
            (
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"Hi"}}"#,
                Mark::Content,
            ),
            (r#"{"type":"ping"}"#, Mark::Setup),
            (
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
                Mark::Content,
            ),
            (r#"{"type":"content_block_stop","index":0}"#, Mark::Setup),
            (
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}"#,
                Mark::Content,
            ),
            (r#"{"type":"message_stop"}"#, Mark::Done),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
                Mark::Error,
            ),
            (r#"{"error":{"message":"busy"}}"#, Mark::Error),
            (r#"{"type":"something_new","x":[1]}"#, Mark::Setup),
            ("", Mark::Setup),
            ("[DONE]", Mark::Done),
            (r#"{"type":"message_st"#, Mark::Malformed),
            ("7", Mark::Malformed),
        ] {
            assert_eq!(
                observe(data.as_bytes(), &mut Seen::default()),
                want,
                "{data}"
            );
        }
        let mut seen = Seen::default();
        observe(
            br#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#,
            &mut seen,
        );
        assert_eq!(
            seen.fault.map(|fault| (fault.status, fault.message)),
            Some((529, "busy".to_owned()))
        );
    }

    fn gather(events: &[&str]) -> Seen {
        let mut seen = Seen::default();
        for data in events {
            observe(data.as_bytes(), &mut seen);
        }
        seen
    }

    #[test]
    fn usage_is_merged_over_the_stream() {
        let seen = gather(&[
            r#"{"type":"message_start","message":{"model":"claude","usage":{"input_tokens":10,"cache_read_input_tokens":20,"cache_creation_input_tokens":35,"cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":5},"output_tokens":1}}}"#,
            r#"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":0,"cache_creation_input_tokens":35,"output_tokens":50}}"#,
            r#"{"type":"message_stop"}"#,
        ]);
        assert_eq!(
            seen.usage,
            Some(Usage {
                input: 10,
                cache_read: 20,
                cache_write_5m: 30,
                cache_write_1h: 5,
                output: 50,
                ..Usage::default()
            })
        );
        assert_eq!(
            (seen.model.as_deref(), seen.finished, seen.text_bytes),
            (Some("claude"), true, 2)
        );
        // The truth last, and no split of what was written.
        let late = gather(&[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":0,"output_tokens":0}}}"#,
            r#"{"type":"message_delta","delta":{},"usage":{"input_tokens":9,"cache_creation_input_tokens":4,"output_tokens":7}}"#,
        ]);
        assert_eq!(
            late.usage,
            Some(Usage {
                input: 9,
                cache_write_5m: 4,
                output: 7,
                ..Usage::default()
            })
        );
    }

    #[test]
    fn usage_is_believed_only_where_it_can_be() {
        for (start, delta) in [
            ("-1", "5"),
            ("\"9\"", "5"),
            ("9", "-5"),
            ("9", "1e18"),
            ("null", "5"),
            ("1000000000000000000", "5"),
        ] {
            let seen = gather(&[
                &format!(
                    r#"{{"type":"message_start","message":{{"usage":{{"input_tokens":{start},"output_tokens":1}}}}}}"#
                ),
                &format!(r#"{{"type":"message_delta","usage":{{"output_tokens":{delta}}}}}"#),
            ]);
            assert_eq!(seen.usage, None, "{start} {delta}");
        }
    }

    #[test]
    fn whole_messages_give_usage_and_model() {
        let mut seen = Seen::default();
        let body = br#"{"id":"m","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"four"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;
        observe_reply(body, &mut seen);
        assert_eq!(
            (
                seen.usage.unwrap().total(),
                seen.model.as_deref(),
                seen.finished
            ),
            (7, Some("claude"), true)
        );
        observe_reply(b"<html>", &mut seen);
        observe_reply(b"", &mut seen);
    }
}
