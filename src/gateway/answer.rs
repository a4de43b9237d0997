//! What comes back from an upstream, read up to the point where the gateway commits to it.

use super::{
    arriving::Arriving,
    collect::{Collected, Cut},
    ended::Ended,
    exchange::{Exchange, Place},
    failure::Failure,
    filtering::{self, Verdict},
    headers,
    held::Held,
    long::{self, Tail},
    retry_after,
    send::interrupted,
    stream::{Mode, Step, Stream},
    watch::Guard,
};
use crate::chat;
use crate::error::Error;
use crate::formats::{
    self, Dropped, ERROR_TYPE, Format, Framed, Framing, Seen,
    alike::Alike,
    fault::{exception_name, read_fault},
    sniff::{self, Kind},
};
use crate::http1::{
    answer::Head,
    body,
    fields::{Fields, text},
    lines::Lines,
};
use crate::plan::{Choice, health::Entry, retry::Class};
use crate::upstream::{Conversion, Upstream, Way};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde::de::IgnoredAny;
use std::{future::poll_fn, pin::pin, time::Duration};

/// An answer the gateway has committed to.
pub struct Answer {
    pub came: Came,
    /// What of the request this upstream was not told.
    pub dropped: Dropped,
    /// To be told how a reply that has begun ends.
    pub entry: Entry,
}

/// What came back.
pub struct Came {
    pub status: StatusCode,
    /// The upstream's headers that reach the caller.
    pub headers: Lines,
    /// It is handed on as it comes, and its headers say what it is.
    pub handed: bool,
    pub reply: Reply,
}

// Moved twice a request; boxing the larger one would cost more than it saves.
#[allow(clippy::large_enum_variant)]
pub enum Reply {
    /// All of it, in the caller's format.
    Whole { bytes: Bytes, seen: Box<Seen> },
    /// Its first content is in hand: of a stream, or of a whole answer too long to be held.
    Begun(Box<Stream>),
}

/// How much of a stream is held back while waiting for its first content event.
const HELD_BACK: usize = 64 << 10;
/// A whole answer of the caller's own format that is longer than this is handed on as it comes.
const LONG: usize = 1 << 20;

const NO_STREAM: &str = "was asked for a stream and answered with something else";

/// What an attempt needs to know to read its answer.
pub(super) struct Reading<'a> {
    pub exchange: &'a Exchange<'a>,
    pub upstream: &'a Upstream,
    pub choice: &'a Choice,
    pub way: &'a Way,
    pub watch: &'a Guard,
    /// The longest pause once the answer has begun.
    pub idle: Duration,
    /// It is to be cut off once it has begun: an injected fault.
    pub cut: bool,
    /// Another target is tried where a content filter ends the answer before any content.
    pub past_filters: bool,
}

impl Reading<'_> {
    /// Reads an answer until it is whole, or has begun for good.
    pub async fn read(&self, head: Head, arriving: Arriving) -> Result<Came, Ended> {
        if !head.status.is_success() {
            let failure = self.watch.run(pin!(self.refusal(head, arriving))).await;
            return Err(match failure {
                Ok(failure) => failure.into(),
                Err(fired) => {
                    interrupted(fired, self.watch, || self.late("sent an error and stalled"))
                }
            });
        }
        let mut passed = Lines::default();
        headers::forward_response(&head.headers, &mut passed);
        if self.is_handed_on(&head.headers) {
            headers::of_content(&head.headers, &mut passed);
            // Of a body that does not come, the length is all that is said.
            let headless = self.exchange.errand.filter(|it| it.method == Method::HEAD);
            let length = || body::length(head.headers.get("content-length")?);
            passed.unsent = headless.and_then(|_| length());
            return Ok(Came {
                status: head.status,
                headers: passed,
                handed: true,
                reply: self.handed_on(arriving),
            });
        }
        if compressed(&head.headers) {
            let packed = self.failed("compressed its answer though it was asked not to");
            return Err(packed.coded("encoding").into());
        }
        let reply = match self.exchange.peek.stream && !self.exchange.format.media {
            true => {
                let label = head.headers.text("content-type");
                let begun = self.begun(label.unwrap_or_default(), arriving);
                match self.watch.run(pin!(begun)).await {
                    Ok(begun) => begun?,
                    Err(fired) => {
                        return Err(interrupted(fired, self.watch, || {
                            self.late("sent no content in time (`first_byte_timeout`)")
                        }));
                    }
                }
            }
            false => match self.whole(arriving).await? {
                Reply::Whole { .. } if self.cut => {
                    return Err(self.bad("broke off in the middle of its answer (injected)"));
                }
                reply => reply,
            },
        };
        Ok(Came {
            status: StatusCode::OK,
            headers: passed,
            handed: false,
            reply,
        })
    }

    /// Whether an answer with these headers is handed on as it comes: what a provider is asked for itself, and of what may
    /// be of any kind all but JSON, of which more is known once it is whole.
    fn is_handed_on(&self, headers: &Fields) -> bool {
        let strange = || {
            let label = headers.text("content-type");
            !sniff::labelled(label.unwrap_or_default(), "application/json") || compressed(headers)
        };
        match self.exchange.errand.map(|errand| errand.place) {
            Some(Place::Base) => true,
            Some(Place::Endpoint) => strange(),
            None => self.exchange.format.media && strange(),
        }
    }

    /// What a long answer is read as. What is kept has been accounted for when it was made.
    fn read_as(&self) -> &'static Format {
        match self.exchange.errand.map(|errand| errand.place) {
            Some(Place::Endpoint) => &formats::objects::FILES,
            Some(Place::Base) | None => self.exchange.format,
        }
    }

    fn handed_on(&self, arriving: Arriving) -> Reply {
        let length = arriving.length();
        if length == Some(0) {
            return Reply::Whole {
                bytes: Bytes::new(),
                seen: Box::default(),
            };
        }
        let mode = Mode::Long {
            format: self.read_as(),
            tail: Tail::default(),
        };
        let mut stream = self.stream(arriving, mode);
        stream.length = length;
        Reply::Begun(Box::new(stream))
    }

    fn stream(&self, arriving: Arriving, mode: Mode) -> Stream {
        let mut stream = Stream::new(arriving, mode, self.exchange, self.idle);
        if self.cut {
            stream.cut_short();
        }
        stream
    }

    fn failed(&self, what: &str) -> Failure {
        Failure::upstream(format!("provider `{}` {what}", self.upstream.name))
    }

    fn bad(&self, what: &str) -> Ended {
        self.failed(what).into()
    }

    fn late(&self, what: &str) -> Failure {
        Failure::slow(format!("provider `{}` {what}", self.upstream.name))
    }

    /// Reads what was asked for as a stream up to its first content event. What it is its own bytes say before its
    /// label does.
    async fn begun(&self, label: &str, mut arriving: Arriving) -> Result<Reply, Ended> {
        let mut collected = Collected::default();
        let mut kind = None;
        while kind.is_none() && collected.length() < HELD_BACK {
            match collected.piece(&mut arriving).await {
                Ok(true) => kind = sniff::kind(label, collected.so_far()),
                Ok(false) => break,
                Err(_) => return Err(self.bad("broke off before its answer")),
            }
        }
        let framed = self.way.to.framed;
        let arrays = matches!(framed, Framed::EventsBy(..));
        let framing = match kind {
            Some(Kind::Events) => Framing::Events,
            None if sniff::labelled(label, "text/event-stream") => Framing::Events,
            // What its API sends where nobody asks for events, and some servers even then.
            Some(Kind::Array | Kind::Json) if arrays => Framing::Array,
            Some(Kind::Json) => {
                return Err(self.no_stream(arriving, collected).await.into());
            }
            // Binary messages begin with their lengths.
            Some(Kind::Other) | None
                if let Framed::As(binary @ (Framing::Binary | Framing::Chunks)) = framed =>
            {
                binary
            }
            Some(Kind::Array | Kind::Other) | None => return Err(self.bad(NO_STREAM)),
        };
        let mode = match &self.way.conversion {
            Conversion::Same | Conversion::Hosted(_) => Mode::Same {
                format: self.exchange.format,
                hide_usage: self.exchange.asks_usage(self.upstream),
                alike: Alike::default(),
            },
            Conversion::Translate { into, from } => Mode::Translate {
                reader: into.reader(),
                writer: self.exchange.context(self.choice).stream(*from),
                events: Vec::new(),
            },
            // Nobody asks for them as a stream.
            Conversion::Embeddings { .. } => return Err(self.bad(NO_STREAM)),
        };
        let mut stream = Box::new(self.stream(arriving, mode));
        stream.framed(framing);
        if self.past_filters {
            stream.past_filters();
        }
        let step = match collected.length() {
            0 => Step::Setup,
            _ => stream.chunk(collected.into_bytes()),
        };
        first_content(&mut stream, step, self.exchange.held, &self.upstream.name).await?;
        Ok(Reply::Begun(stream))
    }

    /// A JSON object in place of a stream: an error, or a server that cannot stream.
    async fn no_stream(&self, mut arriving: Arriving, mut collected: Collected) -> Failure {
        let mut seen = Seen::default();
        let read = collected.read(&mut arriving, HELD_BACK, self.exchange.held);
        if read.await.is_ok() {
            (self.way.to.observe_reply)(&collected.into_bytes(), &mut seen);
        }
        match seen.fault {
            fault @ Some(_) => Failure::inside(fault, self.upstream),
            None => self.failed(NO_STREAM),
        }
    }

    /// Reads a whole reply, and puts it in the caller's format. One that needs no translation is not waited for
    /// where it is long.
    async fn whole(&self, mut arriving: Arriving) -> Result<Reply, Ended> {
        let same = !self.way.translates();
        let most = match same {
            true => LONG,
            false => self.exchange.worker.shared.settings.max_reply,
        };
        let length = arriving.length();
        let mut collected = Collected::default();
        let came = {
            let read = pin!(collected.read(&mut arriving, most, self.exchange.held));
            self.watch.run(read).await
        };
        let late = || self.late("did not finish its answer in time (`answer_timeout`)");
        match came {
            Err(fired) => Err(interrupted(fired, self.watch, late)),
            Ok(Ok(())) => self.reply(collected.into_bytes()).map_err(Ended::Failed),
            Ok(Err(Cut::TooMuch | Cut::NoRoom(_)))
                if same && sniff::kind("", collected.so_far()) == Some(Kind::Json) =>
            {
                let mode = Mode::Long {
                    format: self.read_as(),
                    tail: Tail::default(),
                };
                let mut stream = Box::new(self.stream(arriving, mode));
                stream.length = length;
                if stream.seen.keeps {
                    stream.seen.id = long::id(collected.so_far());
                }
                stream.chunk(collected.into_bytes());
                Ok(Reply::Begun(stream))
            }
            Ok(Err(Cut::NoRoom(full))) => Err(Error::from(full).into()),
            Ok(Err(Cut::TooMuch)) if same => {
                Err(self.bad("sent an answer that is not a JSON object"))
            }
            Ok(Err(Cut::TooMuch)) => Err(self.bad("sent more than gw takes")),
            Ok(Err(Cut::Broke)) => Err(self.bad("broke off in the middle of its answer")),
        }
    }

    /// A whole reply in the caller's format.
    fn reply(&self, bytes: Bytes) -> Result<Reply, Failure> {
        // In a box: it goes through many hands.
        let mut seen: Box<Seen> = Box::default();
        seen.keeps = self.exchange.keeps() && self.way.is_same();
        let bytes = match self.way.conversion {
            Conversion::Same | Conversion::Hosted(_) => {
                let text = bytes.trim_ascii();
                if text.len() <= 2 || text[0] != b'{' || text[text.len() - 1] != b'}' {
                    let what = "sent an answer that is not a JSON object";
                    return Err(self.failed(what).beginning(&bytes));
                }
                (self.exchange.format.observe_reply)(&bytes, &mut seen);
                if seen.fault.is_some() {
                    return Err(Failure::inside(seen.fault, self.upstream));
                }
                // Nearly all end with their usage; where it was found the rest is taken for what it looks like.
                if seen.usage.is_none() && serde_json::from_slice::<IgnoredAny>(&bytes).is_err() {
                    let what = "sent an answer that is not JSON";
                    return Err(self.failed(what).beginning(&bytes));
                }
                if self.past_filters
                    && let Some(codec) = self.exchange.format.codec
                    && let Ok(reply) = codec.read_reply(&bytes, &mut Seen::default())
                {
                    self.past(&reply)?;
                }
                bytes
            }
            Conversion::Translate { into, from } => {
                let reply = into.read_reply(&bytes, &mut seen);
                let reply = reply.map_err(|error| self.unread(&error, &mut seen, &bytes))?;
                self.past(&reply)?;
                let context = self.exchange.context(self.choice);
                context.reply(from, &reply).into()
            }
            Conversion::Embeddings { into, from } => {
                let vectors = into.read_reply(&bytes, &mut seen);
                let vectors = vectors.map_err(|error| self.unread(&error, &mut seen, &bytes))?;
                let context = self.exchange.context(self.choice);
                from.write_reply(&vectors, &context).into()
            }
        };
        seen.finished = true;
        Ok(Reply::Whole { bytes, seen })
    }

    /// Whether a whole reply passes for one where others are to be tried in place of a content filter's.
    fn past(&self, reply: &chat::Reply) -> Result<(), Failure> {
        match self.past_filters && filtering::ended(reply) {
            true => Err(Failure::filtered(&self.upstream.name)),
            false => Ok(()),
        }
    }

    /// A whole reply that is no answer: an error in its place, or what nobody can read.
    fn unread(&self, error: &Error, seen: &mut Seen, bytes: &[u8]) -> Failure {
        match seen.fault.take() {
            fault @ Some(_) => Failure::inside(fault, self.upstream),
            None => {
                let what = format!("sent an answer that cannot be read: {}", error.message);
                self.failed(&what).beginning(bytes)
            }
        }
    }

    /// An upstream's error answer as a failure.
    async fn refusal(&self, head: Head, mut arriving: Arriving) -> Failure {
        const MOST: usize = 64 << 10;
        let status = head.status.as_u16();
        if head.status.is_redirection() || head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Failure {
                status: Some(status),
                ..self.failed("answered with a redirect, which gw does not follow")
            };
        }
        let mut collected = Collected::default();
        let read = collected.read(&mut arriving, MOST, self.exchange.held);
        let body = match read.await {
            Ok(()) => collected.into_bytes(),
            // The status says enough.
            Err(_) => Bytes::new(),
        };
        let body = match compressed(&head.headers) {
            true => Bytes::new(),
            false => body,
        };
        refused(self.upstream, &head, body, self.way.is_same())
    }
}

/// An error answer as a failure; `same`: the caller reads the upstream's own words.
pub(super) fn refused(upstream: &Upstream, head: &Head, body: Bytes, same: bool) -> Failure {
    let status = head.status.as_u16();
    let mut fault = Box::new(read_fault(status, &body));
    if fault.kind.is_empty()
        && let Some(kind) = head.headers.get(ERROR_TYPE)
    {
        exception_name(text(kind).unwrap_or_default()).clone_into(&mut fault.kind);
    }
    let retry_after = retry_after::read(status, &head.headers, &body);
    let own_key = upstream.sign_in.is_own_key();
    let class = Class::of(&fault, retry_after.is_some(), own_key);
    if class == Class::Credential {
        return Failure {
            retry_after,
            ..Failure::refused_credential(&upstream.name, status)
        };
    }
    let json = head
        .headers
        .text("content-type")
        .is_some_and(|value| value.contains("json"));
    let mut passed = Lines::default();
    headers::forward_response(&head.headers, &mut passed);
    let body = match same && json {
        true => body,
        false => Bytes::new(),
    };
    Failure {
        status: Some(status),
        retry_after,
        original: Some(Box::new((passed, body))),
        not_again: head
            .headers
            .get("x-should-retry")
            .is_some_and(|value| value == b"false"),
        ..Failure::of(class, fault)
    }
}

/// Whether the body is compressed, though every upstream is asked not to.
fn compressed(headers: &Fields) -> bool {
    let encoding = headers.get("content-encoding");
    encoding.is_some_and(|value| value != b"identity")
}

/// Reads a stream up to its first content event.
async fn first_content(
    stream: &mut Stream,
    mut step: Step,
    held: &Held,
    provider: &str,
) -> Result<(), Ended> {
    let begins = |stream: &mut Stream, over| match stream.filtered(over) {
        Verdict::Said => Ok(true),
        Verdict::Open => Ok(false),
        Verdict::Filtered => Err(Failure::filtered(provider)),
    };
    let base = held.bytes();
    loop {
        held.hold(base + stream.waiting()).map_err(Error::from)?;
        match step {
            Step::Content if begins(stream, false)? => return Ok(()),
            // How it ends is not known yet.
            Step::Content => {}
            Step::Setup if stream.out.len() > HELD_BACK => {
                return Ok(());
            }
            Step::Setup => {}
            // A whole answer that says nothing (a refusal) is one, too.
            Step::End if stream.seen.finished => {
                begins(stream, true)?;
                return Ok(());
            }
            Step::End if !stream.out.is_empty() => {
                return Err(Failure::upstream(
                    "the upstream ended the stream without content".into(),
                )
                .into());
            }
            Step::End => {
                return Err(Failure::upstream("the upstream sent an empty stream".into()).into());
            }
            Step::Failed { failure, .. } => return Err(failure.into()),
        }
        step = poll_fn(|cx| stream.poll_step(cx)).await;
    }
}
