//! A real inference server as the upstream: llama.cpp over a tiny random model, in both formats, streamed and not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{Gateway, clients};

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
    let [openai, anthropic] = [
        ("openai", "openai-compatible"),
        ("anthropic", "anthropic-compatible"),
    ]
    .map(|(name, vendor)| {
        gateway.provider(name, vendor, &base, "none");
        gateway.key_with_route(name, &["--to", name])
    });
    let mut command = clients::python(&environment);
    command
        .arg(programs.join("llama.py"))
        .env("LLAMA_URL", upstream)
        .env("GW_URL", &gateway.url);
    let said = clients::run({
        command
            .env("GW_KEY_OPENAI", openai)
            .env("GW_KEY_ANTHROPIC", anthropic);
        command
    });
    assert_eq!(
        said.lines().filter(|line| line.starts_with("ok ")).count(),
        8,
        "{said}"
    );
}
