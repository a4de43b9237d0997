//! A real inference server as the upstream: llama.cpp over a tiny random model, in every format it speaks, for callers
//! of every format, whole, streamed and with a schema.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{Gateway, clients};
use std::collections::{BTreeMap, BTreeSet};

/// Callers' formats.
const CALLERS: &[&str] = &[
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini",
];

/// The formats that llama.cpp speaks.
const UPSTREAMS: &[&str] = &["openai-chat", "openai-responses", "anthropic-messages"];

#[test]
fn a_real_server_answers_the_same_through_gw() {
    let Some(environment) = clients::environment() else {
        return;
    };
    let programs = clients::root().join("tests/sdk/python");
    let mut command = clients::python(&environment);
    command
        .arg(programs.join("tiny_llama.py"))
        .arg(clients::free_port().to_string());
    let (_server, upstream) = clients::Server::start(command, |line| {
        line.strip_prefix("listening ").map(str::to_owned)
    });

    let gateway = Gateway::start();
    let base = format!("{}/v1", upstream.trim_end_matches('/'));
    let keys: BTreeMap<_, _> = UPSTREAMS
        .iter()
        .map(|format| {
            gateway.provider(format, "llama-cpp", &base, "none");
            gateway.ok(&["provider", "set", format, "--formats", format]);
            (*format, gateway.key_with_route(format, &["--to", format]))
        })
        .collect();
    let mut command = clients::python(&environment);
    command
        .arg(programs.join("llama.py"))
        .env("LLAMA_URL", upstream)
        .env("GW_URL", &gateway.url)
        .env("GW_CALLERS", CALLERS.join(" "))
        .env("GW_KEYS", serde_json::to_string(&keys).unwrap());
    let said = clients::run(command);

    let cells: BTreeSet<String> = CALLERS
        .iter()
        .flat_map(|caller| {
            let ways = |upstream| match upstream {
                "openai-chat" => &["whole", "streamed", "structured"][..],
                _ => &["whole", "streamed"],
            };
            let cells = UPSTREAMS.iter().flat_map(move |upstream| {
                let cell = move |way| format!("ok\t{caller}\t{upstream}\t{way}\t");
                ways(*upstream).iter().map(cell)
            });
            cells.collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        said.lines().map(str::to_owned).collect::<BTreeSet<_>>(),
        cells
    );
}
