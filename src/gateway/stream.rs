//! One upstream stream: frames cut out of its body, looked at (same format) or turned into the caller's
//! format (translated). The same steps run before the commit point, where `attempt` holds the output back,
//! and after it, where `relay` hands it on.

use super::{
    arriving::Arriving,
    exchange::Exchange,
    failure::Failure,
    filtering::{Filtering, Verdict},
    held::LARGE,
    long::Tail,
    pieces::Pieces,
};
use crate::chat::{Event, Fault};
use crate::formats::alike::Alike;
use crate::formats::fault::Hidden;
use crate::formats::frames::{Frames, Framing};
use crate::formats::reframe::Outgoing;
use crate::formats::{EventReader, EventWriter, Format, Mark, Seen, sse};
use crate::upstream::{OwnKey, Upstream};
use bytes::Bytes;
use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

/// How frames become output.
pub enum Mode {
    /// Forwarded; `hide_usage` takes out the usage chunk that the caller did not ask for.
    Same {
        format: &'static Format,
        hide_usage: bool,
        alike: Alike,
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
    body: Arriving,
    frames: Frames,
    mode: Mode,
    /// For the caller.
    pub out: Pieces,
    /// The caller's format.
    format: &'static Format,
    /// How the caller gets it.
    outgoing: Outgoing,
    pub seen: Seen,
    /// Something of a reply has come: content, or why there is none.
    said: bool,
    /// The end mark has come.
    done: bool,
    upstream: Arc<Upstream>,
    /// The caller's own key, where it brought one.
    own: Option<OwnKey>,
    pub idle: Duration,
    /// Bytes it will have in all, where that is known before its end.
    pub length: Option<u64>,
    /// It is to be cut off once it has begun: an injected fault.
    cut: bool,
    /// Until it has begun, where a filter that ends it before is no end.
    filtering: Option<Box<Filtering>>,
}

impl Stream {
    pub fn new(body: Arriving, mode: Mode, exchange: &Exchange<'_>, idle: Duration) -> Stream {
        let keeps = exchange.keeps() && !matches!(mode, Mode::Translate { .. });
        Stream {
            length: None,
            filtering: None,
            cut: false,
            frames: Frames::of(Framing::Events),
            out: Pieces::default(),
            format: exchange.format,
            outgoing: Outgoing::of(exchange.format.framing(exchange.query)),
            mode,
            seen: Seen {
                keeps,
                ..Seen::expecting(exchange.peek.choices)
            },
            said: false,
            done: false,
            upstream: body.upstream().clone(),
            own: exchange.own_key().cloned(),
            body,
            idle,
        }
    }

    /// Nothing of it comes behind its first content.
    pub fn cut_short(&mut self) {
        self.cut = true;
    }

    /// How the upstream frames it.
    pub fn framed(&mut self, framing: Framing) {
        self.frames = Frames::of(framing);
    }

    /// It is not to begin with being ended by a content filter.
    pub fn past_filters(&mut self) {
        let forwarded = match &self.mode {
            Mode::Same { format, .. } => Some(*format),
            Mode::Translate { .. } | Mode::Long { .. } => None,
        };
        self.filtering = Some(Box::new(Filtering::of(forwarded)));
    }

    /// Whether a content filter ends it before any content, as far as is known at what would make it begin. Once it has
    /// begun nobody asks.
    pub fn filtered(&mut self, over: bool) -> Verdict {
        let Some(filtering) = &mut self.filtering else {
            return Verdict::Said;
        };
        if over || self.done {
            filtering.end();
        }
        match filtering.verdict() {
            Verdict::Open if !over && !self.done => Verdict::Open,
            Verdict::Filtered => Verdict::Filtered,
            Verdict::Open | Verdict::Said => {
                self.filtering = None;
                Verdict::Said
            }
        }
    }

    /// How the caller gets it.
    pub fn framing(&self) -> Framing {
        self.outgoing.framing()
    }

    /// What keeps the caller's connection alive; empty: nothing does.
    pub fn ping(&mut self) -> Bytes {
        self.outgoing.ping(self.format.ping)
    }

    /// An error as the last thing that is said. Of what it wrote itself gw knows how far it is.
    pub fn fault_event(&mut self, fault: &Fault) -> Bytes {
        let event = match &mut self.mode {
            Mode::Translate { writer, .. } => {
                let mut bytes = Vec::new();
                writer.write(&Event::Error(fault.clone()), &mut bytes);
                bytes
            }
            Mode::Same { .. } | Mode::Long { .. } => (self.format.write_fault_event)(fault),
        };
        let event = self.outgoing.events(event.into());
        match self.outgoing.end() {
            b"" => event,
            end => [&event[..], end].concat().into(),
        }
    }

    /// A frame of the upstream's, for a caller of its format.
    fn pass(&mut self, frame: Bytes) {
        if let Some(piece) = self.outgoing.pass(frame, &self.frames) {
            self.out.push(piece);
        }
    }

    /// What is missing of the caller's framing.
    fn end_framing(&mut self) {
        let end = self.outgoing.end();
        if !end.is_empty() {
            self.out.push(Bytes::from_static(end));
        }
    }

    /// Bytes of an event that has not come whole, where they are many: they count against the bound on bytes in flight.
    pub fn waiting(&self) -> usize {
        match self.frames.waiting() {
            few if few < LARGE => 0,
            many => many,
        }
    }

    /// The next step, as soon as the upstream sends something.
    pub fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.cut && self.begun() {
            return Poll::Ready(broken("the stream was cut off (injected)"));
        }
        Poll::Ready(match ready!(self.body.poll_piece(cx)) {
            None => self.ended(),
            Some(Err(_)) if self.said_all() => self.close(),
            Some(Err(_)) => broken("the upstream connection broke in the middle of the stream"),
            Some(Ok(chunk)) => self.chunk(chunk),
        })
    }

    /// Whether something that commits to it has come.
    fn begun(&self) -> bool {
        match &self.mode {
            Mode::Long { .. } => self.seen.text_bytes > 0,
            Mode::Same { .. } | Mode::Translate { .. } => self.said,
        }
    }

    /// Whether it is made of events; else nothing but the answer's own bytes may be said in it.
    pub fn has_events(&self) -> bool {
        !matches!(self.mode, Mode::Long { .. })
    }

    /// Whether the end mark has come.
    pub fn marked(&self) -> bool {
        self.done
    }

    /// Whether everything was said, though the connection may still be open.
    pub fn said_all(&self) -> bool {
        self.done || self.seen.finished
    }

    /// The end of a stream that said everything and was not ended in good order. The end mark is gw's to write where it
    /// has not come; an event that is not whole is none.
    pub fn close(&mut self) -> Step {
        self.body.abandon();
        self.frames = Frames::of(self.frames.framing());
        if let Mode::Same { format, .. } = &self.mode
            && !self.done
            && !format.end_mark.is_empty()
        {
            let mark = Bytes::from_static(format.end_mark);
            self.out.push(self.outgoing.events(mark));
        }
        self.ended()
    }

    /// Takes what has been read of the body already.
    pub fn chunk(&mut self, chunk: Bytes) -> Step {
        if let Mode::Long { tail, .. } = &mut self.mode {
            let so_far = tail.push(&chunk);
            self.seen.text_bytes = so_far;
            self.out.push(chunk);
            // Nobody asks for more once the length that was promised is there.
            return match self.length == Some(so_far) {
                true => self.ended(),
                false => Step::Content,
            };
        }
        let mut step = Step::Setup;
        if self.done {
            self.behind(chunk);
            return step;
        }
        if let Err(error) = self.frames.push(chunk) {
            return broken(&error.message);
        }
        while !self.done
            && let Some(frame) = self.frames.next()
        {
            match self.frame(frame) {
                Step::Setup => {}
                // What has come with it is not looked at any more.
                Step::Content if self.cut => return Step::Content,
                Step::Content => step = Step::Content,
                last => return last,
            }
        }
        if self.done {
            self.behind(Bytes::new());
        }
        step
    }

    /// Behind the end mark nothing counts, and nothing is handed on but OpenAI's: services that speak several formats
    /// write it behind each.
    fn behind(&mut self, chunk: Bytes) {
        let Mode::Same { format, .. } = &self.mode else {
            return;
        };
        let marks = |frame: &[u8]| sse::event(frame).is_some_and(|(_, data)| *data == *b"[DONE]");
        if marks(format.end_mark) || self.frames.push(chunk).is_err() {
            return;
        }
        while let Some(frame) = self.frames.next() {
            if marks(&frame) {
                self.out.push(frame);
            }
        }
    }

    fn ended(&mut self) -> Step {
        if !self.done
            && let Some(rest) = self.frames.rest()
            && let failed @ Step::Failed { .. } = self.frame(rest)
        {
            self.end_event();
            return failed;
        }
        if let Mode::Long { format, tail } = &mut self.mode {
            tail.observe(format, &mut self.seen);
            self.seen.finished = true;
        }
        // A provider that gave its reasons has said everything, end mark or not.
        if !self.said_all() {
            self.end_event();
            return broken("the upstream ended the stream before it was complete");
        }
        if let Mode::Translate {
            reader,
            writer,
            events,
        } = &mut self.mode
        {
            reader.end(events);
            if let Some(filtering) = &mut self.filtering {
                filtering.see(events);
            }
            tell(events, writer.as_mut(), &mut self.outgoing, &mut self.out);
        }
        self.end_framing();
        Step::End
    }

    /// What must not be shown of the request that was sent.
    fn hidden(&self) -> Hidden<'_> {
        self.upstream.sign_in.hidden(self.own.as_ref())
    }

    /// The error that was seen.
    fn fault(&mut self) -> Failure {
        let mut failure = Failure::inside(self.seen.fault.take(), &self.upstream);
        failure.clean(&self.hidden());
        failure
    }

    /// Ends the last event, so that another can follow it.
    fn end_event(&mut self) {
        if self.framing() != Framing::Events {
            return;
        }
        let missing = sse::ending(self.out.last());
        if !missing.is_empty() {
            self.out.push(Bytes::from_static(missing.as_bytes()));
        }
    }

    fn frame(&mut self, frame: Bytes) -> Step {
        let Some((name, data)) = self.frames.read(&frame) else {
            // A comment keeps the caller's connection alive as it kept ours.
            if let Mode::Same { .. } = self.mode {
                self.pass(frame);
            }
            return Step::Setup;
        };
        let mark = match &mut self.mode {
            // Never cut into frames.
            Mode::Long { .. } => Mark::Setup,
            Mode::Same {
                format,
                hide_usage,
                alike,
            } => {
                let mark = alike.observe(format.observe, name, &data, &mut self.seen);
                if let Some(filtering) = &mut self.filtering {
                    filtering.read(name, &data);
                }
                let passes = match mark {
                    Mark::Setup | Mark::Content | Mark::Done => true,
                    Mark::Usage => !*hide_usage,
                    Mark::Malformed => false,
                    Mark::Error => {
                        let failure = self.fault();
                        let shows = self.hidden().shown_in(&data);
                        let forwarded = failure.in_words_of_its_own() && !shows;
                        if forwarded {
                            self.pass(frame.clone());
                            self.end_framing();
                        }
                        return Step::Failed { failure, forwarded };
                    }
                };
                drop(data);
                if passes {
                    self.pass(frame);
                }
                mark
            }
            Mode::Translate {
                reader,
                writer,
                events,
            } => {
                let mark = reader.read(name, &data, &mut self.seen, events);
                if let Some(filtering) = &mut self.filtering {
                    filtering.see(events);
                }
                tell(events, writer.as_mut(), &mut self.outgoing, &mut self.out);
                mark
            }
        };
        match mark {
            Mark::Setup | Mark::Usage => Step::Setup,
            Mark::Content => {
                self.said = true;
                Step::Content
            }
            Mark::Done => {
                self.done = true;
                // The end may be the first that is heard of it: an answer cut off before its first word.
                match self.said || self.seen.finished {
                    true => Step::Content,
                    false => broken("the upstream ended the stream without content"),
                }
            }
            Mark::Error => Step::Failed {
                failure: self.fault(),
                forwarded: false,
            },
            // What is torn off behind a reply that is whole takes nothing from it.
            Mark::Malformed if self.said_all() => Step::Setup,
            Mark::Malformed => broken("the upstream sent an event that is not JSON"),
        }
    }
}

/// Writes events in the caller's format. An error is the relay's to tell, or nobody's.
fn tell(
    events: &mut Vec<Event>,
    writer: &mut (dyn EventWriter + Send),
    outgoing: &mut Outgoing,
    out: &mut Pieces,
) {
    let mut write = |bytes: &mut Vec<u8>| {
        for event in events.drain(..) {
            if !matches!(event, Event::Error(_)) {
                writer.write(&event, bytes);
            }
        }
    };
    if outgoing.framing() == Framing::Events {
        return write(out.buffer());
    }
    let mut bytes = Vec::new();
    write(&mut bytes);
    if !bytes.is_empty() {
        out.push(outgoing.events(bytes.into()));
    }
}

fn broken(message: &str) -> Step {
    Step::Failed {
        failure: Failure::upstream(message.into()),
        forwarded: false,
    }
}
