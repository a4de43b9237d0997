//! A stream as the list of events it will send, before pacing and faults, and how events become bytes.

use super::eventstream;

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
    /// Server-sent events; `true`: with CRLF line ends.
    Events(bool),
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

    /// One event's bytes; `first`: nothing came before it.
    pub fn bytes(self, frame: &Frame, first: bool) -> Vec<u8> {
        let end = match self {
            Style::Array => {
                let before = if first { "[" } else { ",\r\n" };
                return format!("{before}{}\r\n", frame.data).into_bytes();
            }
            Style::Binary(usual) => return frame.binary(usual),
            Style::Events(true) => "\r\n",
            Style::Events(false) => "\n",
        };
        let name = match &frame.name {
            Some(name) => format!("event: {name}{end}"),
            None => String::new(),
        };
        let comment = match frame.comment {
            true => format!(": keep-alive{end}{end}"),
            false => String::new(),
        };
        format!("{comment}{name}data: {}{end}{end}", frame.data).into_bytes()
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
        let text =
            |style: Style, first| String::from_utf8_lossy(&style.bytes(&frame, first)).into_owned();
        assert_eq!(
            text(Style::Events(false), true),
            "event: ping\ndata: {\"type\":\"ping\"}\n\n"
        );
        assert_eq!(
            text(Style::Events(true), false),
            "event: ping\r\ndata: {\"type\":\"ping\"}\r\n\r\n"
        );
        assert_eq!(text(Style::Array, true), "[{\"type\":\"ping\"}\r\n");
        assert_eq!(text(Style::Array, false), ",\r\n{\"type\":\"ping\"}\r\n");
    }
}
