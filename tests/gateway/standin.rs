//! Upstreams that tests play themselves, for endpoints of any kind: what was asked is kept, bytes and all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as an upstream heard it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// `POST /v1/x HTTP/1.1`
    pub line: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body came whole.
    pub whole: bool,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An upstream that answers each request by its own rule.
pub struct StandIn {
    pub url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl StandIn {
    /// `answer`: all bytes of the answer; the connection ends with it.
    pub fn start(answer: impl Fn(&Heard) -> Vec<u8> + Send + Sync + 'static) -> StandIn {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let (kept, answer) = (heard.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut socket = socket;
                    let Some(heard) = hear(&mut socket) else {
                        return;
                    };
                    kept.lock().unwrap().push(heard.clone());
                    if heard.whole {
                        drop(socket.write_all(&answer(&heard)));
                    }
                });
            }
        });
        StandIn { url, heard }
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The newest request, and forgets all.
    #[track_caller]
    pub fn take(&self) -> Heard {
        let mut heard = self.heard.lock().unwrap();
        let newest = heard.pop().expect("the upstream was asked");
        heard.clear();
        newest
    }
}

/// An answer with this status and these lines in its head.
pub fn answer(status: u16, head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} Told\r\n{head}connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A JSON answer.
pub fn json(status: u16, body: &str) -> Vec<u8> {
    answer(
        status,
        "content-type: application/json\r\n",
        body.as_bytes(),
    )
}

/// The head of a request, and what came of the body with it; `None`: the connection ended before.
pub fn head(socket: &mut TcpStream) -> Option<(Heard, Vec<u8>)> {
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        match socket.read(&mut piece) {
            Ok(read @ 1..) => bytes.extend_from_slice(&piece[..read]),
            _ => return None,
        }
    };
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = text.split("\r\n");
    let heard = Heard {
        line: lines.next().unwrap_or_default().to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body: Vec::new(),
        whole: true,
    };
    Some((heard, bytes[end + 4..].to_vec()))
}

/// One request with its body, whichever way that is framed.
fn hear(socket: &mut TcpStream) -> Option<Heard> {
    let (mut heard, mut rest) = head(socket)?;
    let length = heard
        .header("content-length")
        .map(|it| it.parse::<usize>().unwrap());
    let chunked = heard.header("transfer-encoding") == Some("chunked");
    let mut piece = vec![0; 64 << 10];
    loop {
        let done = match length {
            Some(length) => rest.len() >= length,
            None if chunked => rest.ends_with(b"0\r\n\r\n"),
            None => true,
        };
        if done {
            break;
        }
        match socket.read(&mut piece) {
            Ok(read @ 1..) => rest.extend_from_slice(&piece[..read]),
            _ => {
                heard.whole = false;
                break;
            }
        }
    }
    heard.body = match chunked && heard.whole {
        true => unchunked(&rest),
        false => rest,
    };
    Some(heard)
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
    body
}

/// A part of a form with boundary `b0`.
pub fn field(name: &str, value: &str) -> String {
    format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// A form of these fields, and a file of this content.
pub fn form(fields: &[(&str, &str)], file: &str) -> String {
    let fields: String = fields
        .iter()
        .map(|(name, value)| field(name, value))
        .collect();
    format!(
        "--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n{file}\r\n{fields}--b0--\r\n"
    )
}

/// How such a form is labelled.
pub const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=b0");
