//! The request log at a million rows (`GW_ROWS` for another number): `cargo bench --bench logs`. Writes them in a process
//! that is killed at the end, and asks what is left.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod p99;
mod rig;

use gw::resources::Stamp;
use gw::store::journal::{Ask, Filter, Journal, Order, Segments, Settings};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DIR: &str = "GW_LOGS_RIG_DIR";

fn main() {
    let count = std::env::var("GW_ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok());
    let count: u64 = count.unwrap_or(1_000_000);
    match std::env::var_os(DIR) {
        Some(dir) => child(Path::new(&dir), count),
        None if std::env::args().any(|word| word == "p99") => p99::measure(),
        None => measure(count),
    }
}

fn line(what: &str, figure: impl std::fmt::Display) {
    println!("{what:<44} {figure}");
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Writes, says so, and waits to be killed.
fn child(dir: &Path, count: u64) {
    let log = Segments::open(dir, rig::settings()).unwrap();
    let before = rig::peak_mib().unwrap_or(0);
    let written = rig::write(&log, count);
    let rate = count as f64 / written.seconds;
    line("rows/s written", format!("{rate:.0}"));
    line("rows and bodies dropped", written.dropped);
    let peak = rig::peak_mib().unwrap_or(0);
    line("memory, peak", format!("{peak} MiB ({before} before)"));
    println!("written");
    loop {
        std::thread::park();
    }
}

fn measure(count: u64) {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    // Once without a log: state, keys and secrets are there.
    let (mut gateway, _) = start(&data);
    gateway.kill().unwrap();
    gateway.wait().unwrap();
    let dir = data.join("logs");
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .env(DIR, &dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    for said in BufReader::new(writer.stdout.take().unwrap()).lines() {
        match said.unwrap().as_str() {
            "written" => break,
            said => println!("{said}"),
        }
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    let size = rig::size(&dir, "");
    let lines = rig::packed_lines(count);
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let content = rig::size(&dir, ".content");
    line(
        "disk",
        format!("{}, of it content {}", mib(size), mib(content)),
    );
    line("zstd -3 of the same lines", mib(lines));
    line(
        "disk / zstd -3",
        format!("{:.2}", size as f64 / lines as f64),
    );

    let (mut gateway, ready) = start(&data);
    line("gw serve, after kill -9: ready", ms(ready));
    let began = Instant::now();
    let said = gw(&data, &["logs", "-n", "1", "-o", "name"]);
    line(
        "gw logs -n 1 after that",
        format!("{} ({})", ms(began.elapsed()), said.trim()),
    );
    gateway.kill().unwrap();
    gateway.wait().unwrap();

    let began = Instant::now();
    let log = Segments::open(&dir, rig::settings()).unwrap();
    line("opened again", ms(began.elapsed()));
    let page = log
        .query(&Filter::default(), Order::NewestFirst, 20, None)
        .unwrap();
    line("first page", ms(began.elapsed()));
    let last = page.rows.first().map(|row| row.at.0);
    let lost = rig::row(count - 1, count).at.0 - last.unwrap_or_default();
    line("rows lost at the end", lost);
    log.close();
    drop(log);
    let log = Segments::open(&dir, rig::settings()).unwrap();
    println!(
        "\n{:<32} {:>12} {:>16} {:>8}",
        "QUESTION", "FIRST PAGE", "NEXT, SLOWEST", "ROWS"
    );
    for (name, words) in rig::questions() {
        let asked = rig::ask(&log, &rig::filter(&words), 50);
        println!(
            "{name:<32} {:>12} {:>16} {:>8}",
            ms(asked.first),
            ms(asked.slowest),
            asked.ids.len()
        );
    }
    println!();
    sums(&log, count);
    println!();
    text(&log);
    line(
        "memory, peak of reading",
        format!("{} MiB", rig::peak_mib().unwrap_or(0)),
    );
    log.close();
    drop(log);

    let half = Settings {
        max_bytes: Some(size / 2),
        ..rig::settings()
    };
    let began = Instant::now();
    let log = Segments::open(&dir, half).unwrap();
    line("half of it removed", ms(began.elapsed()));
    line(
        "disk after",
        format!("{:.2} of before", rig::size(&dir, "") as f64 / size as f64),
    );
    log.close();
}

/// Sums of everything, of a part that begins and ends anywhere, and of what only blocks know.
fn sums(log: &Segments, count: u64) {
    let (first, last) = (rig::row(0, count).at.0, rig::row(count - 1, count).at.0);
    let at = |part: i64| Some(Stamp(first + (last - first) / 1000 * part));
    println!("{:<32} {:>12} {:>8}", "SUMS", "TOOK", "LINES");
    for (name, by, since, until) in [
        ("by model, all", "model", None, None),
        ("by user and day, all", "user,day", None, None),
        ("by key, the last tenth", "key", at(901), None),
        ("by model, the middle half", "model", at(249), at(751)),
        ("by session, all", "session", None, None),
    ] {
        let mut ask = Ask::default();
        ask.take("by", by).unwrap();
        ask.points = 24;
        ask.filter.since = since;
        ask.filter.until = until;
        let began = Instant::now();
        let told = log.fold(&ask).unwrap();
        println!(
            "{name:<32} {:>12} {:>8}",
            ms(began.elapsed()),
            told.lines.len()
        );
    }
}

/// Looks for a text in a few bodies, page by page.
fn text(log: &Segments) {
    let filter = rig::filter(&[("text", rig::NEEDLE.to_owned())]);
    let began = Instant::now();
    let (mut first, mut found, mut slowest) = (None, 0, Duration::ZERO);
    let mut cursor = None::<String>;
    loop {
        let page_began = Instant::now();
        let page = log
            .query(&filter, Order::NewestFirst, 100, cursor.as_deref())
            .unwrap();
        slowest = slowest.max(page_began.elapsed());
        found += page.rows.len();
        if found > 0 && first.is_none() {
            first = Some(began.elapsed());
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    line(
        "text in bodies, all of it",
        format!("{} ({found} found)", ms(began.elapsed())),
    );
    line("text, first find", ms(first.unwrap_or_default()));
    line("text, slowest page", ms(slowest));
}

/// A gateway on this directory, and how long it took until it served.
fn start(data: &Path) -> (Child, Duration) {
    let began = Instant::now();
    let mut gateway = command(data)
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--print-ready",
            "--secrets",
            "memory",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(gateway.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(!said.is_empty(), "gw serve did not start");
    (gateway, began.elapsed())
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gw"));
    command
        .env_clear()
        .env("HOME", data)
        .env("GW_DATA_DIR", data)
        // The rows are of some time ago.
        .env("GW_LOGS__MAX_AGE", "36500d")
        .env("GW_LOGS__CONTENT_MAX_AGE", "36500d");
    command
}

fn gw(data: &Path, args: &[&str]) -> String {
    let output = command(data).args(args).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
