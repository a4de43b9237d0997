//! A connection to an upstream: dialled, then requests out and answers in, by whoever waits for them and by nobody else.

use super::{broke::Broke, failure::Failure, outgoing::Outgoing, payload::Request, socket::Socket};
use crate::http1::answer::{Answer, Reader};
use crate::upstream::{
    Upstream,
    dial::{Link, dial},
};
use bytes::BytesMut;
use http::Method;
use std::task::{Context, Poll, ready};

/// Room for what comes, where nobody knows how much that is: most answers whole, and an event of a stream often.
const ROOM: usize = 8 << 10;
/// It grows to this where there is always more.
const MOST_ROOM: usize = 64 << 10;
/// With less room than this nothing is read, so that few answers are cut in two.
const LEAST_ROOM: usize = 2 << 10;

/// A connection to an upstream.
pub struct Connection {
    socket: Socket,
    outgoing: Outgoing,
    /// Reads the head that is waited for.
    head: Reader,
    /// The answer has no body whatever its head says: `HEAD` was asked.
    headless: bool,
    /// What has come and was not taken.
    pub read: BytesMut,
    /// Room for what comes next.
    room: usize,
    /// There has been much room, which what is left of it keeps alive.
    roomy: bool,
}

impl Connection {
    /// Begins with a request.
    pub fn begin(&mut self, request: Request<'_>) {
        self.head = Reader::default();
        self.headless = request.method == Method::HEAD;
        self.outgoing.begin(request);
    }

    /// Whether all of the request is out.
    pub fn is_sent(&self) -> bool {
        self.outgoing.is_sent()
    }

    /// Whether nothing of an answer has come.
    pub fn is_unanswered(&self) -> bool {
        self.head.is_new() && self.read.is_empty()
    }

    /// Makes it ready for the next request, as far as is known without asking the system; `false`: it takes no other.
    pub fn rest(&mut self) -> bool {
        let clean = self.read.is_empty() && self.outgoing.is_sent() && !self.outgoing.is_deaf();
        // An idle connection has no use for much room.
        if std::mem::take(&mut self.roomy) {
            self.read = BytesMut::new();
            self.room = ROOM;
        }
        clean
    }

    /// Whether a request may go out over it now: it is open, and nothing has come that no request asked for.
    pub fn is_idle(&mut self) -> bool {
        self.socket.is_quiet()
    }

    /// Goes on sending.
    pub fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broke>> {
        self.outgoing.poll(&mut self.socket, cx)
    }

    /// Goes on sending the request and waits for the head of its answer, which may come before all of it is out.
    pub fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, Broke>> {
        if let Poll::Ready(Err(broke)) = self.poll_send(cx) {
            return Poll::Ready(Err(broke));
        }
        loop {
            let head = self.head.read(&mut self.read, self.headless);
            if let Some(answer) = head.map_err(Broke::Head).transpose() {
                return Poll::Ready(answer);
            }
            if ready!(self.poll_read(cx, 0))? == 0 {
                return Poll::Ready(Err(Broke::Closed));
            }
        }
    }

    /// Reads more of what has come, with room for so much where that is known, else 0. 0: the peer has closed.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<Result<usize, Broke>> {
        if self.read.capacity() - self.read.len() < room.max(LEAST_ROOM) {
            let room = room.max(self.room);
            self.roomy |= room > 2 * ROOM;
            self.read.reserve(room);
        }
        let spare = self.read.capacity() - self.read.len();
        let count = ready!(self.socket.poll_read(cx, &mut self.read)).map_err(Broke::Io)?;
        if count == spare && room == 0 {
            self.room = (self.room * 2).min(MOST_ROOM);
        }
        Poll::Ready(Ok(count))
    }

    /// Ends it. Who reads sees the end.
    pub fn shut(&self) {
        self.socket.shut();
    }
}

/// A new connection to an upstream. Dropping the future gives up whatever stage it is in.
pub async fn connect(upstream: &Upstream) -> Result<Connection, Failure> {
    let link = dial(upstream).await.map_err(|why| {
        let message = format!("cannot connect to provider `{}`: {why}", upstream.name);
        Failure::connect(message).coded(why.step.code())
    })?;
    Ok(Connection {
        socket: match link {
            Link::Plain(stream) => Socket::Plain(stream),
            Link::Tls(stream) => Socket::Tls(stream),
        },
        outgoing: Outgoing::default(),
        head: Reader::default(),
        headless: false,
        read: BytesMut::new(),
        room: ROOM,
        roomy: false,
    })
}
