//! The official Python and JavaScript clients through gw: each caller's format on each upstream's, plain, streamed,
//! with tools, images, structured output, thinking, errors, and through the clients' own helpers. What they return is
//! compared with what they return straight from the mock.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use gw::mock::{Mock, Settings};
use harness::{Gateway, clients};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Upstream formats, each with a vendor that speaks it alone.
const UPSTREAMS: &[(&str, &str)] = &[
    ("openai-chat", "openai-compatible"),
    ("anthropic-messages", "anthropic-compatible"),
];

/// What every client does on every upstream.
const CASES: &[&str] = &[
    "plain",
    "stream",
    "tools",
    "tools streamed",
    "image",
    "structured output",
    "thinking",
    "thinking streamed",
    "thinking and tools",
    "cut off",
    "parse",
    "raw response",
    "error 400",
    "error 401",
    "error 429",
    "error 500",
    "error in a stream",
];

/// Cells that must run and may fail for now.
const NOT_YET: &[&str] = &["tool runner", "tool runner streamed", "token count"];

/// Runs a client's program and holds what it says against the cells there must be: `CASES` and the `helpers` of this
/// client, on every upstream.
fn drive(mut command: Command, program: &str, helpers: &[&str]) {
    let mock = Mock::start(Settings {
        remember: 0,
        ..Settings::default()
    })
    .unwrap();
    let gateway = Gateway::start();
    let keys: BTreeMap<_, _> = UPSTREAMS
        .iter()
        .map(|(format, vendor)| {
            gateway.provider(format, vendor, &format!("{}/v1", mock.url()), "sk-upstream");
            let model = format!("{format}/mock");
            gateway.ok(&["model", "create", &model, "--provider", format]);
            let key = gateway.key_with_route(format, &["--to", format, "--retries", "0"]);
            (*format, key)
        })
        .collect();
    command
        .arg(clients::root().join("tests/sdk").join(program))
        .env("GW_URL", &gateway.url)
        .env("MOCK_URL", mock.url())
        .env("GW_KEYS", serde_json::to_string(&keys).unwrap());
    let output = harness::wait::output(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);

    let mut missing: BTreeSet<(&str, &str)> = UPSTREAMS
        .iter()
        .flat_map(|(upstream, _)| {
            let cases = CASES.iter().chain(helpers);
            cases.map(move |case| (*upstream, *case))
        })
        .collect();
    let mut wrong = String::new();
    for line in said.lines() {
        let cell: Vec<&str> = line.splitn(4, '\t').collect();
        match cell[..] {
            ["ok", upstream, case, _] if missing.remove(&(upstream, case)) => {}
            ["FAIL", upstream, case, why] if missing.remove(&(upstream, case)) => {
                if program.contains("messages") && NOT_YET.contains(&case) {
                    continue;
                }
                wrong += &format!("{program} on {upstream}, {case}: {why}\n");
            }
            _ => wrong += &format!("{program} said what nobody expects: {line}\n"),
        }
    }
    for (upstream, case) in missing {
        wrong += &format!("{program} on {upstream}, {case}: did not run\n");
    }
    assert!(
        wrong.is_empty() && !said.is_empty(),
        "{wrong}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn with_python(program: &str, helpers: &[&str]) {
    if let Some(environment) = clients::environment() {
        drive(clients::python(&environment), program, helpers);
    }
}

fn with_node(program: &str, helpers: &[&str]) {
    let Some(environment) = clients::environment() else {
        return;
    };
    match clients::node(&environment) {
        Some(command) => drive(command, program, helpers),
        None => harness::skip::skip("there is no Node here"),
    }
}

const ANTHROPIC_HELPERS: &[&str] = &[
    "stream helper",
    "tool runner",
    "tool runner streamed",
    "token count",
    "models",
];

#[test]
fn openai_chat_for_python() {
    with_python(
        "python/chat.py",
        &[
            "stream helper",
            "stream without usage",
            "parse streamed",
            "models",
        ],
    );
}

#[test]
fn anthropic_for_python() {
    with_python(
        "python/messages.py",
        &[ANTHROPIC_HELPERS, &["parse streamed"]].concat(),
    );
}

#[test]
fn openai_chat_for_javascript() {
    with_node(
        "node/chat.mjs",
        &[
            "stream helper",
            "tool runner",
            "tool runner streamed",
            "models",
        ],
    );
}

#[test]
fn anthropic_for_javascript() {
    with_node("node/messages.mjs", ANTHROPIC_HELPERS);
}
