//! A caller: sends a request in one of both formats, reads the answer or hangs up, and judges what came.

use crate::dice::Dice;
use crate::place::{Key, Place};
use crate::upstream::{mark, text};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How a request ended for its caller.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// The right answer, whole.
    Right,
    /// One well-formed error with this status.
    Refused(u16),
    /// One well-formed error that says that nothing is served at this path, as long as its route is turned off.
    NoRoute,
    /// A right beginning, then one well-formed error event.
    Broken,
    /// The caller hung up.
    Gone,
    /// Anything else.
    Wrong(String),
}

/// A request that was sent.
#[derive(Debug)]
pub struct Sent {
    pub number: u64,
    /// The key's name; none: a key that never was.
    pub key: Option<String>,
    /// It is never revoked.
    pub lasting: bool,
    pub end: End,
    /// `x-gw-request-id` and `x-gw-attempts`, where there was a head.
    pub id: Option<String>,
    pub attempts: Option<usize>,
}

/// When a caller hangs up.
#[derive(Clone, Copy, PartialEq)]
enum Patience {
    Endless,
    /// Right after sending.
    None,
    /// After so many milliseconds.
    Short(u64),
    /// At the first piece of the body.
    Glance,
}

pub struct Caller<'a> {
    place: &'a Place,
    socket: Option<TcpStream>,
}

impl<'a> Caller<'a> {
    pub fn new(place: &'a Place) -> Caller<'a> {
        Caller {
            place,
            socket: None,
        }
    }

    /// Sends request `number`. What it asks depends on the number, its key also on which there are.
    pub fn call(&mut self, number: u64) -> Sent {
        let mut dice = Dice::of(&[self.place.seed, number, 7]);
        let (anthropic, stream) = (dice.below(2) == 0, dice.below(2) == 0);
        let route = dice.below(self.place.routes.len() as u64);
        let patience = match dice.below(1000) {
            0..10 => Patience::None,
            10..25 => Patience::Short(dice.below(40)),
            25..40 => Patience::Glance,
            _ => Patience::Endless,
        };
        let key = {
            let keys = self.place.keys.read().unwrap();
            match dice.permille(5) {
                true => None,
                // Now and then one that is gone; it is known which only here, for others may go any time.
                false => {
                    let gone = dice.permille(50);
                    let some: Vec<&Key> = keys
                        .iter()
                        .filter(|key| key.revoked.is_some() == gone)
                        .collect();
                    let some = if some.is_empty() {
                        keys.iter().collect()
                    } else {
                        some
                    };
                    Some(some[dice.below(some.len() as u64) as usize].clone())
                }
            }
        };
        let filler = if dice.permille(20) {
            200_000
        } else {
            dice.below(300) as usize
        };
        let mut body = json!({"model": mark(number), "max_tokens": 50, "stream": stream,
            "messages": [{"role": "user", "content": format!("say {} {}", mark(number), "blah ".repeat(filler / 5))}]});
        let path = match anthropic {
            true => "messages",
            false => {
                if stream && dice.below(2) == 0 {
                    body["stream_options"] = json!({"include_usage": true});
                }
                "chat/completions"
            }
        };
        let secret = key
            .as_ref()
            .map_or("sk-gw-never-was-0000000000000000000000000", |key| {
                &key.secret
            });
        let credential = match anthropic {
            true => format!("x-api-key: {secret}\r\nanthropic-version: 2023-06-01"),
            false => format!("Authorization: Bearer {secret}"),
        };
        let body = body.to_string();
        let request = format!(
            "POST /r{route}/v1/{path} HTTP/1.1\r\nHost: {}\r\n{credential}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.place.host(),
            body.len()
        );
        let mut sent = Sent {
            number,
            key: key.as_ref().map(|key| key.name.clone()),
            lasting: key.as_ref().is_some_and(|key| key.lasting),
            end: End::Gone,
            id: None,
            attempts: None,
        };
        let answer = match self.exchange(&request, patience) {
            Ok(Some(answer)) => answer,
            Ok(None) => return sent,
            Err(error) => {
                self.socket = None;
                sent.end = End::Wrong(error);
                return sent;
            }
        };
        sent.id = answer.header("x-gw-request-id").map(str::to_owned);
        sent.attempts = answer
            .header("x-gw-attempts")
            .and_then(|count| count.parse().ok());
        if patience == Patience::Glance {
            self.socket = None;
            return sent;
        }
        if answer.header("connection") == Some("close") || !answer.whole {
            self.socket = None;
        }
        sent.end = answer.judge(number, anthropic, stream);
        if sent.end == End::Refused(404) && sent.id.is_none() {
            sent.end = End::NoRoute;
            return sent;
        }
        // Who is let in is as certain as it can be from here.
        let gone = key.as_ref().is_none_or(|key| key.revoked.is_some());
        let refused = sent.end == End::Refused(401);
        if gone && !refused || sent.lasting && refused {
            sent.end = End::Wrong(format!(
                "a key that {} got {:?}",
                if gone { "is gone" } else { "lasts" },
                sent.end
            ));
        }
        sent
    }

    /// The answer, or none where the caller hung up before.
    fn exchange(&mut self, request: &str, patience: Patience) -> Result<Option<Answer>, String> {
        let mut socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let socket = TcpStream::connect(self.place.host())
                    .map_err(|error| format!("connecting: {error}"))?;
                socket.set_nodelay(true).unwrap();
                socket
                    .set_read_timeout(Some(Duration::from_secs(60)))
                    .unwrap();
                socket
            }
        };
        socket
            .write_all(request.as_bytes())
            .map_err(|error| format!("sending: {error}"))?;
        match patience {
            Patience::None => return Ok(None),
            Patience::Short(millis) => {
                std::thread::sleep(Duration::from_millis(millis));
                return Ok(None);
            }
            Patience::Endless | Patience::Glance => {}
        }
        let answer = Answer::read(&mut socket, patience == Patience::Glance)?;
        self.socket = Some(socket);
        Ok(Some(answer))
    }
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// The body ended as its head had promised.
    whole: bool,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Reads an answer; to the first piece of its body where that is enough.
    fn read(socket: &mut TcpStream, glance: bool) -> Result<Answer, String> {
        let (mut bytes, mut piece) = (Vec::new(), vec![0; 16 << 10]);
        let mut more = |bytes: &mut Vec<u8>| match socket.read(&mut piece) {
            Ok(0) => Ok(false),
            Ok(read) => {
                bytes.extend_from_slice(&piece[..read]);
                Ok(true)
            }
            Err(error) => Err(error),
        };
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            match more(&mut bytes) {
                Ok(true) => {}
                end => {
                    return Err(format!(
                        "{end:?} in place of a head: {:?}",
                        String::from_utf8_lossy(&bytes)
                    ));
                }
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok())
            .ok_or("no status")?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
            whole: false,
        };
        bytes.drain(..end);
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse::<usize>().ok());
        let chunked = answer.header("transfer-encoding") == Some("chunked");
        loop {
            answer.whole = match (length, chunked) {
                (Some(length), _) => {
                    answer.body = bytes.clone();
                    bytes.len() >= length
                }
                (None, true) => {
                    let (body, whole) = unchunked(&bytes)?;
                    answer.body = body;
                    whole
                }
                (None, false) => return Err(format!("a body of no known length:\n{head}")),
            };
            if answer.whole || glance && !answer.body.is_empty() {
                return Ok(answer);
            }
            match more(&mut bytes) {
                Ok(true) => {}
                Ok(false) => return Ok(answer),
                Err(error) => {
                    return Err(format!(
                        "{error} after: {}",
                        String::from_utf8_lossy(&answer.body)
                    ));
                }
            }
        }
    }

    fn judge(&self, number: u64, anthropic: bool, stream: bool) -> End {
        let body = String::from_utf8_lossy(&self.body);
        let judged = match self.status {
            _ if !self.whole => Err("it was cut off".to_owned()),
            200 if stream => events(&body, number, anthropic),
            200 => whole(&body, number, anthropic).map(|()| End::Right),
            400..=498 | 500..=599 => match serde_json::from_str(&body) {
                Ok(error) if is_error(&error, anthropic) => Ok(End::Refused(self.status)),
                _ => Err("it is no error of its format".to_owned()),
            },
            _ => Err("nobody expects that status".to_owned()),
        };
        judged.unwrap_or_else(|why| {
            let format = if anthropic { "anthropic" } else { "openai" };
            End::Wrong(format!(
                "{why}: {format}, stream {stream}, {} {:?}\n{body}",
                self.status, self.headers
            ))
        })
    }
}

/// What the chunks held, and whether the last one was among them.
fn unchunked(mut rest: &[u8]) -> Result<(Vec<u8>, bool), String> {
    let mut body = Vec::new();
    loop {
        let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else {
            return Ok((body, false));
        };
        let size = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or_else(|| {
            format!(
                "no chunk size: {:?}",
                String::from_utf8_lossy(&rest[..line])
            )
        })?;
        rest = &rest[line + 2..];
        if rest.len() < size + 2 {
            body.extend_from_slice(&rest[..size.min(rest.len())]);
            return Ok((body, false));
        }
        if size == 0 {
            return Ok((body, true));
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}

/// Whether this is an error as its format has it.
fn is_error(value: &Value, anthropic: bool) -> bool {
    let error = &value["error"];
    let said = |field: &str| error[field].as_str().is_some_and(|text| !text.is_empty());
    said("message") && said("type") && (!anthropic || value["type"] == "error")
}

fn whole(body: &str, number: u64, anthropic: bool) -> Result<(), String> {
    let value: Value =
        serde_json::from_str(body).map_err(|error| format!("it is not JSON ({error})"))?;
    let (said, end) = match anthropic {
        true => (
            &value["content"][0]["text"],
            value["type"] == "message" && value["stop_reason"] == "end_turn",
        ),
        false => {
            let choice = &value["choices"][0];
            (
                &choice["message"]["content"],
                value["object"] == "chat.completion" && choice["finish_reason"] == "stop",
            )
        }
    };
    match said.as_str() == Some(&text(number).concat()) && end {
        true => Ok(()),
        false => Err("it is not the right answer".into()),
    }
}

/// A stream with the right text and its end, or a right beginning and one error event.
fn events(body: &str, number: u64, anthropic: bool) -> Result<End, String> {
    let (right, mut said) = (text(number).concat(), String::new());
    let (mut finish, mut end) = (0, false);
    for frame in body.split_inclusive("\n\n") {
        if !frame.ends_with("\n\n") {
            return Err("the last event is not ended".into());
        }
        let data: Vec<&str> = frame
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(str::trim_start)
            .collect();
        if data.is_empty()
            && frame
                .lines()
                .all(|line| line.is_empty() || line.starts_with(':'))
        {
            continue;
        }
        if end {
            return Err("something follows the end".into());
        }
        if !anthropic && data == ["[DONE]"] {
            end = true;
            continue;
        }
        let value: Value = serde_json::from_str(&data.concat())
            .map_err(|error| format!("an event is not JSON ({error})"))?;
        if value.get("error").is_some() {
            return match is_error(&value, anthropic)
                && right.starts_with(&said)
                && body.ends_with(frame)
                && finish == 0
            {
                true => Ok(End::Broken),
                false => Err("the error event is not right".into()),
            };
        }
        if anthropic {
            let kind = value["type"].as_str().unwrap_or_default();
            if !frame.starts_with(&format!("event: {kind}\n")) {
                return Err(format!("an event is not named `{kind}`"));
            }
            said.push_str(value["delta"]["text"].as_str().unwrap_or_default());
            finish += u32::from(value["delta"]["stop_reason"] == "end_turn");
            end = kind == "message_stop";
        } else {
            let choice = &value["choices"][0];
            said.push_str(choice["delta"]["content"].as_str().unwrap_or_default());
            finish += u32::from(choice["finish_reason"] == "stop");
        }
    }
    match end && finish == 1 && said == right {
        true => Ok(End::Right),
        false => Err("it is not the right stream".into()),
    }
}
