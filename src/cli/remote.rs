//! The admin client as the verbs use it: kinds by their row, owned query parameters, calls shown with `-v`.

use super::progress;
use crate::client::{Client, Lines, Pieces};
use crate::error::Result;
use crate::resources::Kind;
use crate::stdio;
use serde_json::{Value, json};

/// Query parameters.
pub(crate) type Query = Vec<(&'static str, String)>;

/// A connection to one gateway's admin API.
pub struct Remote {
    client: Client,
    verbose: bool,
}

fn pairs(query: &Query) -> Vec<(&str, &str)> {
    query
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

impl Remote {
    pub(crate) fn new(client: Client, verbose: bool) -> Remote {
        Remote { client, verbose }
    }

    /// The client, once it has said what for.
    fn to(&self, what: &str, about: &str) -> &Client {
        if self.verbose {
            progress::beside(|| {
                stdio::say(format_args!(
                    "> {what} {about} at {}",
                    self.client.address()
                ))
            });
        }
        &self.client
    }

    pub(crate) async fn get(&self, kind: &'static Kind, name: &str) -> Result<Value> {
        self.to("get", &format!("{}/{name}", kind.name))
            .get(kind.name, name)
            .await
    }

    /// The same with what it used since a time.
    pub(crate) async fn get_since(
        &self,
        kind: &'static Kind,
        name: &str,
        since: Option<&str>,
    ) -> Result<Value> {
        let query: Query = since
            .into_iter()
            .map(|since| ("since", since.to_owned()))
            .collect();
        self.to("get", &format!("{}/{name}", kind.name))
            .get_with(kind.name, name, &pairs(&query))
            .await
    }

    /// One page: `{"items": [...], "cursor": ...}`.
    pub(crate) async fn list(
        &self,
        kind: &'static Kind,
        selector: Option<&str>,
        limit: Option<usize>,
        cursor: Option<&str>,
        since: Option<&str>,
    ) -> Result<Value> {
        let mut query = Query::new();
        query.extend(selector.map(|text| ("selector", text.to_owned())));
        query.extend(limit.map(|count| ("limit", count.to_string())));
        query.extend(cursor.map(|text| ("cursor", text.to_owned())));
        query.extend(since.map(|text| ("since", text.to_owned())));
        self.to("list", kind.plural)
            .list(kind.name, &pairs(&query))
            .await
    }

    pub(crate) async fn create(
        &self,
        kind: &'static Kind,
        body: &Value,
        options: &Query,
    ) -> Result<Value> {
        self.to("create", kind.name)
            .create(kind.name, body, &pairs(options), None)
            .await
    }

    pub(crate) async fn patch(
        &self,
        kind: &'static Kind,
        name: &str,
        body: &Value,
        if_match: Option<u64>,
        options: &Query,
    ) -> Result<Value> {
        self.to("patch", &format!("{}/{name}", kind.name))
            .patch(kind.name, name, body, if_match, &pairs(options))
            .await
    }

    pub(crate) async fn delete(
        &self,
        kind: &'static Kind,
        name: &str,
        options: &Query,
    ) -> Result<Value> {
        self.to("delete", &format!("{}/{name}", kind.name))
            .delete(kind.name, name, None, &pairs(options))
            .await
    }

    /// `enable`, `disable`, `rotate`, `revoke`, `test`, `discover`.
    pub(crate) async fn action(
        &self,
        kind: &'static Kind,
        name: &str,
        verb: &str,
        body: &Value,
    ) -> Result<Value> {
        self.to(verb, &format!("{}/{name}", kind.name))
            .action(kind.name, name, verb, body)
            .await
    }

    pub(crate) async fn route_status(&self, name: &str) -> Result<Value> {
        self.to("get", &format!("status of route/{name}"))
            .route_status(name)
            .await
    }

    /// How the limits of a record stand.
    pub(crate) async fn limits(
        &self,
        kind: &'static Kind,
        name: &str,
        sessions: bool,
    ) -> Result<Value> {
        self.to("get", &format!("limits of {}/{name}", kind.name))
            .limits(kind.name, name, sessions)
            .await
    }

    pub(crate) async fn reset_limits(
        &self,
        kind: &'static Kind,
        name: &str,
        body: &Value,
    ) -> Result<Value> {
        self.to("reset", &format!("limits of {}/{name}", kind.name))
            .reset_limits(kind.name, name, body)
            .await
    }

    pub(crate) async fn discover(&self, provider: &str, enable: bool) -> Result<Value> {
        self.action(
            &crate::resources::provider::KIND,
            provider,
            "discover",
            &json!({ "enable": enable }),
        )
        .await
    }

    pub(crate) async fn identify(&self, secret: &str) -> Result<Value> {
        self.to("identify", "a key").identify(secret).await
    }

    pub(crate) async fn apply(&self, body: &Value) -> Result<Value> {
        self.to("apply", "files").apply(body).await
    }

    pub(crate) async fn export(&self) -> Result<Value> {
        self.to("export", "everything").export().await
    }

    pub(crate) async fn explain(&self, body: &Value) -> Result<Value> {
        self.to("explain", "a request").explain(body).await
    }

    pub(crate) async fn check(&self, body: &Value) -> Result<Value> {
        self.to("check", "a request").check(body).await
    }

    /// Rows so far, newest first unless asked otherwise.
    pub(crate) async fn export_logs(&self, query: &Query) -> Result<Lines> {
        self.to("read", "logs").logs_export(&pairs(query)).await
    }

    /// One row with its content.
    pub(crate) async fn log(&self, id: &str) -> Result<Value> {
        self.to("get", "a log row").log(id).await
    }

    /// Rows as they are written, until the gateway stops.
    pub(crate) async fn follow(&self, query: &Query) -> Result<Lines> {
        self.to("follow", "logs").follow(&pairs(query)).await
    }

    pub(crate) async fn notify_test(&self) -> Result<Value> {
        self.to("test", "notices").notify_test().await
    }

    pub(crate) async fn live(&self) -> Result<Value> {
        self.to("get", "live figures").live().await
    }

    /// Live figures every second, until the gateway stops.
    pub(crate) async fn follow_live(&self) -> Result<Lines> {
        self.to("follow", "live figures").follow_live().await
    }

    pub(crate) async fn db_stats(&self) -> Result<Value> {
        self.to("read", "what the stores take").db_stats().await
    }

    pub(crate) async fn db_verify(&self) -> Result<Value> {
        self.to("verify", "the stores").db_verify().await
    }

    pub(crate) async fn db_compact(&self) -> Result<Value> {
        self.to("compact", "the stores").db_compact().await
    }

    pub(crate) async fn db_backup(&self, logs: bool) -> Result<Pieces> {
        self.to("back up", "the stores").db_backup(logs).await
    }

    pub(crate) async fn usage(&self, query: &Query) -> Result<Value> {
        self.to("sum", "usage").usage(&pairs(query)).await
    }

    pub(crate) async fn reprice(&self, body: &Value) -> Result<Value> {
        self.to("reprice", "the log").reprice(body).await
    }

    pub(crate) async fn status(&self) -> Result<Value> {
        self.to("get", "status").status().await
    }

    /// Models known offline: of the providers beside their records, or of these vendors (`all`).
    pub(crate) async fn catalog(&self, vendors: Option<&str>) -> Result<Vec<Value>> {
        let query: Query = vendors
            .map(|ids| ("vendor", ids.to_owned()))
            .into_iter()
            .collect();
        let found = self
            .to("list", "the catalogue")
            .catalog(&pairs(&query))
            .await?;
        let items = found.get("items").and_then(Value::as_array);
        Ok(items.cloned().unwrap_or_default())
    }

    pub(crate) async fn estimate(&self, body: &Value) -> Result<Value> {
        self.to("estimate", "a request").estimate(body).await
    }

    pub(crate) async fn sync(&self, provider: &str, options: &Query) -> Result<Value> {
        self.to("sync", &format!("provider/{provider}"))
            .sync(provider, &pairs(options))
            .await
    }

    pub(crate) async fn prices(&self, body: &Value, options: &Query) -> Result<Value> {
        self.to("put", "prices").prices(body, &pairs(options)).await
    }

    pub(crate) async fn vendors(&self) -> Result<Value> {
        self.to("list", "vendors").vendors().await
    }
}
