//! How the pieces of a stream follow each other: as server-sent events, or as the elements of one JSON array, which is how
//! Google's APIs stream unless they are asked for events. Must not know what the pieces say.

use super::sse;
use crate::error::{Error, Kind, Result};
use bytes::{Bytes, BytesMut};
use std::{borrow::Cow, collections::VecDeque};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Events,
    Array,
}

/// Cuts a byte stream into frames, one piece each; frames and rest joined are the input, however it was cut.
#[derive(Debug)]
pub enum Frames {
    Events(sse::Frames),
    Array(Elements),
}

impl Frames {
    pub fn of(framing: Framing) -> Frames {
        match framing {
            Framing::Events => Frames::Events(sse::Frames::default()),
            Framing::Array => Frames::Array(Elements::default()),
        }
    }

    pub fn framing(&self) -> Framing {
        match self {
            Frames::Events(_) => Framing::Events,
            Frames::Array(_) => Framing::Array,
        }
    }

    /// Adds what arrived. Fails where a frame grows beyond its limit.
    pub fn push(&mut self, chunk: Bytes) -> Result<()> {
        match self {
            Frames::Events(frames) => frames.push(chunk),
            Frames::Array(elements) => elements.push(&chunk),
        }
    }

    /// Bytes of a frame that is not whole.
    pub fn waiting(&self) -> usize {
        match self {
            Frames::Events(frames) => frames.waiting(),
            Frames::Array(elements) => elements.tail.len(),
        }
    }

    /// The next whole frame.
    #[allow(clippy::should_implement_trait)] // an end is not final: more may be pushed
    pub fn next(&mut self) -> Option<Bytes> {
        match self {
            Frames::Events(frames) => frames.next(),
            Frames::Array(elements) => elements.ready.pop_front(),
        }
    }

    /// What is left at the end.
    pub fn rest(&mut self) -> Option<Bytes> {
        match self {
            Frames::Events(frames) => frames.rest(),
            Frames::Array(elements) => {
                let tail = elements.tail.split().freeze();
                (!tail.is_empty()).then_some(tail)
            }
        }
    }

    /// A frame's name and data; `None`: it says nothing.
    pub fn read<'a>(&self, frame: &'a [u8]) -> Option<(&'a str, Cow<'a, [u8]>)> {
        match self {
            Frames::Events(_) => sse::event(frame),
            Frames::Array(_) => element(frame).map(|data| ("", Cow::Borrowed(data))),
        }
    }
}

/// What stands between the brackets and commas.
fn element(frame: &[u8]) -> Option<&[u8]> {
    let between = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'[' | b',' | b']');
    let start = frame.iter().position(|byte| !between(byte))?;
    frame.get(start..).map(<[u8]>::trim_ascii_end)
}

/// The elements of a JSON array as they come: a frame is one with what stands in front of it. An object without an array
/// around it is one, too.
#[derive(Debug, Default)]
pub struct Elements {
    ready: VecDeque<Bytes>,
    /// The bytes of the current frame.
    tail: BytesMut,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Elements {
    fn push(&mut self, chunk: &[u8]) -> Result<()> {
        let mut start = 0;
        for (at, byte) in chunk.iter().enumerate() {
            if self.step(*byte) {
                self.tail
                    .extend_from_slice(chunk.get(start..=at).unwrap_or_default());
                start = at + 1;
                self.ready.push_back(self.tail.split().freeze());
            }
        }
        self.tail
            .extend_from_slice(chunk.get(start..).unwrap_or_default());
        match self.tail.len() > sse::MAX_EVENT {
            false => Ok(()),
            true => {
                self.tail = BytesMut::new();
                Err(Error::new(
                    Kind::Upstream,
                    format!(
                        "the provider sent a piece of a stream of more than {} bytes",
                        sse::MAX_EVENT
                    ),
                )
                .hint("check that the provider's base URL is an API of this format"))
            }
        }
    }

    /// Whether an element ends with this byte.
    fn step(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.depth += 1,
            b'}' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
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
        let (mut frames, mut out) = (sse::Frames::default(), Vec::new());
        // What gw has taken or written is within every limit.
        if frames.push(events.clone()).is_err() {
            return Bytes::new();
        }
        let mut frame = frames.next();
        while let Some(event) = frame.take().or_else(|| frames.rest()) {
            if let Some((_, data)) = sse::event(&event) {
                self.element(&data, &mut out);
            }
            frame = frames.next();
        }
        out.into()
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
    use proptest::prelude::*;

    /// Frames and rest of an input cut into pieces of a size.
    fn cut(input: &[u8], size: usize) -> (Vec<Vec<u8>>, Option<Bytes>) {
        let (mut frames, mut out) = (Frames::of(Framing::Array), Vec::new());
        for chunk in input.chunks(size) {
            frames.push(Bytes::copy_from_slice(chunk)).unwrap();
            while let Some(frame) = frames.next() {
                out.push(frame.to_vec());
            }
        }
        (out, frames.rest())
    }

    #[test]
    fn an_array_is_cut_at_its_elements() {
        let input = "[{\n \"a\": {\"b\": \"]},{\\\"\"}\n}\n,\r\n{\"c\": [1, {}]}\n]\n".as_bytes();
        let (frames, rest) = cut(input, usize::MAX >> 1);
        let data: Vec<&[u8]> = frames.iter().filter_map(|frame| element(frame)).collect();
        assert_eq!(
            data,
            [
                &b"{\n \"a\": {\"b\": \"]},{\\\"\"}\n}"[..],
                b"{\"c\": [1, {}]}"
            ]
        );
        assert_eq!(rest.as_deref(), Some(&b"\n]\n"[..]));
        assert_eq!(element(b"\n]\n"), None);
        // An answer that is no array is an array of one.
        assert_eq!(cut(b"{\"a\":1}", 3).0, [b"{\"a\":1}"]);
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

    proptest! {
        #[test]
        fn chunks_do_not_matter_and_nothing_is_lost(
            pieces in proptest::collection::vec(prop_oneof![Just("{"), Just("}"), Just("\""), Just("\\"), Just("["), Just("]"), Just(","), Just("é"), Just("{\"a\":\"}\"}")], 0..30),
            size in 1_usize..7,
        ) {
            let input = pieces.concat().into_bytes();
            let whole = cut(&input, usize::MAX >> 1);
            prop_assert_eq!(&cut(&input, size), &whole);
            let mut joined = whole.0.concat();
            joined.extend(whole.1.unwrap_or_default());
            prop_assert_eq!(joined, input);
        }
    }
}
