//! What only routes have: the ways to write targets, and `gw route explain`.

use super::{context::Context, fields, print::Format, request, route_decision};
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
    let in_order = body
        .get("strategy")
        .is_none_or(|strategy| strategy == "fallback");
    let fallback = in_order && !body.contains_key("tier_strategies");
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
    let question = question(matches)?;
    let answer = context.remote()?.explain(&question).await?;
    match context.look.format {
        Format::Table | Format::Wide => context.data(&route_decision::render(&answer)),
        _ => context.data(&context.look.found(&answer)?),
    }
    Ok(())
}

/// The flags as the gateway is asked; what they mean is its to say.
fn question(matches: &ArgMatches) -> Result<Value> {
    let mut question = Map::new();
    for (id, field) in [
        ("name", "route"),
        ("key", "key"),
        ("user", "user"),
        ("as_of", "as_of"),
        ("method", "method"),
        ("path", "path"),
        ("caller_format", "format"),
        ("model", "model"),
        ("at", "at"),
    ] {
        if let Some(text) = matches.get_one::<String>(id) {
            question.insert(field.into(), json!(text));
        }
    }
    if let Some(data) = matches.get_one::<String>("data") {
        question.insert("body".into(), json!(request::text(data)?));
    }
    let headers = matches.get_many::<String>("header").into_iter().flatten();
    let headers =
        headers.map(|text| request::header(text).map(|(name, value)| (name, json!(value))));
    let headers = headers.collect::<Result<Map<String, Value>>>()?;
    if !headers.is_empty() {
        question.insert("headers".into(), headers.into());
    }
    if matches.get_flag("stream") {
        question.insert("stream".into(), json!(true));
    }
    if let Some(times) = matches.get_one::<u32>("times") {
        question.insert("times".into(), json!(times));
    }
    Ok(Value::Object(question))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn flags_become_a_question() {
        let line = "gw route explain r --key k --path /v1/responses -m m -H X-Team:search --stream --times 5 --at 2030-01-01 --data {}";
        let matches = crate::cli::command()
            .try_get_matches_from(line.split(' '))
            .unwrap();
        let route = matches.subcommand_matches("route").unwrap();
        assert_eq!(
            question(route.subcommand_matches("explain").unwrap()).unwrap(),
            json!({"route": "r", "key": "k", "path": "/v1/responses", "model": "m", "at": "2030-01-01", "body": "{}",
                "headers": {"x-team": "search"}, "stream": true, "times": 5})
        );
    }
}
