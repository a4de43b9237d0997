//! A stream as the list of events it will send, before pacing and faults, and how events become bytes.

use super::eventstream;
use super::script::Spelling;
use super::sse;

/// One event.
#[derive(Debug, PartialEq)]
pub struct Frame {
    name: Option<String>,
    data: String,
    kind: Kind,
    /// A comment comes before it.
    pub comment: bool,
    /// Carries text, a thought or a piece of a call; faults count these.
    pub content: bool,
    /// Bytes that follow the data in its line, made while they are written.
    pub filling: usize,
}

/// Stands in texts where a byte that is no UTF-8 goes out.
pub const TORN: char = '\u{fffd}';

/// The bytes as they go out where a script wants text that is no UTF-8.
pub fn torn(bytes: &[u8]) -> Vec<u8> {
    let mark = TORN.to_string();
    let mut out = Vec::with_capacity(bytes.len());
    let mut last = 0;
    for at in memchr::memmem::find_iter(bytes, mark.as_bytes()) {
        out.extend_from_slice(&bytes[last..at]);
        out.push(0xff);
        last = at + mark.len();
    }
    out.extend_from_slice(&bytes[last..]);
    out
}

/// What an event is, where the wire tells.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Event,
    /// It ends the stream as failed.
    Exception,
    /// Its checksum is wrong.
    Unsound,
}

/// How a format puts events on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Server-sent events, spelt so.
    Events(Spelling),
    /// The elements of one JSON array.
    Array,
    /// Amazon's binary messages, and the name of those that have none of their own.
    Binary(&'static str),
}

impl Frame {
    /// An event without a name, as OpenAI's chat and Gemini send them.
    pub fn data(data: &impl std::fmt::Display, content: bool) -> Frame {
        Frame {
            name: None,
            data: data.to_string(),
            kind: Kind::Event,
            comment: false,
            content,
            filling: 0,
        }
    }
    /// An event with a name, as Anthropic and OpenAI's Responses send them.
    pub fn named(data: &serde_json::Value, content: bool) -> Frame {
        Frame {
            name: Some(data["type"].as_str().unwrap_or("message").to_owned()),
            ..Frame::data(data, content)
        }
    }
    /// An event whose name is not in its data.
    pub fn called(name: &str, data: &impl std::fmt::Display, content: bool) -> Frame {
        Frame {
            name: Some(name.to_owned()),
            ..Frame::data(data, content)
        }
    }
    /// An event that ends the stream as failed.
    pub fn exception(name: &str, data: &impl std::fmt::Display) -> Frame {
        Frame {
            kind: Kind::Exception,
            ..Frame::called(name, data, false)
        }
    }
    /// The same with a wrong checksum, where there are any.
    pub fn unsound(self) -> Frame {
        Frame {
            kind: Kind::Unsound,
            ..self
        }
    }
    /// The same with so many bytes more in its line.
    pub fn filled(self, filling: usize) -> Frame {
        Frame { filling, ..self }
    }
    /// What it says.
    pub fn text(&self) -> &str {
        &self.data
    }
}

impl Style {
    /// The content type of such a stream.
    pub fn content_type(self) -> &'static str {
        match self {
            Style::Events(_) => "text/event-stream; charset=utf-8",
            Style::Array => "application/json; charset=UTF-8",
            Style::Binary(_) => "application/vnd.amazon.eventstream",
        }
    }

    /// One event's bytes, `at` of so many: before what it is filled with, and behind.
    pub fn bytes(self, frame: &Frame, at: usize, last: bool) -> (Vec<u8>, Vec<u8>) {
        match self {
            Style::Array => {
                let before = if at == 0 { "[" } else { ",\r\n" };
                (
                    format!("{before}{}\r\n", frame.data).into_bytes(),
                    Vec::new(),
                )
            }
            Style::Binary(usual) => (frame.binary(usual), Vec::new()),
            Style::Events(spelling) => {
                let event = sse::Event {
                    name: frame.name.as_deref(),
                    data: &frame.data,
                    comment: frame.comment,
                };
                let (before, behind) = event.written(spelling, at, last);
                (before.into_bytes(), behind.into_bytes())
            }
        }
    }

    /// What follows the last event; `empty`: there was none.
    pub fn tail(self, empty: bool) -> &'static [u8] {
        match self {
            Style::Events(_) | Style::Binary(_) => b"",
            Style::Array if empty => b"[]",
            Style::Array => b"]",
        }
    }
}

impl Frame {
    /// As a message of Amazon's.
    fn binary(&self, usual: &str) -> Vec<u8> {
        let name = self.name.as_deref().unwrap_or(usual);
        let (message, named) = match self.kind {
            Kind::Exception => ("exception", ":exception-type"),
            Kind::Event | Kind::Unsound => ("event", ":event-type"),
        };
        let headers = [
            (named, name),
            (":content-type", "application/json"),
            (":message-type", message),
        ];
        eventstream::message(&headers, self.data.as_bytes(), self.kind != Kind::Unsound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_array_elements_have_their_own_bytes() {
        let frame = Frame::named(&serde_json::json!({"type": "ping"}), false);
        let text = |style: Style, at| {
            let (mut before, behind) = style.bytes(&frame, at, false);
            before.extend(behind);
            String::from_utf8_lossy(&before).into_owned()
        };
        assert_eq!(
            text(Style::Events(Spelling::default()), 0),
            "event: ping\ndata: {\"type\":\"ping\"}\n\n"
        );
        assert_eq!(text(Style::Array, 0), "[{\"type\":\"ping\"}\r\n");
        assert_eq!(text(Style::Array, 1), ",\r\n{\"type\":\"ping\"}\r\n");
        assert_eq!(torn("a\u{fffd}b".as_bytes()), b"a\xffb");
    }
}
