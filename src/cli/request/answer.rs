//! What came back, as facts that expectations can look into.

use crate::cli::print::clean;
use crate::error::{Error, Kind};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// One answer.
pub(super) struct Answer {
    /// `{status, text, usage, route, latency_ms, ttft_ms, cost, request_id, headers, body}`.
    pub facts: Value,
}

/// An answer's content: the body, or what a stream adds up to.
#[derive(Default)]
pub(super) struct Reply {
    text: String,
    input: Option<u64>,
    output: Option<u64>,
    error: Option<String>,
    body: Value,
}

impl Answer {
    pub fn new(
        status: u16,
        headers: &http::HeaderMap,
        reply: Reply,
        latency: Duration,
        first: Option<Duration>,
    ) -> Answer {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(String::from)
        };
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let all: Map<String, Value> = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    json!(String::from_utf8_lossy(value.as_bytes())),
                )
            })
            .collect();
        let facts = json!({
            "status": status,
            "text": reply.text,
            "usage": {"in": reply.input, "out": reply.output},
            "route": {
                "name": text("x-gw-route"), "provider": text("x-gw-provider"), "model": text("x-gw-model"),
                "attempts": text("x-gw-attempts").and_then(|count| count.parse::<u64>().ok()),
            },
            "latency_ms": millis(latency),
            "ttft_ms": first.map(millis),
            "cost": text("x-gw-cost"),
            "request_id": text("x-gw-request-id"),
            "origin": text("x-gw-origin"),
            "error": reply.error,
            "headers": all,
            "body": reply.body,
        });
        Answer { facts }
    }

    /// An answer that is not a stream.
    pub fn whole(raw: &[u8]) -> Reply {
        let Ok(body) = serde_json::from_slice::<Value>(raw) else {
            return Reply {
                body: json!(String::from_utf8_lossy(raw)),
                ..Reply::default()
            };
        };
        let mut reply = Reply {
            text: text_of(&body),
            error: error_of(&body),
            ..Reply::default()
        };
        reply.count(&body);
        reply.body = body;
        reply
    }

    fn field(&self, path: &str) -> Option<&Value> {
        self.facts.pointer(path).filter(|value| !value.is_null())
    }

    fn status(&self) -> u64 {
        self.field("/status").and_then(Value::as_u64).unwrap_or(0)
    }

    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status()) && self.field("/error").is_none()
    }

    /// The answer's text; where there is none, its body.
    pub fn text(&self) -> String {
        let text = self
            .field("/text")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let body = self
            .field("/body")
            .filter(|_| text.is_empty())
            .map(Value::to_string)
            .unwrap_or_default();
        format!("{text}{body}")
            .lines()
            .map(clean)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The error an unsuccessful answer is: the gateway's own refusals by their status, everything the
    /// upstream did as [`Kind::Upstream`].
    pub fn error(&self) -> Option<Error> {
        if self.succeeded() {
            return None;
        }
        let status = self.status();
        let message = self
            .field("/error")
            .and_then(Value::as_str)
            .map_or_else(|| format!("the answer has status {status}"), clean);
        let kind = match status {
            401 | 403 | 404 | 413 | 400 | 409 | 422 => Kind::from_status(if status == 422 {
                400
            } else {
                u16::try_from(status).unwrap_or(400)
            }),
            429 => Kind::RateLimited,
            _ => Kind::Upstream,
        };
        Some(Error::new(kind, format!("{message} (status {status})")).hint(self.look_up()))
    }

    /// Where to read on.
    pub fn look_up(&self) -> String {
        match self.field("/request_id").and_then(Value::as_str) {
            Some(id) => format!("gw logs get {}", clean(id)),
            None => "gw logs".into(),
        }
    }

    /// One line: where it went and what it took.
    pub fn explain(&self) -> String {
        let text = |path: &str| {
            self.field(path)
                .map(crate::cli::print::text)
                .map(|text| clean(&text))
        };
        let mut line = format!(
            "· {}/{}",
            text("/route/provider").unwrap_or_else(|| "-".into()),
            text("/route/model").unwrap_or_else(|| "-".into())
        );
        line.push_str(&format!(
            " via {}",
            text("/route/name").map_or_else(|| "no route".into(), |name| format!("route {name}"))
        ));
        if let Some(count) = text("/route/attempts") {
            line.push_str(&format!(
                ", {count} attempt{}",
                if count == "1" { "" } else { "s" }
            ));
        }
        if let (Some(input), Some(output)) = (text("/usage/in"), text("/usage/out")) {
            line.push_str(&format!(", {input}+{output} tokens"));
        }
        if let Some(cost) = text("/cost") {
            line.push_str(&format!(
                ", {}{cost}",
                if cost.starts_with(|c: char| c.is_ascii_digit()) {
                    "$"
                } else {
                    ""
                }
            ));
        }
        line.push_str(&format!(", {} ms", text("/latency_ms").unwrap_or_default()));
        if let Some(first) = text("/ttft_ms") {
            line.push_str(&format!(" (ttft {first})"));
        }
        line
    }
}

impl Reply {
    /// Takes token counts from a body or event; later ones win.
    fn count(&mut self, value: &Value) {
        for usage in ["/usage", "/message/usage", "/response/usage"]
            .iter()
            .filter_map(|path| value.pointer(path))
        {
            let number = |names: &[&str]| names.iter().find_map(|name| usage.get(name)?.as_u64());
            self.input = number(&["prompt_tokens", "input_tokens"]).or(self.input);
            self.output = number(&["completion_tokens", "output_tokens"]).or(self.output);
        }
    }
}

/// The text of a whole answer: OpenAI chat, OpenAI responses, Anthropic messages.
fn text_of(body: &Value) -> String {
    if let Some(text) = body
        .pointer("/choices/0/message/content")
        .and_then(Value::as_str)
    {
        return text.into();
    }
    let parts = |list: &Value| -> String {
        list.as_array()
            .into_iter()
            .flatten()
            .filter_map(|part| part.get("text")?.as_str())
            .collect()
    };
    let output: String = body
        .get("output")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("content"))
        .map(parts)
        .collect();
    body.get("content").map(parts).unwrap_or_default() + &output
}

fn error_of(body: &Value) -> Option<String> {
    let error = body.get("error").filter(|error| !error.is_null())?;
    Some(
        error
            .get("message")
            .and_then(Value::as_str)
            .map_or_else(|| error.to_string(), String::from),
    )
}

/// Adds up a stream of events.
#[derive(Default)]
pub(super) struct Fold {
    buffer: Vec<u8>,
    reply: Reply,
    events: Vec<Value>,
}

impl Fold {
    /// Takes bytes as they come; gives the pieces of text they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        self.buffer.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let data = line.trim_end().strip_prefix("data:").map(str::trim);
            let Some(event) = data.and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
                continue;
            };
            self.reply.count(&event);
            self.reply.error = self.reply.error.take().or_else(|| error_of(&event));
            let text = ["/choices/0/delta/content", "/delta/text", "/delta"]
                .iter()
                .find_map(|path| event.pointer(path)?.as_str());
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                self.reply.text.push_str(text);
                pieces.push(
                    text.lines().map(clean).collect::<Vec<_>>().join("\n")
                        + if text.ends_with('\n') { "\n" } else { "" },
                );
            }
            self.events.push(event);
        }
        pieces
    }

    pub fn end(mut self) -> Reply {
        self.reply.body = json!({ "events": self.events });
        self.reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, reply: Reply) -> Answer {
        let headers = [
            ("x-gw-provider", "openai"),
            ("x-gw-model", "gpt-4o"),
            ("x-gw-route", "default"),
            ("x-gw-attempts", "1"),
            ("x-gw-cost", "0.000075"),
            ("x-gw-request-id", "req_1"),
        ];
        let headers = headers
            .into_iter()
            .filter_map(|(name, value)| {
                Some((
                    http::HeaderName::from_static(name),
                    http::HeaderValue::try_from(value).ok()?,
                ))
            })
            .collect();
        Answer::new(
            status,
            &headers,
            reply,
            Duration::from_millis(412),
            Some(Duration::from_millis(305)),
        )
    }

    #[test]
    fn both_formats_are_read() {
        let openai = Answer::whole(br#"{"choices":[{"message":{"content":"Azure"}}],"usage":{"prompt_tokens":22,"completion_tokens":2}}"#);
        let anthropic = Answer::whole(br#"{"content":[{"type":"text","text":"Azure"}],"usage":{"input_tokens":22,"output_tokens":2}}"#);
        for reply in [openai, anthropic] {
            let answer = answer(200, reply);
            assert_eq!(answer.text(), "Azure");
            assert_eq!(
                answer.explain(),
                "· openai/gpt-4o via route default, 1 attempt, 22+2 tokens, $0.000075, 412 ms (ttft 305)"
            );
            assert!(answer.error().is_none());
        }
    }

    #[test]
    fn streams_add_up_however_they_are_cut() {
        let openai = "data: {\"choices\":[{\"delta\":{\"content\":\"A\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"z\\nb\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
        let anthropic = "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":0}}}\n\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"Az\\nb\"}}\n\ndata: {\"delta\":{},\"usage\":{\"output_tokens\":2}}\n\n";
        for stream in [openai, anthropic] {
            for size in 1..40 {
                let mut fold = Fold::default();
                let pieces: String = stream
                    .as_bytes()
                    .chunks(size)
                    .flat_map(|chunk| fold.push(chunk))
                    .collect();
                let reply = fold.end();
                assert_eq!(
                    (
                        pieces.as_str(),
                        reply.text.as_str(),
                        reply.input,
                        reply.output
                    ),
                    ("Az\nb", "Az\nb", Some(3), Some(2))
                );
            }
        }
    }

    #[test]
    fn causes_are_told_apart() {
        let kind = |status| {
            answer(status, Answer::whole(br#"{"error":{"message":"no"}}"#))
                .error()
                .map(|error| error.kind.row().exit)
        };
        assert_eq!(
            [401, 404, 400, 429, 502, 503, 504].map(kind),
            [
                Some(4),
                Some(3),
                Some(2),
                Some(9),
                Some(9),
                Some(9),
                Some(9)
            ]
        );
        let error = answer(
            200,
            Reply {
                error: Some("cut".into()),
                ..Reply::default()
            },
        )
        .error();
        assert_eq!(
            error.map(|error| format!("{error:?}")).as_deref(),
            Some("upstream: cut (status 200) (fix: gw logs get req_1)")
        );
    }
}
