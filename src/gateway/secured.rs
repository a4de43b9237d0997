//! TLS on a caller's connection: the handshake within the limits on silent and slow peers. Must not know what is spoken inside.

use super::{gate::Conn, respond, worker::Worker};
use crate::error::Error;
use crate::tls::Identity;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};
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
