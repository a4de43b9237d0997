//! Looking for a text in what was sent and answered, exports with bodies, and going on where one stopped.

use crate::harness::until;
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

/// Three requests, each with a word of its own; the second is of a key whose content is not kept.
fn asked(bench: &Bench) -> [String; 3] {
    let ids = [
        ("k", "one walrus"),
        ("bare", "two walrus"),
        ("k", "three \"walrus\"\n"),
    ]
    .map(|(key, text)| {
        let answer = bench.gateway.post(
            "/v1/chat/completions",
            bench.secret(key),
            &chat("gpt-4o-mini", text, false),
        );
        answer.header("x-gw-request-id").unwrap().to_owned()
    });
    until("all are in the log", || {
        (bench.rows().len() == 3).then_some(())
    });
    ids
}

fn bench(args: &[&str]) -> (Bench, [String; 3]) {
    let plan = plan()
        .key("bare", json!({"log_content": "metadata"}))
        .route(
            "all",
            json!({"users": ["u"], "targets": [{"provider": "m"}]}),
        )
        .args(args);
    let bench = plan.launch();
    let ids = asked(&bench);
    (bench, ids)
}

fn names(bench: &Bench, args: &[&str]) -> Vec<String> {
    let out = bench.gateway.ok(&[args, &["-o", "name"]].concat());
    out.lines().map(str::to_owned).collect()
}

fn finds(bench: &Bench, [one, bare, three]: &[String; 3]) {
    // Newest first, as they are found; of what is not kept nothing is found.
    assert_eq!(
        names(bench, &["logs", "--text", "walrus"]),
        [three.as_str(), one]
    );
    assert_eq!(
        names(bench, &["logs", "--text", "one walrus"]),
        [one.as_str()]
    );
    assert_eq!(
        names(bench, &["logs", "--text", "three \"walrus\"\n"]),
        [three.as_str()],
        "as JSON has it, too"
    );
    assert_eq!(
        names(bench, &["logs", "--text", bare]),
        [bare.as_str()],
        "in rows as before"
    );
    assert_eq!(
        names(bench, &["logs", "--text", "walrus", "--key", "bare"]),
        Vec::<String>::new()
    );
    assert_eq!(
        names(bench, &["logs", "export", "--text", "walrus"]),
        [one.as_str(), three]
    );
    let few = bench.gateway.cli(&["logs", "--text", "walrus", "-n", "1"]);
    assert!(few.stderr.contains("only the newest 1"), "{}", few.stderr);
    let none = bench.gateway.cli(&["logs", "--text", "narwhal"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""));
    assert!(none.stderr.contains("--text narwhal"), "{}", none.stderr);
}

#[test]
fn texts_are_found_in_bodies() {
    let (bench, ids) = bench(&["--in-memory"]);
    finds(&bench, &ids);
}

#[test]
fn texts_are_found_in_bodies_on_disk() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let (bench, ids) = bench(&["--data-dir", data.to_str().unwrap(), "--secrets", "memory"]);
    finds(&bench, &ids);
}

#[test]
fn an_export_has_bodies_and_goes_on_where_it_stopped() {
    let (bench, [one, bare, three]) = bench(&["--in-memory"]);
    let exported = |args: &[&str]| -> Vec<Value> {
        let out = bench.gateway.ok(&[&["logs", "export"], args].concat());
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let rows = exported(&["--content"]);
    let told: Vec<(&Value, &Value, bool)> = rows
        .iter()
        .map(|row| {
            (
                &row["id"],
                &row["content_state"],
                row["content"]["request"]["text"]
                    .as_str()
                    .is_some_and(|text| text.contains("walrus")),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (&json!(one), &json!("kept"), true),
            (&json!(bare), &json!("none"), false),
            (&json!(three), &json!("kept"), true)
        ]
    );
    assert!(exported(&[]).iter().all(|row| row.get("content").is_none()));
    let rest: Vec<Value> = exported(&["--after", &one])
        .iter()
        .map(|row| row["id"].clone())
        .collect();
    assert_eq!(rest, [json!(bare), json!(three)]);
}
