//! What callers ask and what the upstream answers: messages made before anything is measured, each with a text of its own, so
//! that nothing that keeps or packs them is flattered. Where one has to be sent again, a number within it changes first.

use crate::agent;
use std::time::Duration;

/// Different messages of a kind at most, and the room they may take together.
const MESSAGES: usize = 512;
const ROOM: usize = 32 << 20;
/// From here on requests are an agent's.
const LONG: usize = 4_000;
/// What a caller sees first of an answer's text, and of how it ends. Both formats' answers say the same.
pub const TEXT: &[u8] = b"~tok";
pub const TOTAL: &[u8] = b"total_tokens";
pub const TOKENS: &[u8] = b"220";
pub const DONE: &[u8] = b"[DONE]";

/// How a subject is asked: where, for which model, and with which headers.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `HOST:PORT`.
    pub host: String,
    pub path: String,
    pub model: String,
    /// Whole lines, `Name: value`.
    pub headers: Vec<String>,
}

/// What the upstream answers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Answer {
    /// At once, with a body of so many bytes.
    Whole(usize),
    Stream {
        events: usize,
        manner: Manner,
    },
}

/// How a stream's events leave the upstream.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Manner {
    /// All in one write.
    AtOnce,
    /// A write each, without a pause.
    Unpaced,
    /// A write each, and this long between two.
    Paced(Duration),
}

/// The API an answer is for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Format {
    OpenAi,
    Anthropic,
}

/// One message, in the pieces in which it is written.
pub struct Message {
    pub bytes: Vec<u8>,
    /// Where each piece ends.
    pub pieces: Vec<usize>,
    /// Where the digits of the number are that makes it differ from what it was when it was sent before.
    mark: usize,
}

/// Messages that are sent in turns.
#[derive(Default)]
pub struct Pool {
    messages: Vec<Message>,
    next: usize,
    sent: u64,
}

impl Pool {
    fn new(size: usize, make: impl FnMut(usize) -> Message) -> Pool {
        let number = (ROOM / size.max(1)).clamp(8, MESSAGES);
        Pool {
            messages: (0..number).map(make).collect(),
            next: 0,
            sent: 0,
        }
    }

    /// The place of the next message, which is made different from all before it.
    pub fn take(&mut self) -> usize {
        let at = self.next;
        self.next = (at + 1) % self.messages.len();
        self.sent += 1;
        let mut number = self.sent;
        let message = &mut self.messages[at];
        for digit in message.bytes[message.mark..message.mark + DIGITS]
            .iter_mut()
            .rev()
        {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        at
    }

    pub fn message(&self, at: usize) -> &Message {
        &self.messages[at]
    }
}

const DIGITS: usize = 12;
const NUMBER: &str = "000000000000";

/// Requests with bodies of about so many bytes: a question where that is short, an agent's conversation where it is long.
pub fn requests(ask: &Ask, body: usize, stream: bool) -> Pool {
    Pool::new(body, |seed| {
        let text = match body < LONG {
            true => question(&ask.model, body, stream, seed),
            false => {
                let text = agent::request(body, seed as u64, stream);
                let text = String::from_utf8_lossy(&text).into_owned();
                text.replacen(r#""fixed-model""#, &format!("\"{}\"", ask.model), 1)
            }
        };
        let mut head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            ask.path,
            ask.host,
            text.len()
        );
        for line in &ask.headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        one_piece(head + &text)
    })
}

fn question(model: &str, body: usize, stream: bool, seed: usize) -> String {
    let options = match stream {
        true => r#","stream":true,"stream_options":{"include_usage":true}"#,
        false => "",
    };
    let mut text = format!(
        r#"{{"model":"{model}","max_tokens":256{options},"messages":[{{"role":"user","content":"{NUMBER} "#
    );
    let tail = r#""}]}"#;
    let rest = body.saturating_sub(text.len() + tail.len()).max(8);
    Words::new(seed as u64).write(&mut text, rest);
    text + tail
}

/// The upstream's answers.
pub fn answers(format: Format, answer: Answer) -> Pool {
    match answer {
        Answer::Whole(size) => Pool::new(size, |seed| whole(format, size, seed)),
        Answer::Stream { events, manner } => {
            Pool::new(events * 256, |seed| stream(format, events, manner, seed))
        }
    }
}

fn whole(format: Format, size: usize, seed: usize) -> Message {
    let (head, tail) = match format {
        Format::OpenAi => (
            r#"{"id":"chatcmpl-000000000000","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"~tok "#,
            r#"","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":180,"total_tokens":220,"prompt_tokens_details":{"cached_tokens":8}}}"#,
        ),
        Format::Anthropic => (
            r#"{"id":"msg_000000000000","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{"type":"text","text":"~tok "#,
            r#""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":32,"cache_creation_input_tokens":0,"cache_read_input_tokens":8,"output_tokens":180}}"#,
        ),
    };
    let mut body = head.to_owned();
    let rest = size.saturating_sub(head.len() + tail.len()).max(8);
    Words::new(seed as u64).write(&mut body, rest);
    body.push_str(tail);
    one_piece(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// `events` writes, the head with the first and `[DONE]` with the last. The text begins with the second event of OpenAI's
/// format and the third of Anthropic's.
fn stream(format: Format, events: usize, manner: Manner, seed: usize) -> Message {
    let mut words = Words::new(seed as u64);
    let mut text = |pattern: &str| {
        let mut piece = "~tok ".to_owned();
        words.write(&mut piece, 8);
        pattern.replace("TEXT", &piece)
    };
    let openai = |delta: &str, reason: &str, usage: &str| {
        format!(
            r#"data: {{"id":"chatcmpl-000000000000","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}],"usage":{usage}}}"#
        ) + "\n\n"
    };
    let anthropic =
        |kind: &str, rest: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\"{rest}}}\n\n");
    let mut written = Vec::new();
    match format {
        Format::OpenAi => {
            written.push(openai(
                r#"{"role":"assistant","content":"","refusal":null}"#,
                "null",
                "null",
            ));
            for _ in 3..events {
                let delta = text(r#"{"content":"TEXT"}"#);
                written.push(openai(&delta, "null", "null"));
            }
            written.push(openai("{}", r#""stop""#, "null"));
            written.push(
                r#"data: {"id":"chatcmpl-000000000000","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":40,"completion_tokens":180,"total_tokens":220,"prompt_tokens_details":{"cached_tokens":8}}}"#
                    .to_owned()
                    + "\n\ndata: [DONE]\n\n",
            );
        }
        Format::Anthropic => {
            written.push(anthropic("message_start", r#","message":{"id":"msg_000000000000","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":32,"cache_creation_input_tokens":0,"cache_read_input_tokens":8,"output_tokens":1}}"#));
            written.push(anthropic(
                "content_block_start",
                r#","index":0,"content_block":{"type":"text","text":""}"#,
            ));
            for _ in 5..events {
                let delta = text(r#","index":0,"delta":{"type":"text_delta","text":"TEXT"}"#);
                written.push(anthropic("content_block_delta", &delta));
            }
            written.push(anthropic("content_block_stop", r#","index":0"#));
            written.push(anthropic("message_delta", r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":180}"#));
            written.push(anthropic("message_stop", ""));
        }
    }
    let mut message = Message {
        bytes: b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        pieces: Vec::new(),
        mark: 0,
    };
    let last = written.len() - 1;
    for (at, event) in written.into_iter().enumerate() {
        message
            .bytes
            .extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
        if at == last {
            message.bytes.extend_from_slice(b"0\r\n\r\n");
        }
        if manner != Manner::AtOnce || at == last {
            message.pieces.push(message.bytes.len());
        }
    }
    message.mark = mark(&message.bytes);
    message
}

fn one_piece(text: String) -> Message {
    let bytes = text.into_bytes();
    Message {
        pieces: vec![bytes.len()],
        mark: mark(&bytes),
        bytes,
    }
}

/// Where the first number is.
fn mark(bytes: &[u8]) -> usize {
    memchr::memmem::find(bytes, NUMBER.as_bytes()).unwrap_or_default()
}

/// Text that packs about as well as what people write.
struct Words(u64);

impl Words {
    fn new(seed: u64) -> Words {
        Words(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// So many bytes of words, drawn unevenly.
    fn write(&mut self, text: &mut String, bytes: usize) {
        let end = text.len() + bytes;
        while text.len() < end {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let (a, b) = (
                self.0 as usize % WORDS.len(),
                (self.0 >> 32) as usize % WORDS.len(),
            );
            text.push_str(WORDS[a.min(b)]);
            if self.0 >> 60 == 0 {
                text.push_str(&(self.0 >> 40 & 0xfff).to_string());
            }
            text.push(' ');
        }
        text.truncate(end);
    }
}

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "the", "of", "and", "to", "in", "is", "that", "for", "it", "as", "was", "with", "be", "by", "on", "not", "he", "this", "are", "or", "his",
    "from", "at", "which", "but", "have", "an", "had", "they", "you", "were", "their", "one", "all", "we", "can", "her", "has", "there", "been",
    "if", "more", "when", "will", "would", "who", "so", "no", "function", "return", "value", "request", "answer", "gateway", "buffer", "index",
    "connection", "measure", "provider", "because", "between", "nothing", "remember", "language", "question", "different", "example", "number",
    "water", "morning", "paragraph", "against", "through", "without", "another", "example.rs", "let mut", "match", "struct", "assert", "window",
    "summary", "history", "evening", "mountain", "station", "library", "harvest", "weather", "journey", "kitchen", "measurement", "telescope",
    "compression", "throughput", "latency", "percentile", "scheduler", "kernel", "socket", "interrupt", "deadline", "allocation", "snapshot",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        Ask {
            host: "h:1".into(),
            path: "/v1/chat/completions".into(),
            model: "m".into(),
            headers: vec!["Authorization: Bearer k".into()],
        }
    }

    fn body(message: &Message) -> &[u8] {
        let head = memchr::memmem::find(&message.bytes, b"\r\n\r\n").unwrap() + 4;
        &message.bytes[head..]
    }

    #[test]
    fn requests_are_json_of_their_size_and_none_is_like_another() {
        for size in [200, 1_000, 9_000, 200_000] {
            let mut pool = requests(&ask(), size, size == 1_000);
            let first = pool.take();
            let before = pool.message(first).bytes.clone();
            let read: serde_json::Value =
                serde_json::from_slice(body(pool.message(first))).unwrap();
            assert_eq!(read["model"], "m");
            assert!(
                body(pool.message(first)).len().abs_diff(size) < 100,
                "{size}"
            );
            let second = pool.take();
            assert_ne!(before, pool.message(second).bytes);
            while pool.take() != first {}
            assert_ne!(before, pool.message(first).bytes);
        }
    }

    #[test]
    fn answers_are_json_of_their_size_and_streams_of_their_number() {
        for format in [Format::OpenAi, Format::Anthropic] {
            let pool = answers(format, Answer::Whole(1024));
            let whole = body(pool.message(3));
            assert_eq!(whole.len(), 1024);
            serde_json::from_slice::<serde_json::Value>(whole).unwrap();
            for (manner, pieces) in [(Manner::AtOnce, 1), (Manner::Unpaced, 50)] {
                let stream = Answer::Stream { events: 50, manner };
                let pool = answers(format, stream);
                let message = pool.message(0);
                assert_eq!(message.pieces.len(), pieces);
                assert_eq!(message.pieces.last(), Some(&message.bytes.len()));
                assert!(message.bytes.ends_with(b"\n\n\r\n0\r\n\r\n"));
                let text = String::from_utf8_lossy(&message.bytes).into_owned();
                let data: Vec<&str> = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("data: "))
                    .collect();
                for json in data.iter().filter(|data| **data != "[DONE]") {
                    serde_json::from_str::<serde_json::Value>(json).unwrap();
                }
            }
        }
    }
}
