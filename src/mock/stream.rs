//! A stream as the list of frames it will send, before pacing and faults.

/// One server-sent event, ready to write.
#[derive(Debug, PartialEq)]
pub struct Frame {
    pub bytes: Vec<u8>,
    /// Carries text, a thought or a piece of a call; faults count these.
    pub content: bool,
}

impl Frame {
    /// An event without a name, as OpenAI sends them.
    pub fn data(data: &impl std::fmt::Display, content: bool) -> Frame {
        Frame {
            bytes: format!("data: {data}\n\n").into_bytes(),
            content,
        }
    }
    /// An event with a name, as Anthropic sends them.
    pub fn named(data: &serde_json::Value, content: bool) -> Frame {
        let name = data["type"].as_str().unwrap_or("message");
        Frame {
            bytes: format!("event: {name}\ndata: {data}\n\n").into_bytes(),
            content,
        }
    }
    /// The same event with CRLF line ends.
    pub fn crlf(mut self) -> Frame {
        self.bytes = String::from_utf8_lossy(&self.bytes)
            .replace('\n', "\r\n")
            .into_bytes();
        self
    }
}
