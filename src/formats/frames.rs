//! How the pieces of a stream follow each other: as server-sent events; as the elements of one JSON array, which is how
//! Google's APIs stream unless they are asked for events; as the binary messages of Amazon's services. Must not know what
//! the pieces say.

use super::eventstream::{self, Sort};
use super::{chunks, sse};
use crate::error::{Error, Kind, Result};
use bytes::{Bytes, BytesMut};
use std::{borrow::Cow, collections::VecDeque};

/// One of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// <https://html.spec.whatwg.org/multipage/server-sent-events.html>
    Events,
    Array,
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html>: a message an event.
    Binary,
    /// The same where each message holds an event of another API's in base64.
    Chunks,
}

impl Framing {
    /// What answers framed so are labelled with.
    pub fn label(self) -> &'static str {
        match self {
            Framing::Events => "text/event-stream",
            Framing::Array => "application/json",
            Framing::Binary | Framing::Chunks => "application/vnd.amazon.eventstream",
        }
    }
}

/// Cuts a byte stream into frames, one piece each; frames and rest joined are the input, however it was cut.
#[derive(Debug)]
pub enum Frames {
    Events(sse::Frames),
    Array(Elements),
    Binary(eventstream::Frames),
    Chunks(eventstream::Frames),
}

impl Frames {
    pub fn of(framing: Framing) -> Frames {
        match framing {
            Framing::Events => Frames::Events(sse::Frames::default()),
            Framing::Array => Frames::Array(Elements::default()),
            Framing::Binary => Frames::Binary(eventstream::Frames::default()),
            Framing::Chunks => Frames::Chunks(eventstream::Frames::default()),
        }
    }

    pub fn framing(&self) -> Framing {
        match self {
            Frames::Events(_) => Framing::Events,
            Frames::Array(_) => Framing::Array,
            Frames::Binary(_) => Framing::Binary,
            Frames::Chunks(_) => Framing::Chunks,
        }
    }

    /// Adds what arrived. Fails where a frame grows beyond its limit.
    pub fn push(&mut self, chunk: Bytes) -> Result<()> {
        match self {
            Frames::Events(frames) => frames.push(chunk),
            Frames::Array(elements) => elements.push(&chunk),
            Frames::Binary(frames) | Frames::Chunks(frames) => frames.push(chunk),
        }
    }

    /// Bytes of a frame that is not whole.
    pub fn waiting(&self) -> usize {
        match self {
            Frames::Events(frames) => frames.waiting(),
            Frames::Array(elements) => elements.tail.len(),
            Frames::Binary(frames) | Frames::Chunks(frames) => frames.waiting(),
        }
    }

    /// The next whole frame.
    #[allow(clippy::should_implement_trait)] // an end is not final: more may be pushed
    pub fn next(&mut self) -> Option<Bytes> {
        match self {
            Frames::Events(frames) => frames.next(),
            Frames::Array(elements) => elements.ready.pop_front(),
            Frames::Binary(frames) | Frames::Chunks(frames) => frames.next(),
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
            // A message that is not whole is none.
            Frames::Binary(_) | Frames::Chunks(_) => None,
        }
    }

    /// A frame's name and data; `None`: it says nothing.
    pub fn read<'a>(&self, frame: &'a [u8]) -> Option<(&'a str, Cow<'a, [u8]>)> {
        match self {
            Frames::Events(_) => sse::event(frame),
            Frames::Array(_) => element(frame).map(|data| ("", Cow::Borrowed(data))),
            Frames::Binary(_) => {
                let message = eventstream::message(frame)?;
                Some(match message.kind {
                    Sort::Event | Sort::Exception => (message.name, Cow::Borrowed(message.payload)),
                    Sort::Error => (UNKNOWN, Cow::Owned(message.error())),
                })
            }
            Frames::Chunks(_) => chunks::read(eventstream::message(frame)?),
        }
    }
}

/// The exception that a failure without one of its own stands for.
const UNKNOWN: &str = "internalServerException";

/// What stands between the brackets and commas.
pub(super) fn element(frame: &[u8]) -> Option<&[u8]> {
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
