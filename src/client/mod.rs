//! The admin API from the other side; gives back the same [`crate::error::Error`] the server met, word for word.

pub mod handshake;
mod http;
pub mod outgoing;
mod socket;

pub use http::{Client, Lines, Pieces};

use crate::error::Result;
use crate::resources;
use serde_json::{Value, json};

/// Query parameters.
pub type Query<'a> = &'a [(&'a str, &'a str)];

/// What the resource paths and the rest look like from here; kinds may be named by any of their words.
impl Client {
    pub async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        self.get_with(kind, name, &[]).await
    }
    /// With `since` also what it used since then.
    pub async fn get_with(&self, kind: &str, name: &str, query: Query<'_>) -> Result<Value> {
        self.call("GET", &path(kind, &[name])?, query, None, &[])
            .await
    }
    /// One page: `{items, cursor}`; without `limit` that is everything.
    pub async fn list(&self, kind: &str, query: Query<'_>) -> Result<Value> {
        self.call("GET", &path(kind, &[])?, query, None, &[]).await
    }
    /// With an idempotency key the call may be repeated after a broken connection.
    pub async fn create(
        &self,
        kind: &str,
        body: &Value,
        query: Query<'_>,
        idempotency_key: Option<&str>,
    ) -> Result<Value> {
        let key = idempotency_key.map(|key| ("idempotency-key", key.to_owned()));
        self.call("POST", &path(kind, &[])?, query, Some(body), key.as_slice())
            .await
    }
    pub async fn replace(
        &self,
        kind: &str,
        name: &str,
        body: &Value,
        version: Option<u64>,
        query: Query<'_>,
    ) -> Result<Value> {
        self.call(
            "PUT",
            &path(kind, &[name])?,
            query,
            Some(body),
            if_match(version).as_slice(),
        )
        .await
    }
    /// RFC 7396 merge patch: `null` takes a field away.
    pub async fn patch(
        &self,
        kind: &str,
        name: &str,
        body: &Value,
        version: Option<u64>,
        query: Query<'_>,
    ) -> Result<Value> {
        self.call(
            "PATCH",
            &path(kind, &[name])?,
            query,
            Some(body),
            if_match(version).as_slice(),
        )
        .await
    }
    /// `cascade=true` takes along what refers to it; `dry_run=true` says what would become of it all, or the refusal.
    pub async fn delete(
        &self,
        kind: &str,
        name: &str,
        version: Option<u64>,
        query: Query<'_>,
    ) -> Result<Value> {
        self.call(
            "DELETE",
            &path(kind, &[name])?,
            query,
            None,
            if_match(version).as_slice(),
        )
        .await
    }
    /// `enable`, `disable`, `rotate`, `revoke`, `test`, `discover`.
    pub async fn action(&self, kind: &str, name: &str, verb: &str, body: &Value) -> Result<Value> {
        self.call("POST", &path(kind, &[name, verb])?, &[], Some(body), &[])
            .await
    }
    /// How a route's targets are doing.
    pub async fn route_status(&self, name: &str) -> Result<Value> {
        self.call("GET", &path("route", &[name, "status"])?, &[], None, &[])
            .await
    }
    /// How the limits of a record stand, with those of its sessions where wanted.
    pub async fn limits(&self, kind: &str, name: &str, sessions: bool) -> Result<Value> {
        let query: Query<'_> = if sessions {
            &[("sessions", "true")]
        } else {
            &[]
        };
        self.call("GET", &path(kind, &[name, "limits"])?, query, None, &[])
            .await
    }
    /// Counts anew: `{limit?, reason?}`.
    pub async fn reset_limits(&self, kind: &str, name: &str, body: &Value) -> Result<Value> {
        let path = path(kind, &[name, "limits", "reset"])?;
        self.call("POST", &path, &[], Some(body), &[]).await
    }
    /// The key this secret belongs to.
    pub async fn identify(&self, secret: &str) -> Result<Value> {
        self.call(
            "POST",
            "/api/v1/identify",
            &[],
            Some(&json!({"secret": secret})),
            &[],
        )
        .await
    }
    /// `{items, dry_run?, owner?, prune?, force_conflicts?}`.
    pub async fn apply(&self, body: &Value) -> Result<Value> {
        self.call("POST", "/api/v1/apply", &[], Some(body), &[])
            .await
    }
    pub async fn export(&self) -> Result<Value> {
        self.call("GET", "/api/v1/export", &[], None, &[]).await
    }
    pub async fn explain(&self, body: &Value) -> Result<Value> {
        self.call("POST", "/api/v1/explain", &[], Some(body), &[])
            .await
    }
    /// What would become of a request: `{to, body, format?}`.
    pub async fn check(&self, body: &Value) -> Result<Value> {
        self.call("POST", "/api/v1/check", &[], Some(body), &[])
            .await
    }
    /// One request with its content.
    pub async fn log(&self, id: &str) -> Result<Value> {
        self.call(
            "GET",
            &format!("/api/v1/logs/{}", segment(id)),
            &[],
            None,
            &[],
        )
        .await
    }
    /// Rows from now on.
    pub async fn follow(&self, query: Query<'_>) -> Result<Lines> {
        self.lines("/api/v1/logs/follow", query).await
    }
    /// Rows so far, newest first unless `order` says `asc`.
    pub async fn logs_export(&self, query: Query<'_>) -> Result<Lines> {
        self.lines("/api/v1/logs/export", query).await
    }
    /// Tells those who are to be told that this is a trial.
    pub async fn notify_test(&self) -> Result<Value> {
        self.call("POST", "/api/v1/notify/test", &[], Some(&json!({})), &[])
            .await
    }
    /// What is going on now.
    pub async fn live(&self) -> Result<Value> {
        self.call("GET", "/api/v1/live", &[], None, &[]).await
    }
    /// The same every second.
    pub async fn follow_live(&self) -> Result<Lines> {
        self.lines("/api/v1/live/follow", &[]).await
    }
    /// What was used, summed as the parameters say.
    pub async fn usage(&self, query: Query<'_>) -> Result<Value> {
        self.call("GET", "/api/v1/usage", query, None, &[]).await
    }
    /// Prices rows anew: `{since, until?, model?, provider?, dry_run?}`.
    pub async fn reprice(&self, body: &Value) -> Result<Value> {
        self.call("POST", "/api/v1/usage/reprice", &[], Some(body), &[])
            .await
    }
    /// The audit log, newest first.
    pub async fn history(&self, limit: usize) -> Result<Value> {
        self.call(
            "GET",
            "/api/v1/history",
            &[("limit", &limit.to_string())],
            None,
            &[],
        )
        .await
    }
    pub async fn db_stats(&self) -> Result<Value> {
        self.call("GET", "/api/v1/db", &[], None, &[]).await
    }
    pub async fn db_verify(&self) -> Result<Value> {
        self.call("POST", "/api/v1/db/verify", &[], None, &[]).await
    }
    pub async fn db_compact(&self) -> Result<Value> {
        self.call("POST", "/api/v1/db/compact", &[], None, &[])
            .await
    }
    /// An archive, as it comes.
    pub async fn db_backup(&self, logs: bool) -> Result<Pieces> {
        let logs = if logs { "true" } else { "false" };
        self.pieces("/api/v1/db/backup", &[("logs", logs)]).await
    }
    pub async fn status(&self) -> Result<Value> {
        self.call("GET", "/api/v1/status", &[], None, &[]).await
    }
    /// What is known offline: of providers beside their records, or of vendors.
    pub async fn catalog(&self, query: Query<'_>) -> Result<Value> {
        self.call("GET", "/api/v1/catalog", query, None, &[]).await
    }
    /// What a request would cost: `{models, body, key?, max_output?, cached?}`.
    pub async fn estimate(&self, body: &Value) -> Result<Value> {
        self.call("POST", "/api/v1/estimate", &[], Some(body), &[])
            .await
    }
    /// Asks for a provider's models and makes the records follow; `dry_run=true` says what would change.
    pub async fn sync(&self, provider: &str, query: Query<'_>) -> Result<Value> {
        let path = path("provider", &[provider, "sync"])?;
        self.call("POST", &path, query, Some(&json!({})), &[]).await
    }
    /// Lays newer prices over the built-in ones: `{data}`; `dry_run=true` says what would change.
    pub async fn prices(&self, body: &Value, query: Query<'_>) -> Result<Value> {
        self.call("PUT", "/api/v1/prices", query, Some(body), &[])
            .await
    }
    pub async fn vendors(&self) -> Result<Value> {
        self.call("GET", "/api/v1/vendors", &[], None, &[]).await
    }
}

fn if_match(version: Option<u64>) -> Option<(&'static str, String)> {
    version.map(|version| ("if-match", format!("\"{version}\"")))
}

/// `/api/v1/KINDS/…`; names become one path segment each, whatever is in them.
fn path(kind: &str, rest: &[&str]) -> Result<String> {
    let mut path = format!("/api/v1/{}", resources::kind(kind)?.plural);
    for part in rest {
        path.push('/');
        path.push_str(&segment(part));
    }
    Ok(path)
}

fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
    // A segment of dots alone means something else in a URL, so dots are written out as well.
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn names_are_one_segment() {
        assert_eq!(
            path("model", &["openai/gpt-4o", "enable"]).unwrap(),
            "/api/v1/models/openai%2Fgpt-4o/enable"
        );
        assert_eq!(segment(".."), "%2E%2E");
        assert!(path("thing", &[]).is_err());
    }
}
