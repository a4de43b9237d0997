//! Every reader, the splice and every framing, given what nobody sent: requests, replies and streams that were written down (and recorded,
//! where recordings are at hand), changed at random in their bytes and in their structure. Nothing may panic or hang, what
//! is written must be JSON, a stream says the same however it is cut, and a splice changes only its span.
//!
//! A short run is among the other tests; `FUZZ_SECONDS=3600 cargo test --test fuzz -- --nocapture` is a long one. A failure
//! names its seed: `FUZZ_SEED=N FUZZ_SECONDS=0` begins with that case.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use bytes::Bytes;
use gw::catalog;
use gw::chat::Event;
use gw::formats::frames::{Frames, Framing};
use gw::formats::reframe::Outgoing;
use gw::formats::{Codec, FORMATS, Format, Quirks, ReplyContext, Seen, Target};
use gw::formats::{eventstream, form::Form, peek, splice, sse};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// Cases of a run that no time is set for.
const SHORT: u64 = 1500;

/// Knuth's MMIX generator: any would do, as long as a seed says what comes.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }
}

/// What was written down: bodies and streams.
fn seeds() -> Vec<Vec<u8>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/formats/laws/golden");
    let mut seeds = Vec::new();
    for file in std::fs::read_dir(golden.join("requests")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let told: Value = serde_json::from_str(&text).unwrap();
        for said in told.as_object().unwrap().values() {
            seeds.push(said["says"].to_string().into_bytes());
        }
    }
    for file in std::fs::read_dir(golden.join("replies")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for section in text.split("== ").skip(1) {
            let (_, section) = section.split_once('\n').unwrap();
            let (whole, stream) = section.split_once("-- streamed\n").unwrap();
            seeds.push(whole.as_bytes().to_vec());
            seeds.push(stream.as_bytes().to_vec());
        }
    }
    if let Some(folder) = std::env::var_os("GW_RECORDINGS") {
        let text = std::fs::read_to_string(Path::new(&folder).join("exchanges.jsonl")).unwrap();
        for line in text.lines() {
            let exchange: Value = serde_json::from_str(line).unwrap();
            seeds.push(exchange["request_body"].to_string().into_bytes());
            seeds.extend(exchange["response_body"].as_str().map(Vec::from));
        }
        seeds.retain(|seed| seed.len() < 100_000);
    }
    seeds
}

/// Bytes that mean something to a reader.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "1e999",
    "18446744073709551616",
    "\\ud83e",
    "\n\n",
    "\r\n",
    "data: ",
    "event: error\n",
    "[DONE]",
    "\u{0}",
    "🦀",
    "{}",
    "[]",
    "\"\"",
];

fn in_bytes(body: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        let at = dice.below(body.len() + 1);
        let end = (at + dice.below(30)).min(body.len());
        match dice.below(5) {
            0 if at < body.len() => body[at] ^= 1 << dice.below(8),
            1 => drop(body.drain(at..end)),
            2 => {
                let piece = body[at..end].to_vec();
                body.splice(at..at, piece);
            }
            3 => body.truncate(at),
            _ => drop(body.splice(at..at, TOKENS[dice.below(TOKENS.len())].bytes())),
        }
    }
}

/// Puts another value in some place of a document: of another type, of the same document, or nothing.
fn in_structure(body: &mut Vec<u8>, dice: &mut Dice) {
    let Ok(mut document) = serde_json::from_slice::<Value>(body) else {
        return in_bytes(body, dice);
    };
    let other = document.clone();
    for _ in 0..=dice.below(3) {
        let value = match dice.below(6) {
            0 => Value::Null,
            1 => Value::from("x"),
            2 => Value::from(-1),
            3 => Value::Array(Vec::new()),
            4 => Value::Object(serde_json::Map::new()),
            _ => pick(&other, dice).clone(),
        };
        *place(&mut document, dice) = value;
    }
    *body = document.to_string().into_bytes();
}

fn pick<'a>(value: &'a Value, dice: &mut Dice) -> &'a Value {
    let inner = match value {
        Value::Object(members) => members.values().nth(dice.below(members.len())),
        Value::Array(items) => items.get(dice.below(items.len())),
        _ => None,
    };
    match inner {
        Some(inner) if dice.below(4) > 0 => pick(inner, dice),
        _ => value,
    }
}

fn place<'a>(value: &'a mut Value, dice: &mut Dice) -> &'a mut Value {
    let length = match value {
        Value::Object(members) => members.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if length == 0 || dice.below(4) == 0 {
        return value;
    }
    let at = dice.below(length);
    match value {
        Value::Object(members) => place(members.values_mut().nth(at).unwrap(), dice),
        Value::Array(items) => place(&mut items[at], dice),
        _ => unreachable!(),
    }
}

fn is_json(body: &[u8], what: &str) {
    let read = serde_json::from_slice::<Value>(body);
    assert!(
        read.is_ok(),
        "{what}: {read:?}: {}",
        String::from_utf8_lossy(body)
    );
}

fn requests(codec: &dyn Codec, body: &[u8]) {
    let Ok(chat) = codec.read_request(body) else {
        return;
    };
    for into in FORMATS.iter().filter_map(|format| format.codec) {
        let target = Target {
            model: &chat.model,
            quirks: &Quirks::COMPATIBLE,
            takes: catalog::takes(&chat.model),
        };
        if let Ok(written) = into.write_request(&chat, &target) {
            is_json(&written.body, "a request");
        }
    }
}

fn replies(format: &Format, codec: &dyn Codec, body: &[u8]) {
    (format.observe_reply)(body, &mut Seen::default());
    let Ok(reply) = codec.read_reply(body, &mut Seen::default()) else {
        return;
    };
    for into in FORMATS.iter().filter_map(|format| format.codec) {
        is_json(
            &into.write_reply(&reply, &ReplyContext::default()),
            "a reply",
        );
    }
}

/// What a stream in these chunks tells, and what the format's own look at it makes of it.
fn told<'a>(
    format: &Format,
    codec: &dyn Codec,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> (Vec<Event>, Vec<String>) {
    let (mut frames, mut reader) = (sse::Frames::default(), codec.reader());
    let (mut seen, mut looked) = (Seen::default(), Seen::default());
    let (mut events, mut marks) = (Vec::new(), Vec::new());
    let mut take = |frame: Bytes| {
        if let Some((name, data)) = sse::event(&frame) {
            reader.read(name, &data, &mut seen, &mut events);
            marks.push(format!("{:?}", (format.observe)(name, &data, &mut looked)));
        }
    };
    for chunk in chunks {
        if frames.push(Bytes::copy_from_slice(chunk)).is_err() {
            break;
        }
        while let Some(frame) = frames.next() {
            take(frame);
        }
    }
    frames.rest().into_iter().for_each(&mut take);
    reader.end(&mut events);
    (events, marks)
}

fn streams(format: &Format, codec: &dyn Codec, body: &[u8], dice: &mut Dice) {
    let whole = told(format, codec, std::iter::once(body));
    let mut rest = body;
    let chunks = std::iter::from_fn(|| {
        let (chunk, behind) = rest.split_at((1 + dice.below(60)).min(rest.len()));
        rest = behind;
        (!chunk.is_empty()).then_some(chunk)
    });
    assert_eq!(
        told(format, codec, chunks),
        whole,
        "{} in chunks",
        format.name
    );
    for into in FORMATS.iter().filter_map(|format| format.codec) {
        let (mut writer, mut out) = (into.writer(&ReplyContext::default()), Vec::new());
        whole
            .0
            .iter()
            .for_each(|event| writer.write(event, &mut out));
        assert!(std::str::from_utf8(&out).is_ok(), "a stream is text");
    }
}

fn spliced(format: &Format, body: &[u8]) {
    // Where the path names the model nothing of a body is gw's.
    if !format.looks.iter().any(|(name, _)| *name == "model") {
        return;
    }
    let Ok(peek) = peek::peek(body, format.looks, 100) else {
        return;
    };
    let out = splice::splice(body, &peek, Some("other"), false);
    // Half a character, escaped, is forwarded as it came, and this reader takes none.
    let Ok(before) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let mut after: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(after["model"], "other");
    match before.get("model") {
        Some(model) => after["model"] = model.clone(),
        None => _ = after.as_object_mut().unwrap().shift_remove("model"),
    }
    assert_eq!(after, before, "{}", format.name);
}

/// A form with this in it, changed in its bytes, says the same however it is cut.
fn forms(body: &[u8], dice: &mut Dice) {
    const PARTS: [&str; 3] = [
        "--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        "\r\n--b0\r\nContent-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain\r\n\r\nm",
        "\r\n--b0--\r\n",
    ];
    let mut body = [
        PARTS[0].as_bytes(),
        body,
        PARTS[1].as_bytes(),
        PARTS[2].as_bytes(),
    ]
    .concat();
    if dice.below(4) > 0 {
        in_bytes(&mut body, dice);
    }
    let read = |most: usize, dice: &mut Dice| {
        let mut form = Form::of("multipart/form-data; boundary=b0").unwrap()?;
        let mut rest = &body[..];
        while !rest.is_empty() {
            let (piece, more) = rest.split_at((1 + dice.below(most)).min(rest.len()));
            form.feed(piece)?;
            rest = more;
        }
        form.finish()?;
        Ok::<_, gw::error::Error>(form.model().cloned())
    };
    let (whole, cut) = (read(usize::MAX, dice), read(40, dice));
    assert_eq!(
        whole.as_ref().ok(),
        cut.as_ref().ok(),
        "a form cut otherwise"
    );
    if let Ok(Some(model)) = whole {
        assert_eq!(&body[model.span], model.name.as_bytes());
    }
}

fn case(seeds: &[Vec<u8>], seed: u64) {
    let mut dice = Dice(seed);
    dice.below(1);
    let mut body = seeds[dice.below(seeds.len())].clone();
    match dice.below(3) {
        0 => in_bytes(&mut body, &mut dice),
        _ => in_structure(&mut body, &mut dice),
    }
    forms(&body, &mut dice);
    for format in FORMATS {
        spliced(format, &body);
        if let Some(codec) = format.codec {
            requests(codec, &body);
            replies(format, codec, &body);
            streams(format, codec, &body, &mut dice);
        }
    }
}

/// How streams may be framed.
const FRAMINGS: [Framing; 4] = [
    Framing::Events,
    Framing::Array,
    Framing::Binary,
    Framing::Chunks,
];

/// Gives the binary frame at the start the lengths and checksums that what is there would have: past them, into its headers.
fn sealed(body: &mut [u8], dice: &mut Dice) {
    let Some(end) = body.len().checked_sub(4).filter(|end| *end >= 12) else {
        return;
    };
    let number = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    body[..4].copy_from_slice(&number(end + 4));
    body[4..8].copy_from_slice(&number(dice.below(end - 11)));
    let sum = crc32fast::hash(&body[..8]).to_be_bytes();
    body[8..12].copy_from_slice(&sum);
    let sum = crc32fast::hash(&body[..end]).to_be_bytes();
    body[end..].copy_from_slice(&sum);
}

/// What a stream framed so says, and how it ends.
#[derive(Debug, PartialEq)]
struct Cut {
    frames: Vec<Bytes>,
    said: Vec<Option<(String, Vec<u8>)>>,
    fails: bool,
}

fn cut<'a>(framing: Framing, chunks: impl Iterator<Item = &'a [u8]>) -> Cut {
    let (mut frames, mut fails) = (Frames::of(framing), false);
    let mut all = Vec::new();
    for chunk in chunks {
        fails = frames.push(Bytes::copy_from_slice(chunk)).is_err();
        all.extend(std::iter::from_fn(|| frames.next()));
        if fails {
            break;
        }
    }
    let read = |frame: &Bytes| {
        let said = frames.read(frame)?;
        Some((said.0.to_owned(), said.1.into_owned()))
    };
    Cut {
        said: all.iter().map(read).collect(),
        frames: all,
        fails,
    }
}

/// Streams in every framing, changed: frames are the same however they come, whole ones are as they were sent, and each is
/// told in every other framing.
fn framed(seeds: &[Vec<u8>], seed: u64) {
    let mut dice = Dice(seed);
    dice.below(1);
    let events = Bytes::from(seeds[dice.below(seeds.len())].clone());
    for framing in FRAMINGS {
        let mut out = Outgoing::of(framing);
        let mut body = out.events(events.clone()).to_vec();
        body.extend_from_slice(out.end());
        match dice.below(4) {
            0 => {}
            1 => sealed(&mut body, &mut dice),
            2 => {
                in_bytes(&mut body, &mut dice);
                sealed(&mut body, &mut dice);
            }
            _ => in_bytes(&mut body, &mut dice),
        }
        let whole = cut(framing, std::iter::once(&body[..]));
        let size = 1 + dice.below(60);
        assert_eq!(cut(framing, body.chunks(size)), whole, "{framing:?}");
        assert!(body.starts_with(&whole.frames.concat()), "{framing:?}");
        let frames = Frames::of(framing);
        for to in FRAMINGS {
            let mut out = Outgoing::of(to);
            let pass = |frame: &Bytes| out.pass(frame.clone(), &frames);
            let told: Vec<Bytes> = whole.frames.iter().filter_map(pass).collect();
            if matches!(to, Framing::Binary | Framing::Chunks) {
                let read = cut(to, std::iter::once(&told.concat()[..]));
                assert!(!read.fails, "{framing:?} as {to:?}");
            }
        }
        if framing == Framing::Binary {
            for frame in &whole.frames {
                rewritten(frame);
            }
        }
    }
}

/// A binary frame written again is the same bytes.
fn rewritten(frame: &[u8]) {
    let message = eventstream::message(frame).unwrap();
    let headers: Vec<_> = message.headers().collect();
    let mut again = Vec::new();
    eventstream::write(&headers, message.payload, &mut again);
    assert_eq!(again, frame);
}

#[test]
fn readers_and_the_splice_stand_anything() {
    run(&seeds(), SHORT, case);
}

#[test]
fn frames_of_every_kind_stand_anything() {
    let mut seeds = seeds();
    seeds.retain(|seed| memchr::memmem::find(seed, b"data:").is_some());
    run(&seeds, SHORT, framed);
}

/// Runs cases for so long, or so many of them.
fn run(seeds: &[Vec<u8>], short: u64, case: fn(&[Vec<u8>], u64)) {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let first = number("FUZZ_SEED").unwrap_or(1);
    let until = number("FUZZ_SECONDS").map(Duration::from_secs);
    let (began, mut seed) = (Instant::now(), first);
    let goes_on = |seed: u64| match until {
        Some(until) => seed == first || began.elapsed() < until,
        None => seed < first + short,
    };
    let mut failed = Vec::new();
    while goes_on(seed) && failed.len() < 20 {
        if catch_unwind(AssertUnwindSafe(|| case(seeds, seed))).is_err() {
            failed.push(seed);
        }
        seed += 1;
    }
    eprintln!("{} cases of {} seeds", seed - first, seeds.len());
    assert!(
        failed.is_empty(),
        "these fail, each again with FUZZ_SEED=N FUZZ_SECONDS=0: {failed:?}"
    );
}
