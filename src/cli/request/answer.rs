//! What came back, as facts that expectations can look into.

use crate::cli::{logs, print::clean};
use crate::error::{Error, Kind};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// One answer.
pub(crate) struct Answer {
    /// What is known of it, as JSON shows it: an amount is text here.
    pub facts: Value,
    /// How the targets tried did, from the gateway's log where it can be asked.
    pub attempts: Vec<Value>,
    /// The command that helps where the gateway refused.
    pub advice: Option<String>,
}

/// An answer's content: the body, or what a stream adds up to.
#[derive(Default)]
pub(super) struct Reply {
    text: String,
    input: Option<u64>,
    output: Option<u64>,
    /// `{message, type, code}` where it went wrong.
    error: Option<Value>,
    body: Value,
    /// A stream has said that it is over.
    ended: bool,
}

impl Answer {
    pub(super) fn new(
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
        // A status that says failure is one, whatever the body looks like.
        let error = match reply.error {
            None if !(200..300).contains(&status) => Some(
                json!({"message": format!("the answer has status {status}"), "type": null, "code": null}),
            ),
            error => error,
        };
        let facts = json!({
            "status": status,
            "text": reply.text,
            "usage": {"input": reply.input, "output": reply.output, "out": reply.output},
            "route": {
                "name": text("x-gw-route"), "provider": text("x-gw-provider"), "model": text("x-gw-model"),
                "attempts": text("x-gw-attempts").and_then(|count| count.parse::<u64>().ok()),
            },
            "latency_ms": millis(latency),
            "ttft_ms": first.map(millis),
            "cost": text("x-gw-cost"),
            "request_id": text("x-gw-request-id"),
            "origin": text("x-gw-origin"),
            "error": error,
            "headers": all,
            "body": reply.body,
        });
        Answer {
            facts,
            attempts: Vec::new(),
            advice: None,
        }
    }

    /// An answer that is not a stream. `broken`: why it stopped coming.
    pub(super) fn whole(raw: &[u8], broken: Option<String>) -> Reply {
        let Ok(body) = serde_json::from_slice::<Value>(raw) else {
            let body = String::from_utf8_lossy(raw);
            let begin: String = body.chars().take(200).collect();
            return Reply {
                error: Some(problem(match (broken, begin.trim()) {
                    (Some(broken), _) => broken,
                    (None, "") => "the answer is empty".into(),
                    (None, begin) => format!("the answer is not JSON: {begin}"),
                })),
                body: json!(body),
                ..Reply::default()
            };
        };
        let mut reply = Reply {
            text: text_of(&body),
            error: error_of(&body).or(broken.map(problem)),
            ..Reply::default()
        };
        reply.count(&body);
        reply.body = body;
        reply
    }

    /// What expectations look into: the facts, with the amount as a number.
    pub fn values(&self) -> Map<String, Value> {
        let mut values = match &self.facts {
            Value::Object(facts) => facts.clone(),
            _ => Map::new(),
        };
        let cost = self.field("/cost").and_then(Value::as_str);
        let cost = cost.and_then(|text| text.parse::<f64>().ok());
        values.insert("cost".into(), json!(cost));
        values
    }

    fn field(&self, path: &str) -> Option<&Value> {
        self.facts.pointer(path).filter(|value| !value.is_null())
    }

    fn status(&self) -> u64 {
        self.field("/status").and_then(Value::as_u64).unwrap_or(0)
    }

    /// Whether the status says success.
    pub fn good_status(&self) -> bool {
        (200..300).contains(&self.status())
    }

    pub fn succeeded(&self) -> bool {
        self.good_status() && self.field("/error").is_none()
    }

    pub fn request_id(&self) -> Option<&str> {
        self.field("/request_id").and_then(Value::as_str)
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
        // As it came: a program reads it, and a terminal gets nothing that steers it anyway.
        format!("{text}{body}").trim_end_matches('\n').to_owned()
    }

    /// The error an unsuccessful answer is: the gateway's own refusals by their status, whatever the
    /// upstream refused it for as [`Kind::Upstream`], unless the request itself is wrong.
    pub fn error(&self) -> Option<Error> {
        if self.succeeded() {
            return None;
        }
        let status = self.status();
        let text = |path: &str| {
            self.field(path)
                .and_then(Value::as_str)
                .map(clean)
                .filter(|text| !text.is_empty())
        };
        let upstream = text("/origin").as_deref() == Some("provider");
        let kind = match status {
            400 | 422 => Kind::Invalid,
            413 => Kind::TooLarge,
            429 => Kind::RateLimited,
            401 | 403 | 404 | 409 if !upstream => {
                Kind::from_status(u16::try_from(status).unwrap_or(400))
            }
            _ => Kind::Upstream,
        };
        let message = match self.told() {
            Some((message, _)) => clean(message),
            None => format!("the answer has status {status}"),
        };
        let mut message = format!("{message} (status {status})");
        if let Some(target) = self.target() {
            message.push_str(&format!("\n  from {target}"));
        }
        if !self.attempts.is_empty() {
            for line in logs::tries(&self.attempts).lines() {
                message.push_str(&format!("\n  {line}"));
            }
        }
        Some(Error::new(kind, message).hint(self.look_up()))
    }

    /// The error's message and, in a refusal of the gateway's own, what it says to do next.
    fn told(&self) -> Option<(&str, Option<&str>)> {
        let message = self.field("/error/message").and_then(Value::as_str)?;
        let message = Some(message).filter(|message| !message.is_empty())?;
        let own = self.field("/origin").and_then(Value::as_str) == Some("gateway");
        let hinted = message
            .strip_suffix(')')
            .and_then(|text| text.split_once(" (fix: "));
        Some(match hinted {
            Some((message, fix)) if own => (message, Some(fix)),
            _ => (message, None),
        })
    }

    /// The command that helps: where the gateway refused, as it says; else the one to read on with.
    pub fn look_up(&self) -> String {
        if let Some(advice) = &self.advice {
            return advice.clone();
        }
        match (self.told(), self.request_id()) {
            (Some((_, Some(fix))), _) => clean(fix),
            (_, Some(id)) => format!("gw logs get {}", clean(id)),
            _ => "gw logs".into(),
        }
    }

    /// Where it went: `openai/gpt-4o via route default, 2 attempts`.
    fn target(&self) -> Option<String> {
        let text = |path: &str| {
            self.field(path)
                .map(crate::cli::print::text)
                .map(|text| clean(&text))
        };
        let provider = text("/route/provider")?;
        let mut line = match text("/route/model") {
            Some(model) => format!("{provider}/{model}"),
            None => provider,
        };
        line.push_str(&match text("/route/name") {
            Some(name) => format!(" via route {name}"),
            None => " via no route".into(),
        });
        if let Some(count) = text("/route/attempts") {
            let plural = if count == "1" { "" } else { "s" };
            line.push_str(&format!(", {count} attempt{plural}"));
        }
        Some(line)
    }

    /// One line: where it went and what it took.
    pub fn explain(&self) -> String {
        let text = |path: &str| {
            self.field(path)
                .map(crate::cli::print::text)
                .map(|text| clean(&text))
        };
        let mut line = format!("· {}", self.target().unwrap_or_else(|| "no target".into()));
        if let (Some(input), Some(output)) = (text("/usage/input"), text("/usage/output")) {
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

/// The text of an answer as the log has it, whole or a stream; the answer itself where none is found.
pub(crate) fn text_in(body: &str) -> String {
    let events = ["data:", "event:", ":"]
        .iter()
        .any(|start| body.starts_with(start));
    let reply = match events {
        true => {
            let mut fold = Fold::default();
            fold.push(body.as_bytes());
            fold.push(b"\n");
            fold.end(None, false)
        }
        false => Answer::whole(body.as_bytes(), None),
    };
    match (reply.text.is_empty(), reply.error) {
        (false, _) => reply.text,
        (true, Some(error)) if !events => {
            let message = error.get("message").and_then(Value::as_str);
            format!("error: {}", message.unwrap_or_default())
        }
        _ => body.to_owned(),
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

/// The error an answer or event holds: OpenAI's and Anthropic's have it at the same place.
fn error_of(body: &Value) -> Option<Value> {
    let error = body.get("error").filter(|error| !error.is_null())?;
    let message = error
        .get("message")
        .and_then(Value::as_str)
        .map_or_else(|| error.to_string(), String::from);
    let text = |name: &str| error.get(name).filter(|value| value.is_string());
    Some(json!({"message": message, "type": text("type"), "code": text("code")}))
}

/// An error of the answer's form rather than one it tells of.
fn problem(message: String) -> Value {
    json!({"message": message, "type": null, "code": null})
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
            self.reply.ended |= data == Some("[DONE]");
            let Some(event) = data.and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
                continue;
            };
            self.reply.count(&event);
            self.reply.ended |= event.get("type").and_then(Value::as_str) == Some("message_stop");
            self.reply.error = self.reply.error.take().or_else(|| error_of(&event));
            let text = ["/choices/0/delta/content", "/delta/text", "/delta"]
                .iter()
                .find_map(|path| event.pointer(path)?.as_str());
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                self.reply.text.push_str(text);
                pieces.push(text.to_owned());
            }
            self.events.push(event);
        }
        pieces
    }

    /// What it adds up to. `broken`: why it stopped coming; `marked`: its format says when it is over.
    pub fn end(mut self, broken: Option<String>, marked: bool) -> Reply {
        self.reply.body = json!({ "events": self.events });
        let broken = broken.or_else(|| {
            (marked && !self.reply.ended).then(|| "the stream ended without its last event".into())
        });
        self.reply.error = self.reply.error.or(broken.map(problem));
        self.reply
    }
}

#[cfg(test)]
impl Answer {
    /// One with an error, whose every fact is there.
    pub fn sample() -> Answer {
        let reply = Answer::whole(br#"{"error":{"message":"no"}}"#, None);
        Answer::new(500, &http::HeaderMap::new(), reply, Duration::ZERO, None)
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
        let openai = Answer::whole(br#"{"choices":[{"message":{"content":"Azure"}}],"usage":{"prompt_tokens":22,"completion_tokens":2}}"#, None);
        let anthropic = Answer::whole(br#"{"content":[{"type":"text","text":"Azure"}],"usage":{"input_tokens":22,"output_tokens":2}}"#, None);
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
                let reply = fold.end(None, false);
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
            answer(
                status,
                Answer::whole(br#"{"error":{"message":"no"}}"#, None),
            )
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
                error: Some(problem("cut".into())),
                ..Reply::default()
            },
        )
        .error();
        assert_eq!(
            error.map(|error| format!("{error:?}")).as_deref(),
            Some(
                "upstream: cut (status 200)\n  from openai/gpt-4o via route default, 1 attempt (fix: gw logs get req_1)"
            )
        );
    }
}
