//! How long from exec to the first answer: printed, not judged, as it depends on the machine and the build.

use super::harness::{http, until};
use super::rig::{Live, millis, on, serve};
use gw::store::journal::{Content, Journal, Row, Segments, Settings};
use serde_json::json;
use std::path::Path;
use std::time::Instant;

/// Milliseconds from exec to the first 200 of /healthz.
fn first_answer(place: &Path, data: &Path) -> f64 {
    // A port known beforehand: nothing but the answer itself is waited for.
    let address = format!("127.0.0.1:{}", super::harness::clients::free_port());
    let mut command = serve(place);
    command.args(["--listen", &address]).args(on(data));
    let begin = Instant::now();
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the first answer", || {
        let reached = std::net::TcpStream::connect(&address).is_ok();
        (reached && http::get(&format!("http://{address}/healthz")).status == 200).then_some(())
    });
    let took = millis(begin);
    super::harness::terminate(&mut child);
    took
}

/// Rows with content that does not compress, until they take so many bytes.
fn logs(dir: &Path, bytes: usize) {
    let log = Segments::open(dir, Settings::default()).unwrap();
    let mut noise = vec![0; 100 << 10];
    let mut seed = 88_172_645_463_325_252;
    noise.chunks_mut(8).for_each(|chunk| {
        chunk.copy_from_slice(&super::rig::random(&mut seed).to_le_bytes()[..chunk.len()])
    });
    let noise = bytes::Bytes::from(noise);
    for number in 0..(bytes / noise.len()) as u64 {
        let id = format!("req_{}", ulid::Ulid::new());
        // Another beginning each time, so that no two are alike.
        let request = bytes::Bytes::from(
            [&number.to_le_bytes(), &noise[(number as usize * 7) % 512..]].concat(),
        );
        log.push(
            Row {
                id,
                at: gw::resources::Stamp::now(),
                status: 200,
                ..Row::default()
            },
            Some(Content::new(request, Vec::new())),
        );
        until("the row is written", || {
            (log.health().written > number || number % 64 != 63).then_some(())
        });
    }
    log.close();
}

/// `GW_KEYS`, `GW_LOG_MB`: how much there is at the second start; small by default, as making it takes the time.
#[test]
fn exec_to_first_answer() {
    let number = |name: &str, default: usize| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (keys, megabytes) = (number("GW_KEYS", 500), number("GW_LOG_MB", 10));
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let empty = first_answer(place.path(), &data);
    let live = Live::start(place.path(), &data);
    live.admin.ok("POST", "/users", &json!({"name": "base"}));
    let begin = Instant::now();
    for batch in 0..keys.div_ceil(1000) {
        let names = (batch * 1000)..((batch + 1) * 1000).min(keys);
        let items: Vec<_> = names
            .map(|n| json!({"kind": "key", "name": format!("key-{n}"), "user": "base"}))
            .collect();
        live.admin.ok("POST", "/apply", &json!({"items": items}));
    }
    let made = millis(begin);
    assert_eq!(live.stop().code(), Some(0));
    logs(&data.join("logs"), megabytes << 20);
    let full = first_answer(place.path(), &data);
    let again = first_answer(place.path(), &data);
    eprintln!(
        "exec to first 200: {empty:.0} ms empty; {full:.0} ms, then {again:.0} ms with {keys} keys (made in {made:.0} ms) and {megabytes} MB of logs"
    );
}
