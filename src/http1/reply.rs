//! The heads of answers to callers, and how a body goes out behind one. Headers that say where a body ends, and what becomes
//! of the connection, are this one's to write.

use super::{body::Framing, lines::Lines, request::Parts};
use crate::digits::Digits;
use http::{Method, StatusCode};

/// What an answer's form hangs on of the request it is for.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    newer: bool,
    /// A body's headers are asked for, and not the body.
    head: bool,
}

impl Terms {
    pub fn of(request: &Parts) -> Terms {
        Terms {
            newer: request.newer,
            head: request.method == Method::HEAD,
        }
    }

    /// Of a request that could not be read.
    pub const UNKNOWN: Terms = Terms {
        newer: true,
        head: false,
    };
}

/// How an answer goes on behind its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    pub framing: Framing,
    /// Its body does not go out, whatever there is of it (RFC 9110 sections 6.4.1, 15.3.5 and 15.4.5).
    pub bodiless: bool,
    /// The connection ends with it.
    pub last: bool,
}

/// Writes a head. `length`: of the body, where that is known; `last`: the connection is to end with it; `date`: the line that
/// tells the time.
pub fn write(
    (status, headers): (StatusCode, &Lines),
    terms: Terms,
    length: Option<u64>,
    last: bool,
    date: &[u8],
    out: &mut Vec<u8>,
) -> Form {
    let none = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let framing = match length {
        _ if none => Framing::Length(0),
        Some(length) => Framing::Length(length),
        None if terms.newer => Framing::Chunked,
        None => Framing::Close,
    };
    let last = last || framing == Framing::Close;
    match (status, terms.newer) {
        (StatusCode::OK, true) => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
        (_, newer) => {
            out.extend_from_slice(if newer { b"HTTP/1.1 " } else { b"HTTP/1.0 " });
            out.extend_from_slice(status.as_str().as_bytes());
            out.push(b' ');
            let reason = status.canonical_reason().unwrap_or("Other");
            out.extend_from_slice(reason.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(headers.as_bytes());
    match (framing, headers.unsent) {
        _ if none => {}
        // What the body would have had is known to the handler alone.
        (_, Some(length)) if terms.head => self::length(length, out),
        // Nothing is known of a body that is not there.
        (Framing::Length(0) | Framing::Chunked, _) if terms.head => {}
        (Framing::Length(length), _) => self::length(length, out),
        (Framing::Chunked, _) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        (Framing::Close, _) => {}
    }
    match (last, terms.newer) {
        (true, _) => out.extend_from_slice(b"connection: close\r\n"),
        (false, false) => out.extend_from_slice(b"connection: keep-alive\r\n"),
        (false, true) => {}
    }
    out.extend_from_slice(date);
    out.extend_from_slice(b"\r\n");
    Form {
        framing,
        bodiless: none || terms.head,
        last,
    }
}

fn length(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(Digits::of(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// What is written, without status line and date, and how it goes on.
    fn told(
        status: u16,
        terms: Terms,
        length: Option<u64>,
        last: bool,
        headers: &[(&'static str, &'static str)],
        unsent: Option<u64>,
    ) -> (String, Framing, bool, bool) {
        let mut lines = Lines::default();
        for (name, value) in headers {
            lines.put(name, value);
        }
        lines.unsent = unsent;
        let status = StatusCode::from_u16(status).unwrap();
        let mut out = b"before".to_vec();
        let form = write(
            (status, &lines),
            terms,
            length,
            last,
            b"date: d\r\n",
            &mut out,
        );
        let text = String::from_utf8(out).unwrap();
        let version = if terms.newer { "1.1" } else { "1.0" };
        let reason = status.canonical_reason().unwrap();
        let first = format!("beforeHTTP/{version} {} {reason}\r\n", status.as_u16());
        let rest = text.strip_prefix(&first).unwrap();
        let rest = rest.strip_suffix("date: d\r\n\r\n").unwrap();
        (rest.to_owned(), form.framing, form.bodiless, form.last)
    }

    #[test]
    fn heads_say_where_bodies_end_and_what_becomes_of_the_connection() {
        let terms = |newer, head| Terms { newer, head };
        let (new, old, asked) = (terms(true, false), terms(false, false), terms(true, true));
        let (length, chunks) = (Framing::Length, Framing::Chunked);
        let said = |text: &str, framing, bodiless, last| (text.to_owned(), framing, bodiless, last);
        let none = &[][..];
        for (got, expected) in [
            (
                told(200, new, Some(17), false, none, None),
                said("content-length: 17\r\n", length(17), false, false),
            ),
            (
                told(404, new, Some(0), true, none, None),
                said(
                    "content-length: 0\r\nconnection: close\r\n",
                    length(0),
                    false,
                    true,
                ),
            ),
            (
                told(200, new, None, false, none, None),
                said("transfer-encoding: chunked\r\n", chunks, false, false),
            ),
            (
                told(200, old, None, false, none, None),
                said("connection: close\r\n", Framing::Close, false, true),
            ),
            (
                told(200, old, Some(1), false, none, None),
                said(
                    "content-length: 1\r\nconnection: keep-alive\r\n",
                    length(1),
                    false,
                    false,
                ),
            ),
            (
                told(204, new, None, false, none, None),
                said("", length(0), true, false),
            ),
            (
                told(304, new, Some(5), false, none, None),
                said("", length(0), true, false),
            ),
            (
                told(200, asked, Some(5), false, none, None),
                said("content-length: 5\r\n", length(5), true, false),
            ),
            (
                told(200, asked, Some(0), false, none, None),
                said("", length(0), true, false),
            ),
            (
                told(200, asked, None, false, none, None),
                said("", chunks, true, false),
            ),
            (
                told(200, asked, Some(0), false, none, Some(9)),
                said("content-length: 9\r\n", length(0), true, false),
            ),
            // Whatever a handler says of these.
            (
                told(
                    200,
                    new,
                    Some(3),
                    false,
                    &[
                        ("content-length", "9"),
                        ("x", "y"),
                        ("connection", "x"),
                        ("transfer-encoding", "gzip"),
                        ("date", "z"),
                    ],
                    Some(9),
                ),
                said("x: y\r\ncontent-length: 3\r\n", length(3), false, false),
            ),
        ] {
            assert_eq!(got, expected);
        }
    }
}
