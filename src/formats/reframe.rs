//! How what a caller gets is framed at last: gw writes events, and frames of an upstream's own pass as they are where the
//! caller has them in the same way. Must not know what they say.

use super::frames::{Frames, Framing, element};
use super::{chunks, eventstream, sse};
use bytes::Bytes;

/// One caller's stream.
#[derive(Debug)]
pub enum Outgoing {
    Events,
    Array(Joined),
    Binary,
    Chunks,
}

impl Outgoing {
    pub fn of(framing: Framing) -> Outgoing {
        match framing {
            Framing::Events => Outgoing::Events,
            Framing::Array => Outgoing::Array(Joined::default()),
            Framing::Binary => Outgoing::Binary,
            Framing::Chunks => Outgoing::Chunks,
        }
    }

    pub fn framing(&self) -> Framing {
        match self {
            Outgoing::Events => Framing::Events,
            Outgoing::Array(_) => Framing::Array,
            Outgoing::Binary => Framing::Binary,
            Outgoing::Chunks => Framing::Chunks,
        }
    }

    /// Whole events, as the caller has them.
    pub fn events(&mut self, events: Bytes) -> Bytes {
        match self {
            Outgoing::Events => events,
            Outgoing::Array(joined) => joined.events(&events),
            Outgoing::Binary => each(&events, |name, data, out| {
                if data.trim_ascii().is_empty() {
                    return;
                }
                out.extend(match name.ends_with("Exception") {
                    true => eventstream::exception(name, data),
                    false => eventstream::event(name, data),
                });
            }),
            Outgoing::Chunks => each(&events, chunks::write),
        }
    }

    /// A frame of the upstream's, which `frames` cut; `None`: it says nothing here.
    pub fn pass(&mut self, frame: Bytes, frames: &Frames) -> Option<Bytes> {
        let piece = match (self, frames.framing()) {
            (Outgoing::Array(joined), Framing::Array) => joined.pass(frame),
            (out, framing) if out.framing() == framing => frame,
            (out, Framing::Events) => out.events(frame),
            (out, _) => {
                let (name, data) = frames.read(&frame)?;
                let name = match (name, frames) {
                    ("", Frames::Chunks(_)) => chunks::kind(&data),
                    (name, _) => name.to_owned(),
                };
                out.events(event_of(&name, &data))
            }
        };
        (!piece.is_empty()).then_some(piece)
    }

    /// What is missing at the end.
    pub fn end(&mut self) -> &'static [u8] {
        match self {
            Outgoing::Array(joined) => joined.end(),
            Outgoing::Events | Outgoing::Binary | Outgoing::Chunks => b"",
        }
    }

    /// What keeps a connection alive; empty: there is no such thing. `event`: what says so among events.
    pub fn ping(&mut self, event: &'static [u8]) -> Bytes {
        match self {
            Outgoing::Array(_) => Bytes::from_static(b"\n"),
            Outgoing::Events | Outgoing::Binary | Outgoing::Chunks => {
                self.events(Bytes::from_static(event))
            }
        }
    }
}

/// Writes each of these events in another way.
fn each(events: &Bytes, mut write: impl FnMut(&str, &[u8], &mut Vec<u8>)) -> Bytes {
    let (mut frames, mut out) = (sse::Frames::default(), Vec::new());
    // What gw has taken or written is within every limit.
    if frames.push(events.clone()).is_err() {
        return Bytes::new();
    }
    let mut frame = frames.next();
    while let Some(event) = frame.take().or_else(|| frames.rest()) {
        if let Some((name, data)) = sse::event(&event) {
            write(name, &data, &mut out);
        }
        frame = frames.next();
    }
    out.into()
}

/// A piece of another framing as an event.
fn event_of(name: &str, data: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(name.len() + data.len() + 20);
    if !name.is_empty() {
        event.extend_from_slice(b"event: ");
        event.extend_from_slice(name.as_bytes());
        event.extend_from_slice(b"\r\n");
    }
    event.extend_from_slice(b"data: ");
    // JSON has no line ends but between its values.
    let lines = data.split(|byte| matches!(byte, b'\n' | b'\r'));
    for line in lines {
        event.extend_from_slice(line.trim_ascii_start());
    }
    event.extend_from_slice(b"\r\n\r\n");
    event.into()
}

/// Turns the events written for a caller into the elements of one array.
#[derive(Debug, Default)]
pub struct Joined {
    begun: bool,
    ended: bool,
    /// The provider sends objects without an array around them.
    loose: bool,
}

impl Joined {
    /// Whole events as elements; comments are blanks, which may stand anywhere between them.
    pub fn events(&mut self, events: &Bytes) -> Bytes {
        each(events, |_, data, out| self.element(data, out))
    }

    fn element(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if data.trim_ascii().is_empty() || self.ended {
            return;
        }
        out.extend_from_slice(if self.begun { b",\r\n" } else { b"[" });
        self.begun = true;
        out.extend_from_slice(data.trim_ascii());
    }

    /// Bytes of an array of the provider's, which pass as they are. An answer that is none becomes an element.
    pub fn pass(&mut self, frame: Bytes) -> Bytes {
        self.loose |= !self.begun && frame.trim_ascii_start().starts_with(b"{");
        if self.loose {
            let mut out = Vec::new();
            if let Some(data) = element(&frame) {
                self.element(data, &mut out);
            }
            return out.into();
        }
        self.begun = true;
        self.ended |= element(&frame).is_none() && frame.contains(&b']');
        frame
    }

    /// What is missing of the array.
    pub fn end(&mut self) -> &'static [u8] {
        match (self.begun, std::mem::replace(&mut self.ended, true)) {
            (_, true) => b"",
            (true, false) => b"\r\n]",
            (false, false) => b"[]",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// All of what a caller of one framing gets of an upstream of another.
    fn reframed(from: Framing, to: Framing, input: &[u8]) -> Vec<u8> {
        let (mut frames, mut outgoing) = (Frames::of(from), Outgoing::of(to));
        frames.push(Bytes::copy_from_slice(input)).unwrap();
        let mut out = Vec::new();
        while let Some(frame) = frames.next() {
            out.extend(outgoing.pass(frame, &frames).unwrap_or_default());
        }
        out.extend(outgoing.end());
        out
    }

    #[test]
    fn events_come_back_from_every_framing() {
        let events = b"event: message_start\r\ndata: {\"type\":\"message_start\"}\r\n\r\nevent: error\r\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"later\"}}\r\n\r\n";
        let chunks = reframed(Framing::Events, Framing::Chunks, events);
        assert_eq!(reframed(Framing::Chunks, Framing::Chunks, &chunks), chunks);
        let back = reframed(Framing::Chunks, Framing::Events, &chunks);
        let back = String::from_utf8(back).unwrap();
        let mut lines = back.split("\r\n").filter(|line| !line.is_empty());
        assert_eq!(lines.next(), Some("event: message_start"));
        assert_eq!(lines.next(), Some("data: {\"type\":\"message_start\"}"));
        assert_eq!(lines.next(), Some("event: error"));
        assert!(
            lines.next().is_some_and(|data| data.contains("later")),
            "{back}"
        );
        let binary = reframed(Framing::Events, Framing::Binary, events);
        let same = reframed(Framing::Binary, Framing::Events, &binary);
        assert_eq!(String::from_utf8(same), String::from_utf8(events.to_vec()));
    }

    #[test]
    fn events_become_an_array() {
        let mut joined = Joined::default();
        let mut out = Vec::new();
        for events in [
            "data: {\"a\":1}\r\n\r\ndata: {\"b\":2}\r\n\r\n",
            ": ping\n\n",
            "data: {\"c\":3}\n\n",
        ] {
            out.extend_from_slice(&joined.events(&Bytes::from_static(events.as_bytes())));
        }
        out.extend_from_slice(joined.end());
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "[{\"a\":1},\r\n{\"b\":2},\r\n{\"c\":3}\r\n]"
        );
        assert_eq!(
            (joined.end(), Joined::default().end()),
            (&b""[..], &b"[]"[..])
        );
        // A provider's own array has its own end.
        let mut passed = Joined::default();
        passed.pass(Bytes::from_static(b"[{}"));
        passed.pass(Bytes::from_static(b"\n]\n"));
        assert_eq!(passed.end(), b"");
        let mut plain = Joined::default();
        let piece = plain.pass(Bytes::from_static(b" {\"a\":1}"));
        assert_eq!(
            (&piece[..], plain.end()),
            (&b"[{\"a\":1}"[..], &b"\r\n]"[..])
        );
    }
}
