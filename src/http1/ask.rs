//! The head of a request, written (RFC 9112 section 3). What it says of the body's end is worked out here alone.

use super::body::Framing;
use http::{HeaderMap, Method, Uri, header};

/// Writes the head of a request whose headers are these and whose body ends so.
pub fn write(
    method: &Method,
    target: &Uri,
    headers: &HeaderMap,
    framing: Framing,
    out: &mut Vec<u8>,
) {
    let mut say = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    let path = match target.path() {
        "" => "/",
        path => path,
    };
    say(&[method.as_str().as_bytes(), b" ", path.as_bytes()]);
    if let Some(query) = target.query() {
        say(&[b"?", query.as_bytes()]);
    }
    say(&[b" HTTP/1.1\r\n"]);
    for (name, value) in headers {
        if *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING {
            say(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
        }
    }
    match framing {
        Framing::Length(0) => {}
        Framing::Length(length) => {
            say(&[b"content-length: ", length.to_string().as_bytes(), b"\r\n"]);
        }
        Framing::Chunked | Framing::Close => say(&[b"transfer-encoding: chunked\r\n"]),
    }
    say(&[b"\r\n"]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http::HeaderValue;

    fn written(method: Method, target: &str, framing: Framing) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::HOST, "h"),
            (header::CONTENT_LENGTH, "9"),
            (header::VIA, "a"),
            (header::VIA, "b"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let mut out = Vec::new();
        write(
            &method,
            &target.parse().unwrap(),
            &headers,
            framing,
            &mut out,
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_head_says_once_how_its_body_ends() {
        let rest = "host: h\r\nvia: a\r\nvia: b\r\n";
        for (framing, said) in [
            (Framing::Length(0), ""),
            (Framing::Length(1_234), "content-length: 1234\r\n"),
            (Framing::Chunked, "transfer-encoding: chunked\r\n"),
        ] {
            assert_eq!(
                written(Method::POST, "/a%20b?c=d&e", framing),
                format!("POST /a%20b?c=d&e HTTP/1.1\r\n{rest}{said}\r\n")
            );
        }
        assert_eq!(
            written(Method::GET, "http://h:1?x", Framing::Length(0)),
            format!("GET /?x HTTP/1.1\r\n{rest}\r\n")
        );
    }
}
