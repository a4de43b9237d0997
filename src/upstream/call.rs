//! One request and its whole answer outside the data plane, over a connection of its own: nothing is
//! retried and no redirect is followed.

use super::{
    Upstream,
    dial::{Link, dial},
};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::{
    error::Error,
    time::{Duration, Instant},
};

/// An answer as it came.
#[derive(Debug)]
pub struct Heard {
    pub status: StatusCode,
    /// `None`: it was longer than wanted.
    pub body: Option<Bytes>,
    /// How much of the body was there how long after the request went out.
    pub pace: Vec<(usize, Duration)>,
}

impl Heard {
    /// The body, as far as it was wanted.
    pub fn said(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }
}

/// Sends it and reads an answer of at most `longest` bytes (of a longer one only the status), or says why not in a
/// fragment. The time limit is the caller's.
pub async fn call(
    upstream: &Upstream,
    request: Request<Bytes>,
    longest: usize,
) -> Result<Heard, String> {
    exchange(dial(upstream).await?, request, longest).await
}

/// The same over a connection that stands.
pub(super) async fn exchange(
    link: Link,
    request: Request<Bytes>,
    longest: usize,
) -> Result<Heard, String> {
    match link {
        Link::Plain(stream) => over(TokioIo::new(stream), request, longest).await,
        Link::Tls(stream) => over(TokioIo::new(stream), request, longest).await,
    }
}

async fn over<I>(io: I, request: Request<Bytes>, longest: usize) -> Result<Heard, String>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(io).await.map_err(|error| broke(&error))?;
    // Ends by itself when the sender and the body are gone.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let sent = Instant::now();
    let (head, mut body) = sender
        .send_request(request.map(Full::new))
        .await
        .map_err(|error| broke(&error))?
        .into_parts();
    let (mut bytes, mut pace) = (Vec::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broke(&error))?.into_data() else {
            continue;
        };
        bytes.extend_from_slice(&data);
        pace.push((bytes.len(), sent.elapsed()));
        if bytes.len() > longest {
            return Ok(Heard {
                status: head.status,
                body: None,
                pace,
            });
        }
    }
    Ok(Heard {
        status: head.status,
        body: Some(bytes.into()),
        pace,
    })
}

/// The innermost cause says it best: what TLS or the system said.
fn broke(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    format!("the connection broke: {last}")
}
