//! Names of models in the log: a caller chooses them, and they are to fill neither the page nor the table.

use crate::kit::{chat, plan};

#[test]
fn log_lists_show_at_most_128_characters_of_a_model_name() {
    let bench = plan().at("r", &["m"]).start();
    let name = "m".repeat(200);
    let answer = bench.post("/r/v1/chat/completions", &chat(&name, "x", false));
    let id = bench.row(&answer)["id"].as_str().unwrap().to_owned();
    let (shown, too_long) = ("m".repeat(127) + "…", "m".repeat(128));
    for command in [&["logs"][..], &["logs", "export"]] {
        for format in ["wide", "json", "jsonl", "yaml", "csv"] {
            let out = bench.gateway.ok(&[command, &["-o", format]].concat());
            assert!(out.contains(&shown), "{command:?} -o {format}:\n{out}");
            assert!(!out.contains(&too_long), "{command:?} -o {format}:\n{out}");
        }
    }
    let one = bench
        .gateway
        .cli(&["logs", "get", &id, "-o", "json"])
        .json();
    assert_eq!(one["requested_model"], name, "one request has it whole");
}

#[test]
fn no_model_name_is_kept_at_any_length() {
    let bench = plan().at("r", &["m"]).start();
    bench.post(
        "/r/v1/chat/completions",
        &chat(&"m".repeat(100_000), "x", false),
    );
    let row = bench.row_where("the request", |_| true);
    let id = row["id"].as_str().unwrap();
    let one = bench.gateway.ok(&["logs", "get", id, "-o", "json"]);
    assert!(!one.contains(&"m".repeat(257)), "{} bytes", one.len());
}
