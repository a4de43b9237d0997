//! The administrator in the storm: keys come and go, routes and providers change, all through the command line.

use crate::dice::Dice;
use crate::place::{Key, PROVIDERS, Place};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Between two commands: they are processes, and shall leave the machine to the requests.
const PAUSE: Duration = Duration::from_millis(150);
/// Passing keys that work at a time.
const PASSING: usize = 3;
/// Keys that are gone and still tried.
const GONE: usize = 3;

/// Makes keys and revokes the oldest until it is over.
pub fn keys(place: &Place, over: &AtomicBool) {
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        let name = format!("passing-{number}");
        number += 1;
        let secret = place
            .gateway
            .ok(&["-q", "key", "create", &name, "--user", "tester"])
            .trim()
            .to_owned();
        place.keys.write().unwrap().push(Key {
            name,
            secret,
            lasting: false,
            revoked: None,
        });
        let working = |key: &Key| !key.lasting && key.revoked.is_none();
        let oldest = {
            let keys = place.keys.read().unwrap();
            let oldest = keys
                .iter()
                .find(|key| working(key))
                .map(|key| key.name.clone());
            oldest.filter(|_| keys.iter().filter(|key| working(key)).count() > PASSING)
        };
        if let Some(name) = oldest {
            // Revoked, turned off or deleted: gone is gone.
            match number % 3 {
                0 => place.gateway.ok(&["key", "revoke", &name, "--yes"]),
                1 => place.gateway.ok(&["key", "disable", &name]),
                _ => place.gateway.ok(&["key", "delete", &name, "--yes"]),
            };
            let now = Instant::now();
            let mut keys = place.keys.write().unwrap();
            keys.iter_mut()
                .filter(|key| key.name == name)
                .for_each(|key| key.revoked = Some(now));
            if keys.iter().filter(|key| key.revoked.is_some()).count() > GONE {
                let first = keys.iter().position(|key| key.revoked.is_some()).unwrap();
                keys.remove(first);
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Changes routes and providers, and changes them back, until it is over.
pub fn records(place: &Place, over: &AtomicBool) {
    let mut dice = Dice::of(&[place.seed, 3]);
    let mut round = 0;
    while !over.load(Ordering::Relaxed) {
        round += 1;
        let at = dice.below(place.routes.len() as u64) as usize;
        let (route, shape) = (format!("r{at}"), &place.routes[at]);
        let (provider, _) = PROVIDERS[dice.below(PROVIDERS.len() as u64) as usize];
        let upstream = &place.upstreams[PROVIDERS
            .iter()
            .position(|(name, _)| *name == provider)
            .unwrap()];
        match dice.below(6) {
            0 => {
                let other = if shape.strategy == "split" {
                    "fallback"
                } else {
                    "split"
                };
                place
                    .gateway
                    .ok(&["route", "set", &route, "--strategy", other]);
                place
                    .gateway
                    .ok(&["route", "set", &route, "--strategy", shape.strategy]);
            }
            1 => {
                let to: Vec<String> = shape
                    .targets()
                    .into_iter()
                    .rev()
                    .flat_map(|target| ["--to".to_owned(), target])
                    .collect();
                let to: Vec<&str> = to.iter().map(String::as_str).collect();
                place
                    .gateway
                    .ok(&[&["route", "set", &route], &to[..]].concat());
            }
            2 => {
                place.gateway.ok(&["route", "disable", &route]);
                place.gateway.ok(&["route", "enable", &route]);
            }
            3 => {
                place.gateway.ok(&["provider", "disable", provider]);
                place.gateway.ok(&["provider", "enable", provider]);
            }
            4 => {
                let url = upstream.url(&format!("v{round}"));
                place
                    .gateway
                    .ok(&["provider", "set", provider, "--base-url", &url]);
            }
            _ => {
                let name = format!("extra-{round}");
                place.gateway.ok(&[
                    "route",
                    "create",
                    &name,
                    "--path",
                    &format!("/{name}"),
                    "--to",
                    "o1",
                ]);
                place.gateway.ok(&["route", "delete", &name, "--yes"]);
            }
        }
        std::thread::sleep(PAUSE);
    }
}

/// Strategies that routes are set to.
const STRATEGIES: [&str; 8] = [
    "fallback",
    "split",
    "round-robin",
    "weighted-round-robin",
    "least-latency",
    "least-busy",
    "least-cost",
    "sticky",
];
/// Between two edits where they come in time with a clock.
pub const BEAT: Duration = Duration::from_millis(100);

/// An edit at every beat until it is over, none of which takes a target from a route for good: strategies, orders, weights,
/// tiers, rules, addresses, and routes that come and go. How many there were.
pub fn in_time(place: &Place, over: &AtomicBool) -> u64 {
    let mut dice = Dice::of(&[place.seed, 11]);
    let (mut edits, mut due, mut extra) = (0, Instant::now(), None::<String>);
    while !over.load(Ordering::Relaxed) {
        due += BEAT;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        edits += 1;
        let at = dice.below(place.routes.len() as u64) as usize;
        let (route, mut targets) = (format!("r{at}"), place.routes[at].targets());
        dice.shuffle(&mut targets);
        let mut args: Vec<String> = Vec::new();
        match dice.below(10) {
            0..7 => {
                let strategy = STRATEGIES[dice.below(STRATEGIES.len() as u64) as usize];
                args.extend(["route", "set", &route, "--strategy", strategy].map(str::to_owned));
                let second = dice.below(2 * targets.len() as u64) as usize;
                for (at, target) in targets.iter().enumerate() {
                    let flag = if at > 0 && at == second && strategy != "fallback" {
                        "--then"
                    } else {
                        "--to"
                    };
                    args.extend([flag.to_owned(), format!("{target}={}", 1 + dice.below(9))]);
                }
                // A rule over the same targets in another order.
                dice.shuffle(&mut targets);
                let rule = match dice.below(3) {
                    0 => format!("model.endsWith(\"7\") => {}", targets.join(", ")),
                    _ => String::new(),
                };
                args.extend(["--rule".to_owned(), rule]);
            }
            7 => {
                let at = dice.below(PROVIDERS.len() as u64) as usize;
                let url = place.upstreams[at].url(&format!("v{edits}"));
                args.extend(
                    ["provider", "set", PROVIDERS[at].0, "--base-url", &url].map(str::to_owned),
                );
            }
            8 => match extra.take() {
                Some(name) => args.extend(["route", "delete", &name, "--yes"].map(str::to_owned)),
                None => {
                    let (name, path) = (format!("extra-{edits}"), format!("/extra-{edits}"));
                    let words = [
                        "route",
                        "create",
                        &name,
                        "--path",
                        &path,
                        "--to",
                        &targets[0],
                    ];
                    args.extend(words.map(str::to_owned));
                    extra = Some(name);
                }
            },
            _ => args.extend(
                [
                    "route",
                    "set",
                    &route,
                    "--retries",
                    &(1 + dice.below(3)).to_string(),
                ]
                .map(str::to_owned),
            ),
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        place.gateway.ok(&args);
    }
    edits
}
