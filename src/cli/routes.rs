//! What only routes have: the ways to write targets, and `gw route explain`.

use super::{context::Context, fields, print::Format, request};
use crate::error::Result;
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
        all.extend(indices.into_iter().flatten().zip(values.into_iter().flatten()).map(|(index, text)| (index, next, text)));
    }
    if all.is_empty() {
        return Ok(());
    }
    all.sort_by_key(|(index, ..)| *index);
    let fallback = body.get("strategy").is_none_or(|strategy| strategy == "fallback");
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

/// `gw route explain`.
pub(crate) async fn explain(context: &Context, matches: &ArgMatches) -> Result<()> {
    let mut question = Map::new();
    for (id, field) in [("name", "route"), ("key", "key"), ("user", "user"), ("path", "path"), ("model", "model")] {
        if let Some(text) = matches.get_one::<String>(id) {
            question.insert(field.into(), json!(text));
        }
    }
    if let Some(headers) = matches.get_many::<String>("header") {
        let headers = headers.map(|header| request::header(header)).collect::<Result<Vec<_>>>()?;
        question.insert("headers".into(), headers.into_iter().map(|(name, value)| (name, json!(value))).collect::<Map<_, _>>().into());
    }
    if let Some(data) = matches.get_one::<String>("data") {
        question.insert("body".into(), request::data(data)?);
    }
    if let Some(times) = matches.get_one::<u32>("times") {
        question.insert("times".into(), json!(times));
    }
    let answer = context.remote()?.explain(&Value::Object(question)).await?;
    match context.look.format {
        Format::Table | Format::Wide => context.data(&told(&answer)),
        _ => context.data(&context.look.value(&answer)?),
    }
    Ok(())
}

/// The answer as sentences: what a planner that writes lines says, else its fields in order.
fn told(answer: &Value) -> String {
    use super::print::clean;
    let lines = answer
        .get("lines")
        .and_then(Value::as_array)
        .map(|lines| lines.iter().filter_map(Value::as_str).map(|line| format!("{}\n", clean(line))).collect::<String>());
    lines.unwrap_or_else(|| super::verbs::describe::lines(answer))
}
