//! Heads that are requests, heads that are none, and how each is told apart.

#![allow(clippy::unwrap_used)]
use super::*;

const LIMITS: Limits = Limits {
    head: 40 << 10,
    headers: 64,
    header: 8 << 10,
    target: 8 << 10,
};

fn read(came: &str) -> Option<Result<Head, Refused>> {
    Reader::default().read(&mut BytesMut::from(came), &LIMITS)
}

/// Status and reason of a head that is refused.
fn refused(came: &str) -> (u16, &'static str) {
    let refused = read(came).unwrap().unwrap_err();
    (refused.status.as_u16(), refused.why)
}

#[test]
fn a_head_is_taken_off_and_what_follows_stays() {
    let mut came = BytesMut::from(
        "POST /v1/x?a=b HTTP/1.1\r\nHost: a:1\r\nX-A:\t b c \r\nx-a:\r\nContent-Length: 12\r\n\r\nbody",
    );
    let head = Reader::default().read(&mut came, &LIMITS).unwrap().unwrap();
    assert_eq!(came, "body");
    let request = head.parts;
    assert_eq!((&request.method, request.newer), (&Method::POST, true));
    assert_eq!(request.uri, "/v1/x?a=b");
    let headers: Vec<(&[u8], &[u8])> = request.headers.iter().collect();
    let expected: [(&[u8], &[u8]); 4] = [
        (b"host", b"a:1"),
        (b"x-a", b"b c"),
        (b"x-a", b""),
        (b"content-length", b"12"),
    ];
    assert_eq!(headers, expected);
    assert_eq!(
        (head.body, head.stays, head.expects),
        (Framing::Length(12), true, false)
    );
}

#[test]
fn a_head_is_the_same_however_it_is_cut() {
    let whole =
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nTransfer-Encoding: Chunked\r\n\r\n";
    for size in 1..whole.len() {
        let (mut reader, mut came) = (Reader::default(), BytesMut::new());
        let mut pieces = whole.as_bytes().chunks(size);
        let head = loop {
            came.extend_from_slice(pieces.next().unwrap());
            if let Some(head) = reader.read(&mut came, &LIMITS) {
                break head.unwrap();
            }
        };
        assert!(pieces.next().is_none() && came.is_empty(), "{size}");
        assert_eq!(head.parts.headers.iter().count(), 3);
        assert_eq!((head.body, head.expects), (Framing::Chunked, true));
    }
}

#[test]
fn the_connection_goes_on_as_version_and_headers_say() {
    let stays = |version: &str, lines: &str| {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
        read(&head).unwrap().unwrap().stays
    };
    assert!(stays("1.1", "") && !stays("1.0", ""));
    assert!(stays("1.0", "Connection: x, Keep-Alive\r\n"));
    assert!(!stays("1.1", "Connection: Upgrade, close\r\n"));
    assert!(!stays(
        "1.1",
        "Connection: close\r\nConnection: keep-alive\r\n"
    ));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let crlf = "a line of the request head does not end in CRLF";
    let host = "there must be exactly one Host header";
    let not_host = "the Host header is not a host";
    let target = "the request target must start with `/`";
    let (ascii, invalid) = (FOREIGN.1, INVALID.1);
    let coding = "there is a Transfer-Encoding other than `chunked`";
    let spelled = "a credential header is spelled with `_`";
    let both = "there are both Content-Length and Transfer-Encoding";
    for (head, why) in [
        ("POST /v1/x HTTP/1.1\nHost: a\n\n", crlf),
        ("POST /v1/x HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", crlf),
        ("POST /v1/x HTTP/1.1\r\nHost: a\r\n\nX: y\r\n\r\n", crlf),
        ("POST /v1/x HTTP/1.1\r\nHost: a\r\nX: y\n", crlf),
        ("\r\nPOST /v1/x HTTP/1.1\r\nHost: a\r\n\r\n", target),
        ("POST http://evil/v1/x HTTP/1.1\r\nHost: a\r\n\r\n", target),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", target),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", target),
        ("POST\r\n\r\n", target),
        ("POST  /v1/x HTTP/1.1\r\nHost: a\r\n\r\n", target),
        ("POST /v1/x\r\nHost: a\r\n\r\n", invalid),
        ("POST /v1/x  HTTP/1.1\r\nHost: a\r\n\r\n", invalid),
        ("POST /v1/x y HTTP/1.1\r\nHost: a\r\n\r\n", invalid),
        ("POST /v1/x#y HTTP/1.1\r\nHost: a\r\n\r\n", invalid),
        ("POST /v1/x HTTP/1.2\r\nHost: a\r\n\r\n", invalid),
        ("POST /v1/x HTTP/1.1 \r\nHost: a\r\n\r\n", invalid),
        ("PO(ST /v1/x HTTP/1.1\r\nHost: a\r\n\r\n", invalid),
        (" POST /v1/x HTTP/1.1\r\nHost: a\r\n\r\n", invalid),
        ("\u{16}\u{3}", invalid),
        ("POST /v1/x HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\n\r\n", ascii),
        ("POST /v1/x HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", invalid),
        ("POST /v1/x HTTP/1.1\r\nHost: a\r\nX: a\0\r\n\r\n", invalid),
        ("POST /v1/x HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", invalid),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nX: a\r\n b: c\r\n\r\n",
            invalid,
        ),
        ("POST /v1/x HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", invalid),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
            "a header line has no colon",
        ),
        ("POST /v1/x HTTP/1.1\r\nX: y\r\n\r\n", host),
        ("POST /v1/x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", host),
        ("POST /v1/x HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", host),
        (
            "POST /v1/x HTTP/1.1\r\nHost: x/healthz?y=\r\n\r\n",
            not_host,
        ),
        ("POST /v1/x HTTP/1.1\r\nHost: \r\n\r\n", not_host),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nx_api_key: k\r\n\r\n",
            spelled,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nX_Goog_Api_Key: k\r\n\r\n",
            spelled,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            both,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            both,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "there is more than one Content-Length",
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
            invalid,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
            invalid,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
            invalid,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "there is more than one Transfer-Encoding",
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
            coding,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            coding,
        ),
        (
            "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n",
            coding,
        ),
        (
            "POST /v1/x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            invalid,
        ),
    ] {
        assert_eq!(refused(head), (400, why), "{head:?}");
    }
}

#[test]
fn heads_are_bounded() {
    let large = "the request head is too large";
    let with = |target: usize, lines: &str, count: usize, end: &str| {
        let lines = lines.repeat(count);
        format!(
            "GET /{} HTTP/1.1\r\nHost: a\r\n{lines}{end}",
            "a".repeat(target)
        )
    };
    assert!(read(&with(8191, "X: y\r\n", 63, "\r\n")).unwrap().is_ok());
    assert!(read(&with(0, "X: y\r\n", 63, "")).is_none());
    let wide = format!("X: {}\r\n", "y".repeat(8189));
    assert!(read(&with(0, &wide, 1, "\r\n")).unwrap().is_ok());
    for (head, status, why) in [
        (
            with(8192, "", 0, "\r\n"),
            414,
            "the request target is too long",
        ),
        (with(41 << 10, "", 0, "\r\n"), 414, large),
        ("a".repeat(41 << 10), 414, large),
        (
            with(0, "X: y\r\n", 64, "\r\n"),
            431,
            "there are too many headers",
        ),
        (
            with(0, &format!("X{wide}"), 1, "\r\n"),
            431,
            "a header is too long",
        ),
        (with(0, &wide, 5, "\r\n"), 431, large),
        (with(0, &wide, 5, ""), 431, large),
    ] {
        assert_eq!(refused(&head), (status, why), "{head:.80?}");
    }
}

#[test]
fn who_is_refused_is_known_by_the_path() {
    let path = |came: &str| read(came).unwrap().unwrap_err().path;
    assert_eq!(
        path("POST /v1/messages?x=y HTTP/1.1\r\n\r\n"),
        "/v1/messages"
    );
    assert_eq!(path("POST /v1/messages HTTP/1.1\n"), "/v1/messages");
    assert_eq!(path("\r\n"), "");
}
