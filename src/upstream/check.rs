//! What would become of a request on its way to a model, with nothing sent: as which format it is taken, what is changed,
//! left out or refused. The same steps as serving takes, over a provider that is never called.

use super::{Conversion, Timers, Upstream};
use crate::catalog;
use crate::error::{Error, Result};
use crate::formats::hosting::{self, Say};
use crate::formats::{
    self, ADAPTED, Dropped, Format, StreamUsage, Target, Written, peek, spelling, splice,
};
use crate::resources::provider::Provider;
use serde_json::{Map, Value, json};

/// How deep a body may be: it comes from an operator, and nothing of it is kept.
const DEPTH: usize = 128;

/// What is asked.
pub struct Question<'a> {
    pub provider: &'a str,
    pub spec: &'a Provider,
    /// The id the provider knows the model by; `None`: the body's.
    pub model: Option<&'a str>,
    /// The caller's format; `None`: the one the body looks like.
    pub format: Option<&'a str>,
    pub body: &'a str,
}

/// The answer as a document. What the provider could not be sent is in `refused`, not an error.
pub fn check(question: &Question<'_>) -> Result<Value> {
    let members: Map<String, Value> = serde_json::from_str(question.body).map_err(|error| {
        Error::invalid("the body is not a JSON object")
            .cause(error)
            .param("body")
            .hint("give the body of a request as a client would send it")
    })?;
    let format = match question.format {
        Some(name) => named(name)?,
        None => formats::resembling(&Value::Object(members.clone())),
    };
    let peek = peek::peek(question.body.as_bytes(), format.looks, DEPTH)?;
    let model = question.model.or(peek.model.as_deref()).ok_or_else(|| {
        Error::invalid("neither the body nor the target names a model")
            .param("to")
            .hint("name it with --to PROVIDER/MODEL")
    })?;
    let spec = question.spec;
    let upstream = Upstream::build(question.provider.into(), spec, None, Timers::default())?;
    let mut answer = json!({
        "provider": question.provider,
        "model": model,
        "format": format.name,
        "format_given": question.format.is_some(),
    });
    let mut carried: Vec<&str> = members.keys().map(String::as_str).collect();
    let Some(way) = upstream.way(format, model) else {
        let why = upstream.unreached(format, model);
        answer["refused"] = json!({"field": why.param, "message": why.message, "fix": why.hint});
        return Ok(answer);
    };
    answer["upstream_format"] = json!(way.to.name);
    answer["way"] = json!(match way.translates() {
        false => "forwarded",
        true => "translated",
    });
    answer["url"] = json!(upstream.url(way, model, peek.stream));
    let (mut changed, mut adapted, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
    let whole = |body| {
        Ok(Written {
            body,
            dropped: Dropped::new(),
        })
    };
    let translated = |written| spelling::in_words_of(format, written);
    let sent = match way.conversion {
        Conversion::Same => {
            let usage = format.usage_on_request
                && peek.stream
                && !peek.include_usage
                && upstream.quirks.stream_usage == StreamUsage::Asked;
            let named = peek.model.as_deref() == Some(model)
                || (peek.model_span.is_none() && way.names_model());
            changed.extend((!named).then_some("model"));
            changed.extend(usage.then_some("stream_options.include_usage"));
            let model = Some(model).filter(|_| !named);
            whole(splice::splice(
                question.body.as_bytes(),
                &peek,
                model,
                usage,
            ))
        }
        Conversion::Hosted(envelope) => {
            let say = Say {
                model,
                stream: peek.stream,
                betas: None,
            };
            changed.push("model");
            whole(hosting::rehost(question.body.as_bytes(), envelope, say)?.body)
        }
        Conversion::Translate { into, from } => {
            let target = Target {
                model,
                quirks: &upstream.quirks,
                takes: catalog::takes(model),
            };
            let chat = from.read_request(question.body.as_bytes());
            translated(chat.and_then(|chat| into.write_request(&chat, &target)))
        }
        Conversion::Embeddings { into, from } => {
            let embed = from.read_request(question.body.as_bytes());
            translated(embed.and_then(|embed| into.write_request(&embed, model)))
        }
    };
    let sent = match sent {
        Ok(written) => {
            for name in written.dropped {
                match name.strip_suffix(ADAPTED) {
                    Some(name) => adapted.push(name.to_owned()),
                    None => dropped.push(name),
                }
            }
            written.body
        }
        Err(error) => {
            answer["refused"] =
                json!({"field": error.param, "message": error.message, "fix": error.hint});
            return Ok(answer);
        }
    };
    carried.retain(|name| !dropped.iter().chain(&adapted).any(|other| other == name));
    answer["carried"] = json!(carried);
    answer["changed"] = json!(changed);
    answer["adapted"] = json!(adapted);
    answer["dropped"] = json!(dropped);
    answer["refused"] = Value::Null;
    answer["sent"] = serde_json::from_slice(&sent).unwrap_or_default();
    Ok(answer)
}

/// The format of this name, of those that requests can be sent in.
fn named(name: &str) -> Result<&'static Format> {
    formats::named(name).ok_or_else(|| {
        let names: Vec<&str> = formats::FORMATS.iter().map(|row| row.name).collect();
        Error::invalid(format!("there is no format `{}`", name.escape_debug()))
            .param("format")
            .hint(format!("one of: {}", names.join(", ")))
    })
}
