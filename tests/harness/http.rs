//! A bare HTTP client for tests: sees what is on the wire, also where a stream breaks off.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The same, as it came.
    pub raw: Vec<u8>,
    /// Whether the body ended as its head had promised.
    pub complete: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
    /// The data of its server-sent events.
    pub fn events(&self) -> Vec<&str> {
        self.body
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(str::trim_start)
            .collect()
    }
}

/// Opens a connection and sends a request; the caller reads what comes. `url` is `http://HOST:PORT/PATH`.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
    let rest = url.strip_prefix("http://").expect("an http:// address");
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut socket = TcpStream::connect(host).unwrap_or_else(|error| panic!("{host}: {error}"));
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut head = format!(
        "{method} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
        if path.is_empty() { "/" } else { path },
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    socket
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .unwrap();
    socket
}

/// Sends a request and reads the whole answer, however it ends.
pub fn exchange(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    read(send(method, url, headers, body))
}

pub fn get(url: &str) -> Answer {
    exchange("GET", url, &[], "")
}

/// As the caller with this key.
pub fn get_with(url: &str, key: &str) -> Answer {
    exchange(
        "GET",
        url,
        &[("authorization", &format!("Bearer {key}"))],
        "",
    )
}

pub fn post(url: &str, headers: &[(&str, &str)], body: &serde_json::Value) -> Answer {
    exchange(
        "POST",
        url,
        &[&[("content-type", "application/json")], headers].concat(),
        &body.to_string(),
    )
}

/// Reads an answer to the connection's end.
pub fn read(mut socket: TcpStream) -> Answer {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16 << 10]);
    while let Ok(read @ 1..) = socket.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..read]);
    }
    parse(&bytes)
}

/// An answer read to the connection's end.
pub fn parse(bytes: &[u8]) -> Answer {
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let rest = &bytes[end + 4..];
    let find = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let (body, complete) = match (
        find("transfer-encoding"),
        find("content-length").and_then(|length| length.parse::<usize>().ok()),
    ) {
        (Some("chunked"), _) => dechunk(rest),
        (_, Some(length)) => (rest.to_vec(), rest.len() == length),
        _ => (rest.to_vec(), true),
    };
    Answer {
        status,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        raw: body,
        complete,
    }
}

/// The chunks' contents, and whether the last chunk came.
fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else {
            return (body, false);
        };
        let size = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .expect("a chunk size");
        rest = &rest[line + 2..];
        if size == 0 {
            return (body, true);
        }
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        if rest.len() < size + 2 {
            return (body, false);
        }
        rest = &rest[size + 2..];
    }
}
