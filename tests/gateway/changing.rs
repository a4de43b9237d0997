//! Records change while requests run: each request keeps the records it began with, none is lost, none sees half of a change,
//! and what was acknowledged holds for every request that begins after it.

use crate::harness::{http, until, wait::Raise};
use crate::kit::{Bench, CREDENTIAL, chat, drain, plan, read_until, status};
use crate::standin::{StandIn, json as told};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

/// Callers at a time.
const CALLERS: usize = 6;

/// Calls again and again from several threads while `change` runs, and once more after it.
fn meanwhile(call: impl Fn() + Sync, change: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _raise = Raise(&over);
        for _ in 0..CALLERS {
            scope.spawn(|| {
                loop {
                    let last = over.load(SeqCst);
                    call();
                    if last {
                        break;
                    }
                }
            });
        }
        change();
    });
}

/// Applies these records, in one go.
fn apply(bench: &Bench, items: Value) {
    let file = bench.gateway.path("changed.json");
    std::fs::write(&file, json!({"items": items}).to_string()).unwrap();
    bench
        .gateway
        .ok(&["-q", "apply", "-f", file.to_str().unwrap()]);
}

/// A provider's header, a route's two targets, and what a model record calls upstream: all of one generation. The first target
/// answers 404, which rests nothing and moves on.
fn generation(name: &str, url: &str) -> Value {
    json!([
        {"kind": "provider", "name": "turning", "vendor": "openai-compatible", "base_url": url, "headers": {"x-generation": name},
            "credential": "managed", "credential_value": CREDENTIAL},
        {"kind": "model", "name": "renamed", "provider": "turning", "upstream_id": format!("named-{name}")},
        {"kind": "route", "name": "turning", "path": "/turning", "retries": 0, "retry_on": ["404"], "targets": [
            {"provider": "turning", "model": format!("mock-404+{name}")},
            {"provider": "turning", "model": "renamed"},
        ]},
    ])
}

#[test]
fn no_request_sees_half_of_a_change_to_several_records() {
    const CHANGES: usize = 30;
    let bench = plan();
    let url = format!("{}/v1", bench.mock.url());
    let bench = bench.start();
    apply(&bench, generation("a", &url));
    let served = AtomicUsize::new(0);
    meanwhile(
        || {
            let answer = bench.post("/turning/v1/chat/completions", &chat("any", "hello", false));
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.header("x-gw-attempts"), Some("2"), "{answer:?}");
            served.fetch_add(1, SeqCst);
        },
        || {
            for change in 1..=CHANGES {
                apply(&bench, generation(["a", "b"][change % 2], &url));
                // Each change meets requests.
                let seen = served.load(SeqCst);
                until("requests are served", || {
                    (served.load(SeqCst) > seen + CALLERS).then_some(())
                });
            }
        },
    );
    let served = served.load(SeqCst);
    let rows = until("every request has its row", || {
        let rows = bench.rows();
        (rows.len() == served).then_some(rows)
    });
    let mut generations = [0, 0];
    for row in &rows {
        let models: Vec<&str> = row["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|attempt| attempt["model"].as_str().unwrap())
            .collect();
        match models[..] {
            ["mock-404+a", "named-a"] => generations[0] += 1,
            ["mock-404+b", "named-b"] => generations[1] += 1,
            _ => panic!("targets of both generations: {row}"),
        }
    }
    assert!(
        generations.iter().all(|count| *count > CHANGES / 2),
        "{generations:?}"
    );
    // What a request takes along from the provider's record is of that generation, too. The simulator remembers the last ones.
    let seen = bench.mock.requests();
    assert!(seen.len() > CHANGES);
    for request in seen {
        let generation = request.header("x-generation").unwrap();
        assert!(
            request.body.contains(&format!("404+{generation}\""))
                || request.body.contains(&format!("named-{generation}\"")),
            "{request:?}"
        );
    }
}

#[test]
fn a_request_under_way_goes_on_with_the_records_it_began_with() {
    // The first target answers 404 after a while; what changes meanwhile changes nothing for who has begun.
    let first = "m/mock-404+delay-headers-1500";
    let spec = |targets: [&str; 2]| {
        let targets = targets.map(|target| {
            let (provider, model) = target.split_once('/').unwrap();
            json!({"provider": provider, "model": model})
        });
        json!({"retry_on": ["404"], "retries": 0, "targets": targets, "keys": ["k"]})
    };
    let bench = plan();
    let url = format!("{}/v1", bench.mock.url());
    let mut bench = bench.provider(
        "leaving",
        json!({"vendor": "openai-compatible", "base_url": url}),
    );
    let changes: [&[&str]; 6] = [
        &["route", "set", "r0", "--to", "m/after"],
        &["route", "disable", "r1"],
        &["route", "delete", "r2", "--yes"],
        &["provider", "disable", "leaving"],
        &["model", "disable", "known"],
        &["provider", "delete", "leaving", "--cascade", "--yes"],
    ];
    bench = bench.item(
        "model",
        "known",
        json!({"provider": "m", "upstream_id": "known"}),
    );
    for at in 0..changes.len() {
        let second = match at {
            3 | 5 => "leaving/before",
            4 => "m/known",
            _ => "m/before",
        };
        let mut spec = spec([first, second]);
        spec["path"] = format!("/r{at}").into();
        bench = bench.route(&format!("r{at}"), spec);
    }
    let bench = bench.start();
    let waiting: Vec<_> = (0..changes.len())
        .map(|at| {
            bench.open(
                &format!("/r{at}/v1/chat/completions"),
                &chat("any", &format!("before change {at}"), at % 2 == 0),
            )
        })
        .collect();
    until("all have begun", || {
        let seen = bench.mock.requests();
        let begun = |at: &usize| {
            seen.iter()
                .any(|seen| seen.body.contains(&format!("before change {at}")))
        };
        (0..changes.len()).all(|at| begun(&at)).then_some(())
    });
    for change in changes {
        bench.gateway.ok(change);
    }
    for (at, socket) in waiting.into_iter().enumerate() {
        let answer = http::read(socket);
        let model = if at == 4 { "known" } else { "before" };
        assert_eq!(
            (
                answer.status,
                answer.header("x-gw-model"),
                answer.header("x-gw-attempts")
            ),
            (200, Some(model), Some("2")),
            "{:?}: {answer:?}",
            changes[at]
        );
        assert!(answer.complete);
        let row = bench.row(&answer);
        assert_eq!(
            (&row["outcome"], &row["route"]),
            (&json!("ok"), &json!(format!("r{at}"))),
            "{row}"
        );
    }
    // Who begins now meets the records as they are.
    let now = |at: usize| {
        bench.post(
            &format!("/r{at}/v1/chat/completions"),
            &chat("any", "after", false),
        )
    };
    assert_eq!(now(0).header("x-gw-model"), Some("after"));
    for at in [1, 2] {
        assert_eq!(now(at).status, 404, "r{at}");
    }
    for at in [3, 4, 5] {
        let answer = now(at);
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (404, Some("1")),
            "the first target's own 404: {answer:?}"
        );
    }
}

#[test]
fn streams_run_through_the_end_of_their_route_provider_and_model() {
    let bench = plan()
        .item(
            "model",
            "streamed",
            json!({"provider": "m", "upstream_id": "mock-events-150+pace-20"}),
        )
        .at("m", &["m/streamed"])
        .at("a", &["a/mock-events-150+pace-20"])
        .start();
    let mut streams = Vec::new();
    for route in ["m", "a"] {
        for (path, begun, end) in [
            ("v1/chat/completions", "\"content\":\"", "data: [DONE]"),
            ("v1/messages", "content_block_delta", "message_stop"),
        ] {
            for _ in 0..3 {
                let mut socket =
                    bench.open(&format!("/{route}/{path}"), &chat("any", "hello", true));
                let head = read_until(&mut socket, begun);
                streams.push((socket, head, end));
            }
        }
    }
    for change in [
        &["model", "disable", "streamed"][..],
        &["route", "set", "m", "--to", "a/other"],
        &["provider", "disable", "m"],
        &["route", "delete", "m", "a", "--yes"],
        &["model", "delete", "streamed", "--yes"],
        &["provider", "delete", "m", "a", "--cascade", "--yes"],
    ] {
        bench.gateway.ok(change);
    }
    for (mut socket, head, end) in streams {
        let text = head + &drain(&mut socket);
        assert_eq!(status(&text), 200);
        assert!(!text.contains("error"), "{text}");
        let answer = http::parse(text.as_bytes());
        assert!(answer.complete && answer.body.contains(end), "{text}");
        let row = bench.row(&answer);
        assert_eq!(
            (&row["outcome"], row["attempts"].as_array().unwrap().len()),
            (&json!("ok"), 1),
            "{row}"
        );
    }
}

#[test]
fn a_model_that_is_disabled_has_left_every_route_when_that_is_acknowledged() {
    const ROUTES: usize = 8;
    let mut bench = plan().item(
        "model",
        "switched",
        json!({"provider": "m", "upstream_id": "switched"}),
    );
    for at in 0..ROUTES {
        let targets: &[&str] = match at % 2 {
            0 => &["m/switched", "m/steady"],
            _ => &["a/steady", "m/switched"],
        };
        let strategy = if at % 2 == 0 { "fallback" } else { "split" };
        bench = bench.at_with(&format!("r{at}"), targets, json!({"strategy": strategy}));
    }
    let bench = bench.start();
    let off = AtomicBool::new(false);
    let (next, after) = (AtomicUsize::new(0), AtomicUsize::new(0));
    meanwhile(
        || {
            let at = next.fetch_add(1, SeqCst) % ROUTES;
            let was_off = off.load(SeqCst);
            let answer = bench.post(
                &format!("/r{at}/v1/chat/completions"),
                &chat("any", "hello", false),
            );
            // It may have been let in again while this one ran, but only before that was said.
            let certain = was_off && off.load(SeqCst);
            assert_eq!(answer.status, 200, "{answer:?}");
            if certain {
                after.fetch_add(1, SeqCst);
                assert_eq!(
                    answer.header("x-gw-model"),
                    Some("steady"),
                    "/r{at}: {answer:?}"
                );
            }
        },
        || {
            for _ in 0..8 {
                bench.gateway.ok(&["model", "disable", "switched"]);
                off.store(true, SeqCst);
                let seen = after.load(SeqCst);
                until("requests are served without it", || {
                    (after.load(SeqCst) > seen + 2 * ROUTES).then_some(())
                });
                off.store(false, SeqCst);
                bench.gateway.ok(&["model", "enable", "switched"]);
            }
        },
    );
}

#[test]
fn a_rotated_credential_is_used_from_its_acknowledgement_on_and_no_request_fails() {
    const ANSWER: &str = r#"{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    let upstream = StandIn::start(|_| told(200, ANSWER));
    let url = format!("{}/v1", upstream.url);
    let credential = |number: usize| format!("sk-upstream-rotated-{number:04}");
    let bench = plan()
        .provider(
            "rotated",
            json!({"vendor": "openai-compatible", "base_url": url, "credential": "managed", "credential_value": credential(0)}),
        )
        .at("rotated", &["rotated/mock"])
        .start();
    let (newest, sent) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // What was in force when each request began.
    let began = Mutex::new(Vec::new());
    meanwhile(
        || {
            let (number, least) = (sent.fetch_add(1, SeqCst), newest.load(SeqCst));
            let answer = bench.post(
                "/rotated/v1/chat/completions",
                &chat("any", &format!("number {number}."), false),
            );
            assert_eq!(
                (answer.status, answer.header("x-gw-attempts")),
                (200, Some("1")),
                "{answer:?}"
            );
            began.lock().unwrap().push((number, least));
        },
        || {
            for number in 1..=10 {
                let args = ["provider", "rekey", "rotated", "--credential-stdin"];
                bench
                    .gateway
                    .cli_with_input(&args, &credential(number))
                    .success();
                newest.store(number, SeqCst);
                let seen = sent.load(SeqCst);
                until("requests are sent", || {
                    (sent.load(SeqCst) > seen + CALLERS).then_some(())
                });
            }
        },
    );
    let heard = upstream.heard();
    for (number, least) in began.into_inner().unwrap() {
        let needle = format!("number {number}.");
        let request = heard
            .iter()
            .find(|heard| heard.text().contains(&needle))
            .unwrap();
        let used = request.header("authorization").unwrap();
        let used: usize = used
            .strip_prefix("Bearer sk-upstream-rotated-")
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            used >= least,
            "request {number} began under credential {least} and used {used}"
        );
    }
}
