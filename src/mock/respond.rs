//! From a request to its reply: which endpoint it is, what its script says, what is answered.

use super::answer::Answer;
use super::ask::{self, Ask, Wire};
use super::fault::Script;
use super::http::{self, Framing, Request};
use super::stream::Frame;
use super::{Shared, anthropic, embeddings, openai};
use serde_json::{Value, json};

/// What is sent back.
#[derive(Debug)]
pub enum Reply {
    Whole {
        status: u16,
        content_type: &'static str,
        extra: Vec<String>,
        body: Vec<u8>,
    },
    Stream {
        extra: Vec<String>,
        frames: Vec<Frame>,
    },
}

/// What a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Chat(Wire),
    Embeddings,
    Models,
    /// The mock's own pages under `/_mock`.
    Own,
    Unknown,
}

impl Endpoint {
    /// By the path's end, so that any prefix (`/v1`, `/openai/deployments/NAME`) will do.
    pub fn of(path: &str) -> Endpoint {
        let path = path.trim_end_matches('/');
        match path {
            _ if path.starts_with("/_mock") => Endpoint::Own,
            _ if path.ends_with("/chat/completions") => Endpoint::Chat(Wire::Openai),
            _ if path.ends_with("/messages") => Endpoint::Chat(Wire::Anthropic),
            _ if path.ends_with("/embeddings") => Endpoint::Embeddings,
            _ if path.ends_with("/models") || path.contains("/models/") => Endpoint::Models,
            _ => Endpoint::Unknown,
        }
    }
    fn wire(self) -> Wire {
        if let Endpoint::Chat(wire) = self {
            wire
        } else {
            Wire::Openai
        }
    }
}

/// The script of a request: the mock's own, then what the model's name and the headers say.
pub fn script(shared: &Shared, request: &Request, model: &str) -> Result<Script, String> {
    let mut script = shared.settings.script.clone();
    script.add_model(model);
    for name in ["x-mock", "x-mock-fault"] {
        if let Some(text) = request.header(name) {
            script.add(text)?;
        }
    }
    if let Some(first) = script.fail_first {
        let failing = script.status.unwrap_or(500);
        let mut counts = shared
            .counts
            .lock()
            .map_err(|_| "the mock's counts are lost".to_owned())?;
        let seen = counts.entry(model.to_owned()).or_default();
        *seen += 1;
        script.status = (*seen <= first).then_some(failing);
        script.fail_first = None;
    }
    Ok(script)
}

/// The `model` of a request: in its body, or as an Azure deployment in its path.
pub fn model(request: &Request) -> String {
    #[derive(serde::Deserialize)]
    struct Peek {
        model: Option<String>,
    }
    let named = serde_json::from_slice::<Peek>(&request.body)
        .ok()
        .and_then(|peek| peek.model);
    let deployed = || {
        Some(
            request
                .path()
                .split_once("/deployments/")?
                .1
                .split('/')
                .next()?
                .to_owned(),
        )
    };
    named.or_else(deployed).unwrap_or_default()
}

/// The reply to a request.
pub fn reply(
    shared: &Shared,
    request: &Request,
    endpoint: Endpoint,
    script: &Script,
    matches: Option<bool>,
) -> Reply {
    let wire = endpoint.wire();
    if endpoint == Endpoint::Own {
        return own(shared, request);
    }
    if let Some(status) = script.status {
        let message = script
            .message
            .clone()
            .unwrap_or_else(|| format!("the mock was asked to answer {status}"));
        let extra = script
            .retry_after
            .iter()
            .map(|value| format!("retry-after: {value}"))
            .collect();
        return refuse(wire, status, &message, None, extra);
    }
    if let Some(target) = &script.redirect {
        return Reply::Whole {
            status: 307,
            content_type: "text/plain",
            extra: vec![format!("location: {target}")],
            body: Vec::new(),
        };
    }
    if script.html {
        let body = b"<!doctype html><title>mock</title><h1>Not an API answer</h1>".to_vec();
        return Reply::Whole {
            status: 200,
            content_type: "text/html",
            extra: Vec::new(),
            body,
        };
    }
    if script.empty {
        return Reply::Whole {
            status: 200,
            content_type: "application/json",
            extra: Vec::new(),
            body: Vec::new(),
        };
    }
    if matches == Some(false) {
        return refuse(
            wire,
            401,
            "Incorrect API key provided to the mock.",
            None,
            Vec::new(),
        );
    }
    match (endpoint, request.method.as_str()) {
        (Endpoint::Chat(_), "POST") => match ask::read(wire, &request.body) {
            Ok(mut ask) => {
                if ask.model.is_empty() {
                    ask.model = model(request);
                }
                if ask.model.is_empty() {
                    return refuse(
                        wire,
                        400,
                        "model: field required",
                        Some("model"),
                        Vec::new(),
                    );
                }
                chat(&ask, script)
            }
            Err((message, param)) => refuse(wire, 400, &message, Some(param), Vec::new()),
        },
        (Endpoint::Embeddings, "POST") => {
            match embeddings::answer(&serde_json::from_slice(&request.body).unwrap_or_default()) {
                Ok(body) => whole(200, &body, Vec::new()),
                Err((message, param)) => refuse(wire, 400, &message, Some(param), Vec::new()),
            }
        }
        (Endpoint::Models, "GET") => models(shared, request),
        (Endpoint::Unknown, _) => refuse(
            wire,
            404,
            "the mock does not know this path",
            None,
            Vec::new(),
        ),
        _ => refuse(
            wire,
            405,
            "the mock does not know this method here",
            None,
            Vec::new(),
        ),
    }
}

fn chat(ask: &Ask, script: &Script) -> Reply {
    let answer = Answer::new(ask, script);
    let extra = vec![
        if ask.wire == Wire::Openai {
            "x-request-id: req_mock"
        } else {
            "request-id: req_mock"
        }
        .to_owned(),
    ];
    if ask.stream {
        let frames = match ask.wire {
            Wire::Openai => openai::frames(ask, &answer, script),
            Wire::Anthropic => anthropic::frames(ask, &answer, script),
        };
        return Reply::Stream {
            extra,
            frames: faulty(frames, ask.wire, script),
        };
    }
    let body = match ask.wire {
        Wire::Openai => openai::whole(ask, &answer, script),
        Wire::Anthropic => anthropic::whole(ask, &answer, script),
    };
    match (script.error_after, script.malformed_after) {
        (Some(_), _) => refuse(ask.wire, 500, "the mock was asked to fail", None, extra),
        (None, Some(_)) => {
            let mut body = body.to_string().into_bytes();
            body.truncate(body.len() / 2);
            Reply::Whole {
                status: 200,
                content_type: "application/json",
                extra,
                body,
            }
        }
        (None, None) => whole(200, &body, extra),
    }
}

/// Puts the frames in that a script asks for, and cuts off what would follow an error.
fn faulty(frames: Vec<Frame>, wire: Wire, script: &Script) -> Vec<Frame> {
    let mut out = Vec::with_capacity(frames.len() + 2);
    let mut content = 0;
    let insert = |out: &mut Vec<Frame>, content: usize| {
        if script.malformed_after == Some(content) {
            out.push(Frame::data(&"{\"this is\": not JSON", false));
        }
        if script.long_line.is_some() && content == 1 {
            out.push(Frame::data(
                &"x".repeat(script.long_line.unwrap_or_default()),
                false,
            ));
        }
        if script.error_after == Some(content) {
            let message = script
                .message
                .as_deref()
                .unwrap_or("the mock was asked to fail in its stream");
            out.push(match wire {
                Wire::Openai => Frame::data(&openai::error(500, message, None), false),
                Wire::Anthropic => Frame::named(&anthropic::error(529, message), false),
            });
            return true;
        }
        false
    };
    let mut over = insert(&mut out, 0);
    for frame in frames {
        if over {
            break;
        }
        let counts = frame.content;
        out.push(frame);
        if counts {
            content += 1;
            over = insert(&mut out, content);
        }
    }
    if script.crlf {
        out.into_iter().map(Frame::crlf).collect()
    } else {
        out
    }
}

fn models(shared: &Shared, request: &Request) -> Reply {
    let anthropic = request.header("anthropic-version").is_some();
    let row = |id: &String| match anthropic {
        true => {
            json!({"type": "model", "id": id, "display_name": format!("gw mock: {id}"), "created_at": "2026-01-01T00:00:00Z"})
        }
        false => {
            json!({"id": id, "object": "model", "created": 1_760_000_000, "owned_by": "gw-mock"})
        }
    };
    let known = &shared.settings.models;
    if let Some((_, id)) = request.path().split_once("/models/") {
        return match known.iter().find(|model| *model == id) {
            Some(model) => whole(200, &row(model), Vec::new()),
            None => refuse(
                if anthropic {
                    Wire::Anthropic
                } else {
                    Wire::Openai
                },
                404,
                "the mock has no such model",
                Some("model"),
                Vec::new(),
            ),
        };
    }
    let data: Vec<Value> = known.iter().map(row).collect();
    let list = match anthropic {
        true => {
            json!({"data": data, "has_more": false, "first_id": known.first(), "last_id": known.last()})
        }
        false => json!({"object": "list", "data": data}),
    };
    whole(200, &list, Vec::new())
}

/// `/_mock`: what was seen, and forgetting it.
fn own(shared: &Shared, request: &Request) -> Reply {
    let rows = shared.journal.all();
    match (request.method.as_str(), request.path()) {
        ("GET", "/_mock/requests") => whole(200, &json!(rows), Vec::new()),
        ("GET", "/_mock/closed") => {
            let closed: Vec<_> = rows
                .iter()
                .filter(|row| row.outcome == super::Outcome::ClientClosed)
                .collect();
            whole(200, &json!(closed), Vec::new())
        }
        ("GET", "/_mock" | "/_mock/health") => whole(200, &json!({"mock": "gw"}), Vec::new()),
        ("DELETE", _) => {
            shared.forget();
            whole(200, &json!({}), Vec::new())
        }
        _ => refuse(
            Wire::Openai,
            404,
            "the mock has /_mock/requests, /_mock/closed and /_mock/health",
            None,
            Vec::new(),
        ),
    }
}

/// An error in the caller's format.
pub fn refuse(
    wire: Wire,
    status: u16,
    message: &str,
    param: Option<&str>,
    extra: Vec<String>,
) -> Reply {
    let body = match wire {
        Wire::Openai => openai::error(status, message, param),
        Wire::Anthropic => anthropic::error(status, message),
    };
    whole(status, &body, extra)
}

fn whole(status: u16, body: &Value, extra: Vec<String>) -> Reply {
    Reply::Whole {
        status,
        content_type: "application/json",
        extra,
        body: body.to_string().into_bytes(),
    }
}

/// Ready-made answers for measurements: head and body of a fixed size, one for each format.
pub struct Plain {
    openai: Vec<u8>,
    anthropic: Vec<u8>,
}

impl Plain {
    /// Bodies of `bytes`, or as small as they can be.
    pub fn new(bytes: usize) -> Plain {
        let build = |wire: Wire| {
            let body = |text: usize| {
                let text = format!("{} {}", super::GREETING, "x".repeat(text));
                match wire {
                    Wire::Openai => json!({"id": "chatcmpl-mock", "object": "chat.completion", "created": 1_760_000_000, "model": "mock",
                        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
                        "usage": {"prompt_tokens": 20, "completion_tokens": 200, "total_tokens": 220}, "system_fingerprint": "gw-mock"}),
                    Wire::Anthropic => json!({"id": "msg_mock", "type": "message", "role": "assistant", "model": "mock",
                        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
                        "usage": {"input_tokens": 20, "output_tokens": 200}}),
                }
                .to_string()
            };
            let body = body(bytes.saturating_sub(body(0).len()));
            let mut answer = http::head(
                200,
                "application/json",
                Framing::Length(body.len()),
                true,
                &[],
            );
            answer.extend_from_slice(body.as_bytes());
            answer
        };
        Plain {
            openai: build(Wire::Openai),
            anthropic: build(Wire::Anthropic),
        }
    }

    /// The fixed answer, where a request is plain enough for it.
    pub fn answer(&self, request: &Request) -> Option<&[u8]> {
        let asks = |needle: &str| memchr::memmem::find(&request.body, needle.as_bytes()).is_some();
        if !request.keep_alive
            || request.method != "POST"
            || asks("\"stream\":true")
            || asks("\"stream\": true")
            || request.header("x-mock").is_some()
        {
            return None;
        }
        match Endpoint::of(request.path()) {
            Endpoint::Chat(Wire::Openai) => Some(&self.openai),
            Endpoint::Chat(Wire::Anthropic) => Some(&self.anthropic),
            _ => None,
        }
    }
}
