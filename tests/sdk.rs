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

/// Where requests lead: a provider that speaks one format.
#[derive(Clone, Copy)]
struct Upstream {
    name: &'static str,
    format: &'static str,
    vendor: &'static str,
    /// Behind the mock's address.
    base: &'static str,
    /// Further arguments of its provider.
    with: &'static [&'static str],
}

const fn upstream(format: &'static str, vendor: &'static str, base: &'static str) -> Upstream {
    Upstream {
        name: format,
        format,
        vendor,
        base,
        with: &[],
    }
}

/// One for each format.
const UPSTREAMS: &[Upstream] = &[
    upstream("openai-chat", "openai", "/v1"),
    upstream("openai-responses", "openai", "/v1"),
    upstream("anthropic-messages", "anthropic", "/v1"),
    upstream("gemini", "gemini", ""),
    upstream("cohere-chat", "openai-compatible", "/v2"),
    upstream("bedrock-converse", "openai-compatible", ""),
    upstream("anthropic-bedrock", "openai-compatible", ""),
    upstream(
        "anthropic-vertex",
        "openai-compatible",
        "/v1/projects/p/locations/global",
    ),
];

/// OpenAI's chats on Azure, by deployment.
const AZURE: Upstream = Upstream {
    name: "Azure",
    ..upstream("openai-chat", "azure", "")
};
/// Gemini on Vertex AI.
const VERTEX: Upstream = Upstream {
    name: "Vertex AI",
    with: &["--project", "p", "--region", "global"],
    ..upstream("gemini", "vertex", "")
};

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

/// A client's program.
struct Program {
    file: &'static str,
    /// Which of the clients it drives; empty: the only one.
    client: &'static str,
    /// Where it is to lead, beside `UPSTREAMS`.
    also: &'static [Upstream],
    /// Upstreams that answer to the last field what the mock answers the client straight.
    same: &'static [&'static str],
    /// What of `CASES` it cannot do.
    lacks: &'static [&'static str],
    /// What it does beside `CASES`.
    helpers: &'static [&'static str],
}

/// One that drives an official client of a format's maker.
const fn of(file: &'static str, same: &'static [&'static str]) -> Program {
    Program {
        file,
        client: "",
        also: &[],
        same,
        lacks: &[],
        helpers: &[],
    }
}

impl Upstream {
    /// A provider that leads there, and a key whose requests go to it; the key.
    fn key(&self, gateway: &Gateway, mock: &Mock) -> String {
        // Names of records have no spaces in them.
        let name = &self.name.replace(' ', "-").to_lowercase();
        let base = format!("{}{}", mock.url(), self.base);
        let args = [
            &[
                "provider",
                "create",
                name,
                "--vendor",
                self.vendor,
                "--base-url",
                &base,
            ][..],
            &[
                "--formats",
                self.format,
                "--credential-stdin",
                "--verify=false",
            ],
            self.with,
        ];
        gateway
            .cli_with_input(&args.concat(), "sk-upstream")
            .success();
        let model = format!("{name}/mock");
        gateway.ok(&["model", "create", &model, "--provider", name]);
        gateway.key_with_route(name, &["--to", name, "--retries", "0"])
    }
}

impl Program {
    /// Runs it and holds what it says against the cells there must be: every case on every upstream.
    fn drive(&self, mut command: Command) {
        let file = match self.client {
            "" => self.file.to_owned(),
            client => format!("{} ({client})", self.file),
        };
        let mock = Mock::start(Settings {
            remember: 0,
            ..Settings::default()
        })
        .unwrap();
        let gateway = Gateway::start();
        let upstreams = || UPSTREAMS.iter().chain(self.also);
        let keys: BTreeMap<_, _> = upstreams()
            .map(|upstream| (upstream.name, upstream.key(&gateway, &mock)))
            .collect();
        command
            .arg(clients::root().join("tests/sdk").join(self.file))
            .env("GW_CLIENT", self.client)
            .env("GW_SAME", serde_json::to_string(self.same).unwrap())
            .env("GW_URL", &gateway.url)
            .env("MOCK_URL", mock.url())
            .env("GW_KEYS", serde_json::to_string(&keys).unwrap());
        let output = harness::wait::output(&mut command);
        let said = String::from_utf8_lossy(&output.stdout);

        let mut missing = BTreeSet::new();
        let cases = || {
            let can = |case: &&&str| !self.lacks.contains(case);
            CASES.iter().filter(can).chain(self.helpers)
        };
        for upstream in upstreams().map(|upstream| upstream.name).chain([STRAIGHT]) {
            for case in cases() {
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
        helpers: &[
            "stream helper",
            "stream without usage",
            "parse streamed",
            "models",
        ],
        ..of("python/chat.py", &["openai-chat"])
    }
    .run();
}

#[test]
fn openai_chat_for_javascript() {
    Program {
        helpers: &[
            "stream helper",
            "tool runner",
            "tool runner streamed",
            "models",
        ],
        ..of("node/chat.mjs", &["openai-chat"])
    }
    .run();
}

#[test]
fn openai_responses_for_python() {
    Program {
        helpers: &[
            "stream helper",
            "parse streamed",
            "token count",
            "continued",
            "kept",
        ],
        ..of("python/responses.py", &["openai-responses"])
    }
    .run();
}

#[test]
fn openai_responses_for_javascript() {
    Program {
        helpers: &[
            "stream helper",
            "tool runner",
            "tool runner streamed",
            "token count",
            "continued",
            "kept",
        ],
        ..of("node/responses.mjs", &["openai-responses"])
    }
    .run();
}

#[test]
fn anthropic_for_python() {
    Program {
        helpers: &[
            "stream helper",
            "parse streamed",
            "tool runner",
            "tool runner streamed",
            "token count",
            "models",
        ],
        ..of(
            "python/messages.py",
            &["anthropic-messages", "anthropic-vertex"],
        )
    }
    .run();
}

#[test]
fn anthropic_for_javascript() {
    Program {
        helpers: &[
            "stream helper",
            "tool runner",
            "tool runner streamed",
            "token count",
            "models",
        ],
        ..of(
            "node/messages.mjs",
            &["anthropic-messages", "anthropic-vertex"],
        )
    }
    .run();
}

#[test]
fn google_for_python() {
    Program {
        helpers: &[
            "chat",
            "tool runner",
            "token count",
            "models",
            "the other version's path",
        ],
        ..of("python/gemini.py", &["gemini"])
    }
    .run();
}

#[test]
fn google_for_javascript() {
    Program {
        helpers: &[
            "chat",
            "tool runner",
            "token count",
            "models",
            "the other version's path",
        ],
        ..of("node/gemini.mjs", &["gemini"])
    }
    .run();
}

#[test]
fn openai_chat_for_azure() {
    let helpers = &[
        "stream helper",
        "stream without usage",
        "parse streamed",
        "models",
    ];
    for client in ["Azure", "Azure v1"] {
        Program {
            client,
            also: &[AZURE],
            helpers,
            ..of("python/chat.py", &["Azure"])
        }
        .run();
    }
}

#[test]
fn anthropic_for_clouds() {
    let helpers: &[&str] = &[
        "stream helper",
        "parse streamed",
        "token count",
        "tool runner",
        "tool runner streamed",
    ];
    for (client, same, helpers) in [
        ("Bedrock", &["anthropic-bedrock"][..], &helpers[..2]),
        (
            "Vertex AI",
            &["anthropic-vertex", "anthropic-messages"],
            &helpers[..3],
        ),
        (
            "Foundry",
            &["anthropic-vertex", "anthropic-messages"],
            helpers,
        ),
    ] {
        Program {
            client,
            helpers,
            ..of("python/messages.py", same)
        }
        .run();
    }
}

#[test]
fn google_for_vertex() {
    Program {
        client: "Vertex AI",
        also: &[VERTEX],
        helpers: &["chat", "tool runner", "token count"],
        ..of("python/gemini.py", &["gemini", "Vertex AI"])
    }
    .run();
}

#[test]
fn every_chat_format_is_an_upstream_here() {
    let spoken = gw::formats::FORMATS
        .iter()
        .filter(|format| format.codec.is_some())
        .map(|format| format.name);
    let here = UPSTREAMS.iter().map(|upstream| upstream.format);
    assert_eq!(
        spoken.collect::<BTreeSet<_>>(),
        here.collect::<BTreeSet<_>>()
    );
}
