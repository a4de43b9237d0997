//! The administrator in the storm: keys come and go, routes and providers change, all through the command line.

use crate::dice::Dice;
use crate::place::{Key, PROVIDERS, Place, ROUTES, strategy, targets};
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
        let at = dice.below(ROUTES as u64) as usize;
        let route = format!("r{at}");
        let (provider, _) = PROVIDERS[dice.below(PROVIDERS.len() as u64) as usize];
        let upstream = &place.upstreams[PROVIDERS
            .iter()
            .position(|(name, _)| *name == provider)
            .unwrap()];
        match dice.below(6) {
            0 => {
                let other = if strategy(at) == "split" {
                    "fallback"
                } else {
                    "split"
                };
                place
                    .gateway
                    .ok(&["route", "set", &route, "--strategy", other]);
                place
                    .gateway
                    .ok(&["route", "set", &route, "--strategy", strategy(at)]);
            }
            1 => {
                let to: Vec<String> = targets(at)
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
