//! One caller's connection, in the hands of whoever serves it and of who reads the body that comes on it: what it is doing,
//! and the deadline that goes with that. Must not know what is asked on it.

use super::{
    Shared,
    transport::{Look, Spare, Stream, Transport},
    watch::Guard,
};
use crate::http1::{
    body::{Body, Framing, Malformed},
    request::{Head, Limits, Reader, Refused},
};
use bytes::{Buf as _, Bytes};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// So much of what comes behind a request is taken in before it has its answer, to see whether its caller has gone.
const BEHIND: usize = 8 << 10;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request has arrived.
    Idle,
    /// Part of a head has.
    Head,
    /// A request is being read, served or answered.
    Busy,
}

/// What is known of a connection.
pub struct Conn {
    phase: Cell<Phase>,
    /// The peer takes nothing of what is being written.
    stalled: Cell<bool>,
    early: Cell<bool>,
    pub watch: Guard,
    /// Its place among its worker's connections, by when they came.
    pub place: Cell<u64>,
    /// A valid key was presented on it.
    pub known: Cell<bool>,
    pub transport: RefCell<Transport>,
    heads: RefCell<Reader>,
    body: RefCell<Coming>,
    shared: Arc<Shared>,
}

/// The body of the request that is being served.
struct Coming {
    /// Which request of the connection's it is of.
    turn: u32,
    body: Body,
    /// Its caller waits to be asked for it.
    expected: bool,
    /// Whoever reads it waits for more, and sees then, too, that the caller goes.
    awaited: bool,
    /// Who serves the connection. It may be another who reads.
    owner: Option<Waker>,
}

impl Conn {
    pub fn new(watch: Guard, shared: Arc<Shared>) -> Conn {
        watch.within(Some(shared.settings.first_byte));
        Conn {
            phase: Cell::new(Phase::Idle),
            stalled: Cell::new(false),
            early: Cell::new(false),
            watch,
            place: Cell::new(0),
            known: Cell::new(false),
            transport: RefCell::default(),
            heads: RefCell::default(),
            body: RefCell::new(Coming {
                turn: 0,
                body: Body::new(Framing::Length(0)),
                expected: false,
                awaited: false,
                owner: None,
            }),
            shared,
        }
    }

    /// It is carried by this from now on.
    pub fn carry(&self, stream: Stream, spare: Rc<Spare>) {
        let transport = &mut *self.transport.borrow_mut();
        transport.stream = stream;
        transport.spare = spare;
    }

    /// The next request's head; `None`: none will come.
    pub fn poll_head(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Head, Refused>>> {
        let transport = &mut *self.transport.borrow_mut();
        loop {
            if transport.came.is_empty() {
                if self.shared.is_stopping() {
                    return Poll::Ready(None);
                }
            } else {
                let limits = self.limits();
                let read = self.heads.borrow_mut().read(&mut transport.came, &limits);
                if read.is_some() {
                    return Poll::Ready(read);
                }
            }
            match transport.poll_read(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => return Poll::Ready(None),
                Poll::Pending => {
                    match self.phase.get() {
                        _ if transport.came.is_empty() => transport.rest(),
                        Phase::Idle => self.enter(Phase::Head),
                        Phase::Head | Phase::Busy => {}
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn limits(&self) -> Limits {
        let settings = &self.shared.settings;
        Limits {
            head: settings
                .max_head_bytes
                .saturating_add(settings.max_uri_bytes),
            headers: settings.max_headers,
            header: settings.max_header_bytes,
            target: settings.max_uri_bytes,
        }
    }

    /// Whether what comes next was sent before the last request had its answer. Nobody's client does that, and it is how one
    /// caller's bytes become another's request.
    pub fn is_early(&self) -> bool {
        self.early.get()
    }

    /// A request begins; which one of the connection's it is.
    pub fn begin(&self, framing: Framing, expected: bool) -> u32 {
        self.enter(Phase::Busy);
        let mut coming = self.body.borrow_mut();
        coming.turn = coming.turn.wrapping_add(1);
        coming.body = Body::new(framing);
        coming.expected = expected;
        coming.awaited = false;
        coming.turn
    }

    /// The next piece of the body of the request with that turn; `None`: its end.
    pub fn poll_piece(
        &self,
        turn: u32,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Malformed>>> {
        let coming = &mut *self.body.borrow_mut();
        if coming.turn != turn {
            return Poll::Ready(Some(Err(Malformed::Cut)));
        }
        let transport = &mut *self.transport.borrow_mut();
        let piece = loop {
            match coming.body.next(&mut transport.came).transpose() {
                None if !coming.body.is_done() => {}
                piece => break piece,
            }
            if std::mem::take(&mut coming.expected) {
                const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
                transport.out.front.extend_from_slice(CONTINUE);
                let _ = transport.poll_send(cx, |taken| self.takes(taken));
            }
            match transport.poll_read(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => break Some(Err(Malformed::Cut)),
                Poll::Pending => {
                    coming.awaited = true;
                    return Poll::Pending;
                }
            }
        };
        // From here on the owner is to look whether the caller goes.
        if std::mem::take(&mut coming.awaited)
            && let Some(owner) = &coming.owner
            && !owner.will_wake(cx.waker())
        {
            owner.wake_by_ref();
        }
        Poll::Ready(piece)
    }

    /// Nobody reads the body of the request with that turn any more.
    pub fn leave(&self, turn: u32) {
        let mut coming = self.body.borrow_mut();
        coming.awaited &= coming.turn != turn;
    }

    /// Bytes that are still to come of the body, where that is known.
    pub fn left(&self) -> Option<u64> {
        self.body.borrow().body.length()
    }

    /// Whether some of the request is still to come, so that the connection cannot go on after its answer.
    pub fn is_unread(&self) -> bool {
        !self.body.borrow().body.is_done()
    }

    /// Whether the caller has gone while its request is served or answered. What it sent behind its request does not hide that.
    pub fn is_gone(&self, cx: &mut Context<'_>) -> bool {
        let coming = &mut *self.body.borrow_mut();
        match &coming.owner {
            Some(owner) if owner.will_wake(cx.waker()) => {}
            _ => coming.owner = Some(cx.waker().clone()),
        }
        if coming.awaited {
            return false;
        }
        let transport = &mut *self.transport.borrow_mut();
        loop {
            match transport.stream.look(cx) {
                Look::Quiet => {
                    transport.rest();
                    return false;
                }
                Look::Gone => return true,
                Look::Bytes if !coming.body.is_done() || transport.came.len() >= BEHIND => {
                    return false;
                }
                Look::Bytes => match transport.poll_read(cx) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return true,
                    Poll::Pending => return false,
                },
            }
        }
    }

    /// Sends what is to go out.
    pub fn poll_send(&self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let transport = &mut *self.transport.borrow_mut();
        transport.poll_send(cx, |taken| self.takes(taken))
    }

    /// The answer has gone out, and the connection stays. What came by now came too early, but for a line break that some put
    /// behind a body.
    pub fn end(&self) {
        let came = &mut self.transport.borrow_mut().came;
        while came.starts_with(b"\r\n") {
            came.advance(2);
        }
        self.early.set(!came.is_empty());
        self.enter(Phase::Idle);
    }

    /// The connection is over, whoever still has a hand on it.
    pub fn close(&self) {
        self.transport.borrow_mut().stream = Stream::None;
    }

    /// Whether nothing of a request has arrived since the last answer.
    pub fn idle(&self) -> bool {
        self.phase.get() == Phase::Idle
    }

    /// Every phase has its deadline. What is written must be taken, or the peer counts as stalled.
    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        let settings = &self.shared.settings;
        self.watch.within(match phase {
            Phase::Idle => Some(settings.idle),
            Phase::Head => Some(settings.header),
            Phase::Busy => None,
        });
    }

    /// The peer takes what is written, or does not.
    fn takes(&self, takes: bool) {
        if self.stalled.replace(!takes) == takes {
            let stall = self.shared.settings.write_stall;
            self.watch.within((!takes).then_some(stall));
        }
    }
}
