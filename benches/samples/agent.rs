//! What a coding agent sends: instructions, tools, and a conversation of texts, calls and the files they brought, to a size.
//! The same number gives the same bytes. Must not know who asks or answers.

use serde_json::{Value, json};

/// A request of exactly so many bytes, or of as many as it takes at least (about 400), in OpenAI's chat format. Another
/// `number` gives another conversation of the same length.
pub fn request(bytes: usize, number: u64, stream: bool) -> Vec<u8> {
    let mut lines = Lines(number);
    let instructions = lines.text((bytes / 20).min(12_000));
    let mut messages = vec![
        json!({"role": "system", "content": instructions}),
        json!({"role": "user", "content": format!("Please look at case {number:016x}.")}),
    ];
    let tools: Vec<Value> = (0..(bytes / 8_000).min(14)).map(tool).collect();
    let body = |messages: &[Value]| {
        let mut body = json!({"model": "fixed-model", "max_tokens": 8192, "stream": stream, "messages": messages});
        if stream {
            body["stream_options"] = json!({"include_usage": true});
        }
        if !tools.is_empty() {
            body["tools"] = tools.clone().into();
        }
        body.to_string().into_bytes()
    };
    // Turns are added as long as another one fits; the last message is made to fill what is left.
    let mut length = body(&messages).len();
    while length + TURN + 800 < bytes {
        for message in turn(&mut lines, messages.len()) {
            length += message.to_string().len() + 1;
            messages.push(message);
        }
    }
    messages.push(json!({"role": "user", "content": ""}));
    let left = bytes.saturating_sub(body(&messages).len());
    if let Some(last) = messages.last_mut() {
        last["content"] = "Go on. ".repeat(left / 7 + 1)[..left].into();
    }
    body(&messages)
}

/// Bytes of a file that a call brings.
const FILE: usize = 3_000;
/// Bytes of a turn, about.
const TURN: usize = FILE + 900;

/// An assistant's words and call, and what the call brought.
fn turn(lines: &mut Lines, at: usize) -> [Value; 2] {
    let id = format!("call_{at:024}");
    let arguments = json!({"path": format!("src/module_{at}.rs"), "offset": at * 40, "limit": 80});
    [
        json!({"role": "assistant", "content": lines.text(240), "tool_calls": [
            {"id": id, "type": "function", "function": {"name": format!("tool_{}", at % 14), "arguments": arguments.to_string()}}]}),
        json!({"role": "tool", "tool_call_id": id, "content": lines.text(FILE)}),
    ]
}

fn tool(at: usize) -> Value {
    json!({"type": "function", "function": {
        "name": format!("tool_{at}"),
        "description": Lines(at as u64).text(300),
        "parameters": {"type": "object", "additionalProperties": false, "required": ["path"], "properties": {
            "path": {"type": "string", "description": "Where it is, from the root of the project"},
            "offset": {"type": "integer", "minimum": 0},
            "limit": {"type": "integer", "minimum": 1},
            "mode": {"type": "string", "enum": ["read", "search", "list"]}}}}})
}

/// Lines that look like source text: words, quotes, indents, one letter in a thousand beyond ASCII.
struct Lines(u64);

impl Lines {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// So many bytes or a few more.
    fn text(&mut self, bytes: usize) -> String {
        const WORDS: [&str; 16] = [
            "let",
            "value",
            "=",
            "request",
            "(",
            ")",
            "\"text\"",
            "return",
            "if",
            "self.",
            "match",
            "->",
            "fn",
            "async",
            "// größer",
            "&body",
        ];
        let mut text = String::with_capacity(bytes + 64);
        while text.len() < bytes {
            for _ in 0..self.next(4) {
                text.push_str("    ");
            }
            for _ in 0..3 + self.next(8) {
                // Of the odd one there are few.
                let word = match self.next(200) {
                    0 => 14,
                    _ => self.next(14) as usize,
                };
                text.push_str(WORDS[word]);
                text.push(' ');
            }
            text.push('\n');
        }
        text
    }
}
