//! A stream as the list of events it will send, before pacing and faults, and how events become bytes.

/// One event.
#[derive(Debug, PartialEq)]
pub struct Frame {
    name: Option<String>,
    data: String,
    /// A comment comes before it.
    pub comment: bool,
    /// Carries text, a thought or a piece of a call; faults count these.
    pub content: bool,
}

/// How a format puts events on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Server-sent events; `true`: with CRLF line ends.
    Events(bool),
    /// The elements of one JSON array.
    Array,
}

impl Frame {
    /// An event without a name, as OpenAI's chat and Gemini send them.
    pub fn data(data: &impl std::fmt::Display, content: bool) -> Frame {
        Frame {
            name: None,
            data: data.to_string(),
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
}

impl Style {
    /// The content type of such a stream.
    pub fn content_type(self) -> &'static str {
        match self {
            Style::Events(_) => "text/event-stream; charset=utf-8",
            Style::Array => "application/json; charset=UTF-8",
        }
    }

    /// One event's bytes; `first`: nothing came before it.
    pub fn bytes(self, frame: &Frame, first: bool) -> Vec<u8> {
        let end = match self {
            Style::Array => {
                let before = if first { "[" } else { ",\r\n" };
                return format!("{before}{}\r\n", frame.data).into_bytes();
            }
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
            Style::Events(_) => b"",
            Style::Array if empty => b"[]",
            Style::Array => b"]",
        }
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
