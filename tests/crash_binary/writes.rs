//! Admin writes by several threads, each with names of its own, so that what must be there is known exactly: the
//! acknowledged state, and either side of the one change a thread was waiting for.

use super::harness::wait::Raise;
use super::rig::{Admin, random};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub type Name = (&'static str, String);

/// One thread's records: the value of their label `v`.
#[derive(Default)]
pub struct Ledger {
    pub thread: usize,
    pub state: BTreeMap<Name, u64>,
    /// Secrets of the keys this thread made.
    pub secrets: BTreeMap<String, String>,
    /// What was asked for and not answered: what each record would be.
    pending: Vec<(Name, Option<u64>)>,
    next: u64,
    seed: u64,
}

const KINDS: [(&str, &str); 4] = [
    ("user", "users"),
    ("key", "keys"),
    ("provider", "providers"),
    ("route", "routes"),
];

impl Ledger {
    pub fn new(thread: usize) -> Ledger {
        Ledger {
            thread,
            seed: 0x9e37_79b9_7f4a_7c15 ^ (thread as u64 + 1),
            ..Ledger::default()
        }
    }

    /// Writes until told to stop, or the gateway goes away.
    pub fn run(&mut self, admin: &Admin, stop: &AtomicBool, acknowledged: &AtomicUsize) {
        while !stop.load(Ordering::Relaxed) {
            if !self.step(admin) {
                return;
            }
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn spec(kind: &str, name: &str, value: u64) -> Value {
        let mut body = json!({"kind": kind, "name": name, "labels": {"v": value.to_string()}});
        match kind {
            "key" => body["user"] = "base".into(),
            "provider" => {
                body["vendor"] = "mock".into();
                body["base_url"] = "http://127.0.0.1:1/v1".into();
            }
            "route" => {
                body["keys"] = json!(["base"]);
                body["targets"] = json!([{"provider": "base"}]);
            }
            _ => {}
        }
        body
    }

    /// One change; whether it was acknowledged.
    fn step(&mut self, admin: &Admin) -> bool {
        self.next += 1;
        let (value, slot) = (self.next, random(&mut self.seed) % 12);
        if random(&mut self.seed).is_multiple_of(4) {
            return self.batch(admin, value, slot);
        }
        let (kind, plural) = KINDS[(random(&mut self.seed) % 4) as usize];
        let name = (kind, format!("t{}-{slot}", self.thread));
        let one = format!("/{plural}/{}", name.1);
        let (method, path, body, after) = match self.state.contains_key(&name) {
            false => (
                "POST",
                format!("/{plural}?verify=false"),
                Ledger::spec(kind, &name.1, value),
                Some(value),
            ),
            true if random(&mut self.seed).is_multiple_of(3) => ("DELETE", one, Value::Null, None),
            true => (
                "PATCH",
                one,
                json!({"labels": {"v": value.to_string()}}),
                Some(value),
            ),
        };
        // Only providers are tried out at creation.
        let path = if kind == "provider" {
            path
        } else {
            path.replace("?verify=false", "")
        };
        self.pending = vec![(name.clone(), after)];
        let Some((status, answer)) = admin.try_call(method, &path, &body) else {
            return false;
        };
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        if let Some(secret) = answer["secret"].as_str() {
            self.secrets.insert(name.1, secret.to_owned());
        }
        self.settle();
        true
    }

    /// Three records that must change together.
    fn batch(&mut self, admin: &Admin, value: u64, slot: u64) -> bool {
        let names: Vec<Name> = ["user", "provider", "route"]
            .map(|kind| (kind, format!("t{}-batch-{}", self.thread, slot % 4)))
            .to_vec();
        let items: Vec<Value> = names
            .iter()
            .map(|(kind, name)| Ledger::spec(kind, name, value))
            .collect();
        self.pending = names.into_iter().map(|name| (name, Some(value))).collect();
        let Some((status, answer)) = admin.try_call("POST", "/apply", &json!({"items": items}))
        else {
            return false;
        };
        assert_eq!(status, 200, "{answer}");
        self.settle();
        true
    }

    fn settle(&mut self) {
        for (name, after) in std::mem::take(&mut self.pending) {
            match after {
                Some(value) => self.state.insert(name, value),
                None => self.state.remove(&name),
            };
        }
    }

    /// Compares with what a gateway exports, and takes over what became of the unanswered change.
    pub fn check(&mut self, found: &BTreeMap<Name, u64>) -> &'static str {
        let mine = format!("t{}-", self.thread);
        let found: BTreeMap<Name, u64> = found
            .iter()
            .filter(|((_, name), _)| name.starts_with(&mine))
            .map(|(name, value)| (name.clone(), *value))
            .collect();
        if self.pending.is_empty() || found == self.state {
            assert_eq!(
                found, self.state,
                "thread {}: what was acknowledged and what was found differ",
                self.thread
            );
            self.pending.clear();
            return "not there";
        }
        // Whoever was made without an answer has a secret that nobody was told, also where there was one of that name before.
        for (name, _) in &self.pending {
            self.secrets.remove(&name.1);
        }
        let before = self.state.clone();
        let pending = self.pending.clone();
        self.settle();
        assert_eq!(
            found, self.state,
            "thread {}: neither as before {before:?} nor with the whole of {pending:?}",
            self.thread
        );
        "there"
    }
}

/// What a gateway has of all threads.
pub fn found(admin: &Admin) -> BTreeMap<Name, u64> {
    let export = admin.get("/export");
    let mut found = BTreeMap::new();
    for item in export["items"].as_array().unwrap() {
        let kind = KINDS
            .iter()
            .find(|(kind, _)| item["kind"] == *kind)
            .expect("a known kind")
            .0;
        if let Some(value) = item["labels"]["v"].as_str() {
            found.insert(
                (kind, item["name"].as_str().unwrap().to_owned()),
                value.parse().unwrap(),
            );
        }
    }
    found
}

/// Every ledger against the gateway; each thread's newest keys still sign in. How many unanswered changes were there.
pub fn check(admin: &Admin, ledgers: &mut [Ledger]) -> usize {
    let found = found(admin);
    let kept = ledgers
        .iter_mut()
        .map(|ledger| ledger.check(&found))
        .filter(|what| *what == "there")
        .count();
    for ledger in ledgers.iter() {
        for (name, secret) in ledger
            .secrets
            .iter()
            .filter(|(name, _)| ledger.state.contains_key(&("key", (*name).clone())))
            .take(2)
        {
            let owner = admin.ok("POST", "/identify", &json!({"secret": secret}));
            assert!(
                owner.to_string().contains(name.as_str()),
                "the secret of `{name}` is said to be of {owner}"
            );
        }
    }
    kept
}

/// Runs the ledgers on threads while `meanwhile` does what it does to the gateway; how many changes were acknowledged.
pub fn during(
    admin: &Admin,
    ledgers: &mut [Ledger],
    meanwhile: impl FnOnce(&AtomicUsize),
) -> usize {
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for ledger in ledgers.iter_mut() {
            let (stop, acknowledged) = (&stop, &acknowledged);
            scope.spawn(move || ledger.run(admin, stop, acknowledged));
        }
        let _stop = Raise(&stop);
        meanwhile(&acknowledged);
    });
    acknowledged.load(Ordering::Relaxed)
}
