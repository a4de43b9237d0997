//! Where the storm takes place: the upstreams, the gateway with its records, the keys that are about.

use crate::harness::{Gateway, PATIENCE};
use crate::upstream::{Rule, Upstream};
use serde_json::{Value, json};
use std::sync::RwLock;
use std::time::{Duration, Instant};

/// Providers: name, vendor. Each has an upstream of its own.
pub const PROVIDERS: [(&str, &str); 4] = [
    ("o1", "openai-compatible"),
    ("o2", "openai-compatible"),
    ("a1", "anthropic-compatible"),
    ("a2", "anthropic-compatible"),
];
/// A route: below `/rN`, where N is its place in the list.
#[derive(Clone)]
pub struct Shape {
    /// Providers, in order, each with the same model.
    pub providers: Vec<&'static str>,
    pub model: String,
    pub strategy: &'static str,
    /// Further rounds.
    pub retries: u64,
}

/// The routes of a storm without seasons. Each shape is there several times, with models of its own, because targets rest and
/// are suspended.
pub fn many_shapes() -> Vec<Shape> {
    const SHAPES: [(&[&str], &str, u64); 6] = [
        (&["o1", "o2", "a1"], "fallback", 0),
        (&["a1", "o1"], "fallback", 1),
        (&["o2", "a2"], "split", 0),
        (&["a2", "a1", "o2", "o1"], "split", 1),
        (&["o1"], "fallback", 2),
        (&["a2"], "fallback", 0),
    ];
    const EACH: usize = 3;
    let shape = |at: usize| {
        let (providers, strategy, retries) = SHAPES[at % SHAPES.len()];
        Shape {
            providers: providers.to_vec(),
            model: format!("m{at}"),
            strategy,
            retries,
        }
    };
    (0..SHAPES.len() * EACH).map(shape).collect()
}

/// What providers' records say where upstreams may stall at any time: little patience.
pub fn hasty() -> Value {
    json!({"first_byte_timeout": "1500ms", "idle_timeout": "1500ms", "answer_timeout": "2500ms"})
}

/// Memory that may be left over.
pub const LEFT_OVER: u64 = 20 << 20;

/// A key that callers use, and may go on using when it is gone.
#[derive(Clone)]
pub struct Key {
    pub name: String,
    pub secret: String,
    /// Never revoked.
    pub lasting: bool,
    /// When its revocation was acknowledged.
    pub revoked: Option<Instant>,
}

pub struct Place {
    pub seed: u64,
    pub routes: Vec<Shape>,
    pub upstreams: Vec<Upstream>,
    pub gateway: Gateway,
    pub keys: RwLock<Vec<Key>>,
    _files: tempfile::TempDir,
}

impl Place {
    /// With these routes, and an upstream for each provider that goes by the rule for it; what else the providers' records say.
    pub fn new(
        seed: u64,
        routes: Vec<Shape>,
        provider: Value,
        rule: impl Fn(usize) -> Rule,
    ) -> Place {
        let upstreams: Vec<Upstream> = (0..PROVIDERS.len())
            .map(|at| Upstream::start(rule(at)))
            .collect();
        let mut items = vec![json!({"kind": "user", "name": "tester"})];
        let mut keys = Vec::new();
        for at in 0..4 {
            let secret = gw::store::token::mint().unwrap().expose().to_owned();
            let name = format!("lasting-{at}");
            items.push(json!({"kind": "key", "name": name, "user": "tester", "secret": secret}));
            keys.push(Key {
                name,
                secret,
                lasting: true,
                revoked: None,
            });
        }
        for ((name, vendor), upstream) in PROVIDERS.iter().zip(&upstreams) {
            let mut item = json!({"kind": "provider", "name": name, "vendor": vendor, "base_url": upstream.url("v1"),
                "credential": "managed", "credential_value": "sk-upstream-Zq8vW3nR5tY7uK2mB4xC"});
            let more = provider.as_object().unwrap().clone();
            item.as_object_mut().unwrap().extend(more);
            items.push(item);
        }
        items.extend(routes.iter().enumerate().map(route));
        let files = tempfile::tempdir().unwrap();
        let seeded = files.path().join("seed.json");
        std::fs::write(&seeded, json!({"items": items}).to_string()).unwrap();
        let data = files.path().join("data");
        let gateway = Gateway::start_with(&[
            "--data-dir",
            data.to_str().unwrap(),
            "-f",
            seeded.to_str().unwrap(),
        ]);
        Place {
            seed,
            routes,
            upstreams,
            gateway,
            keys: RwLock::new(keys),
            _files: files,
        }
    }

    pub fn host(&self) -> &str {
        self.gateway.url.strip_prefix("http://").unwrap()
    }

    /// Resident memory of the gateway.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.gateway.pid)).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            << 10
    }

    /// The memory once it is back to what it was, or what it is after a while.
    pub fn settled(&self, before: u64) -> u64 {
        let begin = Instant::now();
        loop {
            let now = self.memory();
            if now <= before + LEFT_OVER || begin.elapsed() > PATIENCE {
                return now;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Stops the gateway, which must end well.
    pub fn stop(mut self) {
        assert_eq!(self.gateway.stop(), Some(0), "{}", self.gateway.log());
    }
}

impl Shape {
    /// The `--to` of its targets, for edits.
    pub fn targets(&self) -> Vec<String> {
        let target = |provider: &&str| format!("{provider}/{}", self.model);
        self.providers.iter().map(target).collect()
    }
}

/// The record of route `rN`.
fn route((at, shape): (usize, &Shape)) -> Value {
    let target = |provider: &&str| json!({"provider": provider, "model": shape.model});
    let targets: Vec<Value> = shape.providers.iter().map(target).collect();
    json!({"kind": "route", "name": format!("r{at}"), "path": format!("/r{at}"), "strategy": shape.strategy, "retries": shape.retries,
        "total_timeout": "20s", "targets": targets})
}
