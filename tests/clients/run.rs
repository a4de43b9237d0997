//! One client's program, from its start to what it says, held against what the simulator answers.

use crate::harness::{Gateway, clients, skip, wait};
use crate::outside::Outside;
use crate::roster::{Case, Client, Environment};
use gw::mock::{GREETING, Mock, Settings};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// An upstream: its name and its vendor's, the model that answers there, and the paths it is asked on.
struct Upstream {
    name: &'static str,
    model: &'static str,
    paths: &'static [&'static str],
}

/// As people have them: OpenAI's speaks both of its formats.
const UPSTREAMS: [Upstream; 2] = [
    Upstream {
        name: "openai",
        model: "gpt-4.1",
        paths: &["/v1/chat/completions", "/v1/responses"],
    },
    Upstream {
        name: "anthropic",
        model: "claude-sonnet-4-5",
        paths: &["/v1/messages"],
    },
];

/// As in `tests/sdk/frameworks/common.py`.
const PROMPT: &str = "Say hello, Grüße, 你好 and 👋.";
const TASK: &str = "Use the tools, one after the other.";

fn greeted() -> String {
    format!("{GREETING} You said: {PROMPT}")
}

fn reported() -> String {
    format!("{GREETING} 1 tool results: 12:00. You said: {TASK}")
}

impl Case {
    /// What comes of it wherever it is done.
    fn outcome(self) -> Value {
        match self {
            Case::Plain | Case::Stream => json!(greeted()),
            Case::Tools | Case::ToolsStreamed => {
                json!({"called": [["get_weather", "Athens"], ["get_time", "Athens"]], "text": reported()})
            }
            Case::Parts | Case::Structured => {
                json!({"name": "mock name", "size": 1, "tags": ["mock tags"]})
            }
        }
    }
}

/// What the model does: two tools, the second after the first one's result. DSPy reads texts by their marks, and answers
/// by a tool of its own.
fn simulator() -> Mock {
    let call =
        |name: &str, arguments: Value| json!({"calls": [{"name": name, "arguments": arguments}]});
    let city = json!({"city": "Athens"});
    let turns = [call("get_weather", city.clone()), call("get_time", city)];
    let mut submitted = turns.to_vec();
    submitted.push(call("submit", json!({"answer": reported()})));
    let marked = format!("[[ ## answer ## ]]\n{}\n\n[[ ## completed ## ]]", greeted());
    let script = json!({"conversations": [
        {"when": {"text": TASK, "tools": ["submit"]}, "turns": submitted},
        {"when": {"text": TASK}, "turns": turns},
        {"when": {"text": "[[ ## question ## ]]"}, "turns": [{"text": marked}]},
    ]});
    Mock::start(Settings {
        play: Some(serde_json::from_value(script).unwrap()),
        ..Settings::default()
    })
    .unwrap()
}

/// The client's program; nothing where it is not installed.
fn command(client: &Client) -> Option<Command> {
    let place = client.environment.place()?;
    let mut command = match client.environment {
        Environment::Node => clients::node(&clients::place())?,
        _ => clients::python_of(&place),
    };
    // Large packages take long to be compiled: what that makes is kept, beside them.
    command
        .env_remove("PYTHONDONTWRITEBYTECODE")
        .env(
            "PYTHONPYCACHEPREFIX",
            clients::place().join("frameworks/compiled"),
        )
        .arg(
            clients::root()
                .join("tests/sdk/frameworks")
                .join(client.program),
        );
    Some(command)
}

/// Runs it at every place, and holds each line against what there must be.
#[track_caller]
pub fn check(client: &Client) {
    let Some(mut command) = command(client) else {
        return skip::skip(&format!(
            "{} is not installed; run scripts/setup-tests.sh",
            client.name
        ));
    };
    let straight = simulator();
    let gateway = Gateway::start();
    let upstreams = UPSTREAMS.map(|upstream| (simulator(), upstream));
    let keys: BTreeMap<&str, String> = upstreams
        .iter()
        .map(|(mock, Upstream { name, model, .. })| {
            gateway.provider(name, name, &format!("{}/v1", mock.url()), "sk-upstream");
            let to = format!("{name}/{model}");
            let key = gateway.key_with_route(name, &["--to", &to, "--retries", "0"]);
            (*name, key)
        })
        .collect();
    let home = gateway.path("home");
    std::fs::create_dir(&home).unwrap();
    let outside = Outside::watch();
    outside.tell(&mut command);
    command
        .env("HOME", &home)
        .env("TMPDIR", &home)
        .env("GW_URL", &gateway.url)
        .env("MOCK_URL", straight.url())
        .env("GW_KEYS", serde_json::to_string(&keys).unwrap());
    let output = wait::output(&mut command);

    let mut wrong = compare(client, &String::from_utf8_lossy(&output.stdout));
    for (mock, upstream) in &upstreams {
        let asked: BTreeSet<String> = mock.requests().into_iter().map(|seen| seen.path).collect();
        let known = |path: &String| upstream.paths.contains(&path.split('?').next().unwrap());
        if asked.is_empty() || !asked.iter().all(known) {
            wrong.push(format!("{} was asked on {asked:?}", upstream.name));
        }
    }
    for asked in outside.asked() {
        wrong.push(format!("it asked the world: {asked}"));
    }
    assert!(
        wrong.is_empty(),
        "{} ({}):\n{}\n--- stderr\n{}",
        client.name,
        output.status,
        wrong.join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What is not as it must be in what a program says.
fn compare(client: &Client, said: &str) -> Vec<String> {
    let places = ["simulator".to_owned()]
        .into_iter()
        .chain(UPSTREAMS.map(|upstream| format!("gw {}", upstream.name)));
    let mut missing = BTreeMap::new();
    for place in places {
        for package in client.packages {
            for speaks in package.speaks {
                for case in client.cases {
                    let cell = [package.name, speaks, &place, case.name()].map(str::to_owned);
                    missing.insert(cell, case.outcome());
                }
            }
        }
    }
    let mut wrong = Vec::new();
    for line in said.lines() {
        let told: Value = serde_json::from_str(line).unwrap_or_default();
        let cell = ["package", "speaks", "place", "case"]
            .map(|name| told[name].as_str().unwrap_or_default().to_owned());
        match missing.remove(&cell) {
            Some(outcome) if told["outcome"] == outcome => {}
            Some(outcome) => wrong.push(format!("{line}\n  not {outcome}")),
            None => wrong.push(format!("it said what nobody expects: {line}")),
        }
    }
    wrong.extend(
        missing
            .keys()
            .map(|cell| format!("{} did not run", cell.join(", "))),
    );
    wrong
}
