//! Tokens and money: always asked for upstream, shown to the caller only when asked, and never a silent zero.

use crate::harness::http::Answer;
use crate::kit::{FORMATS, chat, plan};
use serde_json::{Value, json};

/// The chunks that carry usage.
fn usage_chunks(answer: &Answer) -> Vec<Value> {
    let data = answer
        .events()
        .into_iter()
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str::<Value>(data).unwrap());
    data.filter(|chunk| chunk["usage"].is_object()).collect()
}

#[test]
fn stream_usage_is_asked_for_and_shown_only_when_asked() {
    let bench = plan().at("m", &["m/mock"]).at("a", &["a/mock"]).start();
    for provider in ["m", "a"] {
        let hidden = bench.post(
            &format!("/{provider}/v1/chat/completions"),
            &chat("any", "usage", true),
        );
        assert!(
            usage_chunks(&hidden).is_empty(),
            "{provider}: {}",
            hidden.body
        );
        let mut asking = chat("any", "usage", true);
        asking["stream_options"] = json!({"include_usage": true});
        let shown = bench.post(&format!("/{provider}/v1/chat/completions"), &asking);
        let chunks = usage_chunks(&shown);
        assert_eq!(chunks.len(), 1, "{provider}: {}", shown.body);
        assert_eq!(
            chunks[0]["choices"],
            json!([]),
            "{provider}: {}",
            shown.body
        );
        let (rows, counted) = ([bench.row(&hidden), bench.row(&shown)], &chunks[0]["usage"]);
        for row in &rows {
            assert_eq!(row["usage_source"], "reported", "{row}");
            assert_eq!(
                (&row["usage"]["input"], &row["usage"]["output"]),
                (&counted["prompt_tokens"], &counted["completion_tokens"]),
                "{row}"
            );
            assert!(row["usage"]["output"].as_u64() > Some(0), "{row}");
        }
    }
    for seen in bench
        .mock
        .requests()
        .iter()
        .filter(|seen| seen.path.ends_with("/chat/completions"))
    {
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(
            body["stream_options"]["include_usage"], true,
            "{}",
            seen.body
        );
        assert_eq!(body["model"], "mock");
    }
}

#[test]
fn rows_hold_usage_in_both_formats_and_modes() {
    let bench = plan()
        .at("m", &["m/mock"])
        .at("a", &["a/mock+cached-7"])
        .at("n", &["m/mock-no-usage"])
        .at("b", &["m/mock-bad-usage"])
        .start();
    for (provider, source) in [
        ("m", "reported"),
        ("a", "reported"),
        ("n", "estimated"),
        ("b", "estimated"),
    ] {
        for (path, _) in FORMATS {
            for stream in [false, true] {
                let answer = bench.post(
                    &format!("/{provider}{path}"),
                    &chat("any", "count me", stream),
                );
                assert_eq!(answer.status, 200, "{answer:?}");
                let row = bench.row(&answer);
                assert_eq!(
                    row["usage_source"], *source,
                    "{provider}{path} {stream}: {row}"
                );
                assert!(
                    row["usage"]["input"].as_u64() > Some(0)
                        && row["usage"]["output"].as_u64() > Some(0),
                    "{provider}{path} {stream}: {row}"
                );
                assert!(row["usage"]["output"].as_u64() < Some(1_000), "{row}");
                assert_eq!(
                    (row["cost_status"].as_str(), row.get("cost_pico")),
                    (Some("unpriced"), None),
                    "{row}"
                );
                assert_eq!(
                    answer.header("x-gw-cost"),
                    None,
                    "an unknown price is not shown as a number: {answer:?}"
                );
            }
        }
    }
}

/// Google's price of its own model, in its own format and in OpenAI's.
#[test]
fn googles_models_have_a_price() {
    let plan = plan();
    let url = plan.mock.url().to_owned();
    let bench = plan
        .provider("g", json!({"vendor": "gemini", "base_url": url}))
        .provider(
            "o",
            json!({"vendor": "gemini-openai", "base_url": format!("{url}/v1")}),
        )
        .at("g", &["g/gemini-2.5-flash"])
        .at("o", &["o/gemini-2.5-flash"])
        .start();
    for path in ["/g/v1/chat/completions", "/o/v1/chat/completions"] {
        let answer = bench.post(path, &chat("any", "what does it cost", false));
        assert_eq!(answer.status, 200, "{answer:?}");
        let row = bench.row(&answer);
        let used = |bucket: &str| row["usage"][bucket].as_u64().unwrap_or(0);
        // 0.30 and 2.50 dollars a million tokens, in picodollars.
        assert_eq!(
            row["cost_pico"].as_u64(),
            Some(used("input") * 300_000 + used("output") * 2_500_000),
            "{row}"
        );
        assert_eq!(row["cost_status"], "calculated", "{row}");
    }
}

#[test]
fn known_models_have_a_price() {
    let bench = plan().provider("o", json!({"vendor": "openai"})).start();
    // The vendor's own address is replaced, its catalogue kept.
    bench.gateway.ok(&[
        "provider",
        "set",
        "o",
        "--base-url",
        &format!("{}/v1", bench.mock.url()),
    ]);
    bench.gateway.ok(&[
        "route", "create", "priced", "--path", "/o", "--to", "o/gpt-4o",
    ]);
    for stream in [false, true] {
        let answer = bench.post(
            "/o/v1/chat/completions",
            &chat("any", "what does it cost", stream),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        let row = bench.row(&answer);
        let (input, output) = (
            row["usage"]["input"].as_u64().unwrap(),
            row["usage"]["output"].as_u64().unwrap(),
        );
        // 2.50 and 10.00 dollars a million tokens, in picodollars.
        assert_eq!(
            row["cost_pico"].as_u64(),
            Some(input * 2_500_000 + output * 10_000_000),
            "{row}"
        );
        assert_eq!(row["cost_status"], "calculated", "{row}");
        let shown = answer
            .header("x-gw-cost")
            .and_then(|cost| cost.trim_start_matches('$').parse::<f64>().ok());
        match stream {
            true => assert_eq!(shown, None),
            false => assert!(
                (shown.unwrap() * 1e12 - row["cost_pico"].as_f64().unwrap()).abs() < 1.0,
                "{answer:?} {row}"
            ),
        }
    }
}

/// A record's prices by bucket and tier, and what becomes of a bucket that has none.
#[test]
fn prices_are_overridden_by_bucket_and_what_has_none_is_named() {
    let bench = plan().at("m", &["m/mock"]).start();
    let create = ["model", "create", "m/mock", "--provider", "m"];
    let prices = ["--price", "input=2.5", "--price", "output@batch=4"];
    bench.gateway.ok(&[&create[..], &prices].concat());
    let answer = bench.post("/m/v1/chat/completions", &chat("any", "what", false));
    let row = bench.row(&answer);
    assert_eq!(
        (&row["cost_status"], &row["unpriced"], row.get("cost")),
        (&json!("unpriced"), &json!("output"), None),
        "{row}"
    );
    assert_eq!(answer.header("x-gw-cost"), None);
    let id = row["id"].as_str().unwrap();
    let shown = bench.gateway.ok(&["logs", "get", id]);
    assert!(shown.contains("unpriced: output"), "{shown}");

    // One more price, and the one that was there stays.
    bench
        .gateway
        .ok(&["model", "set", "m/mock", "--price", "output=10"]);
    let answer = bench.post("/m/v1/chat/completions", &chat("any", "what", false));
    let row = bench.row(&answer);
    let used = |bucket: &str| row["usage"][bucket].as_u64().unwrap();
    assert_eq!(
        row["cost_pico"].as_u64(),
        Some(used("input") * 2_500_000 + used("output") * 10_000_000),
        "{row}"
    );
    assert_eq!(row.get("unpriced"), None, "{row}");

    let refused = bench
        .gateway
        .cli(&["model", "set", "m/mock", "--price", "inputs=1"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let told = &refused.stderr;
    assert!(
        told.contains("`inputs` is not a bucket") && told.contains("did you mean `input`?"),
        "{told}"
    );
}
