//! What an upstream says is understood once: the same usage, the same end, the same errors, whether its answer is
//! forwarded as it came or translated.

use crate::harness::http::Answer;
use crate::kit::{Bench, FORMATS, Plan, bytes_upstream, chat, plan};
use serde_json::{Value, json};

/// An answer of this type that ends with its connection.
fn said(status: &str, kind: &str, body: &str) -> &'static str {
    let kind = match kind {
        "" => String::new(),
        kind => format!("content-type: {kind}\r\n"),
    };
    Box::leak(
        format!("HTTP/1.1 {status}\r\n{kind}connection: close\r\n\r\n{body}").into_boxed_str(),
    )
}

/// An event stream with this body.
fn stream(body: &str) -> &'static str {
    said("200 OK", "text/event-stream", body)
}

/// A whole reply with this body.
fn whole(body: &Value) -> &'static str {
    said("200 OK", "application/json", &body.to_string())
}

/// The base URL of an upstream that always answers this.
fn upstream(answer: &'static str) -> String {
    bytes_upstream(answer.into())
}

/// A provider of each name that always answers so, with a route of its name to it, and then to the simulator.
trait Answering {
    fn answering(self, name: &str, anthropic: bool, answer: &'static str) -> Self;
    fn alone(self, name: &str, anthropic: bool, answer: &'static str) -> Self;
}

fn vendor(anthropic: bool) -> &'static str {
    match anthropic {
        true => "anthropic-compatible",
        false => "openai-compatible",
    }
}

impl Answering for Plan {
    fn answering(self, name: &str, anthropic: bool, answer: &'static str) -> Plan {
        let spec = json!({"vendor": vendor(anthropic), "base_url": upstream(answer)});
        let next = if anthropic { "a/mock" } else { "m/mock" };
        self.provider(name, spec)
            .at(name, &[&format!("{name}/x"), next])
    }
    fn alone(self, name: &str, anthropic: bool, answer: &'static str) -> Plan {
        let spec = json!({"vendor": vendor(anthropic), "base_url": upstream(answer)});
        self.provider(name, spec).at(name, &[&format!("{name}/x")])
    }
}

fn ask(bench: &Bench, name: &str, path: &str, stream: bool) -> Answer {
    bench.post(&format!("/{name}{path}"), &chat("any", "hello", stream))
}

fn chunk(index: u64, delta: Value, finish: Value) -> String {
    let chunk = json!({"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]});
    format!("data: {chunk}\n\n")
}

/// An event that is so long that what stands before it has been handed on by the time it has come.
fn slow(event: &Value) -> String {
    let mut event = event.clone();
    event["padding"] = "x".repeat(900_000).into();
    format!("data: {event}\n\n")
}

#[test]
fn usage_is_the_same_forwarded_and_translated() {
    let groq = json!({"x_groq": {"id": "r", "usage": {"prompt_tokens": 6, "completion_tokens": 2, "total_tokens": 8}}});
    let usages = [
        // More cached, and more written, than there was.
        (
            "cached",
            json!({"usage": {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 9}}}),
            json!({"input": 0, "cache_read": 5, "output": 3}),
        ),
        (
            "written",
            json!({"usage": {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 9}}}),
            json!({"input": 0, "cache_read": 2, "cache_write": 3, "output": 3}),
        ),
        (
            "reasoned",
            json!({"usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "completion_tokens_details": {"reasoning_tokens": 7}}}),
            json!({"input": 5, "reasoning": 3}),
        ),
        ("groq", groq, json!({"input": 6, "output": 2})),
    ];
    let mut plan = plan();
    for (name, usage, _) in &usages {
        let mut last = json!({"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        let mut reply = json!({"id": "1", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]});
        for (key, value) in usage.as_object().unwrap() {
            last[key] = value.clone();
            reply[key] = value.clone();
        }
        let events = format!(
            "{}data: {last}\n\ndata: [DONE]\n\n",
            chunk(0, json!({"content": "hi"}), Value::Null)
        );
        plan = plan
            .alone(&format!("{name}-s"), false, stream(&events))
            .alone(&format!("{name}-w"), false, whole(&reply));
    }
    let bench = plan.start();
    for (name, _, want) in &usages {
        for (mode, stream) in [("s", true), ("w", false)] {
            for (path, _) in FORMATS {
                let answer = ask(&bench, &format!("{name}-{mode}"), path, stream);
                let row = bench.row(&answer);
                let told: serde_json::Map<String, Value> = row["usage"]
                    .as_object()
                    .unwrap()
                    .clone()
                    .into_iter()
                    .filter(|(_, tokens)| *tokens != 0)
                    .collect();
                let want: serde_json::Map<String, Value> = want
                    .as_object()
                    .unwrap()
                    .clone()
                    .into_iter()
                    .filter(|(_, tokens)| *tokens != 0)
                    .collect();
                assert_eq!(told, want, "{name}-{mode}{path}: {row}");
                assert_eq!(
                    row["usage_source"], "reported",
                    "{name}-{mode}{path}: {row}"
                );
            }
        }
    }
}

/// What is estimated where nothing is reported counts words, not pictures.
#[test]
fn media_in_a_reply_is_not_counted_as_text() {
    let picture = format!("data:image/png;base64,{}", "A".repeat(40_000));
    let message = json!({"role": "assistant", "content": "12345678", "images": [{"type": "image_url", "image_url": {"url": picture}}], "audio": {"id": "a", "data": "B".repeat(40_000)}});
    let reply = json!({"id": "1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
    let parts = json!([{"type": "text", "text": "12345678"}, {"type": "image_url", "image_url": {"url": picture}}]);
    let events = format!(
        "{}{}data: [DONE]\n\n",
        chunk(
            0,
            json!({"content": parts, "images": message["images"]}),
            Value::Null
        ),
        chunk(0, json!({}), json!("stop"))
    );
    let bench = plan()
        .alone("w", false, whole(&reply))
        .alone("s", false, stream(&events))
        .start();
    for (name, stream) in [("w", false), ("s", true)] {
        for (path, _) in FORMATS {
            let row = bench.row(&ask(&bench, name, path, stream));
            assert_eq!(
                (&row["usage"]["output"], &row["usage_source"]),
                (&json!(2), &json!("estimated")),
                "{name}{path}: {row}"
            );
        }
    }
}

#[test]
fn a_break_before_every_choice_has_finished_is_an_error() {
    let first = chunk(0, json!({"content": "a"}), json!("stop"));
    let second = chunk(1, json!({"content": "b"}), Value::Null);
    let ended = chunk(1, json!({}), json!("length"));
    let bench = plan()
        .alone("broken", false, stream(&format!("{second}{first}")))
        .alone("silent", false, stream(&first))
        .alone("whole", false, stream(&format!("{second}{first}{ended}")))
        .start();
    let mut body = chat("any", "hello", true);
    body["n"] = json!(2);
    for (name, complete) in [("broken", false), ("silent", false), ("whole", true)] {
        let answer = bench.post(&format!("/{name}/v1/chat/completions"), &body);
        let row = bench.row(&answer);
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(
            answer.body.contains("\"error\""),
            !complete,
            "{name}: {answer:?}"
        );
        let outcome = if complete {
            "ok"
        } else {
            "failed_after_commit"
        };
        assert_eq!(row["outcome"], outcome, "{name}: {row}");
    }
}

/// Each way of saying that it did not work, in place of a reply or as the first event of a stream.
fn faults() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "object",
            json!({"error": {"message": "out of luck", "type": "server_error", "code": null}}),
            "upstream",
        ),
        ("text", json!({"error": "out of luck"}), "upstream"),
        (
            "api",
            json!({"type": "error", "error": {"type": "api_error", "message": "out of luck"}}),
            "upstream",
        ),
        (
            "overloaded",
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "out of luck"}}),
            "capacity",
        ),
        (
            "limited",
            json!({"error": {"message": "out of luck", "code": 429}}),
            "capacity",
        ),
        (
            "invalid",
            json!({"error": {"message": "out of luck", "type": "invalid_request_error", "code": "400"}}),
            "upstream",
        ),
        (
            "hung-up",
            json!({"error": {"message": "out of luck", "code": 499}}),
            "upstream",
        ),
        (
            "listed",
            json!({"object": "error", "message": "out of luck", "code": 503}),
            "upstream",
        ),
        (
            "flat",
            json!({"message": "out of luck", "type": "server_error", "code": "x"}),
            "upstream",
        ),
        ("detail", json!({"detail": "out of luck"}), "upstream"),
    ]
}

#[test]
fn an_error_in_a_200_before_content_always_falls_back() {
    let mut plan = plan();
    let mut cases = Vec::new();
    for (name, fault, class) in faults() {
        for anthropic in [false, true] {
            let format = if anthropic { "a" } else { "o" };
            let (named, bare) = (
                format!("event: error\ndata: {fault}\n\n"),
                format!("data: {fault}\n\n"),
            );
            for (how, answer, streams) in [
                ("w", whole(&fault), false),
                ("n", stream(&named), true),
                ("b", stream(&bare), true),
            ] {
                // Each has a provider for each caller's format: one that failed rests.
                for (path, _) in FORMATS {
                    let case = format!("{name}-{format}{how}{}", path.len());
                    plan = plan.answering(&case, anthropic, answer);
                    cases.push((case, path, streams, class));
                }
            }
        }
    }
    let bench = plan.start();
    for (case, path, streams, class) in cases {
        let answer = ask(&bench, &case, path, streams);
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (200, Some("2")),
            "{case}{path}: {answer:?}"
        );
        assert!(
            !answer.body.contains("out of luck"),
            "{case}{path}: {answer:?}"
        );
        let row = bench.row(&answer);
        let attempt = &row["attempts"][0];
        assert_eq!(attempt["class"], class, "{case}{path}: {row}");
        assert!(
            attempt["reason"]
                .as_str()
                .unwrap()
                .starts_with("out of luck; "),
            "{case}{path}: {row}"
        );
    }
}

/// 499 is what the log says of callers that hung up. One that is there never hears it.
#[test]
fn a_providers_499_is_never_ours() {
    let fault = json!({"error": {"message": "client closed request", "type": "x", "code": 499}});
    let text = fault.to_string();
    let bench = plan()
        .alone(
            "status",
            false,
            said("499 Client Closed Request", "application/json", &text),
        )
        .alone("inside", false, whole(&fault))
        .alone("event", false, stream(&format!("data: {fault}\n\n")))
        .start();
    for name in ["status", "inside", "event"] {
        for (path, _) in FORMATS {
            let answer = ask(&bench, name, path, name == "event");
            assert_eq!(answer.status, 502, "{name}{path}: {answer:?}");
            let row = bench.row(&answer);
            assert_eq!(
                (&row["status"], &row["outcome"]),
                (&json!(502), &json!("failed")),
                "{name}{path}: {row}"
            );
        }
    }
}

#[test]
fn a_stream_with_nothing_but_its_end_mark_is_no_success() {
    let role = chunk(0, json!({"role": "assistant", "content": ""}), Value::Null);
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[]}}\n\n";
    let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let cases = [
        ("bare", false, stream("data: [DONE]\n\n")),
        ("role", false, stream(&format!("{role}data: [DONE]\n\n"))),
        ("stop", true, stream(stop)),
        ("start", true, stream(&format!("{start}{stop}"))),
    ];
    let mut plan = plan();
    for (name, anthropic, answer) in cases {
        plan = plan.answering(name, anthropic, answer);
    }
    let bench = plan.start();
    for (name, ..) in cases {
        for (path, _) in FORMATS {
            let answer = ask(&bench, name, path, true);
            assert_eq!(answer.status, 200, "{name}{path}: {answer:?}");
            assert!(answer.body.contains("model. "), "{name}{path}: {answer:?}");
        }
    }
}

/// An error event of gw's own is one of its own, whatever the upstream left open before it.
#[test]
fn an_unterminated_last_event_is_ended_before_an_error_follows() {
    let hello = chunk(0, json!({"content": "hello"}), Value::Null);
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n";
    for ending in ["", "\n", "\r\n", "\r"] {
        let open = |event: &str| stream(&format!("{event}{}{ending}", event.trim_end()));
        let bench = plan()
            .alone("uo", false, open(&hello))
            .alone("ua", true, open(delta))
            .start();
        for (name, (path, _)) in ["uo", "ua"].into_iter().zip(FORMATS) {
            let answer = ask(&bench, name, path, true);
            let told: Vec<Value> = answer
                .events()
                .into_iter()
                .map(|data| serde_json::from_str(data).unwrap())
                .collect();
            assert_eq!(told.len(), 3, "{name} {ending:?}: {answer:?}");
            assert!(
                told[2]["error"]["message"].is_string(),
                "{name} {ending:?}: {answer:?}"
            );
            assert_eq!(bench.row(&answer)["outcome"], "failed_after_commit");
        }
    }
}

#[test]
fn a_tool_is_said_to_be_called_only_where_there_is_a_call() {
    let reply = json!({"id": "1", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "tool_calls"}]});
    let events = format!(
        "{}{}data: [DONE]\n\n",
        chunk(0, json!({"content": "hi"}), Value::Null),
        chunk(0, json!({}), json!("tool_calls"))
    );
    let message = json!({"id": "1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}], "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}});
    let bench = plan()
        .alone("ow", false, whole(&reply))
        .alone("os", false, stream(&events))
        .alone("aw", true, whole(&message))
        .start();
    for (name, path, streams, want) in [
        ("ow", "/v1/messages", false, "\"end_turn\""),
        ("os", "/v1/messages", true, "\"end_turn\""),
        (
            "aw",
            "/v1/chat/completions",
            false,
            "\"finish_reason\":\"stop\"",
        ),
    ] {
        let answer = ask(&bench, name, path, streams);
        assert!(
            answer.body.contains(want) && !answer.body.contains("tool_"),
            "{name}: {answer:?}"
        );
    }
}

/// Broken text is shown as such; the rest of the stream is worth having.
#[test]
fn translated_streams_go_on_over_invalid_utf8() {
    let openai = [
        &b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\xff\"}}]}\n\n"[..],
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    ];
    let anthropic = [
        &b"data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"[..],
        b"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\xffb\"}}\n\n",
        b"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
    ];
    for (anthropic, body, path) in [
        (false, openai.concat(), "/v1/messages"),
        (true, anthropic.concat(), "/v1/chat/completions"),
    ] {
        let head =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        let spec = json!({"vendor": vendor(anthropic), "base_url": bytes_upstream([&head[..], &body].concat())});
        let bench = plan().provider("odd", spec).at("odd", &["odd/x"]).start();
        let answer = ask(&bench, "odd", path, true);
        let row = bench.row(&answer);
        assert_eq!(row["outcome"], "ok", "{answer:?} {row}");
        let text = answer.body.replace(['"', '\n'], " ");
        assert!(
            text.contains("a\u{fffd}") && text.contains("b "),
            "{answer:?}"
        );
        assert!(!answer.body.contains("error"), "{answer:?}");
    }
}

/// What a provider says of models, requests and times is what its message is read for.
#[test]
fn a_providers_words_reach_the_caller_and_its_credentials_do_not() {
    let words = "key 123e4567-e89b-12d3-a456-426614174000 has no access to model claude-3-5-sonnet-20241022 since 2026-11-21T12:00:00Z (request req_011CSHoEeqs5C35K2UUqR7Fy, max tokens 8192, pplx-70b-online-2024)";
    let credential = "0123456789abcdef/0123456789ABCDEF";
    let error = |message: &str| json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    // Spaces and order as no serializer would write them.
    let odd = format!(
        "{{ \"error\" : {{\"type\":\"invalid_request_error\", \"message\":\"{words}\"}} }}\n"
    );
    let cases = [
        (
            "plain",
            said("400 Bad Request", "application/json", &odd),
            words,
            odd.as_str(),
        ),
        (
            "stored",
            said(
                "400 Bad Request",
                "application/json",
                &error(&format!("no key {credential}!"))
                    .to_string()
                    .replace('/', "\\/"),
            ),
            "no key [redacted]!",
            "",
        ),
        (
            "shaped",
            said(
                "400 Bad Request",
                "application/json",
                &error("no key sk-other-0123456789abcdef!").to_string(),
            ),
            "no key [redacted]!",
            "",
        ),
        (
            "inside",
            whole(&error(&format!("no key {credential}!"))),
            "no key [redacted]!",
            "",
        ),
        (
            "event",
            stream(&format!(
                "data: {}\n\n",
                error(&format!("no key {credential}!"))
            )),
            "no key [redacted]!",
            "",
        ),
    ];
    let mut plan = plan();
    for (name, answer, ..) in cases {
        let spec = json!({"vendor": "openai-compatible", "base_url": upstream(answer), "credential": "managed", "credential_value": credential});
        plan = plan.provider(name, spec).at(name, &[&format!("{name}/x")]);
    }
    let bench = plan.start();
    for (name, _, want, bytes) in cases {
        for (path, anthropic) in FORMATS {
            let answer = ask(&bench, name, path, name == "event");
            let body: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["error"]["message"], want, "{name}{path}: {answer:?}");
            if !anthropic && !bytes.is_empty() {
                assert_eq!(answer.body, bytes, "{name}{path}");
            }
            let row = bench.row(&answer).to_string();
            assert!(
                row.contains(want) && !row.contains("0123456789ABCDEF"),
                "{name}{path}: {row}"
            );
        }
    }
    for name in ["stored", "shaped", "inside"] {
        for args in [
            &["provider", "test", name][..],
            &["provider", "test", name, "-m", "x"],
        ] {
            let ran = bench.gateway.cli(args);
            let told = format!("{}{}", ran.stdout, ran.stderr);
            assert!(
                !told.contains("0123456789ABCDEF") && !told.contains("sk-other"),
                "{told}"
            );
        }
    }
}

/// After the commit point as well.
#[test]
fn an_error_event_late_in_a_stream_shows_no_credential() {
    let credential = "0123456789abcdef/0123456789ABCDEF";
    let events = format!(
        "{}{}",
        chunk(0, json!({"content": "hello"}), Value::Null),
        slow(
            &json!({"error": {"message": format!("no key {credential}!"), "type": "server_error"}})
        )
    );
    let spec = json!({"vendor": "openai-compatible", "base_url": upstream(stream(&events)), "credential": "managed", "credential_value": credential});
    let bench = plan()
        .provider("late", spec)
        .at("late", &["late/x"])
        .start();
    for (path, _) in FORMATS {
        let answer = ask(&bench, "late", path, true);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let row = bench.row(&answer).to_string();
        for text in [&answer.body, &row] {
            assert!(
                text.contains("no key [redacted]!") && !text.contains("0123456789ABCDEF"),
                "{path}: {text}"
            );
        }
        assert_eq!(
            answer.body.matches("\"error\":{").count(),
            1,
            "{path}: {answer:?}"
        );
    }
}

/// What gw alone asked for is hidden; what comes unasked passes; what is refused is not asked for.
#[test]
fn usage_in_streams_is_asked_for_and_hidden_as_the_provider_says() {
    let used = json!({"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [], "usage": {"prompt_tokens": 6, "completion_tokens": 2, "total_tokens": 8}});
    let events = format!(
        "{}{}data: {used}\n\ndata: [DONE]\n\n",
        chunk(0, json!({"content": "hi"}), Value::Null),
        chunk(0, json!({}), json!("stop"))
    );
    let url = upstream(stream(&events));
    let bench = plan()
        .provider(
            "plain",
            json!({"vendor": "openai-compatible", "base_url": url}),
        )
        .at("plain", &["plain/x"])
        .at("m-asked", &["m/mock"])
        .start();
    let shown = |answer: &Answer| answer.body.matches("\"prompt_tokens\"").count();
    let set = |value: &str| {
        bench
            .gateway
            .ok(&["provider", "set", "plain", "--quirk", value])
    };
    let asking = |stream_options: bool, path: &str| {
        let mut body = chat("any", "hello", true);
        if stream_options {
            body["stream_options"] = json!({"include_usage": true});
        }
        bench.post(&format!("/plain{path}"), &body)
    };
    for (value, unasked) in [("asked", 0), ("unasked", 1), ("never", 1)] {
        set(&format!("stream-usage={value}"));
        let wait = crate::harness::until("the setting is in force", || {
            let answer = asking(false, "/v1/chat/completions");
            (shown(&answer) == unasked).then_some(answer)
        });
        assert_eq!(bench.row(&wait)["usage_source"], "reported", "{value}");
        assert_eq!(shown(&asking(true, "/v1/chat/completions")), 1, "{value}");
        // Translated there is one place for it, whatever the provider does.
        let translated = asking(false, "/v1/messages");
        assert_eq!(
            translated.body.matches("\"output_tokens\":2").count(),
            1,
            "{value}: {translated:?}"
        );
    }
    let wrong = bench.gateway.cli(&[
        "provider",
        "set",
        "plain",
        "--quirk",
        "stream-usage=perhaps",
    ]);
    assert_eq!(
        wrong.stderr,
        "error: `stream-usage=perhaps` is no quirk gw knows\n  fix: there is one: stream-usage=asked|unasked|never\n"
    );
    let described = bench.gateway.ok(&["provider", "describe", "plain"]);
    assert!(
        described.contains("quirks.stream-usage        never\n"),
        "{described}"
    );
}

/// Servers label what they send as they like.
#[test]
fn an_answer_is_recognised_by_its_first_bytes() {
    let events = format!(
        "\r\n{}{}data: [DONE]\n\n",
        chunk(0, json!({"content": "hi"}), Value::Null),
        chunk(0, json!({}), json!("stop"))
    );
    let reply = json!({"id": "1", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]});
    let error = json!({"error": {"message": "out of luck", "code": 429}});
    let labels = [
        "",
        "application/json",
        "text/plain",
        "application/octet-stream",
        "text/html",
        "text/event-stream",
    ];
    let mut plan = plan();
    for (at, label) in labels.iter().enumerate() {
        plan = plan
            .alone(&format!("s{at}"), false, said("200 OK", label, &events))
            .alone(
                &format!("w{at}"),
                false,
                said("200 OK", label, &reply.to_string()),
            )
            .alone(
                &format!("e{at}"),
                false,
                said("200 OK", label, &error.to_string()),
            )
            .alone(
                &format!("p{at}"),
                false,
                said("200 OK", label, "<html><title>hello</title>"),
            );
    }
    let bench = plan.start();
    for (at, label) in labels.iter().enumerate() {
        for (path, _) in FORMATS {
            for (name, stream) in [("s", true), ("w", false)] {
                let answer = ask(&bench, &format!("{name}{at}"), path, stream);
                let label_out = if stream {
                    "text/event-stream"
                } else {
                    "application/json"
                };
                assert!(
                    answer.status == 200
                        && answer.body.contains("hi")
                        && answer.header("content-type") == Some(label_out),
                    "{name} {label:?}{path}: {answer:?}"
                );
                assert_eq!(
                    bench.row(&answer)["outcome"],
                    "ok",
                    "{name} {label:?}{path}"
                );
            }
            for stream in [false, true] {
                let answer = ask(&bench, &format!("e{at}"), path, stream);
                assert!(
                    answer.status == 429 && answer.body.contains("out of luck"),
                    "{label:?}{path}: {answer:?}"
                );
                let answer = ask(&bench, &format!("p{at}"), path, stream);
                assert_eq!(answer.status, 502, "{label:?}{path}: {answer:?}");
                // What it was asked for comes in the one form or not at all.
                let other = if stream { "w" } else { "s" };
                let answer = ask(&bench, &format!("{other}{at}"), path, stream);
                assert_eq!(answer.status, 502, "{label:?}{path}: {answer:?}");
            }
        }
    }
}

/// Nor is a stored credential blamed on the caller, who would take it for its own key.
#[test]
fn an_error_inside_a_200_about_the_stored_credential_is_told_in_gws_words() {
    let error = json!({"error": {"message": "your key is wrong", "type": "authentication_error", "code": 401}});
    let late = format!(
        "{}{}",
        chunk(0, json!({"content": "hello"}), Value::Null),
        slow(&error)
    );
    let bench = plan()
        .alone("whole", false, whole(&error))
        .alone("early", false, stream(&format!("data: {error}\n\n")))
        .alone("late", false, stream(&late))
        .start();
    for (name, status) in [("whole", 502), ("early", 502), ("late", 200)] {
        for (path, _) in FORMATS {
            let answer = ask(&bench, name, path, name != "whole");
            let told =
                format!("provider `{name}` refused the gateway's credential for it (HTTP 401)");
            assert!(
                answer.status == status
                    && answer.body.contains(&told)
                    && !answer.body.contains("your key"),
                "{name}{path}: {answer:?}"
            );
        }
    }
}

#[test]
fn nothing_an_upstream_sends_behind_its_end_mark_reaches_the_caller() {
    let more = "data: {\"error\":{\"message\":\"too late\"}}\n\ndata: nonsense\n\ndata: half";
    let events = format!(
        "{}{}data: [DONE]\n\n{more}",
        chunk(0, json!({"content": "hi"}), Value::Null),
        chunk(0, json!({}), json!("stop"))
    );
    let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let message = format!(
        "event: content_block_start\ndata: {}\n\nevent: message_delta\ndata: {}\n\n{stop}{more}",
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}})
    );
    let bench = plan()
        .alone("uo", false, stream(&events))
        .alone("ua", true, stream(&message))
        .start();
    for name in ["uo", "ua"] {
        for (path, anthropic) in FORMATS {
            let answer = ask(&bench, name, path, true);
            let end = if anthropic { stop } else { "data: [DONE]\n\n" };
            assert!(answer.body.ends_with(end), "{name}{path}: {answer:?}");
            assert_eq!(bench.row(&answer)["outcome"], "ok", "{name}{path}");
        }
    }
}
