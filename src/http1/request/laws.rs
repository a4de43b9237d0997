//! Requests that nobody sent: written down, changed at random, and cut at every place. Nothing may panic, what is read is the
//! same however it came, and whatever is accepted another reader (hyper) accepts with the same meaning.
//!
//! A short run is among the other tests; `FUZZ_SECONDS=3600 cargo test --lib http1::request::laws -- --nocapture` is a long
//! one. A failure names its seed: `FUZZ_SEED=N FUZZ_SECONDS=0` begins with that case.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use super::{Limits, Reader};
use crate::http1::{body::Body, laws::Dice};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::io::AsyncWriteExt;

/// Cases of a run that no time is set for.
const SHORT: u64 = 3_000;

const LIMITS: Limits = Limits {
    head: 4 << 10,
    headers: 40,
    header: 1 << 10,
    target: 512,
};

const SEEDS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /v1/models?x=y HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST /v1/x HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 5\r\nX-Api-Key: k\r\n\r\nhello",
    "POST /v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\nA\r\n0123456789\r\n0\r\nX-T: y\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close, x\r\n\r\nabcGET /y HTTP/1.1\r\nHost: b\r\n\r\n",
    "DELETE /x/%20?a=b&c HTTP/1.1\r\nHost: a\r\nX-A: \t b \t\r\nX-A:c\r\nAccept: */*\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
];

/// What means something to a reader.
const TOKENS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\0",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "/",
    "?",
    "#",
    "0",
    "1",
    "a",
    "F",
    "\u{b}",
    "\u{e9}",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2.0",
    "GET ",
    "Host: a\r\n",
    "Host: b/c\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 99999999999999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Expect: 100-continue\r\n",
    "X: y\r\n",
    " folded\r\n",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "ffffffffffffffff\r\n",
    "0x5",
    "+5",
    "-1",
    "x_api_key: k\r\n",
    "chunked",
    "http://b/",
];

/// A request, changed in a few places.
fn request(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.one(SEEDS).as_bytes().to_vec();
    for _ in 0..dice.below(5) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(12)).min(bytes.len());
        match dice.below(6) {
            0 => drop(bytes.splice(at..end, [])),
            1 => drop(bytes.splice(at..end, dice.one(TOKENS).bytes())),
            2 => drop(bytes.splice(at..at, dice.one(TOKENS).bytes())),
            3 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            4 => drop(bytes.splice(at..at, dice.one(SEEDS).bytes())),
            _ if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            _ => {}
        }
    }
    bytes
}

/// What a reader makes of bytes.
#[derive(Debug, PartialEq, Eq)]
struct Meant {
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// Headers by name: those of one name stay in their order.
fn sorted(headers: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut headers: Vec<_> = headers.collect();
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    headers
}

/// It is refused: for the first reason that is seen, and how much is seen at first is a matter of how it was cut.
#[derive(Debug, PartialEq, Eq)]
struct Refused;

/// What is read here of bytes that come in pieces of this size, and how many bytes are left; nothing of what has not come whole.
fn here(bytes: &[u8], size: usize) -> Result<(Option<Meant>, usize), Refused> {
    let (mut reader, mut came) = (Reader::default(), BytesMut::new());
    let mut pieces = bytes.chunks(size.max(1));
    let mut more = |came: &mut BytesMut| {
        let piece = pieces.next().unwrap_or_default();
        came.extend_from_slice(piece);
        !piece.is_empty()
    };
    let head = loop {
        match reader.read(&mut came, &LIMITS) {
            Some(Ok(head)) => break head,
            Some(Err(_)) => return Err(Refused),
            None if more(&mut came) => {}
            None => return Ok((None, 0)),
        }
    };
    let parts = head.parts;
    let headers = parts.headers.iter();
    let mut meant = Meant {
        line: format!(
            "{} {} HTTP/1.{}",
            parts.method,
            parts.uri,
            u8::from(parts.newer)
        ),
        headers: sorted(
            headers
                .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec())),
        ),
        body: Vec::new(),
    };
    let mut body = Body::new(head.body);
    loop {
        match body.next(&mut came).map_err(|_| Refused)? {
            Some(piece) => meant.body.extend_from_slice(&piece),
            None if body.is_done() => break,
            None if more(&mut came) => {}
            None => return Ok((None, 0)),
        }
    }
    while more(&mut came) {}
    Ok((Some(meant), came.len()))
}

/// What hyper makes of the first request.
async fn there(bytes: &[u8]) -> Option<Meant> {
    let (mut near, far) = tokio::io::duplex(64 << 10);
    let meant = Rc::new(RefCell::new(None));
    let heard = meant.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let heard = heard.clone();
        async move {
            let (head, body) = request.into_parts();
            let headers = head.headers.iter();
            let told = Meant {
                line: format!("{} {} {:?}", head.method, head.uri, head.version),
                headers: sorted(
                    headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())),
                ),
                body: body.collect().await?.to_bytes().to_vec(),
            };
            heard.borrow_mut().get_or_insert(told);
            let answer = Response::builder().header("connection", "close");
            Ok::<_, hyper::Error>(answer.body(String::new()).unwrap())
        }
    });
    near.write_all(bytes).await.unwrap();
    let serving = http1::Builder::new().serve_connection(TokioIo::new(far), service);
    let _ = tokio::time::timeout(Duration::from_secs(5), serving)
        .await
        .unwrap();
    meant.take()
}

/// One case; whether it was accepted.
fn case(seed: u64, runtime: &tokio::runtime::Runtime) -> bool {
    let mut dice = Dice(seed);
    dice.below(2);
    let bytes = request(&mut dice);
    let whole = here(&bytes, bytes.len());
    let most = if bytes.len() > 200 { 40 } else { bytes.len() };
    for size in 1..most {
        assert_eq!(here(&bytes, size), whole, "in pieces of {size}");
    }
    let Ok((Some(meant), left)) = whole else {
        return false;
    };
    // What is behind the request is its connection's business, and hyper would go on reading it.
    let own = &bytes[..bytes.len() - left];
    assert_eq!(
        here(own, own.len()),
        Ok((Some(meant), 0)),
        "without what is behind"
    );
    let Ok((Some(meant), _)) = here(own, own.len()) else {
        return false;
    };
    let other = runtime.block_on(there(own));
    assert_eq!(
        other,
        Some(meant),
        "hyper: {:?}",
        String::from_utf8_lossy(own)
    );
    true
}

#[test]
fn whatever_is_accepted_others_read_alike() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let seconds = number("FUZZ_SECONDS");
    let first = number("FUZZ_SEED").unwrap_or_else(|| match seconds {
        Some(_) => u64::from(std::process::id()) << 32,
        None => 1,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let begun = Instant::now();
    let (mut seed, mut accepted) = (first, 0);
    let goes_on = |seed: u64| match seconds {
        Some(seconds) => seed == first || begun.elapsed() < Duration::from_secs(seconds),
        None => seed < first + SHORT,
    };
    while goes_on(seed) {
        let ran = catch_unwind(AssertUnwindSafe(|| case(seed, &runtime)));
        match ran {
            Ok(fine) => accepted += u64::from(fine),
            Err(panic) => {
                eprintln!("case FUZZ_SEED={seed}");
                std::panic::resume_unwind(panic);
            }
        }
        seed += 1;
    }
    let cases = seed - first;
    eprintln!("{cases} cases, {accepted} of them accepted");
    assert!(
        accepted * 10 > cases || cases < 100,
        "too few are accepted to say anything"
    );
}
