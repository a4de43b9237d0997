//! One HTTP call to the gateway, and its answer or error.

use super::{Query, handshake, outgoing, socket};
use crate::config::Address;
use crate::error::{Error, Kind, Result};
use crate::store::secret::Secret;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How long a call may take unless told otherwise: longer than the server's own ten-second tests of providers.
const WAIT: Duration = Duration::from_secs(30);

/// A connection to one gateway's admin interface.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: Address,
    token: Option<Secret>,
    wait: Duration,
    /// Whether somebody named this very gateway, instead of it being the one that is usually there.
    named: bool,
}

impl Client {
    pub fn new(address: Address, token: Option<Secret>) -> Result<Client> {
        Client::trusting(address, token, None)
    }

    /// `trusted`: as [`outgoing::builder`] takes it.
    pub fn trusting(
        address: Address,
        token: Option<Secret>,
        trusted: Option<&Path>,
    ) -> Result<Client> {
        let secure = matches!(&address, Address::Http(url) if url.starts_with("https://"));
        let builder = outgoing::builder(secure, trusted)?;
        let builder = match &address {
            #[cfg(unix)]
            Address::Unix(path) => builder.unix_socket(path.clone()),
            #[cfg(not(unix))]
            Address::Unix(_) => {
                return Err(Error::invalid(format!(
                    "there are no Unix sockets here, so `{address}` cannot be used"
                )));
            }
            Address::Http(_) => builder,
        };
        let http = builder
            .build()
            .map_err(|error| Error::internal("the HTTP client cannot be made").cause(error))?;
        Ok(Client {
            http,
            address,
            token,
            wait: WAIT,
            named: false,
        })
    }

    /// How long each call may take.
    pub fn timeout(mut self, wait: Duration) -> Client {
        self.wait = wait;
        self
    }

    /// Whether the address, or the directory it follows from, was given by whoever runs this.
    pub fn named(mut self, named: bool) -> Client {
        self.named = named;
        self
    }

    /// Refuses a socket that somebody else laid where the gateway's should be, before anything is said to it.
    fn trusted(&self) -> Result<()> {
        match &self.address {
            Address::Unix(path) => socket::check(path, self.named),
            Address::Http(_) => Ok(()),
        }
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        query: Query<'_>,
    ) -> Result<reqwest::RequestBuilder> {
        let base = match &self.address {
            Address::Unix(_) => "http://localhost",
            Address::Http(url) => url,
        };
        let mut url = url::Url::parse(&format!("{base}{path}"))
            .map_err(|error| Error::invalid(format!("`{base}{path}` is not a URL")).cause(error))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let method = reqwest::Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| Error::invalid(format!("`{}` is not a method", method.escape_debug())))?;
        let mut request = self.http.request(method.clone(), url);
        if method != reqwest::Method::GET {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            let mut value =
                HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| {
                    Error::invalid("the admin token has characters that no header can carry")
                })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        Ok(request)
    }

    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        query: Query<'_>,
        body: Option<&Value>,
        headers: &[(&'static str, String)],
    ) -> Result<Value> {
        self.trusted()?;
        let mut request = self.request(method, path, query)?.timeout(self.wait);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let status = response.status().as_u16();
        let bytes = response
            .bytes()
            .await
            .map_err(|error| self.unreachable(error))?;
        match status {
            200..=299 if bytes.is_empty() => Ok(Value::Null),
            // Every answer of a gateway's is an object; what commands make of one relies on it.
            200..=299 => match serde_json::from_slice(&bytes) {
                Ok(answer @ Value::Object(_)) => Ok(answer),
                Ok(_) => Err(self.stranger(status)),
                Err(error) => Err(self.stranger(status).cause(error)),
            },
            _ => Err(refusal(&bytes).unwrap_or_else(|| self.stranger(status))),
        }
    }

    pub(super) async fn lines(&self, path: &str, query: Query<'_>) -> Result<Lines> {
        let Pieces(response) = self.pieces(path, query).await?;
        Ok(Lines {
            response,
            buffer: Vec::new(),
            ended: false,
        })
    }

    pub(super) async fn pieces(&self, path: &str, query: Query<'_>) -> Result<Pieces> {
        self.trusted()?;
        let sent = tokio::time::timeout(self.wait, self.request("GET", path, query)?.send()).await;
        let response = match sent {
            Err(_) => {
                return Err(Error::new(
                    Kind::Timeout,
                    format!("the gateway at {} did not answer in time", self.address),
                ));
            }
            Ok(sent) => sent.map_err(|error| self.unreachable(error))?,
        };
        match response.status().as_u16() {
            200..=299 => Ok(Pieces(response)),
            status => {
                let bytes = response
                    .bytes()
                    .await
                    .map_err(|error| self.unreachable(error))?;
                Err(refusal(&bytes).unwrap_or_else(|| self.stranger(status)))
            }
        }
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        if error.is_timeout() {
            return Error::new(
                Kind::Timeout,
                format!("the gateway at {} did not answer in time", self.address),
            )
            .hint("allow more with --timeout, or see its own log");
        }
        if let Address::Unix(path) = &self.address
            && denied(&error)
        {
            return socket::not_allowed(path);
        }
        if let Some(error) = handshake::failed(&error, &self.address.to_string()) {
            return error;
        }
        if error.is_connect() {
            return Error::new(Kind::NoGateway, format!("no gateway at {}", self.address))
                .hint("start one with `gw serve`; one that runs elsewhere is named by --admin-url or GW_ADMIN_URL, or its directory by GW_DATA_DIR");
        }
        Error::new(
            Kind::NoGateway,
            format!("the connection to the gateway at {} broke", self.address),
        )
        .cause(error.without_url())
        .hint(match &self.address {
            Address::Http(url) if url.starts_with("http://") => handshake::MAYBE_TLS,
            _ => "see whether it still runs with `gw status`",
        })
    }

    fn stranger(&self, status: u16) -> Error {
        Error::new(
            Kind::NoGateway,
            format!(
                "what answers at {} is not a gateway's admin interface (HTTP {status})",
                self.address
            ),
        )
        .hint("check GW_ADMIN_URL")
    }
}

/// Whether the operating system forbids it.
fn denied(error: &reqwest::Error) -> bool {
    std::iter::successors(std::error::Error::source(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

/// The server's error, as it was there.
fn refusal(body: &[u8]) -> Option<Error> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = value.get("error")?;
    let text = |field: &str| error.get(field).and_then(Value::as_str);
    let mut made = Error::new(Kind::from_code(text("code")?)?, text("message")?);
    made.hint = text("fix").map(str::to_owned);
    made.param = text("param").map(str::to_owned);
    Some(made)
}

/// Bytes as they arrive.
pub struct Pieces(reqwest::Response);

impl Pieces {
    /// The next bytes; `None` once the server has ended them.
    pub async fn next(&mut self) -> Result<Option<bytes::Bytes>> {
        self.0.chunk().await.map_err(broke)
    }
}

/// The connection ended before what comes over it.
fn broke(error: reqwest::Error) -> Error {
    Error::new(Kind::NoGateway, "the connection to the gateway broke").cause(error.without_url())
}

/// JSON lines as they arrive.
pub struct Lines {
    response: reqwest::Response,
    buffer: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// The next line; `None` once the server has ended the stream.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return serde_json::from_slice(&line).map(Some).map_err(|error| {
                    Error::internal("the gateway sent a line that is not JSON").cause(error)
                });
            }
            if self.ended {
                return Ok(None);
            }
            match self.response.chunk().await {
                Ok(Some(piece)) => self.buffer.extend_from_slice(&piece),
                Ok(None) => self.ended = true,
                Err(error) => return Err(broke(error)),
            }
        }
    }
}
