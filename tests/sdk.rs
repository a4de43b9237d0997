//! The official Python and JavaScript clients through gw: each caller's format on each upstream's, plain, streamed,
//! with tools, images, structured output, thinking, errors, and through the clients' own helpers. What they return is
//! compared with what they return straight from the mock.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "sdk/amazon.rs"]
mod amazon;
mod harness;

use gw::mock::{Mock, Settings};
use harness::{Gateway, clients};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Upstream formats, each with a vendor that speaks it and where that finds it. Its provider speaks no other.
const UPSTREAMS: &[(&str, &str, &str)] = &[
    ("openai-chat", "openai", "/v1"),
    ("openai-responses", "openai", "/v1"),
    ("anthropic-messages", "anthropic", "/v1"),
    ("gemini", "gemini", ""),
];

/// Where the cells stand that hold the programs themselves against the mock.
const STRAIGHT: &str = "the mock itself";

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

/// A client's program, and what it does beside `CASES`.
struct Program {
    file: &'static str,
    helpers: &'static [&'static str],
}

impl Program {
    /// Runs it and holds what it says against the cells there must be: every case on every upstream.
    fn drive(&self, mut command: Command) {
        let file = self.file;
        let mock = Mock::start(Settings {
            remember: 0,
            ..Settings::default()
        })
        .unwrap();
        let gateway = Gateway::start();
        let keys: BTreeMap<_, _> = UPSTREAMS
            .iter()
            .map(|(format, vendor, base)| {
                gateway.provider(
                    format,
                    vendor,
                    &format!("{}{base}", mock.url()),
                    "sk-upstream",
                );
                gateway.ok(&["provider", "set", format, "--formats", format]);
                let model = format!("{format}/mock");
                gateway.ok(&["model", "create", &model, "--provider", format]);
                let key = gateway.key_with_route(format, &["--to", format, "--retries", "0"]);
                (*format, key)
            })
            .collect();
        command
            .arg(clients::root().join("tests/sdk").join(file))
            .env("GW_URL", &gateway.url)
            .env("MOCK_URL", mock.url())
            .env("GW_KEYS", serde_json::to_string(&keys).unwrap());
        let output = harness::wait::output(&mut command);
        let said = String::from_utf8_lossy(&output.stdout);

        let mut missing = BTreeSet::new();
        for upstream in UPSTREAMS
            .iter()
            .map(|(format, ..)| *format)
            .chain([STRAIGHT])
        {
            for case in CASES.iter().chain(self.helpers) {
                // The key that gw does not know is not the mock's business.
                if upstream != STRAIGHT || *case != "error 401" {
                    missing.insert((upstream, *case));
                }
            }
        }
        let mut wrong = String::new();
        for line in said.lines() {
            let cell: Vec<&str> = line.splitn(4, '\t').collect();
            match cell[..] {
                ["ok", upstream, case, _] if missing.remove(&(upstream, case)) => {}
                ["FAIL", upstream, case, why] if missing.remove(&(upstream, case)) => {
                    wrong += &format!("{file} on {upstream}, {case}: {why}\n");
                }
                _ => wrong += &format!("{file} said what nobody expects: {line}\n"),
            }
        }
        for (upstream, case) in missing {
            wrong += &format!("{file} on {upstream}, {case}: did not run\n");
        }
        assert!(
            wrong.is_empty(),
            "{wrong}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn run(&self) {
        let Some(environment) = clients::environment() else {
            return;
        };
        if self.file.ends_with(".py") {
            return self.drive(clients::python(&environment));
        }
        match clients::node(&environment) {
            Some(command) => self.drive(command),
            None => harness::skip::skip("there is no Node here"),
        }
    }
}

#[test]
fn openai_chat_for_python() {
    Program {
        file: "python/chat.py",
        helpers: &[
            "stream helper",
            "stream without usage",
            "parse streamed",
            "models",
        ],
    }
    .run();
}

#[test]
fn openai_chat_for_javascript() {
    Program {
        file: "node/chat.mjs",
        helpers: &[
            "stream helper",
            "tool runner",
            "tool runner streamed",
            "models",
        ],
    }
    .run();
}

#[test]
fn openai_responses_for_python() {
    Program {
        file: "python/responses.py",
        helpers: &[
            "stream helper",
            "parse streamed",
            "token count",
            "continued",
            "kept",
        ],
    }
    .run();
}

#[test]
fn openai_responses_for_javascript() {
    Program {
        file: "node/responses.mjs",
        helpers: &[
            "stream helper",
            "tool runner",
            "tool runner streamed",
            "token count",
            "continued",
            "kept",
        ],
    }
    .run();
}

#[test]
fn anthropic_for_python() {
    Program {
        file: "python/messages.py",
        helpers: &[
            "stream helper",
            "parse streamed",
            "tool runner",
            "tool runner streamed",
            "token count",
            "models",
        ],
    }
    .run();
}

#[test]
fn anthropic_for_javascript() {
    Program {
        file: "node/messages.mjs",
        helpers: &[
            "stream helper",
            "tool runner",
            "tool runner streamed",
            "token count",
            "models",
        ],
    }
    .run();
}

#[test]
fn google_for_python() {
    Program {
        file: "python/gemini.py",
        helpers: &[
            "chat",
            "tool runner",
            "token count",
            "models",
            "the other version's path",
        ],
    }
    .run();
}

#[test]
fn google_for_javascript() {
    Program {
        file: "node/gemini.mjs",
        helpers: &[
            "chat",
            "tool runner",
            "token count",
            "models",
            "the other version's path",
        ],
    }
    .run();
}

#[test]
fn every_chat_format_is_an_upstream_here() {
    let spoken = gw::formats::FORMATS
        .iter()
        .filter(|format| format.codec.is_some())
        .map(|format| format.name);
    let here = UPSTREAMS.iter().map(|(format, ..)| *format);
    assert_eq!(
        spoken.collect::<BTreeSet<_>>(),
        here.collect::<BTreeSet<_>>()
    );
}
