//! What Gemini's replies say of themselves: usage, end, errors and how much text. The one reader of these, for replies
//! that are forwarded and for those that are translated; what is said word for word is read in `stream`.

use super::{proto, usage::Counts};
use crate::formats::{
    Mark, Seen,
    fault::{Signs, fault_inside},
    finish::Finish,
    lenient::{Count, Fold, Given, Said, items, maybe, object},
    outline::{Outline, look},
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One answer, or a piece of one: the fields gw looks at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default, deserialize_with = "items")]
    candidates: Candidates,
    #[serde(default, alias = "prompt_feedback", deserialize_with = "object")]
    prompt_feedback: Feedback,
    #[serde(default, alias = "usage_metadata", deserialize_with = "object")]
    usage_metadata: Counts,
    #[serde(default)]
    error: Given,
    #[serde(default)]
    message: Given,
    #[serde(default)]
    detail: Given,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Feedback {
    #[serde(alias = "block_reason")]
    block_reason: Given,
}

/// What all candidates say together.
#[derive(Default)]
struct Candidates {
    given: bool,
    content: bool,
    bytes: u64,
    finish: Finish,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    index: Count,
    #[serde(deserialize_with = "object")]
    content: Content,
    #[serde(alias = "finish_reason")]
    finish_reason: Given,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Content {
    #[serde(deserialize_with = "items")]
    parts: Parts,
}

#[derive(Default)]
struct Parts {
    content: bool,
    bytes: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part<'a> {
    text: Said,
    #[serde(borrow, alias = "function_call", deserialize_with = "maybe")]
    function_call: Option<Call<'a>>,
    #[serde(alias = "inline_data")]
    inline_data: Given,
    #[serde(alias = "file_data")]
    file_data: Given,
    #[serde(alias = "executable_code")]
    executable_code: Given,
    #[serde(alias = "code_execution_result")]
    code_execution_result: Given,
    #[serde(alias = "tool_call")]
    tool_call: Given,
    #[serde(alias = "tool_response")]
    tool_response: Given,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

impl<'a> Fold<Part<'a>> for Parts {
    fn item(&mut self, part: Part<'a>) {
        let args = part.function_call.as_ref().and_then(|call| call.args);
        let args = args.filter(|args| args.get() != "null");
        let more = part.text.bytes + args.map_or(0, |args| args.get().len() as u64);
        self.bytes = self.bytes.saturating_add(more);
        let others = [
            part.inline_data,
            part.file_data,
            part.executable_code,
            part.code_execution_result,
            part.tool_call,
            part.tool_response,
        ];
        self.content |=
            part.text.any || part.function_call.is_some() || others.iter().any(|other| other.0);
    }
}

impl Fold<Candidate> for Candidates {
    fn item(&mut self, candidate: Candidate) {
        self.given = true;
        let ended = candidate.finish_reason.0;
        self.content |= ended || candidate.content.parts.content;
        self.bytes = self.bytes.saturating_add(candidate.content.parts.bytes);
        self.finish.note(candidate.index.or_zero(), ended);
    }
}

/// What is looked at of an event or a body.
enum Outlined {}

impl Outline for Outlined {
    type Of<'a> = Body;
}

/// What one event of a stream means.
pub fn observe(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
    let data = data.trim_ascii();
    match data.first() {
        None => Mark::Setup,
        Some(b'{') => {
            match look::<Outlined, _>(data, |body, data| note(event, &body, data, seen)) {
                Some(mark) => mark,
                None if event == "error" => failed(data, seen),
                None => Mark::Malformed,
            }
        }
        // Servers that end this format's streams like their others.
        _ if data == b"[DONE]" => Mark::Done,
        Some(_) => several(event, data, seen),
    }
}

fn failed(data: &[u8], seen: &mut Seen) -> Mark {
    seen.fault = Some(fault_inside(data));
    Mark::Error
}

/// Answers that came in one event: <https://github.com/maximhq/bifrost/issues/5188>.
fn several(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
    let Some(answers) = proto::answers(data) else {
        return Mark::Malformed;
    };
    let mut all = Mark::Setup;
    for answer in answers {
        match observe(event, answer.as_bytes(), seen) {
            Mark::Content => all = Mark::Content,
            Mark::Setup | Mark::Usage | Mark::Done => {}
            last @ (Mark::Error | Mark::Malformed) => return last,
        }
    }
    all
}

fn note(event: &str, body: &Body, data: &[u8], seen: &mut Seen) -> Mark {
    let blocked = body.prompt_feedback.block_reason.0;
    let signs = Signs {
        event,
        error: body.error.0,
        words: body.message.0 || body.detail.0,
        answer: body.candidates.given || blocked,
        ..Signs::default()
    };
    if signs.fault() {
        return failed(data, seen);
    }
    seen.text_bytes = seen.text_bytes.saturating_add(body.candidates.bytes);
    body.usage_metadata.merge(&mut seen.usage);
    body.usage_metadata.served().note(seen);
    seen.choices.join(body.candidates.finish);
    // A prompt that is refused has no answer at all.
    let refused = blocked && !body.candidates.given;
    seen.finished = refused || seen.choices.complete();
    match body.candidates.content || refused {
        true => Mark::Content,
        false => Mark::Setup,
    }
}

/// Usage and text of a whole reply; an error in its place as well.
pub fn observe_reply(body: &[u8], seen: &mut Seen) {
    if !body.trim_ascii().is_empty() {
        whole(body, seen);
    }
}

/// The same, and what it is.
pub fn whole(body: &[u8], seen: &mut Seen) -> Mark {
    let mark = observe("", body, seen);
    // It says all there is.
    seen.finished |= mark == Mark::Content || seen.choices.any_begun();
    mark
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_event_is_marked() {
        for (data, want) in [
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"index":0}]}"#,
                Mark::Content,
            ),
            (
                r#"{"candidates":[{"content":{"parts":{"text":"Hi"}}}]}"#,
                Mark::Content,
            ),
            (
                r#"{"candidates":[{"content":{"parts":[{"text":""}]}}]}"#,
                Mark::Setup,
            ),
            (
                r#"{"candidates":[{"content":{"role":"model"}}]}"#,
                Mark::Setup,
            ),
            (r#"{"candidates":[{"finishReason":"STOP"}]}"#, Mark::Content),
            (r#"{"candidates":[{"finish_reason":2}]}"#, Mark::Content),
            (
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}"#,
                Mark::Content,
            ),
            (
                r#"{"candidates":[{"content":{"parts":[{"inline_data":{"data":"AA"}}]}}]}"#,
                Mark::Content,
            ),
            (
                r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
                Mark::Content,
            ),
            (
                r#"{"usageMetadata":{"trafficType":"ON_DEMAND"}}"#,
                Mark::Setup,
            ),
            (
                r#"[{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}]"#,
                Mark::Content,
            ),
            (
                r#""{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}]}""#,
                Mark::Content,
            ),
            (
                r#"{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}"#,
                Mark::Error,
            ),
            (r#"[{"error":{"code":503,"message":"x"}}]"#, Mark::Error),
            ("[DONE]", Mark::Done),
            ("", Mark::Setup),
            ("[]", Mark::Setup),
            ("\"x\"", Mark::Malformed),
            (r#"{"candidates""#, Mark::Malformed),
        ] {
            assert_eq!(
                observe("", data.as_bytes(), &mut Seen::default()),
                want,
                "{data}"
            );
        }
    }

    #[test]
    fn a_reply_is_complete_when_every_candidate_says_why_it_ends() {
        let finished = |choices: u32, events: &[&str]| {
            let mut seen = Seen::expecting(choices);
            for data in events {
                observe("", data.as_bytes(), &mut seen);
            }
            seen.finished
        };
        let stop = r#"{"candidates":[{"finishReason":"STOP","index":0}]}"#;
        let other = r#"{"candidates":[{"content":{"parts":[{"text":"x"}]},"index":1}]}"#;
        assert!(finished(1, &[stop]) && !finished(2, &[stop]) && !finished(0, &[other, stop]));
        assert!(finished(
            1,
            &[r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#]
        ));
    }
}
