//! `gw route explain` says of a key what a request with it meets.

use super::harness::{Gateway, http, until};
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a request with this key gets, and what explain says it would get.
fn both(gateway: &Gateway, key: &str, secret: &str) -> (u16, Value) {
    let answer = http::get_with(&format!("{}/v1/models", gateway.url), secret);
    let explained = gateway
        .cli(&["route", "explain", "--key", key, "-m", "m", "-o", "json"])
        .json();
    (answer.status, explained)
}

#[test]
fn a_key_that_is_not_let_in_is_refused_by_explain_with_the_reason_and_what_helps() {
    let gateway = Gateway::start_with(&["--in-memory", "--mock"]);
    let secret = gateway.key_with_route("ci", &["--to", "mock"]);
    let user = gateway.ok(&["key", "get", "ci", "-o", "value=.user"]);
    let user = user.trim();
    let (status, explained) = both(&gateway, "ci", &secret);
    assert_eq!((status, &explained["refused"]), (200, &Value::Null));

    let refused = |why: &str, fix: &str| {
        let (status, explained) = both(&gateway, "ci", &secret);
        assert_eq!(status, 401);
        assert_eq!(explained["refused"]["status"], 401, "{explained}");
        assert_eq!(explained["refused"]["message"], why);
        assert_eq!(explained["refused"]["fix"], fix);
        assert_eq!(explained["attempts"], Value::Null, "{explained}");
    };
    gateway.ok(&["user", "disable", user]);
    refused(
        &format!("user `{user}` of key `ci` is disabled"),
        &format!("gw user enable {user}"),
    );
    gateway.ok(&["user", "enable", user]);
    gateway.ok(&["key", "disable", "ci"]);
    refused("key `ci` is disabled", "gw key enable ci");
    gateway.ok(&["key", "enable", "ci"]);
    gateway.ok(&["key", "set", "ci", "--expires", "1s"]);
    until("the key has expired", || {
        let state = gateway.ok(&["key", "get", "ci", "-o", "value=.status.state"]);
        (state.trim() == "expired").then_some(())
    });
    refused("key `ci` has expired", "gw key set ci --expires 90d");
    gateway.ok(&["key", "set", "ci", "--expires", "90d"]);
    let (status, explained) = both(&gateway, "ci", &secret);
    assert_eq!((status, &explained["refused"]), (200, &Value::Null));
    gateway.ok(&["key", "revoke", "ci", "-y"]);
    refused(
        "key `ci` is revoked, which is final",
        &format!("gw key create ci-2 --user {user}"),
    );
    let shown = gateway.cli(&["route", "explain", "--key", "ci", "-m", "m"]);
    assert!(
        shown.stdout.contains("key `ci` is revoked, which is final"),
        "{}",
        shown.stdout
    );
}

/// What is explained of a request by these flags.
fn explained(bench: &Bench, flags: &[&str]) -> Value {
    let ran = bench
        .gateway
        .ok(&[&["route", "explain", "-o", "json"], flags].concat());
    serde_json::from_str(&ran).unwrap()
}

/// A gateway with a route at `/t` beside the one that key `k` has.
fn bench() -> Bench {
    plan().at("t", &["m/mock", "a/mock"]).start()
}

#[test]
fn a_path_is_enough_to_tell_format_model_and_streaming() {
    let bench = bench();
    let asked = |flags: &[&str]| {
        let told = explained(&bench, &[&["--key", "k"], flags].concat());
        let first = match &told["attempts"][0]["provider"] {
            Value::String(provider) => format!("{provider}/{}", told["attempts"][0]["model"]),
            _ => format!("{}", told["refused"]["status"]),
        };
        (
            told["asked"]["format"].as_str().unwrap().to_owned(),
            told["asked"]["stream"].as_bool().unwrap(),
            first.replace('"', ""),
        )
    };
    for (flags, format, stream, first) in [
        (&["-m", "x"] as &[&str], "openai-chat", false, "m/x"),
        (&["-m", "x", "--stream"], "openai-chat", true, "m/x"),
        (
            &["-m", "x", "--path", "/v1/responses"],
            "openai-responses",
            false,
            "m/x",
        ),
        (
            &["-m", "x", "--path", "/v1/messages"],
            "anthropic-messages",
            false,
            "m/x",
        ),
        (
            &["--path", "/v1beta/models/x:streamGenerateContent"],
            "gemini",
            true,
            "m/x",
        ),
        (
            &["-m", "x", "--path", "/v1/embeddings"],
            "openai-embeddings",
            false,
            "m/x",
        ),
        (
            &["-m", "x", "--path", "/v1/images/generations"],
            "openai-images",
            false,
            "m/x",
        ),
        (
            &["-m", "x", "--path", "/v1/audio/transcriptions"],
            "openai-transcriptions",
            false,
            "m/x",
        ),
        (&["-m", "x", "--format", "rerank"], "rerank", false, "m/x"),
        // The simulator's provider has no files.
        (&["--path", "/v1/files"], "files", false, "400"),
        (
            &["--path", "/t/v1/messages"],
            "anthropic-messages",
            false,
            "m/mock",
        ),
        (&["--path", "/t"], "openai-chat", false, "m/mock"),
        (
            &["--data", r#"{"model":"b","input":"x","stream":true}"#],
            "openai-responses",
            true,
            "m/b",
        ),
        (
            &["--path", "/v1/chat/completions", "--data", "{}"],
            "openai-chat",
            false,
            "400",
        ),
        (
            &["--path", "/v1/responses/resp_gone"],
            "openai-responses",
            false,
            "404",
        ),
        (
            &["--path", "/passthrough/m/models"],
            "passthrough",
            false,
            "403",
        ),
    ] {
        assert_eq!(
            asked(flags),
            (format.to_owned(), stream, first.to_owned()),
            "{flags:?}"
        );
    }
    let refused = |flags: &[&str]| {
        let ran = bench
            .gateway
            .cli(&[&["route", "explain", "--key", "k"], flags].concat());
        let missing = ["nothing at", "no request"];
        let missing = missing.iter().any(|what| ran.stderr.contains(what));
        assert_eq!(ran.code, Some(if missing { 3 } else { 2 }));
        ran.stderr.lines().next().unwrap_or_default().to_owned()
    };
    for (flags, why) in [
        (
            &["--path", "/v1/models"] as &[&str],
            "error: no provider is asked at `/v1/models`",
        ),
        (
            &["--path", "/nowhere"],
            "error: there is nothing at `/nowhere`",
        ),
        (
            &["--path", "/v1beta/models/x:generateContent", "-m", "y"],
            "error: the path names the model `x` already",
        ),
        (&["--data", "[]"], "error: the body is not a JSON object"),
        (
            &["-H", "authorization:x"],
            "error: `authorization` cannot be given on the command line, which others can see",
        ),
        (&["--at", "soon"], "error: `soon` is not a time"),
        (
            &["--as-of", "req_0"],
            "error: no request `req_0` in the log",
        ),
    ] {
        assert_eq!(refused(flags), why, "{flags:?}");
    }
}

#[test]
fn a_key_that_expires_is_refused_by_explain_from_then_on() {
    let bench = plan()
        .key("short", json!({"expires": "2090-01-01T00:00:00Z"}))
        .route(
            "s",
            json!({"keys": ["short"], "targets": [{"provider": "m"}]}),
        )
        .start();
    let status = |at: &str| {
        let told = explained(&bench, &["--key", "short", "-m", "x", "--at", at]);
        told["refused"]["status"].clone()
    };
    assert_eq!(status("2089-12-31T23:59:59Z"), Value::Null);
    assert_eq!(status("2090-01-01"), 401);
}

#[test]
fn a_request_that_happened_is_asked_about_again_beside_how_it_went() {
    let bench = plan()
        .at("t", &["m/mock-503", "a/mock"])
        .key("quiet", json!({"log_content": "metadata"}))
        .route(
            "q",
            json!({"keys": ["quiet"], "targets": [{"provider": "m"}]}),
        )
        .start();
    let mut body = chat("any", "as of", true);
    body["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let bearer = format!("Bearer {}", bench.key);
    let headers = [("authorization", bearer.as_str()), ("x-session-id", "s-1")];
    let answer = http::post(&bench.url("/t/v1/chat/completions"), &headers, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = bench.row(&answer)["id"].as_str().unwrap().to_owned();
    let told = explained(&bench, &["--as-of", &id]);
    assert_eq!(told["key"], "k");
    assert_eq!(told["requested_model"], "any");
    let asked = &told["asked"];
    assert_eq!(
        (
            &asked["format"],
            &asked["path"],
            &asked["stream"],
            &asked["needs"]
        ),
        (
            &json!("openai-chat"),
            &json!("/t/v1/chat/completions"),
            &json!(true),
            &json!(["tools"])
        )
    );
    let mut then = told["as_of"].clone();
    assert!(then["at"].take().is_string());
    assert_eq!(
        then,
        json!({
            "id": id, "at": null, "route": "t", "status": 200, "outcome": "ok",
            "attempts": [
                {"provider": "m", "model": "mock-503", "status": 503, "class": "upstream"},
                {"provider": "a", "model": "mock", "status": 200, "class": "ok"},
            ],
            "unknown": ["its headers, but for session"],
            "differs": [],
        })
    );
    // What has changed since is said.
    bench.gateway.ok(&[
        "route",
        "set",
        "t",
        "--to",
        "a/mock",
        "--to",
        "m/mock-503=0",
    ]);
    assert_eq!(
        explained(&bench, &["--as-of", &id])["as_of"]["differs"],
        json!(["`m/mock-503` was tried, and is left out now: weight is 0"])
    );
    bench.gateway.ok(&["route", "disable", "t"]);
    assert_eq!(
        explained(&bench, &["--as-of", &id, "--path", "/v1/chat/completions"])["as_of"]["differs"],
        json!([
            "route `t` took it, and route `k` would now",
            "`m/mock-503` was tried, and is no target now",
            "`a/mock` was tried, and is no target now"
        ])
    );

    // Of one whose content is not kept it is said what is not known.
    let answer = http::post(
        &bench.url("/v1/messages"),
        &[(
            "authorization",
            &format!("Bearer {}", bench.secret("quiet")),
        )],
        &chat("m/mock", "quiet", false),
    );
    let id = bench.row(&answer)["id"].as_str().unwrap().to_owned();
    let told = explained(&bench, &["--as-of", &id]);
    assert_eq!(
        (
            &told["asked"]["format"],
            &told["requested_model"],
            &told["as_of"]["unknown"]
        ),
        (
            &json!("anthropic-messages"),
            &json!("m/mock"),
            &json!([
                "its headers, which are not kept",
                "its body, which was not kept: what it needed of a model and how long it was"
            ])
        )
    );
    let shown = bench.gateway.ok(&["route", "explain", "--as-of", &id]);
    assert!(
        shown.ends_with("nothing is otherwise now\n") && shown.contains("  1. m/mock: 200 ok\n"),
        "{shown}"
    );
}

/// Of so many draws, how often explain has each model come first.
fn drawn(bench: &Bench, path: &str, times: u32) -> BTreeMap<String, f64> {
    let times = times.to_string();
    let told = explained(bench, &["--key", "k", "--path", path, "--times", &times]);
    let draws = told["draws"]
        .as_object()
        .unwrap_or_else(|| panic!("{told}"));
    let model = |target: &String| target.split_once('/').unwrap().1.to_owned();
    draws
        .iter()
        .map(|(target, count)| (model(target), count.as_f64().unwrap()))
        .collect()
}

/// Of so many requests, how many each model gets first.
fn served(bench: &Bench, path: &str, times: u32) -> BTreeMap<String, f64> {
    let mut firsts = BTreeMap::new();
    for _ in 0..times {
        let answer = bench.post(
            &format!("{path}/v1/chat/completions"),
            &chat("any", "share", false),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        let model = answer.header("x-gw-model").unwrap().to_owned();
        *firsts.entry(model).or_default() += 1.0;
    }
    firsts
}

/// Panics where these counts are not of the same shares, within six standard deviations.
#[track_caller]
fn same_shares(one: &BTreeMap<String, f64>, other: &BTreeMap<String, f64>) {
    let total = |counts: &BTreeMap<String, f64>| counts.values().sum::<f64>();
    let (ones, others) = (total(one), total(other));
    let models: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for model in models {
        let count = |counts: &BTreeMap<String, f64>| counts.get(model).copied().unwrap_or(0.0);
        let (a, b) = (count(one), count(other));
        let share = (a + b) / (ones + others);
        let deviation = (share * (1.0 - share) * (1.0 / ones + 1.0 / others)).sqrt();
        assert!(
            (a / ones - b / others).abs() <= 6.0 * deviation + 1e-9,
            "{model}: {one:?} and {other:?}"
        );
    }
}

fn weighted(weights: [u32; 3]) -> Value {
    let models = ["one", "two", "three"].iter().zip(weights);
    models
        .map(|(model, weight)| json!({"provider": "m", "model": model, "weight": weight}))
        .collect()
}

#[test]
fn the_shares_that_explain_draws_are_those_that_serving_gives() {
    let strategies = [
        "split",
        "round-robin",
        "weighted-round-robin",
        "least-busy",
        "least-cost",
        "sticky",
        "fallback",
    ];
    let mut plan = plan();
    for (model, price) in [("one", 3.0), ("two", 1.0), ("three", 1.0)] {
        plan = plan.item(
            "model",
            &format!("m/{model}"),
            json!({"provider": "m", "upstream_id": model, "price_input": price.to_string(), "price_output": price.to_string()}),
        );
    }
    for strategy in strategies {
        plan = plan.route(
            strategy,
            json!({"path": format!("/{strategy}"), "strategy": strategy, "targets": weighted([5, 3, 2])}),
        );
    }
    let bench = plan.start();
    for strategy in strategies {
        let path = format!("/{strategy}");
        let before = explained(&bench, &["--key", "k", "--path", &path]);
        let draws = drawn(&bench, &path, 10_000);
        let got = served(&bench, &path, 200);
        same_shares(&draws, &got);
        // The share that is told of each is what comes out.
        for attempt in before["attempts"].as_array().unwrap() {
            let share = attempt["share"].as_f64().unwrap();
            let count = draws.get(attempt["model"].as_str().unwrap()).copied();
            let deviation = (10_000.0 * share * (1.0 - share)).sqrt();
            assert!(
                strategy == "fallback"
                    || (count.unwrap_or(0.0) - 10_000.0 * share).abs() <= 6.0 * deviation + 1.0,
                "{strategy}: {attempt} {draws:?}"
            );
        }
        // By turns there are no dice: what is drawn is what comes.
        if strategy.ends_with("robin") {
            assert_eq!(
                drawn(&bench, &path, 40),
                served(&bench, &path, 40),
                "{strategy}"
            );
        }
    }
}

#[test]
fn a_seeded_route_is_drawn_as_its_next_requests_will_be() {
    let bench = plan()
        .route(
            "s",
            json!({"path": "/s", "strategy": "split", "seed": 7, "targets": weighted([5, 3, 2])}),
        )
        .start();
    for _ in 0..2 {
        assert_eq!(drawn(&bench, "/s", 60), served(&bench, "/s", 60));
    }
}

#[test]
fn the_sooner_of_two_is_drawn_as_it_is_served_while_the_averages_stay_in_their_order() {
    let models = ["mock", "mock-delay-headers-20", "mock-delay-headers-60"];
    let targets: Value = models
        .iter()
        .map(|model| json!({"provider": "m", "model": model}))
        .collect();
    let bench = plan()
        .route(
            "l",
            json!({"path": "/l", "strategy": "least-latency", "targets": targets}),
        )
        .at("a", &[&format!("m/{}", models[0])])
        .at("b", &[&format!("m/{}", models[1])])
        .at("c", &[&format!("m/{}", models[2])])
        .start();
    for path in ["/a", "/b", "/c"] {
        served(&bench, path, 3);
    }
    let shares: Vec<f64> = {
        let told = explained(&bench, &["--key", "k", "--path", "/l"]);
        let mut shares: Vec<(String, f64)> = told["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                (
                    it["model"].as_str().unwrap().to_owned(),
                    it["share"].as_f64().unwrap(),
                )
            })
            .collect();
        shares.sort_by_key(|(model, _)| models.iter().position(|it| it == model));
        shares
            .into_iter()
            .map(|(_, share)| (share * 3.0).round())
            .collect()
    };
    assert_eq!(shares, [2.0, 1.0, 0.0], "in thirds");
    same_shares(&drawn(&bench, "/l", 10_000), &served(&bench, "/l", 120));
}

/// A key with routes of every kind, and targets that are out for every reason.
fn crowded() -> Bench {
    let to = |model: &str| json!([{"provider": "m", "model": model}]);
    let one = |provider: &str, model: &str, weight: u32| json!({"provider": provider, "model": model, "weight": weight});
    let url = "http://127.0.0.1:1/v1";
    let vendor = "openai-compatible";
    plan()
        .key("e", json!({"environment": "prod"}))
        .provider("off", json!({"vendor": vendor, "base_url": url, "enabled": false}))
        .provider("staging", json!({"vendor": vendor, "base_url": url, "environments": ["staging"]}))
        .provider("few", json!({"vendor": vendor, "base_url": url, "models": ["only"]}))
        .item("model", "m/blind", json!({"provider": "m", "upstream_id": "blind", "capabilities": ["images"]}))
        .item("model", "m/gone", json!({"provider": "m", "upstream_id": "gone", "enabled": false}))
        .route("gold", json!({"keys": ["e"], "when": "headers[\"x-tier\"] == \"gold\"", "targets": to("gold")}))
        .route("night", json!({"keys": ["e"], "priority": 1, "when": "time.hour < 6", "targets": to("night")}))
        .route("main", json!({"keys": ["e"], "priority": 2, "strategy": "split", "targets": to("own"), "rules": [
            {"when": "model.startsWith(\"claude\")", "targets": [one("a", "claude", 1)]},
            {"when": "tools || images", "targets": [
                one("m", "x", 8), one("a", "y", 2), one("off", "z", 1), one("staging", "z", 1), one("few", "other", 1),
                one("m", "blind", 1), one("m", "gone", 1), one("m", "zero", 0), one("m", "x", 1)]},
        ]}))
        .route("late", json!({"keys": ["e"], "priority": 3, "targets": to("late")}))
        .route("team", json!({"users": ["u"], "targets": to("team")}))
        .route("old", json!({"users": ["u"], "enabled": false, "targets": to("old")}))
        .route("sick", json!({"path": "/sick", "targets": [one("m", "mock-500", 1), one("m", "mock-429+retry-after-30", 1), one("m", "mock", 1)]}))
        .start()
}

#[test]
fn routes_conditions_rules_and_targets_are_told_whole() {
    let bench = crowded();
    let shown = |flags: &[&str]| {
        let ran = bench
            .gateway
            .ok(&[&["route", "explain", "--key", "e"], flags].concat());
        ran.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let noon = "2030-01-01T12:00:00Z";
    let with_tools = r#"{"messages":[],"tools":[{}],"stream":true}"#;
    assert_eq!(
        shown(&["-m", "gpt-4o", "--at", noon, "--data", with_tools]),
        [
            "as key e of user u in prod, asking for gpt-4o (openai-chat)",
            "streamed, about 11 tokens, needs tools",
            "",
            "ROUTE   BOUND BY   PRIORITY   WHY",
            "gold    key        0          its condition does not hold",
            "night   key        1          its condition does not hold",
            "main    key        2          decides: the first that takes it",
            "late    key        3          `main` has priority 2, this one 3",
            "team    user       0          `main` is bound to the key, this one to the key's user",
            "old     user       0          it is disabled; gw route enable old",
            "",
            "route gold's condition does not hold: headers[\"x-tier\"] == \"gold\"",
            "  there is no header `x-tier`",
            "",
            "route night's condition does not hold: time.hour < 6",
            "  time.hour is 12",
            "",
            "rule 1 does not hold: model.startsWith(\"claude\")",
            "  model is \"gpt-4o\"",
            "rule 2 holds: tools || images",
            "  images is false",
            "  tools is true",
            "",
            "main, rule 2, split: drawn by weight for every request",
            "TRY   TARGET   TIER   WEIGHT   FIRST",
            "1     m/x      0      8        80 %",
            "2     a/y      0      2        20 %",
            "",
            "LEFT OUT    WHY",
            "off/z       provider is disabled",
            "staging/z   provider is not active in the key's environment",
            "few/other   provider does not expose the model",
            "m/blind     model lacks tools",
            "m/gone      model is disabled",
            "m/zero      weight is 0",
            "m/x         the same target comes earlier",
            "",
            "moves on after connect, timeout, 429, 5xx, credential; 2 times more when all have failed",
            "timers: connect 10s, first content 2m, silence 1m",
            "",
            "would use m/x",
        ]
        .map(String::from)
        .to_vec()
    );
    // Where a header, a time or a model makes another route or rule take it.
    let first = |flags: &[&str]| {
        let told = explained(&bench, &[&["--key", "e"], flags].concat());
        let attempt = &told["attempts"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&told["route"]),
            told["rule"].as_u64(),
            format!("{}/{}", text(&attempt["provider"]), text(&attempt["model"])),
        )
    };
    let found = |route: &str, rule, target: &str| (route.to_owned(), rule, target.to_owned());
    assert_eq!(
        first(&["-m", "x", "--at", noon, "-H", "X-Tier: gold"]),
        found("gold", None, "m/gold")
    );
    assert_eq!(
        first(&["-m", "x", "--at", "2030-01-01"]),
        found("night", None, "m/night")
    );
    assert_eq!(
        first(&["-m", "claude-x", "--at", noon]),
        found("main", Some(1), "a/claude")
    );
    assert_eq!(
        first(&["-m", "x", "--at", noon]),
        found("main", None, "m/own")
    );
    // A row says which rule it was, and what would be otherwise now.
    bench
        .gateway
        .ok(&["route", "set", "night", "--when", "time.hour > 23"]);
    let answer = http::post(
        &bench.url("/v1/chat/completions"),
        &[("authorization", &format!("Bearer {}", bench.secret("e")))],
        &chat("claude-x", "ruled", false),
    );
    let row = bench.row(&answer);
    assert_eq!((&row["route"], &row["rule"]), (&json!("main"), &json!(1)));
    bench.gateway.ok(&[
        "route",
        "set",
        "main",
        "--rule",
        "model == \"none\" => m/x",
        "--rule",
        "model.startsWith(\"claude\") => a/claude",
    ]);
    let told = explained(&bench, &["--as-of", row["id"].as_str().unwrap()]);
    assert_eq!(
        told["as_of"]["differs"],
        json!(["rule 1 gave the targets, and rule 2 would now"])
    );
    // Of then is the time that conditions see, too.
    let then = row["at"]
        .as_str()
        .unwrap()
        .split(['T', ':'])
        .nth(1)
        .unwrap();
    let hour: u32 = then.parse().unwrap();
    let when = format!("time.hour == {hour}");
    bench
        .gateway
        .ok(&["route", "set", "night", "--when", &when]);
    let told = explained(&bench, &["--as-of", row["id"].as_str().unwrap()]);
    assert_eq!(told["route"], "night");
}

#[test]
fn targets_that_rest_are_told_with_how_and_for_how_long() {
    let bench = crowded();
    let ask = || {
        let answer = bench.post("/sick/v1/chat/completions", &chat("any", "sick", false));
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    (0..3).for_each(|_| ask());
    let told = explained(&bench, &["--key", "k", "--path", "/sick"]);
    let out: Vec<(String, String)> = told["excluded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|out| {
            let why = out["why"].as_str().unwrap();
            let words: String = why.chars().filter(|c| !c.is_ascii_digit()).collect();
            (out["model"].as_str().unwrap().to_owned(), words)
        })
        .collect();
    assert_eq!(
        out,
        [
            ("mock-500".to_owned(), "suspended for s more".to_owned()),
            (
                "mock-429+retry-after-30".to_owned(),
                "cooling down for s more".to_owned()
            ),
        ]
    );
    assert_eq!(told["attempts"][0]["model"], "mock");
    bench
        .gateway
        .ok(&["route", "set", "sick", "--to", "m/mock-500"]);
    let told = explained(&bench, &["--key", "k", "--path", "/sick"]);
    let note = told["attempts"][0]["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with("suspended for ")
            && note.ends_with("s more, tried as nothing else is left"),
        "{note}"
    );
    // Where the route waits for capacity nothing is tried before it is there.
    bench
        .gateway
        .ok(&["route", "set", "sick", "--wait-for-capacity", "20s"]);
    let told = explained(&bench, &["--key", "k", "--path", "/sick"]);
    assert_eq!(
        (
            &told["attempts"],
            &told["wait_for_capacity_ms"],
            &told["strategy"]
        ),
        (&json!([]), &json!(20_000), &json!("fallback"))
    );
    let shown = bench
        .gateway
        .ok(&["route", "explain", "--key", "k", "--path", "/sick"]);
    assert!(
        shown.ends_with("\nwould wait for the first that is free, 20s at most\n"),
        "{shown}"
    );
}
