//! The admin API from the command line's side: one method a call, answers as JSON, errors as the
//! gateway wrote them.

use super::endpoint::Place;
use crate::error::{Error, Kind, Result};
use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::{future::Future, time::Duration};

/// Query parameters.
pub(crate) type Query = Vec<(&'static str, String)>;

/// A connection to one gateway's admin API.
pub struct Remote {
    http: reqwest::Client,
    base: String,
    /// As shown in errors.
    place: String,
    token: Option<String>,
    timeout: Duration,
    verbose: bool,
}

impl Remote {
    pub(crate) fn new(place: &Place, token: Option<String>, timeout: Duration, verbose: bool) -> Result<Remote> {
        let builder = super::api::client_builder(matches!(place, Place::Http(base) if base.starts_with("https:")));
        let (builder, base) = match place {
            #[cfg(unix)]
            Place::Unix(path) => (builder.unix_socket(path.clone()), "http://localhost".to_owned()),
            #[cfg(not(unix))]
            Place::Unix(_) => return Err(Error::invalid("Unix sockets are not supported here").hint("use --admin-url http://127.0.0.1:4001")),
            Place::Http(base) => (builder, base.clone()),
        };
        let http = builder.build().map_err(|error| Error::internal("cannot set up HTTP").cause(error))?;
        Ok(Remote { http, base, place: place.to_string(), token, timeout, verbose })
    }

    pub(crate) async fn get(&self, kind: &'static crate::resources::Kind, name: &str) -> Result<Value> {
        self.call(Method::GET, &format!("/{}/{}", kind.plural, encode(name)), &vec![], None, None).await
    }

    /// One page: `{"items": [...], "cursor": ...}`.
    pub(crate) async fn list(
        &self,
        kind: &'static crate::resources::Kind,
        selector: Option<&str>,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<Value> {
        let mut query = Query::new();
        query.extend(selector.map(|text| ("selector", text.to_owned())));
        query.extend(limit.map(|count| ("limit", count.to_string())));
        query.extend(cursor.map(|text| ("cursor", text.to_owned())));
        self.call(Method::GET, &format!("/{}", kind.plural), &query, None, None).await
    }

    pub(crate) async fn create(&self, kind: &'static crate::resources::Kind, body: &Value, options: &Query) -> Result<Value> {
        self.call(Method::POST, &format!("/{}", kind.plural), options, Some(body), None).await
    }

    pub(crate) async fn patch(&self, kind: &'static crate::resources::Kind, name: &str, body: &Value, if_match: Option<u64>, options: &Query) -> Result<Value> {
        self.call(Method::PATCH, &format!("/{}/{}", kind.plural, encode(name)), options, Some(body), if_match).await
    }

    pub(crate) async fn delete(&self, kind: &'static crate::resources::Kind, name: &str, options: &Query) -> Result<Value> {
        self.call(Method::DELETE, &format!("/{}/{}", kind.plural, encode(name)), options, None, None).await
    }

    /// `enable`, `disable`, `rotate`, `revoke`, `test`, `discover`.
    pub(crate) async fn action(&self, kind: &'static crate::resources::Kind, name: &str, verb: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, &format!("/{}/{}/{verb}", kind.plural, encode(name)), &vec![], Some(body), None).await
    }

    pub(crate) async fn discover(&self, provider: &str, options: &Query) -> Result<Value> {
        self.call(Method::POST, &format!("/providers/{}/discover", encode(provider)), options, Some(&json!({})), None).await
    }

    pub(crate) async fn identify(&self, secret: &str) -> Result<Value> {
        self.call(Method::POST, "/identify", &vec![], Some(&json!({ "secret": secret })), None).await
    }

    pub(crate) async fn apply(&self, body: &Value) -> Result<Value> {
        self.call(Method::POST, "/apply", &vec![], Some(body), None).await
    }

    pub(crate) async fn export(&self) -> Result<Value> {
        self.call(Method::GET, "/export", &vec![], None, None).await
    }

    pub(crate) async fn explain(&self, body: &Value) -> Result<Value> {
        self.call(Method::POST, "/explain", &vec![], Some(body), None).await
    }

    /// One page of rows, newest first.
    pub(crate) async fn logs(&self, query: &Query) -> Result<Value> {
        self.call(Method::GET, "/logs", query, None, None).await
    }

    /// One row with its content.
    pub(crate) async fn log(&self, id: &str) -> Result<Value> {
        self.call(Method::GET, &format!("/logs/{}", encode(id)), &vec![], None, None).await
    }

    pub(crate) async fn status(&self) -> Result<Value> {
        self.call(Method::GET, "/status", &vec![], None, None).await
    }

    pub(crate) async fn vendors(&self) -> Result<Value> {
        self.call(Method::GET, "/vendors", &vec![], None, None).await
    }

    /// Rows as they are written, until the gateway stops.
    pub(crate) async fn follow(&self, query: &Query) -> Result<Follow> {
        let request = self.request(Method::GET, "/logs/follow", query);
        let response = self.within(async { request.send().await.map_err(|error| self.unreachable(error)) }).await?;
        match response.status().is_success() {
            true => Ok(Follow { body: Box::pin(response.bytes_stream().map(|piece| piece.map(Vec::from))), buffer: Vec::new() }),
            false => Err(refusal(response.status().as_u16(), &self.within(async { response.bytes().await.map_err(|error| self.unreachable(error)) }).await?)),
        }
    }

    fn request(&self, method: Method, path: &str, query: &Query) -> reqwest::RequestBuilder {
        let mut url = format!("{}/api/v1{path}", self.base);
        for (at, (name, value)) in query.iter().enumerate() {
            url.push(if at == 0 { '?' } else { '&' });
            url.push_str(&format!("{name}={}", encode(value)));
        }
        if self.verbose {
            eprintln!("> {method} {url} ({})", self.place);
        }
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn call(&self, method: Method, path: &str, query: &Query, body: Option<&Value>, if_match: Option<u64>) -> Result<Value> {
        let mut request = self.request(method, path, query);
        if let Some(version) = if_match {
            request = request.header("if-match", format!("\"{version}\""));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let (status, bytes) = self
            .within(async {
                let response = request.send().await.map_err(|error| self.unreachable(error))?;
                let status = response.status().as_u16();
                Ok((status, response.bytes().await.map_err(|error| self.unreachable(error))?))
            })
            .await?;
        if self.verbose {
            eprintln!("< {status} ({} bytes)", bytes.len());
        }
        match status {
            200..=299 if bytes.iter().all(u8::is_ascii_whitespace) => Ok(Value::Null),
            200..=299 => serde_json::from_slice(&bytes).map_err(|error| {
                Error::internal(format!("{} answered with something that is not JSON", self.place))
                    .cause(error)
                    .hint("is that a gw admin address? see --admin-url")
            }),
            _ => Err(refusal(status, &bytes)),
        }
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.timeout, work).await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Timeout, format!("no answer from {} within {:?}", self.place, self.timeout))
                .hint("wait longer with --timeout, or look at `gw status`"))
        })
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let no_gateway = Error::new(Kind::NoGateway, format!("no gateway at {}", self.place));
        let no_gateway = if error.is_connect() { no_gateway } else { no_gateway.cause(error) };
        no_gateway.hint("start one with `gw serve`, or choose another with --admin-url / GW_ADMIN_URL")
    }
}

/// The gateway's refusal as the same error it had.
fn refusal(status: u16, body: &[u8]) -> Error {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body.pointer(&format!("/error/{name}")).and_then(Value::as_str).map(String::from);
    let kind = text("code").and_then(|code| Kind::from_code(&code)).unwrap_or_else(|| Kind::from_status(status));
    let mut error = Error::new(kind, text("message").unwrap_or_else(|| format!("the gateway answered with status {status}")));
    error.hint = text("fix").or_else(|| (kind == Kind::Unauthenticated).then(|| "put the token of <data-dir>/admin.token in GW_ADMIN_TOKEN".into()));
    error.param = text("param");
    error
}

/// Percent-encodes everything but unreserved characters, so that a name is always one path segment.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

type Pieces = std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<Vec<u8>>> + Send>>;

/// JSON lines as they arrive.
pub(crate) struct Follow {
    body: Pieces,
    buffer: Vec<u8>,
}

impl Follow {
    /// The next row; `None` when the gateway has closed the stream.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return serde_json::from_slice(&line).map(Some).map_err(|error| Error::internal("the gateway sent a line that is not JSON").cause(error));
            }
            match self.body.next().await {
                None => return Ok(None),
                Some(Ok(piece)) => self.buffer.extend(piece),
                Some(Err(error)) => {
                    return Err(Error::new(Kind::NoGateway, "the connection to the gateway broke")
                        .cause(error.without_url())
                        .hint("see whether it runs with `gw status`"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_segment() {
        assert_eq!(encode("openai/gpt-4o:x@1"), "openai%2Fgpt-4o%3Ax%401");
        assert_eq!(encode("é"), "%C3%A9");
    }

    #[test]
    fn refusals_come_back_as_they_were() {
        let error = refusal(404, br#"{"error":{"code":"not_found","message":"no user `x`","fix":"gw user create x","param":"user"}}"#);
        assert_eq!(format!("{error:?} {:?}", error.param), "not_found: no user `x` (fix: gw user create x) Some(\"user\")");
        assert_eq!(refusal(503, b"<html>").message, "the gateway answered with status 503");
        assert_eq!(refusal(418, b"").kind, Kind::Invalid);
    }
}
