//! The heads of callers' requests (RFC 9112 sections 2 to 6), checked and read in one go. What other servers read differently
//! is what request smuggling lives on (section 11.2): it is refused, and so is everything that would have to be guessed.

use super::body::{self, Framing};
use super::field;
use super::fields::{Fields, Line};
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, Uri};
use memchr::{memchr, memchr_iter};
use std::ops::Range;

/// How large a head may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes in all.
    pub head: usize,
    pub headers: usize,
    /// Bytes of one header's line.
    pub header: usize,
    /// Bytes of the request target.
    pub target: usize,
}

/// A request's head, and what follows from it for its connection.
#[derive(Debug)]
pub struct Head {
    /// In a box: it goes through many hands.
    pub parts: Box<Parts>,
    pub body: Framing,
    /// The connection may stay for another request.
    pub stays: bool,
    /// The caller waits to be asked for the body (`Expect: 100-continue`, RFC 9110 section 10.1.1).
    pub expects: bool,
}

/// What a request's head says to whoever serves it.
#[derive(Debug)]
pub struct Parts {
    pub method: Method,
    pub uri: Uri,
    /// It is of HTTP/1.1, not 1.0.
    pub newer: bool,
    pub headers: Fields,
}

/// Why a head is none.
#[derive(Clone, Debug)]
pub struct Refused {
    pub status: StatusCode,
    pub why: &'static str,
    /// The path it seems to ask for, and the names of headers that it seems to have: which API's words its caller reads.
    pub path: String,
    pub headers: Fields,
}

type Why = (StatusCode, &'static str);

const fn bad(why: &'static str) -> Why {
    (StatusCode::BAD_REQUEST, why)
}

const fn large(why: &'static str) -> Why {
    (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, why)
}

const INVALID: Why = bad("the request head is not valid HTTP/1.1");
const FOREIGN: Why = bad("the request head holds non-ASCII bytes");
const BARE: Why = bad("a line of the request head does not end in CRLF");

/// Lines of a refused head that are looked at for names.
const NAMES: usize = 100;

/// Reads heads off what has come on one connection.
#[derive(Debug, Default)]
pub struct Reader {
    /// Of a head that has not come whole: where its last whole line ends, and how many it has.
    line: usize,
    lines: usize,
}

impl Reader {
    /// Takes the next head off what has come; `None`: it has not come whole. Behind one that is refused nothing is a head.
    pub fn read(&mut self, came: &mut BytesMut, limits: &Limits) -> Option<Result<Head, Refused>> {
        let refused = |(status, why): Why, head: &[u8]| Refused {
            status,
            why,
            path: path(head),
            headers: names(head),
        };
        let end = match self.end(came) {
            Err(why) => return Some(Err(refused(why, came))),
            Ok(None) if came.len() <= limits.head => return None,
            Ok(Some(end)) if end <= limits.head => end,
            Ok(_) => {
                let first = memchr(b'\n', came.get(..limits.head).unwrap_or_default());
                let status = match first {
                    Some(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                    None => StatusCode::URI_TOO_LONG,
                };
                let why = (status, "the request head is too large");
                return Some(Err(refused(why, came)));
            }
        };
        // The request's line and the empty one are no headers.
        let count = self.lines.saturating_sub(2);
        *self = Reader::default();
        let mut head = came.split_to(end);
        let headers = headers(&mut head, count, limits);
        let head = head.freeze();
        let read = headers.and_then(|(lines, said)| parse(&head, lines, &said, limits));
        Some(read.map_err(|why| refused(why, &head)))
    }

    /// Where the head ends, once its empty line has come.
    fn end(&mut self, came: &[u8]) -> Result<Option<usize>, Why> {
        // What begins no method begins no request, and may never come to an end of a line: TLS, say.
        let begins = |byte: &u8| byte.is_ascii_graphic() || *byte == b'\r';
        if !came.first().is_none_or(begins) {
            return Err(if came.is_ascii() { INVALID } else { FOREIGN });
        }
        let begun = self.line;
        for at in memchr_iter(b'\n', came.get(begun..).unwrap_or_default()) {
            let line = came.get(self.line..begun + at).unwrap_or_default();
            if line.last() != Some(&b'\r') {
                return Err(BARE);
            }
            self.line = begun + at + 1;
            self.lines += 1;
            if line.len() == 1 {
                return Ok(Some(self.line));
            }
        }
        Ok(None)
    }
}

/// What a head's first line seems to ask for.
fn path(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\n').next();
    let target = line.and_then(|line| line.split(|byte| *byte == b' ').nth(1));
    let path = target.and_then(|target| target.split(|byte| *byte == b'?').next());
    String::from_utf8_lossy(path.unwrap_or_default()).into_owned()
}

/// The names of a head's headers, as far as they are such, without what they say.
fn names(head: &[u8]) -> Fields {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    let lines = lines.take_while(|line| !matches!(line, [] | [b'\r']));
    let names = lines
        .take(NAMES)
        .filter_map(|line| line.split(|byte| *byte == b':').next());
    let names = names.filter(|name| !name.is_empty() && name.iter().copied().all(field::is_token));
    let names = names.filter_map(|name| std::str::from_utf8(name).ok());
    names.map(|name| (name, "")).collect()
}

/// What the headers say of the body and of the connection.
#[derive(Default)]
struct Said {
    hosts: usize,
    length: Option<u64>,
    chunked: bool,
    closes: bool,
    keeps: bool,
    expects: bool,
}

/// The longest name of a header: a longer one is none that anybody has.
const LONGEST_NAME: usize = (64 << 10) - 1;

/// Reads the headers of a whole head, each of whose lines ends in CRLF, and puts their names into small letters. `count`: of
/// them.
fn headers(head: &mut [u8], count: usize, limits: &Limits) -> Result<(Vec<Line>, Said), Why> {
    if !head.is_ascii() {
        return Err(FOREIGN);
    }
    if count > limits.headers {
        return Err(large("there are too many headers"));
    }
    let (mut lines, mut said) = (Vec::with_capacity(count), Said::default());
    let mut at = line(head, 0).end + 2;
    for _ in 0..count {
        let line = line(head, at);
        at = line.end + 2;
        if line.len() > limits.header {
            return Err(large("a header is too long"));
        }
        let length = field::name(&mut head[line.clone()]);
        let (name, value) = match head[line].split_at(length) {
            (name, [b':', value @ ..]) if (1..=LONGEST_NAME).contains(&length) => {
                (name, field::trimmed(value))
            }
            (_, rest) if memchr(b':', rest).is_some() => return Err(INVALID),
            _ => return Err(bad("a header line has no colon")),
        };
        said.hear(name, value)?;
        if !field::is_all_text(value) {
            return Err(INVALID);
        }
        lines.push(Line::of(head, name, value));
    }
    Ok((lines, said))
}

/// Reads a head whose headers have been read.
fn parse(head: &Bytes, lines: Vec<Line>, said: &Said, limits: &Limits) -> Result<Head, Why> {
    let (method, target, newer) = words(head, line(head, 0))?;
    if target.len() > limits.target {
        let why = "the request target is too long";
        return Err((StatusCode::URI_TOO_LONG, why));
    }
    let parts = Box::new(Parts {
        method: Method::from_bytes(&head[method]).map_err(|_| INVALID)?,
        uri: Uri::from_maybe_shared(head.slice(target)).map_err(|_| INVALID)?,
        newer,
        headers: Fields::of(head.clone(), lines),
    });
    let body = match (said.length, said.chunked) {
        _ if said.hosts > 1 || (said.hosts == 0 && newer) => {
            return Err(bad("there must be exactly one Host header"));
        }
        (Some(_), true) => {
            return Err(bad("there are both Content-Length and Transfer-Encoding"));
        }
        (None, true) if newer => Framing::Chunked,
        // HTTP/1.0 has no codings: it was added by somebody who may not know how it is read here.
        (None, true) => return Err(INVALID),
        (length, false) => Framing::Length(length.unwrap_or(0)),
    };
    Ok(Head {
        parts,
        body,
        stays: !said.closes && (newer || said.keeps),
        expects: said.expects && newer,
    })
}

/// The line that begins there, without its end.
fn line(head: &[u8], from: usize) -> Range<usize> {
    let rest = head.get(from..).unwrap_or_default();
    let end = memchr(b'\n', rest).unwrap_or(rest.len());
    from..from + end.saturating_sub(1)
}

/// The request's line: method, target, and whether it is HTTP/1.1 rather than 1.0.
fn words(head: &[u8], line: Range<usize>) -> Result<(Range<usize>, Range<usize>, bool), Why> {
    let text = &head[line.clone()];
    let blank = |from: usize| Some(from + memchr(b' ', text.get(from..)?)?);
    let first = blank(0).unwrap_or(text.len());
    if text.get(first + 1) != Some(&b'/') {
        return Err(bad("the request target must start with `/`"));
    }
    let second = blank(first + 1).ok_or(INVALID)?;
    let target = line.start + first + 1..line.start + second;
    let newer = match &text[second + 1..] {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return Err(INVALID),
    };
    // Fragments are not sent (RFC 9112 section 3.2): some would cut them off, and some would not.
    if memchr(b'#', &head[target.clone()]).is_some() {
        return Err(INVALID);
    }
    Ok((line.start..line.start + first, target, newer))
}

impl Said {
    /// Takes notice of one header, whose name is in small letters.
    fn hear(&mut self, name: &[u8], value: &[u8]) -> Result<(), Why> {
        let is = |known: &[u8]| name == known;
        match name.len() {
            4 if is(b"host") => {
                self.hosts += 1;
                if !is_host(value) {
                    return Err(bad("the Host header is not a host"));
                }
            }
            6 if is(b"expect") => self.expects = value.eq_ignore_ascii_case(b"100-continue"),
            10 if is(b"connection") => {
                for word in field::words(value) {
                    self.closes |= word.eq_ignore_ascii_case(b"close");
                    self.keeps |= word.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if is(b"content-length") => {
                let length = body::length(value).ok_or(INVALID)?;
                if self.length.replace(length).is_some() {
                    return Err(bad("there is more than one Content-Length"));
                }
            }
            17 if is(b"transfer-encoding") => {
                // What other codings made is no body that could be read; `chunked` twice is read as chunked once by some
                // and twice by others.
                if !value.eq_ignore_ascii_case(b"chunked") {
                    let why = "there is a Transfer-Encoding other than `chunked`";
                    return Err(bad(why));
                }
                if std::mem::replace(&mut self.chunked, true) {
                    return Err(bad("there is more than one Transfer-Encoding"));
                }
            }
            // Some servers read `_` as `-`: a credential header must not have two spellings.
            8 | 9 | 14 if is(b"x_gw_key") || is(b"x_api_key") || is(b"x_goog_api_key") => {
                return Err(bad("a credential header is spelled with `_`"));
            }
            _ => {}
        }
        Ok(())
    }
}

fn is_host(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| HOST[usize::from(*byte)])
}

/// What a host and its port may have. A look at a table, since every request has one.
static HOST: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0);
    while byte < table.len() {
        let known = byte as u8;
        table[byte] = known.is_ascii_alphanumeric()
            || matches!(known, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'%');
        byte += 1;
    }
    table
};

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
