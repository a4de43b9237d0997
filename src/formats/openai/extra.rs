//! What an answer holds beside words and calls, both directions: sources, images and sound.
//! <https://platform.openai.com/docs/api-reference/chat/object>; images as OpenRouter has them:
//! <https://openrouter.ai/docs/features/multimodal/image-generation>

use crate::chat::{Citation, Media, MediaKind, Source};
use crate::formats::fields::Fields;
use serde_json::{Value, json};

/// The sources in `annotations`.
pub fn citations(message: &mut Fields) -> Vec<Citation> {
    let notes = message
        .lenient("annotations", Fields::objects)
        .unwrap_or_default();
    let cited = notes.into_iter().filter_map(|mut note| {
        let mut cited = note.lenient("url_citation", Fields::object)?;
        let mut text = |key: &str| cited.lenient(key, Fields::text);
        let (url, title, quote) = (text("url")?, text("title"), text("content"));
        let (start, end) = (
            cited.lenient("start_index", Fields::count),
            cited.lenient("end_index", Fields::count),
        );
        Some(Citation {
            url,
            title,
            quote,
            span: start.zip(end),
        })
    });
    cited.collect()
}

/// An entry of `annotations`.
pub fn annotation(citation: &Citation) -> Value {
    let (start, end) = citation.span.unwrap_or_default();
    json!({"type": "url_citation", "url_citation": {
        "url": citation.url, "title": citation.title.as_deref().unwrap_or_default(),
        "start_index": start, "end_index": end,
    }})
}

/// The images in `images`.
pub fn images(message: &mut Fields) -> Vec<Media> {
    let images = message
        .lenient("images", Fields::objects)
        .unwrap_or_default();
    let shown = images.into_iter().filter_map(|mut image| {
        let mut at = image.lenient("image_url", Fields::object)?;
        let source = Source::of_url(at.lenient("url", Fields::text)?);
        Some(Media {
            kind: MediaKind::Image,
            source,
            name: None,
            detail: None,
        })
    });
    shown.collect()
}

/// An entry of `images`.
pub fn image(media: &Media) -> Option<Value> {
    let url = match &media.source {
        Source::Url(url) => url.clone(),
        Source::Base64 { mime, data } => format!("data:{mime};base64,{data}"),
        Source::Text(_) | Source::File(_) => return None,
    };
    Some(json!({"type": "image_url", "image_url": {"url": url}}))
}

/// Sound as it comes: its data and what is said in it, each in one piece or several.
#[derive(Debug, Default)]
pub struct Sound {
    data: String,
}

impl Sound {
    /// Whether none has come.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Takes a piece. Gives what is said in it.
    pub fn piece(&mut self, audio: &mut Fields) -> Option<String> {
        if let Some(data) = audio.lenient("data", Fields::text) {
            self.data.push_str(&data);
        }
        audio
            .lenient("transcript", Fields::text)
            .filter(|said| !said.is_empty())
    }

    /// All of it; `None`: there was none. Which form it has only the request said: streams have one alone.
    pub fn whole(&mut self, streamed: bool) -> Option<Media> {
        let data = std::mem::take(&mut self.data);
        let mime = if streamed { "audio/pcm" } else { "audio/wav" };
        (!data.is_empty()).then(|| Media {
            kind: MediaKind::Audio,
            source: Source::Base64 {
                mime: mime.to_owned(),
                data,
            },
            name: None,
            detail: None,
        })
    }
}

/// `audio` of a message. What is said in it stands in the text.
pub fn sound(media: &Media, id: &str) -> Option<Value> {
    match (&media.kind, &media.source) {
        (MediaKind::Audio, Source::Base64 { data, .. }) => Some(
            json!({"id": format!("audio_{id}"), "data": data, "transcript": "", "expires_at": 0}),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::CODEC;
    use crate::chat::{Citation, Event, Logprob, Media, MediaKind, Part, Reply, Source, Text};
    use crate::formats::{Quirks, ReplyContext, Seen, Target};
    use serde_json::{Value, json};

    fn answer(message: Value, logprobs: Value) -> Value {
        json!({"id": "c", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": "stop"}]})
    }

    #[test]
    fn sources_likelihoods_images_and_sound_come_and_go() {
        let token = json!({"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}]});
        let message = json!({"role": "assistant", "content": "Hi",
            "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.b", "title": "T", "start_index": 0, "end_index": 2}}],
            "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            "audio": {"id": "audio_c", "data": "UklG", "transcript": "", "expires_at": 0}, "refusal": null});
        let given = answer(
            message.clone(),
            json!({"content": [token], "refusal": null}),
        );
        let body = given.to_string();
        let reply = CODEC
            .read_reply(body.as_bytes(), &mut Seen::default())
            .unwrap();
        let likely = |top| Logprob {
            token: "Hi".into(),
            logprob: -0.5,
            bytes: Some(b"Hi".to_vec()),
            top,
        };
        let media = |kind, mime: &str, data: &str| {
            Part::Media(Media {
                kind,
                source: Source::Base64 {
                    mime: mime.into(),
                    data: data.into(),
                },
                name: None,
                detail: None,
            })
        };
        let text = Text {
            citations: vec![Citation {
                url: "https://a.b".into(),
                title: Some("T".into()),
                quote: None,
                span: Some((0, 2)),
            }],
            logprobs: vec![likely(vec![likely(Vec::new())])],
            ..Text::from("Hi".to_owned())
        };
        let parts = [
            Part::Text(text),
            media(MediaKind::Image, "image/png", "AAAA"),
            media(MediaKind::Audio, "audio/wav", "UklG"),
        ];
        assert_eq!(reply.parts, parts);
        let context = ReplyContext::default();
        let written: Value = serde_json::from_slice(&CODEC.write_reply(&reply, &context)).unwrap();
        assert_eq!(written["choices"], given["choices"]);
        // The same as a stream, whose sound comes in one form alone.
        let (mut writer, mut out) = (CODEC.writer(&context), Vec::new());
        reply
            .events()
            .iter()
            .for_each(|event| writer.write(event, &mut out));
        let (mut reader, mut events) = (CODEC.reader(), Vec::<Event>::new());
        for frame in String::from_utf8(out).unwrap().split("\n\n") {
            if let Some(data) = frame.strip_prefix("data: ") {
                reader.read("", data.as_bytes(), &mut Seen::default(), &mut events);
            }
        }
        reader.end(&mut events);
        let mut streamed = Reply::fold(events.iter().cloned()).unwrap().parts;
        assert_eq!(
            streamed.pop(),
            Some(media(MediaKind::Audio, "audio/pcm", "UklG"))
        );
        assert_eq!(streamed, reply.parts[..2]);
    }

    /// Two at once, one of which would be complete JSON half way.
    #[test]
    fn calls_with_free_text_come_whole_and_in_pieces() {
        let message = json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [
            {"id": "a", "type": "custom", "custom": {"name": "patch", "input": "1\n+2"}},
            {"id": "b", "type": "function", "function": {"name": "list", "arguments": "{}"}}]});
        let chunk = |delta: Value| json!({"choices": [{"index": 0, "delta": delta}]}).to_string();
        let (mut reader, mut events) = (CODEC.reader(), Vec::<Event>::new());
        for delta in [
            json!({"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": ""}}]}),
            json!({"tool_calls": [{"index": 0, "custom": {"input": "1"}}]}),
            json!({"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "list", "arguments": "{}"}}]}),
            json!({"tool_calls": [{"index": 0, "custom": {"input": "\n+2"}}]}),
        ] {
            let mut seen = Seen::default();
            reader.read("", chunk(delta).as_bytes(), &mut seen, &mut events);
        }
        reader.end(&mut events);
        let streamed = Reply::fold(events.iter().cloned()).unwrap();
        let body = json!({"choices": [{"index": 0, "message": message}]}).to_string();
        let whole = CODEC
            .read_reply(body.as_bytes(), &mut Seen::default())
            .unwrap();
        assert_eq!(streamed.parts, whole.parts);
        let context = ReplyContext::default();
        let written: Value = serde_json::from_slice(&CODEC.write_reply(&whole, &context)).unwrap();
        assert_eq!(written["choices"][0]["message"], message);
        let (mut writer, mut out) = (CODEC.writer(&context), Vec::new());
        for event in whole.events() {
            writer.write(&event, &mut out);
        }
        let out = String::from_utf8(out).unwrap();
        assert!(
            out.contains(r#"{"index":0,"custom":{"input":"1\n+2"}}"#),
            "{out}"
        );
    }

    #[test]
    fn what_only_openais_own_service_takes_goes_to_nobody_else() {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}]},
                {"role": "tool", "tool_call_id": "c", "content": "1"}],
            "tools": [{"type": "custom", "custom": {"name": "sql", "description": "d", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}}}],
            "tool_choice": {"type": "custom", "custom": {"name": "sql"}}, "logprobs": true, "top_logprobs": 2,
            "modalities": ["text", "audio"], "audio": {"voice": "v", "format": "wav"},
            "metadata": {"k": "v"}, "service_tier": "flex", "verbosity": "low", "prompt_cache_key": "p", "store": true});
        let chat = CODEC.read_request(body.to_string().as_bytes()).unwrap();
        let written = |quirks: &Quirks| {
            let target = Target {
                model: "m",
                quirks,
                takes: &crate::chat::Takes::UNKNOWN,
            };
            let written = CODEC.write_request(&chat, &target).unwrap();
            let body: Value = serde_json::from_slice(&written.body).unwrap();
            (body, written.dropped)
        };
        assert_eq!(written(&Quirks::NONE), (body, Vec::new()));
        assert_eq!(
            written(&Quirks::COMPATIBLE).1,
            [
                "tools.type (adapted)",
                "messages.tool_calls (adapted)",
                "metadata",
                "service_tier",
                "verbosity",
                "prompt_cache_key",
                "store"
            ]
        );
    }
}
