//! Signatures and event-stream frames against botocore's signer and parser.

use super::harness::clients;
use bytes::Bytes;
use gw::formats::eventstream::{self, Frames, Value};
use gw::upstream::aws::{self, Keys};
use serde_json::{Value as Json, json};

/// What a program of ours says, an object a line; `None` where the clients are not installed.
fn told(program: &str, words: &[&str]) -> Option<Vec<Json>> {
    let environment = clients::environment()?;
    let mut command = clients::python(&environment);
    let programs = clients::root().join("tests/sdk/python");
    command.arg(programs.join(program)).args(words);
    let out = clients::run(command);
    let read = |line| serde_json::from_str(line).unwrap();
    Some(out.lines().map(read).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap()
}

#[test]
fn signatures_are_botocores() {
    let Some(cases) = told("aws_signing.py", &["1", "1000"]) else {
        return;
    };
    assert_eq!(cases.len(), 1000);
    for case in cases {
        let target: http::uri::PathAndQuery = text(&case["target"]).parse().unwrap();
        let mut request = http::Request::builder()
            .method(text(&case["method"]))
            .uri(http::Uri::from(target))
            .header("host", text(&case["host"]))
            .header("user-agent", "gw");
        for (name, value) in case["headers"].as_object().unwrap() {
            request = request.header(name, text(value));
        }
        let body = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text(&case["body"]));
        let mut request = request.body(Bytes::from(body.unwrap())).unwrap();
        let parts = case["keys"].as_array().unwrap().iter();
        let parts: Vec<&str> = parts.filter_map(Json::as_str).collect();
        let keys = Keys::stored(&parts.join(":")).unwrap();
        let now = jiff::Timestamp::from_second(case["second"].as_i64().unwrap()).unwrap();
        let (region, service) = (text(&case["region"]), text(&case["service"]));
        aws::sign(&mut request, &keys, region, service, now).unwrap();
        let names = ["authorization", "x-amz-date", "x-amz-security-token"];
        let signed: serde_json::Map<String, Json> = names
            .iter()
            .filter_map(|name| Some((*name, request.headers().get(*name)?)))
            .map(|(name, value)| (name.to_owned(), value.to_str().unwrap().into()))
            .collect();
        assert_eq!(Json::from(signed), case["signed"], "{case}");
    }
}

/// What gw's reader makes of a stream that comes in pieces.
fn reading(stream: &[u8], piece: usize) -> Json {
    let (mut frames, mut told, mut fails) = (Frames::default(), Vec::new(), false);
    for chunk in stream.chunks(piece) {
        fails = frames.push(Bytes::copy_from_slice(chunk)).is_err();
        while let Some(frame) = frames.next() {
            let message = eventstream::message(&frame).unwrap();
            let headers: Vec<Json> = message
                .headers()
                .map(|(name, value)| json!([name, plain(value)]))
                .collect();
            told.push(json!([headers, hex(message.payload)]));
        }
        if fails {
            break;
        }
    }
    let left = frames.rest().map_or(0, |rest| rest.len());
    json!({ "frames": told, "fails": fails, "left": left })
}

fn plain(value: Value<'_>) -> Json {
    match value {
        Value::Bool(yes) => yes.into(),
        Value::Byte(number) => number.into(),
        Value::Short(number) => number.into(),
        Value::Int(number) => number.into(),
        Value::Long(number) | Value::Time(number) => number.into(),
        Value::Bytes(bytes) => hex(bytes).into(),
        Value::Text(text) => text.into(),
        Value::Uuid(bytes) => hex(&bytes).into(),
    }
}

/// A frame of these headers (name, number of the type, value) and this payload, as gw writes it.
fn written(frame: &Json) -> Vec<u8> {
    let headers = frame["headers"].as_array().unwrap();
    let bytes: Vec<Vec<u8>> = headers
        .iter()
        .map(|header| match header[1].as_u64() {
            Some(6 | 9) => unhex(text(&header[2])),
            _ => Vec::new(),
        })
        .collect();
    let headers: Vec<(&str, Value<'_>)> = headers
        .iter()
        .zip(&bytes)
        .map(|(header, bytes)| {
            let number = header[2].as_i64().unwrap_or_default();
            let value = match header[1].as_u64().unwrap() {
                0 => Value::Bool(true),
                1 => Value::Bool(false),
                2 => Value::Byte(number.try_into().unwrap()),
                3 => Value::Short(number.try_into().unwrap()),
                4 => Value::Int(number.try_into().unwrap()),
                5 => Value::Long(number),
                6 => Value::Bytes(bytes),
                7 => Value::Text(text(&header[2])),
                8 => Value::Time(number),
                _ => Value::Uuid(bytes.as_slice().try_into().unwrap()),
            };
            (text(&header[0]), value)
        })
        .collect();
    let mut out = Vec::new();
    eventstream::write(&headers, &unhex(text(&frame["payload"])), &mut out);
    out
}

#[test]
fn frames_are_read_and_written_as_botocore_reads_them() {
    let Some(cases) = told("aws_frames.py", &["random", "1", "1000"]) else {
        return;
    };
    assert_eq!(cases.len(), 1000);
    for (case, piece) in cases.iter().zip((1..40).cycle()) {
        for frame in case["frames"].as_array().unwrap() {
            assert_eq!(hex(&written(frame)), text(&frame["bytes"]), "{frame}");
        }
        let mut botocore = case["botocore"].clone();
        botocore["fails"] = (!botocore["fails"].is_null()).into();
        let stream = unhex(text(&case["stream"]));
        assert_eq!(reading(&stream, piece), botocore, "{case}");
        assert_eq!(reading(&stream, usize::MAX), botocore, "{case}");
    }
}

#[test]
fn every_failure_a_stream_may_end_in_is_raised_by_botocore() {
    let Some(failures) = told("aws_frames.py", &["failures"]) else {
        return;
    };
    assert!(failures.len() > 10, "{failures:?}");
    let (mut lines, mut want) = (String::new(), Vec::new());
    for failure in &failures {
        let name = text(&failure["name"]);
        let (begin, event) = match text(&failure["operation"]) {
            "ConverseStream" => (
                eventstream::event("messageStart", br#"{"role":"assistant"}"#),
                json!({"messageStart": {"role": "assistant"}}),
            ),
            _ => (Vec::new(), Json::Null),
        };
        let end = eventstream::exception(name, br#"{"message":"not now"}"#);
        let stream = hex(&[begin, end].concat());
        lines.push_str(&format!("{} {stream}\n", text(&failure["operation"])));
        let events: Vec<Json> = Some(event)
            .filter(|event| !event.is_null())
            .into_iter()
            .collect();
        want.push(json!({"events": events, "code": name, "message": "not now"}));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let raised = told("aws_frames.py", &["read", file.path().to_str().unwrap()]);
    assert_eq!(raised, Some(want));
}
