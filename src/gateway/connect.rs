//! Making upstream connections of a worker: dialled, then HTTP/1.1 with writes in one piece.

use super::{
    driver::Driver,
    early::EarlyAnswers,
    failure::Failure,
    payload::Payload,
    socket::{Peephole, Socket},
};
use crate::upstream::{
    Upstream,
    dial::{Link, dial},
};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection to an upstream.
pub struct Connection {
    pub sender: SendRequest<Payload>,
    pub driver: Driver,
    peephole: Peephole,
}

impl Connection {
    /// Whether HTTP has given it up.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether a request may go out over it now: open, and nothing has come that no request asked for.
    pub fn is_idle(&self) -> bool {
        !self.is_closed() && self.peephole.is_quiet()
    }
}

/// A new connection to an upstream. Dropping the future gives up whatever stage it is in.
pub async fn connect(upstream: &Upstream) -> Result<Connection, Failure> {
    let link = dial(upstream).await.map_err(|why| {
        let message = format!("cannot connect to provider `{}`: {why}", upstream.name);
        Failure::connect(message).coded(why.step.code())
    })?;
    match link {
        Link::Plain(stream) => handshake(Socket::new(stream)).await,
        Link::Tls(stream) => handshake(Socket::new(stream)).await,
    }
}

async fn handshake<S>((socket, peephole): (Socket<S>, Peephole)) -> Result<Connection, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    // At most 100 headers, hyper's own limit: another one would have it allocate room for each answer's head.
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(128 << 10)
        .handshake(TokioIo::new(EarlyAnswers::new(socket)))
        .await
        .map_err(|error| Failure::connect(format!("HTTP handshake failed: {error}")))?;
    // Ends by itself when the sender and the response body are gone, or the peer closes.
    let driver = Driver::spawn(async move {
        let _ = connection.await;
    });
    Ok(Connection {
        sender,
        driver,
        peephole,
    })
}
