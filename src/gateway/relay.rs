//! After the commit point: hands the answer on, pulled by the caller's reading: what has arrived in one piece. A stream of events
//! ends well-formed whatever happens: upstream failure, silence, revocation, shutdown; any other answer then breaks
//! off. Never switches upstreams.

use super::{
    held::{Held, NoRoom},
    pieces::Pieces,
    record::Record,
    stream::{Step, Stream},
    watch::{Fired, Guard},
};
use crate::chat::Fault;
use crate::error::{Error, Kind};
use crate::plan::{health::Entry, retry::Class};
use crate::store::journal::Outcome;
use bytes::Bytes;
use http::StatusCode;
use std::{
    task::{Context, Poll},
    time::Duration,
};

/// How long an upstream is given whose reply is complete: after its end mark to end the answer too, so that its connection
/// can be used again; after the last finish reason, when something interrupts it there, to send usage and end mark.
const LINGER: Duration = Duration::from_secs(1);

/// So much is handed on without looking whether more has arrived.
const ENOUGH: usize = 16 << 10;

/// Class of an attempt that was ended from gw's side.
const CANCELLED: &str = "cancelled";

/// A committed stream on its way to the caller.
pub struct Relay {
    /// `None` once it is over; dropping it closes the upstream connection.
    stream: Option<Stream>,
    /// What the caller was told.
    status: StatusCode,
    /// What the target's state is told at the end.
    entry: Entry,
    record: Box<Record>,
    watch: Guard,
    ping: Duration,
    last: Pieces,
    /// It ended early and cannot say so but by breaking off.
    aborted: bool,
    /// What had come by then has had its turn to go out: breaking off throws away what has not been written.
    written: bool,
    touched: bool,
    /// Only what is left of [`LINGER`] is waited for.
    lingering: bool,
    /// Nothing more had arrived when the last piece was handed on.
    quiet: bool,
    held: Held,
    /// What is held of the request.
    base: usize,
}

/// The answer breaks off: what had been promised does not come.
#[derive(Debug)]
pub struct Aborted;

impl std::fmt::Display for Aborted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer broke off")
    }
}

impl std::error::Error for Aborted {}

impl Relay {
    pub fn new(
        stream: Stream,
        status: StatusCode,
        entry: Entry,
        record: Box<Record>,
        watch: Guard,
        held: Held,
    ) -> Relay {
        let ping = record.ping();
        watch.within(Some(stream.idle));
        watch.ping_within(ping);
        // The end mark may have come with the first content.
        let touched = stream.marked();
        Relay {
            stream: Some(stream),
            status,
            entry,
            record,
            watch,
            ping,
            last: Pieces::default(),
            aborted: false,
            written: false,
            touched,
            lingering: false,
            quiet: false,
            base: held.bytes(),
            held,
        }
    }

    /// The next piece for the caller; `None`: the end.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        self.quiet = false;
        loop {
            let more = self.stream.as_mut().map(|stream| &mut stream.out);
            let enough = more.filter(|out| out.len() >= ENOUGH);
            let ready = enough.and_then(Pieces::take).or_else(|| self.last.take());
            if let Some(piece) = ready {
                return Poll::Ready(Some(Ok(self.hand(piece))));
            }
            let Some(stream) = &mut self.stream else {
                if self.aborted && !std::mem::replace(&mut self.written, true) {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                let aborted = std::mem::take(&mut self.aborted);
                return Poll::Ready(aborted.then_some(Err(Aborted)));
            };
            // A pause in our caller's reading is no silence of the upstream's: what has come goes out first.
            let silent = match self.watch.fired() {
                Some(Fired::Deadline) if !self.watch.capped() => true,
                // Its last words are waited for.
                Some(_) if !self.lingering && stream.said_all() && !stream.marked() => {
                    self.linger();
                    continue;
                }
                Some(fired) => {
                    self.interrupted(fired);
                    continue;
                }
                None => false,
            };
            let step = stream.poll_step(cx);
            if let Err(full) = self.held.hold(self.base + stream.waiting()) {
                self.no_room(full);
                continue;
            }
            if silent && step.is_ready() {
                self.watch.rearm();
                self.touched = true;
            }
            match step {
                // Nothing more has arrived.
                Poll::Pending if let Some(piece) = stream.out.take() => {
                    self.quiet = !silent && !stream.marked() && stream.out.is_empty();
                    if self.quiet {
                        // It goes out now, and no ping beside it.
                        self.touched |= self.watch.take_ping();
                        self.wait(cx);
                    }
                    return Poll::Ready(Some(Ok(self.hand(piece))));
                }
                Poll::Pending if silent => self.interrupted(Fired::Deadline),
                Poll::Pending => {
                    if self.touched && !self.lingering && stream.marked() {
                        self.touched = false;
                        self.linger();
                        continue;
                    }
                    self.wait(cx);
                    let Some(stream) = &mut self.stream else {
                        continue;
                    };
                    if self.watch.take_ping() && stream.has_events() && !self.lingering {
                        self.watch.ping_within(self.ping);
                        let ping = stream.ping();
                        if !ping.is_empty() {
                            return Poll::Ready(Some(Ok(ping)));
                        }
                    }
                    return Poll::Pending;
                }
                Poll::Ready(Step::Setup | Step::Content) => self.touched = true,
                Poll::Ready(Step::End) => self.complete(),
                Poll::Ready(Step::Failed { failure, forwarded }) => {
                    self.end(
                        Outcome::FailedAfterCommit,
                        failure.class.name(),
                        &failure.fault,
                        !forwarded,
                        failure.class.is_the_targets(),
                    );
                }
            }
        }
    }

    /// Whether who was handed a piece need not ask for another before it is woken.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Is woken when its time is up. One clock reading for a burst of pieces, not one a piece.
    fn wait(&mut self, cx: &Context<'_>) {
        let touched = std::mem::take(&mut self.touched) && !self.lingering;
        if let Some(stream) = self.stream.as_ref().filter(|_| touched) {
            self.watch.within(Some(stream.idle));
            self.watch.ping_within(self.ping);
        }
        self.watch.listen(cx);
    }

    /// Everything has been said: nothing but the linger ends it now.
    fn linger(&mut self) {
        if let Some(stream) = &self.stream {
            self.lingering = true;
            self.watch.only(stream.idle.min(LINGER));
        }
    }

    /// An event that has not come whole is longer than there is room for.
    fn no_room(&mut self, full: NoRoom) {
        let fault = Fault::from(&Error::from(full));
        self.end(Outcome::FailedAfterCommit, CANCELLED, &fault, true, false);
    }

    fn hand(&mut self, piece: Bytes) -> Bytes {
        self.record.response(&piece);
        piece
    }

    /// What is already queued still goes out: it belongs to the answer.
    fn complete(&mut self) {
        if let Some(mut stream) = self.stream.take() {
            self.succeeded(&stream);
            self.last = std::mem::take(&mut stream.out);
        }
    }

    fn succeeded(&mut self, stream: &Stream) {
        self.entry.worked(self.record.moment());
        self.record.usage(&stream.seen);
        self.record.finish(self.status.as_u16(), Outcome::Ok);
    }

    /// Once everything has been said nothing more can go wrong, whatever fires.
    fn interrupted(&mut self, fired: Fired) {
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.said_all())
            && let Step::End = stream.close()
        {
            return self.complete();
        }
        let (outcome, class, error) = match fired {
            Fired::Revoked => (
                Outcome::Revoked,
                CANCELLED,
                Error::new(Kind::Unauthenticated, "the API key was revoked"),
            ),
            Fired::Shutdown => (
                Outcome::Shutdown,
                CANCELLED,
                Error::new(Kind::Unavailable, "the gateway is shutting down"),
            ),
            Fired::Deadline if self.watch.capped() => (
                Outcome::FailedAfterCommit,
                Class::Timeout.name(),
                Error::new(
                    Kind::Timeout,
                    "the request took longer than the route allows in total",
                ),
            ),
            Fired::Deadline => (
                Outcome::FailedAfterCommit,
                Class::Timeout.name(),
                Error::new(
                    Kind::Timeout,
                    "the upstream stopped sending in the middle of the stream",
                ),
            ),
        };
        // Being revoked, shut down or out of time in total says nothing of the target.
        let blamed = outcome == Outcome::FailedAfterCommit && !self.watch.capped();
        self.end(outcome, class, &Fault::from(&error), true, blamed);
    }

    /// Ends the stream early, with an error event unless the upstream's own has been forwarded. `blamed`: the target
    /// is, for it.
    fn end(
        &mut self,
        outcome: Outcome,
        class: &'static str,
        fault: &Fault,
        tell: bool,
        blamed: bool,
    ) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        if blamed {
            self.entry.failed(self.record.moment());
        }
        self.record.partial(&stream.seen);
        self.record.error(&fault.message);
        self.record.attempt_broke(class, &fault.message);
        // What the caller was told by then.
        self.record.finish(self.status.as_u16(), outcome);
        match stream.has_events() {
            true if tell => {
                let told = stream.fault_event(fault);
                stream.out.push(told);
            }
            true => {}
            false => self.aborted = true,
        }
        self.last = std::mem::take(&mut stream.out);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        if stream.said_all() {
            // The caller closed after the reply's end, as many do.
            return self.succeeded(&stream);
        }
        // It hung up. The record says 499 with what had been produced.
        self.record.partial(&stream.seen);
        self.record.attempt_broke(CANCELLED, "the caller hung up");
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
