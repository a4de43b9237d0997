//! A second opinion on request heads. hyper accepts things that other proxies read differently, which is
//! what request smuggling lives on (RFC 9112 section 11.2); this refuses them before anything is served.

/// Checks the raw bytes of one head, from the request line to the empty line. `Err`: why it is refused.
pub fn check(
    head: &[u8],
    max_headers: usize,
    max_header: usize,
    max_uri: usize,
) -> Result<(), &'static str> {
    if !head.is_ascii() {
        return Err("the request head holds non-ASCII bytes");
    }
    let mut rest = head;
    let request = line(&mut rest)?;
    let target = request
        .split(|byte| *byte == b' ')
        .nth(1)
        .unwrap_or_default();
    if target.first() != Some(&b'/') {
        return Err("the request target must start with `/`");
    }
    if target.len() > max_uri {
        return Err("the request target is too long");
    }
    let http10 = request.ends_with(b"HTTP/1.0");
    let (mut count, mut hosts, mut lengths, mut encodings) = (0, 0, 0, 0);
    loop {
        let header = line(&mut rest)?;
        if header.is_empty() {
            break;
        }
        count += 1;
        if header.len() > max_header {
            return Err("a header is too long");
        }
        let colon = memchr::memchr(b':', header).ok_or("a header line has no colon")?;
        let (name, value) = (&header[..colon], &header[colon + 1..]);
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                hosts += 1;
                if !host_ok(value.trim_ascii()) {
                    return Err("the Host header is not a host");
                }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => lengths += 1,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                encodings += 1;
                // hyper hands on what other codings made as if it were the body; `chunked` twice is read as
                // chunked once by some and twice by others.
                if !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    return Err("there is a Transfer-Encoding other than `chunked`");
                }
            }
            // Some servers read `_` as `-`: a credential header must not have two spellings.
            8 | 9 | 14
                if name.eq_ignore_ascii_case(b"x_gw_key")
                    || name.eq_ignore_ascii_case(b"x_api_key")
                    || name.eq_ignore_ascii_case(b"x_goog_api_key") =>
            {
                return Err("a credential header is spelled with `_`");
            }
            _ => {}
        }
    }
    match () {
        () if count > max_headers => Err("there are too many headers"),
        () if hosts > 1 || (hosts == 0 && !http10) => Err("there must be exactly one Host header"),
        () if lengths > 1 => Err("there is more than one Content-Length"),
        () if encodings > 1 => Err("there is more than one Transfer-Encoding"),
        () if lengths == 1 && encodings == 1 => {
            Err("there are both Content-Length and Transfer-Encoding")
        }
        () => Ok(()),
    }
}

/// Takes the next line off, without its end; a bare LF is refused.
fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], &'static str> {
    let end = memchr::memchr(b'\n', rest);
    let (line, behind) = end
        .and_then(|end| rest.split_at_checked(end + 1))
        .unwrap_or_default();
    *rest = behind;
    line.strip_suffix(b"\r\n")
        .ok_or("a line of the request head does not end in CRLF")
}

fn host_ok(host: &[u8]) -> bool {
    !host.is_empty()
        && host.iter().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']' | b'%')
        })
}

#[cfg(test)]
mod tests {
    use super::check;

    fn verdict(head: &str) -> Result<(), &'static str> {
        check(head.as_bytes(), 64, 8192, 8192)
    }

    #[test]
    fn smuggling_table() {
        assert_eq!(
            verdict("POST /v1/x HTTP/1.1\r\nHost: a:1\r\nContent-Length: 1\r\n\r\n"),
            Ok(())
        );
        for bad in [
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST /v1/x HTTP/1.1\nHost: a\n\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\n\nX: y\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nX: y\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: x/healthz?y=\r\n\r\n",
            "POST http://evil/v1/x HTTP/1.1\r\nHost: a\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nx_api_key: k\r\n\r\n",
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\n\r\n",
        ] {
            assert!(verdict(bad).is_err(), "{bad:?}");
        }
    }
}
