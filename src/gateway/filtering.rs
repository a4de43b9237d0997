//! Whether a content filter ended an answer before any of it came: looked for only where another target would be tried for
//! that. What a format's words for it are its own reader knows.

use crate::chat::{Delta, Event, Opening, Part, Reply, Stop};
use crate::formats::{EventReader, Format, Seen};

/// A stream that has not begun, read for how it ends.
pub struct Filtering {
    /// `None`: the format is nothing that filters stop, or what is said is shown in the neutral model.
    reader: Option<Box<dyn EventReader + Send>>,
    events: Vec<Event>,
    said: bool,
    stopped: bool,
}

/// What is known of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something has been said.
    Said,
    /// A filter ended it before.
    Filtered,
    /// Neither so far.
    Open,
}

impl Filtering {
    /// Of a stream that is forwarded in this format; `None`: one that is read anyway.
    pub fn of(format: Option<&Format>) -> Filtering {
        let codec = format.and_then(|format| format.codec);
        Filtering {
            reader: codec.map(|codec| codec.reader()),
            events: Vec::new(),
            said: false,
            stopped: false,
        }
    }

    /// Takes an event in as the upstream sent it.
    pub fn read(&mut self, name: &str, data: &[u8]) {
        let mut events = std::mem::take(&mut self.events);
        if let Some(reader) = &mut self.reader {
            reader.read(name, data, &mut Seen::default(), &mut events);
        }
        self.see(&events);
        events.clear();
        self.events = events;
    }

    /// Takes in what is said in the neutral model.
    pub fn see(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Open { part, .. } => {
                    self.said |= matches!(
                        part,
                        Opening::Call(_) | Opening::Media(_) | Opening::Native(_)
                    );
                }
                Event::Delta { delta, .. } => {
                    self.said |= match delta {
                        Delta::Text(text) | Delta::Arguments(text) => !text.is_empty(),
                        Delta::Seal(_) | Delta::Citation(_) | Delta::Logprobs(_) => false,
                    };
                }
                Event::End { stop, .. } => self.stopped |= *stop == Some(Stop::Filter),
                Event::Begin { .. } | Event::Close { .. } | Event::Usage(_) | Event::Error(_) => {}
            }
        }
    }

    /// The stream is over.
    pub fn end(&mut self) {
        let mut events = Vec::new();
        if let Some(mut reader) = self.reader.take() {
            reader.end(&mut events);
        }
        self.see(&events);
    }

    pub fn verdict(&self) -> Verdict {
        match (self.said, self.stopped) {
            (true, _) => Verdict::Said,
            (false, true) => Verdict::Filtered,
            (false, false) => Verdict::Open,
        }
    }
}

/// Whether a filter ended a whole reply before any of it.
pub fn ended(reply: &Reply) -> bool {
    let says = |part: &Part| match part {
        Part::Text(text) => !text.text.is_empty(),
        Part::Refusal(text) => !text.is_empty(),
        Part::Thought(thought) => !thought.text.is_empty(),
        _ => true,
    };
    reply.stop == Some(Stop::Filter) && !reply.parts.iter().any(says)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::formats::{self, FormatId};

    /// What is known after each event, and at the end.
    fn verdicts(format: FormatId, events: &[(&str, &str)]) -> Vec<Verdict> {
        let mut filtering = Filtering::of(Some(formats::format(format)));
        let mut known: Vec<_> = events
            .iter()
            .map(|(name, data)| {
                filtering.read(name, data.as_bytes());
                filtering.verdict()
            })
            .collect();
        filtering.end();
        known.push(filtering.verdict());
        known
    }

    #[test]
    fn streams_that_a_filter_ends_before_any_content() {
        use Verdict::*;
        let role = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#;
        let filter = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#;
        let text = r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#;
        for (format, events, last) in [
            (
                FormatId::OpenaiChat,
                &[("", role), ("", filter)][..],
                Filtered,
            ),
            (
                FormatId::OpenaiChat,
                &[("", role), ("", text), ("", filter)],
                Said,
            ),
            (
                FormatId::OpenaiChat,
                &[
                    ("", role),
                    (
                        "",
                        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                    ),
                ],
                Open,
            ),
            (
                FormatId::Gemini,
                &[(
                    "",
                    r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#,
                )],
                Filtered,
            ),
            (
                FormatId::Gemini,
                &[(
                    "",
                    r#"{"candidates":[{"finishReason":"SAFETY","index":0}]}"#,
                )],
                Filtered,
            ),
            (
                FormatId::AnthropicMessages,
                &[
                    (
                        "message_start",
                        r#"{"type":"message_start","message":{"id":"m","role":"assistant","content":[],"model":"c","usage":{"input_tokens":1,"output_tokens":0}}}"#,
                    ),
                    (
                        "message_delta",
                        r#"{"type":"message_delta","delta":{"stop_reason":"refusal"},"usage":{"output_tokens":0}}"#,
                    ),
                    ("message_stop", r#"{"type":"message_stop"}"#),
                ],
                Filtered,
            ),
            (
                FormatId::BedrockConverse,
                &[
                    ("messageStart", r#"{"role":"assistant"}"#),
                    ("messageStop", r#"{"stopReason":"content_filtered"}"#),
                ],
                Filtered,
            ),
        ] {
            assert_eq!(verdicts(format, events).last(), Some(&last), "{events:?}");
        }
    }

    #[test]
    fn whole_replies_that_a_filter_ended_before_any_content() {
        for (format, body, expected) in [
            (
                FormatId::OpenaiChat,
                r#"{"choices":[{"index":0,"message":{"role":"assistant","content":null},"finish_reason":"content_filter"}]}"#,
                true,
            ),
            (
                FormatId::OpenaiChat,
                r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"half"},"finish_reason":"content_filter"}]}"#,
                false,
            ),
            (
                FormatId::OpenaiChat,
                r#"{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"stop"}]}"#,
                false,
            ),
            (
                FormatId::Gemini,
                r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{}}"#,
                true,
            ),
            (
                FormatId::AnthropicMessages,
                r#"{"type":"message","id":"m","role":"assistant","content":[],"model":"c","stop_reason":"refusal","usage":{"input_tokens":1,"output_tokens":0}}"#,
                true,
            ),
        ] {
            let codec = formats::format(format).codec.unwrap();
            let reply = codec
                .read_reply(body.as_bytes(), &mut Seen::default())
                .unwrap();
            assert_eq!(ended(&reply), expected, "{body}");
        }
    }
}
