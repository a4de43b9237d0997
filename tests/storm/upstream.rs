//! An upstream that speaks both formats and misbehaves in every way it was seen to. It counts each request that it has read to its
//! end; the books are balanced against that.

use crate::dice::Dice;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Tokens that every good answer reports.
pub const USAGE: (u64, u64) = (11, 7);

/// What is done to a request after it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    Answer,
    /// Answers slowly.
    Slow,
    /// This status with an error; 429 with Retry-After.
    Status(u16),
    /// Closes without a byte.
    Close,
    /// Resets without a byte.
    Reset,
    /// Resets inside the status line.
    ResetInHead,
    /// Resets after the head.
    ResetAfterHead,
    /// Says nothing until the other side has gone.
    Silence,
    /// 200 and a body that is an error; streamed, an event stream that begins with one.
    Error,
    /// 200 and a page, or events that are none.
    Nonsense,
    /// Half the answer, then closes.
    Half,
    /// Half the answer, then resets.
    HalfReset,
    /// Half the answer, then an error event; whole, half of it.
    HalfError,
    /// Half the answer, then nothing until the other side has gone.
    HalfSilence,
    /// Answers and closes the connection without having said so.
    AnswerAndClose,
}

/// What is done in a storm without seasons.
const WEIGHTS: &[(u64, Act)] = &[
    (760, Act::Answer),
    (40, Act::Slow),
    (20, Act::Status(429)),
    (20, Act::Status(500)),
    (15, Act::Status(503)),
    (10, Act::Status(529)),
    (10, Act::Status(400)),
    (15, Act::Close),
    (15, Act::Reset),
    (10, Act::ResetInHead),
    (10, Act::ResetAfterHead),
    (3, Act::Silence),
    (15, Act::Error),
    (10, Act::Nonsense),
    (10, Act::Half),
    (10, Act::HalfReset),
    (10, Act::HalfError),
    (2, Act::HalfSilence),
    (15, Act::AnswerAndClose),
];

/// Requests read to their end, by number.
pub type Counts = HashMap<u64, Vec<Act>>;

/// What is done to request `number`, read for the `nth` time (from 0).
pub type Rule = Box<dyn Fn(u64, usize) -> Act + Send + Sync>;

/// The rule of upstream `at` in a storm without seasons: it depends on the numbers alone, so that a finding can be looked at again.
pub fn at_any_time(seed: u64, at: usize) -> Rule {
    Box::new(move |number, nth| *Dice::of(&[seed, number, at as u64, nth as u64]).weighted(WEIGHTS))
}

pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    rule: Rule,
    counts: Mutex<Counts>,
    /// Answered to the end.
    answered: AtomicU64,
    /// Held without a word at the moment.
    held: AtomicU64,
}

impl Upstream {
    pub fn start(rule: Rule) -> Upstream {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            rule,
            counts: Mutex::default(),
            answered: AtomicU64::new(0),
            held: AtomicU64::new(0),
        });
        let given = shared.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (socket, shared) = (socket.unwrap(), given.clone());
                std::thread::spawn(move || {
                    let mut connection = Connection {
                        socket,
                        rest: Vec::new(),
                        shared,
                    };
                    // The other side may go at any time.
                    while connection.serve().is_ok() {}
                });
            }
        });
        Upstream { address, shared }
    }

    /// How many requests it has answered to the end.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(SeqCst)
    }

    /// How many it holds without a word.
    pub fn held(&self) -> u64 {
        self.shared.held.load(SeqCst)
    }

    /// Its base URL; every version leads to the same place.
    pub fn url(&self, version: &str) -> String {
        format!("http://{}/{version}", self.address)
    }

    pub fn counts(&self) -> Counts {
        self.shared.counts.lock().unwrap().clone()
    }
}

/// The text that answers request `number`.
pub fn text(number: u64) -> Vec<String> {
    let mut dice = Dice::of(&[number, 5]);
    let mut words = vec![format!("answer to {}:", mark(number))];
    words.extend((0..2 + dice.below(12)).map(|at| format!(" word{at}")));
    words.push(" end.".into());
    words
}

/// What tells a request apart wherever it shows.
pub fn mark(number: u64) -> String {
    format!("storm-{number:08}")
}

/// The number of the request that this text belongs to.
pub fn number(text: &str) -> Option<u64> {
    let at = text.find("storm-")? + "storm-".len();
    text.get(at..at + 8)?.parse().ok()
}

struct Connection {
    socket: TcpStream,
    rest: Vec<u8>,
    shared: Arc<Shared>,
}

/// The connection is over.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Over {
        Over
    }
}

impl Connection {
    fn serve(&mut self) -> Result<(), Over> {
        let (path, body) = self.request()?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let number = number(&body).ok_or(Over)?;
        let ask: Value = serde_json::from_str(&body).map_err(|_| Over)?;
        let stream = ask["stream"] == true;
        let anthropic = path.ends_with("/messages");
        let act = {
            let mut counts = self.shared.counts.lock().unwrap();
            let read = counts.entry(number).or_default();
            let act = (self.shared.rule)(number, read.len());
            read.push(act);
            act
        };
        let model = ask["model"].as_str().unwrap_or_default();
        let frames = match (anthropic, stream) {
            (false, false) => vec![openai(model, number)],
            (true, false) => vec![messages(model, number)],
            (false, true) => openai_events(
                model,
                number,
                ask["stream_options"]["include_usage"] == true,
            ),
            (true, true) => messages_events(model, number),
        };
        let kind = if stream {
            "text/event-stream"
        } else {
            "application/json"
        };
        match act {
            Act::Answer => self.right(kind, &frames, Duration::ZERO),
            Act::Slow => {
                std::thread::sleep(Duration::from_millis(20));
                self.right(kind, &frames, Duration::from_millis(3))
            }
            Act::Status(status) => {
                let more = if status == 429 {
                    "Retry-After: 1\r\n"
                } else {
                    ""
                };
                let body = error(anthropic, status).to_string();
                self.say(&format!(
                    "HTTP/1.1 {status} No\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n{body}",
                    body.len()
                ))
            }
            Act::Close => Err(Over),
            Act::Reset => self.reset(),
            Act::ResetInHead => {
                self.say("HTTP/1.1 20")?;
                self.reset()
            }
            Act::ResetAfterHead => {
                self.head(kind, &frames)?;
                self.reset()
            }
            Act::Silence => self.silence(),
            Act::Error if stream => {
                let event = match anthropic {
                    true => format!("event: error\ndata: {}\n\n", error(true, 529)),
                    false => format!("data: {}\n\n", error(false, 500)),
                };
                self.answer(kind, &[event], Duration::ZERO)
            }
            Act::Error => self.answer(kind, &[error(anthropic, 500).to_string()], Duration::ZERO),
            Act::Nonsense => {
                let page = "<html><body>It works!</body></html>".to_owned();
                self.answer("text/html", &[page], Duration::ZERO)
            }
            Act::Half | Act::HalfReset | Act::HalfError | Act::HalfSilence => {
                self.head(kind, &frames)?;
                match stream {
                    true => {
                        for frame in &frames[..frames.len() / 2] {
                            self.chunk(frame)?;
                        }
                    }
                    false => self.say(&frames[0][..frames[0].len() / 2])?,
                }
                match act {
                    Act::HalfReset => self.reset(),
                    Act::HalfSilence => self.silence(),
                    Act::HalfError if stream => {
                        let event = match anthropic {
                            true => format!("event: error\ndata: {}\n\n", error(true, 500)),
                            false => format!("data: {}\n\n", error(false, 500)),
                        };
                        self.chunk(&event)?;
                        self.say("0\r\n\r\n")?;
                        Err(Over)
                    }
                    _ => Err(Over),
                }
            }
            Act::AnswerAndClose => {
                self.right(kind, &frames, Duration::ZERO)?;
                Err(Over)
            }
        }
    }

    /// Path and body of the next request, read to its end.
    fn request(&mut self) -> Result<(String, Vec<u8>), Over> {
        let end = loop {
            if let Some(at) = self
                .rest
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest.drain(..end);
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length:")?
                    .trim()
                    .parse::<usize>()
                    .ok()
            })
            .ok_or(Over)?;
        while self.rest.len() < length {
            self.more()?;
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        Ok((path, self.rest.drain(..length).collect()))
    }

    fn more(&mut self) -> Result<(), Over> {
        let mut piece = [0; 16 << 10];
        match self.socket.read(&mut piece)? {
            0 => Err(Over),
            read => {
                self.rest.extend_from_slice(&piece[..read]);
                Ok(())
            }
        }
    }

    fn say(&mut self, text: &str) -> Result<(), Over> {
        Ok(self.socket.write_all(text.as_bytes())?)
    }

    /// The head before these frames: one with its length, several in chunks.
    fn head(&mut self, kind: &str, frames: &[String]) -> Result<(), Over> {
        let length = match kind {
            "text/event-stream" => "Transfer-Encoding: chunked".to_owned(),
            _ => format!("Content-Length: {}", frames[0].len()),
        };
        self.say(&format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{length}\r\n\r\n"
        ))
    }

    fn chunk(&mut self, frame: &str) -> Result<(), Over> {
        self.say(&format!("{:x}\r\n{frame}\r\n", frame.len()))
    }

    /// The right answer.
    fn right(&mut self, kind: &str, frames: &[String], pace: Duration) -> Result<(), Over> {
        self.answer(kind, frames, pace)?;
        self.shared.answered.fetch_add(1, SeqCst);
        Ok(())
    }

    fn answer(&mut self, kind: &str, frames: &[String], pace: Duration) -> Result<(), Over> {
        self.head(kind, frames)?;
        if kind != "text/event-stream" {
            return self.say(&frames[0]);
        }
        match pace.is_zero() {
            // At once, so that events come together in a piece.
            true => {
                let all: String = frames
                    .iter()
                    .map(|frame| format!("{:x}\r\n{frame}\r\n", frame.len()))
                    .collect();
                self.say(&all)?;
            }
            false => {
                for frame in frames {
                    self.chunk(frame)?;
                    std::thread::sleep(pace);
                }
            }
        }
        self.say("0\r\n\r\n")
    }

    fn reset(&mut self) -> Result<(), Over> {
        socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO))?;
        Err(Over)
    }

    /// Waits until the other side has gone.
    fn silence(&mut self) -> Result<(), Over> {
        let mut piece = [0; 1024];
        self.shared.held.fetch_add(1, SeqCst);
        while matches!(self.socket.read(&mut piece), Ok(1..)) {}
        self.shared.held.fetch_sub(1, SeqCst);
        Err(Over)
    }
}

fn openai(model: &str, number: u64) -> String {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text(number).concat()}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": USAGE.0, "completion_tokens": USAGE.1, "total_tokens": USAGE.0 + USAGE.1}})
    .to_string()
}

fn openai_events(model: &str, number: u64, usage: bool) -> Vec<String> {
    let event = |choices: Value, usage: Option<Value>| {
        let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": choices});
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value, finish: Value| {
        event(
            json!([{"index": 0, "delta": delta, "finish_reason": finish}]),
            None,
        )
    };
    let mut events = vec![delta(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    events.extend(
        text(number)
            .iter()
            .map(|word| delta(json!({"content": word}), Value::Null)),
    );
    events.push(delta(json!({}), json!("stop")));
    if usage {
        let usage = json!({"prompt_tokens": USAGE.0, "completion_tokens": USAGE.1, "total_tokens": USAGE.0 + USAGE.1});
        events.push(event(json!([]), Some(usage)));
    }
    events.push("data: [DONE]\n\n".into());
    events
}

fn messages(model: &str, number: u64) -> String {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_reason": "end_turn", "stop_sequence": null,
        "content": [{"type": "text", "text": text(number).concat()}], "usage": {"input_tokens": USAGE.0, "output_tokens": USAGE.1}})
    .to_string()
}

fn messages_events(model: &str, number: u64) -> Vec<String> {
    let event = |data: Value| {
        format!(
            "event: {}\ndata: {data}\n\n",
            data["type"].as_str().unwrap()
        )
    };
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_reason": null, "stop_sequence": null,
        "content": [], "usage": {"input_tokens": USAGE.0, "output_tokens": 1}});
    let mut events = vec![
        event(json!({"type": "message_start", "message": message})),
        event(
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        ),
    ];
    events.extend(
        text(number)
            .iter()
            .map(|word| event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}))),
    );
    events.push(event(json!({"type": "content_block_stop", "index": 0})));
    events.push(event(
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": USAGE.1}}),
    ));
    events.push(event(json!({"type": "message_stop"})));
    events
}

fn error(anthropic: bool, status: u16) -> Value {
    let message = "the upstream is out in the storm";
    match anthropic {
        true => {
            let kind = match status {
                400 => "invalid_request_error",
                429 => "rate_limit_error",
                529 => "overloaded_error",
                _ => "api_error",
            };
            json!({"type": "error", "error": {"type": kind, "message": message}})
        }
        false => {
            json!({"error": {"message": message, "type": "server_error", "param": null, "code": null}})
        }
    }
}
