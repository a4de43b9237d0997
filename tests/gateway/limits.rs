//! What limits let through and what they refuse: before any provider is asked, in the words of the caller's format, settled
//! with what was used whatever becomes of the request.

use crate::harness::{http, until};
use crate::kit::{Bench, chat, drain, plan, read_until};
use serde_json::{Value, json};

/// How the limits of a record stand: `LIMIT USED RESERVED`.
fn standings(bench: &Bench, kind: &str, name: &str) -> Vec<String> {
    let shown = bench.gateway.ok(&[kind, "limits", name, "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let limits = shown["limits"].as_array().unwrap().iter();
    limits
        .map(|it| {
            format!(
                "{} {} {}",
                text(&it["limit"]),
                text(&it["used"]),
                text(&it["reserved"])
            )
        })
        .collect()
}

/// They come to stand so: what ends a request does so right after its answer.
#[track_caller]
fn stands(bench: &Bench, kind: &str, name: &str, expected: &[&str]) {
    let mut last = Vec::new();
    until(&format!("{kind} {name} stands at {expected:?}"), || {
        last = standings(bench, kind, name);
        (last == expected).then_some(())
    });
}

/// The audit log.
fn history(bench: &Bench) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = gw::client::Client::new(bench.gateway.admin.parse().unwrap(), None).unwrap();
    runtime.block_on(client.history(50)).unwrap()
}

/// Requests that reached the simulator.
fn sent(bench: &Bench) -> usize {
    bench.mock.requests().len()
}

const TEXT: &str = "12345678";

/// A request that is estimated and told to use as many tokens: 2 in, 10 out.
fn of_12_tokens() -> Value {
    json!({"model": "echo", "max_tokens": 10, "messages": [{"role": "user", "content": TEXT}]})
}

#[test]
fn a_refusal_is_said_in_the_words_of_each_format_and_asks_no_provider() {
    let bench = plan()
        .key("l", json!({"limits": ["requests=0/total"]}))
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "m"}]}))
        .start();
    let message = "key `l` has reached its limit `requests=0/total`: 0 used; it never allows as much (fix: `gw key limits l` shows it, `gw key limits set l --limit …` changes it)";
    let bearer = format!("Bearer {}", bench.secret("l"));
    let auth = [("authorization", bearer.as_str())];
    let openai = json!({"error": {"message": message, "type": "requests", "param": null, "code": "rate_limit_exceeded"}});
    for (path, body, expected) in [
        (
            "/v1/chat/completions",
            chat("m", "hi", false),
            openai.clone(),
        ),
        (
            "/v1/chat/completions",
            chat("m", "hi", true),
            openai.clone(),
        ),
        (
            "/v1/responses",
            json!({"model": "m", "input": "hi"}),
            openai.clone(),
        ),
        (
            "/v1/embeddings",
            json!({"model": "m", "input": "hi"}),
            openai,
        ),
        (
            "/v1/messages",
            chat("m", "hi", true),
            json!({"type": "error", "error": {"type": "rate_limit_error", "message": message}}),
        ),
        (
            "/v1beta/models/m:generateContent",
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
            json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}}),
        ),
        (
            "/model/m/converse",
            json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]}),
            json!({"message": message}),
        ),
        (
            "/v2/chat",
            chat("m", "hi", false),
            json!({"message": message}),
        ),
    ] {
        let answer = http::post(&bench.url(path), &auth, &body);
        assert_eq!((answer.status, answer.json()), (429, expected), "{path}");
        let told = [
            "x-should-retry",
            "retry-after",
            "retry-after-ms",
            "x-gw-origin",
        ];
        assert_eq!(
            told.map(|name| answer.header(name)),
            [Some("false"), None, None, Some("gateway")],
            "{path}"
        );
        let row = bench.row(&answer);
        assert_eq!(
            (
                row["status"].as_u64(),
                row["outcome"].as_str(),
                row["limit"].as_str(),
                row["attempts"].as_array().map(Vec::len),
            ),
            (
                Some(429),
                Some("failed"),
                Some("key l requests=0/total"),
                Some(0)
            ),
            "{path}: {row}"
        );
    }
    assert_eq!(sent(&bench), 0);
    stands(&bench, "key", "l", &["requests=0/total 0 0"]);
}

#[test]
fn what_a_refusal_says_is_what_stands() {
    let bench = plan()
        .key(
            "l",
            json!({"limits": ["tokens=30/hour", "spend=0.001/total", "parallel=9"]}),
        )
        .item(
            "model",
            "echo",
            json!({"provider": "m", "price_input": "1", "price_output": "10"}),
        )
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "m"}]}))
        .start();
    let key = bench.secret("l");
    let answer = bench
        .gateway
        .post("/v1/chat/completions", key, &of_12_tokens());
    assert_eq!(answer.status, 200, "{answer:?}");
    let used = answer.json()["usage"]["total_tokens"].as_u64().unwrap();
    let row = bench.row(&answer);
    let cost = row["cost_pico"].as_u64().unwrap();
    let dollars = answer.header("x-gw-cost").unwrap().to_owned();
    assert_eq!(cost, 2_000_000 + (used - 2) * 10_000_000);
    assert_eq!(answer.header("x-gw-cost-status"), Some("calculated"));
    stands(
        &bench,
        "key",
        "l",
        &[
            &format!("tokens=30/hour {used} 0"),
            &format!("spend=0.001/total {dollars} 0"),
            "parallel=9 0 0",
        ],
    );
    let mut large = of_12_tokens();
    large["max_tokens"] = 29.into();
    let refused = bench.gateway.post("/v1/chat/completions", key, &large);
    let error = &refused.json()["error"];
    assert_eq!((refused.status, &error["type"]), (429, &json!("tokens")));
    let message = error["message"].as_str().unwrap();
    let start = format!("key `l` has reached its limit `tokens=30/hour`: {used} used, up to ");
    assert!(message.starts_with(&start), "{message}");
    // 29 and the prompt are more than the limit has, whatever is used.
    assert!(message.contains("it never allows as much"), "{message}");
    large["max_tokens"] = 20.into();
    let refused = bench.gateway.post("/v1/chat/completions", key, &large);
    let message = refused.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(message.contains("; there is room again at 20"), "{message}");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&wait), "{refused:?}");
    assert_eq!(
        refused.header("retry-after-ms").unwrap(),
        (wait * 1_000).to_string()
    );
    assert_eq!(refused.header("x-should-retry"), None);
}

#[test]
fn money_is_reserved_at_the_dearest_target_and_gives_back_what_was_reserved_before() {
    let bench = plan()
        .key("l", json!({"limits": ["spend=0.001/total", "tokens=1000/hour", "requests=9/total"]}))
        .item("model", "echo", json!({"provider": "m", "price_input": "1", "price_output": "1"}))
        .item("model", "mock", json!({"provider": "m", "price_input": "1", "price_output": "100"}))
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "m", "model": "echo"}, {"provider": "m", "model": "mock"}]}))
        .start();
    // At the first target it would fit by far.
    let refused = bench
        .gateway
        .post("/v1/chat/completions", bench.secret("l"), &of_12_tokens());
    let error = &refused.json()["error"];
    assert_eq!(
        (refused.status, &error["type"], &error["code"]),
        (
            429,
            &json!("insufficient_quota"),
            &json!("insufficient_quota")
        ),
        "{refused:?}"
    );
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(bench.row(&refused)["limit"], "key l spend=0.001/total");
    let nothing = [
        "spend=0.001/total 0 0",
        "tokens=1000/hour 0 0",
        "requests=9/total 0 0",
    ];
    stands(&bench, "key", "l", &nothing);
    assert_eq!(sent(&bench), 0);
}

#[test]
fn what_has_no_price_passes_and_is_said_or_is_kept_from_the_caller() {
    let limits = json!(["spend=1/total"]);
    let bench = plan()
        .key("open", json!({"limits": limits}))
        .key("closed", json!({"limits": limits, "unpriced": "refuse"}))
        .item(
            "model",
            "echo",
            json!({"provider": "m", "price_input": "1", "price_output": "1"}),
        )
        .route(
            "both",
            json!({"keys": ["open", "closed"], "targets": [{"provider": "m"}]}),
        )
        .start();
    let ask = |key: &str, model: &str| {
        let path = "/v1/chat/completions";
        bench
            .gateway
            .post(path, bench.secret(key), &chat(model, TEXT, false))
    };
    let passed = ask("open", "nobody-knows-me");
    assert_eq!(
        (
            passed.status,
            passed.header("x-gw-cost-status"),
            passed.header("x-gw-cost")
        ),
        (200, Some("unpriced"), None)
    );
    stands(&bench, "key", "open", &["spend=1/total 0 0"]);
    assert_eq!(ask("closed", "echo").status, 200);
    let refused = ask("closed", "nobody-knows-me");
    assert_eq!(
        (
            refused.status,
            refused.json()["error"]["message"].as_str().unwrap()
        ),
        (
            403,
            "no price is known for `m/nobody-knows-me`, and this key may only call models that have one (fix: tell its price: gw model create m/nobody-knows-me --provider m --price-input USD --price-output USD)"
        )
    );
}

#[test]
fn nothing_stays_reserved_whatever_becomes_of_a_request() {
    let bench = plan()
        .key(
            "l",
            json!({"limits": ["tokens=100000/hour", "requests=100/total", "parallel=3"]}),
        )
        .route(
            "l",
            json!({"keys": ["l"], "retries": 0, "targets": [{"provider": "m"}]}),
        )
        .start();
    let key = bench.secret("l");
    // The upstream fails: the request counts, and no tokens.
    let failed = bench
        .gateway
        .post("/v1/chat/completions", key, &chat("mock-500", "x", false));
    assert_eq!(failed.status, 500);
    stands(
        &bench,
        "key",
        "l",
        &[
            "tokens=100000/hour 0 0",
            "requests=100/total 1 0",
            "parallel=3 0 0",
        ],
    );
    // It cannot be planned.
    let unknown = bench
        .gateway
        .post("/v1/messages", key, &json!({"model": "m", "messages": []}));
    assert!(unknown.status >= 400);
    // The caller hangs up in the middle of a stream, and before any answer.
    let bearer = format!("Bearer {key}");
    let send = |body: &Value| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        http::send(
            "POST",
            &bench.url("/v1/chat/completions"),
            &headers,
            &body.to_string(),
        )
    };
    let mut stream = send(&chat("mock-pace-300ms", "streamed", true));
    read_until(&mut stream, "data:");
    let slow = send(&chat("mock-slow-60000", "slow", false));
    until("two requests run", || {
        (standings(&bench, "key", "l")[2] == "parallel=3 0 2").then_some(())
    });
    let reserved = standings(&bench, "key", "l")[0].clone();
    assert_ne!(reserved, "tokens=100000/hour 0 0");
    drop((stream, slow));
    until("nothing is reserved", || {
        let now = standings(&bench, "key", "l");
        (now[0].ends_with(" 0") && now[2] == "parallel=3 0 0").then_some(())
    });
    let rows = bench.rows();
    let sum: u64 = rows
        .iter()
        .map(|row| {
            let of = |name: &str| row["usage"][name].as_u64().unwrap_or(0);
            of("input") + of("output")
        })
        .sum();
    assert_eq!(
        standings(&bench, "key", "l")[0],
        format!("tokens=100000/hour {sum} 0")
    );
}

#[test]
fn many_at_a_time_get_no_more_than_there_is() {
    let bench = plan()
        .key("l", json!({"limits": ["requests=10/total"]}))
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "m"}]}))
        .start();
    let (url, bearer) = (
        bench.url("/v1/chat/completions"),
        format!("Bearer {}", bench.secret("l")),
    );
    let body = chat("mock", "one of many", false).to_string();
    let sockets: Vec<_> = (0..60)
        .map(|_| http::send("POST", &url, &[("authorization", &bearer)], &body))
        .collect();
    let answers = sockets.into_iter().map(|mut socket| drain(&mut socket));
    let passed = answers
        .filter(|answer| answer.starts_with("HTTP/1.1 200"))
        .count();
    assert_eq!((passed, sent(&bench)), (10, 10));
}

#[test]
fn where_no_longest_answer_is_said_a_small_limit_lets_one_request_through_at_a_time() {
    let bench = plan()
        .key("l", json!({"limits": ["tokens=500/hour"]}))
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "m"}]}))
        .start();
    let body =
        |model: &str| json!({"model": model, "messages": [{"role": "user", "content": TEXT}]});
    let key = bench.secret("l");
    let path = "/v1/chat/completions";
    let bearer = format!("Bearer {key}");
    let held = http::send(
        "POST",
        &bench.url(path),
        &[("authorization", &bearer)],
        &body("mock-slow-60000").to_string(),
    );
    until("it has reserved all there is", || {
        (standings(&bench, "key", "l") == ["tokens=500/hour 0 500"]).then_some(())
    });
    let refused = bench.gateway.post(path, key, &body("echo"));
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("1"))
    );
    drop(held);
    let served = until("there is room again", || {
        let answer = bench.gateway.post(path, key, &body("echo"));
        (answer.status == 200).then_some(answer)
    });
    assert_eq!(served.header("x-ratelimit-remaining-tokens"), Some("0"));
}

#[test]
fn counting_and_listing_count_nothing() {
    let bench = plan()
        .key(
            "l",
            json!({"limits": ["requests=1/total", "tokens=1/total"]}),
        )
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "a"}]}))
        .start();
    let key = bench.secret("l");
    for _ in 0..3 {
        let counted =
            bench
                .gateway
                .post("/v1/messages/count_tokens", key, &chat("mock", TEXT, false));
        assert_eq!(counted.status, 200, "{counted:?}");
        assert_eq!(counted.header("anthropic-ratelimit-requests-limit"), None);
        assert_eq!(http::get_with(&bench.url("/v1/models"), key).status, 200);
    }
    stands(
        &bench,
        "key",
        "l",
        &["requests=1/total 0 0", "tokens=1/total 0 0"],
    );
}

#[test]
fn every_answer_has_the_headers_of_its_format_where_a_limit_is_set_and_else_the_providers() {
    let bench = plan()
        .key(
            "l",
            json!({"limits": ["requests=9/total", "input=500/hour"]}),
        )
        .key("free", json!({}))
        .at("theirs", &["m/mock-header-x-ratelimit-remaining-tokens:7"])
        .route(
            "l",
            json!({"keys": ["l", "free"], "targets": [{"provider": "m"}]}),
        )
        .start();
    let told = |answer: &http::Answer| -> Vec<String> {
        let mut lines: Vec<String> = answer
            .headers
            .iter()
            .filter(|(name, _)| name.contains("ratelimit") && !name.contains("reset"))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        lines.sort();
        lines
    };
    let ask = |key: &str, path: &str, body: Value| {
        let headers = [
            ("authorization", format!("Bearer {}", bench.secret(key))),
            ("x-mock", "header=x-ratelimit-remaining-tokens: 7,header=anthropic-ratelimit-unified-status: allowed".into()),
        ];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        http::post(&bench.url(path), &headers, &body)
    };
    let whole = ask("l", "/v1/chat/completions", of_12_tokens());
    assert_eq!(whole.status, 200, "{whole:?}");
    assert_eq!(whole.header("x-ratelimit-remaining-requests"), Some("8"));
    assert_eq!(whole.header("x-ratelimit-limit-tokens"), Some("500"));
    let reset = whole.header("x-ratelimit-reset-tokens").unwrap();
    assert!(reset == "1h0m0s" || reset.starts_with("59m"), "{reset}");
    let stream = ask("l", "/v1/messages", chat("mock", TEXT, true));
    let lines = told(&stream);
    for line in [
        "anthropic-ratelimit-input-tokens-limit: 500",
        "anthropic-ratelimit-requests-limit: 9",
        "anthropic-ratelimit-requests-remaining: 7",
    ] {
        assert!(lines.iter().any(|it| it == line), "{line} in {lines:?}");
    }
    let error = ask("l", "/v1/chat/completions", json!({"model": "mock"}));
    assert_eq!(
        error.header("x-ratelimit-limit-requests"),
        Some("9"),
        "{error:?}"
    );
    let broken = ask("l", "/v1/chat/completions", json!([]));
    assert_eq!(
        (broken.status, broken.header("x-ratelimit-limit-requests")),
        (400, Some("9"))
    );
    assert_eq!(
        told(&ask("free", "/v1/chat/completions", of_12_tokens())),
        Vec::<String>::new()
    );
}

#[test]
fn what_limits_in_shadow_would_have_refused_is_noted_and_not_refused() {
    let bench = plan()
        .key(
            "l",
            json!({"limits": ["requests=1/total:shadow", "parallel=50"]}),
        )
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "m"}]}))
        .start();
    let ask = || {
        bench
            .gateway
            .post("/v1/chat/completions", bench.secret("l"), &of_12_tokens())
    };
    let first = ask();
    assert_eq!(first.header("x-ratelimit-limit-requests"), None);
    assert_eq!(bench.row(&first).get("shadowed"), None);
    let second = ask();
    assert_eq!(second.status, 200);
    let row = bench.row(&second);
    assert_eq!(row["shadowed"], json!(["key l requests=1/total:shadow"]));
    let id = row["id"].as_str().unwrap();
    let shown = bench.gateway.ok(&["logs", "get", id]);
    assert!(shown.contains("key l requests=1/total:shadow"), "{shown}");
    assert_eq!(
        bench.gateway.ok(&["key", "limits", "l"]),
        "OWNER   LIMIT                     USED   RESERVED   LEFT   RESET   REFUSED\n\
         key/l   requests=1/total:shadow   2      0          0      -       1\n\
         key/l   parallel=50               0      0          50     -       -\n"
    );
}

#[test]
fn a_session_that_runs_away_is_stopped_alone() {
    let bench = plan()
        .limits("[server]\nsession_headers = [\"x-run\", \"x-session-id\"]")
        .item("user", "v", json!({"session_limits": ["requests=3/total"]}))
        .key(
            "l",
            json!({"user": "v", "session_limits": ["requests=2/total"]}),
        )
        .key("n", json!({"user": "v"}))
        .route(
            "l",
            json!({"keys": ["l", "n"], "targets": [{"provider": "m"}]}),
        )
        .start();
    let ask = |key: &str, header: &str, session: &str| {
        let bearer = format!("Bearer {}", bench.secret(key));
        let headers = [("authorization", bearer.as_str()), (header, session)];
        http::post(
            &bench.url("/v1/chat/completions"),
            &headers,
            &of_12_tokens(),
        )
    };
    for (key, header, session, status) in [
        ("l", "x-run", "s-1", 200),
        ("l", "x-run", "s-1", 200),
        ("l", "x-run", "s-1", 429),
        ("l", "x-run", "s-2", 200),
        // The header is another, and the session the same.
        ("l", "x-session-id", "s-1", 429),
        // It has none: the usual header does not name one here.
        ("l", "session-id", "s-1", 200),
        // Of the user's three two have gone to the same session under another key.
        ("n", "x-run", "s-1", 200),
        ("n", "x-run", "s-1", 429),
    ] {
        let answer = ask(key, header, session);
        assert_eq!(
            answer.status, status,
            "{key} {header} {session}: {answer:?}"
        );
    }
    let refused = ask("l", "x-run", "s-1");
    assert_eq!(
        refused.json()["error"]["message"],
        "session `s-1` of key `l` has reached its limit `requests=2/total`: 2 used; it does not come back by waiting (fix: stop: this session has had what it may have; `gw key limits l` shows it, `gw key limits set l --session-limit …` changes it)"
    );
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(
        bench.row(&refused)["limit"],
        "session s-1 of key l requests=2/total"
    );
    assert_eq!(
        bench.gateway.ok(&["key", "limits", "l", "--sessions"]),
        "OWNER         LIMIT              USED   RESERVED   LEFT   RESET   REFUSED\n\
         session/s-1   requests=2/total   2      0          0      -       3\n\
         session/s-2   requests=2/total   1      0          1      -       -\n"
    );
}

#[test]
fn limits_of_providers_and_models_send_requests_to_the_next_target() {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    let bench = plan
        .provider(
            "p",
            json!({"vendor": "openai-compatible", "base_url": url, "limits": ["requests=1/hour"]}),
        )
        .item(
            "model",
            "few",
            json!({"provider": "m", "upstream_id": "mock", "limits": ["output=15/hour"]}),
        )
        .key("q", json!({}))
        .route(
            "q",
            json!({"keys": ["q"], "targets": [{"provider": "p", "model": "echo"}, {"provider": "m", "model": "mock"}]}),
        )
        .start();
    let path = "/v1/chat/completions";
    let ask = || bench.gateway.post(path, bench.secret("q"), &of_12_tokens());
    let first = ask();
    assert_eq!(
        (first.status, first.header("x-gw-provider")),
        (200, Some("p")),
        "{first:?}"
    );
    let explained = bench.gateway.ok(&["route", "explain", "q", "--key", "q"]);
    assert!(
        explained.contains("its limit `requests=1/hour` is used up"),
        "{explained}"
    );
    let second = ask();
    assert_eq!(
        (
            second.status,
            second.header("x-gw-provider"),
            second.header("x-gw-attempts")
        ),
        (200, Some("m"), Some("2")),
        "{second:?}"
    );
    let row = bench.row(&second);
    let attempt = &row["attempts"][0];
    assert_eq!(
        (&attempt["class"], &attempt["status"], &row["limit"]),
        (&json!("limit"), &Value::Null, &Value::Null),
        "{row}"
    );
    let reason = attempt["reason"].as_str().unwrap();
    assert!(
        reason.starts_with(
            "provider `p` has reached its limit `requests=1/hour`: 1 used; there is room again at "
        ) && reason.ends_with("; moved on to the next target"),
        "{reason}"
    );
    // The model's is used up as well, but for what is left of its answers.
    let third = ask();
    assert_eq!(third.status, 429, "{third:?}");
    let error = &third.json()["error"];
    assert_eq!(
        (&error["type"], third.header("x-gw-origin")),
        (&json!("tokens"), Some("gateway"))
    );
    let wait: u64 = third.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&wait));
    assert_eq!(bench.row(&third)["limit"], "model few output=15/hour");
    assert_eq!(sent(&bench), 2);
    // Neither rests for it.
    let status = bench.gateway.ok(&["route", "status", "q", "-o", "json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    for target in status["targets"].as_array().unwrap() {
        assert_eq!(target["state"], "healthy", "{status}");
    }
}

#[test]
fn limits_are_changed_one_by_one_and_what_was_counted_can_be_put_right() {
    let bench = plan()
        .key("l", json!({"limits": ["requests=5/total"]}))
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "m"}]}))
        .start();
    let gw = |args: &[&str]| bench.gateway.ok(args);
    let path = "/v1/chat/completions";
    let ask = || {
        bench
            .gateway
            .post(path, bench.secret("l"), &of_12_tokens())
            .status
    };
    assert_eq!(ask(), 200);
    assert_eq!(
        gw(&[
            "key",
            "limits",
            "set",
            "l",
            "--limit",
            "requests=1/total",
            "--budget",
            "2/month",
            "--session-limit",
            "parallel=1"
        ]),
        "key/l configured\n"
    );
    let record: Value = serde_json::from_str(&gw(&["key", "get", "l", "-o", "json"])).unwrap();
    assert_eq!(
        (&record["limits"], &record["session_limits"]),
        (
            &json!(["requests=1/total", "spend=2/month"]),
            &json!(["parallel=1"])
        )
    );
    // Another amount, and what was counted has stayed.
    assert_eq!(ask(), 429);
    assert_eq!(
        gw(&[
            "key",
            "limits",
            "reset",
            "l",
            "requests/total",
            "--reason",
            "a test"
        ]),
        "key/l counts anew: requests/total\n"
    );
    assert_eq!((ask(), ask()), (200, 429));
    assert_eq!(
        gw(&["key", "limits", "unset", "l", "requests/total"]),
        "key/l configured\n"
    );
    assert_eq!(ask(), 200);
    let history = history(&bench);
    let said = json!({"action": "reset limits", "kind": "key", "name": "l", "version": record["version"].as_u64().unwrap() + 1,
        "said": {"limit": "requests/total", "reason": "a test"}});
    let found = history["items"].as_array().unwrap().iter();
    let found: Vec<&Value> = found
        .flat_map(|entry| entry["changes"].as_array().unwrap())
        .filter(|change| change["action"] == "reset limits")
        .collect();
    assert_eq!(found, [&said]);
    let refused = bench
        .gateway
        .cli(&["key", "limits", "unset", "l", "tokens/hour"]);
    assert_eq!(
        refused.stderr,
        "error: key `l` has no limit `tokens/hour`\n  fix: it has: spend/month\n"
    );
    let exported = gw(&["export", "key"]);
    assert!(
        exported.contains("limits = [\"spend=2/month\"]")
            && exported.contains("session_limits = [\"parallel=1\"]"),
        "{exported}"
    );
}
