//! TLS on a caller's connection: the handshake within the limits on silent and slow peers, and whether such a caller
//! has gone. Must not know what is spoken inside.

use super::{gate::Conn, gate::Transport, worker::Worker};
use crate::tls::Identity;
use std::{
    future::{Future, poll_fn},
    io::{Error, ErrorKind, Read},
    pin::{Pin, pin},
    sync::atomic::Ordering,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

/// Makes a connection secure; `None` where its peer was silent, too slow, or does not speak TLS.
pub async fn handshake(
    worker: &Worker,
    conn: &Conn,
    stream: TcpStream,
    identity: &Identity,
) -> Option<TlsStream<TcpStream>> {
    let settings = &worker.shared.settings;
    // The connection was made with the time it has for its first byte.
    within(worker, conn, stream.readable()).await?.ok()?;
    conn.watch.within(Some(settings.header));
    let accept = identity.acceptor().accept(stream);
    let stream = within(worker, conn, accept).await?.ok()?;
    conn.watch.within(Some(settings.first_byte));
    Some(stream)
}

/// Runs it until it is done, the connection's time is up, or gw stops.
async fn within<F: Future>(worker: &Worker, conn: &Conn, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        if conn.watch.fired().is_some() || worker.shared.stopping.load(Ordering::Relaxed) {
            return Poll::Ready(None);
        }
        conn.watch.listen(cx);
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

impl Transport for TlsStream<TcpStream> {
    fn gone(&mut self, cx: &mut Context<'_>) -> bool {
        let (stream, session) = self.get_mut();
        let mut wire = Wire { stream, cx };
        loop {
            match session.read_tls(&mut wire) {
                Ok(0) => return true,
                Ok(_) => match session.process_new_packets() {
                    Ok(state) if state.peer_has_closed() => return true,
                    Ok(_) => {}
                    Err(_) => return true,
                },
                // The session takes no more before what it has was read: then there is no telling.
                Err(error) => {
                    return !matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::Other
                    );
                }
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
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut buf = ReadBuf::new(buf);
        match Pin::new(&mut *self.stream).poll_read(self.cx, &mut buf) {
            Poll::Ready(result) => result.map(|()| buf.filled().len()),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}
