//! What only routes have: the ways to write targets, and `gw route explain`.

use super::{context::Context, fields, print::Format, request, route_decision};
use crate::chat::{Op, estimate};
use crate::error::Result;
use crate::formats::{self, peek};
use clap::ArgMatches;
use serde_json::{Map, Value, json};

/// Fills in `targets` from `--to`, `--then`, `--provider` and `--model`. With fallback every target is the
/// next in line; with the other strategies each `--then` starts a tier and what follows stays in it.
pub(crate) fn targets(matches: &ArgMatches, body: &mut Map<String, Value>) -> Result<()> {
    if let Some(provider) = matches.get_one::<String>("provider") {
        let mut target = json!({ "provider": provider });
        if let Some(model) = matches.get_one::<String>("model") {
            target["model"] = json!(model);
        }
        body.insert("targets".into(), json!([target]));
        return Ok(());
    }
    let mut all = Vec::new();
    for (id, next) in [("targets", false), ("then", true)] {
        let (values, indices) = (matches.get_many::<String>(id), matches.indices_of(id));
        all.extend(
            indices
                .into_iter()
                .flatten()
                .zip(values.into_iter().flatten())
                .map(|(index, text)| (index, next, text)),
        );
    }
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by_key(|(index, ..)| *index);
    let fallback = body
        .get("strategy")
        .is_none_or(|strategy| strategy == "fallback");
    let (mut tier, mut list) = (0, Vec::new());
    for (_, next, text) in all {
        let mut target = fields::target(text)?;
        if next && !list.is_empty() {
            tier += 1;
        }
        if tier > 0 && !fallback {
            target["tier"] = json!(tier);
        }
        list.push(target);
    }
    body.insert("targets".into(), Value::Array(list));
    Ok(())
}

/// Whether targets are given, in any of the ways.
pub(crate) fn given(matches: &ArgMatches) -> bool {
    ["targets", "then", "provider"]
        .iter()
        .any(|id| matches.contains_id(id))
}

/// `gw route explain`.
pub(crate) async fn explain(context: &Context, matches: &ArgMatches) -> Result<()> {
    let mut question = match matches.get_one::<String>("data") {
        Some(data) => needs(&request::data(data)?)?,
        None => Map::new(),
    };
    for (id, field) in [
        ("name", "route"),
        ("key", "key"),
        ("user", "user"),
        ("path", "path"),
        ("model", "model"),
    ] {
        if let Some(text) = matches.get_one::<String>(id) {
            question.insert(field.into(), json!(text));
        }
    }
    if let Some(times) = matches.get_one::<u32>("times") {
        question.insert("times".into(), json!(times));
    }
    let answer = context.remote()?.explain(&Value::Object(question)).await?;
    match context.look.format {
        Format::Table | Format::Wide => context.data(&route_decision::render(&answer)),
        _ => context.data(&context.look.found(&answer)?),
    }
    Ok(())
}

/// What a body asks of a model, as the gateway reads it.
fn needs(body: &Value) -> Result<Map<String, Value>> {
    let text = body.to_string();
    let format = formats::resembling(body);
    let peek = peek::peek(text.as_bytes(), format.looks, usize::MAX)?;
    let mut needs = Map::new();
    if let Some(model) = &peek.model {
        needs.insert("model".into(), json!(model));
    }
    for (name, wanted) in [
        ("tools", peek.tools),
        ("schema", peek.schema),
        ("images", peek.images),
        ("embeddings", format.op == Op::Embeddings),
    ] {
        if wanted {
            needs.insert(name.into(), json!(true));
        }
    }
    if !peek.encoded {
        needs.insert("tokens".into(), json!(estimate(peek.text_bytes)));
    }
    Ok(needs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bodies_say_what_they_need() {
        let body = json!({"model": "m", "tools": [{}], "messages": [{"role": "user", "content": [{"type": "image_url"}]}]});
        let tokens = estimate(body.to_string().len() as u64);
        assert_eq!(
            Value::Object(needs(&body).unwrap()),
            json!({"model": "m", "tools": true, "images": true, "tokens": tokens})
        );
        let wrong = needs(&json!({"model": 1})).unwrap_err();
        assert_eq!(wrong.message, "`model` must be a string");
    }
}
