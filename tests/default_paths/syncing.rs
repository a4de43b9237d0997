//! Records that follow what a provider lists, and newer prices: shown first, kept across restarts, gone back from.

use crate::home::{Home, Ran};
use serde_json::{Value, json};
use std::io::{Read, Write};

fn json_of(ran: Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn records_follow_what_a_provider_lists() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed", "--mock"], |_| {});
    let made = home.run(&[
        "model",
        "create",
        "old",
        "--provider",
        "mock",
        "--upstream-id",
        "no-longer-listed",
    ]);
    assert_eq!(made.code, Some(0));
    let made = home.run(&[
        "model",
        "create",
        "alias",
        "--provider",
        "mock",
        "--upstream-id",
        "echo",
    ]);
    assert_eq!(made.code, Some(0));
    let looked = home.run(&["model", "sync", "--dry-run"]);
    assert_eq!(looked.code, Some(0));
    assert!(
        looked.out.contains("+ mock/mock   new\n") && looked.out.contains("- old   gone\n"),
        "{looked:?}"
    );
    assert!(
        !looked.out.contains("mock/echo"),
        "it has a record by another name: {looked:?}"
    );
    assert!(
        looked.err.ends_with("changes to make (dry run)\n"),
        "{looked:?}"
    );
    let names = || home.run(&["model", "list", "-o", "name"]).out;
    assert_eq!(names(), "model/alias\nmodel/old\n");
    // Nobody sits there to be asked.
    let asked = home.run(&["model", "sync", "mock"]);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    assert_eq!(names(), "model/alias\nmodel/old\n");
    let done = home.run(&["model", "sync", "mock", "--yes"]);
    assert_eq!((done.code, &done.out), (Some(0), &looked.out));
    assert!(names().contains("model/mock/mock\n"));
    let gone = home.run(&["model", "list", "--status", "gone", "-o", "name"]);
    assert_eq!(gone.out, "model/old\n");
    let again = home.run(&["model", "sync", "mock"]);
    assert_eq!(
        (again.code, &*again.out, &*again.err),
        (Some(0), "", "nothing to change\n")
    );
    // What is listed again is as if it had never gone.
    home.run(&["model", "set", "old", "--upstream-id", "echo"]);
    let back = home.run(&["model", "sync", "mock", "-y"]);
    assert_eq!(back.out, "+ old   listed again\n");
    assert_eq!(
        home.run(&["model", "list", "--status", "gone", "-o", "name"])
            .out,
        ""
    );
}

/// Prices of an invented model, and another price of a known one, in the shape that genai-prices publishes.
fn newer(home: &Home) -> String {
    let published = json!([{"id": "openai", "models": [
        {"id": "gpt-4o", "prices": {"input_mtok": 1.5, "output_mtok": 6}},
        {"id": "brand-new", "prices": {"input_mtok": 7, "output_mtok": 8}},
    ]}]);
    let path = home.path("project").join("newer.json");
    std::fs::write(&path, published.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn newer_prices_are_shown_first_kept_and_gone_back_from() {
    let home = Home::new();
    let serve = || home.serve_as(&["--secrets", "sealed"], |_| {});
    let serving = serve();
    let made = home.run(&[
        "provider",
        "create",
        "o",
        "--vendor",
        "openai",
        "--passthrough",
        "--verify=false",
    ]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let own = home.run(&[
        "model",
        "create",
        "mine",
        "--provider",
        "o",
        "--upstream-id",
        "gpt-4o",
        "--price-input",
        "9",
    ]);
    assert_eq!(own.code, Some(0), "{own:?}");
    let price = |name: &str, of: &str| {
        let path = format!("value=.status.{of}");
        home.run(&["model", "get", name, "-o", &path])
            .out
            .trim()
            .to_owned()
    };
    let before = json_of(home.run(&["status", "-o", "json"]));
    assert_eq!(before["prices"]["source"], "built-in");
    assert_eq!(price("mine", "price_output"), "10");
    let file = newer(&home);
    let looked = home.run(&["model", "sync", "--prices", &file, "--dry-run"]);
    let rows: Vec<String> = looked
        .out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        rows.first().map(String::as_str),
        Some("MODEL PRICE OLD$ NEW$"),
        "{looked:?}"
    );
    for row in [
        "openai/gpt-4o input 2.5 1.5",
        "openai/gpt-4o output 10 6",
        "openai/brand-new input - 7",
    ] {
        assert!(rows.iter().any(|line| line == row), "{row}: {rows:?}");
    }
    assert_eq!(price("mine", "price_output"), "10");
    let listed = || {
        home.run(&["model", "list", "--provider", "o", "-o", "name"])
            .out
    };
    assert!(listed().contains("o/gpt-4o-mini\n") && !listed().contains("brand-new"));
    let asked = home.run(&["model", "sync", "--prices", &file]);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    let done = home.run(&["model", "sync", "--prices", &file, "--yes"]);
    assert_eq!((done.code, &done.out), (Some(0), &looked.out));
    let in_force = || {
        // The user's own price holds, and what it does not say is the newer one.
        assert_eq!(
            [price("mine", "price_input"), price("mine", "price_output")],
            ["9", "6"]
        );
        let status = json_of(home.run(&["status", "-o", "json"]));
        assert_eq!(
            (&status["prices"]["source"], &status["prices"]["models"]),
            (&json!("genai-prices"), &json!(2))
        );
        let cost = [
            "request",
            "estimate",
            "hi",
            "-m",
            "o/brand-new",
            "--max-tokens",
            "1000000",
            "-o",
            "value=.items[0].cost",
        ];
        let cost = home.run(&cost).out;
        assert!(cost.starts_with("8.0000"), "{cost}");
        assert!(listed().contains("o/brand-new"));
    };
    in_force();
    drop(serving);
    let _serving = serve();
    in_force();
    let back = home.run(&["model", "sync", "--prices", "builtin", "--yes"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert_eq!(
        [price("mine", "price_input"), price("mine", "price_output")],
        ["9", "10"]
    );
    assert!(!listed().contains("brand-new"));
}

#[test]
fn what_is_no_price_list_is_refused_with_why() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |_| {});
    let file = |name: &str, content: &str| {
        let path = home.path("project").join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let refused = |place: &str, says: &str| {
        let ran = home.run(&["model", "sync", "--prices", place, "--yes"]);
        assert_eq!(ran.code, Some(2), "{place}: {ran:?}");
        assert!(ran.err.contains(says), "{place}: {ran:?}");
    };
    refused(&file("text", "prices"), "it is no JSON");
    refused(
        &file("other", "{\"a\": 1}"),
        "neither the prices of genai-prices nor those of LiteLLM",
    );
    refused("nowhere.json", "no prices can be had from `nowhere.json`");
    refused("http://example.com/prices.json", "only https is trusted");
    // This machine's own addresses may speak in the clear; what they answer is judged like any file.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/prices.json", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        for (status, content) in [("404 Not Found", ""), ("200 OK", "[]")] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.push(byte[0]);
            }
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{content}",
                content.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    refused(&url, "it answers with status 404");
    refused(
        &url,
        "neither the prices of genai-prices nor those of LiteLLM",
    );
    serving.join().unwrap();
}
