//! What the mock saw: the last requests with credentials masked, and how each of them ended.

use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still being answered.
    Running,
    /// Answered to the last byte.
    Answered,
    /// The caller went away first.
    ClientClosed,
    /// The mock broke it off, as its script said.
    BrokenOff,
}

/// One request.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Counts up from 1.
    pub id: u64,
    /// Milliseconds since 1970 when its head had arrived.
    pub at_ms: u128,
    pub method: String,
    pub path: String,
    /// Names in lower case; the values of credentials are `***`.
    pub headers: Vec<(String, String)>,
    /// Whether the credential is the expected one; nothing when none is expected.
    pub authorization_matches: Option<bool>,
    /// Its beginning, where it is very long.
    pub body: String,
    /// How long it is.
    pub body_bytes: usize,
    pub outcome: Outcome,
    /// Events sent; for an answer in one piece 0 or 1.
    pub events: usize,
    /// Milliseconds since 1970 when it ended; the caller's hang-up when that ended it.
    pub ended_ms: Option<u128>,
    /// The same, counted from `at_ms`.
    pub after_ms: Option<u128>,
    #[serde(skip)]
    started: Option<Instant>,
}

impl Seen {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The last requests.
#[derive(Default)]
pub struct Journal {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    rows: VecDeque<Seen>,
}

/// Bytes of a body that are kept.
const LONGEST: usize = 8 << 20;

/// Headers whose values are not kept.
const SECRET: &[&str] = &[
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
    "proxy-authorization",
    "x-amz-security-token",
];

impl Journal {
    /// Remembers a request and returns its number; `keep` bounds how many are kept.
    pub fn begin(&self, keep: usize, request: &super::http::Request, matches: Option<bool>) -> u64 {
        if keep == 0 {
            return 0;
        }
        let mask = |name: &str, value: &str| {
            if SECRET.contains(&name) {
                "***".to_owned()
            } else {
                value.to_owned()
            }
        };
        let Ok(mut inner) = self.inner.lock() else {
            return 0;
        };
        inner.last += 1;
        let id = inner.last;
        while inner.rows.len() >= keep {
            inner.rows.pop_front();
        }
        inner.rows.push_back(Seen {
            id,
            at_ms: now_ms(),
            method: request.method.clone(),
            path: without_key(&request.target),
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), mask(name, value)))
                .collect(),
            authorization_matches: matches,
            body: String::from_utf8_lossy(&request.body[..request.body.len().min(LONGEST)])
                .into_owned(),
            body_bytes: request.body.len(),
            outcome: Outcome::Running,
            events: 0,
            ended_ms: None,
            after_ms: None,
            started: Some(Instant::now()),
        });
        id
    }

    /// Notes how a request ended.
    pub fn end(&self, id: u64, outcome: Outcome, events: usize) {
        let Ok(mut inner) = self.inner.lock() else {
            return;
        };
        if let Some(row) = inner.rows.iter_mut().rev().find(|row| row.id == id) {
            row.outcome = outcome;
            row.events = events;
            row.ended_ms = Some(now_ms());
            row.after_ms = row.started.map(|started| started.elapsed().as_millis());
        }
    }

    /// All rows kept, oldest first.
    pub fn all(&self) -> Vec<Seen> {
        self.inner
            .lock()
            .map(|inner| inner.rows.iter().cloned().collect())
            .unwrap_or_default()
    }

    pub fn clear(&self) {
        if let Ok(mut inner) = self.inner.lock() {
            inner.rows.clear();
        }
    }
}

/// A target whose query names a credential, the credential masked.
fn without_key(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let pairs: Vec<&str> = query
        .split('&')
        .map(|pair| {
            if pair.starts_with("key=") {
                "key=***"
            } else {
                pair
            }
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

fn now_ms() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| since.as_millis())
        .unwrap_or_default()
}
