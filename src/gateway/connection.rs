//! One connection from its first byte to its last: requests one after the other, each answered before the next is looked at,
//! and an end that lets the last answer arrive. Must not know what is asked on it.

use super::{
    body::Body,
    gate::Conn,
    incoming::Incoming,
    listen,
    response::Response,
    secured,
    transport::{SHORT, Stream},
    watch::Fired,
    worker::Worker,
};
use crate::http1::{
    body::{CHUNK_END, Framing, LAST_CHUNK, chunk},
    reply::{self, Form, Terms},
    request::{Head, Refused},
};
use bytes::Bytes;
use http::StatusCode;
use std::{
    future::{Future, poll_fn},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;

/// How long what a caller still sends is read away once it has its last answer. Closing before would have the
/// system reset the connection, and the answer might be lost with it.
const LINGER: Duration = Duration::from_secs(2);

/// Serves one connection to its end.
pub async fn serve(worker: Rc<Worker>, stream: TcpStream) {
    let conn = Rc::new(Conn::new(worker.watches.add(), worker.shared.clone()));
    worker.crowd.add(&conn);
    let stream = match &worker.shared.tls {
        None => Some(Stream::Plain(stream)),
        // In a box: a connection that waits must not carry the room about that a handshake takes.
        Some(identity) => Box::pin(secured::handshake(&worker, &conn, stream, identity))
            .await
            .map(|stream| Stream::Secured(Box::new(stream))),
    };
    if let Some(stream) = stream {
        conn.carry(stream, worker.spare.clone());
        if let Some(ended) = talk(&worker, &conn).await {
            end(&worker, &conn, ended).await;
        }
        conn.close();
    }
    worker.crowd.remove(&conn);
}

/// How a connection came to its end.
#[derive(PartialEq, Eq)]
enum Ended {
    /// All that was sent on it was read.
    Even,
    /// The caller may still be sending what nobody reads.
    Unread,
}

/// Serves requests until either side ends it; `None`: it is cut off, or broke.
async fn talk(worker: &Rc<Worker>, conn: &Rc<Conn>) -> Option<Ended> {
    loop {
        let Some(next) = unless_late(conn, |cx| conn.poll_head(cx)).await? else {
            return Some(Ended::Even);
        };
        let refused = match next {
            Ok(head) if conn.is_early() => Refused {
                status: StatusCode::BAD_REQUEST,
                why: "requests cannot be pipelined",
                path: head.parts.uri.path().to_owned(),
                headers: head.parts.headers,
            },
            Ok(head) => {
                if request(worker, conn, head).await? {
                    return Some(match conn.is_unread() {
                        true => Ended::Unread,
                        false => Ended::Even,
                    });
                }
                conn.end();
                continue;
            }
            Err(refused) => refused,
        };
        // What follows is anybody's guess.
        conn.begin(Framing::Length(0), false);
        let response = listen::refused(worker, &refused);
        answer(worker, conn, response, Terms::UNKNOWN, true).await?;
        return Some(Ended::Unread);
    }
}

/// Serves one request. Whether the connection ends with it; `None`: the caller has gone, or the answer broke off.
async fn request(worker: &Rc<Worker>, conn: &Rc<Conn>, head: Head) -> Option<bool> {
    let terms = Terms::of(&head.parts);
    let stays = head.stays;
    let turn = conn.begin(head.body, head.expects);
    let incoming = Incoming::new(conn.clone(), turn);
    // A connection carries the room of a request about for as long as there is one.
    // It begins where it stays: by way of the stack all of its room would be copied.
    let serving = Box::new_uninit();
    let serving = Box::write(
        serving,
        listen::handle(worker.clone(), head.parts, incoming),
    );
    let mut serving = Box::into_pin(serving);
    let response = unless_late(conn, |cx| match serving.as_mut().poll(cx) {
        Poll::Ready(response) => Poll::Ready(Some(response)),
        Poll::Pending => match conn.is_gone(cx) {
            true => Poll::Ready(None),
            // An invitation to send, at most.
            false => match conn.poll_send(cx) {
                Poll::Ready(Err(_)) => Poll::Ready(None),
                _ => Poll::Pending,
            },
        },
    });
    let response = response.await??;
    drop(serving);
    // What was not read of a request must not be taken for the next one.
    let last = !stays || conn.is_unread() || worker.shared.is_stopping();
    answer(worker, conn, response, terms, last).await
}

/// Sends an answer. Whether the connection ends with it; `None`: it broke off.
async fn answer(
    worker: &Worker,
    conn: &Conn,
    response: Response,
    terms: Terms,
    last: bool,
) -> Option<bool> {
    let Response {
        status,
        headers,
        body,
    } = response;
    let length = body.length();
    let form = {
        let transport = &mut *conn.transport.borrow_mut();
        transport.make_room(HEAD);
        let out = &mut transport.out.front;
        let now = worker.watches.now();
        worker.date.with(now, |date| {
            reply::write((status, &headers), terms, length, last, date, out)
        })
    };
    drop(headers);
    let mut answering = Answering {
        body,
        form,
        over: false,
    };
    let whole = unless_late(conn, |cx| answering.poll(conn, cx)).await?;
    whole.then_some(form.last)
}

/// Room that an answer's head fits into.
const HEAD: usize = 1 << 10;
/// The same for what is around a chunk.
const CHUNK: usize = 32;

/// An answer on its way, whose head is among what is to go out.
struct Answering {
    body: Body,
    /// With the length that is left.
    form: Form,
    /// All of it is on its way.
    over: bool,
}

impl Answering {
    /// Goes on with it, as far as the caller takes it. Whether it has gone out whole, where it is over.
    fn poll(&mut self, conn: &Conn, cx: &mut Context<'_>) -> Poll<bool> {
        let mut waits = false;
        loop {
            while !self.over && !waits && conn.transport.borrow().out.has_room() {
                match self.body.poll_piece(cx) {
                    Poll::Pending => waits = true,
                    Poll::Ready(Some(Ok(piece))) => {
                        self.add(piece, conn);
                        waits = self.body.is_quiet();
                    }
                    Poll::Ready(None) if self.finished(conn) => self.over = true,
                    Poll::Ready(None | Some(Err(_))) => return Poll::Ready(false),
                }
            }
            match conn.poll_send(cx) {
                Poll::Ready(Ok(())) if self.over => return Poll::Ready(true),
                Poll::Ready(Ok(())) if !waits => {}
                Poll::Ready(Err(_)) => return Poll::Ready(false),
                _ if conn.is_gone(cx) => return Poll::Ready(false),
                _ => return Poll::Pending,
            }
        }
    }

    fn add(&mut self, mut piece: Bytes, conn: &Conn) {
        let transport = &mut *conn.transport.borrow_mut();
        transport.make_room(piece.len().min(SHORT) + CHUNK);
        let out = &mut transport.out;
        match &mut self.form.framing {
            _ if self.form.bodiless || piece.is_empty() => {}
            Framing::Length(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                piece.truncate(most);
                *left -= piece.len() as u64;
                out.push(piece, &[]);
            }
            Framing::Chunked => {
                chunk(piece.len(), &mut out.front);
                out.push(piece, CHUNK_END);
            }
            Framing::Close => out.push(piece, &[]),
        }
    }

    /// Ends it; whether all has come that was promised.
    fn finished(&self, conn: &Conn) -> bool {
        match self.form.framing {
            _ if self.form.bodiless => true,
            Framing::Length(left) => left == 0,
            Framing::Chunked => {
                let out = &mut conn.transport.borrow_mut().out;
                out.front.extend_from_slice(LAST_CHUNK);
                true
            }
            Framing::Close => true,
        }
    }
}

/// Goes on until it is done; `None`: the connection's time was up before. Idle, silent and slow connections have such a time:
/// requests have their own watch.
async fn unless_late<T>(
    conn: &Conn,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    poll_fn(|cx| {
        if conn.watch.fired() == Some(Fired::Deadline) {
            return Poll::Ready(None);
        }
        let polled = poll(cx);
        if polled.is_pending() {
            conn.watch.listen(cx);
        }
        polled.map(Some)
    })
    .await
}

/// Says that this was all, and reads away what the caller still sends, for a while.
async fn end(worker: &Worker, conn: &Conn, ended: Ended) {
    conn.watch.within(Some(LINGER));
    let mut said = false;
    poll_fn(|cx| {
        let transport = &mut *conn.transport.borrow_mut();
        if !said && transport.poll_end(cx).is_pending() && conn.watch.fired().is_none() {
            conn.watch.listen(cx);
            return Poll::Pending;
        }
        said = true;
        // A bound on how much is read in one go, so that a caller that keeps sending takes nobody's turn.
        for _ in 0..16 {
            let over = conn.watch.fired().is_some() || worker.shared.is_stopping();
            if over || ended == Ended::Even {
                return Poll::Ready(());
            }
            transport.came.clear();
            match transport.poll_read(cx) {
                Poll::Ready(Ok(1..)) => {}
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
