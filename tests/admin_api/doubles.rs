//! A gateway's admin side over memory: stores that can be told to fail, and one request as a call.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use gw::admin::{self, Deps, Desk, Door};
use gw::error::{Error, Kind, Result};
use gw::resources::{Record, Stamp};
use gw::store::journal::{Journal, Memory};
use gw::store::records::{Actor, Change, Entry, Records};
use gw::store::{secret::Secret, token::Hasher, vault::Vault};
use gw::upstream::Access;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Records in memory, with the checks the contract asks for.
#[derive(Default)]
pub struct Book {
    pub records: Mutex<BTreeMap<(String, String), Record>>,
    pub entries: Mutex<Vec<Entry>>,
    pub full: AtomicBool,
}

impl Records for Book {
    fn load(&self) -> Result<(u64, Vec<Record>)> {
        Ok((
            self.entries.lock().unwrap().len() as u64,
            self.records.lock().unwrap().values().cloned().collect(),
        ))
    }
    fn commit(&self, actor: &Actor, changes: &[Change]) -> Result<u64> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::StorageFull, "the disk is full"));
        }
        let mut records = self.records.lock().unwrap();
        for change in changes {
            let (expected, at) = match change {
                Change::Put { expected, record } => {
                    (*expected, (record.kind.clone(), record.name.clone()))
                }
                Change::Delete {
                    expected,
                    kind,
                    name,
                } => (*expected, (kind.clone(), name.clone())),
            };
            assert_eq!(
                records.get(&at).map_or(0, |record| record.version),
                expected,
                "the desk knows the version of {at:?}"
            );
        }
        for change in changes.iter().cloned() {
            match change {
                Change::Put { record, .. } => {
                    records.insert((record.kind.clone(), record.name.clone()), record)
                }
                Change::Delete { kind, name, .. } => records.remove(&(kind, name)),
            };
        }
        let mut entries = self.entries.lock().unwrap();
        let revision = entries.len() as u64 + 1;
        entries.push(Entry {
            revision,
            at: Stamp::now(),
            actor: actor.clone(),
            changes: changes.to_vec(),
        });
        Ok(revision)
    }
    fn history(&self, most: usize) -> Result<Vec<Entry>> {
        Ok(self
            .entries
            .lock()
            .unwrap()
            .iter()
            .rev()
            .take(most)
            .cloned()
            .collect())
    }
    fn describe(&self) -> String {
        "memory".into()
    }
}

#[derive(Default)]
pub struct Safe {
    pub secrets: Mutex<HashMap<String, Secret>>,
    pub locked: AtomicBool,
}

impl Safe {
    pub fn holds(&self, name: &str) -> Option<String> {
        self.secrets
            .lock()
            .unwrap()
            .get(name)
            .map(|secret| secret.expose().to_owned())
    }
}

impl Vault for Safe {
    fn get(&self, name: &str) -> Result<Option<Secret>> {
        match self.locked.load(Ordering::SeqCst) {
            true => Err(Error::new(Kind::Unavailable, "the keyring is locked")),
            false => Ok(self.secrets.lock().unwrap().get(name).cloned()),
        }
    }
    fn set(&self, name: &str, secret: &Secret) -> Result<()> {
        self.secrets
            .lock()
            .unwrap()
            .insert(name.into(), secret.clone());
        Ok(())
    }
    fn delete(&self, name: &str) -> Result<()> {
        self.secrets.lock().unwrap().remove(name);
        Ok(())
    }
    fn describe(&self) -> String {
        "test vault".into()
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
                revision: now.revision,
                records: now.records.to_vec(),
                credentials: now.credentials.clone(),
            };
        }
    };
    let explain = |query: Value| match query.get("panic") {
        Some(_) => panic!("asked for"),
        None => Ok(json!({"asked": query})),
    };
    let deps = Deps {
        records: book.clone(),
        vault: safe.clone(),
        journal: log.clone(),
        hasher: Hasher::ephemeral().unwrap(),
        limits,
        publish: Arc::new(publish),
        explain: Arc::new(explain),
        tried: Arc::new(|_, _| {}),
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
            .state()
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
