//! `GW_STREAMS` (1,000) streams at once, an event every `GW_PACE` (100) milliseconds each: whether each comes to its end, the
//! longest pause in any, and what they cost.

use super::caller::request;
use super::place::Place;
use super::{line, ms, number};
use gw::mock::{Mock, Script, Settings};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Events of text in each.
const EVENTS: usize = 50;

pub fn measure() {
    let (count, pace) = (number("GW_STREAMS", 1_000), number("GW_PACE", 100));
    let mock = Mock::start(Settings {
        script: Script {
            events: Some(EVENTS),
            pace: Some(Duration::from_millis(pace)),
            ..Script::default()
        },
        remember: 0,
        ..Settings::default()
    })
    .unwrap();
    let place = Place::new();
    let (seed, secret) = place.seed(&mock);
    let gateway = place.start(&[], &["-f", &seed]);
    line("memory after the start", gateway.memory());
    let asked = request(&gateway.address, &secret, "any", true);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (cpu, began) = (gateway.cpu(), Instant::now());
    let (pieces, longest) = runtime.block_on(async {
        let mut streams = tokio::task::JoinSet::new();
        for _ in 0..count {
            streams.spawn(stream(gateway.address.clone(), asked.clone()));
        }
        let mut all = (0, Duration::ZERO);
        while let Some(one) = streams.join_next().await {
            let (pieces, longest) = one.unwrap();
            all = (all.0 + pieces, all.1.max(longest));
        }
        all
    });
    let (took, cpu) = (began.elapsed(), gateway.cpu().saturating_sub(cpu));
    line(
        &format!("{count} streams of {EVENTS} events, whole, in"),
        ms(took),
    );
    line(
        "the longest pause in any, between events due 100 ms apart",
        ms(longest),
    );
    line(
        "pieces read, CPU a piece",
        format!(
            "{pieces}, {:.1} us",
            cpu.as_secs_f64() * 1e6 / pieces as f64
        ),
    );
    line(
        "memory, peak",
        format!("{:.1} MB", gateway.status("VmHWM:") as f64 * 1.024 / 1000.0),
    );
    line("memory after", gateway.memory());
    gateway.stop();
}

/// One stream to its end: the pieces it came in, and the longest pause between two.
async fn stream(address: String, asked: Vec<u8>) -> (u64, Duration) {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(&asked).await.unwrap();
    let (mut pieces, mut longest, mut last) = (0, Duration::ZERO, None::<Instant>);
    let (mut text, mut piece) = (Vec::new(), vec![0; 8 << 10]);
    while !text.ends_with(b"0\r\n\r\n") {
        let read = socket.read(&mut piece).await.unwrap();
        assert!(read > 0, "a stream broke off");
        let now = Instant::now();
        if let Some(last) = last.replace(now) {
            longest = longest.max(now - last);
        }
        pieces += 1;
        text.extend_from_slice(&piece[..read]);
    }
    let text = String::from_utf8_lossy(&text);
    assert!(
        text.starts_with("HTTP/1.1 200 OK") && text.contains("data: [DONE]"),
        "{text}"
    );
    (pieces, longest)
}
