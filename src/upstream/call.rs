//! One request and its whole answer outside the data plane, over a connection of its own: nothing is
//! retried and no redirect is followed.

use super::{
    Upstream,
    dial::{Link, dial},
};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::error::Error;

/// Sends it and reads an answer of at most `longest` bytes (of a longer one only the status), or says why not in a
/// fragment. The time limit is the caller's.
pub async fn call(
    upstream: &Upstream,
    request: Request<Full<Bytes>>,
    longest: usize,
) -> Result<(StatusCode, Option<Bytes>), String> {
    exchange(dial(upstream).await?, request, longest).await
}

/// The same over a connection that stands.
pub(super) async fn exchange(
    link: Link,
    request: Request<Full<Bytes>>,
    longest: usize,
) -> Result<(StatusCode, Option<Bytes>), String> {
    match link {
        Link::Plain(stream) => over(TokioIo::new(stream), request, longest).await,
        Link::Tls(stream) => over(TokioIo::new(stream), request, longest).await,
    }
}

async fn over<I>(
    io: I,
    request: Request<Full<Bytes>>,
    longest: usize,
) -> Result<(StatusCode, Option<Bytes>), String>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(io).await.map_err(|error| broke(&error))?;
    // Ends by itself when the sender and the body are gone.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    let (head, body) = sender
        .send_request(request)
        .await
        .map_err(|error| broke(&error))?
        .into_parts();
    let body = Limited::new(body, longest).collect().await;
    match body {
        Ok(body) => Ok((head.status, Some(body.to_bytes()))),
        Err(error) if error.is::<LengthLimitError>() => Ok((head.status, None)),
        Err(error) => Err(broke(&*error)),
    }
}

/// The innermost cause says it best: what TLS or the system said.
fn broke(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    format!("the connection broke: {last}")
}
