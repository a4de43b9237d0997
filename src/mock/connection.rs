//! One connection: requests in, one after the other, and what ends it. How a reply goes out is in `send.rs`.

use super::encoding;
use super::endpoint::Endpoint;
use super::host::{self, Host};
use super::http::{self, Framing, Parsed, Request};
use super::reply::{self, Reply};
use super::respond;
use super::script::Script;
use super::socket::Socket;
use super::{Outcome, Shared, ask::Wire};
use std::sync::Arc;
use std::time::Duration;

/// Why a connection ends.
pub(super) enum End {
    /// The caller went away.
    Gone,
    /// A script broke it off; `true`: with a reset.
    Broken(bool),
}

pub(super) struct Connection {
    pub(super) socket: Socket,
    buffer: Vec<u8>,
    shared: Arc<Shared>,
    /// Events of the current answer that are out.
    pub(super) events: usize,
    /// Requests answered.
    answered: usize,
    /// How long the next request may be in coming.
    idle: Option<Duration>,
    /// The answer's end is the connection's.
    pub(super) over: bool,
}

/// A slow reader's pieces.
const PIECE: usize = 16 << 10;

/// Serves one connection until either side ends it.
pub async fn run(socket: tokio::net::TcpStream, shared: Arc<Shared>) {
    let Ok(socket) = Socket::accepted(socket, shared.settings.tls.clone()).await else {
        return;
    };
    let mut connection = Connection {
        socket,
        buffer: Vec::with_capacity(4096),
        shared,
        events: 0,
        answered: 0,
        idle: None,
        over: false,
    };
    while let Some(request) = connection.request().await {
        let shared = connection.shared.clone();
        let plain = shared
            .plain
            .as_ref()
            .filter(|_| shared.scripts.load().is_plain)
            .and_then(|plain| plain.answer(&request));
        if let Some(answer) = plain {
            if connection.write_all(answer).await.is_err() {
                return;
            }
            continue;
        }
        match connection.serve(&request).await {
            Ok(()) if request.keep_alive && !connection.over => connection.answered += 1,
            Ok(()) | Err(End::Gone | End::Broken(false)) => return,
            Err(End::Broken(true)) => return connection.socket.will_reset(),
        }
    }
}

impl Connection {
    /// The next request; `None`: the caller is done or does not speak HTTP.
    async fn request(&mut self) -> Option<Request> {
        let (mut begun, mut pace) = (false, None);
        if let Some(idle) = self.idle.take().filter(|_| self.buffer.is_empty()) {
            tokio::time::timeout(idle, self.fill()).await.ok()?.ok()?;
        }
        loop {
            match if self.buffer.is_empty() {
                Parsed::Partial(None, 0)
            } else {
                http::parse(&self.buffer)
            } {
                Parsed::Whole(mut request, taken) => {
                    self.buffer.drain(..taken);
                    match encoding::plain(&mut request) {
                        Ok(()) => return Some(request),
                        Err(why) => return self.bad(why).await,
                    }
                }
                Parsed::Partial(head, needs) => {
                    if let Some(head) = head.filter(|_| !begun) {
                        begun = true;
                        let script = respond::at_head(&self.shared, &head);
                        if script.early.is_some() {
                            return self.early(&head, &script).await;
                        }
                        pace = script.read_pace;
                        if head.expects_continue {
                            self.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                                .await
                                .ok()?;
                        }
                    }
                    self.fill_to(needs, pace).await.ok()?;
                }
                Parsed::Bad(why) => return self.bad(why).await,
            }
        }
    }

    /// Answers a request whose body has not come, and ends the connection once the caller has heard it: what comes of the
    /// body is read and forgotten, lest it push the answer away.
    async fn early(&mut self, head: &Request, script: &Script) -> Option<Request> {
        let shared = self.shared.clone();
        let id = shared.journal.begin(shared.settings.remember, head, None);
        let endpoint = Endpoint::of(head.path());
        let reply = respond::reply(&shared, head, endpoint, script, None);
        let sent = self.send(reply, script, false).await;
        self.socket.end().await;
        let outcome = match sent {
            Ok(()) => Outcome::Answered,
            Err(End::Gone) => Outcome::ClientClosed,
            Err(End::Broken(_)) => Outcome::BrokenOff,
        };
        shared.journal.end(id, outcome, 0);
        while self.fill().await.is_ok() {
            self.buffer.clear();
        }
        None
    }

    /// Tells the caller that it does not speak HTTP, which ends the connection.
    async fn bad(&mut self, why: &str) -> Option<Request> {
        let reply = reply::refuse(Wire::Openai, 400, why, None, Vec::new());
        if let Reply::Whole { body, .. } = reply {
            let framing = Framing::Length(body.len());
            let mut answer = http::head(400, "application/json", framing, false, &[]);
            answer.extend_from_slice(&body);
            let _ = self.write_all(&answer).await;
        }
        None
    }

    async fn serve(&mut self, request: &Request) -> Result<(), End> {
        let endpoint = Endpoint::of(request.path());
        let shared = self.shared.clone();
        if endpoint == Endpoint::Own {
            let near = self
                .socket
                .peer()
                .is_some_and(|peer| peer.ip().is_loopback());
            let reply = respond::own(&shared, request, near);
            return self
                .send(reply, &Script::default(), request.keep_alive)
                .await;
        }
        let matches = self
            .shared
            .settings
            .expect_credential
            .as_deref()
            .map(|expected| presented(request) == Some(expected));
        let id = shared
            .journal
            .begin(shared.settings.remember, request, matches);
        self.events = 0;
        let model = if endpoint == Endpoint::Models {
            String::new()
        } else {
            respond::model(request)
        };
        let sent = match respond::script(&shared, request, &model) {
            Ok(script) if script.requests.is_some_and(|most| self.answered >= most) => {
                Err(End::Broken(false))
            }
            Ok(script) => {
                self.idle = script.idle;
                let mut reply = respond::reply(&shared, request, endpoint, &script, matches);
                // The answer to a HEAD has no body, whatever its head says.
                if let (Reply::Whole { body, .. }, "HEAD") = (&mut reply, request.method.as_str()) {
                    body.clear();
                }
                self.send(reply, &script, request.keep_alive).await
            }
            Err(why) => {
                self.send(
                    reply::refuse(
                        Host::of(request.path()).errors(endpoint.wire()),
                        400,
                        &why,
                        Some("x-mock"),
                        Vec::new(),
                    ),
                    &Script::default(),
                    request.keep_alive,
                )
                .await
            }
        };
        let outcome = match sent {
            Ok(()) => Outcome::Answered,
            Err(End::Gone) => Outcome::ClientClosed,
            Err(End::Broken(_)) => Outcome::BrokenOff,
        };
        self.shared.journal.end(id, outcome, self.events);
        sent
    }

    /// Nothing more, until the caller goes.
    pub(super) async fn stall(&mut self) -> Result<(), End> {
        self.gone().await;
        Err(End::Gone)
    }

    pub(super) async fn wait(&mut self, time: Option<Duration>) -> Result<(), End> {
        match time {
            None => Ok(()),
            Some(time) => tokio::select! {
                () = self.gone() => Err(End::Gone),
                () = tokio::time::sleep(time) => Ok(()),
            },
        }
    }

    /// Resolves when the caller has closed; keeps what it sends meanwhile for the next request.
    async fn gone(&mut self) {
        while self.fill().await.is_ok() {}
    }

    /// Reads until the buffer has so many bytes, a piece at least.
    async fn fill_to(&mut self, needs: usize, pace: Option<Duration>) -> Result<(), End> {
        loop {
            match pace {
                None => self.fill().await?,
                Some(pace) => {
                    self.read(PIECE).await?;
                    tokio::time::sleep(pace).await;
                }
            }
            if self.buffer.len() >= needs {
                return Ok(());
            }
        }
    }

    /// Reads more into the buffer; an error is the caller's end.
    async fn fill(&mut self) -> Result<(), End> {
        self.read(usize::MAX).await
    }

    async fn read(&mut self, most: usize) -> Result<(), End> {
        match self.socket.read(&mut self.buffer, most).await {
            Ok(0) | Err(_) => Err(End::Gone),
            Ok(_) => Ok(()),
        }
    }

    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.socket.write(bytes).await.map_err(|_| End::Gone)
    }
}

/// The credential a caller presents, in any of the usual places; of a signature the access key it names.
fn presented(request: &Request) -> Option<&str> {
    let authorization = request.header("authorization").map(|value| {
        let named = crate::bearer::credential(value).or_else(|| host::access_key(value));
        named.unwrap_or(value)
    });
    authorization
        .or_else(|| request.header("x-api-key"))
        .or_else(|| request.header("api-key"))
        .or_else(|| request.header("x-goog-api-key"))
        .or_else(|| request.query("key"))
}
