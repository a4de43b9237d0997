//! Recorded provider traffic through gw, every pair of the two chat formats, driven and judged by the recordings' own
//! programs: what the official client returns through gw is what it returns straight from the recording.
//!
//! The recordings are no part of this crate. They are looked for in `GW_RECORDINGS` (the folder that holds
//! `exchanges.jsonl`, its tools beside it in `../tools`) and in `../shared/recordings`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use harness::{Gateway, clients};
use std::path::PathBuf;

const CHAT: &str = "openai-chat";
const MESSAGES: &str = "anthropic-messages";

fn recordings() -> Option<PathBuf> {
    let place = std::env::var_os("GW_RECORDINGS").map_or_else(|| clients::root().join("../shared/recordings"), PathBuf::from);
    if place.join("exchanges.jsonl").exists() && place.join("../tools/replay.py").exists() {
        return Some(place);
    }
    clients::skip("recordings", &format!("there are no recordings at {}; GW_RECORDINGS says where they are", place.display()));
    None
}

/// The number behind `'name':` in a printed Python dictionary.
fn count(said: &str, name: &str) -> u64 {
    let rest = said.split(&format!("'{name}': ")).nth(1).unwrap_or("0");
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn recordings_come_out_as_they_went_in() {
    let Some(place) = recordings() else { return };
    let Some(environment) = clients::environment("recordings") else { return };
    let tools = place.join("../tools");
    let port = clients::free_port();
    let mut command = clients::python(&environment);
    command.arg(tools.join("replay.py")).args(["--port", &port.to_string()]).arg(place.join("exchanges.jsonl"));
    let (_replay, ()) = clients::Server::start(command, |line| line.starts_with("replay: ").then_some(()));
    let replay = format!("http://127.0.0.1:{port}");

    let gateway = Gateway::start();
    let upstreams = [(CHAT, "openai-compatible"), (MESSAGES, "anthropic-compatible")];
    let keys = upstreams.map(|(name, vendor)| {
        gateway.provider(name, vendor, &format!("{replay}/slot/{name}/v1"), "sk-upstream");
        // A recorded error stays the same however often it is asked for.
        gateway.key_with_route(name, &["--to", name, "--retries", "0"])
    });

    let mut table = String::from("caller              upstream            cases  equal\n");
    let mut wrong = String::new();
    for ((upstream, _), key) in upstreams.iter().zip(&keys) {
        for (caller, _) in upstreams {
            let mut command = clients::python(&environment);
            command.arg(tools.join("compare.py")).args(["--gateway", &format!("{}/v1", gateway.url), "--replay", &replay, "--model", "recorded"]);
            // The tool takes the key as an argument; it is good for this run's gateway alone.
            command.args(["--key", key, "--client-api", caller, "--api", upstream, "--slot", upstream, "-v", "--expected"]);
            let said = clients::run({
                command.arg(place.join("expected.jsonl"));
                command
            });
            let (cases, equal) = (count(&said, "cases"), count(&said, "all equal"));
            table.push_str(&format!("{caller:<20}{upstream:<20}{cases:>5}{equal:>7}\n"));
            let enough = if caller == *upstream { equal == cases } else { equal * 100 >= cases * 99 };
            if cases == 0 || !enough {
                wrong.push_str(&said);
            }
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{table}\n{wrong}");
}
