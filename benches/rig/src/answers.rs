//! What the upstream answers and what the load tool asks: fixed bytes, about 200 in a request and 1,024 in an answer's body.

/// A chat request for this host with this key.
pub fn request(host: &str, key: &str) -> Vec<u8> {
    let (head, tail) = (
        r#"{"model":"fixed-model","max_tokens":256,"messages":[{"role":"user","content":""#,
        r#""}]}"#,
    );
    let body = format!("{head}{}{tail}", "x".repeat(200 - head.len() - tail.len()));
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The answers in both formats, whole with their heads.
pub struct Answers {
    openai: Vec<u8>,
    anthropic: Vec<u8>,
}

impl Default for Answers {
    fn default() -> Answers {
        Answers {
            openai: whole(
                r#"{"id":"chatcmpl-fixed","object":"chat.completion","created":1760000000,"model":"fixed-model","choices":[{"index":0,"message":{"role":"assistant","content":""#,
                r#"","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":180,"total_tokens":220,"prompt_tokens_details":{"cached_tokens":8}}}"#,
            ),
            anthropic: whole(
                r#"{"id":"msg_fixed","type":"message","role":"assistant","model":"fixed-model","content":[{"type":"text","text":""#,
                r#""}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":32,"cache_creation_input_tokens":0,"cache_read_input_tokens":8,"output_tokens":180}}"#,
            ),
        }
    }
}

impl Answers {
    /// The answer to this request.
    pub fn to(&self, request: &[u8]) -> &[u8] {
        match request.starts_with(b"POST /v1/messages") {
            true => &self.anthropic,
            false => &self.openai,
        }
    }
}

fn whole(head: &str, tail: &str) -> Vec<u8> {
    let text = "x".repeat(1024 - head.len() - tail.len());
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1024\r\n\r\n{head}{text}{tail}").into_bytes()
}

/// Whether this is an answer such as a caller expects.
pub fn good(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200 ")
        && memchr::memmem::find(answer, b"\"total_tokens\":220").is_some()
}
