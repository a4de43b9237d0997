//! What no HTTP library would do, as a caller sees it on a bare socket: odd heads and framing, connections that end where
//! none should, spellings of events, TLS, and scripts that change while it runs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::tests::{ANTHROPIC, OPENAI, events, exchange, hello, json_of, open, read, wait};
use super::{Mock, Outcome, Script, Settings};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

fn started(items: &str) -> Mock {
    let mut script = Script::default();
    script.add(items).unwrap();
    Mock::start(Settings {
        script,
        ..Settings::default()
    })
    .unwrap()
}

fn answered(items: &str, stream: bool) -> String {
    let mock = started("");
    exchange(
        &mock,
        OPENAI,
        &format!("x-mock: {items}\r\n"),
        &hello("mock", stream),
    )
    .0
}

#[test]
fn heads_are_as_odd_as_asked() {
    let head = |items: &str| {
        let answer = answered(items, false);
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        head.to_owned()
    };
    assert_eq!(head("headers=150").matches("\r\nx-mock-").count(), 150);
    assert!(head("header-bytes=5000").contains(&"x".repeat(5000)));
    assert!(head("bad-header").contains("\r\nset-cookie"));
    assert!(head("header=X-A: b").contains("\r\nX-A: b"));
    assert!(
        head("framing=two-lengths")
            .matches("content-length")
            .count()
            == 2
    );
    let both = head("framing=length-and-chunks");
    assert!(
        both.contains("content-length") && both.contains("chunked"),
        "{both}"
    );
    let close = head("framing=close");
    assert!(
        !close.contains("content-length") && !close.contains("chunked"),
        "{close}"
    );
    assert!(head("retry-after-date=1m,status=429").contains("GMT"));
    assert!(answered("interim", false).starts_with("HTTP/1.1 103 "));
    assert!(answered("interim=100", true).starts_with("HTTP/1.1 100 "));
}

#[test]
fn a_body_is_cut_where_asked() {
    let whole = answered("cut-at=1", false);
    let (_, body) = whole.split_once("\r\n\r\n").unwrap();
    assert!(
        body.starts_with("1\r\n{\r\n") && body.ends_with("0\r\n\r\n"),
        "{body}"
    );
    let single = answered("cut", true);
    let (_, body) = single.split_once("\r\n\r\n").unwrap();
    assert!(body.starts_with("1\r\nd\r\n1\r\na\r\n1\r\nt\r\n"), "{body}");
    assert!(answered("trickle=1", false).contains("This is gw's mock"));
}

#[test]
fn bytes_that_are_no_text_go_out() {
    let mock = started("");
    for stream in [false, true] {
        let body = hello("mock-bad-text", stream).to_string();
        let (all, _) = read(open(&mock, "POST", OPENAI, "", &body));
        assert_eq!(all.iter().filter(|byte| **byte == 0xff).count(), 1);
    }
}

#[test]
fn what_is_packed_is_unpacked_to_what_was_asked() {
    let mock = started("");
    let body = hello("mock-gzip-3000000", false).to_string();
    let (all, _) = read(open(&mock, "POST", OPENAI, "", &body));
    let start = memchr::memmem::find(&all, b"\r\n\r\n").unwrap() + 4;
    let mut unpacked = Vec::new();
    flate2::read::MultiGzDecoder::new(&all[start..])
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked.len(), 3_000_000);
    assert!(all.len() < 20_000);
}

/// Several requests on one connection; the statuses, as far as there are answers.
fn in_a_row(mock: &Mock, requests: usize) -> Vec<String> {
    let mut socket = TcpStream::connect(mock.address()).unwrap();
    let body = hello("mock", false).to_string();
    let mut statuses = Vec::new();
    for _ in 0..requests {
        let head = format!(
            "POST {OPENAI} HTTP/1.1\r\nhost: m\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if socket.write_all((head + &body).as_bytes()).is_err() {
            break;
        }
        let mut answer = String::new();
        let mut piece = [0; 4096];
        while json_whole(&answer).is_none() {
            match socket.read(&mut piece) {
                Ok(read @ 1..) => answer.push_str(std::str::from_utf8(&piece[..read]).unwrap()),
                _ => return statuses,
            }
        }
        statuses.push(answer[9..12].to_owned());
    }
    statuses
}

fn json_whole(answer: &str) -> Option<Value> {
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

#[test]
fn connections_end_where_asked() {
    assert_eq!(in_a_row(&started("requests=2"), 4), ["200", "200"]);
    assert_eq!(in_a_row(&started(""), 3), ["200", "200", "200"]);
    let mock = started("idle=1ms");
    let mut socket = TcpStream::connect(mock.address()).unwrap();
    let body = hello("mock", false).to_string();
    let head = format!(
        "POST {OPENAI} HTTP/1.1\r\nhost: m\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).unwrap();
    // It ends although the caller kept it.
    assert!(read(socket).1.is_none());
    let mock = started("close-on-accept,fail-first=1");
    let mut socket = TcpStream::connect(mock.address()).unwrap();
    assert_eq!(socket.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(in_a_row(&mock, 1), ["200"]);
}

#[test]
fn an_early_answer_comes_before_the_body() {
    let mock = started("early=413");
    let mut socket = TcpStream::connect(mock.address()).unwrap();
    let head = format!("POST {OPENAI} HTTP/1.1\r\nhost: m\r\ncontent-length: 1000000\r\n\r\n{{");
    socket.write_all(head.as_bytes()).unwrap();
    let (answer, _) = read(socket);
    assert!(answer.starts_with(b"HTTP/1.1 413 "));
    // It is noted once it has been sent.
    let seen = wait(&mock, |seen| seen[0].outcome != Outcome::Running);
    assert_eq!((seen.len(), seen[0].outcome), (1, Outcome::Answered));
}

#[test]
fn spellings_hold_for_streams() {
    for (items, begins, holds) in [
        ("sse=bom", "\u{feff}data: {", "\n\ndata: [DONE]\n\n"),
        ("sse=cr", "data: {", "\r\rdata: [DONE]\r\r"),
        ("sse=no-space", "data:{", "\n\ndata:[DONE]\n\n"),
        ("sse=unended", "data: {", "\n\ndata: [DONE]\n\r\n0"),
    ] {
        let answer = answered(items, true);
        let (_, chunks) = answer.split_once("\r\n\r\n").unwrap();
        let (_, body) = chunks.split_once("\r\n").unwrap();
        assert!(body.starts_with(begins), "{items}: {body}");
        // Each event is a chunk of its own.
        let body: String = body
            .split("\r\n")
            .filter(|line| usize::from_str_radix(line, 16).is_err())
            .collect();
        let holds = holds.replace("\r\n0", "");
        assert!(
            body.ends_with(&holds) || body.contains(&holds),
            "{items}: {body:?}"
        );
    }
}

#[test]
fn an_error_event_says_the_status_that_it_is_given() {
    let mock = started("");
    let told = |items: &str| {
        let headers = format!("x-mock: {items}\r\n");
        events(&exchange(&mock, ANTHROPIC, &headers, &hello("mock", true)).0)
            .last()
            .unwrap()
            .clone()
    };
    assert!(told("error-after=1").contains("overloaded_error"));
    assert!(told("error-after=1,error-status=429").contains("rate_limit_error"));
}

#[test]
fn a_script_is_said_while_it_runs() {
    let mock = started("status=500");
    let status =
        |model: &str| exchange(&mock, OPENAI, "", &hello(model, false)).0[9..12].to_owned();
    let say = |query: &str, items: &str| {
        let socket = open(&mock, "POST", &format!("/_mock/script{query}"), "", items);
        String::from_utf8(read(socket).0).unwrap()
    };
    assert_eq!(status("a"), "500");
    assert_eq!(
        json_of(&say("", "status=429\nretry-after=2")),
        json!({"script": "status=429\nretry-after=2"})
    );
    assert_eq!(status("a"), "429");
    say("?model=b", "");
    assert_eq!((status("a"), status("b")), ("429".into(), "200".into()));
    assert!(say("", "statsu=1").starts_with("HTTP/1.1 400 "));
    mock.script("fail-percent=50", None).unwrap();
    let failed = (0..40).filter(|_| status("a") == "500").count();
    assert!((10..=30).contains(&failed), "{failed}");
    // The same again.
    mock.script("fail-percent=50", None).unwrap();
    assert_eq!((0..40).filter(|_| status("a") == "500").count(), failed);
    mock.script("", None).unwrap();
    assert_eq!(status("a"), "200");
}

#[test]
fn tls_is_spoken_with_the_certificate_given() {
    let place = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (place.path().join("c.pem"), place.path().join("k.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    assert!(super::tls(&key, &key).is_err() && super::tls(&certificate, &certificate).is_err());
    let mock = Mock::start(Settings {
        tls: Some(super::tls(&certificate, &key).unwrap()),
        ..Settings::default()
    })
    .unwrap();
    assert!(mock.url().starts_with("https://"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let session = rustls::ClientConnection::new(config.into(), name).unwrap();
    let mut stream = rustls::StreamOwned::new(session, TcpStream::connect(mock.address()).unwrap());
    let body = hello("mock", true).to_string();
    write!(stream, "POST {OPENAI} HTTP/1.1\r\nhost: m\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    // It ends without a farewell of TLS.
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.contains("data: [DONE]"), "{answer}");
}
