//! `gw logs` as it is read: broken streams are errors everywhere, one order in every format, lines of 80 columns,
//! short ids that can be used, and a word where a limit left something out.

use crate::harness::{until, wait::Lines};
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};
use std::process::Stdio;

/// Ids of requests: answered, broken off after content had been sent, refused.
fn bench() -> (Bench, [String; 3]) {
    let bench = plan()
        .at("whole", &["m/gpt-4o-mini"])
        .at_with(
            "broken",
            &["m/mock-reset-after-2"],
            json!({"idle_timeout": "5s"}),
        )
        .at("refused", &["m/mock-500"])
        .start();
    let ids = ["whole", "broken", "refused"].map(|name| {
        let path = format!("/{name}/v1/chat/completions");
        let answer = bench.post(&path, &chat("any", name, true));
        let id = answer.header("x-gw-request-id").unwrap().to_owned();
        bench.row(&answer);
        id
    });
    (bench, ids)
}

fn names(bench: &Bench, args: &[&str]) -> Vec<String> {
    let out = bench.gateway.ok(&[args, &["-o", "name"]].concat());
    out.lines().map(str::to_owned).collect()
}

#[test]
fn a_broken_stream_is_an_error_in_every_filter_and_table() {
    let (bench, [whole, broken, refused]) = bench();
    let row = bench.row_where("the broken one", |row| row["id"] == *broken);
    assert_eq!(
        (&row["status"], &row["outcome"]),
        (&json!(200), &json!("failed_after_commit")),
        "{row}"
    );
    let attempt = &row["attempts"][0];
    assert_eq!(
        (&attempt["class"], &attempt["status"]),
        (&json!("upstream"), &json!(200)),
        "{row}"
    );
    assert!(
        attempt["reason"]
            .as_str()
            .is_some_and(|reason| reason.ends_with("; stopped: the answer had begun")),
        "{row}"
    );
    for command in [&["logs"][..], &["logs", "export"]] {
        let with = |status: &str| names(&bench, &[command, &["--status", status]].concat());
        assert_eq!(with("error"), [broken.as_str(), &refused], "{command:?}");
        assert_eq!(with("ok"), [whole.as_str()], "{command:?}");
        assert_eq!(with("5xx"), [refused.as_str()], "{command:?}");
        assert_eq!(with("ok,error").len(), 3, "{command:?}");
    }
    let table = bench.gateway.ok(&["logs"]);
    let line = |id: &str| {
        let short = &id["req_".len()..][..12];
        let line = table.lines().find(|line| line.contains(short));
        line.unwrap_or_else(|| panic!("no {short} in:\n{table}"))
            .to_owned()
    };
    assert!(line(&broken).contains("   broken   "), "{table}");
    assert!(line(&whole).contains("   200 "), "{table}");
    let full = bench.gateway.ok(&["logs", "get", &broken]);
    assert!(full.contains("failed_after_commit"), "{full}");
    let tried = full.lines().last().unwrap();
    assert!(
        tried.contains("upstream") && !tried.contains(" ok "),
        "{full}"
    );
}

/// The first rows that a follower prints after what was there.
fn followed(bench: &Bench, args: &[&str], lines: usize, send: impl Fn()) -> Vec<String> {
    let mut child = bench
        .gateway
        .command(&[&["logs", "-f", "-o", "name"], args].concat())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = Lines::of(child.stdout.take().unwrap());
    let mut rows: Vec<String> = Vec::new();
    // What was there first: once it is printed, the follower follows.
    rows.push(out.next().unwrap());
    send();
    while rows.len() < lines {
        rows.push(out.next().unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    rows
}

#[test]
fn followers_see_what_a_list_with_the_same_filter_sees() {
    let (bench, _) = bench();
    let send = || {
        for name in ["whole", "refused", "whole", "broken"] {
            bench.post(
                &format!("/{name}/v1/chat/completions"),
                &chat("any", name, true),
            );
        }
    };
    let rows = followed(&bench, &["-n", "1", "--status", "error"], 3, send);
    assert_eq!(
        rows,
        names(&bench, &["logs", "-n", "3", "--status", "error"])
    );
    let rows = followed(&bench, &["-n", "1", "--status", "ok"], 3, send);
    assert_eq!(rows, names(&bench, &["logs", "-n", "3", "--status", "ok"]));
}

#[test]
fn rows_have_one_order_in_every_format_newest_last() {
    let (bench, ids) = bench();
    let place = |text: &str, id: &str| {
        let short = &id["req_".len()..][..12];
        text.find(short)
            .unwrap_or_else(|| panic!("no {short} in:\n{text}"))
    };
    let formats = [
        "table",
        "wide",
        "json",
        "jsonl",
        "yaml",
        "toml",
        "csv",
        "name",
        "value=.id",
    ];
    for command in [
        &["logs"][..],
        &["logs", "export"],
        &["logs", "export", "-n", "3"],
    ] {
        for format in formats {
            let out = bench.gateway.ok(&[command, &["-o", format]].concat());
            let places: Vec<usize> = ids.iter().map(|id| place(&out, id)).collect();
            assert!(places.is_sorted(), "{command:?} -o {format}:\n{out}");
        }
    }
    let list = bench.gateway.cli(&["logs", "-o", "json"]).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    // Without a format an export is JSON lines.
    let lines = bench.gateway.ok(&["logs", "export"]);
    let exported: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(list["items"], Value::Array(exported));
    // A follower's backlog, too.
    let mut child = bench
        .gateway
        .command(&["logs", "-f", "-n", "3", "-o", "csv", "--no-headers"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = Lines::of(child.stdout.take().unwrap());
    let rows: Vec<String> = out.take(3).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        rows.iter()
            .zip(&ids)
            .all(|(row, id)| row.contains(id.as_str())),
        "{rows:?} {ids:?}"
    );
}

#[test]
fn a_limit_that_left_rows_out_is_said_on_stderr() {
    let (bench, ids) = bench();
    let said = "only the newest 2 are shown, there are more: ask for them with -n N\n";
    for command in [&["logs"][..], &["logs", "export"]] {
        let ran = bench
            .gateway
            .cli(&[command, &["-n", "2", "-o", "name"]].concat());
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            (format!("{}\n{}\n", ids[1], ids[2]).as_str(), said)
        );
        for enough in [&["-n", "3"][..], &[], &["-n", "2", "--status", "error"]] {
            let ran = bench
                .gateway
                .cli(&[command, enough, &["-o", "name"]].concat());
            assert_eq!(ran.stderr, "", "{}", ran.what);
        }
    }
    let ran = bench.gateway.cli(&["logs", "--key", "nobody"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), "", "no requests in the log match --key nobody\n")
    );
    // An empty variable does not mean everybody.
    let ran = bench.gateway.cli(&["logs", "--key", ""]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
}

#[test]
fn tables_fit_80_columns_in_local_time_with_ids_that_can_be_used() {
    let (bench, ids) = bench();
    let ran = bench
        .gateway
        .command(&["logs"])
        .env("TZ", "XYZ-3")
        .output()
        .unwrap();
    let table = String::from_utf8(ran.stdout).unwrap();
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split("   ").collect();
    assert_eq!(head[0].trim(), "TIME XYZ", "{table}");
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    let row = bench.row_where("the first one", |row| row["id"] == *ids[0]);
    let at = gw::resources::Stamp::parse(row["at"].as_str().unwrap()).unwrap();
    let local = gw::resources::Stamp(at.0 + 3 * 3_600_000).rfc3339();
    let first = lines.next().unwrap();
    let clock = first.split_whitespace().next().unwrap();
    // A test that runs over midnight sees the date.
    if clock.len() == 8 {
        assert_eq!(clock, &local[11..19], "{table}");
    }
    let short = first.split("   ").nth(1).unwrap().trim();
    assert_eq!(
        bench
            .gateway
            .cli(&["logs", "get", short, "-o", "json"])
            .json()["id"],
        json!(ids[0])
    );
    let ran = bench.gateway.cli(&["logs", "get", "req_01"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ids.iter().all(|id| ran.stderr.contains(id.as_str())),
        "{}",
        ran.stderr
    );
    until("an unknown one is not found", || {
        (bench.gateway.cli(&["logs", "get", "req_02"]).code == Some(3)).then_some(())
    });
}
