//! As much HTTP/1.1 as a mock upstream needs: reading a request from a buffer, writing an answer's head.

use std::fmt::Write as _;
use std::ops::Range;

/// Heads beyond this are refused.
const HEAD_LIMIT: usize = 64 << 10;
/// Bodies beyond this are refused.
pub const BODY_LIMIT: usize = 512 << 20;

/// One request.
#[derive(Debug, Default, PartialEq)]
pub struct Request {
    pub method: String,
    /// As it came, query included.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub keep_alive: bool,
    /// The caller waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
    /// The path without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
    /// A value of the query, as it stands.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

/// How far a buffer goes.
#[derive(Debug, PartialEq)]
pub enum Parsed {
    /// Needs more bytes. The head, where that is whole, and how many bytes there have to be before it is worth another
    /// look.
    Partial(Option<Box<Request>>, usize),
    /// A whole request, and how many bytes of the buffer it took.
    Whole(Request, usize),
    /// Not HTTP; what to tell the caller.
    Bad(&'static str),
}

/// Reads one request from the beginning of `buffer`.
pub fn parse(buffer: &[u8]) -> Parsed {
    let Some(end) = memchr::memmem::find(buffer, b"\r\n\r\n") else {
        return if buffer.len() > HEAD_LIMIT {
            Parsed::Bad("the head is too large")
        } else {
            Parsed::Partial(None, 0)
        };
    };
    let Ok(head) = std::str::from_utf8(&buffer[..end]) else {
        return Parsed::Bad("the head is not UTF-8");
    };
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (first.next(), first.next(), first.next(), first.next())
    else {
        return Parsed::Bad("the request line needs three parts");
    };
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        keep_alive: version == "HTTP/1.1",
        ..Request::default()
    };
    let (mut length, mut chunked) = (0, false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            return Parsed::Bad("a header without a colon");
        };
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        match name.as_str() {
            "content-length" => match value.parse::<usize>() {
                Ok(bytes) if bytes <= BODY_LIMIT => length = bytes,
                _ => return Parsed::Bad("content-length is not acceptable"),
            },
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => {
                request.keep_alive = !value.eq_ignore_ascii_case("close")
                    && (request.keep_alive || value.eq_ignore_ascii_case("keep-alive"))
            }
            "expect" => request.expects_continue = value.eq_ignore_ascii_case("100-continue"),
            _ => {}
        }
        request.headers.push((name, value.to_owned()));
    }
    let start = end + 4;
    if chunked {
        return match dechunk(&buffer[start..]) {
            Chunks::Partial(needs) => Parsed::Partial(Some(Box::new(request)), start + needs),
            Chunks::Bad => Parsed::Bad("a chunk is not well-formed"),
            Chunks::Whole(pieces, taken) => {
                for piece in pieces {
                    request.body.extend_from_slice(&buffer[start..][piece]);
                }
                Parsed::Whole(request, start + taken)
            }
        };
    }
    match buffer.get(start..start + length) {
        None => Parsed::Partial(Some(Box::new(request)), start + length),
        Some(body) => {
            request.body = body.to_vec();
            Parsed::Whole(request, start + length)
        }
    }
}

enum Chunks {
    /// There have to be so many bytes before there is more to see.
    Partial(usize),
    Bad,
    /// Where the pieces are, and how many bytes there are in all.
    Whole(Vec<Range<usize>>, usize),
}

fn dechunk(bytes: &[u8]) -> Chunks {
    let (mut pieces, mut length, mut at) = (Vec::new(), 0, 0);
    loop {
        let Some(line) = memchr::memmem::find(&bytes[at..], b"\r\n") else {
            return Chunks::Partial(at);
        };
        let size = std::str::from_utf8(&bytes[at..at + line])
            .ok()
            .and_then(|size| usize::from_str_radix(size.split(';').next()?.trim(), 16).ok());
        let Some(size) = size.filter(|size| *size <= BODY_LIMIT && length + size <= BODY_LIMIT)
        else {
            return Chunks::Bad;
        };
        at += line + 2;
        if size == 0 {
            // Trailers, if any, end with an empty line.
            let Some(end) = memchr::memmem::find(&bytes[at..], b"\r\n") else {
                return Chunks::Partial(at);
            };
            if end == 0 {
                return Chunks::Whole(pieces, at + 2);
            }
            return match memchr::memmem::find(&bytes[at..], b"\r\n\r\n") {
                Some(end) => Chunks::Whole(pieces, at + end + 4),
                None => Chunks::Partial(at),
            };
        }
        let Some(chunk) = bytes.get(at..at + size + 2) else {
            return Chunks::Partial(at + size + 2);
        };
        if !chunk.ends_with(b"\r\n") {
            return Chunks::Bad;
        }
        pieces.push(at..at + size);
        length += size;
        at += size + 2;
    }
}

/// How an answer's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked,
    /// By the connection's end.
    Close,
    /// Two lengths, the second one too long.
    TwoLengths(usize),
    /// A length, and chunks all the same.
    LengthAndChunks(usize),
}

impl Framing {
    /// Whether the body goes out in chunks.
    pub fn is_chunked(self) -> bool {
        matches!(self, Framing::Chunked | Framing::LengthAndChunks(_))
    }

    fn lines(self) -> String {
        let chunks = "transfer-encoding: chunked\r\ncache-control: no-cache\r\n";
        match self {
            Framing::Length(bytes) => format!("content-length: {bytes}\r\n"),
            Framing::Chunked => chunks.to_owned(),
            Framing::Close => String::new(),
            Framing::TwoLengths(bytes) => {
                format!(
                    "content-length: {bytes}\r\ncontent-length: {}\r\n",
                    bytes + 1
                )
            }
            Framing::LengthAndChunks(bytes) => format!("content-length: {bytes}\r\n{chunks}"),
        }
    }
}

/// The head of an answer. `extra` are whole header lines without their line ends.
pub fn head(
    status: u16,
    content_type: &str,
    framing: Framing,
    keep_alive: bool,
    extra: &[String],
) -> Vec<u8> {
    let reason = ::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Mock");
    let mut head = String::with_capacity(256);
    let _ = write!(
        head,
        "HTTP/1.1 {status} {reason}\r\ncontent-type: {content_type}\r\n{}\r\n",
        super::HEADER
    );
    head.push_str(&framing.lines());
    if !keep_alive {
        head.push_str("connection: close\r\n");
    }
    for line in extra {
        // Scripts come from requests: none may write headers of its own.
        let _ = write!(head, "{}\r\n", line.replace(['\r', '\n'], " "));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// One chunk of a chunked body; nothing for no bytes, which would end it.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const LENGTH: &[u8] =
        b"POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET";
    const CHUNKED: &[u8] = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\nGET";

    #[test]
    fn a_request_is_whole_only_at_its_last_byte() {
        for bytes in [LENGTH, CHUNKED] {
            let whole = bytes.len() - 3;
            for cut in 0..whole {
                let Parsed::Partial(_, needs) = parse(&bytes[..cut]) else {
                    panic!("whole at {cut}")
                };
                assert!(needs <= whole, "{cut}");
            }
            let Parsed::Whole(request, taken) = parse(bytes) else {
                panic!("not whole")
            };
            assert_eq!(
                (request.body.as_slice(), taken, request.keep_alive),
                (&b"abc"[..], whole, true)
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &b"GET /\r\n\r\n"[..],
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(matches!(parse(bytes), Parsed::Bad(_)));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = parse(&bytes);
            let _ = parse(&[LENGTH, &bytes].concat());
            let _ = dechunk(&bytes);
        }
    }
}
