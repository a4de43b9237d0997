//! Server-sent events: cutting a byte stream into events without copying, and reading one event's fields.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use crate::error::{Error, Kind, Result};
use bytes::{Bytes, BytesMut};
use memchr::memchr2;
use std::{borrow::Cow, collections::VecDeque};

/// The longest line taken from an upstream: OpenAI's last event of a response repeats instructions, tools and images.
pub const MAX_LINE: usize = 16 << 20;
/// The longest event taken from an upstream, all its lines together.
pub const MAX_EVENT: usize = 16 << 20;

/// Cuts a byte stream into frames: one event each, its terminating blank line included, raw bytes kept.
///
/// Frames do not depend on how the bytes were cut into chunks, and frames plus rest joined are the input.
#[derive(Debug, Default)]
pub struct Frames {
    ready: VecDeque<Bytes>,
    /// Bytes of the current frame from earlier chunks.
    tail: BytesMut,
    /// Content bytes of the current line so far.
    line: usize,
    /// The last byte was a CR that ended a line: an LF that follows belongs to the same line end.
    after_cr: bool,
    /// The last line ended in a CR alone, as far as seen.
    bare_cr: bool,
    /// A blank line ended in CR and the frame waits for the LF that its stream's line ends promise.
    held: bool,
}

impl Frames {
    /// Adds what arrived. Fails where a line or an event grows beyond its limit (16 MiB); frames that
    /// were whole before that are still given out.
    pub fn push(&mut self, chunk: Bytes) -> Result<()> {
        let (mut start, mut at) = (0, 0);
        while at < chunk.len() {
            if self.after_cr {
                self.after_cr = false;
                if chunk[at] == b'\n' {
                    at += 1;
                    self.bare_cr = false;
                }
                if self.held {
                    self.held = false;
                    self.emit(&chunk, start, at)?;
                    start = at;
                }
                continue;
            }
            let Some(length) = memchr2(b'\n', b'\r', &chunk[at..]) else {
                self.line += chunk.len() - at;
                at = chunk.len();
                if self.line > MAX_LINE {
                    return Err(self.too_long("line", MAX_LINE));
                }
                continue;
            };
            self.line += length;
            if self.line > MAX_LINE {
                return Err(self.too_long("line", MAX_LINE));
            }
            let blank = std::mem::take(&mut self.line) == 0;
            let cr = chunk[at + length] == b'\r';
            let was_bare = std::mem::replace(&mut self.bare_cr, cr);
            self.after_cr = cr;
            at += length + 1;
            // After lines that end in CRLF a blank line's CR waits for its LF; in a stream that ends its lines in
            // CR alone nothing more may come for a long time, so the frame is whole at once.
            match (blank, cr && !was_bare) {
                (true, true) => self.held = true,
                (true, false) => {
                    self.emit(&chunk, start, at)?;
                    start = at;
                }
                (false, _) => {}
            }
        }
        if start < chunk.len() {
            if self.tail.len() + (chunk.len() - start) > MAX_EVENT {
                return Err(self.too_long("event", MAX_EVENT));
            }
            self.tail.extend_from_slice(&chunk[start..]);
        }
        Ok(())
    }

    /// Bytes of a frame that is not whole.
    pub fn waiting(&self) -> usize {
        self.tail.len()
    }

    /// The next whole frame, a slice of what was pushed where it lay in one chunk.
    #[allow(clippy::should_implement_trait)] // an end is not final: more may be pushed
    pub fn next(&mut self) -> Option<Bytes> {
        self.ready.pop_front()
    }

    /// What is left when the stream has ended without a blank line.
    pub fn rest(&mut self) -> Option<Bytes> {
        (self.held, self.after_cr, self.line) = (false, false, 0);
        (!self.tail.is_empty()).then(|| self.tail.split().freeze())
    }

    fn emit(&mut self, chunk: &Bytes, start: usize, end: usize) -> Result<()> {
        if self.tail.len() + (end - start) > MAX_EVENT {
            return Err(self.too_long("event", MAX_EVENT));
        }
        let frame = if self.tail.is_empty() {
            chunk.slice(start..end)
        } else {
            self.tail.extend_from_slice(&chunk[start..end]);
            self.tail.split().freeze()
        };
        self.ready.push_back(frame);
        Ok(())
    }

    fn too_long(&mut self, what: &str, limit: usize) -> Error {
        self.tail = BytesMut::new();
        Error::new(
            Kind::Upstream,
            format!("the provider sent an event stream {what} of more than {limit} bytes"),
        )
        .hint("check that the provider's base URL is an API of this format")
    }
}

/// One frame's fields: the event's name (empty: none) and its data, lines joined by `\n`; borrowed where
/// the data is a single line. `None`: a comment or an event without data.
pub fn event(frame: &[u8]) -> Option<(&str, Cow<'_, [u8]>)> {
    let mut left = frame.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(frame);
    let mut name = "";
    let mut data: Option<Cow<'_, [u8]>> = None;
    while !left.is_empty() {
        let end = memchr2(b'\n', b'\r', left).unwrap_or(left.len());
        let (line, next) = left.split_at(end);
        // A CRLF counts as two line ends here: the empty line between them says nothing.
        left = next.get(1..).unwrap_or_default();
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => match &mut data {
                None => data = Some(Cow::Borrowed(value)),
                Some(data) => {
                    let data = data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            },
            b"event" => name = std::str::from_utf8(value).unwrap_or_default(),
            _ => {}
        }
    }
    data.map(|data| (name, data))
}

/// What ends the event of a frame that came without its blank line. A line end too many says nothing.
pub fn ending(frame: &[u8]) -> &'static str {
    let ends = ["\n\n", "\r\r", "\n\r\n"];
    match frame.is_empty() || ends.iter().any(|end| frame.ends_with(end.as_bytes())) {
        true => "",
        false => "\n\n",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    /// All frames, and the rest last, of `input` cut at `cuts`.
    fn cut(input: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let mut frames = Frames::default();
        let mut out = Vec::new();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            frames
                .push(Bytes::copy_from_slice(&input[pair[0]..pair[1]]))
                .unwrap();
            while let Some(frame) = frames.next() {
                out.push(frame.to_vec());
            }
        }
        (out, frames.rest().map(|rest| rest.to_vec()))
    }

    fn texts(input: &str) -> Vec<String> {
        cut(input.as_bytes(), &[])
            .0
            .into_iter()
            .map(|frame| String::from_utf8(frame).unwrap())
            .collect()
    }

    #[test]
    fn every_line_end_ends_an_event() {
        assert_eq!(
            texts("data: a\n\ndata: b\n\n"),
            ["data: a\n\n", "data: b\n\n"]
        );
        assert_eq!(
            texts("data: a\r\n\r\ndata: b\r\n\r\n: c"),
            ["data: a\r\n\r\n", "data: b\r\n\r\n"]
        );
        assert_eq!(
            texts("data: a\r\rdata: b\r\r"),
            ["data: a\r\r", "data: b\r\r"]
        );
        assert_eq!(
            texts("data: a\n\r\ndata: b\r\n\n"),
            ["data: a\n\r\n", "data: b\r\n\n"]
        );
    }

    #[test]
    fn a_frame_in_one_chunk_is_not_copied() {
        let chunk = Bytes::from_static(b"data: a\n\ndata: b\n\n");
        let mut frames = Frames::default();
        frames.push(chunk.clone()).unwrap();
        frames.next().unwrap();
        assert_eq!(frames.next().unwrap().as_ptr(), chunk[9..].as_ptr());
        assert!(frames.next().is_none() && frames.rest().is_none());
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let read = |text: &'static str| {
            event(text.as_bytes())
                .map(|(name, data)| (name, String::from_utf8(data.into_owned()).unwrap()))
        };
        for (frame, want) in [
            ("data: a\n\n", Some(("", "a"))),
            ("data:a\r\n\r\n", Some(("", "a"))),
            ("data:  a\n\n", Some(("", " a"))),
            ("data: a\ndata: b\n\n", Some(("", "a\nb"))),
            ("data: a\r\ndata\r\ndata: b\r\n\r\n", Some(("", "a\n\nb"))),
            ("event: ping\ndata: {}\n\n", Some(("ping", "{}"))),
            ("data\n\n", Some(("", ""))),
            ("\u{feff}data: a\n\n", Some(("", "a"))),
            (
                "id: 7\nretry: 3\ndata: a:b\nother: x\n\n",
                Some(("", "a:b")),
            ),
            ("event: a\nevent: b\ndata: x\n\n", Some(("b", "x"))),
            ("\ndata: x", Some(("", "x"))),
            (": comment\n\n", None),
            ("event: ping\n\n", None),
            (" data: x\n\n", None),
            ("Data: x\n\n", None),
            ("\n", None),
        ] {
            assert_eq!(
                read(frame),
                want.map(|(name, data)| (name, data.to_owned())),
                "{frame:?}"
            );
        }
        assert!(matches!(
            event(b"data: one line\n\n"),
            Some((_, Cow::Borrowed(_)))
        ));
        assert_eq!(event(b"data: \xff\n\n").unwrap().1.as_ref(), b"\xff");
    }

    #[test]
    fn an_event_without_its_end_is_given_one() {
        for cut in ["data: x", "data: x\n", "data: x\r\n", "data: x\r"] {
            let joined = format!("{cut}{}data: y\n\n", ending(cut.as_bytes()));
            let data = |frame: &String| {
                String::from_utf8(event(frame.as_bytes()).unwrap().1.into()).unwrap()
            };
            let told: Vec<_> = texts(&joined)
                .iter()
                .filter(|frame| event(frame.as_bytes()).is_some())
                .map(data)
                .collect();
            assert_eq!(told, ["x", "y"], "{cut:?}");
        }
        for whole in [
            "",
            "data: x\n\n",
            "data: x\r\n\r\n",
            "data: x\r\r",
            "data: x\n\r\n",
            "data: x\r\n\n",
        ] {
            assert_eq!(ending(whole.as_bytes()), "", "{whole:?}");
        }
    }

    #[test]
    fn endless_lines_and_events_are_cut_off() {
        let mut frames = Frames::default();
        let chunk = Bytes::from(vec![b'x'; MAX_LINE / 2]);
        frames.push(Bytes::from_static(b"data: ok\n\n")).unwrap();
        frames.push(chunk.clone()).unwrap();
        frames.push(chunk.clone()).unwrap();
        assert_eq!(
            frames.push(Bytes::from_static(b"x")).unwrap_err().kind,
            Kind::Upstream
        );
        assert_eq!(frames.next().unwrap().as_ref(), b"data: ok\n\n");

        let mut frames = Frames::default();
        let line = Bytes::from([vec![b'x'; MAX_LINE / 2 - 1], vec![b'\n']].concat());
        for _ in 0..2 {
            frames.push(line.clone()).unwrap();
        }
        assert!(frames.push(line).unwrap_err().message.contains("event"));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter_and_nothing_is_lost(
            input in proptest::collection::vec(prop_oneof![Just(&b"\r"[..]), Just(&b"\n"[..]), Just(&b"\r\n"[..]), Just(&b"\xEF\xBB\xBF"[..]), Just(&b"data: x"[..]), Just(&b"\xff"[..]), Just("é".as_bytes())], 0..40),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            let input = input.concat();
            let whole = cut(&input, &[]);
            prop_assert_eq!(&cut(&input, &cuts), &whole);
            prop_assert_eq!(&cut(&input, &(0..input.len()).collect::<Vec<_>>()), &whole);
            let mut joined = whole.0.concat();
            joined.extend(whole.1.unwrap_or_default());
            prop_assert_eq!(joined, input);
        }
    }
}
