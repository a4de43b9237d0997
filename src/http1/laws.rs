//! Answers that nobody sent: heads and bodies put together and changed at random. Nothing panics, an answer is the same however
//! it is cut, and whatever is taken here hyper takes, too, for the same.
//!
//! A short run is among the other tests; `FUZZ_SECONDS=3600 cargo test --lib http1::laws -- --nocapture` is a long one. A failure
//! names its seed: `FUZZ_SEED=N FUZZ_SECONDS=0` is that case alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use super::answer::{self, Reader};
use super::body::{self, Body, Framing};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Cases of a run that no time is set for.
const SHORT: u64 = 1_500;

/// Knuth's MMIX generator: any would do, as long as a seed says what comes.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }

    pub fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const STATUS_LINES: &[&str] = &[
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 429 Too Many Requests\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "HTTP/1.1 304 x\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 500\r\n",
    "HTTP/1.1 101 x\r\n",
    "HTTP/1.1 103 Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\n",
];
const HEADERS: &[&str] = &[
    "content-type: application/json\r\n",
    "Date:  Mon\t\r\n",
    "x:\r\n",
    "x-ratelimit-a: 1\r\nX-Ratelimit-A: 2\r\n",
    "set-cookie: \u{e9}\r\n",
    "connection: close\r\n",
    "Connection: x, keep-alive\r\n",
    "trailer: a\r\n",
];
/// Framing that fits the body behind it, and such that may not.
const FRAMINGS: &[&str] = &[
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding: Chunked\r\n",
    "content-length: 5\r\n",
    "content-length: 5\r\nContent-Length: 5\r\n",
    "content-length: 5\r\ncontent-length: 6\r\n",
    "content-length: 05\r\n",
    "content-length: 0\r\n",
    "transfer-encoding: gzip, chunked\r\n",
    "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    "",
];
const PIECES: &[&str] = &[
    "5\r\nhello\r\n",
    "1\r\n\n\r\n",
    "a;b=c\r\n0123456789\r\n",
    "0B;x=\"y;z\"\r\n0123456789a\r\n",
    "0\r\n\r\n",
    "0\r\nA: b\r\nc:\r\n\r\n",
    "000\r\n\r\n",
    "hello",
    "{\"a\":1}",
    "5 \r\nhello\r\n",
    "5\nhello\n",
];
const TOKENS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    ";",
    "0",
    "f",
    "\0",
    "\u{7f}",
    "\u{ff}",
    ",",
    "-",
    "+",
    "chunked",
    "\r\n\r\n",
    "HTTP/1.1 ",
    "content-length: 1\r\n",
    "transfer-encoding: chunked\r\n",
    " \r\n",
    "ffffffffffffffff",
    "99999999999999999999",
    "x-a: ",
];

fn made(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.one(STATUS_LINES).as_bytes().to_vec();
    for _ in 0..dice.below(4) {
        bytes.extend_from_slice(dice.one(HEADERS).as_bytes());
    }
    let framing = dice.one(FRAMINGS);
    bytes.extend_from_slice(framing.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    for _ in 0..dice.below(5) {
        bytes.extend_from_slice(dice.one(PIECES).as_bytes());
    }
    if framing.eq_ignore_ascii_case(FRAMINGS[0]) && dice.below(3) > 0 {
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
    for _ in 0..dice.below(4) * dice.below(2) {
        change(dice, &mut bytes);
    }
    bytes
}

fn change(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let at = dice.below(bytes.len() + 1);
    let until = (at + dice.below(12)).min(bytes.len());
    match dice.below(5) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..until)),
        2 => drop(bytes.splice(at..at, dice.one(TOKENS).bytes())),
        3 => {
            let again = bytes[at..until].repeat(1 + dice.below(3));
            bytes.splice(at..at, again);
        }
        _ => {
            let byte = dice.below(256) as u8;
            bytes.splice(at..(at + 1).min(bytes.len()), [byte]);
        }
    }
}

/// What was read of an answer.
#[derive(Debug, PartialEq)]
struct Told {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

#[derive(Debug, PartialEq)]
enum Wrong {
    NoHead,
    Head(answer::Malformed),
    Body(body::Malformed, Vec<u8>),
}

/// What an answer says that comes in these pieces, and then the connection ends; and what is left behind it.
fn read(pieces: &[&[u8]], headless: bool) -> Result<(Told, Vec<u8>), Wrong> {
    let (mut buffer, mut reader) = (BytesMut::new(), Reader::default());
    let mut pieces = pieces.iter();
    let answer = loop {
        if let Some(answer) = reader.read(&mut buffer, headless).map_err(Wrong::Head)? {
            break answer;
        }
        buffer.extend_from_slice(pieces.next().ok_or(Wrong::NoHead)?);
    };
    let (mut body, mut said) = (Body::new(answer.framing), Vec::new());
    loop {
        match body.next(&mut buffer) {
            Err(why) => return Err(Wrong::Body(why, said)),
            Ok(Some(piece)) => said.extend_from_slice(&piece),
            Ok(None) if body.is_done() => break,
            Ok(None) => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => body
                    .closed()
                    .map_err(|why| Wrong::Body(why, said.clone()))?,
            },
        }
    }
    pieces.for_each(|piece| buffer.extend_from_slice(piece));
    assert!(answer.framing != Framing::Close || !answer.lasts);
    let told = Told {
        status: answer.head.status.as_u16(),
        headers: answer.head.headers.iter().map(header).collect(),
        body: said,
    };
    Ok((told, buffer.to_vec()))
}

fn header((name, value): (&[u8], &[u8])) -> (HeaderName, HeaderValue) {
    let name = HeaderName::from_bytes(name).unwrap();
    (name, HeaderValue::from_bytes(value).unwrap())
}

/// What hyper makes of the same.
async fn by_hyper(bytes: &[u8], headless: bool) -> Result<Told, hyper::Error> {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let (mut sender, connection) = handshake(TokioIo::new(near)).await?;
    let method = if headless { Method::HEAD } else { Method::POST };
    let request = Request::builder()
        .method(method)
        .uri("/")
        .body(Empty::<Bytes>::new());
    let peer = async move {
        // It may not answer before it was asked.
        let _ = far.read(&mut [0; 4096]).await;
        let _ = far.write_all(bytes).await;
        let _ = far.shutdown().await;
        far
    };
    let told = async {
        let (head, body) = sender.send_request(request.unwrap()).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Told {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.to_vec(),
        })
    };
    let (told, _, _) = tokio::join!(told, connection.with_upgrades(), peer);
    told
}

/// Whether it was taken.
fn holds(seed: u64, runtime: &tokio::runtime::Runtime) -> bool {
    let mut dice = Dice(seed);
    let (bytes, headless) = (made(&mut dice), dice.below(8) == 0);
    let whole = read(&[&bytes], headless);
    for at in 0..bytes.len() {
        let (a, b) = bytes.split_at(at);
        assert_eq!(
            read(&[a, b], headless),
            whole,
            "seed {seed}, cut at {at}: {}",
            shown(&bytes)
        );
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(
        read(&single, headless),
        whole,
        "seed {seed}, byte by byte: {}",
        shown(&bytes)
    );
    let Ok((told, _)) = whole else {
        return false;
    };
    let other = runtime.block_on(by_hyper(&bytes, headless));
    let other = other
        .unwrap_or_else(|error| panic!("seed {seed}: hyper refuses {}: {error:?}", shown(&bytes)));
    assert_eq!(told, other, "seed {seed}: {}", shown(&bytes));
    true
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn answers_are_read_as_hyper_reads_them_or_not_at_all() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (began, first) = (Instant::now(), number("FUZZ_SEED").unwrap_or(1));
    let time = number("FUZZ_SECONDS").map(Duration::from_secs);
    let (mut seed, mut taken) = (first, 0);
    loop {
        taken += u64::from(holds(seed, &runtime));
        seed += 1;
        match time {
            None if seed - first >= SHORT => break,
            Some(time) if began.elapsed() >= time => break,
            _ => {}
        }
    }
    eprintln!("{} answers, {taken} of them taken", seed - first);
    assert!(time.is_some() || taken > SHORT / 10);
}
