//! A caller with one connection that is kept.

use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub struct Caller {
    socket: TcpStream,
    rest: Vec<u8>,
}

/// A chat request.
pub fn request(address: &str, key: &str, model: &str, stream: bool) -> Vec<u8> {
    let body = json!({"model": model, "max_tokens": 200, "stream": stream,
        "messages": [{"role": "user", "content": "How many roads must a man walk down before you call him a man?"}]})
    .to_string();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Caller {
    /// `None`: nobody listens.
    pub fn connect(address: &str) -> Option<Caller> {
        let socket = TcpStream::connect(address).ok()?;
        socket.set_nodelay(true).unwrap();
        let patience = Some(Duration::from_secs(120));
        socket.set_read_timeout(patience).unwrap();
        Some(Caller {
            socket,
            rest: Vec::new(),
        })
    }

    /// Sends a request and reads its answer to the end; the status.
    pub fn call(&mut self, request: &[u8]) -> u16 {
        self.try_call(request).expect("the connection broke").0
    }

    /// The same, and whether the connection ends with it; `None`: it broke.
    pub fn try_call(&mut self, request: &[u8]) -> Option<(u16, bool)> {
        self.socket.write_all(request).ok()?;
        let head = self.until(|bytes| memchr::memmem::find(bytes, b"\r\n\r\n"))? + 4;
        let text = String::from_utf8_lossy(&self.rest[..head]).to_ascii_lowercase();
        let end = match text.split("content-length: ").nth(1) {
            Some(length) => {
                let length: usize = length.split("\r\n").next()?.parse().ok()?;
                self.until(|bytes| (bytes.len() >= head + length).then_some(head + length))?
            }
            // In chunks; nothing is sent behind them before the next request.
            None => self.until(|bytes| bytes.ends_with(b"\r\n0\r\n\r\n").then_some(bytes.len()))?,
        };
        self.rest.drain(..end);
        let status = text.split(' ').nth(1)?.parse().ok()?;
        Some((status, text.contains("connection: close")))
    }

    /// Sends a request and goes as soon as anything of the answer is there.
    pub fn hang_up(mut self, request: &[u8]) {
        let _ = self.socket.write_all(request);
        let _ = self.more();
    }

    /// Reads until this is found in what has come.
    fn until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> Option<usize> {
        loop {
            match found(&self.rest) {
                Some(found) => return Some(found),
                None => self.more()?,
            }
        }
    }

    fn more(&mut self) -> Option<()> {
        let mut piece = [0; 16 << 10];
        let read = self.socket.read(&mut piece).ok().filter(|read| *read > 0)?;
        self.rest.extend_from_slice(&piece[..read]);
        Some(())
    }
}
