//! One connection: requests in, replies out with their delays and faults, and a watch on the caller hanging up.

use super::encoding;
use super::endpoint::Endpoint;
use super::fault::Script;
use super::host::{self, Host};
use super::http::{self, Framing, Parsed, Request};
use super::reply::{self, Reply};
use super::respond;
use super::stream::{Frame, Style};
use super::{Outcome, Shared, ask::Wire};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Why a connection ends.
enum End {
    /// The caller went away.
    Gone,
    /// A script broke it off; `true`: with a reset.
    Broken(bool),
}

struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
    shared: Arc<Shared>,
    /// Events of the current answer that are out.
    events: usize,
}

/// Serves one connection until either side ends it.
pub async fn run(socket: TcpStream, shared: Arc<Shared>) {
    // Without this each paced event waits for the one before it to be acknowledged.
    let _ = socket.set_nodelay(true);
    let mut connection = Connection {
        socket,
        buffer: Vec::with_capacity(4096),
        shared,
        events: 0,
    };
    while let Some(request) = connection.request().await {
        let plain = connection
            .shared
            .plain
            .as_ref()
            .filter(|_| connection.shared.settings.script.is_plain())
            .and_then(|plain| plain.answer(&request));
        if let Some(answer) = plain {
            if connection.write_all(answer).await.is_err() {
                return;
            }
            continue;
        }
        match connection.serve(&request).await {
            Ok(()) if request.keep_alive => {}
            Ok(()) | Err(End::Gone | End::Broken(false)) => return,
            Err(End::Broken(true)) => {
                // Closing with no time to linger sends a reset instead of a clean end.
                let _ = socket2::SockRef::from(&connection.socket).set_linger(Some(Duration::ZERO));
                return;
            }
        }
    }
}

impl Connection {
    /// The next request; `None`: the caller is done or does not speak HTTP.
    async fn request(&mut self) -> Option<Request> {
        let (mut begun, mut pace) = (false, None);
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
                        pace = respond::read_pace(&self.shared, &head);
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
        if endpoint == Endpoint::Own {
            let shared = self.shared.clone();
            let reply = respond::reply(&shared, request, endpoint, &Script::default(), None);
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
        let id = self
            .shared
            .journal
            .begin(self.shared.settings.remember, request, matches);
        self.events = 0;
        let shared = self.shared.clone();
        let model = if endpoint == Endpoint::Models {
            String::new()
        } else {
            respond::model(request)
        };
        let sent = match respond::script(&shared, request, &model) {
            Ok(script) => {
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

    async fn send(&mut self, reply: Reply, script: &Script, keep_alive: bool) -> Result<(), End> {
        if script.close_before {
            return Err(End::Broken(false));
        }
        self.wait(script.delay_headers).await?;
        let (mut head, body) = match reply {
            Reply::Whole {
                status,
                content_type,
                mut extra,
                body,
            } => {
                if script.gzip {
                    extra.push("content-encoding: gzip".into());
                }
                (
                    http::head(
                        status,
                        content_type,
                        Framing::Length(body.len()),
                        keep_alive,
                        &extra,
                    ),
                    Body::Whole(body),
                )
            }
            Reply::Stream {
                mut extra,
                style,
                frames,
            } => {
                if script.gzip {
                    extra.push("content-encoding: gzip".into());
                }
                (
                    http::head(
                        200,
                        style.content_type(),
                        Framing::Chunked,
                        keep_alive,
                        &extra,
                    ),
                    Body::Frames(style, frames),
                )
            }
        };
        if script.reset_in_header || script.stall_in_header {
            head.truncate(20);
            self.write(&head, script).await?;
            return if script.reset_in_header {
                Err(End::Broken(true))
            } else {
                self.stall().await
            };
        }
        match body {
            Body::Whole(body) => self.send_whole(head, &body, script).await,
            Body::Frames(style, frames) => self.send_frames(head, style, frames, script).await,
        }
    }

    async fn send_whole(
        &mut self,
        mut head: Vec<u8>,
        body: &[u8],
        script: &Script,
    ) -> Result<(), End> {
        if let Some(delay) = script.delay_first {
            self.write(&head, script).await?;
            head.clear();
            self.wait(Some(delay)).await?;
        }
        let paced = script.chunk.zip(script.pace);
        let broken = script
            .reset_after
            .or(script.close_after)
            .or(script.stall_after)
            .is_some();
        head.extend_from_slice(if broken {
            &body[..body.len() / 2]
        } else {
            body
        });
        match paced {
            None => self.write(&head, script).await?,
            Some((size, pace)) => {
                for piece in head.chunks(size) {
                    self.write_all(piece).await?;
                    self.wait(Some(pace)).await?;
                }
            }
        }
        self.fault_after(script, usize::MAX).await?;
        self.events = 1;
        Ok(())
    }

    async fn send_frames(
        &mut self,
        head: Vec<u8>,
        style: Style,
        frames: Vec<Frame>,
        script: &Script,
    ) -> Result<(), End> {
        let paced = script.pace.is_some() || script.chunk.is_some();
        let faulty = script
            .reset_after
            .or(script.close_after)
            .or(script.stall_after)
            .is_some();
        let mut out = head;
        if script.delay_first.is_some() || faulty {
            self.write(&out, script).await?;
            out.clear();
        }
        self.wait(script.delay_first).await?;
        self.fault_after(script, 0).await?;
        let mut content = 0;
        for (at, frame) in frames.iter().enumerate() {
            if frame.content && content > 0 {
                self.wait(script.pace).await?;
            }
            out.extend_from_slice(&http::chunk(&style.bytes(frame, at == 0)));
            if paced || faulty {
                self.write(&out, script).await?;
                out.clear();
            }
            self.events += 1;
            if frame.content {
                content += 1;
                self.fault_after(script, content).await?;
            }
        }
        out.extend_from_slice(&http::chunk(style.tail(frames.is_empty())));
        out.extend_from_slice(b"0\r\n\r\n");
        self.write(&out, script).await
    }

    /// Breaks off where the script says so: `at` content events are out; `usize::MAX`: half of a whole body.
    async fn fault_after(&mut self, script: &Script, at: usize) -> Result<(), End> {
        let due = |after: Option<usize>| after.is_some_and(|after| after == at || at == usize::MAX);
        if due(script.reset_after) {
            return Err(End::Broken(true));
        }
        if due(script.close_after) {
            return Err(End::Broken(false));
        }
        if due(script.stall_after) {
            return self.stall().await;
        }
        Ok(())
    }

    /// Nothing more, until the caller goes.
    async fn stall(&mut self) -> Result<(), End> {
        self.gone().await;
        Err(End::Gone)
    }

    async fn wait(&mut self, time: Option<Duration>) -> Result<(), End> {
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
                    self.fill_slowly().await?;
                    tokio::time::sleep(pace).await;
                }
            }
            if self.buffer.len() >= needs {
                return Ok(());
            }
        }
    }

    /// Reads one small piece into the buffer.
    async fn fill_slowly(&mut self) -> Result<(), End> {
        let mut piece = [0; 16 << 10];
        loop {
            self.socket.readable().await.map_err(|_| End::Gone)?;
            match self.socket.try_read(&mut piece) {
                Ok(0) => return Err(End::Gone),
                Ok(read) => {
                    self.buffer.extend_from_slice(&piece[..read]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return Err(End::Gone),
            }
        }
    }

    /// Reads more into the buffer; an error is the caller's end.
    async fn fill(&mut self) -> Result<(), End> {
        loop {
            self.socket.readable().await.map_err(|_| End::Gone)?;
            match self.socket.try_read_buf(&mut self.buffer) {
                Ok(0) => return Err(End::Gone),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return Err(End::Gone),
            }
        }
    }

    /// Writes in the pieces that the script asks for.
    async fn write(&mut self, bytes: &[u8], script: &Script) -> Result<(), End> {
        let Some(size) = script.chunk else {
            return self.write_all(bytes).await;
        };
        for piece in bytes.chunks(size) {
            self.write_all(piece).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn write_all(&self, mut bytes: &[u8]) -> Result<(), End> {
        while !bytes.is_empty() {
            match self.socket.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.socket.writable().await.map_err(|_| End::Gone)?
                }
                Err(_) => return Err(End::Gone),
            }
        }
        Ok(())
    }
}

enum Body {
    Whole(Vec<u8>),
    Frames(Style, Vec<Frame>),
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
