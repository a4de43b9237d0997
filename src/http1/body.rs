//! The framing of bodies (RFC 9112 sections 6 and 7): a length, chunks, or all until the end of the connection. Reading
//! goes on at any byte and hands out what it is given without copying it. Trailers are read and dropped, as the RFC
//! lets every recipient do that does not know them.

use super::field::{is_text, is_token};
use bytes::{Buf, Bytes, BytesMut};
use std::fmt;

/// How a body's end is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes; none is 0.
    Length(u64),
    Chunked,
    /// The connection ends with it: answers only.
    Close,
}

/// Why what was read is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The connection ended in the middle.
    Cut,
    ChunkSize,
    /// What is not a line break stands where one has to be.
    LineBreak,
    Trailer,
    /// More beside the data than anybody needs.
    Overhead,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::Cut => "the body broke off",
            Malformed::ChunkSize => "the size of a chunk is no number",
            Malformed::LineBreak => "a line among the chunks does not end in CRLF",
            Malformed::Trailer => "a trailer is no header",
            Malformed::Overhead => "there are too many extensions or trailers among the chunks",
        })
    }
}

impl std::error::Error for Malformed {}

/// The number a `Content-Length` says (RFC 9110 section 8.6): digits and nothing else.
pub fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    value.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// Bytes that extensions and trailers of one body may have, those of a trailer's line counted with [`LINE`] more.
const OVERHEAD: u16 = 16 << 10;
const LINE: u16 = 192;
/// More digits a size that is written without zeros in front cannot have.
const DIGITS: u8 = 16;

/// Where the reading of a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// So much of a body with a length is still to come.
    Rest(u64),
    UntilClose,
    /// In the digits of a chunk's size.
    Size {
        digits: u8,
        size: u64,
    },
    Extension(u64),
    /// Before the line feed behind the size.
    SizeEnd(u64),
    Data(u64),
    /// Behind a chunk's data.
    DataCr,
    DataLf,
    /// Where a trailer may begin, or the end.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    Done,
}

/// Reads one body.
#[derive(Debug)]
pub struct Body {
    place: Place,
    /// What is left of [`OVERHEAD`].
    overhead: u16,
}

impl Body {
    pub fn new(framing: Framing) -> Body {
        let place = match framing {
            Framing::Length(0) => Place::Done,
            Framing::Length(length) => Place::Rest(length),
            Framing::Chunked => Place::Size { digits: 0, size: 0 },
            Framing::Close => Place::UntilClose,
        };
        Body {
            place,
            overhead: OVERHEAD,
        }
    }

    /// Whether it has been read to its end.
    pub fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    /// Bytes it still has, where that is known.
    pub fn length(&self) -> Option<u64> {
        match self.place {
            Place::Rest(left) => Some(left),
            Place::Done => Some(0),
            _ => None,
        }
    }

    /// Bytes of data that surely come next: the rest of the body, or of its chunk.
    pub fn left(&self) -> Option<u64> {
        match self.place {
            Place::Data(left) => Some(left),
            _ => self.length(),
        }
    }

    /// Takes its next piece out of what has been read; `None`: it is done, or more is to be read. What is behind it stays.
    pub fn next(&mut self, read: &mut BytesMut) -> Result<Option<Bytes>, Malformed> {
        loop {
            let (left, behind): (u64, fn(u64) -> Place) = match self.place {
                Place::Done => return Ok(None),
                _ if read.is_empty() => return Ok(None),
                Place::UntilClose => return Ok(Some(read.split().freeze())),
                Place::Rest(left) => (left, Place::Rest),
                Place::Data(left) => (left, Place::Data),
                _ => {
                    self.frame(read)?;
                    continue;
                }
            };
            let here = usize::try_from(left).map_or(read.len(), |left| left.min(read.len()));
            self.place = match (left - here as u64, self.place) {
                (0, Place::Rest(_)) => Place::Done,
                (0, _) => Place::DataCr,
                (left, _) => behind(left),
            };
            return Ok(Some(read.split_to(here).freeze()));
        }
    }

    /// What the end of the connection is to it.
    pub fn closed(&mut self) -> Result<(), Malformed> {
        match self.place {
            Place::Done | Place::UntilClose => {
                self.place = Place::Done;
                Ok(())
            }
            _ => Err(Malformed::Cut),
        }
    }

    /// Reads on between two pieces of data.
    fn frame(&mut self, read: &mut BytesMut) -> Result<(), Malformed> {
        if let Some((size, taken)) = self.plain_size(read) {
            self.place = Place::Data(size);
            read.advance(taken);
            return Ok(());
        }
        let mut taken = 0;
        for byte in read.iter() {
            taken += 1;
            self.place = self.step(*byte)?;
            if let Place::Data(_) | Place::Done = self.place {
                break;
            }
        }
        read.advance(taken);
        Ok(())
    }

    /// The size that comes next, and how many bytes until its data, where it is written as nearly all are: whole, without
    /// extensions, and not the last. Everything else is for [`Body::step`], which reads this in the same way.
    fn plain_size(&self, read: &[u8]) -> Option<(u64, usize)> {
        let behind = match self.place {
            Place::Size { digits: 0, .. } => 0,
            Place::DataCr if read.starts_with(b"\r\n") => 2,
            _ => return None,
        };
        let mut size = 0;
        for (at, byte) in read.get(behind..)?.iter().enumerate() {
            match digit(*byte) {
                Some(digit) if at < usize::from(DIGITS) => size = size << 4 | digit,
                None if size > 0 => {
                    let end = behind + at;
                    let ends = read.get(end..end + 2) == Some(b"\r\n");
                    return ends.then_some((size, end + 2));
                }
                _ => return None,
            }
        }
        None
    }

    fn step(&mut self, byte: u8) -> Result<Place, Malformed> {
        Ok(match (self.place, byte) {
            (Place::Size { digits, size }, _)
                if digits < DIGITS
                    && let Some(digit) = digit(byte) =>
            {
                Place::Size {
                    digits: digits + 1,
                    size: size << 4 | digit,
                }
            }
            (Place::Size { digits: 1.., size }, b'\r') => Place::SizeEnd(size),
            (Place::Size { digits: 1.., size }, b';') => self.counted(1, Place::Extension(size))?,
            (Place::Size { .. }, _) => return Err(Malformed::ChunkSize),
            (Place::Extension(size), b'\r') => Place::SizeEnd(size),
            (Place::Extension(_), _) if is_text(byte) => self.counted(1, self.place)?,
            (Place::SizeEnd(0), b'\n') => Place::Trailer,
            (Place::SizeEnd(size), b'\n') => Place::Data(size),
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => Place::Size { digits: 0, size: 0 },
            (Place::Trailer, b'\r') => Place::LastLf,
            (Place::Trailer, _) if is_token(byte) => self.counted(LINE, Place::TrailerName)?,
            (Place::TrailerName, b':') => self.counted(1, Place::TrailerValue)?,
            (Place::TrailerName, _) if is_token(byte) => self.counted(1, self.place)?,
            (Place::Trailer | Place::TrailerName, _) => return Err(Malformed::Trailer),
            (Place::TrailerValue, b'\r') => Place::TrailerLf,
            (Place::TrailerValue, _) if is_text(byte) => self.counted(1, self.place)?,
            (Place::TrailerLf, b'\n') => Place::Trailer,
            (Place::LastLf, b'\n') => Place::Done,
            _ => return Err(Malformed::LineBreak),
        })
    }

    /// Goes on to a place, with so much more beside the data.
    fn counted(&mut self, more: u16, place: Place) -> Result<Place, Malformed> {
        self.overhead = self.overhead.checked_sub(more).ok_or(Malformed::Overhead)?;
        Ok(place)
    }
}

fn digit(byte: u8) -> Option<u64> {
    Some(u64::from(match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => return None,
    }))
}

/// What ends a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// What ends a body in chunks.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Writes what begins a chunk of so many bytes, more than none.
pub fn chunk(length: usize, out: &mut Vec<u8>) {
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4).max(1);
    out.extend((0..digits).rev().map(|at| {
        let digit = (length >> (4 * at)) & 15;
        b"0123456789ABCDEF"[digit]
    }));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What a body says that comes in these pieces, and what is left behind it.
    fn read(framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool, Vec<u8>), Malformed> {
        let (mut body, mut said, mut buffer) = (Body::new(framing), Vec::new(), BytesMut::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            while let Some(piece) = body.next(&mut buffer)? {
                said.extend_from_slice(&piece);
            }
        }
        Ok((said, body.is_done(), buffer.to_vec()))
    }

    #[test]
    fn bodies_end_where_their_framing_says() {
        let all = |framing, bytes: &str| {
            let (said, done, left) = read(framing, &[bytes.as_bytes()]).unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (text(said), done, text(left))
        };
        let said = |said: &str, done, left: &str| (said.to_owned(), done, left.to_owned());
        assert_eq!(all(Framing::Length(0), "x"), said("", true, "x"));
        assert_eq!(all(Framing::Length(3), "abcd"), said("abc", true, "d"));
        assert_eq!(all(Framing::Length(3), "ab"), said("ab", false, ""));
        assert_eq!(all(Framing::Close, "ab"), said("ab", false, ""));
        let chunked = |bytes| all(Framing::Chunked, bytes);
        assert_eq!(chunked("0\r\n\r\nx"), said("", true, "x"));
        assert_eq!(
            chunked("3\r\nabc\r\n0B;a=\"b\"\r\n0123456789a\r\n000\r\nA: b\r\nc:\r\n\r\nx"),
            said("abc0123456789a", true, "x")
        );
        assert_eq!(chunked("ffffffffffffffff\r\nab"), said("ab", false, ""));
    }

    #[test]
    fn a_body_is_the_same_however_it_is_cut() {
        let bytes = b"3\r\nabc\r\nb;x\r\n0123456789a\r\n0\r\nA: b\r\n\r\nrest";
        let whole = read(Framing::Chunked, &[bytes]);
        assert_eq!(whole.as_ref().unwrap().0, b"abc0123456789a");
        for at in 0..bytes.len() {
            let (a, b) = bytes.split_at(at);
            assert_eq!(read(Framing::Chunked, &[a, b]), whole, "{at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(Framing::Chunked, &single), whole);
    }

    #[test]
    fn what_two_could_read_in_two_ways_is_refused() {
        for (bytes, why) in [
            ("\r\n", Malformed::ChunkSize),
            ("x", Malformed::ChunkSize),
            ("0x3\r\n", Malformed::ChunkSize),
            ("+3\r\n", Malformed::ChunkSize),
            (" 3\r\n", Malformed::ChunkSize),
            ("3 \r\n", Malformed::ChunkSize),
            ("3\n", Malformed::ChunkSize),
            (";a\r\n", Malformed::ChunkSize),
            ("00000000000000003\r\n", Malformed::ChunkSize),
            ("3\rx", Malformed::LineBreak),
            ("3;a\n", Malformed::LineBreak),
            ("3;a\rb", Malformed::LineBreak),
            ("3;a\0", Malformed::LineBreak),
            ("3\r\nabcd\r\n", Malformed::LineBreak),
            ("3\r\nabc\n", Malformed::LineBreak),
            ("3\r\nabc\r0", Malformed::LineBreak),
            ("0\r\n\n", Malformed::Trailer),
            ("0\r\n: a\r\n", Malformed::Trailer),
            ("0\r\na\r\n", Malformed::Trailer),
            ("0\r\na : b\r\n", Malformed::Trailer),
            ("0\r\n a: b\r\n", Malformed::Trailer),
            ("0\r\na: b\r\n c\r\n", Malformed::Trailer),
            ("0\r\na: b\n", Malformed::LineBreak),
            ("0\r\na: b\r\n\rx", Malformed::LineBreak),
        ] {
            let read = read(Framing::Chunked, &[bytes.as_bytes()]);
            assert_eq!(read.unwrap_err(), why, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_beside_the_data_is_bounded() {
        let overhead = |bytes: String| read(Framing::Chunked, &[bytes.as_bytes()]).err();
        let extended = |length| format!("1;{}\r\na\r\n", "x".repeat(length)).repeat(2);
        assert_eq!(overhead(extended(8191)), None);
        assert_eq!(overhead(extended(8192)), Some(Malformed::Overhead));
        let trailed = |lines| format!("0\r\n{}\r\n", "a: b\r\n".repeat(lines));
        assert_eq!(overhead(trailed(80)), None);
        assert_eq!(overhead(trailed(90)), Some(Malformed::Overhead));
    }

    #[test]
    fn the_end_of_a_connection_ends_what_has_no_other_end() {
        let closed = |framing| Body::new(framing).closed();
        assert_eq!(closed(Framing::Close), Ok(()));
        assert_eq!(closed(Framing::Length(0)), Ok(()));
        assert_eq!(closed(Framing::Length(1)), Err(Malformed::Cut));
        assert_eq!(closed(Framing::Chunked), Err(Malformed::Cut));
    }

    #[test]
    fn room_is_what_surely_comes() {
        let mut body = Body::new(Framing::Chunked);
        assert_eq!((body.left(), body.length()), (None, None));
        let mut buffer = BytesMut::from("10\r\nabc");
        body.next(&mut buffer).unwrap();
        assert_eq!((body.left(), body.length()), (Some(13), None));
        let body = Body::new(Framing::Length(7));
        assert_eq!((body.left(), body.length()), (Some(7), Some(7)));
    }

    #[test]
    fn lengths_are_digits() {
        for (value, expected) in [
            ("0", Some(0)),
            ("0017", Some(17)),
            ("9999999999999999999", Some(9_999_999_999_999_999_999)),
            ("18446744073709551616", None),
            ("", None),
            ("+1", None),
            ("-1", None),
            ("1 ", None),
            ("1,1", None),
            ("0x1", None),
        ] {
            assert_eq!(length(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [1, 15, 16, 255, 4096, 70_000] {
            let mut out = Vec::new();
            chunk(length, &mut out);
            assert_eq!(out, format!("{length:X}\r\n").as_bytes());
            out.resize(out.len() + length, b'x');
            out.extend_from_slice(CHUNK_END);
            out.extend_from_slice(LAST_CHUNK);
            let (said, done, left) = read(Framing::Chunked, &[&out]).unwrap();
            assert_eq!((said.len(), done, left.len()), (length, true, 0));
        }
    }
}
