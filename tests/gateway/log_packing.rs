//! Killed while it compresses what was stored as it came, a gateway has lost nothing of it and leaves nothing over.

use crate::harness::{Gateway, until};
use crate::log_files::{log, segments, simulator, start};
use gw::resources::Stamp;
use gw::store::journal::{Content, Journal, Row, Segments, Settings};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Takes seconds to be compressed.
const COUNT: u64 = 120;

fn id(number: u64) -> String {
    format!("req_{}", ulid::Ulid::from_parts(number, 0))
}

/// Text that compresses, and that no other request has.
fn text(number: u64) -> String {
    let words = (0..20_000).map(|word| format!("{} ", (number * 31 + word) * 7919 % 10_007));
    format!("line {number}; {}", words.collect::<String>())
}

/// Writes what a gateway writes that has its hands full; how much of it waits to be compressed.
fn write(logs: &Path) -> u64 {
    let settings = Settings {
        busy: Some(Arc::new(AtomicBool::new(true))),
        queue_bytes: 1 << 30,
        max_bytes: Some(1 << 30),
        ..Settings::default()
    };
    let log = Segments::open(logs, settings).unwrap();
    for number in 0..COUNT {
        let row = Row {
            id: id(number),
            at: Stamp::now(),
            status: 200,
            ..Row::default()
        };
        let content = Content::new(text(number), vec![text(COUNT + number).into()]);
        log.push(row, Some(content));
    }
    let stored = log.stats().content.stored;
    log.close();
    stored
}

/// A file of content that is not whole yet.
fn half(data: &Path) -> Option<PathBuf> {
    let is_half = |path: &PathBuf| path.extension().is_some_and(|it| it == "new");
    segments(data).into_iter().find(is_half)
}

/// How much content waits to be compressed; nothing is said of none.
fn stored(gateway: &Gateway) -> u64 {
    let stats = gateway.cli(&["db", "stats", "-o", "json"]).json();
    stats["log"]["content"]["stored"].as_u64().unwrap_or(0)
}

#[track_caller]
fn check_all(gateway: &Gateway) {
    for number in 0..COUNT {
        let args = ["logs", "get", &id(number), "--bodies", "-o", "json"];
        let content = gateway.cli(&args).json()["content"].take();
        let wanted: Value = json!({
            "request": {"text": text(number)},
            "response": {"text": text(COUNT + number)},
            "truncated": false,
        });
        assert!(content == wanted, "{number}: {content}");
    }
    assert_eq!(log(gateway)["damaged_places"], 0);
}

#[test]
fn a_gateway_that_is_killed_while_it_packs_loses_no_content() {
    let (dir, mock) = (tempfile::tempdir().unwrap(), simulator());
    let data = dir.path().join("data");
    let (mut gateway, _) = start(&data, "[logs]\nmax_bytes = \"1GiB\"\n", &mock);
    assert_eq!(gateway.stop(), Some(0));
    assert!(write(&data.join("logs")) > 16 << 20);
    let config = data.with_extension("toml");
    let start = || {
        let data = ["--data-dir".as_ref(), data.as_os_str()];
        let config = ["--config".as_ref(), config.as_os_str()];
        Gateway::start_with(&[data, config].concat())
    };
    for _ in 0..2 {
        let mut gateway = start();
        let begun = until("it packs", || half(&data));
        gateway.kill();
        assert!(begun.exists(), "it had ended with it");
    }
    let gateway = start();
    check_all(&gateway);
    until("it is packed", || (stored(&gateway) == 0).then_some(()));
    check_all(&gateway);
    assert_eq!(half(&data), None);
}
