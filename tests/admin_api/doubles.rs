//! A gateway's admin side over memory: stores that can be told to fail, and one request as a call.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use gw::admin::{self, Deps, Desk, Door};
use gw::error::{Error, Kind, Result};
use gw::resources::Record;
use gw::store::journal::{Journal, Memory};
use gw::store::records::{self, Actor, Change, Commit, Entry, Records, State};
use gw::store::{
    secret::Secret,
    token::Hasher,
    vault::{self, Vault},
};
use gw::upstream::Access;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Records in memory, on a disk that can be full.
#[derive(Default)]
pub struct Book {
    memory: records::Memory,
    pub full: AtomicBool,
    /// The next start finds that it had to be mended.
    pub mended: AtomicBool,
}

impl Records for Book {
    fn state(&self) -> Arc<State> {
        self.memory.state()
    }
    fn commit(&self, actor: &Actor, base: u64, changes: &[Change]) -> Result<Commit> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(Error::new(Kind::StorageFull, "the disk is full")),
            false => self.memory.commit(actor, base, changes),
        }
    }
    fn changes_since(&self, revision: u64) -> Result<Option<Vec<Entry>>> {
        self.memory.changes_since(revision)
    }
    fn watch(&self) -> tokio::sync::watch::Receiver<u64> {
        self.memory.watch()
    }
    fn history(&self, most: usize) -> Result<Vec<Entry>> {
        self.memory.history(most)
    }
    fn describe(&self) -> String {
        self.memory.describe()
    }
    fn health(&self) -> records::Health {
        self.memory.health()
    }
}

/// Secrets in memory, in a store that can be locked.
#[derive(Default)]
pub struct Safe {
    memory: vault::Memory,
    pub locked: AtomicBool,
}

impl Safe {
    /// Everything in it, by name.
    pub fn secrets(&self) -> BTreeMap<String, String> {
        let read = |name: String| {
            let secret = self.memory.get(&name).unwrap().unwrap();
            (name, secret.expose().to_owned())
        };
        self.memory.names().unwrap().into_iter().map(read).collect()
    }
    /// The managed credential of a provider; there is never more than one.
    pub fn holds(&self, provider: &str) -> Option<String> {
        let of = |name: &str| name.split('@').next() == Some(&format!("provider/{provider}"));
        let mut found = self.secrets().into_iter().filter(|(name, _)| of(name));
        let one = found.next().map(|(_, secret)| secret);
        assert_eq!(found.next(), None, "one entry a provider");
        one
    }
    pub fn clear(&self) {
        self.secrets()
            .keys()
            .for_each(|name| self.memory.delete(name).unwrap());
    }
}

impl Vault for Safe {
    fn get(&self, name: &str) -> Result<Option<Secret>> {
        match self.locked.load(Ordering::SeqCst) {
            true => Err(Error::new(Kind::Unavailable, "the keyring is locked")),
            false => self.memory.get(name),
        }
    }
    fn set(&self, name: &str, secret: &Secret) -> Result<()> {
        self.memory.set(name, secret)
    }
    fn delete(&self, name: &str) -> Result<()> {
        self.memory.delete(name)
    }
    fn names(&self) -> Result<Vec<String>> {
        self.memory.names()
    }
    fn describe(&self) -> String {
        "test vault".into()
    }
}

/// Waits until this holds; the runtime goes on meanwhile.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !holds() {
        assert!(
            begin.elapsed() < std::time::Duration::from_secs(30),
            "waited in vain until {what}"
        );
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// What was published last.
#[derive(Default)]
pub struct Seen {
    pub revision: u64,
    pub records: Vec<Record>,
    pub credentials: HashMap<String, Result<Access, String>>,
}

pub struct Gateway {
    pub book: Arc<Book>,
    pub safe: Arc<Safe>,
    pub log: Arc<dyn Journal>,
    pub seen: Arc<Mutex<Seen>>,
    pub desk: Arc<Desk>,
    pub router: Router,
}

/// Status, headers, JSON.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub json: Value,
}

pub async fn gateway() -> Gateway {
    over(Arc::default(), Arc::default()).await
}

/// A gateway over stores that are there already.
pub async fn over(book: Arc<Book>, safe: Arc<Safe>) -> Gateway {
    limited(book, safe, admin::Limits::default()).await
}

pub async fn limited(book: Arc<Book>, safe: Arc<Safe>, limits: admin::Limits) -> Gateway {
    logging(book, safe, limits, Arc::<Memory>::default()).await
}

/// A gateway with this request log.
pub async fn logging(
    book: Arc<Book>,
    safe: Arc<Safe>,
    limits: admin::Limits,
    log: Arc<dyn Journal>,
) -> Gateway {
    let seen = Arc::<Mutex<Seen>>::default();
    let publish = {
        let seen = seen.clone();
        move |now: admin::Published<'_>| {
            *seen.lock().unwrap() = Seen {
                revision: now.records.revision,
                records: now.records.iter().map(|it| (*it).clone()).collect(),
                credentials: now.credentials.clone(),
            };
        }
    };
    let explain = |query: Value| match query.get("panic") {
        Some(_) => panic!("asked for"),
        None => Ok(json!({"asked": query})),
    };
    let deps = Deps {
        last_used: Arc::new(|_| None),
        price: Arc::new(|_| None),
        route_state: Arc::new(|_| Vec::new()),
        prices: Arc::default(),
        keep_prices: Arc::new(|_| Ok(())),
        estimate: Arc::new(|_| Ok(json!({}))),
        model_uses: Arc::new(|_, _| Default::default()),
        records: book.clone(),
        vault: safe.clone(),
        mended: book.mended.load(Ordering::SeqCst),
        journal: log.clone(),
        counters: Arc::new(gw::store::counters::Memory::default()),
        upkeep: Arc::new(gw::store::upkeep::Upkeep {
            dir: None,
            records: book.clone(),
            journal: log.clone(),
            counters: Arc::new(gw::store::counters::Memory::default()),
        }),
        hasher: Hasher::ephemeral().unwrap(),
        limits,
        publish: Arc::new(publish),
        explain: Arc::new(explain),
        settled: Arc::new(|_| Box::pin(async {})),
        tried: Arc::new(|_, _| {}),
        live: Arc::new(|| Box::pin(async { Some(json!({"in_flight": 0})) })),
        notify_test: Arc::new(|| Box::pin(async { json!({"items": []}) })),
        metrics: Arc::new(|open| format!("open {open}\n")),
        status: Arc::new(
            || json!({"url": "http://127.0.0.1:4000/v1", "providers": {"healthy": {"health": "ok"}}}),
        ),
    };
    let desk = Desk::open(deps).await.unwrap();
    let router = admin::router(desk.clone(), Door::Peer);
    Gateway {
        book,
        safe,
        log,
        seen,
        desk,
        router,
    }
}

/// What a GET answers with, where that is not JSON.
pub async fn text(router: &Router, path: &str) -> String {
    let request = Request::builder()
        .uri(format!("/api/v1{path}"))
        .body(Body::empty());
    let service = TowerToHyperService::new(router.clone());
    let response = hyper::service::Service::call(&service, request.unwrap())
        .await
        .unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await;
    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
}

pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let service = TowerToHyperService::new(router.clone());
    let response = hyper::service::Service::call(&service, request)
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

impl Gateway {
    pub async fn with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(&self.router, request.body(body.into()).unwrap()).await
    }
    pub async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.with(method, &format!("/api/v1{path}"), &[], body)
            .await
    }
    /// The call must succeed; its JSON.
    pub async fn ok(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.call(method, path, body).await;
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {}",
            answer.status,
            answer.json
        );
        answer.json
    }
    /// The call must be refused so; the error.
    pub async fn refused(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let answer = self.call(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.json);
        assert!(
            answer.json["error"]["request_id"]
                .as_str()
                .is_some_and(|id| id.starts_with("adm_")),
            "{}",
            answer.json
        );
        answer.json["error"].clone()
    }
    pub fn names(&self, kind: &str) -> Vec<String> {
        self.desk
            .in_force()
            .of(kind)
            .map(|record| record.name.clone())
            .collect()
    }
}

/// A user `ann` with key `ci`, provider `up`, and route `main` from the key and the user to the provider.
pub async fn furnished() -> Gateway {
    let gateway = gateway().await;
    gateway
        .ok(
            "POST",
            "/users",
            json!({"name": "ann", "labels": {"team": "a"}}),
        )
        .await;
    gateway
        .ok("POST", "/keys", json!({"name": "ci", "user": "ann"}))
        .await;
    gateway
        .ok(
            "POST",
            "/providers",
            json!({"name": "up", "vendor": "openai", "credential_value": "sk-upstream"}),
        )
        .await;
    gateway.ok("POST", "/routes", json!({"name": "main", "keys": ["ci"], "users": ["ann"], "targets": [{"provider": "up"}]})).await;
    gateway
}
