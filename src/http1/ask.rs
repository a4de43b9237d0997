//! The head of a request, written (RFC 9112 section 3). What it says of the body's end is worked out here alone.

use super::body::Framing;
use crate::digits::Digits;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

/// The headers of a request, but for what is said of its body.
pub enum Headers<'a> {
    /// Those that were written beforehand, by [`lines`], and a credential, which is not kept in writing.
    Usual(&'a [u8], Option<(&'a HeaderName, &'a HeaderValue)>),
    /// Its own.
    Own(Box<HeaderMap>),
}

impl Headers<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Headers::Usual(lines, credential) => {
                out.extend_from_slice(lines);
                if let Some((name, value)) = credential {
                    line(name, value, out);
                }
            }
            Headers::Own(headers) => headers
                .iter()
                .for_each(|(name, value)| line(name, value, out)),
        }
    }
}

/// Headers as the lines of a head.
pub fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::new();
    headers
        .iter()
        .for_each(|(name, value)| line(name, value, &mut out));
    out
}

fn line(name: &HeaderName, value: &HeaderValue, out: &mut Vec<u8>) {
    if *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING {
        say(
            &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"],
            out,
        );
    }
}

fn say(parts: &[&[u8]], out: &mut Vec<u8>) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// Writes the head of a request whose headers are these and whose body ends so.
pub fn write(
    method: &Method,
    target: &Uri,
    headers: &Headers<'_>,
    framing: Framing,
    out: &mut Vec<u8>,
) {
    let path = match target.path() {
        "" => "/",
        path => path,
    };
    say(&[method.as_str().as_bytes(), b" ", path.as_bytes()], out);
    if let Some(query) = target.query() {
        say(&[b"?", query.as_bytes()], out);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    headers.write(out);
    match framing {
        Framing::Length(0) => {}
        Framing::Length(length) => {
            let digits = Digits::of(length);
            say(&[b"content-length: ", digits.as_bytes(), b"\r\n"], out);
        }
        Framing::Chunked | Framing::Close => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::HOST, "h"),
            (header::CONTENT_LENGTH, "9"),
            (header::VIA, "a"),
            (header::VIA, "b"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn written(method: Method, target: &str, headers: &Headers<'_>, framing: Framing) -> String {
        let (target, mut out) = (target.parse().unwrap(), Vec::new());
        write(&method, &target, headers, framing, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_head_says_once_how_its_body_ends() {
        let own = Headers::Own(Box::new(headers()));
        let rest = "host: h\r\nvia: a\r\nvia: b\r\n";
        for (framing, said) in [
            (Framing::Length(0), ""),
            (Framing::Length(1_234), "content-length: 1234\r\n"),
            (Framing::Chunked, "transfer-encoding: chunked\r\n"),
        ] {
            assert_eq!(
                written(Method::POST, "/a%20b?c=d&e", &own, framing),
                format!("POST /a%20b?c=d&e HTTP/1.1\r\n{rest}{said}\r\n")
            );
        }
        assert_eq!(
            written(Method::GET, "http://h:1?x", &own, Framing::Length(0)),
            format!("GET /?x HTTP/1.1\r\n{rest}\r\n")
        );
    }

    #[test]
    fn what_was_written_beforehand_is_as_if_it_were_written_now() {
        let (mut all, lines) = (headers(), lines(&headers()));
        let (name, value) = (header::AUTHORIZATION, HeaderValue::from_static("Bearer k"));
        let said = |headers: &Headers<'_>| written(Method::POST, "/", headers, Framing::Length(1));
        let own = said(&Headers::Own(Box::new(all.clone())));
        assert_eq!(said(&Headers::Usual(&lines, None)), own);
        all.insert(name.clone(), value.clone());
        let own = said(&Headers::Own(Box::new(all)));
        assert_eq!(said(&Headers::Usual(&lines, Some((&name, &value)))), own);
    }
}
