//! One upstream stream: frames cut out of its body, looked at (same format) or turned into the caller's
//! format (translated). The same steps run before the commit point, where `attempt` holds the output back,
//! and after it, where `relay` hands it on.

use super::{failure::Failure, long::Tail, pool::Pool};
use crate::chat::{Event, Fault};
use crate::formats::{EventReader, EventWriter, Format, Mark, Seen, sse, sse::Frames};
use crate::plan::retry::Class;
use crate::upstream::Upstream;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use std::{
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// A connection to be given back when its body has been read to the end.
pub struct Ticket {
    pub sender: SendRequest<Full<Bytes>>,
    pub upstream: Arc<Upstream>,
    pub pool: Rc<Pool>,
}

impl Ticket {
    pub fn give_back(self) {
        self.pool.give(&self.upstream.origin, self.sender);
    }
}

/// How frames become output.
pub enum Mode {
    /// Forwarded; `hide_usage` takes out the usage chunk that the caller did not ask for.
    Same {
        format: &'static Format,
        hide_usage: bool,
    },
    Translate {
        reader: Box<dyn EventReader + Send>,
        writer: Box<dyn EventWriter + Send>,
        events: Vec<Event>,
    },
    /// No events: a whole answer too long to be held, handed on as it comes. What it says of usage stands at its end.
    Long { format: &'static Format, tail: Tail },
}

/// What one step came to.
pub enum Step {
    /// Nothing that commits to this upstream.
    Setup,
    Content,
    /// The stream is complete.
    End,
    /// The stream failed. `forwarded`: the output already says so.
    Failed {
        failure: Failure,
        forwarded: bool,
    },
}

/// One upstream stream.
pub struct Stream {
    incoming: Incoming,
    frames: Frames,
    mode: Mode,
    /// For the caller, in order.
    pub out: VecDeque<Bytes>,
    pub seen: Seen,
    /// The end mark has come.
    done: bool,
    ticket: Option<Ticket>,
    /// Whether the caller's own key was used.
    own_key: bool,
    pub idle: Duration,
    /// Bytes it will have in all, where that is known before its end.
    pub length: Option<u64>,
}

impl Stream {
    pub fn new(incoming: Incoming, mode: Mode, ticket: Ticket, idle: Duration) -> Stream {
        Stream {
            length: None,
            incoming,
            frames: Frames::default(),
            mode,
            out: VecDeque::new(),
            seen: Seen::default(),
            done: false,
            own_key: ticket.upstream.sign_in.is_own_key(),
            ticket: Some(ticket),
            idle,
        }
    }

    /// The next step, as soon as the upstream sends something.
    pub fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let frame = match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(frame) => frame,
        };
        Poll::Ready(match frame {
            None => self.ended(),
            Some(Err(_)) if self.said_all() => self.close(),
            Some(Err(_)) => broken("the upstream connection broke in the middle of the stream"),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => self.chunk(chunk),
                Err(_) => Step::Setup,
            },
        })
    }

    /// Whether it is made of events; else nothing but the answer's own bytes may be said in it.
    pub fn has_events(&self) -> bool {
        !matches!(self.mode, Mode::Long { .. })
    }

    /// Whether the end mark has come.
    pub fn marked(&self) -> bool {
        match self.mode {
            // Its reader says that it is over only when the end mark has come.
            Mode::Translate { .. } => self.seen.finished,
            _ => self.done,
        }
    }

    /// Whether everything was said, though the connection may still be open.
    pub fn said_all(&self) -> bool {
        self.done || self.seen.finished
    }

    /// The end of a stream that said everything and whose connection was not closed in good order.
    pub fn close(&mut self) -> Step {
        self.ticket = None;
        self.ended()
    }

    /// Takes what has been read of the body already.
    pub fn chunk(&mut self, chunk: Bytes) -> Step {
        if let Mode::Long { tail, .. } = &mut self.mode {
            tail.push(&chunk);
            self.out.push_back(chunk);
            return Step::Content;
        }
        if let Err(error) = self.frames.push(chunk) {
            return broken(&error.message);
        }
        let mut step = Step::Setup;
        while let Some(frame) = self.frames.next() {
            match self.frame(frame) {
                Step::Setup => {}
                Step::Content => step = Step::Content,
                last => return last,
            }
        }
        step
    }

    fn ended(&mut self) -> Step {
        if let Some(rest) = self.frames.rest()
            && let failed @ Step::Failed { .. } = self.frame(rest)
        {
            return failed;
        }
        if let Some(ticket) = self.ticket.take() {
            ticket.give_back();
        }
        match &mut self.mode {
            _ if self.done => Step::End,
            Mode::Long { format, tail } => {
                tail.observe(format, &mut self.seen);
                self.seen.finished = true;
                Step::End
            }
            // A provider that sent a finish reason has said everything, end mark or not.
            Mode::Same { .. } if self.seen.finished => Step::End,
            Mode::Same { .. } => broken("the upstream ended the stream before it was complete"),
            Mode::Translate {
                reader,
                writer,
                events,
            } => {
                let ended = reader.end(events);
                match (
                    tell(
                        events,
                        writer.as_mut(),
                        &mut self.seen,
                        &mut self.out,
                        self.own_key,
                    ),
                    ended,
                ) {
                    (failed @ Step::Failed { .. }, _) => failed,
                    (_, Ok(())) => Step::End,
                    (_, Err(error)) => broken(&error.message),
                }
            }
        }
    }

    fn frame(&mut self, frame: Bytes) -> Step {
        let Some((name, data)) = sse::event(&frame) else {
            // A comment keeps the caller's connection alive as it kept ours.
            if let Mode::Same { .. } = self.mode {
                self.out.push_back(frame);
            }
            return Step::Setup;
        };
        match &mut self.mode {
            // Never cut into frames.
            Mode::Long { .. } => Step::Setup,
            Mode::Same { format, hide_usage } => {
                let mark = (format.observe)(&data, &mut self.seen);
                drop(data);
                match mark {
                    Mark::Usage if *hide_usage => return Step::Setup,
                    Mark::Malformed => {
                        return broken("the upstream sent an event that is not JSON");
                    }
                    Mark::Done => self.done = true,
                    _ => {}
                }
                self.out.push_back(frame);
                match mark {
                    Mark::Content | Mark::Done => Step::Content,
                    Mark::Error => failed(self.seen.fault.clone(), true, self.own_key),
                    _ => Step::Setup,
                }
            }
            Mode::Translate {
                reader,
                writer,
                events,
            } => {
                if let Err(error) = reader.read(name, &data, events) {
                    return broken(&error.message);
                }
                tell(
                    events,
                    writer.as_mut(),
                    &mut self.seen,
                    &mut self.out,
                    self.own_key,
                )
            }
        }
    }
}

/// Writes events in the caller's format and notes what they say.
fn tell(
    events: &mut Vec<Event>,
    writer: &mut (dyn EventWriter + Send),
    seen: &mut Seen,
    out: &mut VecDeque<Bytes>,
    own_key: bool,
) -> Step {
    let mut bytes = Vec::new();
    let mut step = Step::Setup;
    for event in events.drain(..) {
        if let Event::Error(fault) = event {
            step = failed(Some(fault), false, own_key);
            break;
        }
        seen.text_bytes += event.text_len();
        match &event {
            Event::Usage(usage) => seen.usage = Some(*usage),
            Event::End { .. } => seen.finished = true,
            _ => {}
        }
        if event.is_content() {
            step = Step::Content;
        }
        writer.write(&event, &mut bytes);
    }
    if !bytes.is_empty() {
        out.push_back(bytes.into());
    }
    step
}

fn broken(message: &str) -> Step {
    Step::Failed {
        failure: Failure::upstream(message.into()),
        forwarded: false,
    }
}

fn failed(fault: Option<Fault>, forwarded: bool, own_key: bool) -> Step {
    let fault = Box::new(fault.unwrap_or_else(|| Fault {
        status: 502,
        kind: "api_error".into(),
        message: "the upstream sent an error event".into(),
        code: None,
        param: None,
    }));
    let class = Class::of_status(fault.status, false, &fault.message, own_key);
    Step::Failed {
        failure: Failure {
            class,
            status: Some(fault.status),
            fault,
            retry_after: None,
            original: None,
            kept_connection: false,
        },
        forwarded,
    }
}
