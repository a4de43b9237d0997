//! Somebody to whom gw sends things: an HTTP server that answers as it is told and remembers what came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// One request: its head in lower-case names, and its body.
#[derive(Clone, Debug)]
pub struct Came {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Came {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The server's address, and what has come so far. `statuses`: of the first answers; the others are 200.
pub fn listener(statuses: &'static [u16]) -> (String, Arc<Mutex<Vec<Came>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let seen: Arc<Mutex<Vec<Came>>> = Arc::default();
    let (noted, mut statuses) = (seen.clone(), statuses.iter().copied());
    std::thread::spawn(move || {
        for stream in socket.incoming().flatten() {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                continue;
            }
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let (mut headers, mut length) = (Vec::new(), 0);
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim_end().split_once(": ") else {
                    break;
                };
                let name = name.to_ascii_lowercase();
                if name == "content-length" {
                    length = value.parse().unwrap();
                }
                headers.push((name, value.to_owned()));
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let status = statuses.next().unwrap_or(200);
            let body = String::from_utf8(body).unwrap();
            noted.lock().unwrap().push(Came {
                path,
                headers,
                body,
            });
            let _ = write!(
                stream.get_mut(),
                "HTTP/1.1 {status} x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
            );
        }
    });
    (url, seen)
}
