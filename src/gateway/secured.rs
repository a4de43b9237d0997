//! TLS on a caller's connection: the handshake within the limits on silent and slow peers, and whether such a caller
//! has gone. Must not know what is spoken inside.

use super::{gate::Conn, respond, transport::Look, worker::Worker};
use crate::error::Error;
use crate::tls::Identity;
use std::{
    future::{Future, poll_fn},
    io::{ErrorKind, Read},
    pin::{Pin, pin},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// Makes a connection secure; `None` where its peer was silent, too slow, or does not speak TLS (one
/// that speaks HTTP is told).
pub async fn handshake(
    worker: &Worker,
    conn: &Conn,
    mut stream: TcpStream,
    identity: &Identity,
) -> Option<TlsStream<TcpStream>> {
    let settings = &worker.shared.settings;
    // The connection was made with the time it has for its first byte.
    let mut first = [0];
    within(worker, conn, stream.peek(&mut first)).await?.ok()?;
    conn.watch.within(Some(settings.header));
    if first[0].is_ascii_uppercase() {
        let error = Error::invalid("this port speaks TLS, and the request came without")
            .hint("call it with https://");
        let answer = respond::on_the_wire(400, &error);
        let _ = within(worker, conn, stream.write_all(&answer)).await;
        let _ = within(worker, conn, stream.shutdown()).await;
        return None;
    }
    let accept = identity.acceptor().accept(stream);
    let stream = within(worker, conn, accept).await?.ok()?;
    conn.watch.within(Some(settings.first_byte));
    Some(stream)
}

/// Runs it until it is done, the connection's time is up, or gw stops.
async fn within<F: Future>(worker: &Worker, conn: &Conn, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if conn.watch.fired().is_some() || worker.shared.is_stopping() {
            return Poll::Ready(None);
        }
        conn.watch.listen(cx);
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// What a look at the peer shows, as [`super::transport::Stream::look`] says.
pub fn look(stream: &mut TlsStream<TcpStream>, cx: &mut Context<'_>) -> Look {
    let (stream, session) = stream.get_mut();
    let mut wire = Wire { stream, cx };
    loop {
        let read = session.read_tls(&mut wire);
        let state = match session.process_new_packets() {
            Ok(state) if !state.peer_has_closed() => state,
            _ => return Look::Gone,
        };
        match read {
            Ok(0) => return Look::Gone,
            Ok(_) => {}
            Err(error) => {
                return match error.kind() {
                    // `Other`: the session takes no more before what it has was read.
                    ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::Other => {
                        match state.plaintext_bytes_to_read() {
                            0 => Look::Quiet,
                            _ => Look::Bytes,
                        }
                    }
                    _ => Look::Gone,
                };
            }
        }
    }
}

/// The socket as the session reads it.
struct Wire<'a, 'b> {
    stream: &'a mut TcpStream,
    cx: &'a mut Context<'b>,
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        match Pin::new(&mut *self.stream).poll_read(self.cx, &mut buf) {
            Poll::Ready(result) => result.map(|()| buf.filled().len()),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}
