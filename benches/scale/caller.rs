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

    /// Sends a request and reads its answer to the end, which has a length; the status.
    pub fn call(&mut self, request: &[u8]) -> u16 {
        self.socket.write_all(request).unwrap();
        let head = loop {
            match memchr::memmem::find(&self.rest, b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.more(),
            }
        };
        let text = String::from_utf8_lossy(&self.rest[..head]).to_ascii_lowercase();
        let length = text.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        while self.rest.len() < head + length {
            self.more();
        }
        self.rest.drain(..head + length);
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn more(&mut self) {
        let mut piece = [0; 16 << 10];
        let read = self.socket.read(&mut piece).unwrap();
        assert!(read > 0, "the gateway closed the connection");
        self.rest.extend_from_slice(&piece[..read]);
    }
}
