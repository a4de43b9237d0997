//! A lean forwarder on hyper: key check, body parsed and its model replaced, pooled upstream connections, usage and cost
//! of the answer, also of a stream, a log line. What a gateway costs that does no more than that, one worker in one thread.

use crate::Failure;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};

type Answered = Response<Either<Full<Bytes>, Relay>>;

/// What requests are sent on for.
const MODEL: &str = "gpt-4o-mini-2024-07-18";

struct Lean {
    upstream: SocketAddr,
    host: HeaderValue,
    credential: HeaderValue,
    keys: HashMap<String, String>,
    idle: RefCell<Vec<SendRequest<Full<Bytes>>>>,
    log: RefCell<BufWriter<std::fs::File>>,
}

#[derive(Deserialize)]
struct Answer {
    usage: Usage,
}

#[derive(Deserialize, Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    at: u128,
    user: &'a str,
    model: &'a str,
    status: u16,
    micros: u128,
    usage: Usage,
    cost: f64,
}

/// What is known of a request before its answer's end.
struct Begun {
    lean: Rc<Lean>,
    user: String,
    begin: Instant,
    status: StatusCode,
    /// Goes back to the others at the end.
    sender: SendRequest<Full<Bytes>>,
}

/// A stream on its way to the caller, with the events seen last: the usage is in one of them.
struct Relay {
    incoming: Incoming,
    last: [Bytes; 3],
    begun: Option<Begun>,
}

pub fn run(listen: SocketAddr, upstream: SocketAddr, key: &str, log: &str) -> Result<(), Failure> {
    let lean = Rc::new(Lean {
        upstream,
        host: HeaderValue::try_from(upstream.to_string())?,
        credential: HeaderValue::from_static("Bearer upstream"),
        keys: HashMap::from([(format!("Bearer {key}"), "bench".into())]),
        idle: RefCell::default(),
        log: RefCell::new(BufWriter::new(std::fs::File::create(log)?)),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let lean = lean.clone();
            tokio::task::spawn_local(async move {
                let service = hyper::service::service_fn(move |request| {
                    let lean = lean.clone();
                    async move { Ok::<_, std::convert::Infallible>(lean.answer(request).await) }
                });
                // Callers close when they have had enough.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}

impl Lean {
    async fn answer(self: Rc<Lean>, request: Request<Incoming>) -> Answered {
        let failed = |status, text: String| {
            let mut response = Response::new(Either::Left(Full::new(Bytes::from(text))));
            *response.status_mut() = status;
            response
        };
        let user = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|key| self.keys.get(key.to_str().ok()?))
            .cloned();
        match user {
            None => failed(StatusCode::UNAUTHORIZED, String::new()),
            Some(user) => match self.forward(request, user).await {
                Ok(response) => response,
                Err(error) => failed(StatusCode::BAD_GATEWAY, error.to_string()),
            },
        }
    }

    async fn forward(
        self: Rc<Lean>,
        request: Request<Incoming>,
        user: String,
    ) -> Result<Answered, Failure> {
        let begin = Instant::now();
        let (head, body) = request.into_parts();
        let mut body: serde_json::Value =
            serde_json::from_slice(&body.collect().await?.to_bytes())?;
        body["model"] = MODEL.into();
        let mut onward = Request::new(Full::new(Bytes::from(serde_json::to_vec(&body)?)));
        *onward.method_mut() = head.method;
        *onward.uri_mut() = head.uri;
        let headers = onward.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(AUTHORIZATION, self.credential.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut sender = self.connection().await?;
        let (mut head, incoming) = sender.send_request(onward).await?.into_parts();
        head.headers.remove(hyper::header::CONNECTION);
        let begun = Begun {
            lean: self,
            user,
            begin,
            status: head.status,
            sender,
        };
        let streamed = head
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        if streamed {
            head.headers.remove(hyper::header::TRANSFER_ENCODING);
            let relay = Relay {
                incoming,
                last: Default::default(),
                begun: Some(begun),
            };
            return Ok(Response::from_parts(head, Either::Right(relay)));
        }
        let body = incoming.collect().await?.to_bytes();
        let answer: Answer = serde_json::from_slice(&body)?;
        begun.end(answer.usage)?;
        Ok(Response::from_parts(head, Either::Left(Full::new(body))))
    }

    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        loop {
            let Some(mut sender) = self.idle.borrow_mut().pop() else {
                break;
            };
            if !sender.is_closed() && sender.ready().await.is_ok() {
                return Ok(sender);
            }
        }
        let stream = TcpStream::connect(self.upstream).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(connection);
        Ok(sender)
    }
}

impl Begun {
    /// The answer has been read: a line in the log.
    fn end(self, usage: Usage) -> Result<(), Failure> {
        self.lean.idle.borrow_mut().push(self.sender);
        let line = Line {
            at: SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
            user: &self.user,
            model: MODEL,
            status: self.status.as_u16(),
            micros: self.begin.elapsed().as_micros(),
            cost: usage.prompt_tokens as f64 * 1e-6 + usage.completion_tokens as f64 * 4e-6,
            usage,
        };
        let mut log = self.lean.log.borrow_mut();
        serde_json::to_writer(&mut *log, &line)?;
        log.write_all(b"\n")?;
        Ok(())
    }
}

impl Relay {
    fn end(&mut self) -> Result<(), Failure> {
        let Some(begun) = self.begun.take() else {
            return Ok(());
        };
        let last = self.last.concat();
        let name = b"\"usage\":";
        let at = memchr::memmem::rfind(&last, name).ok_or("a stream says nothing of its usage")?;
        let mut usage = serde_json::Deserializer::from_slice(&last[at + name.len()..]);
        begun.end(Usage::deserialize(&mut usage)?)
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let frame = std::task::ready!(Pin::new(&mut self.incoming).poll_frame(context));
        Poll::Ready(match frame {
            None => self.end().err().map(Err),
            Some(Err(error)) => Some(Err(error.into())),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.last.rotate_left(1);
                    self.last[2] = data.clone();
                }
                Some(Ok(frame))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
