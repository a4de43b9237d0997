//! The socket as hyper sees it: knows whether a connection is idle, sending a head or busy, sets its
//! deadline accordingly and checks every head before hyper parses it.

use super::{Shared, head, record::Record, watch::Guard};
use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Made once: preparing a search takes longer than searching a head.
static HEAD_END: LazyLock<memchr::memmem::Finder<'static>> =
    LazyLock::new(|| memchr::memmem::Finder::new(b"\r\n\r\n"));

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request has arrived.
    Idle,
    /// Part of a head has.
    Head,
    /// A head has arrived and been judged; hyper reads it.
    Judged,
    /// A request is being read, served or answered.
    Busy,
    /// The last answer is on its way, and the connection ends with it: what comes now is nobody's request.
    Over,
}

/// What is known of a connection; shared by its socket, its requests and their bodies.
pub struct Conn {
    phase: Cell<Phase>,
    partial: RefCell<Vec<u8>>,
    /// What the last head came to; `None`: no head was seen (the request was pipelined).
    verdict: Cell<Option<Result<(), &'static str>>>,
    /// The request's body has not been read to its end.
    unread: Cell<bool>,
    /// The peer takes nothing of what is being written.
    stalled: Cell<bool>,
    pub watch: Guard,
    /// Its place among its worker's connections, by when they came.
    pub place: Cell<u64>,
    /// A valid key was presented on it.
    pub known: Cell<bool>,
    /// The record of a request whose serving has not begun. Here and not with what is awaited, which would be copied
    /// whole for it.
    pub begun: RefCell<Option<Box<Record>>>,
    shared: Arc<Shared>,
}

impl Conn {
    pub fn new(watch: Guard, shared: Arc<Shared>) -> Conn {
        watch.within(Some(shared.settings.first_byte));
        Conn {
            phase: Cell::new(Phase::Idle),
            partial: RefCell::default(),
            verdict: Cell::new(None),
            unread: Cell::new(false),
            stalled: Cell::new(false),
            watch,
            place: Cell::new(0),
            known: Cell::new(false),
            begun: RefCell::default(),
            shared,
        }
    }

    /// A request begins: its head's verdict. Pipelined requests have none and are refused: nobody's client
    /// sends them, and they are how one caller's bytes become another's request. What follows a refused head is
    /// anybody's guess, and so unread for good.
    pub fn begin(&self, body: bool) -> Result<(), &'static str> {
        self.enter(Phase::Busy);
        let verdict = self
            .verdict
            .take()
            .unwrap_or(Err("requests cannot be pipelined"));
        self.unread.set(body || verdict.is_err());
        verdict
    }

    /// Whether the head that has come is not refused.
    pub fn accepts(&self) -> bool {
        self.verdict.get() == Some(Ok(()))
    }

    /// The request's body has been read to its end.
    pub fn read(&self) {
        self.unread.set(false);
    }

    /// Whether some of the request is still to come, so that the connection cannot go on after its answer.
    pub fn unread(&self) -> bool {
        self.unread.get()
    }

    /// The answer is complete: the connection is idle again, or has served its last.
    pub fn end(&self) {
        self.enter(match self.unread.get() {
            true => Phase::Over,
            false => Phase::Idle,
        });
    }

    /// Whether nothing of a request has arrived since the last answer.
    pub fn idle(&self) -> bool {
        self.phase.get() == Phase::Idle
    }

    /// Whether a head is being read, so that what is written now is hyper's own word on it, or an earlier answer.
    pub fn reading_head(&self) -> bool {
        matches!(self.phase.get(), Phase::Head | Phase::Judged)
    }

    /// Why the head being read was refused, if it was.
    pub fn refusal(&self) -> Option<&'static str> {
        self.verdict.get().and_then(Result::err)
    }

    /// Every phase has its deadline, except that a peer which does not read has that of stalled writes: an
    /// answer is complete for us long before its last byte is on the way.
    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        if self.stalled.get() {
            return;
        }
        let settings = &self.shared.settings;
        self.watch.within(match phase {
            Phase::Idle => Some(settings.idle),
            Phase::Head => Some(settings.header),
            // What was written must be taken, or the peer counts as stalled.
            Phase::Judged | Phase::Busy | Phase::Over => None,
        });
    }

    /// What became of a write or flush.
    fn wrote<T>(&self, polled: &Poll<std::io::Result<T>>) {
        match (polled.is_pending(), self.stalled.get()) {
            (true, false) => {
                self.stalled.set(true);
                self.watch.within(Some(self.shared.settings.write_stall));
            }
            (false, true) => {
                self.stalled.set(false);
                self.enter(self.phase.get());
            }
            _ => {}
        }
    }

    fn arrived(&self, bytes: &[u8]) {
        match self.phase.get() {
            _ if bytes.is_empty() => return,
            Phase::Idle => self.enter(Phase::Head),
            Phase::Head => {}
            Phase::Judged | Phase::Busy | Phase::Over => return,
        }
        let mut partial = self.partial.borrow_mut();
        // The usual case: the whole head in one read, looked at where it lies.
        let whole: &[u8] = match partial.is_empty() {
            true => bytes,
            false => {
                partial.extend_from_slice(bytes);
                &partial
            }
        };
        let settings = &self.shared.settings;
        let most = settings
            .max_head_bytes
            .saturating_add(settings.max_uri_bytes);
        let found = HEAD_END.find(whole).map(|at| at + 4);
        let verdict = match found {
            Some(end) if end <= most => Some(head::check(
                &whole[..end],
                settings.max_headers,
                settings.max_header_bytes,
                settings.max_uri_bytes,
            )),
            Some(_) => Some(Err("the request head is too large")),
            None if whole.len() > most => Some(Err("the request head is too large")),
            // hyper would take LF LF as the end of a head.
            None if memchr::memmem::find(whole, b"\n\n").is_some() => {
                Some(Err("a line of the request head does not end in CRLF"))
            }
            None => None,
        };
        match verdict {
            Some(verdict) => {
                self.verdict.set(Some(verdict));
                // Given back, not kept: few heads come in pieces.
                *partial = Vec::new();
                // The deadline stays until hyper has read the head and the request begins.
                self.phase.set(Phase::Judged);
            }
            None if partial.is_empty() => partial.extend_from_slice(bytes),
            None => {}
        }
    }
}

/// A connection as bytes of HTTP, whatever carries them.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Whether the peer has gone, looked for without taking anything it sent. Without news no system call.
    fn gone(&mut self, cx: &mut Context<'_>) -> bool;
}

impl Transport for TcpStream {
    fn gone(&mut self, cx: &mut Context<'_>) -> bool {
        matches!(
            self.poll_peek(cx, &mut ReadBuf::new(&mut [0])),
            Poll::Ready(Ok(0))
        )
    }
}

/// The transport, watched.
pub struct Gate<S> {
    pub stream: S,
    pub conn: Rc<Conn>,
}

impl<S: Transport> AsyncRead for Gate<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = polled {
            self.conn.arrived(&buf.filled()[before..]);
        }
        polled
    }
}

impl<S: Transport> AsyncWrite for Gate<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.conn.wrote(&polled);
        polled
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.conn.wrote(&polled);
        polled
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        // hyper looks for a caller's end only while it has nothing unread of it. One that left bytes behind its
        // request (a line break, another request) has gone all the same.
        if self.conn.phase.get() == Phase::Busy && self.stream.gone(cx) {
            return Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into()));
        }
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.conn.wrote(&polled);
        polled
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
