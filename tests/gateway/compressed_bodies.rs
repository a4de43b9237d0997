//! Request bodies that come compressed, as coding agents send them.

use crate::harness::http;
use crate::kit::{Bench, bytes_upstream, chat, drain, plan, status};
use flate2::{Compression, write};
use serde_json::{Value, json};
use std::io::Write;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = write::GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut packer = write::ZlibEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 3).unwrap()
}

/// Brotli of one uncompressed meta-block of up to 64 KiB (RFC 7932 section 9.2): nothing here packs it otherwise.
fn br(text: &[u8]) -> Vec<u8> {
    // From the lowest bit: window 0, not the last 0, four nibbles 00, length - 1 in 16 bits, uncompressed 1.
    let head = (text.len() as u32 - 1) << 4 | 1 << 20;
    [&head.to_le_bytes()[..3], text, &[0b11]].concat()
}

/// Brotli's own test vector: <https://github.com/google/brotli/tree/master/tests/testdata> `10x10y.compressed`.
const TEN_X_TEN_Y: &[u8] = &[
    0x1b, 0x13, 0x00, 0x00, 0xa4, 0xb0, 0xb2, 0xea, 0x81, 0x47, 0x02, 0x8a,
];

/// A body as it is sent: its head's further lines and its bytes.
fn send(bench: &Bench, path: &str, extra: &str, body: &[u8]) -> http::Answer {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\nconnection: close\r\n{extra}",
        bench.host(),
        bench.key,
    )
    .into_bytes();
    match extra.contains("chunked") {
        true => {
            request.extend_from_slice(b"\r\n");
            for piece in body.chunks(100) {
                request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                request.extend_from_slice(piece);
                request.extend_from_slice(b"\r\n");
            }
            request.extend_from_slice(b"0\r\n\r\n");
        }
        false => {
            request.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
            request.extend_from_slice(body);
        }
    }
    let mut socket = bench.socket();
    // The gateway may close before it has read everything.
    let _ = socket.write_all(&request);
    http::read(socket)
}

type Pack = fn(&[u8]) -> Vec<u8>;

#[test]
fn compressed_request_bodies_are_taken_and_go_on_as_they_were_before() {
    let bench = plan().at("other", &["a/mock"]).start();
    for (coding, pack) in [
        ("zstd", zstd as Pack),
        ("gzip", gzip),
        ("GZip", gzip),
        ("deflate", deflate),
        ("br", br),
        ("identity", <[u8]>::to_vec),
    ] {
        for lines in ["", "transfer-encoding: chunked\r\n"] {
            // Spaces, number spellings and escapes show that it is the same to the byte.
            let text = format!(
                "{{ \"model\" : \"mock\", \"temperature\": 0.50, \"messages\":[{{\"role\":\"user\",\"content\":\"{coding} \\u0068i {}\"}}] }}",
                "again and ".repeat(500)
            );
            bench.mock.forget();
            let extra = format!("{lines}content-encoding: {coding}\r\n");
            let answer = send(
                &bench,
                "/v1/chat/completions",
                &extra,
                &pack(text.as_bytes()),
            );
            assert_eq!(answer.status, 200, "{coding}: {answer:?}");
            let seen = bench.upstream(coding);
            assert_eq!(
                (
                    seen.body.as_str(),
                    seen.header("content-encoding"),
                    seen.header("content-length")
                ),
                (text.as_str(), None, Some(text.len().to_string().as_str()))
            );
            // Translated, too, and the log has what was meant.
            let answer = send(
                &bench,
                "/other/v1/chat/completions",
                &extra,
                &pack(text.as_bytes()),
            );
            assert_eq!(answer.status, 200, "{coding}: {answer:?}");
            let row = bench.row(&answer);
            let shown = bench
                .gateway
                .cli(&[
                    "logs",
                    "show",
                    row["id"].as_str().unwrap(),
                    "--bodies",
                    "-o",
                    "json",
                ])
                .json();
            assert!(shown.to_string().contains("again and again"), "{shown}");
        }
    }
}

#[test]
fn a_compressed_body_counts_by_its_unpacked_size() {
    let bench = plan().limits("max_body = '64KiB'").start();
    let padded = |spaces: usize| format!("{}{}", chat("mock", "small", false), " ".repeat(spaces));
    for (coding, pack) in [("zstd", zstd as Pack), ("gzip", gzip), ("deflate", deflate)] {
        let extra = format!("content-encoding: {coding}\r\n");
        let ask = |text: &str| send(&bench, "/v1/messages", &extra, &pack(text.as_bytes()));
        assert_eq!(ask(&padded(1000)).status, 200, "{coding}");
        for spaces in [65 << 10, 4 << 20] {
            let answer = ask(&padded(spaces));
            assert_eq!(
                (answer.status, answer.json()),
                (
                    413,
                    json!({"type": "error", "error": {"type": "request_too_large", "message": "the request body, unpacked, is larger than 65536 bytes (fix: send less, or raise `limits.max_body`)"}})
                ),
                "{coding}"
            );
        }
    }
    // Many at once cost what they may grow to, and no more: the rest is told to come back.
    let bench = plan()
        .limits("max_body = '32MiB'\nmax_in_flight_bytes = '1MiB'")
        .start();
    let bomb = zstd(padded(30 << 20).as_bytes());
    assert!(bomb.len() < 16 << 10, "{}", bomb.len());
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    send(
                        &bench,
                        "/v1/chat/completions",
                        "content-encoding: zstd\r\n",
                        &bomb,
                    )
                    .status
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(answers, [503; 16]);
    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("mock", "after", false))
            .status,
        200
    );
    assert_eq!(bench.mock.requests().len(), 1);
}

#[test]
fn codings_that_are_not_taken_are_415_and_broken_ones_400() {
    let bench = plan().start();
    let body = chat("mock", "hello", false).to_string();
    let told = |lines: &str, body: &[u8]| -> (u16, Value) {
        let answer = send(&bench, "/v1/chat/completions", lines, body);
        (answer.status, answer.json()["error"]["message"].clone())
    };
    let more = "the request body is compressed more than once, which gw does not take (fix: compress it once: with zstd, gzip, deflate or br)";
    for lines in [
        "content-encoding: gzip, zstd\r\n",
        "content-encoding: gzip\r\ncontent-encoding: gzip\r\n",
    ] {
        assert_eq!(
            told(lines, &gzip(&gzip(body.as_bytes()))),
            (415, json!(more))
        );
    }
    assert_eq!(
        told("content-encoding: lz4\r\n", body.as_bytes()),
        (
            415,
            json!(
                "the request body is compressed with `lz4`, which gw does not take (fix: compress it with zstd, gzip, deflate or br, or not at all)"
            )
        )
    );
    for (coding, packed) in [
        ("gzip", body.clone().into_bytes()),
        ("gzip", gzip(body.as_bytes())[..40].to_vec()),
        ("zstd", zstd(body.as_bytes())[..40].to_vec()),
        ("br", b"\xff\xff\xff\xff".to_vec()),
        ("deflate", Vec::new()),
    ] {
        assert_eq!(
            told(&format!("content-encoding: {coding}\r\n"), &packed),
            (
                400,
                json!(format!(
                    "the request body is not whole and valid {coding} (fix: send it again, or without Content-Encoding)"
                ))
            )
        );
    }
    // Unpacked it is no JSON; unpacked it is.
    let (status_, said) = told("content-encoding: br\r\n", TEN_X_TEN_Y);
    assert_eq!(
        (status_, said),
        (
            400,
            json!(
                "the body is not a JSON object (fix: send one JSON object, without a byte order mark)"
            )
        )
    );
    assert!(bench.mock.requests().is_empty());
    // What was refused unread is not taken for the next request.
    let mut socket = bench.socket();
    let request = bench.request("/v1/chat/completions", "Content-Encoding: lz4\r\n", &body);
    socket.write_all(request.as_bytes()).unwrap();
    let answer = drain(&mut socket);
    assert_eq!(
        (status(&answer), answer.matches("HTTP/1.1").count()),
        (415, 1),
        "{answer}"
    );
}

/// Asked not to, a provider compresses its error all the same: nobody is handed bytes that are not what they say.
#[test]
fn a_compressed_error_of_a_provider_is_told_by_its_status() {
    let body = gzip(br#"{"error":{"message":"over","type":"server_error"}}"#);
    let mut said = format!(
        "HTTP/1.1 500 No\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    said.extend_from_slice(&body);
    let spec = json!({"vendor": "openai-compatible", "base_url": bytes_upstream(said)});
    let bench = plan().provider("z", spec).at("z", &["z/m"]).start();
    let answer = bench.post("/z/v1/chat/completions", &chat("any", "hi", false));
    assert_eq!(
        (answer.status, &answer.json()["error"]["message"]),
        (500, &json!("the provider answered 500 without a message")),
        "{answer:?}"
    );
}
