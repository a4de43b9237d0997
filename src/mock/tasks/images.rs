//! Pictures. <https://platform.openai.com/docs/api-reference/images>

use super::{bytes, needed, wanted};
use crate::mock::ask::{Ask, Refusal, Wire};
use crate::mock::form::{self, Field};
use crate::mock::openai::CREATED;
use crate::mock::reply::{Reply, id};
use crate::mock::script::Script;
use crate::mock::spoil;
use crate::mock::stream::{Frame, Style};
use base64::Engine as _;
use serde_json::{Value, json};

/// A red dot.
const DOT: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// What is to be made.
struct Order<'a> {
    /// How its events begin.
    kind: &'static str,
    model: &'a str,
    prompt: String,
    count: u64,
    partial: u64,
    stream: bool,
    /// To be fetched instead of coming with the answer.
    linked: bool,
}

/// Pictures of a prompt.
pub fn made(body: &Value, script: &Script) -> Result<Reply, Refusal> {
    let model = body["model"].as_str().unwrap_or("dall-e-2");
    let order = Order {
        kind: "image_generation",
        model,
        prompt: needed(body, "prompt")?.to_owned(),
        count: body["n"].as_u64().unwrap_or(1),
        partial: body["partial_images"].as_u64().unwrap_or(0),
        stream: body["stream"] == Value::Bool(true),
        linked: model.starts_with("dall-e") && body["response_format"] != "b64_json",
    };
    reply(order, script)
}

/// Pictures of pictures.
pub fn edited(path: &str, fields: &[Field<'_>], script: &Script) -> Result<Reply, Refusal> {
    if form::file(fields, "image").is_none() {
        return Err(Refusal::new(
            "Missing required parameter: 'image'.",
            "image",
        ));
    }
    let pictures = fields.iter().filter(|field| field.file.is_some());
    let prompt = match path.ends_with("/variations") {
        true => "the same",
        false => wanted(fields, "prompt")?,
    };
    let number = |name| form::text(fields, name).and_then(|text| text.parse().ok());
    let model = form::text(fields, "model").unwrap_or("dall-e-2");
    let order = Order {
        kind: "image_edit",
        model,
        prompt: format!("{prompt} (of {})", pictures.count()),
        count: number("n").unwrap_or(1),
        partial: number("partial_images").unwrap_or(0),
        stream: form::text(fields, "stream") == Some("true"),
        linked: model.starts_with("dall-e")
            && form::text(fields, "response_format") != Some("b64_json"),
    };
    reply(order, script)
}

fn reply(order: Order<'_>, script: &Script) -> Result<Reply, Refusal> {
    let engine = base64::engine::general_purpose::STANDARD;
    let dot = engine.decode(DOT).unwrap_or_default();
    let data = match script.bytes {
        Some(_) => engine.encode(bytes(&dot, 0, script)),
        None => DOT.to_owned(),
    };
    let text = order.prompt.len().div_ceil(4) as u64;
    let usage = json!({"input_tokens": text, "output_tokens": 272 * order.count, "total_tokens": text + 272 * order.count,
        "input_tokens_details": {"text_tokens": text, "image_tokens": 0}});
    let looks = json!({"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"});
    let with = |mut value: Value| {
        for (name, look) in looks.as_object().into_iter().flatten() {
            value[name] = look.clone();
        }
        value
    };
    let extra = vec![id(Wire::Openai).to_owned()];
    let ask = Ask::default();
    if order.stream {
        let mut frames = Vec::new();
        for at in 0..order.partial {
            let kind = format!("{}.partial_image", order.kind);
            let event = json!({"type": kind, "b64_json": data, "created_at": CREATED, "partial_image_index": at});
            frames.push(Frame::named(&with(event), true));
        }
        let kind = format!("{}.completed", order.kind);
        let event = json!({"type": kind, "b64_json": data, "created_at": CREATED, "usage": usage});
        frames.push(Frame::named(&with(event), true));
        let style = Style::Events(script.sse);
        let frames = spoil::frames(frames, style, &ask, script);
        return Ok(Reply::Stream {
            extra,
            style,
            frames,
        });
    }
    let revised = format!("A mock's picture, by {}: {}", order.model, order.prompt);
    let picture = match order.linked {
        true => json!({"url": "https://example.com/mock.png", "revised_prompt": revised}),
        false => json!({"b64_json": data, "revised_prompt": revised}),
    };
    let pictures = vec![picture; order.count.min(10) as usize];
    let mut body = json!({"created": CREATED, "data": pictures});
    if !order.linked {
        body = with(body);
        body["usage"] = usage;
    }
    Ok(spoil::answer(&ask, Wire::Openai, body, script, extra))
}
