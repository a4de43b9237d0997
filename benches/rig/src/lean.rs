//! A lean forwarder on hyper: key check, body parsed and its model replaced, pooled upstream connections, usage and cost
//! of the answer, a log line. What a gateway costs that does no more than that, one worker in one thread.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn std::error::Error>;

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

pub fn run(upstream: SocketAddr, key: &str, log: &str, ready: &str) -> Result<(), Failure> {
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
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        crate::ready(ready, listener.local_addr()?)?;
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
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let failed = |status, text: String| {
            let mut response = Response::new(Full::new(Bytes::from(text)));
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
            Some(user) => match self.forward(request, &user).await {
                Ok(response) => response,
                Err(error) => failed(StatusCode::BAD_GATEWAY, error.to_string()),
            },
        }
    }

    async fn forward(
        &self,
        request: Request<Incoming>,
        user: &str,
    ) -> Result<Response<Full<Bytes>>, Failure> {
        let begin = Instant::now();
        let (head, body) = request.into_parts();
        let mut body: serde_json::Value =
            serde_json::from_slice(&body.collect().await?.to_bytes())?;
        body["model"] = "fixed-model-2".into();
        let mut onward = Request::new(Full::new(Bytes::from(serde_json::to_vec(&body)?)));
        *onward.method_mut() = head.method;
        *onward.uri_mut() = head.uri;
        let headers = onward.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(AUTHORIZATION, self.credential.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut sender = self.connection().await?;
        let (mut head, body) = sender.send_request(onward).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        self.idle.borrow_mut().push(sender);
        let answer: Answer = serde_json::from_slice(&body)?;
        let line = Line {
            at: SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
            user,
            model: "fixed-model-2",
            status: head.status.as_u16(),
            micros: begin.elapsed().as_micros(),
            cost: answer.usage.prompt_tokens as f64 * 1e-6
                + answer.usage.completion_tokens as f64 * 4e-6,
            usage: answer.usage,
        };
        let mut log = self.log.borrow_mut();
        serde_json::to_writer(&mut *log, &line)?;
        log.write_all(b"\n")?;
        head.headers.remove(hyper::header::CONNECTION);
        Ok(Response::from_parts(head, Full::new(body)))
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
