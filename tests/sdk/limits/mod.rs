//! What the official clients make of a refusal by a limit: their own error for it, tried again where waiting helps and when it
//! says, and not at all where it does not.

use crate::harness::{clients, http, until};
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const CLIENTS: [&str; 2] = ["openai", "anthropic"];

/// A call of a client in one language, not yet made.
fn call(environment: &Path, file: &str, args: [&str; 3]) -> Command {
    let program = clients::root().join("tests/sdk/limits").join(file);
    let mut command = match file.ends_with(".py") {
        true => clients::python(environment),
        false => clients::node(environment).unwrap_or_else(|| Command::new("node")),
    };
    command.arg(program).args(args);
    command
}

fn came_of(command: Command) -> Value {
    serde_json::from_str(clients::run(command).trim()).unwrap()
}

fn statuses(bench: &Bench, key: &str) -> Vec<u64> {
    let rows = bench.rows().into_iter().rev();
    rows.filter(|row| row["key"] == key)
        .filter_map(|row| row["status"].as_u64())
        .collect()
}

#[test]
fn a_refusal_is_the_clients_rate_limit_error_and_repeated_only_where_that_helps() {
    let Some(environment) = clients::environment() else {
        return;
    };
    let mut files = vec!["call.py"];
    if clients::node(&environment).is_some() {
        files.push("call.mjs");
    }
    for file in files {
        for client in CLIENTS {
            let bench = plan()
                .key("once", json!({"limits": ["requests=1/total"]}))
                .key("single", json!({"limits": ["parallel=1"]}))
                .route(
                    "r",
                    json!({"keys": ["once", "single"], "targets": [{"provider": "m"}]}),
                )
                .start();
            let ask = |key| {
                let args = [client, &bench.gateway.url, bench.secret(key)];
                call(&environment, file, args)
            };
            assert_eq!(came_of(ask("once")), "served", "{file} {client}");
            let refused = came_of(ask("once"));
            assert_eq!(
                (&refused["class"], &refused["status"]),
                (&json!("RateLimitError"), &json!(429)),
                "{file} {client}"
            );
            if client == "openai" {
                assert_eq!(refused["code"], "rate_limit_exceeded", "{file}");
            }
            until("the rows are written", || {
                (statuses(&bench, "once").len() == 2).then_some(())
            });
            assert_eq!(
                statuses(&bench, "once"),
                [200, 429],
                "{file} {client}: not repeated"
            );

            // It is told to come back, and does.
            let bearer = format!("Bearer {}", bench.secret("single"));
            let url = bench.url("/v1/chat/completions");
            let slow = chat("mock-slow-60000", "held", false).to_string();
            let held = http::send("POST", &url, &[("authorization", &bearer)], &slow);
            until("it runs", || {
                let shown = bench.gateway.ok(&[
                    "key",
                    "limits",
                    "single",
                    "-o",
                    "value=.limits[0].reserved",
                ]);
                (shown.trim() == "1").then_some(())
            });
            let waits = ask("single");
            let waiting = std::thread::spawn(move || came_of(waits));
            until("it is refused once", || {
                statuses(&bench, "single").contains(&429).then_some(())
            });
            drop(held);
            assert_eq!(waiting.join().unwrap(), "served", "{file} {client}");
        }
    }
}
