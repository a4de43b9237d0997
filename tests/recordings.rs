//! Recorded provider traffic through gw, every pair of the two chat formats, driven and judged by the recordings' own
//! programs: what the official client returns through gw is what it returns straight from the recording.
//!
//! The recordings are no part of this crate. They are looked for in `GW_RECORDINGS` (the folder that holds
//! `exchanges.jsonl`, its tools beside it in `../tools`) and in `../shared/recordings`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;

use gw::formats::StreamUsage;
use harness::{Gateway, clients};
use std::path::{Path, PathBuf};

const CHAT: &str = "openai-chat";
const MESSAGES: &str = "anthropic-messages";

fn recordings() -> Option<PathBuf> {
    let place = std::env::var_os("GW_RECORDINGS").map_or_else(
        || clients::root().join("../shared/recordings"),
        PathBuf::from,
    );
    if place.join("exchanges.jsonl").exists() && place.join("../tools/replay.py").exists() {
        return Some(place);
    }
    harness::skip::absent(&format!(
        "no recordings at `{}`; GW_RECORDINGS says where they are",
        place.display()
    ));
    None
}

/// What became of one pair's cases.
#[derive(Default)]
struct Tally {
    cases: usize,
    equal: usize,
    /// Usage that the provider sent unasked and gw kept from a caller who had not asked: as it should be.
    hidden: usize,
    /// What gw tells otherwise on purpose: that the provider refused the gateway's own credential, and that what came with
    /// status 200 is an error.
    told: usize,
    /// Recordings that are no whole answer themselves: without an end, or with tool arguments that are not JSON.
    /// Formats differ in how they can show that.
    broken: usize,
    /// The rest, a line each.
    wrong: Vec<String>,
    /// Every case that is not equal: its id, what differs and which of the above it is.
    listed: Vec<String>,
}

/// Whether gw says on purpose something else than the provider.
fn told_otherwise(row: &serde_json::Value) -> bool {
    let got = &row["got"]["error"]["status"];
    let refused = [401, 402, 403]
        .iter()
        .any(|status| row["expected"]["error"]["status"] == *status);
    (refused && *got == 502) || (row["expected"]["n"] == 0 && !got.is_null())
}

/// Reads the rows that compare.py wrote, one for each case.
fn tally(rows: &str) -> Tally {
    let mut tally = Tally::default();
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let bad: Vec<&str> = row["bad"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|what| what.as_str())
            .collect();
        tally.cases += 1;
        let mut list = |why: &str| {
            tally.listed.push(format!(
                "  {} {}: {why}",
                row["id"].as_str().unwrap_or_default(),
                bad.join(", ")
            ))
        };
        if bad.is_empty() {
            tally.equal += 1;
        } else if row["got"]["usage"].is_null() && bad.iter().all(|what| what.starts_with("usage."))
        {
            list("usage sent unasked is hidden");
            tally.hidden += 1;
        } else if told_otherwise(&row) {
            list("told otherwise");
            tally.told += 1;
        } else if row["expected"]["finish"].is_null()
            || row["expected"]["tools"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|call| call[1].is_string())
        {
            list("the recording is no whole answer");
            tally.broken += 1;
        } else {
            list("differs");
            tally.wrong.push(format!(
                "{} {}\n    expected {}\n    got      {}",
                row["id"],
                bad.join(", "),
                row["expected"],
                row["got"]
            ));
        }
    }
    tally
}

/// Recordings that a provider of one kind stands for.
struct Group {
    name: String,
    api: &'static str,
    vendor: &'static str,
    quirk: &'static [&'static str],
    /// What their own clients made of them.
    expected: PathBuf,
}

/// The recordings by API, and of chat those apart whose vendor's row says that it sends usage in streams unasked.
fn groups(place: &Path, gateway: &Gateway) -> [Group; 3] {
    let unasked = |line: &&str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["api"] == CHAT
            && row["provider"]
                .as_str()
                .and_then(|vendor| gw::vendors::vendor(vendor).ok())
                .is_some_and(|vendor| vendor.quirks.stream_usage == StreamUsage::Unasked)
    };
    let all = std::fs::read_to_string(place.join("expected.jsonl")).unwrap();
    let (apart, rest): (Vec<&str>, Vec<&str>) = all.lines().partition(unasked);
    let file = |name: &str, lines: &[&str]| {
        let path = gateway.path(name);
        std::fs::write(&path, lines.join("\n")).unwrap();
        path
    };
    let (apart, rest) = (file("unasked.jsonl", &apart), file("rest.jsonl", &rest));
    let group = |name: &str, api, vendor, quirk, expected: &PathBuf| Group {
        name: name.to_owned(),
        api,
        vendor,
        quirk,
        expected: expected.clone(),
    };
    [
        group(CHAT, CHAT, "openai-compatible", &[], &rest),
        group(
            "openai-chat-unasked",
            CHAT,
            "openai-compatible",
            &["stream-usage=unasked"],
            &apart,
        ),
        group(MESSAGES, MESSAGES, "anthropic-compatible", &[], &rest),
    ]
}

#[test]
fn recordings_come_out_as_they_went_in() {
    let Some(place) = recordings() else { return };
    let Some(environment) = clients::environment() else {
        return;
    };
    let tools = place.join("../tools");
    let port = clients::free_port();
    let mut command = clients::python(&environment);
    command
        .arg(tools.join("replay.py"))
        .args(["--port", &port.to_string()])
        .arg(place.join("exchanges.jsonl"));
    let (_replay, ()) =
        clients::Server::start(command, |line| line.starts_with("replay: ").then_some(()));
    let replay = format!("http://127.0.0.1:{port}");

    let gateway = Gateway::start();
    let groups = groups(&place, &gateway);
    for group in &groups {
        let (name, vendor) = (&group.name, group.vendor);
        gateway.provider(
            name,
            vendor,
            &format!("{replay}/slot/{name}/v1"),
            "sk-upstream",
        );
        for quirk in group.quirk {
            gateway.ok(&["provider", "set", name, "--quirk", quirk]);
        }
    }

    let mut table = String::from(
        "caller              upstream            cases  equal  hidden usage  told otherwise  broken\n",
    );
    let mut wrong = String::new();
    for upstream in [CHAT, MESSAGES] {
        for caller in [CHAT, MESSAGES] {
            let mut rows = String::new();
            for group in groups.iter().filter(|group| group.api == upstream) {
                let name = &group.name;
                // A recorded error stays the same however often it is asked for.
                let key = gateway.key_with_route(
                    &format!("{caller}-{name}"),
                    &["--to", name, "--retries", "0"],
                );
                let out = gateway.path("rows.jsonl");
                let mut command = clients::python(&environment);
                command.arg(tools.join("compare.py")).args([
                    "--gateway",
                    &format!("{}/v1", gateway.url),
                    "--replay",
                    &replay,
                    "--model",
                    "recorded",
                ]);
                // The tool takes the key as an argument; it is good for this run's gateway alone.
                command
                    .args([
                        "--key",
                        &key,
                        "--client-api",
                        caller,
                        "--api",
                        upstream,
                        "--slot",
                        name,
                        "--out",
                    ])
                    .arg(&out);
                command.arg("--expected").arg(&group.expected);
                clients::run(command);
                rows.push_str(&std::fs::read_to_string(out).unwrap());
            }
            let tally = tally(&rows);
            table.push_str(&format!(
                "{caller:<20}{upstream:<20}{:>5}{:>7}{:>14}{:>16}{:>8}\n",
                tally.cases, tally.equal, tally.hidden, tally.told, tally.broken
            ));
            tally
                .listed
                .iter()
                .for_each(|line| table.push_str(&format!("{line}\n")));
            // Translated, 99 of 100; forwarded, all of them but for what is hidden or told otherwise on purpose.
            let right = tally.equal + tally.told;
            let enough = if caller == upstream {
                right + tally.hidden == tally.cases
            } else {
                right * 100 >= tally.cases * 99
            };
            if tally.cases == 0 || !enough {
                wrong.push_str(&format!(
                    "\n{caller} caller, {upstream} upstream:\n{}\n",
                    tally.wrong.join("\n")
                ));
            }
        }
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{table}{wrong}");
}
