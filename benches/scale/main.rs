//! What a gateway with very much of everything costs: `cargo bench --bench scale`, or one part of it: `-- records`,
//! `-- connections`, `-- streams`, `-- soak`. Prints and judges nothing, but fails where an answer is wrong.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod caller;
mod connections;
mod place;
mod records;
#[path = "../logs/rig.rs"]
mod rig;
mod soak;
mod streams;

use std::time::Duration;

fn main() {
    let parts: [(&str, fn()); 4] = [
        ("records", records::measure),
        ("connections", connections::measure),
        ("streams", streams::measure),
        ("soak", soak::measure),
    ];
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    for (name, measure) in parts {
        if asked.is_empty() || asked.iter().any(|word| word == name) {
            println!("\n{name}");
            measure();
        }
    }
}

/// A number that is set by a variable.
fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |value| value.parse().unwrap())
}

fn line(what: &str, figure: impl std::fmt::Display) {
    println!("  {what:<58} {figure}");
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Of some times: the one that so many of a thousand are below.
fn quantile(times: &mut [Duration], thousandth: usize) -> Duration {
    times.sort_unstable();
    let at = times.len() * thousandth / 1000;
    times[at.min(times.len() - 1)]
}
