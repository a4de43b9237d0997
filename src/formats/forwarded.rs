//! What providers do beside conversations, and gw forwards to one that does the same: pictures, sound, moderation,
//! reranking, text continued as before there were chats. Nothing is translated: the model is chosen, and what is said of
//! usage is read. Must not know how bodies travel.

use super::{
    Api, Format, FormatId, Framed, Mark, Passes, Seen, entry, fault,
    lenient::{Count, Given, object},
    openai, peek,
};
use crate::chat::{Op, Usage};
use peek::{Look, Looks};
use serde::Deserialize;

/// What a row is unless it says otherwise: JSON to it and from it, answered whole.
pub(super) const PLAIN: Format = Format {
    id: FormatId::OpenaiModerations,
    name: "",
    op: Op::Completions,
    api: Api::Openai,
    entries: &[],
    looks: &[("model", Look::Model)],
    codec: None,
    embeds: None,
    media: false,
    observe,
    observe_reply,
    write_fault_event: fault::write_openai_event,
    ping: b": ping\n\n",
    end_mark: b"",
    framed: Framed::EVENTS,
    hosted: None,
    usage_on_request: false,
    keeps: false,
    passes: Passes::OPENAI,
};

/// Bodies of any kind, to it and from it.
pub(super) const MEDIA: Format = Format {
    media: true,
    looks: ASKED,
    ..PLAIN
};

const ASKED: Looks = &[("model", Look::Model), ("stream", Look::Stream)];

/// <https://platform.openai.com/docs/api-reference/completions>
pub static COMPLETIONS: Format = Format {
    id: FormatId::OpenaiCompletions,
    name: "openai-completions",
    op: Op::Completions,
    entries: &[entry::in_body("/v1/completions")],
    looks: &[
        ("model", Look::Model),
        ("stream", Look::Stream),
        ("stream_options", Look::StreamOptions),
        ("max_tokens", Look::Limit),
        ("n", Look::Choices),
        ("prompt", Look::Turns),
    ],
    observe: openai::observe::observe,
    observe_reply: openai::observe::observe_reply,
    end_mark: openai::END_MARK,
    usage_on_request: true,
    ..PLAIN
};

/// <https://platform.openai.com/docs/api-reference/images/create>
pub static IMAGES: Format = Format {
    id: FormatId::OpenaiImages,
    name: "openai-images",
    op: Op::Forward("openai-images"),
    entries: &[entry::in_body("/v1/images/generations")],
    ..MEDIA
};

/// <https://platform.openai.com/docs/api-reference/images/createEdit>
pub static IMAGE_EDITS: Format = Format {
    id: FormatId::OpenaiImageEdits,
    name: "openai-image-edits",
    op: Op::Forward("openai-image-edits"),
    entries: &[entry::in_body("/v1/images/edits")],
    ..MEDIA
};

/// <https://platform.openai.com/docs/api-reference/images/createVariation>
pub static IMAGE_VARIATIONS: Format = Format {
    id: FormatId::OpenaiImageVariations,
    name: "openai-image-variations",
    op: Op::Forward("openai-image-variations"),
    entries: &[entry::in_body("/v1/images/variations")],
    ..MEDIA
};

/// <https://platform.openai.com/docs/api-reference/audio/createSpeech>
pub static SPEECH: Format = Format {
    id: FormatId::OpenaiSpeech,
    name: "openai-speech",
    op: Op::Forward("openai-speech"),
    entries: &[entry::in_body("/v1/audio/speech")],
    ..MEDIA
};

/// <https://platform.openai.com/docs/api-reference/audio/createTranscription>
pub static TRANSCRIPTIONS: Format = Format {
    id: FormatId::OpenaiTranscriptions,
    name: "openai-transcriptions",
    op: Op::Forward("openai-transcriptions"),
    entries: &[entry::in_body("/v1/audio/transcriptions")],
    ..MEDIA
};

/// <https://platform.openai.com/docs/api-reference/audio/createTranslation>
pub static TRANSLATIONS: Format = Format {
    id: FormatId::OpenaiTranslations,
    name: "openai-translations",
    op: Op::Forward("openai-translations"),
    entries: &[entry::in_body("/v1/audio/translations")],
    ..MEDIA
};

/// <https://platform.openai.com/docs/api-reference/moderations>
pub static MODERATIONS: Format = Format {
    id: FormatId::OpenaiModerations,
    name: "openai-moderations",
    op: Op::Forward("openai-moderations"),
    entries: &[entry::whole("/v1/moderations")],
    ..PLAIN
};

/// What several vendors and servers have alike: <https://docs.together.ai/reference/rerank-1>,
/// <https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html#re-rank-api>, <https://jina.ai/reranker>
pub static RERANK: Format = Format {
    id: FormatId::Rerank,
    name: "rerank",
    op: Op::Forward("rerank"),
    entries: &[entry::whole("/v1/rerank")],
    ..PLAIN
};

/// <https://docs.cohere.com/reference/rerank>
pub static COHERE_RERANK: Format = Format {
    id: FormatId::CohereRerank,
    name: "cohere-rerank",
    op: Op::Forward("cohere-rerank"),
    api: Api::Message,
    entries: &[entry::whole("/v2/rerank")],
    passes: Passes::NONE,
    ..PLAIN
};

/// What is asked of a provider itself: nothing is known of it, and all of it is handed on.
pub static PASSTHROUGH: Format = Format {
    id: FormatId::Passthrough,
    name: "passthrough",
    op: Op::Forward("passthrough"),
    passes: Passes::THROUGH,
    ..MEDIA
};

/// What of a reply, or of an event of one, is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: Given,
    #[serde(deserialize_with = "object")]
    usage: Counts,
    #[serde(deserialize_with = "object")]
    meta: Meta,
}

/// `usage` as these APIs spell it: pictures and speech in input and output tokens, transcriptions also in seconds,
/// reranking in prompt tokens or in their sum alone.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    input_tokens: Count,
    prompt_tokens: Count,
    output_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    #[serde(deserialize_with = "object")]
    input_tokens_details: Details,
    #[serde(deserialize_with = "object")]
    input_token_details: Details,
    #[serde(deserialize_with = "object")]
    output_tokens_details: Details,
    /// Whole or not.
    seconds: Option<f64>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Details {
    audio_tokens: Count,
    image_tokens: Count,
    cached_tokens: Count,
}

/// Cohere's account of what is paid for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    #[serde(deserialize_with = "object")]
    billed_units: Billed,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Billed {
    search_units: Count,
    input_tokens: Count,
    output_tokens: Count,
}

impl Counts {
    fn usage(&self) -> Option<Usage> {
        let seconds = self.seconds.filter(|it| it.is_finite() && *it > 0.0);
        let either = |one: Count, other| match one {
            Count::Absent => other,
            given => given,
        };
        let output = either(self.output_tokens, self.completion_tokens).or_zero();
        let input = either(self.input_tokens, self.prompt_tokens);
        let input = match (input, self.total_tokens) {
            (Count::Of(tokens), _) => tokens,
            (Count::Absent, Count::Of(all)) => all.saturating_sub(output),
            _ if seconds.is_some() => 0,
            _ => return None,
        };
        let of_input = match self.input_tokens_details {
            Details {
                audio_tokens: Count::Absent,
                image_tokens: Count::Absent,
                cached_tokens: Count::Absent,
            } => self.input_token_details,
            given => given,
        };
        let of_output = self.output_tokens_details;
        // Where images are counted in the input and the output is not split, all of it is images:
        // <https://platform.openai.com/docs/api-reference/images/object>
        let made = match (of_input.image_tokens, of_output.image_tokens) {
            (Count::Of(_), Count::Absent) => output,
            (_, made) => made.or_zero().min(output),
        };
        let cached = of_input.cached_tokens.or_zero().min(input);
        Some(Usage {
            input: input - cached,
            cache_read: cached,
            output,
            audio: of_input.audio_tokens.or_zero().min(input),
            image: of_input.image_tokens.or_zero().min(input),
            audio_output: of_output.audio_tokens.or_zero().min(output),
            image_output: made,
            // As it is billed: what is begun counts. `as` saturates.
            seconds: seconds.map_or(0, |seconds| seconds.ceil() as u64),
            ..Usage::default()
        })
    }
}

impl Meta {
    fn usage(&self) -> Option<Usage> {
        let billed = &self.billed_units;
        let counts = [
            billed.search_units,
            billed.input_tokens,
            billed.output_tokens,
        ];
        let [units, input, output] = counts.map(Count::or_zero);
        counts
            .iter()
            .any(|count| matches!(count, Count::Of(_)))
            .then(|| Usage {
                input,
                output,
                search_units: units,
                ..Usage::default()
            })
    }
}

/// Usage, or an error in place of an answer. Text that is no JSON object says neither.
fn observe_reply(body: &[u8], seen: &mut Seen) {
    look(body, seen);
}

fn look(body: &[u8], seen: &mut Seen) -> Mark {
    // Derived structs would take a list of their fields, too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Mark::Malformed;
    }
    let Ok(read) = serde_json::from_slice::<Body>(body) else {
        return Mark::Malformed;
    };
    if read.error.0 {
        seen.fault = Some(fault::fault_inside(body));
        return Mark::Error;
    }
    if let usage @ Some(_) = read.usage.usage().or_else(|| read.meta.usage()) {
        seen.usage = usage;
    }
    Mark::Content
}

/// One event of a streamed answer.
fn observe(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
    match data.trim_ascii() {
        b"" => Mark::Setup,
        b"[DONE]" => Mark::Done,
        _ if event == "error" => {
            seen.fault = Some(fault::fault_inside(data));
            Mark::Error
        }
        data => look(data, seen),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn usage(body: &str) -> Option<Usage> {
        let mut seen = Seen::default();
        observe_reply(body.as_bytes(), &mut seen);
        assert_eq!(seen.fault, None);
        seen.usage
    }

    #[test]
    fn what_answers_say_of_usage() {
        let image = r#"{"created":1,"data":[{"b64_json":"AA=="}],"usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40,"text_tokens":10},"output_tokens":60,"output_tokens_details":{"image_tokens":55},"total_tokens":110}}"#;
        let want = Usage {
            input: 50,
            output: 60,
            image: 40,
            image_output: 55,
            ..Usage::default()
        };
        assert_eq!(usage(image), Some(want));
        let transcribed = r#"{"text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":5,"total_tokens":19}}"#;
        let want = Usage {
            input: 14,
            output: 5,
            audio: 14,
            ..Usage::default()
        };
        assert_eq!(usage(transcribed), Some(want));
        let seconds = r#"{"text":"hi","usage":{"type":"duration","seconds":2.5}}"#;
        assert_eq!(usage(seconds).unwrap().seconds, 3);
        let reranked = r#"{"results":[],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}"#;
        assert_eq!(usage(reranked).unwrap().search_units, 1);
        for (tokens, body) in [
            (7, r#"{"usage":{"total_tokens":7}}"#),
            (6, r#"{"usage":{"prompt_tokens":6,"total_tokens":6}}"#),
            (
                5,
                r#"{"usage":{"prompt_tokens":5,"input_tokens":5,"output_tokens":2,"completion_tokens":2,"total_tokens":7}}"#,
            ),
            (4, r#"{"usage":{"output_tokens":3,"total_tokens":7}}"#),
        ] {
            assert_eq!(usage(body).unwrap().input, tokens, "{body}");
        }
        for none in [
            r#"{"results":[{"flagged":false}]}"#,
            r#"{"usage":{"seconds":-1}}"#,
            r#"{"usage":null,"meta":[],"error":null}"#,
            "plain text",
            "[]",
            "",
        ] {
            assert_eq!(usage(none), None, "{none}");
        }
    }

    #[test]
    fn errors_in_place_of_an_answer_are_seen() {
        let mut seen = Seen::default();
        observe_reply(br#"{"error":{"message":"no"}}"#, &mut seen);
        assert_eq!(seen.fault.unwrap().message, "no");
    }
}
