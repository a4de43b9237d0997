//! What OpenAI replies say of themselves: usage, end, errors and how much text. The one reader of these, for replies that
//! are forwarded and for those that are translated; what is said word for word is read in `stream`.

use super::usage::Counts;
use crate::{
    chat::Usage,
    formats::{
        Mark, Seen,
        fault::{Signs, fault_inside},
        finish::Finish,
        lenient::{Count, Fold, Given, Said, Text, fold, maybe, mended, object},
        tier::Served,
    },
};
use memchr::memmem::{Finder, FinderRev};
use serde::Deserialize;
use std::sync::LazyLock;

/// A stream chunk or a whole reply; both have the same outline.
#[derive(Deserialize)]
struct Body<'a, const WHOLE: bool> {
    #[serde(default, deserialize_with = "fold")]
    choices: Choices<WHOLE>,
    #[serde(default, deserialize_with = "object")]
    usage: Counts,
    #[serde(default, deserialize_with = "object")]
    x_groq: Beside,
    #[serde(default)]
    error: Given,
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    object: Text<'a>,
    #[serde(default)]
    message: Given,
    #[serde(default)]
    detail: Given,
    #[serde(default)]
    service_tier: Served,
}

/// Groq repeats the usage here, and in some streams gives it here alone.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Beside {
    #[serde(deserialize_with = "object")]
    usage: Counts,
}

/// All choices together.
#[derive(Default)]
struct Choices<const WHOLE: bool> {
    count: u64,
    said: Said,
    finish: Finish,
    failed: bool,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: Count,
    #[serde(default, deserialize_with = "maybe")]
    delta: Option<Delta>,
    #[serde(default, deserialize_with = "maybe")]
    message: Option<Delta>,
    /// All there is of a legacy completion.
    #[serde(default)]
    text: Said,
    #[serde(default)]
    finish_reason: Given,
    #[serde(default)]
    error: Given,
}

/// What counts as content of a message; the role alone does not.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Said,
    reasoning_content: Said,
    reasoning: Said,
    thinking_blocks: Said,
    #[serde(deserialize_with = "fold")]
    tool_calls: Calls,
    #[serde(deserialize_with = "maybe")]
    function_call: Option<Function>,
    refusal: Said,
    audio: Given,
    images: Given,
}

#[derive(Clone, Copy, Default)]
struct Calls(Said);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Call {
    #[serde(deserialize_with = "object")]
    function: Function,
    #[serde(deserialize_with = "object")]
    custom: Custom,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Custom {
    input: Said,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Function {
    arguments: Said,
}

impl Fold<Call> for Calls {
    fn item(&mut self, call: Call) {
        self.0.any = true;
        self.0.add(call.function.arguments);
        self.0.add(call.custom.input);
    }
}

impl Delta {
    fn said(self, whole: bool) -> Said {
        let mut sum = self.content;
        // Several servers send the same thoughts under several names, and a refusal as content as well.
        // The blocks repeat in a stream what it has said already.
        let blocks = Said {
            bytes: if whole { self.thinking_blocks.bytes } else { 0 },
            ..self.thinking_blocks
        };
        let thoughts = [self.reasoning_content, self.reasoning, blocks];
        let thoughts = thoughts.into_iter().find(|said| said.any);
        let refusal = Some(self.refusal).filter(|_| !self.content.any);
        let function = self.function_call.map(|function| Said {
            any: true,
            ..function.arguments
        });
        for part in [thoughts, Some(self.tool_calls.0), function, refusal] {
            sum.add(part.unwrap_or_default());
        }
        // Media is not text, however many letters it is written in.
        sum.any |= self.audio.0 || self.images.0;
        sum
    }
}

impl<const WHOLE: bool> Fold<Choice> for Choices<WHOLE> {
    fn item(&mut self, choice: Choice) {
        let index = match choice.index {
            Count::Of(index) => index,
            Count::Absent | Count::Absurd => self.count,
        };
        self.count += 1;
        // Perplexity sends both kinds at once, one of them empty or out of step.
        let delta = match WHOLE {
            true => choice.message.or(choice.delta),
            false => choice.delta.or(choice.message),
        };
        if let Some(delta) = delta {
            self.said.add(delta.said(WHOLE));
        }
        self.said.add(choice.text);
        self.finish.note(index, choice.finish_reason.0);
        self.failed |= choice.error.0;
    }
}

fn parse<const WHOLE: bool>(data: &[u8]) -> Option<Body<'_, WHOLE>> {
    // Derived structs would take a list of their fields, too.
    if !data.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(data).ok()
}

/// What one event of a chat stream means.
pub fn observe(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
    match data.trim_ascii() {
        b"" => return Mark::Setup,
        b"[DONE]" => return Mark::Done,
        _ => {}
    }
    look::<false, _>(data, |body, data| note(event, body, data, seen)).unwrap_or_else(|| {
        if event == "error" {
            seen.fault = Some(fault_inside(data));
            return Mark::Error;
        }
        Mark::Malformed
    })
}

/// Reads the outline of an event or a body.
fn look<const WHOLE: bool, T>(
    data: &[u8],
    then: impl FnOnce(Body<'_, WHOLE>, &[u8]) -> T,
) -> Option<T> {
    if let Some(body) = parse(data) {
        return Some(then(body, data));
    }
    // Broken characters are the provider's and are forwarded as they are; only the look at them needs text.
    let text = mended(data)?;
    parse(text.as_bytes()).map(|body| then(body, text.as_bytes()))
}

fn note<const WHOLE: bool>(
    event: &str,
    body: Body<'_, WHOLE>,
    data: &[u8],
    seen: &mut Seen,
) -> Mark {
    let signs = Signs {
        event,
        kind: body.kind.as_str(),
        object: body.object.as_str(),
        error: body.error.0 || body.choices.failed,
        words: body.message.0 || body.detail.0,
        answer: body.choices.count > 0,
    };
    if signs.fault() {
        seen.fault = Some(fault_inside(data));
        return Mark::Error;
    }
    let counts = match body.usage.given() {
        true => body.usage,
        false => body.x_groq.usage,
    };
    if let usage @ Some(_) = counts.usage() {
        seen.usage = usage;
    }
    body.service_tier.note(seen);
    let said = body.choices.said;
    seen.text_bytes = seen.text_bytes.saturating_add(said.bytes);
    let ended = body.choices.finish.any_ended();
    seen.choices.join(body.choices.finish);
    // A whole reply says all there is.
    seen.finished = seen.choices.complete() || (WHOLE && body.choices.count > 0);
    match body.choices.count {
        0 if counts.given() => Mark::Usage,
        _ if ended || said.any => Mark::Content,
        _ => Mark::Setup,
    }
}

/// Usage, text and errors of a whole chat reply (some providers answer an error with 200).
pub fn observe_reply(body: &[u8], seen: &mut Seen) {
    match usage_at_end(body) {
        Some((usage, served)) => {
            seen.usage = Some(usage);
            served.note(seen);
            seen.finished = true;
        }
        None if body.trim_ascii().is_empty() => {}
        None => _ = whole(body, seen),
    }
}

/// The same with every part of the reply looked at.
pub fn whole(body: &[u8], seen: &mut Seen) -> Mark {
    look::<true, _>(body, |outline, data| note("", outline, data, seen)).unwrap_or(Mark::Malformed)
}

// Made once: preparing a search takes longer than searching a reply.
static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));
static USAGE_BACK: LazyLock<FinderRev<'static>> = LazyLock::new(|| FinderRev::new(b"\"usage\""));
static CHOICES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"choices\""));
/// How `"error"` and `"service_tier"` end, which are looked for in one go. In texts quotes are escaped, so that few others do.
static ENDS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"r\""));

/// The usage of a reply that ends with it, as nearly all do, without reading what comes before. Quotes inside
/// strings are escaped, so `"usage"` is a key; that nothing but plain members and the last brace follow its
/// object makes it a member of the reply itself. What is no answer, or holds an error, is read in full.
fn usage_at_end(body: &[u8]) -> Option<(Usage, Served)> {
    let value = body[last_usage(body)? + 7..]
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    if value.first() != Some(&b'{') {
        return None;
    }
    // Of text it is not checked again with each string whether it is.
    let value = std::str::from_utf8(value).ok()?;
    let mut values = serde_json::Deserializer::from_str(value).into_iter::<Counts>();
    let counts = values.next()?.ok()?;
    let rest = value.as_bytes().get(values.byte_offset()..)?;
    let rest = rest.trim_ascii().strip_suffix(b"}")?;
    let plain = rest.is_empty() || rest.starts_with(b",");
    if !plain || memchr::memchr3(b'{', b'}', b']', rest).is_some() {
        return None;
    }
    CHOICES.find(body)?;
    let behind = body.len() - value.len() + values.byte_offset();
    Some((counts.usage()?, served(body, behind)?))
}

/// Where `"usage"` stands for the last time. Searching forwards is much faster, and nearly always it is near the end.
fn last_usage(body: &[u8]) -> Option<usize> {
    const NEAR: usize = 512;
    let near = body.len().saturating_sub(NEAR);
    let found = USAGE.find_iter(&body[near..]).last();
    found.map(|at| near + at).or_else(|| USAGE_BACK.rfind(body))
}

/// The tier a whole reply says it was given at: behind its usage, which ends at `behind`, or somewhere in front. The key is a
/// member of the reply's, since quotes inside strings are escaped. `None`: it holds an error.
fn served(body: &[u8], behind: usize) -> Option<Served> {
    let (mut first, mut last) = (None, None);
    for at in ENDS.find_iter(body) {
        let (before, value) = body.split_at(at + 1);
        if before.ends_with(b"\"error") {
            return None;
        }
        if before.ends_with(b"\"service_tier") {
            let place = match at < behind {
                true => &mut first,
                false => &mut last,
            };
            place.get_or_insert(&value[1..]);
        }
    }
    let said = |value: &[u8]| {
        let value = value.trim_ascii_start().strip_prefix(b":")?;
        let value = value.trim_ascii_start();
        let mut values = serde_json::Deserializer::from_slice(value).into_iter::<Served>();
        values.next()?.ok()
    };
    let served = last.and_then(said).or_else(|| first.and_then(said));
    Some(served.unwrap_or_default())
}

/// Usage out of an embeddings reply, which stands behind far more numbers: read from the end.
pub fn observe_embeddings(body: &[u8], seen: &mut Seen) {
    #[derive(Deserialize)]
    struct Tail {
        #[serde(default, deserialize_with = "object")]
        usage: Counts,
    }
    // Behind the last vector's bracket stands `,"model":…,"usage":{…}}`, in either order.
    let tail = memchr::memrchr(b']', body)
        .map_or(&b""[..], |at| &body[at + 1..])
        .trim_ascii_start();
    if let Some(members) = tail.strip_prefix(b",") {
        let object = [b"{", members].concat();
        if let Ok(Tail { usage }) = serde_json::from_slice::<Tail>(&object)
            && let Some(usage) = usage.usage()
        {
            seen.usage = Some(usage);
            return;
        }
    }
    observe_reply(body, seen);
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
