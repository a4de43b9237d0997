//! Each half of a translation: a format read into the neutral model and written from it. A request costs the caller's
//! reading and the upstream's writing, its answer the other two.

use super::agent;
use divan::{
    Bencher, black_box,
    counter::{BytesCount, ItemsCount},
};
use gw::chat::{Chat, Event, Reply};
use gw::formats::{Codec, FORMATS, FormatId, Quirks, ReplyContext, Seen, Target, format, sse};
use std::fmt;

/// A format that translates, and how large a request or answer is.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    codec: &'static dyn Codec,
    size: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.name, self.size)
    }
}

fn cases(sizes: &'static [usize]) -> Vec<Case> {
    let case = |size: usize| {
        FORMATS.into_iter().filter_map(move |format| {
            let codec = format.codec.filter(|_| format.hosted.is_none())?;
            Some(Case {
                name: format.name,
                codec,
                size,
            })
        })
    };
    sizes.iter().copied().flat_map(case).collect()
}

/// Bytes of requests.
const REQUESTS: &[usize] = &[1_000, 200_000];
/// Bytes of whole answers.
const REPLIES: &[usize] = &[1_000];
/// Events of streams.
const STREAMS: &[usize] = &[200];

fn openai() -> &'static dyn Codec {
    format(FormatId::OpenaiChat).codec.unwrap()
}

fn chat(size: usize) -> Chat {
    openai()
        .read_request(&agent::request(size, 1, false))
        .unwrap()
}

fn written(codec: &dyn Codec, chat: &Chat) -> Vec<u8> {
    let target = Target {
        model: "another-model",
        quirks: &Quirks::NONE,
        takes: gw::catalog::takes("another-model"),
    };
    codec.write_request(chat, &target).unwrap().body
}

#[divan::bench(args = cases(REQUESTS))]
fn read_request(bencher: Bencher<'_, '_>, case: &Case) {
    let body = written(case.codec, &chat(case.size));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| case.codec.read_request(black_box(&body)).unwrap());
}

#[divan::bench(args = cases(REQUESTS))]
fn write_request(bencher: Bencher<'_, '_>, case: &Case) {
    let chat = chat(case.size);
    bencher
        .counter(BytesCount::new(case.size))
        .bench(|| written(case.codec, black_box(&chat)));
}

fn context() -> ReplyContext {
    ReplyContext {
        request_id: "req_1".into(),
        model: "another-model".into(),
        include_usage: true,
        created: 1_795_000_000,
        ..ReplyContext::default()
    }
}

/// A whole answer of OpenAI's, of about so many bytes.
fn reply(size: usize) -> Reply {
    let text = "word ".repeat(size.saturating_sub(300) / 5);
    let body = serde_json::json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1_795_000_000, "model": "fixed-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 180, "total_tokens": 220}});
    openai()
        .read_reply(body.to_string().as_bytes(), &mut Seen::default())
        .unwrap()
}

#[divan::bench(args = cases(REPLIES))]
fn read_reply(bencher: Bencher<'_, '_>, case: &Case) {
    let body = case.codec.write_reply(&reply(case.size), &context());
    bencher.bench(|| {
        case.codec
            .read_reply(black_box(&body), &mut Seen::expecting(1))
            .unwrap()
    });
}

#[divan::bench(args = cases(REPLIES))]
fn write_reply(bencher: Bencher<'_, '_>, case: &Case) {
    let (reply, context) = (reply(case.size), context());
    bencher.bench(|| case.codec.write_reply(black_box(&reply), &context));
}

/// An OpenAI stream with so many events of text.
pub fn stream(events: usize) -> Vec<u8> {
    let chunk = |delta: &str, finish: &str| {
        format!(
            r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,"model":"fixed-model","system_fingerprint":"fp_1","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}],"usage":null}}"#
        ) + "\n\n"
    };
    let mut stream = chunk(r#"{"role":"assistant","content":""}"#, "null");
    for at in 0..events {
        stream += &chunk(&format!(r#"{{"content":" word{}"}}"#, at % 10), "null");
    }
    stream += &chunk("{}", "\"stop\"");
    stream += r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795000000,"model":"fixed-model","choices":[],"usage":{"prompt_tokens":40,"completion_tokens":180,"total_tokens":220}}"#;
    (stream + "\n\ndata: [DONE]\n\n").into_bytes()
}

/// Reads a stream as the gateway does; `each` is given what every event came to.
fn read(codec: &dyn Codec, stream: &[u8], mut each: impl FnMut(&mut Vec<Event>)) {
    let (mut frames, mut reader) = (sse::Frames::default(), codec.reader());
    let (mut seen, mut out) = (Seen::expecting(1), Vec::new());
    frames.push(bytes::Bytes::copy_from_slice(stream)).unwrap();
    while let Some(frame) = frames.next() {
        if let Some((name, data)) = sse::event(&frame) {
            reader.read(name, &data, &mut seen, &mut out);
            each(&mut out);
        }
    }
    reader.end(&mut out);
    each(&mut out);
}

fn events(count: usize) -> Vec<Event> {
    let mut events = Vec::new();
    read(openai(), &stream(count), |out| events.append(out));
    events
}

#[divan::bench(args = cases(STREAMS))]
fn read_stream(bencher: Bencher<'_, '_>, case: &Case) {
    let mut stream = Vec::new();
    let mut writer = case.codec.writer(&context());
    for event in &events(case.size) {
        writer.write(event, &mut stream);
    }
    bencher.counter(ItemsCount::new(case.size)).bench(|| {
        read(case.codec, black_box(&stream), |out| {
            black_box(&out);
            out.clear();
        });
    });
}

#[divan::bench(args = cases(STREAMS))]
fn write_stream(bencher: Bencher<'_, '_>, case: &Case) {
    let (events, context) = (events(case.size), context());
    bencher.counter(ItemsCount::new(case.size)).bench(|| {
        let (mut writer, mut out) = (case.codec.writer(&context), Vec::new());
        for event in black_box(&events) {
            writer.write(event, &mut out);
            black_box(&out);
            out.clear();
        }
    });
}
