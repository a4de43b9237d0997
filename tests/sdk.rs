//! The official Python and JavaScript clients through gw: each caller's format on each upstream's, plain, streamed,
//! with tools, images, structured output, thinking, errors, and through the clients' own helpers. What they return is
//! compared with what they return straight from the mock.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "sdk/amazon.rs"]
mod amazon;
#[path = "sdk/faults/mod.rs"]
mod faults;
mod harness;
#[allow(dead_code)]
#[path = "gateway/kit.rs"]
mod kit;
#[path = "sdk/limits/mod.rs"]
mod limits;

use gw::mock::{Mock, Settings};
use harness::{Gateway, clients};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Where requests lead: a provider that speaks one format.
#[derive(Clone, Copy)]
struct Upstream {
    name: &'static str,
    format: &'static str,
    vendor: &'static str,
    /// Where that finds it, behind the mock's address.
    base: &'static str,
}

const fn upstream(format: &'static str, vendor: &'static str, base: &'static str) -> Upstream {
    Upstream {
        name: format,
        format,
        vendor,
        base,
    }
}

/// Chats, and what is only forwarded.
const OPENAI: &str = "openai-chat,openai-embeddings,openai-completions,openai-images,openai-image-edits,openai-speech,\
    openai-transcriptions,openai-translations,openai-moderations,files,openai-batches";

/// One for each format.
const UPSTREAMS: &[Upstream] = &[
    Upstream {
        name: "openai-chat",
        ..upstream(OPENAI, "openai", "/v1")
    },
    upstream("openai-responses", "openai", "/v1"),
    upstream("anthropic-messages", "anthropic", "/v1"),
    upstream("gemini", "gemini", ""),
    Upstream {
        name: "cohere-chat",
        ..upstream("cohere-chat,cohere-embed,cohere-rerank", "cohere", "")
    },
    upstream("bedrock-converse", "openai-compatible", ""),
    upstream("anthropic-bedrock", "openai-compatible", ""),
    Upstream {
        name: "anthropic-vertex",
        ..upstream(
            "anthropic-vertex,anthropic-vertex-count-tokens",
            "openai-compatible",
            "/v1/projects/p/locations/global",
        )
    },
];

/// OpenAI's chats on Azure, by deployment.
const AZURE: Upstream = Upstream {
    name: "Azure",
    ..upstream("openai-chat", "azure", "")
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
    /// What it does on `same` alone.
    own: &'static [&'static str],
    /// It speaks to gw over TLS only.
    secure: bool,
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
        own: &[],
        secure: false,
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
        ];
        gateway
            .cli_with_input(&args.concat(), "sk-upstream")
            .success();
        let model = format!("{name}/mock");
        gateway.ok(&["model", "create", &model, "--provider", name]);
        gateway.key_with_route(name, &["--to", name, "--retries", "0"])
    }
}

/// A gateway that speaks TLS, and the certificate for its callers to trust.
fn secured(certificate: &Path) -> Gateway {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = certificate.with_extension("key");
    std::fs::write(certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    Gateway::start_with(&["--in-memory", "--tls-cert", certificate, "--tls-key", key])
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
        let place = tempfile::tempdir().unwrap();
        let certificate = place.path().join("certificate.pem");
        let gateway = match self.secure {
            true => secured(&certificate),
            false => Gateway::start(),
        };
        let upstreams = || UPSTREAMS.iter().chain(self.also);
        let keys: BTreeMap<_, _> = upstreams()
            .map(|upstream| (upstream.name, upstream.key(&gateway, &mock)))
            .collect();
        command
            .arg(clients::root().join("tests/sdk").join(self.file))
            .env("GW_CERTIFICATE", &certificate)
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
        for upstream in self.same.iter().copied().chain([STRAIGHT]) {
            missing.extend(self.own.iter().map(|case| (upstream, *case)));
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
    for client in ["Azure", "Azure v1", "Entra"] {
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
        helpers: &["chat", "tool runner", "token count"],
        ..of("python/gemini.py", &["gemini"])
    }
    .run();
}

#[test]
fn converse_for_python() {
    Program {
        lacks: &["parse"],
        helpers: &["signed requests"],
        secure: true,
        ..of("python/converse.py", &["bedrock-converse"])
    }
    .run();
}

#[test]
fn invoke_model_for_python() {
    Program {
        lacks: &["parse"],
        helpers: &["signed requests"],
        secure: true,
        ..of("python/invoke.py", &["anthropic-bedrock"])
    }
    .run();
}

#[test]
fn cohere_for_python() {
    Program {
        lacks: &["parse"],
        own: &["embed", "rerank"],
        ..of("python/cohere_.py", &["cohere-chat"])
    }
    .run();
}

#[test]
fn openai_beside_chats_for_python() {
    Program {
        lacks: CASES,
        own: &[
            "embeddings",
            "completion",
            "completion streamed",
            "moderation",
            "picture",
            "picture streamed",
            "picture changed",
            "speech",
            "speech streamed",
            "transcription",
            "transcription streamed",
            "transcription as text",
            "translation",
            "error 429 to a form",
            "files and batches",
        ],
        ..of("python/beside.py", &["openai-chat"])
    }
    .run();
}

#[test]
fn every_chat_format_is_an_upstream_here() {
    let spoken = gw::formats::FORMATS
        .iter()
        .filter(|format| format.codec.is_some())
        .map(|format| format.name);
    let here = UPSTREAMS.iter().map(|upstream| upstream.name);
    assert_eq!(
        spoken.collect::<BTreeSet<_>>(),
        here.collect::<BTreeSet<_>>()
    );
}
