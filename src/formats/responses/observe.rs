//! What replies say of themselves: usage, end, errors and how much text. The one reader of these, for replies that are
//! forwarded and for those that are translated; what is said word for word is read in `stream`.

use super::usage::{Counts, ToolUsage};
use crate::chat::Fault;
use crate::formats::{
    Mark, Seen,
    fault::{Signs, fault_inside},
    lenient::{Fold, Given, Said, Text, fold, object},
    outline::{Outline, look},
    tier::Served,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Any event, or a whole response: the fields gw looks at.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(default)]
    delta: Said,
    #[serde(borrow, default, deserialize_with = "object")]
    item: Item<'a>,
    #[serde(borrow, default, deserialize_with = "object")]
    response: Response<'a>,
    #[serde(default)]
    message: Given,
    #[serde(default)]
    detail: Given,
    #[serde(borrow, default)]
    object: Text<'a>,
    #[serde(borrow, default)]
    status: Text<'a>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "object")]
    usage: Counts,
    #[serde(default)]
    service_tier: Served,
    #[serde(default, deserialize_with = "object")]
    tool_usage: ToolUsage,
    #[serde(default, deserialize_with = "fold")]
    output: Output,
}

/// The response in an event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Response<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(deserialize_with = "object")]
    usage: Counts,
    service_tier: Served,
    #[serde(deserialize_with = "object")]
    tool_usage: ToolUsage,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    content: Said,
    summary: Said,
    arguments: Said,
    input: Said,
}

/// The items of a whole response: how much text they hold, calls' arguments included.
#[derive(Default)]
struct Output {
    given: bool,
    bytes: u64,
    searches: u64,
}

impl<'a> Fold<Item<'a>> for Output {
    fn item(&mut self, item: Item<'a>) {
        self.given = true;
        self.searches += u64::from(item.kind.as_str() == SEARCH);
        for said in [item.content, item.summary, item.arguments, item.input] {
            self.bytes = self.bytes.saturating_add(said.bytes);
        }
    }
}

/// The kind of an item that is a search of the web.
const SEARCH: &str = "web_search_call";

/// What is looked at of an event or a body.
enum Outlined {}

impl Outline for Outlined {
    type Of<'a> = Body<'a>;
}

/// What one event of a stream means.
pub fn observe(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
    match data.trim_ascii() {
        b"" => return Mark::Setup,
        // OpenRouter ends this format's streams like its others, behind the terminal event.
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

/// Whether raw JSON says anything.
fn says(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| serde_json::from_str(raw.get()).is_ok_and(|given: Given| given.0))
}

/// The error of a response that failed.
fn failure(error: Option<&RawValue>) -> Fault {
    fault_inside(error.map_or(&b"{}"[..], |raw| raw.get().as_bytes()))
}

/// Whether it is an error, which is then read.
fn failed(event: &str, body: &Body<'_>, data: &[u8], seen: &mut Seen) -> bool {
    let kind = body.kind.as_str();
    let signs = Signs {
        event,
        kind,
        object: body.object.as_str(),
        error: says(body.error),
        words: body.message.0 || body.detail.0,
        answer: kind.starts_with("response.") || body.object.as_str() == "response",
    };
    if signs.fault() {
        seen.fault = Some(fault_inside(data));
    } else if body.status.as_str() == "failed" {
        seen.fault = Some(failure(body.error));
    } else {
        return false;
    }
    true
}

fn note(event: &str, body: Body<'_>, data: &[u8], seen: &mut Seen) -> Mark {
    if failed(event, &body, data, seen) {
        return Mark::Error;
    }
    identified(&body.response.id, seen);
    let kind = match body.kind.as_str() {
        "" => event,
        kind => kind,
    };
    match kind {
        "response.output_text.delta"
        | "response.refusal.delta"
        | "response.reasoning_text.delta"
        | "response.reasoning_summary_text.delta"
        | "response.function_call_arguments.delta"
        | "response.custom_tool_call_input.delta" => {
            seen.text_bytes = seen.text_bytes.saturating_add(body.delta.bytes);
            match body.delta.any {
                true => Mark::Content,
                false => Mark::Setup,
            }
        }
        // Of these nothing is known but that they begin.
        "response.output_item.added" => match body.item.kind.as_str() {
            "message" | "reasoning" => Mark::Setup,
            _ => Mark::Content,
        },
        "response.output_item.done" => {
            seen.searches += u64::from(body.item.kind.as_str() == SEARCH);
            Mark::Content
        }
        // The last is what some services end with.
        "response.completed" | "response.incomplete" | "response.cancelled" | "response.done" => {
            ended(body.response, seen)
        }
        "response.failed" => {
            seen.fault = Some(failure(body.response.error));
            Mark::Error
        }
        // A whole response; in a stream it would be a server that ignored `stream`.
        _ if body.object.as_str() == "response" => all(body, seen),
        _ if kind.ends_with(".delta") => Mark::Content,
        // What begins or ends, and kinds to come.
        _ => Mark::Setup,
    }
}

/// Notes the id of a response that is kept.
fn identified(id: &Text<'_>, seen: &mut Seen) {
    if seen.keeps
        && seen.id.is_none()
        && let Some(id) = &id.0
    {
        seen.id = Some(id.to_string());
    }
}

/// The event that has the whole response in it.
fn ended(response: Response<'_>, seen: &mut Seen) -> Mark {
    if response.status.as_str() == "failed" {
        seen.fault = Some(failure(response.error));
        return Mark::Error;
    }
    used(&response.usage, &response.tool_usage, seen);
    response.service_tier.note(seen);
    finished(seen);
    Mark::Done
}

/// Usage, with what tools used beside it.
fn used(counts: &Counts, tools: &ToolUsage, seen: &mut Seen) {
    if let Some(usage) = counts.usage() {
        seen.usage = Some(tools.beside(usage, seen.searches));
    }
}

/// The one choice this format knows.
fn finished(seen: &mut Seen) {
    seen.choices.note(0, true);
    seen.finished = seen.choices.complete();
}

fn all(body: Body<'_>, seen: &mut Seen) -> Mark {
    identified(&body.id, seen);
    seen.text_bytes = seen.text_bytes.saturating_add(body.output.bytes);
    seen.searches = body.output.searches;
    used(&body.usage, &body.tool_usage, seen);
    body.service_tier.note(seen);
    // A whole response says all there is.
    finished(seen);
    Mark::Content
}

/// Usage and text of a whole response; an error in its place as well.
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
        if outline.output.given || outline.object.as_str() == "response" {
            return all(outline, seen);
        }
        if let usage @ Some(_) = outline.usage.usage() {
            seen.usage = usage;
        }
        Mark::Setup
    });
    mark.unwrap_or(Mark::Malformed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn each_event_is_marked() {
        for (data, want) in [
            (
                r#"{"type":"response.created","response":{"id":"r","status":"in_progress","error":null,"output":[]}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"response.output_item.added","item":{"type":"message","content":[]}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}"#,
                Mark::Content,
            ),
            (
                r#"{"type":"response.content_part.added","part":{"type":"output_text","text":""}}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"response.output_text.delta","delta":""}"#,
                Mark::Setup,
            ),
            (
                r#"{"type":"response.output_text.delta","delta":"Hi"}"#,
                Mark::Content,
            ),
            (
                r#"{"type":"response.audio.delta","delta":"AAAA"}"#,
                Mark::Content,
            ),
            (
                r#"{"type":"response.output_item.done","item":{"type":"reasoning","encrypted_content":"x"}}"#,
                Mark::Content,
            ),
            (r#"{"type":"keepalive"}"#, Mark::Setup),
            (
                r#"{"type":"response.completed","response":{"status":"completed"}}"#,
                Mark::Done,
            ),
            (
                r#"{"type":"response.incomplete","response":{"status":"incomplete"}}"#,
                Mark::Done,
            ),
            // https://github.com/ianlpaterson/cockpit-tools/issues/2328
            (
                r#"{"type":"response.done","response":{"status":"completed"}}"#,
                Mark::Done,
            ),
            (
                r#"{"type":"response.done","response":{"status":"failed","error":{"message":"x"}}}"#,
                Mark::Error,
            ),
            (
                r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}"#,
                Mark::Error,
            ),
            (
                r#"{"type":"error","code":"server_error","message":"x","param":null}"#,
                Mark::Error,
            ),
            (r#"{"error":{"message":"busy"}}"#, Mark::Error),
            ("", Mark::Setup),
            ("[DONE]", Mark::Done),
            (r#"{"type":"response.comp"#, Mark::Malformed),
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
    fn a_failure_inside_a_200_says_what_failed() {
        for (data, status, code, message) in [
            (
                r#"{"type":"response.failed","response":{"id":"r","object":"response","status":"failed","error":{"code":"rate_limit_exceeded","message":"try again in 3s"}}}"#,
                429,
                Some("rate_limit_exceeded"),
                "try again in 3s",
            ),
            (
                r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"context_length_exceeded","message":"too long"}}}"#,
                400,
                Some("context_length_exceeded"),
                "too long",
            ),
            (
                r#"{"type":"error","code":"server_error","message":"flat","param":null,"sequence_number":3}"#,
                500,
                Some("server_error"),
                "flat",
            ),
            (
                r#"{"type":"error","error":{"type":"server_error","code":null,"message":"nested"},"sequence_number":3}"#,
                500,
                None,
                "nested",
            ),
        ] {
            let mut seen = Seen::default();
            assert_eq!(observe("", data.as_bytes(), &mut seen), Mark::Error);
            let fault = seen.fault.unwrap();
            assert_eq!(
                (fault.status, fault.code.as_deref(), fault.message.as_str()),
                (status, code, message),
                "{data}"
            );
        }
        let mut seen = Seen::default();
        observe_reply(
            br#"{"id":"r","object":"response","status":"failed","error":{"code":"server_error","message":"x"},"output":[]}"#,
            &mut seen,
        );
        assert_eq!(seen.fault.map(|fault| fault.status), Some(500));
    }

    #[test]
    fn the_id_of_what_is_kept_is_noted_and_no_other() {
        let created =
            br#"{"type":"response.created","response":{"id":"resp_1","status":"in_progress"}}"#;
        let whole = br#"{"id":"resp_1","object":"response","output":[{"id":"msg_1"}]}"#;
        for keeps in [true, false] {
            let fresh = || Seen {
                keeps,
                ..Seen::default()
            };
            let (mut stream, mut reply) = (fresh(), fresh());
            observe("", created, &mut stream);
            observe_reply(whole, &mut reply);
            let want = keeps.then(|| "resp_1".to_owned());
            assert_eq!((stream.id, reply.id), (want.clone(), want));
        }
    }

    #[test]
    fn whole_responses_give_usage_and_text() {
        let mut seen = Seen::default();
        let body = br#"{"id":"r","object":"response","status":"completed","error":null,"output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},{"type":"message","content":[{"type":"output_text","text":"four"}]},{"type":"function_call","arguments":"{}"}],"usage":{"input_tokens":3,"output_tokens":4}}"#;
        observe_reply(body, &mut seen);
        assert_eq!(
            (
                seen.usage.unwrap().total(),
                seen.finished,
                seen.text_bytes,
                seen.fault.is_some()
            ),
            (7, true, 8, false)
        );
        observe_reply(b"<html>", &mut seen);
        observe_reply(b"", &mut seen);
    }
}
