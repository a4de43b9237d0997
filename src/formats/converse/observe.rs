//! What Converse replies say of themselves: usage, end, errors and how much text. The one reader of these, for replies that
//! are forwarded and for those that are translated; what is said word for word is read in `stream`.

use super::usage::Counts;
use crate::formats::{
    Mark, Seen,
    fault::{Signs, fault_named},
    lenient::{Fold, Given, Said, fold, maybe, object},
    outline::{Outline, look},
    tier::Served,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The payload of any event, or a whole answer: the members gw looks at.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    role: Given,
    content_block_index: Option<IgnoredAny>,
    #[serde(deserialize_with = "maybe")]
    start: Option<Start>,
    #[serde(deserialize_with = "maybe")]
    delta: Option<Delta>,
    stop_reason: Given,
    #[serde(deserialize_with = "maybe")]
    usage: Option<Counts>,
    #[serde(deserialize_with = "maybe")]
    output: Option<Output>,
    message: Given,
    /// As services in front of Bedrock's own spell it.
    #[serde(rename = "Message")]
    capital: Given,
    detail: Given,
    error: Given,
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ServiceTier.html>
    #[serde(deserialize_with = "object")]
    service_tier: ServiceTier,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ServiceTier {
    r#type: Served,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Start {
    tool_use: Given,
    tool_result: Given,
    image: Given,
}

/// A call of a whole answer, in which its input is as it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Delta {
    text: Said,
    #[serde(deserialize_with = "object")]
    tool_use: Input,
    #[serde(deserialize_with = "object")]
    reasoning_content: Reasoning,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    input: Said,
}

/// A thought, as streams and as whole answers have it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reasoning {
    text: Said,
    #[serde(deserialize_with = "object")]
    reasoning_text: ReasoningText,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReasoningText {
    text: Said,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    #[serde(deserialize_with = "object")]
    message: Message,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "fold")]
    content: Blocks,
}

/// The blocks of a whole answer: how much text they hold, calls' input included.
#[derive(Default)]
struct Blocks {
    bytes: u64,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Block<'a>(#[serde(borrow, deserialize_with = "object")] Inner<'a>);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Inner<'a> {
    text: Said,
    #[serde(borrow, deserialize_with = "maybe")]
    tool_use: Option<Call<'a>>,
    #[serde(deserialize_with = "object")]
    reasoning_content: Reasoning,
    #[serde(deserialize_with = "object")]
    citations_content: Cited,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cited {
    content: Said,
}

impl<'a> Fold<Block<'a>> for Blocks {
    fn item(&mut self, Block(block): Block<'a>) {
        let input = block.tool_use.and_then(|call| call.input);
        for bytes in [
            block.text.bytes,
            block.reasoning_content.bytes(),
            block.citations_content.content.bytes,
            input.map_or(0, |input| input.get().len() as u64),
        ] {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }
}

impl Reasoning {
    fn bytes(&self) -> u64 {
        self.text
            .bytes
            .saturating_add(self.reasoning_text.text.bytes)
    }
}

/// What is looked at of an event or a body.
enum Outlined {}

impl Outline for Outlined {
    type Of<'a> = Body;
}

/// What one event of a stream means.
pub fn observe(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
    let known = look::<Outlined, _>(data, |body, data| note(event, body, data, seen));
    known.unwrap_or_else(|| match (failed_by_name(event), data.trim_ascii()) {
        (true, _) => {
            seen.fault = Some(fault_named(event, data));
            Mark::Error
        }
        (false, b"") => Mark::Setup,
        (false, _) => Mark::Malformed,
    })
}

fn failed_by_name(event: &str) -> bool {
    Signs {
        event,
        ..Signs::default()
    }
    .fault()
}

/// Whether it is an error, which is then read.
fn failed(event: &str, body: &Body, data: &[u8], seen: &mut Seen) -> bool {
    let signs = Signs {
        event,
        error: body.error.0,
        words: body.message.0 || body.capital.0 || body.detail.0,
        answer: body.output.is_some() || body.content_block_index.is_some() || body.role.0,
        ..Signs::default()
    };
    if signs.fault() {
        seen.fault = Some(fault_named(event, data));
    }
    signs.fault()
}

/// By what is in it: that is what it says, whatever it is called.
fn note(event: &str, body: Body, data: &[u8], seen: &mut Seen) -> Mark {
    if failed(event, &body, data, seen) {
        return Mark::Error;
    }
    let mut text = |bytes: u64| seen.text_bytes = seen.text_bytes.saturating_add(bytes);
    if let Some(delta) = &body.delta {
        text(delta.text.bytes);
        text(delta.reasoning_content.bytes());
        text(delta.tool_use.input.bytes);
        return Mark::Content;
    }
    if let Some(start) = &body.start {
        let said = start.tool_use.0 || start.tool_result.0 || start.image.0;
        return if said { Mark::Content } else { Mark::Setup };
    }
    if body.output.is_some() {
        return all(body, seen);
    }
    if let Some(usage) = &body.usage {
        seen.usage = usage.usage().or(seen.usage);
        body.service_tier.r#type.note(seen);
        // Behind the end: the last thing that is said.
        return Mark::Done;
    }
    if body.stop_reason.0 {
        ended(seen);
        return Mark::Content;
    }
    // The beginning, the end of a block, and kinds to come.
    Mark::Setup
}

/// The one choice this format knows.
fn ended(seen: &mut Seen) {
    seen.choices.note(0, true);
    seen.finished = seen.choices.complete();
}

/// A whole answer says all there is; in a stream it would be a server that took the wrong path.
fn all(body: Body, seen: &mut Seen) -> Mark {
    let bytes = body.output.map_or(0, |output| output.message.content.bytes);
    seen.text_bytes = seen.text_bytes.saturating_add(bytes);
    seen.usage = body.usage.and_then(|usage| usage.usage()).or(seen.usage);
    body.service_tier.r#type.note(seen);
    ended(seen);
    Mark::Content
}

/// Usage and text of a whole answer; an error in its place as well.
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
        match outline.output.is_some() {
            true => all(outline, seen),
            false => Mark::Setup,
        }
    });
    mark.unwrap_or(Mark::Malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_event_is_marked() {
        for (event, data, want) in [
            (
                "messageStart",
                r#"{"role":"assistant","p":"ab"}"#,
                Mark::Setup,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#,
                Mark::Content,
            ),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":0,"start":{"toolUse":{"name":"f","toolUseId":"t"}}}"#,
                Mark::Content,
            ),
            (
                "contentBlockStop",
                r#"{"contentBlockIndex":0}"#,
                Mark::Setup,
            ),
            ("messageStop", r#"{"stopReason":"end_turn"}"#, Mark::Content),
            (
                "metadata",
                r#"{"metrics":{"latencyMs":1},"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#,
                Mark::Done,
            ),
            (
                "throttlingException",
                r#"{"message":"Too many requests"}"#,
                Mark::Error,
            ),
            ("modelStreamErrorException", "", Mark::Error),
            ("somethingNew", r#"{"x":[1]}"#, Mark::Setup),
            ("", r#"{"message":"no"}"#, Mark::Error),
            ("", r#"{"Message":"no"}"#, Mark::Error),
            ("", "", Mark::Setup),
            ("", "7", Mark::Malformed),
            ("contentBlockDelta", r#"{"delta":"#, Mark::Malformed),
        ] {
            assert_eq!(
                observe(event, data.as_bytes(), &mut Seen::default()),
                want,
                "{event} {data}"
            );
        }
    }

    #[test]
    fn an_exception_has_its_status() {
        for (event, status) in [
            ("throttlingException", 429),
            ("validationException", 400),
            ("modelStreamErrorException", 424),
            ("modelTimeoutException", 408),
            ("internalServerException", 500),
            ("serviceUnavailableException", 503),
            ("newException", 502),
        ] {
            let mut seen = Seen::default();
            observe(event, br#"{"message":"no"}"#, &mut seen);
            let fault = seen.fault.unwrap();
            assert_eq!((fault.status, &*fault.message), (status, "no"), "{event}");
        }
    }

    #[test]
    fn whole_answers_give_usage_and_text() {
        let mut seen = Seen::default();
        let body =
            br#"{"metrics":{"latencyMs":2},"output":{"message":{"role":"assistant","content":[
            {"text":"four"},7,{"toolUse":{"toolUseId":"t","name":"f","input":{"a":1}}},
            {"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},
            {"citationsContent":{"content":[{"text":"abc"}],"citations":[]}}]}},
            "stopReason":"tool_use","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}"#;
        observe_reply(body, &mut seen);
        assert_eq!(
            (seen.usage.unwrap().total(), seen.finished, seen.text_bytes),
            (7, true, 4 + 7 + 2 + 3)
        );
        for none in [&b"<html>"[..], b"", b"{}"] {
            let mut seen = Seen::default();
            observe_reply(none, &mut seen);
            assert!(!seen.finished && seen.usage.is_none());
        }
    }
}
