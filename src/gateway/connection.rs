//! One connection from its first byte to its last: HTTP within its limits, and an end that lets the last answer
//! arrive. Must not know what is asked on it.

use super::{
    coalesce::CoalescedWrites,
    gate::{Conn, Gate, Transport},
    listen, secured,
    unparsed::WordedRefusals,
    watch::Fired,
    worker::Worker,
};
use crate::tls::Identity;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};
use tokio::{io::ReadBuf, net::TcpStream};

/// Headers hyper takes unless told otherwise.
const HYPER_HEADERS: usize = 100;
/// How long what a caller still sends is read away once it has its last answer. Closing before would have the
/// system reset the connection, and the answer might be lost with it.
const LINGER: Duration = Duration::from_secs(2);
/// What hyper holds of an answer whose peer does not read, beside the piece at hand.
const WRITE_BUFFER: usize = 64 << 10;

/// Serves one connection to its end.
pub async fn serve(worker: Rc<Worker>, stream: TcpStream) {
    let conn = Rc::new(Conn::new(worker.watches.add(), worker.shared.clone()));
    worker.crowd.add(&conn);
    match &worker.shared.tls {
        None => talk(&worker, &conn, stream).await,
        // In a box: a connection that waits must not carry the room about that another kind takes.
        Some(identity) => Box::pin(talk_secured(&worker, &conn, stream, identity)).await,
    }
    worker.crowd.remove(&conn);
}

/// The same over TLS.
async fn talk_secured(
    worker: &Rc<Worker>,
    conn: &Rc<Conn>,
    stream: TcpStream,
    identity: &Identity,
) {
    if let Some(stream) = secured::handshake(worker, conn, stream, identity).await {
        talk(worker, conn, stream).await;
    }
}

async fn talk<S: Transport + 'static>(worker: &Rc<Worker>, conn: &Rc<Conn>, stream: S) {
    if let Some(mut stream) = http(worker, conn, stream).await
        && conn.unread()
    {
        // In a box, as few end so.
        Box::pin(linger(worker, conn, &mut stream)).await;
    }
}

/// Serves HTTP until either side ends it. Gives the transport back unless it was cut off.
async fn http<S: Transport + 'static>(
    worker: &Rc<Worker>,
    conn: &Rc<Conn>,
    stream: S,
) -> Option<S> {
    let shared = &worker.shared;
    let service = hyper::service::service_fn({
        let (worker, conn) = (worker.clone(), conn.clone());
        move |request| {
            listen::begin(&worker, &conn, &request);
            // hyper keeps the room of a request for as long as the connection is there: most of them wait.
            Box::pin(listen::handle(worker.clone(), conn.clone(), request))
        }
    });
    let gate = Gate {
        stream,
        conn: conn.clone(),
    };
    let io = WordedRefusals::new(CoalescedWrites::new(gate), conn.clone());
    let mut http = http1::Builder::new();
    // The gate counts headers before hyper does. Up to its own limit hyper reads them without allocating.
    let settings = &shared.settings;
    if settings.max_headers > HYPER_HEADERS {
        http.max_headers(settings.max_headers.min(1_000) + 8);
    }
    // One bound for both directions, so that it has to hold the largest head and what came with it.
    let head = settings
        .max_head_bytes
        .saturating_add(settings.max_uri_bytes);
    http.max_buf_size(WRITE_BUFFER.max(head.saturating_mul(2).min(1 << 20)));
    let mut serving = http
        .pipeline_flush(false)
        .serve_connection(TokioIo::new(io), service);
    let mut told = false;
    let ended = poll_fn(|cx| {
        if shared.is_stopping() && !told {
            told = true;
            Pin::new(&mut serving).graceful_shutdown();
        }
        // A deadline here is an idle, silent or slow-headed connection; requests have their own watch.
        if conn.watch.fired() == Some(Fired::Deadline) {
            return Poll::Ready(false);
        }
        match Pin::new(&mut serving).poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending => {
                conn.watch.listen(cx);
                Poll::Pending
            }
        }
    })
    .await;
    // Of a request that was read and dropped before it was looked at: the caller has gone.
    drop(conn.begun.take());
    ended.then(|| {
        let io = serving.into_parts().io.into_inner();
        io.inner.into_inner().stream
    })
}

/// Reads away what the caller still sends, for a while.
async fn linger<S: Transport>(worker: &Worker, conn: &Conn, stream: &mut S) {
    conn.watch.within(Some(LINGER));
    let mut scratch = [0; 4096];
    poll_fn(|cx| {
        // A bound on how much is read in one go, so that a caller that keeps sending takes nobody's turn.
        for _ in 0..16 {
            if conn.watch.fired().is_some() || worker.shared.is_stopping() {
                return Poll::Ready(());
            }
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    conn.watch.listen(cx);
                    return Poll::Pending;
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
