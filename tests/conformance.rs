//! Recorded provider traffic through gw, every caller's format to every upstream's: requests, replies, streams and
//! errors. A format's own cell is held against the recording byte for byte, the others by what the official client of the
//! caller's format returns and by what providers publish of their requests. tests/conformance/ drives and judges; here
//! is which cells there are, the table and the bar.
//!
//! A sample runs by default; `CONFORMANCE=full` takes all, and `CONFORMANCE_ONLY` names a format, or a cell as the table
//! does with ` <- ` in between, to look at alone. The recordings are no part of this crate: they are looked for in
//! `GW_RECORDINGS` (the folder that holds `exchanges.jsonl`, its tools beside it in `../tools`) and in
//! `../shared/recordings`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "conformance/costs.rs"]
mod costs;
mod harness;

use gw::formats::{FORMATS, StreamUsage};
use harness::{Gateway, clients};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Every upstream format, with a vendor that speaks it.
const UPSTREAMS: [(&str, &str); 8] = [
    ("openai-chat", "openai"),
    ("openai-responses", "openai"),
    ("anthropic-messages", "anthropic"),
    ("gemini", "gemini"),
    ("bedrock-converse", "bedrock"),
    ("openai-embeddings", "openai"),
    ("cohere-chat", "cohere"),
    ("cohere-embed", "cohere"),
];

/// How streams are cut on their way to gw, beside event by event.
const CHUNKS: [&str; 3] = ["event", "bytes:1", "rand"];

/// How many cases of a thousand in a cell between two formats have to be right.
const BAR: usize = 995;

fn recordings() -> Option<PathBuf> {
    let place = std::env::var_os("GW_RECORDINGS").map_or_else(
        || clients::root().join("../shared/recordings"),
        PathBuf::from,
    );
    if place.join("exchanges.jsonl").exists() && place.join("../tools/replay.py").exists() {
        return Some(place.canonicalize().unwrap());
    }
    harness::skip::absent(&format!(
        "no recordings at `{}`; GW_RECORDINGS says where they are",
        place.display()
    ));
    None
}

/// What became of one case, as tests/conformance/run.py writes it.
#[derive(Deserialize)]
struct Row {
    caller: String,
    upstream: String,
    what: String,
    chunk: String,
    id: String,
    provider: String,
    verdict: String,
    reason: String,
}

/// The providers of one gateway, a key and a route to each.
struct Ways<'a> {
    gateway: &'a Gateway,
    replay: String,
    made: BTreeMap<String, String>,
    ways: Vec<Value>,
}

impl Ways<'_> {
    /// The key whose route leads to this vendor's stand-in, which speaks this format alone.
    fn key(&mut self, upstream: &str, vendor: &str, unasked: bool, chunk: &str) -> String {
        let name = format!(
            "{upstream}-{}{}",
            chunk.replace(':', "-"),
            if unasked { "-unasked" } else { "" }
        );
        if let Some(key) = self.made.get(&name) {
            return key.clone();
        }
        let own = gw::vendors::vendor(vendor).unwrap().base_url;
        let own = url::Url::parse(&own.replace("{region}", "r")).unwrap();
        let base = format!("{}/bymodel/x,chunk={chunk}{}", self.replay, own.path());
        self.gateway
            .provider(&name, vendor, base.trim_end_matches('/'), "sk-upstream");
        let set = ["provider", "set", &name, "--formats", upstream];
        self.gateway.ok(&set);
        if unasked {
            let quirk = ["provider", "set", &name, "--quirk", "stream-usage=unasked"];
            self.gateway.ok(&quirk);
        }
        // A recorded error stays the same however often it is asked for.
        let key = self
            .gateway
            .key_with_route(&name, &["--to", &name, "--retries", "0"]);
        self.made.insert(name, key.clone());
        key
    }

    fn add(&mut self, caller: &str, upstream: &str, vendor: &str) {
        for chunk in CHUNKS {
            let mut way = |providers: &[&str]| {
                let key = self.key(upstream, vendor, !providers.is_empty(), chunk);
                self.ways.push(json!({
                    "caller": caller, "upstream": upstream, "chunk": chunk, "providers": providers, "key": key,
                }));
            };
            way(&[]);
            if upstream == "openai-chat" {
                way(&unasked());
            }
        }
    }
}

/// The vendors that send usage in streams unasked.
fn unasked() -> Vec<&'static str> {
    gw::vendors::VENDORS
        .iter()
        .filter(|vendor| vendor.quirks.stream_usage == StreamUsage::Unasked)
        .map(|vendor| vendor.id)
        .collect()
}

fn ways(gateway: &Gateway, replay: &str) -> Vec<Value> {
    let mut ways = Ways {
        gateway,
        replay: replay.to_owned(),
        made: BTreeMap::new(),
        ways: Vec::new(),
    };
    let only = std::env::var("CONFORMANCE_ONLY").ok();
    // A format that gw's table does not have yet has no cell.
    for (upstream, vendor) in UPSTREAMS {
        let Some(to) = gw::formats::named(upstream) else {
            continue;
        };
        for from in FORMATS {
            let cell = format!("{} <- {}", from.name, to.name);
            let wanted = only.as_ref().is_none_or(|only| cell.contains(only));
            // Callers of other forms of a format sent nothing that was recorded.
            let recorded = UPSTREAMS.iter().any(|(name, _)| *name == from.name);
            let there = from.name == to.name
                || (from.codec.is_some() && to.codec.is_some())
                || (from.embeds.is_some() && to.embeds.is_some());
            let there = there && recorded;
            if wanted && there {
                ways.add(from.name, upstream, vendor);
            }
        }
    }
    ways.ways
}

/// The verdicts in the order of the table.
const VERDICTS: [&str; 4] = ["equal", "adapted", "refused", "wrong"];

/// A line a cell and kind with its counts, then every case that is not equal, by its reason.
fn table(rows: &[Row]) -> String {
    let mut counts: BTreeMap<(&str, &str, String), [usize; 4]> = BTreeMap::new();
    let mut listed: BTreeMap<(&str, String), BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for row in rows {
        let kind = match row.chunk.as_str() {
            "event" => row.what.clone(),
            chunk => format!("{} {chunk}", row.what),
        };
        let verdict = VERDICTS.iter().position(|name| *name == row.verdict);
        let verdict = verdict.unwrap_or_else(|| panic!("no verdict `{}`", row.verdict));
        if row.verdict != "equal" {
            let cell = format!("{} <- {}, {kind}", row.caller, row.upstream);
            let reasons = listed.entry((&row.verdict, cell)).or_default();
            let cases = reasons.entry(&row.reason).or_default();
            cases.push(format!("{} ({})", row.id, row.provider));
        }
        let count = counts.entry((&row.caller, &row.upstream, kind));
        count.or_default()[verdict] += 1;
    }
    let mut table = format!(
        "{:<20}{:<20}{:<18}{:>7}{:>8}{:>9}{:>9}{:>7}\n",
        "caller", "upstream", "what", "cases", "equal", "adapted", "refused", "wrong"
    );
    for ((caller, upstream, kind), count) in counts {
        let cases: usize = count.iter().sum();
        let [equal, adapted, refused, wrong] = count;
        table.push_str(&format!("{caller:<20}{upstream:<20}{kind:<18}"));
        table.push_str(&format!(
            "{cases:>7}{equal:>8}{adapted:>9}{refused:>9}{wrong:>7}\n"
        ));
    }
    for ((verdict, cell), reasons) in listed {
        table.push_str(&format!("\n{verdict}: {cell}\n"));
        for (reason, ids) in reasons {
            let (count, ids) = (ids.len(), ids.join(" "));
            table.push_str(&format!("  {count} x {reason}\n      {ids}\n"));
        }
    }
    table
}

/// The cells that do not come up to the bar.
fn below(rows: &[Row]) -> Vec<String> {
    let mut counts: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for row in rows {
        let count = counts.entry((&row.caller, &row.upstream)).or_default();
        count.0 += 1;
        count.1 += usize::from(row.verdict == "wrong");
    }
    counts
        .into_iter()
        .filter(|((caller, upstream), (cases, wrong))| {
            let most = if caller == upstream { 1000 } else { BAR };
            (cases - wrong) * 1000 < cases * most
        })
        .map(|((caller, upstream), (cases, wrong))| {
            format!("{caller} <- {upstream}: {wrong} of {cases} wrong")
        })
        .collect()
}

fn run(environment: &Path, plan: &Value) {
    let mut command = clients::python(environment);
    command
        .arg(clients::root().join("tests/conformance/run.py"))
        .stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(plan.to_string().as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success(), "run.py failed");
}

#[test]
fn recordings_come_out_as_they_went_in() {
    let Some(place) = recordings() else { return };
    let Some(environment) = clients::environment() else {
        return;
    };
    let tools = place.join("../tools").canonicalize().unwrap();
    let mut command = clients::python(&environment);
    command
        .arg(clients::root().join("tests/conformance/upstream.py"))
        .arg(&tools)
        .arg(place.join("exchanges.jsonl"));
    let (_upstream, replay) = clients::Server::start(command, |line| {
        line.strip_prefix("upstream: ").map(str::to_owned)
    });

    let gateway = Gateway::start();
    let out = gateway.path("rows.jsonl");
    let full = std::env::var_os("CONFORMANCE").is_some_and(|value| value == "full");
    run(
        &environment,
        &json!({
            "tools": tools, "recordings": place, "gateway": gateway.url, "replay": replay,
            "ways": ways(&gateway, &replay), "full": full, "out": out,
        }),
    );
    let rows = std::fs::read_to_string(out).unwrap();
    let rows: Vec<Row> = rows
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let table = table(&rows);
    println!("{table}");
    let log = gateway.log();
    assert!(!log.contains("panicked"), "{log}");
    let below = below(&rows);
    assert!(!rows.is_empty() && below.is_empty(), "{}", below.join("\n"));
}

#[test]
fn what_is_otherwise_is_not_taken_for_equal() {
    let Some(environment) = clients::environment() else {
        return;
    };
    let mut command = clients::python(&environment);
    command.arg(clients::root().join("tests/conformance/judge_test.py"));
    assert_eq!(clients::run(command), "the judge judges\n");
}
