//! Kills a process that logs, with SIGKILL, and looks at what it left: at most the last second may be missing.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../benches/logs/rig.rs"]
mod rig;
#[path = "harness/wait.rs"]
mod wait;

use gw::resources::Stamp;
use gw::store::journal::{Content, Filter, Journal, Matcher, Order, Row, Segments, Settings};
use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DIR: &str = "GW_LOG_CRASH_DIR";

fn settings() -> Settings {
    let none = gw::store::journal::segments::Floor::default();
    Settings {
        segment_bytes: 256 << 10,
        purge_below: none,
        content_below: none,
        rows_below: none,
        max_bytes: Some(1 << 30),
        ..Settings::default()
    }
}

fn body(id: &str) -> Vec<u8> {
    id.repeat(20).into_bytes()
}

/// Not a test of its own: the process that is killed. Says on its output which row it has pushed, and when.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let log = Segments::open(dir, settings()).unwrap();
    let (started, mut output) = (Instant::now(), std::io::stdout().lock());
    loop {
        for _ in 0..20 {
            let row = Row {
                id: format!("req_{}", ulid::Ulid::new()),
                at: Stamp::now(),
                key: Some("k".into()),
                status: 200,
                ..Row::default()
            };
            let line = format!("pushed {} {}\n", started.elapsed().as_millis(), row.id);
            let content = Content::new(body(&row.id), Vec::new());
            log.push(row, Some(content));
            // The parent may be gone.
            if output.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
        if output.flush().is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs the child for a while and kills it; gives back what it says it pushed.
fn run_and_kill(dir: &std::path::Path, millis: u128) -> Vec<(u128, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pushed = Vec::new();
    let mut killed = false;
    for line in wait::Lines::of(child.stdout.take().unwrap()) {
        // The test harness writes before the first line, without ending its own.
        let Some((_, rest)) = line.split_once("pushed ") else {
            continue;
        };
        let Some((at, id)) = rest.split_once(' ').filter(|(_, id)| id.len() == 30) else {
            continue;
        };
        let at: u128 = at.parse().unwrap();
        pushed.push((at, id.to_owned()));
        if at >= millis && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself");
    pushed
}

#[test]
fn a_killed_process_loses_at_most_the_last_second() {
    let rounds: u64 = std::env::var("GW_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5);
    let dir = tempfile::tempdir().unwrap();
    let mut kept_before = 0;
    for round in 0..rounds {
        let pushed = run_and_kill(dir.path(), 1200 + u128::from(round * 137 % 700));
        let last = pushed.last().unwrap().0;
        let log = Segments::open(dir.path(), settings()).unwrap();
        let (mut ids, mut cursor) = (HashSet::new(), None::<String>);
        loop {
            let page = log
                .query(
                    &Filter::default(),
                    Order::NewestFirst,
                    1000,
                    cursor.as_deref(),
                )
                .unwrap();
            ids.extend(page.rows.into_iter().map(|row| row.id));
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        let (mut lost, rows) = (0, ids.len());
        for (number, (at, id)) in pushed.iter().enumerate() {
            if !ids.contains(id) {
                lost += 1;
                assert!(
                    last - at <= 1000,
                    "round {round}: a row pushed {} ms before the end is gone",
                    last - at
                );
            } else if number % 101 == 0 {
                let (row, content) = log.get(id).unwrap().unwrap();
                assert_eq!(
                    (&row.id, content.unwrap().request().to_vec()),
                    (id, body(id)),
                    "round {round}"
                );
            }
        }
        assert!(
            rows >= kept_before + pushed.len() - lost,
            "round {round}: older rows are gone"
        );
        kept_before = rows;
        println!(
            "round {round}: {} pushed, {lost} lost, {rows} in the log, {} damaged places skipped",
            pushed.len(),
            log.damaged()
        );
        log.close();
    }
}

/// The small form of what `cargo bench --bench logs` measures at a million rows: every question finds what reading all
/// rows finds, and nothing is dropped.
#[test]
fn every_question_finds_its_rows() {
    let (dir, count) = (tempfile::tempdir().unwrap(), 6_000);
    let log = Segments::open(dir.path(), rig::settings()).unwrap();
    assert_eq!(rig::write(&log, count).dropped, 0);
    log.close();
    drop(log);
    let log = Segments::open(dir.path(), rig::settings()).unwrap();
    let rows: Vec<Row> = (0..count)
        .rev()
        .map(|number| rig::row(number, count))
        .collect();
    for (name, words) in rig::questions() {
        let filter = rig::filter(&words);
        let matcher = Matcher::new(&filter);
        let fitting = rows.iter().filter(|row| matcher.matches(row));
        let wanted: Vec<String> = fitting.map(|row| row.id.clone()).collect();
        assert_eq!(rig::ask(&log, &filter, usize::MAX).ids, wanted, "{name}");
    }
    let words = rig::words();
    let text = format!("{} {}", words[17], words[1017]);
    let filter = rig::filter(&[("text", text.clone())]);
    let has = |number: &u64| {
        let content = rig::content(*number, &words);
        let bodies = [content.request().to_vec(), content.response().into_owned()];
        bodies
            .iter()
            .any(|body| String::from_utf8_lossy(body).contains(&text))
    };
    let wanted: Vec<String> = (0..count).rev().filter(has).map(rig::id).collect();
    assert_eq!(rig::ask(&log, &filter, usize::MAX).ids, wanted);
}
