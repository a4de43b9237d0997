//! The official Python and JavaScript clients through gw: {chat, messages} x {OpenAI, Anthropic upstream} x plain,
//! streamed, tools, image, structured output and errors. What they return is compared with what they return straight
//! from the mock.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use gw::mock::{Mock, Settings};
use harness::{Gateway, clients};
use std::process::Command;

/// A gateway with one key for each upstream format; the mock is both upstreams, with a credential for each.
fn provision() -> (Gateway, Mock, [String; 2]) {
    let mock = Mock::start(Settings {
        remember: 0,
        ..Settings::default()
    })
    .unwrap();
    let gateway = Gateway::start();
    let keys = [
        ("openai", "openai-compatible"),
        ("anthropic", "anthropic-compatible"),
    ]
    .map(|(name, vendor)| {
        gateway.provider(name, vendor, &format!("{}/v1", mock.url()), "sk-upstream");
        gateway.key_with_route(name, &["--to", name, "--retries", "0"])
    });
    (gateway, mock, keys)
}

fn drive(mut command: Command, program: &str) {
    let (gateway, mock, [openai, anthropic]) = provision();
    command
        .arg(clients::root().join("tests/sdk").join(program))
        .env("GW_URL", &gateway.url)
        .env("MOCK_URL", mock.url());
    let said = clients::run({
        command
            .env("GW_KEY_OPENAI", openai)
            .env("GW_KEY_ANTHROPIC", anthropic);
        command
    });
    assert!(
        said.lines().filter(|line| line.starts_with("ok ")).count() >= 20,
        "{program} ran too few cases:\n{said}"
    );
}

fn with_python(program: &str) {
    if let Some(environment) = clients::environment() {
        drive(clients::python(&environment), program);
    }
}

fn with_node(program: &str) {
    let Some(environment) = clients::environment() else {
        return;
    };
    match clients::node(&environment) {
        Some(command) => drive(command, program),
        None => harness::skip::skip("there is no Node here"),
    }
}

#[test]
fn openai_for_python() {
    with_python("python/chat.py");
}

#[test]
fn anthropic_for_python() {
    with_python("python/messages.py");
}

#[test]
fn openai_for_javascript() {
    with_node("node/chat.mjs");
}

#[test]
fn anthropic_for_javascript() {
    with_node("node/messages.mjs");
}
