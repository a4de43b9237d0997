//! The head of an answer (RFC 9112 sections 2 to 6): status and headers, and how the body behind it ends. Each line ends
//! in CRLF, and there is one way to read each.

use super::body::{Framing, length};
use super::field::{is_all_text, name, trimmed, words};
use super::fields::{Fields, Line};
use bytes::BytesMut;
use http::StatusCode;
use std::fmt;

/// The longest head, interim answers in front of it not counted.
const LONGEST: usize = 128 << 10;
const MOST_HEADERS: usize = 100;
/// Interim answers that one final one may have in front of it.
const MOST_INTERIM: u8 = 32;

/// Why what was read is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    StatusLine,
    Header,
    LineBreak,
    TooLong,
    TooManyHeaders,
    TooManyInterim,
    /// Where the body ends is a matter of opinion, and what follows may be another's (RFC 9112 section 6.3).
    Framing,
    LengthAndChunks,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::StatusLine => "the answer does not begin with a status line of HTTP/1",
            Malformed::Header => "a line of the answer's head is no header",
            Malformed::LineBreak => "a line of the answer's head does not end in CRLF",
            Malformed::TooLong => "the answer's head is too long",
            Malformed::TooManyHeaders => "the answer has too many headers",
            Malformed::TooManyInterim => "there are too many interim answers",
            Malformed::Framing => "the answer does not say where it ends",
            Malformed::LengthAndChunks => "the answer has a length and chunks",
        })
    }
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    pub status: StatusCode,
    pub headers: Fields,
}

/// A head, and what follows from it.
#[derive(Debug)]
pub struct Answer {
    pub head: Head,
    pub framing: Framing,
    /// The connection goes on after it.
    pub lasts: bool,
}

/// Reads the head of one answer.
#[derive(Debug, Default)]
pub struct Reader {
    /// Bytes in which no end was found.
    seen: usize,
    interim: u8,
}

impl Reader {
    /// Whether nothing of an answer has come.
    pub fn is_new(&self) -> bool {
        self.seen == 0 && self.interim == 0
    }

    /// Takes the head of an answer out of what has been read; `None`: more is to be read. What is behind it stays. `headless`:
    /// the request was a `HEAD`, whose answers have no body.
    pub fn read(
        &mut self,
        read: &mut BytesMut,
        headless: bool,
    ) -> Result<Option<Answer>, Malformed> {
        loop {
            let Some(end) = self.end(read)? else {
                return Ok(None);
            };
            self.seen = 0;
            let mut head = read.split_to(end);
            let (line, fields) = line(&head);
            let (new, status) = status(line).ok_or(Malformed::StatusLine)?;
            let begin = head.len() - fields.len();
            let (lines, said) = headers(&mut head, begin)?;
            if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                self.interim += 1;
                if self.interim > MOST_INTERIM {
                    return Err(Malformed::TooManyInterim);
                }
                continue;
            }
            let told = match said {
                Said {
                    length: Some(_),
                    chunked: true,
                    ..
                } => return Err(Malformed::LengthAndChunks),
                Said { chunked: true, .. } if !new => return Err(Malformed::Framing),
                Said { chunked: true, .. } => Framing::Chunked,
                Said { length, .. } => length.map_or(Framing::Close, Framing::Length),
            };
            let upgraded = status == StatusCode::SWITCHING_PROTOCOLS;
            let bare = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
            let framing = match headless || bare || upgraded {
                true => Framing::Length(0),
                false => told,
            };
            return Ok(Some(Answer {
                head: Head {
                    status,
                    headers: Fields::of(head.freeze(), lines),
                },
                framing,
                // What is older than HTTP/1.1 is not relied on.
                lasts: new && !said.closes && !upgraded && framing != Framing::Close,
            }));
        }
    }

    /// Where the head ends, behind its empty line.
    fn end(&mut self, read: &[u8]) -> Result<Option<usize>, Malformed> {
        // What cannot become a head is refused before there is more of it.
        if !read.iter().zip(b"HTTP/1.").all(|(a, b)| a == b) {
            return Err(Malformed::StatusLine);
        }
        let before = |at: usize, back: usize| at.checked_sub(back).and_then(|at| read.get(at));
        for more in memchr::memchr_iter(b'\n', &read[self.seen..]) {
            let at = self.seen + more;
            if at >= LONGEST {
                return Err(Malformed::TooLong);
            }
            if before(at, 1) != Some(&b'\r') {
                return Err(Malformed::LineBreak);
            }
            if before(at, 2) == Some(&b'\n') {
                return Ok(Some(at + 1));
            }
        }
        self.seen = read.len();
        match read.len() > LONGEST {
            true => Err(Malformed::TooLong),
            false => Ok(None),
        }
    }
}

/// The first line without its end, and what follows it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(at);
    (
        line.strip_suffix(b"\r").unwrap_or(line),
        rest.get(1..).unwrap_or_default(),
    )
}

/// Whether it is HTTP/1.1, and the status.
fn status(line: &[u8]) -> Option<(bool, StatusCode)> {
    let line = line.strip_prefix(b"HTTP/1.")?;
    let (new, line) = match line.split_first_chunk()? {
        (b"1 ", line) => (true, line),
        (b"0 ", line) => (false, line),
        _ => return None,
    };
    let (code, reason) = line.split_first_chunk::<3>()?;
    let reason_is_text = match reason {
        [] => true,
        [b' ', reason @ ..] => is_all_text(reason),
        _ => false,
    };
    let status = StatusCode::from_bytes(code).ok()?;
    (reason_is_text && code[0] < b'6').then_some((new, status))
}

/// What headers say of the body's end (RFC 9112 section 6.3) and of the connection (section 9.3).
#[derive(Clone, Copy, Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    closes: bool,
}

impl Said {
    fn hear(&mut self, name: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let is = |known: &[u8]| name == known;
        if is(b"content-length") {
            let length = length(value).ok_or(Malformed::Framing)?;
            if self.length.replace(length).is_some_and(|had| had != length) {
                return Err(Malformed::Framing);
            }
        } else if is(b"transfer-encoding") {
            let again = std::mem::replace(&mut self.chunked, true);
            if again || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::Framing);
            }
        } else if is(b"connection") {
            self.closes |= words(value).any(|option| option.eq_ignore_ascii_case(b"close"));
        }
        Ok(())
    }
}

/// Room for as many headers as most answers have.
const ROOM: usize = 16;
/// A longer name is none that anybody has.
const LONGEST_NAME: usize = (64 << 10) - 1;

/// The headers of a head, whose lines begin there. Puts their names into small letters.
fn headers(head: &mut [u8], mut at: usize) -> Result<(Vec<Line>, Said), Malformed> {
    let (mut headers, mut said) = (Vec::with_capacity(ROOM), Said::default());
    loop {
        let (field, rest) = line(&head[at..]);
        if field.is_empty() {
            return Ok((headers, said));
        }
        let field = at..at + field.len();
        at = head.len() - rest.len();
        if headers.len() == MOST_HEADERS {
            return Err(Malformed::TooManyHeaders);
        }
        // A line that goes on the one before begins with a space, which no name has.
        let length = name(&mut head[field.clone()]);
        let (name, value) = match head[field].split_at(length) {
            (name, [b':', value @ ..]) if (1..=LONGEST_NAME).contains(&length) => {
                (name, trimmed(value))
            }
            _ => return Err(Malformed::Header),
        };
        if !is_all_text(value) {
            return Err(Malformed::Header);
        }
        said.hear(name, value)?;
        headers.push(Line::of(head, name, value));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(bytes: &str, headless: bool) -> Result<Option<Answer>, Malformed> {
        Reader::default().read(&mut BytesMut::from(bytes), headless)
    }

    /// Status, framing, and whether the connection lasts.
    fn told(bytes: &str) -> Result<(u16, Framing, bool), Malformed> {
        let answer = read(bytes, false)?.unwrap();
        Ok((answer.head.status.as_u16(), answer.framing, answer.lasts))
    }

    #[test]
    fn a_head_says_how_its_body_ends_and_whether_the_connection_goes_on() {
        for (bytes, expected) in [
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
                (200, Framing::Length(5), true),
            ),
            (
                "HTTP/1.1 200\r\nContent-Length:5 \r\ncontent-length: 5\r\n\r\n",
                (200, Framing::Length(5), true),
            ),
            (
                "HTTP/1.1 500 \r\nTransfer-Encoding: Chunked\r\n\r\n",
                (500, Framing::Chunked, true),
            ),
            ("HTTP/1.1 200 OK\r\n\r\n", (200, Framing::Close, false)),
            (
                "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\n",
                (200, Framing::Length(5), false),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: te,  Close\r\n\r\n",
                (200, Framing::Length(5), false),
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: x\r\nconnection: close\r\n\r\n",
                (200, Framing::Length(5), false),
            ),
            ("HTTP/1.1 204 No\r\n\r\n", (204, Framing::Length(0), true)),
            (
                "HTTP/1.1 304 No\r\ncontent-length: 5\r\n\r\n",
                (304, Framing::Length(0), true),
            ),
            (
                "HTTP/1.1 101 No\r\nupgrade: x\r\n\r\n",
                (101, Framing::Length(0), false),
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 \u{e9}\r\ncontent-length: 0\r\n\r\n",
                (201, Framing::Length(0), true),
            ),
        ] {
            assert_eq!(told(bytes), Ok(expected), "{bytes:?}");
        }
        let answer = read("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", true);
        let answer = answer.unwrap().unwrap();
        assert_eq!(answer.framing, Framing::Length(0));
        assert_eq!(answer.head.headers.text("content-length"), Some("5"));
    }

    #[test]
    fn what_two_could_read_in_two_ways_is_refused() {
        for (bytes, why) in [
            ("\r\nHTTP/1.1 200 OK\r\n\r\n", Malformed::StatusLine),
            ("HTTP/2", Malformed::StatusLine),
            ("SSH", Malformed::StatusLine),
            ("HTTP/1.2 200 OK\r\n\r\n", Malformed::StatusLine),
            ("HTTP/1.1  200 OK\r\n\r\n", Malformed::StatusLine),
            ("HTTP/1.1 20 OK\r\n\r\n", Malformed::StatusLine),
            ("HTTP/1.1 2000 OK\r\n\r\n", Malformed::StatusLine),
            ("HTTP/1.1 600 OK\r\n\r\n", Malformed::StatusLine),
            ("HTTP/1.1 099 OK\r\n\r\n", Malformed::StatusLine),
            ("HTTP/1.1 200 a\rb\r\n\r\n", Malformed::StatusLine),
            ("HTTP/1.1 200 OK\n\n", Malformed::LineBreak),
            ("HTTP/1.1 200 OK\r\na: b\n", Malformed::LineBreak),
            ("HTTP/1.1 200 OK\r\na\r\n\r\n", Malformed::Header),
            ("HTTP/1.1 200 OK\r\n: a\r\n\r\n", Malformed::Header),
            ("HTTP/1.1 200 OK\r\na : b\r\n\r\n", Malformed::Header),
            (
                "HTTP/1.1 200 OK\r\na: b\r\n c: d\r\n\r\n",
                Malformed::Header,
            ),
            ("HTTP/1.1 200 OK\r\na: b\0c\r\n\r\n", Malformed::Header),
            ("HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n", Malformed::Header),
            ("HTTP/1.1 200 OK\r\na: \x0cb\r\n\r\n", Malformed::Header),
            ("HTTP/1.1 103 x\r\na b\r\n\r\n", Malformed::Header),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
                Malformed::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\n",
                Malformed::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\n",
                Malformed::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n",
                Malformed::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
                Malformed::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
                Malformed::Framing,
            ),
            (
                "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                Malformed::Framing,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
                Malformed::LengthAndChunks,
            ),
        ] {
            assert_eq!(read(bytes, false).unwrap_err(), why, "{bytes:?}");
        }
    }

    #[test]
    fn heads_and_what_is_in_front_of_them_are_bounded() {
        let with =
            |headers: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(headers));
        assert!(told(&with(100)).is_ok());
        assert_eq!(told(&with(101)), Err(Malformed::TooManyHeaders));
        let long = |length: usize| format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(length));
        assert!(matches!(read(&long(LONGEST - 20), false), Ok(None)));
        assert_eq!(read(&long(LONGEST), false).unwrap_err(), Malformed::TooLong);
        let ended = long(LONGEST) + "\r\n\r\n";
        assert_eq!(told(&ended), Err(Malformed::TooLong));
        let interim = |count| "HTTP/1.1 102 x\r\n\r\n".repeat(count) + &with(0);
        assert!(told(&interim(32)).is_ok());
        assert_eq!(told(&interim(33)), Err(Malformed::TooManyInterim));
    }

    #[test]
    fn a_head_is_the_same_however_it_is_cut_and_leaves_what_is_behind_it() {
        let bytes = b"HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nx:\r\na:\tc \r\n\r\nrest";
        for cut in 0..bytes.len() {
            let (mut reader, mut buffer) = (Reader::default(), BytesMut::from(&bytes[..cut]));
            let answer = match reader.read(&mut buffer, false).unwrap() {
                Some(answer) => {
                    buffer.extend_from_slice(&bytes[cut..]);
                    answer
                }
                None => {
                    buffer.extend_from_slice(&bytes[cut..]);
                    reader.read(&mut buffer, false).unwrap().unwrap()
                }
            };
            let headers: Vec<(&[u8], &[u8])> = answer.head.headers.iter().collect();
            assert_eq!(headers, [(&b"a"[..], &b"b"[..]), (b"x", b""), (b"a", b"c")]);
            assert_eq!(buffer, "rest");
        }
    }
}
