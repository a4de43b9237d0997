//! What Anthropic replies say of themselves: usage, end, errors and how much text. The one reader of these, for replies
//! that are forwarded and for those that are translated; what is said word for word is read in `stream`.

use super::usage::Counts;
use crate::formats::{
    Mark, Seen,
    fault::{Signs, fault_inside},
    lenient::{Either, Fold, Given, Said, Text, either, fold, object},
    outline::{Outline, look},
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Any event, or a whole message: the fields gw looks at.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    object: Text<'a>,
    #[serde(default)]
    message: Message,
    #[serde(default)]
    detail: Given,
    #[serde(borrow, default, deserialize_with = "object")]
    content_block: Block<'a>,
    #[serde(default, deserialize_with = "object")]
    delta: Delta,
    #[serde(default, deserialize_with = "fold")]
    content: Blocks,
    #[serde(default, deserialize_with = "object")]
    usage: Counts,
    #[serde(default)]
    error: Given,
}

/// The head of a message; or, where an error is flat, its words.
#[derive(Default)]
struct Message {
    usage: Counts,
    words: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(deserialize_with = "object")]
    usage: Counts,
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Message, D::Error> {
        Ok(match either(from)? {
            Either::Object(Head { usage }) => Message {
                usage,
                words: false,
            },
            Either::Words => Message {
                words: true,
                ..Message::default()
            },
            Either::Neither => Message::default(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    text: Said,
    thinking: Said,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// The blocks of a whole message: how much text they hold, calls' input included.
#[derive(Default)]
struct Blocks {
    given: bool,
    bytes: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    text: Said,
    thinking: Said,
    partial_json: Said,
    stop_reason: Given,
}

impl Block<'_> {
    fn said(&self) -> Said {
        let mut said = self.text;
        said.add(self.thinking);
        said
    }
}

impl<'a> Fold<Block<'a>> for Blocks {
    fn item(&mut self, block: Block<'a>) {
        self.given = true;
        let input = block.input.map_or(0, |input| input.get().len() as u64);
        self.bytes = self
            .bytes
            .saturating_add(block.said().bytes)
            .saturating_add(input);
    }
}

/// What is looked at of an event or a body.
enum Outlined {}

impl Outline for Outlined {
    type Of<'a> = Body<'a>;
}

/// What one event of a message stream means.
pub fn observe(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
    match data.trim_ascii() {
        b"" => return Mark::Setup,
        // OpenRouter ends this format's streams like its others, behind `message_stop`.
        b"[DONE]" => return Mark::Done,
        _ => {}
    }
    look::<Outlined, _>(data, |body, data| note(event, body, data, seen)).unwrap_or_else(|| {
        if event == "error" {
            seen.fault = Some(fault_inside(data));
            return Mark::Error;
        }
        Mark::Malformed
    })
}

/// Whether it is an error, which is then read.
fn failed(event: &str, body: &Body<'_>, data: &[u8], seen: &mut Seen) -> bool {
    let kind = body.kind.as_str();
    let signs = Signs {
        event,
        kind,
        object: body.object.as_str(),
        error: body.error.0,
        words: body.message.words || body.detail.0,
        // A flat error may have a type of its own.
        answer: !kind.is_empty() && !kind.ends_with("error"),
    };
    if signs.fault() {
        seen.fault = Some(fault_inside(data));
    }
    signs.fault()
}

fn note(event: &str, body: Body<'_>, data: &[u8], seen: &mut Seen) -> Mark {
    if failed(event, &body, data, seen) {
        return Mark::Error;
    }
    let kind = match body.kind.as_str() {
        "" => event,
        kind => kind,
    };
    let mut text = |said: Said| seen.text_bytes = seen.text_bytes.saturating_add(said.bytes);
    match kind {
        "content_block_delta" => {
            text(body.delta.text);
            text(body.delta.thinking);
            text(body.delta.partial_json);
            Mark::Content
        }
        "content_block_start" => {
            let block = &body.content_block;
            let said = block.said();
            text(said);
            let empty = matches!(block.kind.as_str(), "text" | "thinking") && !said.any;
            if empty { Mark::Setup } else { Mark::Content }
        }
        "message_start" => {
            body.message.usage.merge(&mut seen.usage);
            body.message.usage.served().note(seen);
            Mark::Setup
        }
        "message_delta" => {
            body.usage.merge(&mut seen.usage);
            body.usage.served().note(seen);
            ended(body.delta.stop_reason.0, seen);
            Mark::Content
        }
        "message_stop" => Mark::Done,
        // A whole message; in a stream it would be a server that ignored `stream`.
        "message" => all(body, seen),
        // Ping, the end of a block, and kinds to come.
        _ => Mark::Setup,
    }
}

/// The one choice this format knows.
fn ended(ended: bool, seen: &mut Seen) {
    seen.choices.note(0, ended);
    seen.finished = seen.choices.complete();
}

fn all(body: Body<'_>, seen: &mut Seen) -> Mark {
    seen.text_bytes = seen.text_bytes.saturating_add(body.content.bytes);
    body.usage.merge(&mut seen.usage);
    body.usage.served().note(seen);
    // A whole message says all there is.
    ended(true, seen);
    Mark::Content
}

/// Usage and text of a whole message; an error in its place as well.
pub fn observe_reply(body: &[u8], seen: &mut Seen) {
    if !body.trim_ascii().is_empty() {
        whole(body, seen);
    }
}

/// The same, and what it is.
pub fn whole(body: &[u8], seen: &mut Seen) -> Mark {
    let mark = look::<Outlined, _>(body, |outline, data| {
        if failed("", &outline, data, seen) {
            return Mark::Error;
        }
        if outline.content.given || outline.kind.as_str() == "message" {
            return all(outline, seen);
        }
        outline.usage.merge(&mut seen.usage);
        Mark::Setup
    });
    mark.unwrap_or(Mark::Malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::chat::Usage;

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
                observe("", data.as_bytes(), &mut Seen::default()),
                want,
                "{data}"
            );
        }
        let mut seen = Seen::default();
        observe(
            "",
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
            observe("", data.as_bytes(), &mut seen);
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
        assert_eq!((seen.finished, seen.text_bytes), (true, 2));
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
    fn whole_messages_give_usage() {
        let mut seen = Seen::default();
        let body = br#"{"id":"m","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"four"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;
        observe_reply(body, &mut seen);
        assert_eq!(
            (seen.usage.unwrap().total(), seen.finished, seen.text_bytes),
            (7, true, 4)
        );
        observe_reply(b"<html>", &mut seen);
        observe_reply(b"", &mut seen);
    }
}
