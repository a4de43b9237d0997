//! What is no chat, as a caller sees it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::mock::tests::{bytes, events, exchange, filled, json_of, sent};
use crate::mock::{Mock, Settings};
use serde_json::{Value, json};

#[test]
fn completions_are_whole_and_streamed() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = json!({"model": "mock", "prompt": "hello", "max_tokens": 99});
    let whole = json_of(&exchange(&mock, "/v1/completions", "", &body).0);
    assert_eq!(
        whole["choices"],
        json!([{"text": "This is gw's mock, not a model. You said: hello", "index": 0, "logprobs": null, "finish_reason": "stop"}])
    );
    assert_eq!(whole["usage"]["completion_tokens"], 12);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let events = events(&exchange(&mock, "/v1/completions", "", &body).0);
    let text: String = events
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event).ok())
        .filter_map(|event| event["choices"][0]["text"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(text, whole["choices"][0]["text"]);
    assert!(
        events[events.len() - 2].contains("\"total_tokens\":14"),
        "{events:?}"
    );
}

#[test]
fn pictures_are_made_and_changed() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = json!({"model": "gpt-image-1", "prompt": "a cat", "n": 2});
    let made = json_of(&exchange(&mock, "/v1/images/generations", "", &body).0);
    assert_eq!(made["data"].as_array().unwrap().len(), 2);
    assert_eq!(made["usage"]["output_tokens"], 544);
    body["stream"] = json!(true);
    body["partial_images"] = json!(1);
    let (answer, _) = exchange(&mock, "/v1/images/generations", "", &body);
    assert!(
        answer.contains("event: image_generation.partial_image\n")
            && answer.contains("event: image_generation.completed\n"),
        "{answer}"
    );
    let fields = [
        ("model", None, "gpt-image-1"),
        ("prompt", None, "a dog"),
        ("image[]", Some("a.png"), "x"),
    ];
    let edited = json_of(&filled(&mock, "/v1/images/edits", &fields));
    assert_eq!(
        edited["data"][0]["revised_prompt"],
        "A mock's picture, by gpt-image-1: a dog (of 1)"
    );
    let refused = json_of(&filled(&mock, "/v1/images/edits", &fields[..2]));
    assert_eq!(refused["error"]["param"], "image");
    // The model of a form says what to do, as anywhere else.
    let failing = [
        ("model", None, "mock-429"),
        ("prompt", None, "x"),
        ("image", Some("a.png"), "x"),
    ];
    assert!(filled(&mock, "/v1/images/edits", &failing).starts_with("HTTP/1.1 429 "));
}

#[test]
fn sound_comes_out_and_goes_in() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = json!({"model": "tts-1", "input": "hello", "voice": "alloy"});
    let spoken = bytes(&mock, "/v1/audio/speech", "", &body);
    let head = memchr::memmem::find(&spoken, b"\r\n\r\n").unwrap() + 4;
    assert!(spoken[head..].starts_with(b"ID3") && spoken.len() - head == 500);
    body["stream_format"] = json!("sse");
    let told = events(&exchange(&mock, "/v1/audio/speech", "", &body).0);
    assert!(
        told[0].contains("speech.audio.delta")
            && told.last().unwrap().contains("speech.audio.done")
    );
    let heard = "This is gw's mock, not a model. It heard a.wav, 4 bytes.";
    let with = |model: &'static str, name: &'static str, value: &'static str| {
        [
            ("model", None, model),
            (name, None, value),
            ("file", Some("a.wav"), "RIFF"),
        ]
    };
    let path = "/v1/audio/transcriptions";
    let whole = json_of(&filled(
        &mock,
        path,
        &with("gpt-4o-transcribe", "language", "en"),
    ));
    assert_eq!(
        (&whole["text"], &whole["usage"]["type"]),
        (&json!(heard), &json!("tokens"))
    );
    let text = filled(&mock, path, &with("whisper-1", "response_format", "text"));
    assert!(text.ends_with(&format!("\r\n\r\n{heard}\n")), "{text}");
    let streamed = events(&filled(
        &mock,
        path,
        &with("gpt-4o-transcribe", "stream", "true"),
    ));
    assert!(
        streamed[0].contains("transcript.text.delta") && streamed.last().unwrap().contains(heard)
    );
    let translated = json_of(&filled(
        &mock,
        "/v1/audio/translations",
        &with("whisper-1", "prompt", "x"),
    ));
    assert_eq!(translated, json!({"text": heard}));
}

#[test]
fn texts_are_flagged_for_what_they_name() {
    let mock = Mock::start(Settings::default()).unwrap();
    let body = json!({"input": ["a cat", "violence"]});
    let answer = json_of(&exchange(&mock, "/v1/moderations", "", &body).0);
    assert_eq!(
        (
            &answer["results"][0]["flagged"],
            &answer["results"][1]["categories"]["violence"]
        ),
        (&json!(false), &json!(true))
    );
}

#[test]
fn files_are_kept_and_batches_run() {
    let mock = Mock::start(Settings::default()).unwrap();
    let line = |id: &str, model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "hello"}]});
        json!({"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body})
            .to_string()
    };
    let content = format!("{}\n{}\n", line("a", "mock"), line("b", "mock-429"));
    let fields = [
        ("purpose", None, "batch"),
        ("file", Some("in.jsonl"), content.as_str()),
    ];
    let file = json_of(&filled(&mock, "/v1/files", &fields));
    let id = file["id"].as_str().unwrap();
    assert_eq!(
        (&file["bytes"], &file["filename"]),
        (&json!(content.len()), &json!("in.jsonl"))
    );
    let got = |path: &str| sent(&mock, "GET", path, "");
    assert_eq!(json_of(&got(&format!("/v1/files/{id}"))), file);
    assert!(got(&format!("/v1/files/{id}/content")).ends_with(&content));
    assert_eq!(
        json_of(&got("/v1/files?purpose=batch"))["data"],
        json!([file])
    );

    let body = json!({"input_file_id": id, "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    let begun = json_of(&exchange(&mock, "/v1/batches", "", &body).0);
    assert_eq!(begun["status"], "validating");
    let done = json_of(&got(&format!(
        "/v1/batches/{}",
        begun["id"].as_str().unwrap()
    )));
    assert_eq!(
        (&done["status"], &done["request_counts"]),
        (
            &json!("completed"),
            &json!({"total": 2, "completed": 1, "failed": 1})
        )
    );
    let output = got(&format!(
        "/v1/files/{}/content",
        done["output_file_id"].as_str().unwrap()
    ));
    let rows: Vec<Value> = output
        .split_once("\r\n\r\n")
        .unwrap()
        .1
        .lines()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(
        rows.iter()
            .map(|row| (&row["custom_id"], &row["response"]["status_code"]))
            .collect::<Vec<_>>(),
        [(&json!("a"), &json!(200)), (&json!("b"), &json!(429))]
    );
    let gone = json_of(&sent(&mock, "DELETE", &format!("/v1/files/{id}"), ""));
    assert_eq!(gone["deleted"], true);
    assert!(got(&format!("/v1/files/{id}")).starts_with("HTTP/1.1 404 "));
    mock.forget();
    assert_eq!(json_of(&got("/v1/batches"))["data"], json!([]));
}

#[test]
fn a_long_body_is_read_whole_however_it_comes() {
    use std::io::{Read, Write};
    let mock = Mock::start(Settings::default()).unwrap();
    let long = "x".repeat(3 << 20);
    let form = format!(
        "--b\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{long}\r\n--b--\r\n"
    );
    for pace in ["", "x-mock: read-pace=0\r\n"] {
        let mut socket = std::net::TcpStream::connect(mock.address()).unwrap();
        write!(socket, "POST /v1/files HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n{pace}content-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        for piece in form.as_bytes().chunks(1000) {
            write!(socket, "{:x}\r\n", piece.len()).unwrap();
            socket.write_all(piece).unwrap();
            socket.write_all(b"\r\n").unwrap();
        }
        socket.write_all(b"0\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert_eq!(json_of(&answer)["bytes"], long.len());
    }
    assert_eq!(mock.requests()[0].body_bytes, form.len());
}
