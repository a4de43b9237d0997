//! From a request to its reply: what its script says, what is answered.

use super::answer::Answer;
use super::ask::{Ask, Refusal, Wire};
use super::endpoint::{self, Endpoint};
use super::host::Host;
use super::http::Request;
use super::reply::{self, Reply, failed, refuse, refused, whole};
use super::script::{Script, Spelling, When, value::Lines};
use super::stream::{Frame, Style};
use super::{
    Shared, anthropic, azure, cohere, converse, form, gemini, invoke, limits, messages, models,
    openai, pairing, responses, seals, shelf, spoil, tasks,
};
use serde_json::{Value, json};

/// The script of a request: the mock's own, then what the model's name and the headers say.
pub fn script(shared: &Shared, request: &Request, model: &str) -> Result<Script, String> {
    let scripts = shared.scripts.load();
    let mut script = scripts.of.get(model).unwrap_or(&scripts.all).clone();
    script.add_model(model);
    headers(&mut script, request)?;
    Ok(match script.when == When::default() {
        true => script,
        false => shared.next(script, model),
    })
}

/// Adds what a request's headers say.
fn headers(script: &mut Script, request: &Request) -> Result<(), String> {
    for name in ["x-mock", "x-mock-fault"] {
        if let Some(text) = request.header(name) {
            script.add(text)?;
        }
    }
    Ok(())
}

/// What is known of a request's script when only its head is there.
pub fn at_head(shared: &Shared, head: &Request) -> Script {
    let mut script = shared.scripts.load().all.clone();
    // What is wrong with them is told when the request is whole.
    let _ = headers(&mut script, head);
    script
}

/// The `model` of a request: in its path, as clouds have it, in its body or in its form.
pub fn model(request: &Request) -> String {
    #[derive(serde::Deserialize)]
    struct Peek {
        model: Option<String>,
    }
    let named = || {
        let peek = serde_json::from_slice::<Peek>(&request.body).ok()?;
        peek.model
    };
    let filled = || {
        let fields = form::read(request)?;
        form::text(&fields, "model").map(str::to_owned)
    };
    let inside = || named().or_else(filled);
    endpoint::model(request.path())
        .or_else(inside)
        .unwrap_or_default()
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
        } if endpoint == Endpoint::Stream(Wire::Gemini)
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
    let host = Host::of(request.path());
    let wire = host.errors(endpoint.wire());
    if let Some(status) = script.status.or(script.early) {
        let message = script
            .message
            .clone()
            .unwrap_or_else(|| format!("the mock was asked to answer {status}"));
        let code = script.code.as_deref();
        return failed(
            wire,
            status,
            &message,
            None,
            code,
            limits::headers(wire, script),
        );
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
    if let Some(body) = &script.body {
        return bare(200, "application/json", body, Vec::new());
    }
    if let Err(why) = host.addressed(request).and_then(|()| host.signed(request)) {
        return refused(wire, &why);
    }
    if matches == Some(false) {
        let message = "Incorrect API key provided to the mock.";
        // Amazon tells a credential that it does not know from one that is not there by their names alone.
        return match host {
            Host::Bedrock => {
                let kind = Some("UnrecognizedClientException");
                failed(wire, 403, message, None, kind, Vec::new())
            }
            _ => refuse(wire, 401, message, None, Vec::new()),
        };
    }
    let method = request.method.as_str();
    if let (Endpoint::Kept(id, what), _) = (endpoint, method) {
        return responses::kept(shared, id, what, method);
    }
    let beside = match endpoint {
        Endpoint::Files(rest) => Some(shelf::files(&shared.shelf, request, rest)),
        Endpoint::Batches(rest) => {
            let answer = |inner: &Request| line(shared, inner);
            Some(shelf::batches(&shared.shelf, request, rest, &answer))
        }
        Endpoint::Task(task) if method == "POST" => {
            Some(tasks::answer(shared, request, task, script))
        }
        _ => None,
    };
    if let Some(reply) = beside {
        return reply.unwrap_or_else(|why| refused(wire, &why));
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
        Ok(body) => posted(shared, request, (host, endpoint), script, &body)
            .unwrap_or_else(|why| refused(wire, &why)),
        Err(error) => refused(
            wire,
            &Refusal::new(format!("the body is not JSON: {error}"), "body"),
        ),
    }
}

/// The status and body that answer one line of a batch; `None`: there can be none.
fn line(shared: &Shared, inner: &Request) -> Option<(u16, Vec<u8>)> {
    let endpoint = Endpoint::of(inner.path());
    // A batch of batches would never end.
    if matches!(endpoint, Endpoint::Batches(_) | Endpoint::Own) {
        return None;
    }
    let script = script(shared, inner, &model(inner)).unwrap_or_default();
    match reply(shared, inner, endpoint, &script, None) {
        Reply::Whole { status, body, .. } => Some((status, body)),
        Reply::Stream { .. } => None,
    }
}

/// The reply to a request with a JSON body.
fn posted(
    shared: &Shared,
    request: &Request,
    (host, endpoint): (Host, Endpoint<'_>),
    script: &Script,
    body: &Value,
) -> Result<Reply, Refusal> {
    let model = model(request);
    if model.is_empty() {
        return Err(Refusal::new("model: field required", "model"));
    }
    host.formed(endpoint, body)?;
    pairing::check(endpoint.wire(), body)?;
    if script.check_seals {
        seals::check(endpoint.wire(), body)?;
    }
    let (mut ask, inputs) = match endpoint {
        Endpoint::Compact => return responses::compact(shared, body, script),
        Endpoint::Count(Wire::Responses) | Endpoint::Chat(Wire::Responses) => {
            responses::create(&shared.keeper, body)?
        }
        Endpoint::Count(Wire::Gemini) => (gemini::count(&model, body)?, Vec::new()),
        Endpoint::Chat(Wire::Gemini) => (gemini::read(&model, false, body)?, Vec::new()),
        Endpoint::Stream(Wire::Gemini) => (gemini::read(&model, true, body)?, Vec::new()),
        Endpoint::Chat(Wire::Converse) => (converse::read(body)?, Vec::new()),
        Endpoint::Stream(Wire::Converse) => (converse::read(body)?, Vec::new()),
        Endpoint::Count(Wire::Converse) => (converse::count(body)?, Vec::new()),
        Endpoint::Chat(Wire::Cohere) => (cohere::read(body)?, Vec::new()),
        Endpoint::Count(wire) => (messages::read(wire, body, true)?, Vec::new()),
        _ => (messages::read(endpoint.wire(), body, false)?, Vec::new()),
    };
    if ask.model.is_empty() {
        ask.model = model;
    }
    ask.stream |= matches!(endpoint, Endpoint::Stream(_));
    let errors = host.errors(ask.wire);
    let mut extra = vec![reply::id(errors).to_owned()];
    if matches!(endpoint, Endpoint::Count(_)) {
        return Ok(whole(200, &counted(&ask), extra));
    }
    let style = style(endpoint, request, script);
    let invoked = host == Host::Bedrock && ask.wire == Wire::Anthropic;
    let answer = Answer::new(&ask, script, shared.settings.play.as_ref());
    let filtered = host == Host::Azure && ask.wire == Wire::Openai;
    let mut finished = finished(&ask, &answer, script);
    if filtered {
        finished = azure::whole(finished);
    }
    if ask.wire == Wire::Responses
        && let Some(queued) = shared.keeper.answered(&ask, inputs, &finished)
    {
        return Ok(whole(200, &queued, extra));
    }
    if ask.stream {
        let mut frames = frames(&ask, &answer, script);
        if invoked {
            frames = invoke::chunks(frames, &answer.usage);
            extra.push("x-amzn-bedrock-content-type: application/json".to_owned());
        }
        if filtered {
            frames.insert(0, azure::first());
        }
        let frames = spoil::frames(frames, style, &ask, script);
        return Ok(Reply::Stream {
            extra,
            style,
            frames,
        });
    }
    if invoked {
        extra.extend(invoke::counts(&answer.usage));
    }
    Ok(spoil::answer(&ask, errors, finished, script, extra))
}

/// The whole answer in its format.
fn finished(ask: &Ask, answer: &Answer, script: &Script) -> Value {
    match ask.wire {
        Wire::Openai => openai::whole(ask, answer, script),
        Wire::Responses => responses::whole(ask, answer, script),
        Wire::Anthropic => anthropic::whole(ask, answer, script),
        Wire::Gemini => gemini::whole(ask, answer, script),
        Wire::Converse => converse::whole(answer, script),
        Wire::Cohere => cohere::whole(ask, answer, script),
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
        Wire::Converse => converse::frames(answer, script),
        Wire::Cohere => cohere::frames(ask, answer, script),
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
        Wire::Openai | Wire::Anthropic | Wire::Cohere => json!({"input_tokens": tokens}),
        Wire::Converse => json!({"inputTokens": tokens}),
    }
}

/// How a stream is put on the wire.
fn style(endpoint: Endpoint<'_>, request: &Request, script: &Script) -> Style {
    match endpoint {
        Endpoint::Stream(Wire::Gemini) if request.query("alt") != Some("sse") => Style::Array,
        // Google's own end their lines so.
        Endpoint::Stream(Wire::Gemini) if script.sse.lines == Lines::Lf => {
            Style::Events(Spelling {
                lines: Lines::CrLf,
                ..script.sse
            })
        }
        Endpoint::Stream(Wire::Converse) => Style::Binary("contentBlockDelta"),
        _ if Host::of(request.path()) == Host::Bedrock => Style::Binary("chunk"),
        _ => Style::Events(script.sse),
    }
}

/// `/_mock`: what was seen, forgetting it, and another script. `near`: the caller is on this machine.
pub fn own(shared: &Shared, request: &Request, near: bool) -> Reply {
    let rows = shared.journal.all();
    let refused = |status, why: &str| refuse(Wire::Openai, status, why, None, Vec::new());
    match (request.method.as_str(), request.path()) {
        ("POST", "/_mock/script") if !near => {
            refused(403, "scripts are taken from this machine alone")
        }
        ("POST", "/_mock/script") => {
            let items = String::from_utf8_lossy(&request.body);
            match shared.say(&items, request.query("model")) {
                Ok(()) => whole(200, &json!({"script": items}), Vec::new()),
                Err(why) => refused(400, &why),
            }
        }
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
        _ => refused(
            404,
            "the mock has /_mock/requests, /_mock/closed, /_mock/health and POST /_mock/script",
        ),
    }
}
