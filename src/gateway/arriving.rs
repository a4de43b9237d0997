//! The body of an answer, with the connection it comes over: who reads it reads the socket, so that it knows when nothing more
//! has arrived. Read to its end, it gives the connection back; dropped before, it closes it. Must not know what is read.

use super::{broke::Broke, connect::Connection, pool::Pool};
use crate::http1::body::{Body, Framing, Malformed};
use crate::upstream::Upstream;
use bytes::Bytes;
use std::{
    cell::RefCell,
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::task::JoinHandle;

/// Room for what is announced.
const MOST: u64 = 256 << 10;

/// Where a connection belongs that has done its work.
pub struct Home {
    pub upstream: Arc<Upstream>,
    pub pool: Rc<Pool>,
}

/// The body of an answer.
pub struct Arriving {
    body: Body,
    /// `None`: it has ended.
    connection: Option<Rc<RefCell<Connection>>>,
    /// The connection can go on after it.
    lasts: bool,
    home: Home,
    /// Sends what is left of the request.
    sender: Option<Sender>,
}

/// A task that goes on sending a request whose answer has begun: it must not wait for a caller that does not read.
struct Sender(JoinHandle<()>);

impl Sender {
    fn spawn(connection: Rc<RefCell<Connection>>) -> Sender {
        Sender(tokio::task::spawn_local(async move {
            let sent = poll_fn(|cx| connection.borrow_mut().poll_send(cx)).await;
            if sent.is_err() {
                connection.borrow().shut();
            }
        }))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Arriving {
    /// What comes behind a head that has been read.
    pub fn new(
        connection: Rc<RefCell<Connection>>,
        framing: Framing,
        lasts: bool,
        home: Home,
    ) -> Arriving {
        let sent = connection.borrow().is_sent();
        let mut arriving = Arriving {
            body: Body::new(framing),
            sender: (!sent).then(|| Sender::spawn(connection.clone())),
            connection: Some(connection),
            lasts,
            home,
        };
        arriving.ended();
        arriving
    }

    /// Bytes it still has, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.body.length()
    }

    /// The upstream it comes from.
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.home.upstream
    }

    /// Nobody reads on.
    pub fn abandon(&mut self) {
        self.sender = None;
        self.connection = None;
    }

    /// The next piece; `None`: the end. Where nothing comes, nothing more has arrived.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broke>>> {
        let polled = ready!(self.poll_next(cx)).transpose();
        match &polled {
            Some(Err(_)) => self.abandon(),
            Some(Ok(_)) | None => self.ended(),
        }
        Poll::Ready(polled)
    }

    /// The same, waited for.
    pub async fn piece(&mut self) -> Option<Result<Bytes, Broke>> {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    /// Reads on without taking anything out of where it lies, so that it becomes one piece: until all of a body is there whose length
    /// is known, or more than `most`. How much lies there now; `None`: nothing more is to be gathered.
    pub async fn gather(&mut self, most: usize) -> Result<Option<usize>, Broke> {
        let gathered = poll_fn(|cx| self.poll_gather(cx, most)).await;
        if gathered.is_err() {
            self.abandon();
        }
        gathered
    }

    fn poll_gather(
        &mut self,
        cx: &mut Context<'_>,
        most: usize,
    ) -> Poll<Result<Option<usize>, Broke>> {
        let (Some(connection), Some(left)) = (&self.connection, self.body.length()) else {
            return Poll::Ready(Ok(None));
        };
        let mut connection = connection.borrow_mut();
        let lies = connection.read.len();
        if lies as u64 >= left || lies > most {
            return Poll::Ready(Ok(None));
        }
        // What is only announced takes no more room than what has come.
        let room = (left - lies as u64).min(MOST.max(lies as u64)) as usize;
        if ready!(connection.poll_read(cx, room))? == 0 {
            return Poll::Ready(Err(Broke::Body(Malformed::Cut)));
        }
        // What comes behind it is not its own.
        let lies = connection.read.len();
        Poll::Ready(Ok(Some(
            usize::try_from(left).map_or(lies, |left| lies.min(left)),
        )))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Broke>> {
        let Some(connection) = &self.connection else {
            return Poll::Ready(Ok(None));
        };
        let mut connection = connection.borrow_mut();
        loop {
            let piece = self.body.next(&mut connection.read);
            let piece = piece.map_err(Broke::Body)?;
            if piece.is_some() || self.body.is_done() {
                return Poll::Ready(Ok(piece));
            }
            let room = self.body.left().map_or(0, |left| left.min(MOST) as usize);
            if ready!(connection.poll_read(cx, room))? == 0 {
                self.body.closed().map_err(Broke::Body)?;
                self.lasts = false;
            }
        }
    }

    /// Gives the connection back where the body has been read to its end, unless the request is still going out over it.
    fn ended(&mut self) {
        if !self.body.is_done() {
            return;
        }
        self.sender = None;
        if let Some(connection) = self.connection.take().filter(|_| self.lasts) {
            self.home.pool.give(&self.home.upstream, connection);
        }
    }
}
