//! Watching OpenAI replies go by: what each stream event means, and usage out of whole replies.

use crate::{
    chat::Usage,
    formats::{
        Mark, Seen,
        fault::{read_fault, status_of},
        lenient::{Count, Fold, Text, Weight, fold, object},
    },
};
use serde::Deserialize;

/// A stream chunk or a whole reply; both have the same outline.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    model: Text<'a>,
    #[serde(default, deserialize_with = "fold")]
    choices: Choices,
    #[serde(default, deserialize_with = "object")]
    usage: Counts,
    #[serde(default)]
    error: Weight,
}

/// All choices together.
#[derive(Default)]
struct Choices {
    count: usize,
    content: Weight,
    finished: bool,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default, deserialize_with = "object")]
    delta: Delta,
    #[serde(default, deserialize_with = "object")]
    message: Delta,
    /// The older completions format.
    #[serde(default)]
    text: Weight,
    #[serde(default)]
    finish_reason: Weight,
}

/// What counts as content of a message; the role alone does not.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Weight,
    reasoning_content: Weight,
    reasoning: Weight,
    tool_calls: Weight,
    function_call: Weight,
    refusal: Weight,
    audio: Weight,
    images: Weight,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Counts {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    #[serde(deserialize_with = "object")]
    prompt_tokens_details: PromptDetails,
    #[serde(deserialize_with = "object")]
    completion_tokens_details: CompletionDetails,
    /// DeepSeek's name for cached tokens.
    prompt_cache_hit_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Count,
    /// OpenRouter reports what was written to a cache here.
    cache_write_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Count,
}

impl Delta {
    fn weight(self) -> Weight {
        let mut sum = self.content;
        // Several servers send the same reasoning under both names.
        let reasoning = if self.reasoning_content.any {
            self.reasoning_content
        } else {
            self.reasoning
        };
        for part in [
            reasoning,
            self.tool_calls,
            self.function_call,
            self.refusal,
            self.audio,
            self.images,
        ] {
            sum.add(part);
        }
        sum
    }
}

impl Fold<Choice> for Choices {
    fn item(&mut self, choice: Choice) {
        self.count += 1;
        self.content.add(choice.delta.weight());
        self.content.add(choice.message.weight());
        self.content.add(choice.text);
        self.finished |= choice.finish_reason.any;
    }
}

impl Counts {
    /// The disjoint buckets; `None` where the numbers are missing or not to be believed. Audio tokens stay in
    /// input and output, whose totals limits are counted by.
    fn usage(&self) -> Option<Usage> {
        let prompt = match self.prompt_tokens {
            Count::Of(tokens) => tokens,
            Count::Absent | Count::Absurd => return None,
        };
        let completion = match self.completion_tokens {
            Count::Of(tokens) => tokens,
            // Embeddings have none.
            Count::Absent => 0,
            Count::Absurd => return None,
        };
        let cached = match self.prompt_tokens_details.cached_tokens {
            Count::Of(tokens) => tokens,
            Count::Absent | Count::Absurd => self.prompt_cache_hit_tokens.or_zero(),
        }
        .min(prompt);
        let written = self
            .prompt_tokens_details
            .cache_write_tokens
            .or_zero()
            .min(prompt - cached);
        let reasoning = self.completion_tokens_details.reasoning_tokens.or_zero();
        // xAI counts reasoning beside the completion tokens; its total tells. Elsewhere it is a part of them.
        let beside =
            reasoning > 0 && self.total_tokens == Count::Of(prompt + completion + reasoning);
        let reasoning = if beside {
            reasoning
        } else {
            reasoning.min(completion)
        };
        Some(Usage {
            input: prompt - cached - written,
            cache_read: cached,
            cache_write_5m: written,
            output: if beside {
                completion
            } else {
                completion - reasoning
            },
            reasoning,
            ..Usage::default()
        })
    }
}

fn parse(data: &[u8]) -> Option<Body<'_>> {
    // Derived structs would take a list of their fields, too.
    if !data.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    serde_json::from_slice(data).ok()
}

/// What one event of a chat stream means.
pub fn observe(data: &[u8], seen: &mut Seen) -> Mark {
    match data.trim_ascii() {
        b"" => return Mark::Setup,
        b"[DONE]" => return Mark::Done,
        _ => {}
    }
    if let Some(body) = parse(data) {
        return note(body, data, seen);
    }
    // Broken UTF-8 is the provider's and is forwarded as it is; only the look at it needs text.
    match String::from_utf8_lossy(data) {
        std::borrow::Cow::Owned(text) => {
            parse(text.as_bytes()).map_or(Mark::Malformed, |body| note(body, text.as_bytes(), seen))
        }
        std::borrow::Cow::Borrowed(_) => Mark::Malformed,
    }
}

fn note(body: Body<'_>, data: &[u8], seen: &mut Seen) -> Mark {
    if body.error.any {
        let mut fault = read_fault(502, data);
        fault.status = status_of(&fault);
        seen.fault = Some(fault);
        return Mark::Error;
    }
    let usage = body.usage.usage();
    if usage.is_some() {
        seen.usage = usage;
    }
    if seen.model.is_none() {
        seen.model = body
            .model
            .0
            .filter(|model| !model.is_empty())
            .map(std::borrow::Cow::into_owned);
    }
    seen.text_bytes = seen.text_bytes.saturating_add(body.choices.content.bytes);
    seen.finished |= body.choices.finished;
    match body.choices {
        Choices { finished: true, .. } => Mark::Content,
        Choices {
            content: Weight { any: true, .. },
            ..
        } => Mark::Content,
        Choices { count: 0, .. } if body.usage.given() => Mark::Usage,
        _ => Mark::Setup,
    }
}

impl Counts {
    /// Whether there was a usage at all, believable or not: it is hidden from callers either way.
    fn given(&self) -> bool {
        self.prompt_tokens != Count::Absent
            || self.completion_tokens != Count::Absent
            || self.total_tokens != Count::Absent
    }
}

/// Usage and model out of a whole chat reply; an error in it (some providers answer 200) as well.
pub fn observe_reply(body: &[u8], seen: &mut Seen) {
    match usage_at_end(body) {
        Some(usage) => {
            seen.usage = Some(usage);
            seen.finished = true;
            seen.model = model_at_start(body);
        }
        None if body.trim_ascii().is_empty() => {}
        None => _ = observe(body, seen),
    }
}

/// The usage of a reply that ends with it, as nearly all do, without reading what comes before. Quotes inside
/// strings are escaped, so `"usage"` is a key; that nothing but plain members and the last brace follow its
/// object makes it a member of the reply itself.
fn usage_at_end(body: &[u8]) -> Option<Usage> {
    let at = memchr::memmem::rfind(body, b"\"usage\"")?;
    let value = body[at + 7..]
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    if value.first() != Some(&b'{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_slice(value).into_iter::<Counts>();
    let counts = values.next()?.ok()?;
    let rest = value
        .get(values.byte_offset()..)?
        .trim_ascii()
        .strip_suffix(b"}")?;
    let plain = rest.is_empty() || rest.starts_with(b",");
    (plain && memchr::memchr3(b'{', b'}', b']', rest).is_none())
        .then(|| counts.usage())
        .flatten()
}

/// The model named before the choices.
fn model_at_start(body: &[u8]) -> Option<String> {
    let head = &body[..memchr::memmem::find(body, b"\"choices\"")?];
    let value = head[memchr::memmem::find(head, b"\"model\"")? + 7..]
        .trim_ascii_start()
        .strip_prefix(b":")?;
    serde_json::Deserializer::from_slice(value)
        .into_iter::<String>()
        .next()?
        .ok()
}

/// Usage and model out of an embeddings reply, whose usage stands behind far more numbers: read from the end.
pub fn observe_embeddings(body: &[u8], seen: &mut Seen) {
    #[derive(Deserialize)]
    struct Tail<'a> {
        #[serde(borrow, default)]
        model: Text<'a>,
        #[serde(default, deserialize_with = "object")]
        usage: Counts,
    }
    // Behind the last vector's bracket stands `,"model":…,"usage":{…}}`, in either order.
    let tail = memchr::memrchr(b']', body)
        .map_or(&b""[..], |at| &body[at + 1..])
        .trim_ascii_start();
    if let Some(members) = tail.strip_prefix(b",") {
        let object = [b"{", members].concat();
        if let Ok(Tail { model, usage }) = serde_json::from_slice::<Tail<'_>>(&object)
            && let (Some(model), Some(usage)) = (model.0, usage.usage())
        {
            seen.model = Some(model.into_owned());
            seen.usage = Some(usage);
            return;
        }
    }
    observe_reply(body, seen);
}

#[cfg(test)]
#[path = "observe_tests.rs"]
mod tests;
