//! From a request to its reply: what its script says, what is answered.

use super::answer::Answer;
use super::ask::{Ask, Refusal, Wire};
use super::endpoint::{self, Endpoint};
use super::fault::Script;
use super::http::Request;
use super::reply::{Reply, error, refuse, refused, whole};
use super::stream::{Frame, Style};
use super::{
    Shared, anthropic, embeddings, gemini, messages, models, openai, pairing, responses, seals,
};
use serde_json::{Value, json};

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

/// The `model` of a request: in its body, or in its path, as Gemini and Azure's deployments have it.
pub fn model(request: &Request) -> String {
    #[derive(serde::Deserialize)]
    struct Peek {
        model: Option<String>,
    }
    let path = request.path();
    if let Some((model, _)) = endpoint::gemini(path) {
        return model.to_owned();
    }
    let named = serde_json::from_slice::<Peek>(&request.body)
        .ok()
        .and_then(|peek| peek.model);
    let deployed = || {
        Some(
            path.split_once("/deployments/")?
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
    endpoint: Endpoint<'_>,
    script: &Script,
    matches: Option<bool>,
) -> Reply {
    let reply = made(shared, request, endpoint, script, matches);
    match reply {
        // Where Gemini streams an array, an error is its only element.
        Reply::Whole {
            status: status @ 400..,
            content_type,
            extra,
            body,
        } if endpoint == Endpoint::GeminiStream
            && style(endpoint, request, script) == Style::Array =>
        {
            Reply::Whole {
                status,
                content_type,
                extra,
                body: [b"[".as_slice(), &body, b"]"].concat(),
            }
        }
        reply => reply,
    }
}

fn made(
    shared: &Shared,
    request: &Request,
    endpoint: Endpoint<'_>,
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
        let code = script.code.as_deref();
        return whole(status, &error(wire, status, &message, None, code), extra);
    }
    let bare = |status, content_type, body: &str, extra: Vec<String>| Reply::Whole {
        status,
        content_type,
        extra,
        body: body.as_bytes().to_vec(),
    };
    if let Some(target) = &script.redirect {
        return bare(307, "text/plain", "", vec![format!("location: {target}")]);
    }
    if script.html {
        let page = "<!doctype html><title>mock</title><h1>Not an API answer</h1>";
        return bare(200, "text/html", page, Vec::new());
    }
    if script.empty {
        return bare(200, "application/json", "", Vec::new());
    }
    if matches == Some(false) {
        let message = "Incorrect API key provided to the mock.";
        return refuse(wire, 401, message, None, Vec::new());
    }
    let method = request.method.as_str();
    if let (Endpoint::Kept(id, what), _) = (endpoint, method) {
        return responses::kept(shared, id, what, method);
    }
    if (endpoint, method) == (Endpoint::Models, "GET") {
        return models::answer(shared, request);
    }
    if endpoint == Endpoint::Unknown {
        let message = "the mock does not know this path";
        return refuse(wire, 404, message, None, Vec::new());
    }
    if method != "POST" || endpoint == Endpoint::Models {
        let upgrades = request.header("upgrade").is_some();
        let (status, message) = match upgrades {
            true => (426, "the mock does not speak WebSocket"),
            false => (405, "the mock does not know this method here"),
        };
        return refuse(wire, status, message, None, Vec::new());
    }
    match serde_json::from_slice(&request.body) {
        Ok(body) => posted(shared, request, endpoint, script, &body)
            .unwrap_or_else(|why| refused(wire, &why)),
        Err(error) => refused(
            wire,
            &Refusal::new(format!("the body is not JSON: {error}"), "body"),
        ),
    }
}

/// The reply to a request with a JSON body.
fn posted(
    shared: &Shared,
    request: &Request,
    endpoint: Endpoint<'_>,
    script: &Script,
    body: &Value,
) -> Result<Reply, Refusal> {
    let model = model(request);
    let named = !model.is_empty() || endpoint == Endpoint::Embeddings;
    if !named {
        return Err(Refusal::new("model: field required", "model"));
    }
    pairing::check(endpoint.wire(), body)?;
    if script.check_seals {
        seals::check(endpoint.wire(), body)?;
    }
    let (mut ask, inputs) = match endpoint {
        Endpoint::Embeddings => return Ok(whole(200, &embeddings::answer(body)?, Vec::new())),
        Endpoint::Compact => return responses::compact(shared, body, script),
        Endpoint::Count(Wire::Responses) | Endpoint::Chat(Wire::Responses) => {
            responses::create(&shared.keeper, body)?
        }
        Endpoint::Count(Wire::Gemini) => (gemini::count(&model, body)?, Vec::new()),
        Endpoint::Chat(Wire::Gemini) => (gemini::read(&model, false, body)?, Vec::new()),
        Endpoint::GeminiStream => (gemini::read(&model, true, body)?, Vec::new()),
        Endpoint::Count(wire) => (messages::read(wire, body, true)?, Vec::new()),
        _ => (messages::read(endpoint.wire(), body, false)?, Vec::new()),
    };
    if ask.model.is_empty() {
        ask.model = model;
    }
    let extra = vec![
        if ask.wire == Wire::Anthropic {
            "request-id: req_mock"
        } else {
            "x-request-id: req_mock"
        }
        .to_owned(),
    ];
    if matches!(endpoint, Endpoint::Count(_)) {
        return Ok(whole(200, &counted(&ask), extra));
    }
    let style = style(endpoint, request, script);
    let answer = Answer::new(&ask, script, shared.settings.play.as_ref());
    let finished = finished(&ask, &answer, script);
    if ask.wire == Wire::Responses
        && let Some(queued) = shared.keeper.answered(&ask, inputs, &finished)
    {
        return Ok(whole(200, &queued, extra));
    }
    if ask.stream {
        let frames = faulty(frames(&ask, &answer, script), &ask, script);
        return Ok(Reply::Stream {
            extra,
            style,
            frames,
        });
    }
    Ok(unstreamed(&ask, finished, script, extra))
}

/// The whole answer in its format.
fn finished(ask: &Ask, answer: &Answer, script: &Script) -> Value {
    match ask.wire {
        Wire::Openai => openai::whole(ask, answer, script),
        Wire::Responses => responses::whole(ask, answer, script),
        Wire::Anthropic => anthropic::whole(ask, answer, script),
        Wire::Gemini => gemini::whole(ask, answer, script),
    }
}

fn frames(ask: &Ask, answer: &Answer, script: &Script) -> Vec<Frame> {
    match ask.wire {
        Wire::Openai => openai::frames(ask, answer, script),
        Wire::Responses => responses::frames(ask, answer, script),
        Wire::Anthropic => anthropic::frames(ask, answer, script),
        Wire::Gemini => gemini::chunks(ask, answer, script)
            .iter()
            .map(|(chunk, content)| Frame::data(chunk, *content))
            .collect(),
    }
}

/// How many tokens a request has, in its format.
fn counted(ask: &Ask) -> Value {
    let tokens = ask.prompt_tokens();
    match ask.wire {
        Wire::Gemini => {
            json!({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]})
        }
        Wire::Responses => json!({"object": "response.input_tokens", "input_tokens": tokens}),
        Wire::Openai | Wire::Anthropic => json!({"input_tokens": tokens}),
    }
}

/// How a stream is put on the wire.
fn style(endpoint: Endpoint<'_>, request: &Request, script: &Script) -> Style {
    match endpoint {
        Endpoint::GeminiStream if request.query("alt") != Some("sse") => Style::Array,
        Endpoint::GeminiStream => Style::Events(true),
        _ => Style::Events(script.crlf),
    }
}

/// An answer in one piece, with the faults that such an answer can have.
fn unstreamed(ask: &Ask, body: Value, script: &Script, extra: Vec<String>) -> Reply {
    let message = script.message.as_deref();
    if script.failed_after.is_some() && ask.wire == Wire::Responses {
        let message = message.unwrap_or("the mock was asked to fail");
        return whole(200, &responses::failed(ask, message, code(script)), extra);
    }
    if script.error_after.or(script.failed_after).is_some() {
        let message = message.unwrap_or("the mock was asked to fail");
        return whole(
            500,
            &error(ask.wire, 500, message, None, script.code.as_deref()),
            extra,
        );
    }
    if script.malformed_after.is_none() {
        return whole(200, &body, extra);
    }
    let mut body = body.to_string().into_bytes();
    body.truncate(body.len() / 2);
    Reply::Whole {
        status: 200,
        content_type: "application/json",
        extra,
        body,
    }
}

/// Puts the frames in that a script asks for, and cuts off what would follow an error.
fn faulty(frames: Vec<Frame>, ask: &Ask, script: &Script) -> Vec<Frame> {
    let mut out = Vec::with_capacity(frames.len() + 2);
    let (mut content, mut sent) = (0, 0);
    let insert = |out: &mut Vec<Frame>, content: usize, sent: usize| {
        if script.malformed_after == Some(content) {
            out.push(Frame::data(&"{\"this is\": not JSON", false));
        }
        if script.long_line.is_some() && content == 1 {
            out.push(Frame::data(
                &"x".repeat(script.long_line.unwrap_or_default()),
                false,
            ));
        }
        if let Some(frame) = failure(ask, script, content, sent) {
            out.push(frame);
            return true;
        }
        false
    };
    let mut over = insert(&mut out, 0, 0);
    for mut frame in frames {
        if over {
            break;
        }
        frame.comment = script.comments;
        let counts = frame.content;
        out.push(frame);
        sent += 1;
        if counts {
            content += 1;
            over = insert(&mut out, content, sent);
        }
    }
    out
}

/// The event that ends a stream as failed, where that is due after `content` events, `sent` in all.
fn failure(ask: &Ask, script: &Script, content: usize, sent: usize) -> Option<Frame> {
    let failed = script.failed_after == Some(content);
    if !failed && script.error_after != Some(content) {
        return None;
    }
    let message = script
        .message
        .as_deref()
        .unwrap_or("the mock was asked to fail in its stream");
    Some(match ask.wire {
        Wire::Openai => Frame::data(
            &openai::error(500, message, None, script.code.as_deref()),
            false,
        ),
        Wire::Responses if failed => responses::failed_event(ask, message, code(script), sent),
        Wire::Responses => responses::error_event(message, code(script), sent),
        Wire::Anthropic => Frame::named(&anthropic::error(529, message), false),
        Wire::Gemini => Frame::data(&gemini::error(503, message), false),
    })
}

fn code(script: &Script) -> &str {
    script.code.as_deref().unwrap_or("server_error")
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
