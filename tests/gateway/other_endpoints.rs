//! Endpoints beside chats: pictures, sound, moderation, reranking and legacy completions go to a provider that has the
//! same, with the route's model in their JSON or form, and come back as they are.

use crate::harness::http::{self, Answer};
use crate::kit::{Bench, plan};
use crate::standin::{FORM, StandIn, answer, field, form, json as told};
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A stand-in behind provider `up`, whose model `real` the route at `/r` asks for; `free` takes the model as asked.
fn bench(up: &StandIn) -> Bench {
    plan()
        .provider(
            "up",
            json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", up.url)}),
        )
        .at("r", &["up/real"])
        .at("free", &["up"])
        .start()
}

fn ask(bench: &Bench, path: &str, label: (&str, &str), body: &str) -> Answer {
    let bearer = format!("Bearer {}", bench.key);
    let headers = [("authorization", &*bearer), label];
    http::exchange("POST", &bench.url(path), &headers, body)
}

fn content(bench: &Bench, row: &Value, which: &str) -> String {
    let id = row["id"].as_str().unwrap();
    let shown = bench
        .gateway
        .ok(&["logs", "show", id, "--bodies", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let text = &shown["content"][which]["text"];
    text.as_str()
        .unwrap_or_else(|| panic!("{shown}"))
        .to_owned()
}

#[test]
fn json_goes_with_the_routes_model_and_what_it_used_is_logged() {
    let up = StandIn::start(|heard| {
        let path = heard.line.split(' ').nth(1).unwrap();
        told(
            200,
            match path {
                "/v1/images/generations" => {
                    r#"{"created":1,"data":[{"b64_json":"AA=="}],"usage":{"input_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40},"output_tokens":60,"total_tokens":110}}"#
                }
                "/v1/moderations" => r#"{"id":"m","results":[{"flagged":false}]}"#,
                "/v1/rerank" => {
                    r#"{"results":[{"index":0,"relevance_score":0.9}],"usage":{"total_tokens":12}}"#
                }
                "/v2/rerank" => r#"{"results":[],"meta":{"billed_units":{"search_units":2}}}"#,
                "/v1/completions" => {
                    r#"{"object":"text_completion","choices":[{"text":"!","index":0,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#
                }
                _ => "{}",
            },
        )
    });
    let bench = bench(&up);
    for (path, format, members, usage) in [
        (
            "/v1/images/generations",
            "openai-images",
            r#""prompt":"a cat","n":1"#,
            json!({"input": 50, "output": 60, "image": 40}),
        ),
        (
            "/v1/moderations",
            "openai-moderations",
            r#""input":"I ..."  "#,
            json!({"input": 0, "output": 0}),
        ),
        (
            "/v1/rerank",
            "rerank",
            r#""query":"q","documents":["a"]"#,
            json!({"input": 12, "output": 0}),
        ),
        (
            "/v2/rerank",
            "cohere-rerank",
            r#""query":"q","documents":["a"]"#,
            json!({"search_units": 2}),
        ),
        (
            "/v1/completions",
            "openai-completions",
            r#""prompt":"Say","max_tokens":1"#,
            json!({"input": 3, "output": 1}),
        ),
    ] {
        // Its model replaced, and put in where there is none.
        for (body, sent) in [
            (
                format!("{{\"model\": \"asked\",{members}}}"),
                format!("{{\"model\": \"real\",{members}}}"),
            ),
            (
                format!("{{{members}}}"),
                format!("{{\"model\":\"real\",{members}}}"),
            ),
        ] {
            let answer = ask(&bench, &format!("/r{path}"), JSON, &body);
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            let heard = up.take();
            assert_eq!(
                (heard.line.clone(), heard.text()),
                (format!("POST {path} HTTP/1.1"), sent)
            );
            let row = bench.row(&answer);
            assert_eq!(row["format"], format);
            assert_eq!(
                (&row["provider"], &row["model"]),
                (&json!("up"), &json!("real"))
            );
            for (name, count) in usage.as_object().unwrap() {
                let found = row["usage"].get(name).cloned().unwrap_or(json!(0));
                assert_eq!(&found, count, "{path} {name}: {row}");
            }
            let source = if format == "openai-moderations" {
                "none"
            } else {
                "reported"
            };
            assert_eq!(row["usage_source"], source, "{path}");
        }
    }
}

#[test]
fn sound_comes_back_byte_for_byte() {
    let sound: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let whole = sound.clone();
    let up = StandIn::start(move |_| {
        answer(
            200,
            "content-type: audio/mpeg\r\ncontent-disposition: attachment; filename=\"speech.mp3\"\r\nx-request-id: their-1\r\nset-cookie: a=b\r\n",
            &whole,
        )
    });
    let bench = bench(&up);
    let body = r#"{"model":"asked","input":"hi","voice":"alloy"}"#;
    let got = ask(&bench, "/r/v1/audio/speech", JSON, body);
    let expected = String::from_utf8_lossy(&sound);
    assert!(got.status == 200 && got.complete && got.body == expected);
    let shown = [
        "content-type",
        "content-length",
        "content-disposition",
        "x-request-id",
        "set-cookie",
        "x-gw-model",
    ]
    .map(|name| got.header(name));
    assert_eq!(
        shown,
        [
            Some("audio/mpeg"),
            Some("300000"),
            Some("attachment; filename=\"speech.mp3\""),
            Some("their-1"),
            None,
            Some("real")
        ]
    );
    let row = bench.row(&got);
    assert_eq!(
        (&row["status"], &row["usage_source"], &row["cost_pico"]),
        (&json!(200), &json!("none"), &json!(null))
    );
    let logged = content(&bench, &row, "response");
    assert!(
        logged.contains("audio/mpeg") && logged.contains("300000") && logged.len() < 200,
        "{logged}"
    );
}

#[test]
fn forms_go_with_the_routes_model_and_every_other_byte_kept() {
    let up = StandIn::start(|heard| match heard.text().contains("text-please") {
        true => answer(
            200,
            "content-type: text/plain; charset=utf-8\r\n",
            "Grüße".as_bytes(),
        ),
        false => told(
            200,
            r#"{"text":"hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"audio_tokens":14},"output_tokens":5}}"#,
        ),
    });
    let bench = bench(&up);
    for (path, format) in [
        ("/v1/audio/transcriptions", "openai-transcriptions"),
        ("/v1/audio/translations", "openai-translations"),
        ("/v1/images/edits", "openai-image-edits"),
        ("/v1/images/variations", "openai-image-variations"),
    ] {
        let body = form(
            &[("model", "asked"), ("language", "en")],
            "RIFF\r\n\r\n--b\r\n0",
        );
        let got = ask(&bench, &format!("/r{path}"), FORM, &body);
        assert_eq!(
            (got.status, got.header("content-type")),
            (200, Some("application/json")),
            "{got:?}"
        );
        let heard = up.take();
        assert_eq!(heard.text(), body.replace("asked", "real"));
        assert_eq!(heard.header("content-type"), Some(FORM.1));
        assert_eq!(
            heard.header("content-length"),
            Some((body.len() - 1).to_string().as_str())
        );
        let row = bench.row(&got);
        assert_eq!(
            (&row["format"], &row["requested_model"]),
            (&json!(format), &json!("asked"))
        );
        assert_eq!(
            (&row["usage"]["input"], &row["usage"]["audio"]),
            (&json!(14), &json!(14))
        );
        let logged = content(&bench, &row, "request");
        assert!(
            logged.contains("multipart/form-data") && !logged.contains("RIFF"),
            "{logged}"
        );
    }
    // One that names no model names the route's, in front of all else.
    let body = form(&[("language", "en")], "RIFF");
    let got = ask(&bench, "/r/v1/audio/transcriptions", FORM, &body);
    assert_eq!(got.status, 200);
    assert_eq!(up.take().text(), field("model", "real") + &body);
    // Text comes back as text, and is logged so.
    let body = form(
        &[("model", "same"), ("response_format", "text-please")],
        "RIFF",
    );
    let got = ask(&bench, "/free/v1/audio/transcriptions", FORM, &body);
    assert_eq!(
        (got.header("content-type"), got.body.as_str()),
        (Some("text/plain; charset=utf-8"), "Grüße")
    );
    assert_eq!(up.take().text(), body);
    assert_eq!(content(&bench, &bench.row(&got), "response"), "Grüße");
}

#[test]
fn events_come_back_as_they_are() {
    let events = "event: transcript.text.delta\r\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"hi\"}\r\n\r\ndata: {\"type\":\"transcript.text.done\",\"text\":\"hi\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":9,\"output_tokens\":2}}\n\n";
    let up = StandIn::start(move |_| {
        answer(
            200,
            "content-type: text/event-stream; charset=utf-8\r\n",
            events.as_bytes(),
        )
    });
    let bench = bench(&up);
    let body = form(&[("model", "m"), ("stream", "true")], "RIFF");
    let image = r#"{"model":"m","prompt":"a cat","stream":true}"#;
    for (path, label, body) in [
        ("/free/v1/audio/transcriptions", FORM, &*body),
        ("/free/v1/images/generations", JSON, image),
    ] {
        let got = ask(&bench, path, label, body);
        assert_eq!((got.status, got.body.as_str()), (200, events), "{got:?}");
        assert_eq!(
            got.header("content-type"),
            Some("text/event-stream; charset=utf-8")
        );
        let row = bench.row(&got);
        assert_eq!(
            (&row["stream"], &row["outcome"]),
            (&json!(true), &json!("ok"))
        );
        assert_eq!(
            (&row["usage"]["input"], &row["usage"]["output"]),
            (&json!(9), &json!(2))
        );
    }
}

#[test]
fn completions_stream_with_usage_as_chats_do() {
    let chunk = |text: &str, finish: &str| {
        format!(
            "data: {{\"object\":\"text_completion\",\"choices\":[{{\"text\":\"{text}\",\"index\":0,\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let usage = "data: {\"object\":\"text_completion\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    let shown = [chunk("a", "null"), chunk("b", "\"stop\"")].concat();
    let told = format!("{shown}{usage}data: [DONE]\n\n");
    let up = StandIn::start(move |_| {
        answer(200, "content-type: text/event-stream\r\n", told.as_bytes())
    });
    let bench = bench(&up);
    let got = ask(
        &bench,
        "/free/v1/completions",
        JSON,
        r#"{"model":"m","prompt":"x","stream":true}"#,
    );
    assert_eq!(got.body, format!("{shown}data: [DONE]\n\n"));
    assert!(up.take().text().contains(r#""include_usage":true"#));
    let row = bench.row(&got);
    assert_eq!(
        (&row["usage"]["output"], &row["usage_source"]),
        (&json!(2), &json!("reported"))
    );
}

#[test]
fn what_is_short_is_tried_at_the_next_target_when_the_first_fails() {
    let bad = StandIn::start(|_| told(500, r#"{"error":{"message":"no"}}"#));
    let good = StandIn::start(|_| told(200, r#"{"text":"hi"}"#));
    let at =
        |up: &StandIn| json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", up.url)});
    let bench = plan()
        .provider("bad", at(&bad))
        .provider("good", at(&good))
        .at("r", &["bad/one", "good/two"])
        .start();
    let body = form(&[("model", "m")], "RIFF");
    let got = ask(&bench, "/r/v1/audio/transcriptions", FORM, &body);
    assert_eq!(
        (got.status, got.header("x-gw-attempts")),
        (200, Some("2")),
        "{got:?}"
    );
    assert_eq!(bad.take().text(), body.replace("\r\nm\r\n", "\r\none\r\n"));
    assert_eq!(good.take().text(), body.replace("\r\nm\r\n", "\r\ntwo\r\n"));
}

#[test]
fn errors_are_told_in_the_callers_format() {
    let up = StandIn::start(|heard| match heard.text().contains("plain") {
        true => answer(400, "content-type: text/html\r\n", b"<html>bad</html>"),
        false => told(
            400,
            r#"{"error":{"message":"bad voice","type":"invalid_request_error","param":"voice","code":null}}"#,
        ),
    });
    let bench = bench(&up);
    let got = ask(
        &bench,
        "/free/v1/audio/speech",
        JSON,
        r#"{"model":"m","input":"x"}"#,
    );
    assert_eq!(
        (got.status, &got.json()["error"]["message"]),
        (400, &json!("bad voice"))
    );
    assert_eq!(got.header("x-gw-origin"), Some("provider"));
    let got = ask(
        &bench,
        "/free/v1/audio/speech",
        JSON,
        r#"{"model":"m","input":"plain"}"#,
    );
    assert_eq!(got.status, 400);
    assert!(got.json()["error"]["message"].is_string(), "{got:?}");
    let cohere = ask(&bench, "/free/v2/rerank", JSON, "[]");
    assert!(
        cohere.status == 400 && cohere.json()["message"].is_string(),
        "{cohere:?}"
    );
}

#[test]
fn a_provider_without_the_endpoint_is_left_out_by_name() {
    let up = StandIn::start(|_| told(200, "{}"));
    let bench = plan()
        .provider(
            "up",
            json!({"vendor": "anthropic-compatible", "base_url": up.url}),
        )
        .at("r", &["up/real"])
        .start();
    for (label, body) in [
        (JSON, "{\"model\":\"m\"}".to_owned()),
        (FORM, form(&[("model", "m")], "x")),
    ] {
        let got = ask(&bench, "/r/v1/images/edits", label, &body);
        assert_eq!(got.status, 400, "{got:?}");
        assert!(
            got.body
                .contains("provider does not serve this kind of request"),
            "{got:?}"
        );
    }
    assert!(up.heard().is_empty());
}

/// A form as bytes on the wire, with what else its head says.
fn raw(bench: &Bench, path: &str, label: &str, extra: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {label}\r\nConnection: close\r\n{extra}Content-Length: {}\r\n\r\n{body}",
        bench.host(),
        bench.key,
        body.len()
    )
}

#[test]
fn nobody_is_invited_to_send_what_has_nowhere_to_go() {
    use std::io::{Read, Write};
    let up = StandIn::start(|_| told(200, r#"{"text":"hi"}"#));
    let bench = plan()
        .provider(
            "up",
            json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", up.url)}),
        )
        .provider(
            "an",
            json!({"vendor": "anthropic-compatible", "base_url": up.url}),
        )
        .at("r", &["up/real"])
        .at("none", &["an/x"])
        .limits("max_upload = '1MiB'")
        .start();
    let body = form(&[("model", "m")], "RIFF");
    let expect = |path: &str, key: &str, length: usize| {
        let mut socket = bench.socket();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\nContent-Type: {}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n",
            bench.host(),
            FORM.1
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut first = [0; 12];
        socket.read_exact(&mut first).unwrap();
        (String::from_utf8_lossy(&first).into_owned(), socket)
    };
    let path = "/r/v1/audio/transcriptions";
    assert_eq!(expect(path, "sk-gw-wrong", body.len()).0, "HTTP/1.1 401");
    assert_eq!(expect(path, &bench.key, 2 << 20).0, "HTTP/1.1 413");
    assert_eq!(
        expect("/none/v1/audio/transcriptions", &bench.key, body.len()).0,
        "HTTP/1.1 400"
    );
    let (first, mut socket) = expect(path, &bench.key, body.len());
    assert_eq!(first, "HTTP/1.1 100");
    socket.write_all(body.as_bytes()).unwrap();
    crate::kit::read_until(&mut socket, r#"{"text":"hi"}"#);
    assert_eq!(up.take().text(), body.replace("\r\nm\r\n", "\r\nreal\r\n"));
}

#[test]
fn hostile_forms_are_refused_and_no_provider_hears_of_them() {
    let up = StandIn::start(|_| told(200, "{}"));
    let bench = bench(&up);
    let path = "/free/v1/audio/transcriptions";
    let model = field("model", "m");
    let twice = format!("{model}{model}--b0--\r\n");
    let many = field("a", "1").repeat(10_000) + "--b0--\r\n";
    let bomb = format!("--b0\r\nX-A: {}\r\n\r\nx\r\n--b0--\r\n", "a".repeat(40_000));
    let late = form(&[("model", "m")], &"x".repeat(66_000));
    for (label, extra, body, status) in [
        (FORM.1.to_owned(), "", twice, 400),
        (FORM.1.to_owned(), "", many, 400),
        (FORM.1.to_owned(), "", bomb, 400),
        (FORM.1.to_owned(), "", model.clone(), 400),
        (FORM.1.to_owned(), "", late, 400),
        (FORM.1.to_owned(), "", "no form".into(), 400),
        (
            FORM.1.to_owned(),
            "Content-Encoding: gzip\r\n",
            model.clone(),
            415,
        ),
        (
            FORM.1.to_owned(),
            "Content-Type: multipart/form-data; boundary=b1\r\n",
            model.clone(),
            400,
        ),
        ("multipart/form-data".to_owned(), "", model.clone(), 400),
        (
            format!("multipart/form-data; boundary={}", "b".repeat(7_000)),
            "",
            model.clone(),
            400,
        ),
        (
            format!("multipart/form-data; boundary={}", "b".repeat(100_000)),
            "",
            model.clone(),
            431,
        ),
        // A form is never read as JSON, nor JSON as a form.
        (FORM.1.to_owned(), "", "{\"model\":\"m\"}".into(), 400),
        ("application/json".to_owned(), "", model, 400),
    ] {
        let got = bench.raw(raw(&bench, path, &label, extra, &body).as_bytes());
        let found = crate::kit::status(&got);
        assert!(
            found == status || (status == 431 && found == 400),
            "{label:.60} {extra}: {got:.300}"
        );
    }
    assert!(up.heard().is_empty(), "{:?}", up.heard());
}
