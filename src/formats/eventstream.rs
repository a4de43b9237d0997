//! AWS event streams: cutting a byte stream into binary frames without copying, reading one frame and writing one. Must not
//! know what the payloads say. <https://smithy.io/2.0/aws/amazon-eventstream.html>
//!
//! A frame, numbers big-endian: length of the whole (u32), length of the headers (u32), CRC-32 of these eight bytes; headers;
//! payload; CRC-32 of all before. A header: length of its name (u8), name, type (u8), value.

use super::sse;
use crate::error::{Error, Kind, Result};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// The most bytes of headers in a frame, as AWS's own clients take them.
pub const MAX_HEADERS: usize = 128 << 10;
/// The longest payload taken: that of an event in text.
pub const MAX_PAYLOAD: usize = sse::MAX_EVENT;

/// Both lengths and their checksum.
const PRELUDE: usize = 12;
/// A frame with neither headers nor payload.
const SHORTEST: usize = PRELUDE + 4;

/// Cuts a byte stream into frames whose checksums and headers have been checked.
///
/// Frames do not depend on how the bytes were cut into chunks, and frames plus rest joined are the input.
#[derive(Debug, Default)]
pub struct Frames {
    ready: VecDeque<Bytes>,
    /// Bytes of the current frame from earlier chunks.
    tail: BytesMut,
    /// How long the current frame is, once its prelude is there.
    length: Option<usize>,
}

impl Frames {
    /// Adds what arrived. Fails where it is no frame, or one beyond the limits or damaged; frames that were whole before
    /// that are still given out.
    pub fn push(&mut self, mut chunk: Bytes) -> Result<()> {
        let pushed = self.take(&mut chunk);
        pushed.map_err(|why| {
            (self.tail, self.length) = (BytesMut::new(), None);
            Error::new(
                Kind::Upstream,
                format!("the provider sent an event stream {why}"),
            )
            .hint("check that the provider's base URL is an API of this format")
        })
    }

    fn take(&mut self, chunk: &mut Bytes) -> Result<(), String> {
        while !chunk.is_empty() {
            if self.tail.is_empty()
                && let Some(prelude) = chunk.first_chunk()
                && let length = length(prelude)?
                && length <= chunk.len()
            {
                self.emit(chunk.split_to(length))?;
                continue;
            }
            let missing = self.length.unwrap_or(PRELUDE) - self.tail.len();
            let piece = chunk.split_to(missing.min(chunk.len()));
            self.tail.extend_from_slice(&piece);
            match (self.length, self.tail.first_chunk()) {
                (None, Some(prelude)) => self.length = Some(length(prelude)?),
                (Some(length), _) if length == self.tail.len() => {
                    self.length = None;
                    let frame = self.tail.split().freeze();
                    self.emit(frame)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn emit(&mut self, frame: Bytes) -> Result<(), String> {
        let (said, sum) = frame.split_last_chunk().ok_or("with half a frame")?;
        if u32::from_be_bytes(*sum) != crc32fast::hash(said) {
            return Err("in which a frame's checksum is wrong".to_owned());
        }
        Message::read(&frame)?;
        self.ready.push_back(frame);
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

    /// What is left when the stream has ended within a frame.
    pub fn rest(&mut self) -> Option<Bytes> {
        self.length = None;
        (!self.tail.is_empty()).then(|| self.tail.split().freeze())
    }
}

/// How long the frame is that begins so.
fn length(prelude: &[u8; PRELUDE]) -> Result<usize, String> {
    let [total, headers, sum] = numbers(prelude);
    if sum != crc32fast::hash(&prelude[..8]) {
        return Err("in which a frame's beginning is damaged, or which is none".to_owned());
    }
    let (total, headers) = (total as usize, headers as usize);
    let payload = total.checked_sub(SHORTEST + headers);
    match payload {
        None => Err("with a frame shorter than its headers".to_owned()),
        Some(_) if headers > MAX_HEADERS => Err(format!(
            "with a frame of more than {MAX_HEADERS} bytes of headers"
        )),
        Some(payload) if payload > MAX_PAYLOAD => {
            Err(format!("with a frame of more than {MAX_PAYLOAD} bytes"))
        }
        Some(_) => Ok(total),
    }
}

fn numbers(prelude: &[u8; PRELUDE]) -> [u32; 3] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *prelude;
    [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_be_bytes)
}

/// What one frame says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message<'a> {
    pub kind: Sort,
    /// `:event-type`, `:exception-type` or `:error-code`.
    pub name: &'a str,
    /// `:error-message`, of errors.
    pub error_message: &'a str,
    /// `:content-type`.
    pub content_type: Option<&'a str>,
    pub payload: &'a [u8],
    /// All headers, as they stand in the frame.
    headers: &'a [u8],
}

/// `:message-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Also of a frame that does not say.
    Event,
    /// A failure that the API's description knows; the payload says more.
    Exception,
    /// A failure that it does not know.
    Error,
}

/// What a frame says that [`Frames`] gave out: its checksums are not looked at again. `None`: it is none of those.
pub fn message(frame: &[u8]) -> Option<Message<'_>> {
    Message::read(frame).ok()
}

/// The headers that say what a frame is.
const KNOWN: [&str; 6] = [
    ":message-type",
    ":event-type",
    ":exception-type",
    ":error-code",
    ":error-message",
    ":content-type",
];

impl<'a> Message<'a> {
    /// Errors are fragments that follow "an event stream".
    fn read(frame: &'a [u8]) -> Result<Message<'a>, String> {
        let half = || "with half a frame".to_owned();
        let (prelude, rest) = frame.split_first_chunk().ok_or_else(half)?;
        let (rest, _) = rest.split_last_chunk::<4>().ok_or_else(half)?;
        let [total, length, _] = numbers(prelude);
        if total as usize != frame.len() {
            return Err(half());
        }
        let (headers, payload) = rest.split_at_checked(length as usize).ok_or_else(half)?;
        let mut given = [None; KNOWN.len()];
        for header in (Headers { left: headers }) {
            let (name, value) = header?;
            let known = KNOWN.iter().position(|known| *known == name);
            if let (Some(at), Value::Text(text)) = (known, value)
                && given[at].replace(text).is_some()
            {
                return Err("in which a frame has a header twice".to_owned());
            }
        }
        let [kind, event, exception, code, error_message, content_type] = given;
        let (kind, name) = match kind {
            Some("exception") => (Sort::Exception, exception),
            Some("error") => (Sort::Error, code),
            _ => (Sort::Event, event),
        };
        Ok(Message {
            kind,
            name: name.unwrap_or_default(),
            error_message: error_message.unwrap_or_default(),
            content_type,
            payload,
            headers,
        })
    }

    /// What a failure without an exception of its own says, as an exception says it.
    pub fn error(&self) -> Vec<u8> {
        let text = format!("{}: {}", self.name, self.error_message);
        serde_json::json!({ "message": text })
            .to_string()
            .into_bytes()
    }

    /// All its headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        // They were readable when the frame was read.
        Headers { left: self.headers }.filter_map(Result::ok)
    }
}

/// A header's value, by its type's number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// 0 is true, 1 is false.
    Bool(bool),
    /// 2
    Byte(i8),
    /// 3
    Short(i16),
    /// 4
    Int(i32),
    /// 5
    Long(i64),
    /// 6
    Bytes(&'a [u8]),
    /// 7
    Text(&'a str),
    /// 8: milliseconds since 1970.
    Time(i64),
    /// 9
    Uuid([u8; 16]),
}

/// Reads headers one by one; ends at the first that cannot be read.
struct Headers<'a> {
    left: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<(&'a str, Value<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let header = self.header();
        if header.is_none() {
            self.left = &[];
        }
        Some(header.ok_or_else(|| "in which a frame's headers cannot be read".to_owned()))
    }
}

impl<'a> Headers<'a> {
    fn header(&mut self) -> Option<(&'a str, Value<'a>)> {
        let [length] = self.bytes()?;
        let name = std::str::from_utf8(self.slice(length.into())?).ok()?;
        let [kind] = self.bytes()?;
        let value = match kind {
            0 => Value::Bool(true),
            1 => Value::Bool(false),
            2 => Value::Byte(i8::from_be_bytes(self.bytes()?)),
            3 => Value::Short(i16::from_be_bytes(self.bytes()?)),
            4 => Value::Int(i32::from_be_bytes(self.bytes()?)),
            5 => Value::Long(i64::from_be_bytes(self.bytes()?)),
            6 => Value::Bytes(self.counted()?),
            7 => Value::Text(std::str::from_utf8(self.counted()?).ok()?),
            8 => Value::Time(i64::from_be_bytes(self.bytes()?)),
            9 => Value::Uuid(self.bytes()?),
            _ => return None,
        };
        Some((name, value))
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, left) = self.left.split_first_chunk()?;
        self.left = left;
        Some(*bytes)
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.bytes()?);
        self.slice(length.into())
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (slice, left) = self.left.split_at_checked(length)?;
        self.left = left;
        Some(slice)
    }
}

/// An event of this type with a JSON payload.
pub fn event(name: &str, json: &[u8]) -> Vec<u8> {
    of_json(":event-type", name, "event", json)
}

/// An exception of this type with a JSON payload.
pub fn exception(name: &str, json: &[u8]) -> Vec<u8> {
    of_json(":exception-type", name, "exception", json)
}

fn of_json(header: &str, name: &str, kind: &str, json: &[u8]) -> Vec<u8> {
    let headers = [
        (header, Value::Text(name)),
        (":content-type", Value::Text("application/json")),
        (":message-type", Value::Text(kind)),
    ];
    let mut out = Vec::with_capacity(json.len() + name.len() + 100);
    write(&headers, json, &mut out);
    out
}

/// Writes a frame. Names longer than 255 bytes and values longer than 65,535 are cut off there; limits on headers and payload
/// together are the reader's.
pub fn write(headers: &[(&str, Value<'_>)], payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; PRELUDE]);
    for (name, value) in headers {
        let name = &name[..name.floor_char_boundary(u8::MAX.into())];
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(name.as_bytes());
        write_value(value, out);
    }
    let length = out.len() - start - PRELUDE;
    let total = PRELUDE + length + payload.len() + 4;
    let big = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    out[start..start + 4].copy_from_slice(&big(total));
    out[start + 4..start + 8].copy_from_slice(&big(length));
    let sum = crc32fast::hash(&out[start..start + 8]).to_be_bytes();
    out[start + 8..start + PRELUDE].copy_from_slice(&sum);
    out.extend_from_slice(payload);
    let sum = crc32fast::hash(&out[start..]).to_be_bytes();
    out.extend_from_slice(&sum);
}

fn write_value(value: &Value<'_>, out: &mut Vec<u8>) {
    let mut fixed = |kind: u8, bytes: &[u8]| {
        out.push(kind);
        out.extend_from_slice(bytes);
    };
    let (kind, bytes) = match value {
        Value::Bool(yes) => return fixed(u8::from(!yes), &[]),
        Value::Byte(number) => return fixed(2, &number.to_be_bytes()),
        Value::Short(number) => return fixed(3, &number.to_be_bytes()),
        Value::Int(number) => return fixed(4, &number.to_be_bytes()),
        Value::Long(number) => return fixed(5, &number.to_be_bytes()),
        Value::Time(number) => return fixed(8, &number.to_be_bytes()),
        Value::Uuid(bytes) => return fixed(9, bytes),
        Value::Bytes(bytes) => (6, &bytes[..bytes.len().min(u16::MAX.into())]),
        Value::Text(text) => (
            7,
            &text.as_bytes()[..text.floor_char_boundary(u16::MAX.into())],
        ),
    };
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    fixed(kind, &length.to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn frame(headers: &[(&str, Value<'_>)], payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write(headers, payload, &mut out);
        out
    }

    /// All frames, the rest last, and why it stopped, of `input` cut at `cuts`.
    fn cut(input: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, Option<Vec<u8>>, Option<String>) {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
        cuts.extend([0, input.len()]);
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            let pushed = frames.push(Bytes::copy_from_slice(&input[pair[0]..pair[1]]));
            out.extend(std::iter::from_fn(|| frames.next()).map(Vec::from));
            if let Err(error) = pushed {
                assert_eq!((error.kind, frames.waiting()), (Kind::Upstream, 0));
                return (out, None, Some(error.message));
            }
        }
        (out, frames.rest().map(Vec::from), None)
    }

    fn why(input: &[u8]) -> String {
        let told = cut(input, &[]).2.expect("an error");
        let prefix = "the provider sent an event stream ";
        told.strip_prefix(prefix).unwrap().to_owned()
    }

    /// Gives a frame the checksums its bytes have now.
    fn sealed(mut frame: Vec<u8>) -> Vec<u8> {
        let end = frame.len() - 4;
        let sum = crc32fast::hash(&frame[..8]).to_be_bytes();
        frame[8..12].copy_from_slice(&sum);
        let sum = crc32fast::hash(&frame[..end]).to_be_bytes();
        frame[end..].copy_from_slice(&sum);
        frame
    }

    #[test]
    fn frames_are_written_as_described() {
        // The example without headers and that with one, of
        // <https://github.com/awslabs/aws-c-event-stream/blob/main/tests/message_serializer_test.c>.
        assert_eq!(
            frame(&[], b""),
            b"\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff"
        );
        let json = b"{'foo':'bar'}";
        let mut want =
            b"\0\0\0\x3d\0\0\0\x20\x07\xfd\x83\x96\x0ccontent-type\x07\0\x10application/json"
                .to_vec();
        want.extend_from_slice(json);
        want.extend_from_slice(b"\x8d\x9c\x08\xb1");
        assert_eq!(
            frame(&[("content-type", Value::Text("application/json"))], json),
            want
        );
    }

    #[test]
    fn events_exceptions_and_errors_are_told_apart() {
        let mut out = event("messageStart", b"{}");
        out.extend(exception("throttlingException", b"{\"message\":\"slow\"}"));
        let error = [
            (":error-code", Value::Text("InternalError")),
            (":error-message", Value::Text("oh")),
            (":message-type", Value::Text("error")),
        ];
        write(&error, b"", &mut out);
        write(&[(":event-type", Value::Text("chunk"))], b"x", &mut out);
        let (frames, rest, why) = cut(&out, &[]);
        let json = Some("application/json");
        let read: Vec<_> = frames
            .iter()
            .map(|frame| message(frame).unwrap())
            .map(|said| {
                (
                    said.kind,
                    said.name,
                    said.error_message,
                    said.content_type,
                    said.payload,
                )
            })
            .collect();
        let slow = &b"{\"message\":\"slow\"}"[..];
        assert_eq!(
            read,
            [
                (Sort::Event, "messageStart", "", json, &b"{}"[..]),
                (Sort::Exception, "throttlingException", "", json, slow),
                (Sort::Error, "InternalError", "oh", None, b""),
                (Sort::Event, "chunk", "", None, b"x"),
            ]
        );
        assert_eq!((rest, why), (None, None));
    }

    #[test]
    fn damage_is_named_and_what_came_before_it_given_out() {
        let whole = frame(&[(":event-type", Value::Text("a"))], b"{}");
        let changed = |at: usize, byte: u8| {
            let mut frame = whole.clone();
            frame[at] = byte;
            frame
        };
        let not = "in which a frame's beginning is damaged, or which is none";
        assert_eq!(why(b"HTTP/1.1 400 Bad Request"), not);
        assert_eq!(why(&changed(3, 200)), not);
        assert_eq!(why(&changed(9, 0)), not);
        let sum = "in which a frame's checksum is wrong";
        assert_eq!(why(&changed(20, b'x')), sum);
        assert_eq!(why(&changed(whole.len() - 1, 0)), sum);
        let unreadable = "in which a frame's headers cannot be read";
        assert_eq!(why(&sealed(changed(12, 200))), unreadable);
        assert_eq!(why(&sealed(changed(24, 10))), unreadable);
        assert_eq!(why(&sealed(changed(13, 0xff))), unreadable);
        let twice = [(":event-type", Value::Text("a")); 2];
        assert_eq!(
            why(&frame(&twice, b"")),
            "in which a frame has a header twice"
        );
        let mut short = frame(&[], b"");
        short[3] = 15;
        assert_eq!(why(&sealed(short)), "with a frame shorter than its headers");
        let both = [whole.clone(), changed(20, b'x')].concat();
        let (frames, rest, why) = cut(&both, &[5, 30]);
        assert_eq!((frames, rest, why.is_some()), (vec![whole], None, true));
    }

    #[test]
    fn frames_beyond_the_limits_are_refused_before_they_are_there() {
        let prelude = |total: u32, headers: u32| {
            let mut out = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            let sum = crc32fast::hash(&out).to_be_bytes();
            out.extend_from_slice(&sum);
            out
        };
        let (headers, payload) = (MAX_HEADERS as u32, MAX_PAYLOAD as u32);
        assert!(
            cut(&prelude(16 + headers + payload, headers), &[])
                .2
                .is_none()
        );
        let many = format!("with a frame of more than {MAX_HEADERS} bytes of headers");
        assert_eq!(why(&prelude(17 + headers, headers + 1)), many);
        let long = format!("with a frame of more than {MAX_PAYLOAD} bytes");
        assert_eq!(why(&prelude(17 + payload, 0)), long);
        assert_eq!(why(&prelude(u32::MAX, 0)), long);
        let short = "with a frame shorter than its headers";
        assert_eq!(why(&prelude(16, u32::MAX)), short);
    }

    #[test]
    fn a_frame_in_one_chunk_is_not_copied() {
        let chunk = Bytes::from([frame(&[], b"a"), frame(&[], b"b")].concat());
        let mut frames = Frames::default();
        frames.push(chunk.clone()).unwrap();
        frames.next().unwrap();
        assert_eq!(frames.next().unwrap().as_ptr(), chunk[17..].as_ptr());
        assert!(frames.next().is_none() && frames.rest().is_none());
    }

    #[test]
    fn what_fits_no_header_is_cut_off_between_characters() {
        let (name, text) = ("é".repeat(200), "é".repeat(40_000));
        let written = frame(&[(&name, Value::Text(&text))], b"");
        let message = message(&written).unwrap();
        let (name, value) = message.headers().next().unwrap();
        assert_eq!(name.len(), 254);
        assert!(matches!(value, Value::Text(text) if text.len() == 65_534));
    }

    /// A value that owns its bytes.
    #[derive(Clone, Debug)]
    enum Owned {
        Fixed(Value<'static>),
        Bytes(Vec<u8>),
        Text(String),
    }

    impl Owned {
        fn value(&self) -> Value<'_> {
            match self {
                Owned::Fixed(value) => *value,
                Owned::Bytes(bytes) => Value::Bytes(bytes),
                Owned::Text(text) => Value::Text(text),
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Owned> {
        prop_oneof![
            any::<bool>().prop_map(|value| Owned::Fixed(Value::Bool(value))),
            any::<i8>().prop_map(|value| Owned::Fixed(Value::Byte(value))),
            any::<i16>().prop_map(|value| Owned::Fixed(Value::Short(value))),
            any::<i32>().prop_map(|value| Owned::Fixed(Value::Int(value))),
            any::<i64>().prop_map(|value| Owned::Fixed(Value::Long(value))),
            any::<i64>().prop_map(|value| Owned::Fixed(Value::Time(value))),
            any::<[u8; 16]>().prop_map(|value| Owned::Fixed(Value::Uuid(value))),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Owned::Bytes),
            ".{0,20}".prop_map(Owned::Text),
        ]
    }

    type Written = (Vec<(String, Owned)>, Vec<u8>);

    fn any_frame() -> impl Strategy<Value = Written> {
        let headers = proptest::collection::btree_map(".{0,10}", any_value(), 0..5);
        let payload = proptest::collection::vec(any::<u8>(), 0..60);
        (
            headers.prop_map(|headers| headers.into_iter().collect()),
            payload,
        )
    }

    fn written((headers, payload): &Written) -> Vec<u8> {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.value()))
            .collect();
        let out = frame(&headers, payload);
        let message = message(&out).unwrap();
        assert_eq!(message.headers().collect::<Vec<_>>(), headers);
        assert_eq!(message.payload, payload);
        out
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter_and_nothing_is_lost(
            frames in proptest::collection::vec(any_frame(), 0..6),
            keep in any::<usize>(),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            let frames: Vec<Vec<u8>> = frames.iter().map(written).collect();
            let mut input = frames.concat();
            let whole = cut(&input, &[]);
            prop_assert_eq!(&whole, &(frames, None, None));
            input.truncate(input.len() - keep % 30.min(input.len() + 1));
            let whole = cut(&input, &[]);
            prop_assert_eq!(&cut(&input, &cuts), &whole);
            prop_assert_eq!(&cut(&input, &(0..input.len()).collect::<Vec<_>>()), &whole);
            let mut joined = whole.0.concat();
            joined.extend(whole.1.unwrap_or_default());
            prop_assert_eq!(joined, input);
        }

        #[test]
        fn no_changed_bit_passes(
            frames in proptest::collection::vec(any_frame(), 1..4),
            bit in any::<usize>(),
            cuts in proptest::collection::vec(any::<usize>(), 0..5),
        ) {
            let mut input = frames.iter().map(written).collect::<Vec<_>>().concat();
            let before = cut(&input, &[]).0;
            let bit = bit % (input.len() * 8);
            input[bit / 8] ^= 1 << (bit % 8);
            let (after, _, why) = cut(&input, &cuts);
            prop_assert!(why.is_some() && before.starts_with(&after));
        }

        #[test]
        fn anything_can_be_pushed(input in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = cut(&input, &[]);
            let _ = message(&input);
            if input.len() >= SHORTEST {
                let length = u32::try_from(input.len()).unwrap().to_be_bytes();
                let mut frame = input;
                frame[..4].copy_from_slice(&length);
                frame[4..6].copy_from_slice(&[0, 0]);
                let _ = cut(&sealed(frame), &[]);
            }
        }
    }
}
