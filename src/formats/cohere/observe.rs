//! What Cohere's replies say of themselves: usage, end, errors and how much text. The one reader of these, for replies
//! that are forwarded and for those that are translated; what is said word for word is read in `stream`.

use super::usage::{Counts, Units};
use crate::formats::{
    Mark, Seen,
    fault::{Signs, fault_inside},
    lenient::{Either, Fold, Given, Said, Text, either, items, object},
    outline::{Outline, look},
};
use serde::{Deserialize, Deserializer};
use serde_json::json;

/// Any event, or a whole reply: the fields gw looks at.
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
    delta: Delta<'a>,
    #[serde(borrow, default)]
    finish_reason: Text<'a>,
    #[serde(default, deserialize_with = "object")]
    usage: Counts,
    #[serde(default)]
    error: Given,
}

/// What is said; or, where an error is flat, its words.
#[derive(Default)]
struct Message {
    given: bool,
    said: Words,
    words: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Words {
    content: Said,
    tool_plan: Said,
    #[serde(deserialize_with = "items")]
    tool_calls: Calls,
}

#[derive(Clone, Copy, Default)]
struct Calls(Said);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Call {
    #[serde(deserialize_with = "object")]
    function: Function,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function {
    arguments: Said,
}

impl Fold<Call> for Calls {
    fn item(&mut self, call: Call) {
        self.0.any = true;
        self.0.add(call.function.arguments);
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Message, D::Error> {
        Ok(match either(from)? {
            Either::Object(said) => Message {
                given: true,
                said,
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
struct Delta<'a> {
    #[serde(deserialize_with = "object")]
    message: Words,
    #[serde(borrow)]
    finish_reason: Text<'a>,
    #[serde(borrow)]
    error: Text<'a>,
    #[serde(borrow)]
    error_type: Text<'a>,
    #[serde(deserialize_with = "object")]
    usage: Counts,
}

impl Words {
    fn bytes(&self) -> u64 {
        let mut sum = self.content;
        sum.add(self.tool_plan);
        sum.add(self.tool_calls.0);
        sum.bytes
    }
}

/// What is looked at of an event or a body.
enum Outlined {}

impl Outline for Outlined {
    type Of<'a> = Body<'a>;
}

/// What one event of a stream means.
pub fn observe(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
    match data.trim_ascii() {
        b"" => return Mark::Setup,
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

/// Whether it is an error, which is then read: one as other APIs have it, or an end that is none.
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
        return true;
    }
    let reason = match body.delta.finish_reason.as_str() {
        "" => body.finish_reason.as_str(),
        reason => reason,
    };
    let status = match reason {
        "ERROR" => 502,
        "TIMEOUT" => 504,
        _ => return false,
    };
    let message = match body.delta.error.as_str() {
        "" => format!("the model ended its answer with `{reason}`"),
        said => said.to_owned(),
    };
    let mut said = json!({"message": message});
    if !body.delta.error_type.as_str().is_empty() {
        said["type"] = json!(body.delta.error_type.as_str());
    }
    let mut fault = fault_inside(said.to_string().as_bytes());
    fault.status = status;
    seen.fault = Some(fault);
    true
}

fn note(event: &str, body: Body<'_>, data: &[u8], seen: &mut Seen) -> Mark {
    if failed(event, &body, data, seen) {
        return Mark::Error;
    }
    let kind = match body.kind.as_str() {
        "" => event,
        kind => kind,
    };
    let bytes = body.delta.message.bytes();
    seen.text_bytes = seen.text_bytes.saturating_add(bytes);
    match kind {
        "content-start" | "content-delta" if bytes > 0 => Mark::Content,
        "tool-call-start" | "tool-call-delta" | "citation-start" => Mark::Content,
        "message-end" => {
            used(&body.delta.usage, seen);
            ended(seen);
            Mark::Content
        }
        // A whole reply; in a stream it would be a server that ignored `stream`.
        "" if body.message.given => all(&body, seen),
        // What a model plans is not yet an answer: it may come to nothing, and then another is asked.
        _ => Mark::Setup,
    }
}

fn used(counts: &Counts, seen: &mut Seen) {
    if let usage @ Some(_) = counts.usage() {
        seen.usage = usage;
    }
}

/// The one choice this format knows.
fn ended(seen: &mut Seen) {
    seen.choices.note(0, true);
    seen.finished = seen.choices.complete();
}

fn all(body: &Body<'_>, seen: &mut Seen) -> Mark {
    seen.text_bytes = seen.text_bytes.saturating_add(body.message.said.bytes());
    used(&body.usage, seen);
    // A whole reply says all there is.
    ended(seen);
    Mark::Content
}

/// Usage and text of a whole reply; an error in its place as well.
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
        if outline.message.given {
            return all(&outline, seen);
        }
        used(&outline.usage, seen);
        Mark::Setup
    });
    mark.unwrap_or(Mark::Malformed)
}

/// Usage out of an embeddings reply, which stands behind far more numbers: read from the end. What has none is looked at
/// as a whole, for it may be an error.
pub fn observe_embed(body: &[u8], seen: &mut Seen) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Meta {
        #[serde(deserialize_with = "object")]
        billed_units: Units,
    }
    // Quotes inside strings are escaped, so this is a key.
    let meta = memchr::memmem::rfind(body, META).and_then(|at| {
        let rest = body.get(at + META.len()..)?.trim_ascii_start();
        let rest = rest.strip_prefix(b":")?;
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Meta>();
        values.next()?.ok()
    });
    match meta.and_then(|meta| meta.billed_units.usage()) {
        usage @ Some(_) => {
            seen.usage = usage;
            seen.finished = true;
        }
        None => observe_reply(body, seen),
    }
}

/// Where an embeddings reply says what it used.
const META: &[u8] = b"\"meta\"";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_event_is_marked() {
        for (data, want) in [
            (
                r#"{"id":"c","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}"#,
                Mark::Content,
            ),
            (
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}}"#,
                Mark::Content,
            ),
            (r#"{"type":"content-end","index":0}"#, Mark::Setup),
            (
                r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"f_1","type":"function","function":{"name":"f","arguments":""}}}}}"#,
                Mark::Content,
            ),
            (r#"{"type":"tool-call-end","index":0}"#, Mark::Setup),
            (
                r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{}}}"#,
                Mark::Content,
            ),
            (
                r#"{"type":"message-end","delta":{"finish_reason":"ERROR","usage":{}}}"#,
                Mark::Error,
            ),
            (r#"{"id":"e","message":"invalid api token"}"#, Mark::Error),
            (r#"{"type":"debug","prompt":"x"}"#, Mark::Setup),
            ("", Mark::Setup),
            ("[DONE]", Mark::Done),
            (r#"{"type":"message-e"#, Mark::Malformed),
            ("7", Mark::Malformed),
        ] {
            assert_eq!(
                observe("", data.as_bytes(), &mut Seen::default()),
                want,
                "{data}"
            );
        }
    }

    #[test]
    fn a_plan_that_comes_to_nothing_is_a_failure_and_no_answer() {
        let mut seen = Seen::default();
        let plan = br#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#;
        assert_eq!(observe("", plan, &mut seen), Mark::Setup);
        let end = br#"{"type":"message-end","delta":{"finish_reason":"ERROR","usage":{},"error":"your request resulted in an invalid tool generation","error_type":"INVALID_TOOL_GENERATION"}}"#;
        assert_eq!(observe("", end, &mut seen), Mark::Error);
        let fault = seen.fault.unwrap();
        assert_eq!(
            (fault.status, &*fault.kind, &*fault.message),
            (
                502,
                "INVALID_TOOL_GENERATION",
                "your request resulted in an invalid tool generation"
            )
        );
        assert!(!seen.finished && seen.text_bytes == 6);
        let whole = br#"{"id":"c","finish_reason":"TIMEOUT","message":{"role":"assistant","content":[{"type":"text","text":"Hi"}]}}"#;
        let mut seen = Seen::default();
        observe_reply(whole, &mut seen);
        assert_eq!(seen.fault.map(|fault| fault.status), Some(504));
    }

    #[test]
    fn whole_replies_give_usage() {
        let mut seen = Seen::default();
        let body = br#"{"id":"c","message":{"role":"assistant","tool_plan":"abc","content":[{"type":"text","text":"four"}],"tool_calls":[{"id":"f_1","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3,"output_tokens":4},"tokens":{"input_tokens":3,"output_tokens":4}}}"#;
        observe_reply(body, &mut seen);
        assert_eq!(
            (seen.usage.unwrap().total(), seen.finished, seen.text_bytes),
            (7, true, 9)
        );
        observe_reply(b"<html>", &mut seen);
        observe_reply(b"", &mut seen);
    }
}
