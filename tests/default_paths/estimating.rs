//! What a request would cost, asked before it is sent: with a gateway and without one.

use crate::home::{Home, Ran};
use serde_json::{Value, json};

fn estimate(home: &Home, line: &[&str]) -> Ran {
    home.run(&[&["request", "estimate"], line].concat())
}

fn body(home: &Home) -> String {
    let body =
        json!({"max_tokens": 100, "messages": [{"role": "user", "content": "word ".repeat(1000)}]});
    let path = home.path("project").join("body.json");
    std::fs::write(&path, body.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_row_a_model_and_what_is_not_known_is_no_nought() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed", "--mock"], |_| {});
    let file = body(&home);
    for line in [
        &[
            "model",
            "create",
            "mock/dear",
            "--provider",
            "mock",
            "--price-input",
            "10",
            "--price-output",
            "100",
        ][..],
        &[
            "model",
            "create",
            "mock/cheap",
            "--provider",
            "mock",
            "--price-input",
            "1",
            "--price-output",
            "2",
            "--price-cache-read",
            "0.1",
        ],
        &["model", "create", "mock/unpriced", "--provider", "mock"],
    ] {
        assert_eq!(home.run(line).code, Some(0), "{line:?}");
    }
    let asked = [
        "-f",
        &file,
        "--model",
        "mock/dear,cheap,mock/unpriced,nobodys",
    ];
    let ran = estimate(&home, &[&asked[..], &["-o", "json"]].concat());
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let item = |place: usize, name: &str| found["items"][place][name].clone();
    let tokens = item(0, "input").as_u64().unwrap();
    assert!((900..1200).contains(&tokens), "{tokens}");
    let dollars = |per_million: u64, more: u64| {
        let pico =
            u128::from(tokens) * u128::from(per_million) * 1_000_000 + u128::from(more) * 1_000_000;
        let text = format!("{:.12}", pico as f64 / 1e12);
        json!(text.trim_end_matches('0').trim_end_matches('.'))
    };
    assert_eq!(
        [item(0, "cost_input"), item(0, "cost")],
        [dollars(10, 0), dollars(10, 10_000)]
    );
    assert_eq!(
        [item(1, "cost_input"), item(1, "cost")],
        [dollars(1, 0), dollars(1, 200)]
    );
    assert_eq!(item(1, "model"), "cheap");
    for place in [2, 3] {
        assert_eq!(
            [item(place, "cost_input"), item(place, "cost")],
            [Value::Null, Value::Null]
        );
    }
    let table = estimate(&home, &asked).out;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[0],
        ["MODEL", "TARGET", "INPUT", "MAX-OUT", "IN$", "UP-TO$"]
    );
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[3][4..], ["-", "-"]);
    assert_eq!(rows[4][1], "-");
    // All of it out of the cache costs a tenth there.
    let cached = estimate(
        &home,
        &[
            "-f",
            &file,
            "-m",
            "mock/cheap",
            "--cached",
            "100",
            "-o",
            "value=.items[0].cost_input",
        ],
    );
    let tenth = format!("{:.12}", tokens as f64 * 0.1 / 1e6);
    assert_eq!(cached.out.trim(), tenth.trim_end_matches('0'));
}

#[test]
fn as_a_key_it_is_where_its_requests_would_go() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed", "--mock"], |_| {});
    for line in [
        &["user", "create", "ann"][..],
        &[
            "key",
            "create",
            "k",
            "--user",
            "ann",
            "--output-file",
            "k.key",
        ],
        &[
            "key",
            "create",
            "other",
            "--user",
            "ann",
            "--output-file",
            "other.key",
        ],
        &[
            "model",
            "create",
            "mock/mock",
            "--provider",
            "mock",
            "--price-input",
            "3",
            "--max-output",
            "10",
        ],
        &["route", "create", "r", "--key", "k", "--to", "mock/mock"],
    ] {
        assert_eq!(home.run(line).code, Some(0), "{line:?}");
    }
    let line = ["hello there", "-m", "whatever", "--key", "k", "-o", "json"];
    let found: Value = serde_json::from_str(&estimate(&home, &line).out).unwrap();
    let item = &found["items"][0];
    assert_eq!(
        [
            &item["asked"],
            &item["provider"],
            &item["model"],
            &item["max_output"],
            &item["price_source"]
        ],
        [
            &json!("whatever"),
            &json!("mock"),
            &json!("mock"),
            &json!(10),
            &json!("record")
        ]
    );
    let none = estimate(&home, &["hello", "-m", "whatever", "--key", "other"]);
    assert!(
        none.err
            .contains("whatever: no route takes requests of key `other`"),
        "{none:?}"
    );
    let unknown = estimate(&home, &["hello", "-m", "whatever", "--key", "nobody"]);
    assert!(
        unknown.err.contains("there is no key `nobody`"),
        "{unknown:?}"
    );
}

#[test]
fn without_a_gateway_the_catalogue_has_to_do() {
    let home = Home::new();
    let ran = estimate(
        &home,
        &[
            "hello",
            "-m",
            "gpt-4o,claude-sonnet-4-5,nobodys",
            "-o",
            "json",
        ],
    );
    assert_eq!(
        (ran.code, &*ran.err),
        (
            Some(0),
            "no gateway answers: by the catalogue of this program\n"
        )
    );
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let providers: Vec<&Value> = (0..3)
        .map(|place| &found["items"][place]["provider"])
        .collect();
    assert_eq!(
        providers,
        [&json!("openai"), &json!("anthropic"), &Value::Null]
    );
    assert!(found["items"][0]["cost_input"].is_string() && found["items"][0]["cost"].is_string());
    let no_model = estimate(&home, &["hello"]);
    assert_eq!(
        (no_model.code, &*no_model.err),
        (
            Some(2),
            "error: no model was given, and the body names none\n  fix: name some: --model gpt-4o,claude-sonnet-4-5\n"
        )
    );
}
