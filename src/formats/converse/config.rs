//! How the answer is drawn, thought about and shaped, and what is kept with the request, both directions. What only one
//! maker's models take stands in `additionalModelRequestFields`, under that maker's names.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>

use super::family::Family;
use crate::chat::{Answer, Chat, Effort, Takes, Thinking};
use crate::error::Result;
use crate::formats::anthropic::{thinking, tool};
use crate::formats::fields::{Fields, adapted, missing, wrong};
use crate::formats::{Dropped, schema};
use serde_json::{Map, Value, json};

/// The most pairs of `requestMetadata`, and the longest of either half.
const MOST_PAIRS: usize = 16;
const LONGEST_WORD: usize = 256;

/// Puts all of it into a request. Gives what has to be asked for in words.
pub fn write(
    chat: &Chat,
    takes: &Takes,
    family: Family,
    rest: &mut Map<String, Value>,
    dropped: &mut Dropped,
) -> Option<String> {
    let (mut inference, mut output, mut theirs) = (Map::new(), Map::new(), Map::new());
    match family {
        Family::Claude => of_claude(
            chat,
            takes,
            [&mut inference, &mut output, &mut theirs],
            dropped,
        ),
        Family::Nova | Family::Other | Family::Hidden => {
            of_others(chat, takes, &mut inference, &mut output, dropped)
        }
    }
    stop(chat, takes, &mut inference, dropped);
    // Which of them was hit only Anthropic's models say, and only when asked.
    if family == Family::Claude && inference.contains_key("stopSequences") {
        let paths = json!(["/stop_sequence"]);
        rest.insert("additionalModelResponseFieldPaths".into(), paths);
    }
    let said = answer(chat, takes.schemas, &mut output, dropped);
    for (name, members) in [
        ("inferenceConfig", inference),
        ("outputConfig", output),
        ("additionalModelRequestFields", theirs),
        ("requestMetadata", metadata(chat, dropped)),
    ] {
        if !members.is_empty() {
            rest.insert(name.into(), Value::Object(members));
        }
    }
    tier(chat, rest, dropped);
    for (name, given) in [
        ("seed", chat.seed.is_some()),
        ("frequency_penalty", chat.frequency_penalty.is_some()),
        ("presence_penalty", chat.presence_penalty.is_some()),
        ("verbosity", chat.verbosity.is_some()),
        ("prompt_cache_key", chat.cache_key.is_some()),
        ("store", chat.store == Some(true)),
    ] {
        if given {
            dropped.push(name.to_owned());
        }
    }
    said
}

/// Anthropic's models take here what they take on its own API, in part under names of their own.
fn of_claude(
    chat: &Chat,
    takes: &Takes,
    [inference, output, theirs]: [&mut Map<String, Value>; 3],
    dropped: &mut Dropped,
) {
    let mut own = Map::new();
    let forced = takes.forced_tool && tool::forced(chat).is_some();
    let (limit, thinks) = thinking::write(chat, takes, forced, &mut own, dropped);
    thinking::sampling(chat, takes, thinks, &mut own, dropped);
    let budget = own
        .get("thinking")
        .is_some_and(|thinking| thinking.get("budget_tokens").is_some());
    // Without a limit the answer may be as long as the model's can be, unless it has to hold a budget.
    if chat.max_tokens.is_some() || budget {
        inference.insert("maxTokens".into(), json!(limit.max(1)));
    }
    for (name, value) in own {
        match (name.as_str(), value) {
            ("temperature", value) => _ = inference.insert(name, value),
            ("top_p", value) => _ = inference.insert("topP".into(), value),
            ("output_config", Value::Object(given)) => output.extend(given),
            (_, value) => _ = theirs.insert(name, value),
        }
    }
}

fn of_others(
    chat: &Chat,
    takes: &Takes,
    inference: &mut Map<String, Value>,
    output: &mut Map<String, Value>,
    dropped: &mut Dropped,
) {
    if let Some(limit) = chat.max_tokens {
        inference.insert("maxTokens".into(), json!(limit.max(1)));
    }
    if let Some(temperature) = chat.temperature {
        if temperature > 1.0 {
            dropped.push(adapted("temperature"));
        }
        inference.insert("temperature".into(), json!(temperature.min(1.0)));
    }
    if let Some(top_p) = chat.top_p {
        inference.insert("topP".into(), json!(top_p));
    }
    if chat.top_k.is_some() {
        dropped.push("top_k".into());
    }
    let effort = match chat.thinking {
        None => return,
        Some(Thinking::Effort(effort)) => effort,
        Some(Thinking::Budget(budget)) => {
            dropped.push(adapted("thinking.budget_tokens"));
            Effort::covering(budget)
        }
        // How that is asked for each maker says differently.
        Some(Thinking::Off | Thinking::Adaptive) => return dropped.push("reasoning_effort".into()),
    };
    match takes.effort(effort) {
        Some(taken) => {
            // There is none smaller than this.
            let said = taken.max(Effort::Low);
            if said != effort && matches!(chat.thinking, Some(Thinking::Effort(_))) {
                dropped.push(adapted("reasoning_effort"));
            }
            output.insert("effort".into(), json!(said.name()));
        }
        None => dropped.push("reasoning_effort".into()),
    }
}

/// Stop sequences of nothing but blanks are refused.
fn stop(chat: &Chat, takes: &Takes, inference: &mut Map<String, Value>, dropped: &mut Dropped) {
    let seen = |stop: &&String| !stop.trim().is_empty();
    let stops: Vec<&String> = chat.stop.iter().filter(seen).take(takes.stops).collect();
    if stops.len() < chat.stop.len() {
        dropped.push("stop".into());
    }
    if !stops.is_empty() {
        inference.insert("stopSequences".into(), json!(stops));
    }
}

/// The shape of the answer. Gives what has to be asked for in words.
fn answer(
    chat: &Chat,
    schemas: bool,
    output: &mut Map<String, Value>,
    dropped: &mut Dropped,
) -> Option<String> {
    let (name, description, wanted) = match chat.answer.as_ref()? {
        // Any object at all cannot be asked for with a schema (it must be closed), only with words.
        Answer::Json => {
            dropped.push(adapted("response_format"));
            return Some("Answer with a single JSON object and nothing else.".to_owned());
        }
        Answer::Schema {
            name,
            description,
            schema,
            ..
        } => (name, description, schema),
    };
    let Some(held) = schemas.then(|| schema::held(wanted)).flatten() else {
        dropped.push(adapted("response_format"));
        return Some(format!(
            "Answer with a single JSON value that fits this JSON Schema, and nothing else:\n{wanted}"
        ));
    };
    if held.adapted {
        dropped.push(adapted("response_format.json_schema.schema"));
    }
    let mut definition = json!({"schema": held.schema.to_string()});
    if let Some(name) = name {
        definition["name"] = json!(name);
    }
    if let Some(description) = description {
        definition["description"] = json!(description);
    }
    let format = json!({"type": "json_schema", "structure": {"jsonSchema": definition}});
    output.insert("textFormat".into(), format);
    None
}

/// What is kept with the request in the logs of its account: pairs of plain words, of which the end user is one.
fn metadata(chat: &Chat, dropped: &mut Dropped) -> Map<String, Value> {
    let fits = |word: &str| {
        let plain =
            |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || ":_@$#=/+,-.".contains(c);
        word.len() <= LONGEST_WORD && word.chars().all(plain)
    };
    let mut pairs = Map::new();
    let given = chat.metadata.as_ref().and_then(Value::as_object);
    for (name, value) in given.into_iter().flatten() {
        match value.as_str() {
            Some(word)
                if !name.is_empty() && fits(name) && fits(word) && pairs.len() < MOST_PAIRS =>
            {
                pairs.insert(name.clone(), value.clone());
            }
            _ => dropped.push("metadata".into()),
        }
    }
    match &chat.user {
        Some(user) if fits(user) && pairs.len() < MOST_PAIRS => {
            dropped.push(adapted("user"));
            pairs.entry("user_id").or_insert_with(|| json!(user));
        }
        Some(_) => dropped.push("user".into()),
        None => {}
    }
    pairs
}

fn tier(chat: &Chat, rest: &mut Map<String, Value>, dropped: &mut Dropped) {
    let tier = match chat.tier.as_deref() {
        None | Some("auto") => return,
        Some("default" | "standard" | "standard_only") => "default",
        Some(tier @ ("flex" | "priority")) => tier,
        Some(_) => return dropped.push("service_tier".into()),
    };
    rest.insert("serviceTier".into(), json!({"type": tier}));
}

/// Takes all of it.
pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    if let Some(mut inference) = fields.object("inferenceConfig")? {
        chat.max_tokens = inference.count("maxTokens")?;
        chat.temperature = inference.number("temperature")?;
        chat.top_p = inference.number("topP")?;
        if let Some(stops) = inference.value("stopSequences")? {
            chat.stop = serde_json::from_value(stops)
                .map_err(|_| wrong("inferenceConfig.stopSequences", "a list of strings"))?;
        }
        inference.rest(&mut chat.lost);
    }
    if let Some(mut theirs) = fields.object("additionalModelRequestFields")? {
        chat.top_k = theirs.count("top_k")?;
        if let Some(mut thinking) = theirs.object("thinking")? {
            think(&mut thinking, chat)?;
            thinking.rest(&mut chat.lost);
        }
        theirs.rest(&mut chat.lost);
    }
    output(fields, chat)?;
    chat.metadata = fields.value("requestMetadata")?;
    if let Some(mut tier) = fields.object("serviceTier")? {
        match tier.text("type")?.as_deref() {
            // Bought beforehand, from Amazon.
            Some("reserved") => chat.lost.push("serviceTier".into()),
            given => chat.tier = given.map(str::to_owned),
        }
    }
    if let Some(mut performance) = fields.object("performanceConfig")?
        && performance
            .text("latency")?
            .is_some_and(|latency| latency != "standard")
    {
        chat.lost.push("performanceConfig.latency".into());
    }
    Ok(())
}

/// `thinking`, as Anthropic's models have it.
fn think(thinking: &mut Fields, chat: &mut Chat) -> Result<()> {
    let at = thinking.path("budget_tokens");
    let budget = thinking.count("budget_tokens")?;
    chat.show_thoughts = thinking.text("display")?.map(|shown| shown != "omitted");
    chat.thinking = Some(match thinking.need("type")?.as_str() {
        "disabled" | "between_tools" => Thinking::Off,
        "adaptive" => Thinking::Adaptive,
        "enabled" => Thinking::Budget(budget.ok_or_else(|| missing(&at))?),
        _ => {
            return Err(wrong(
                &thinking.path("type"),
                "`enabled`, `adaptive` or `disabled`",
            ));
        }
    });
    Ok(())
}

fn output(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let Some(mut output) = fields.object("outputConfig")? else {
        return Ok(());
    };
    if let Some(effort) = output.text("effort")?.filter(|effort| !effort.is_empty()) {
        let effort = Effort::named(&effort).ok_or_else(|| {
            wrong(
                "outputConfig.effort",
                "one of `low`, `medium`, `high`, `xhigh`, `max`",
            )
        })?;
        // Without thinking the effort is about the length of the answer, which others cannot be told.
        match chat.thinking {
            None | Some(Thinking::Adaptive) => chat.thinking = Some(Thinking::Effort(effort)),
            Some(_) => chat.lost.push("outputConfig.effort".into()),
        }
    }
    if let Some(mut format) = output.object("textFormat")? {
        format.take("type");
        let at = format.path("structure");
        let mut structure = format.object("structure")?.ok_or_else(|| missing(&at))?;
        let at = structure.path("jsonSchema");
        let mut definition = structure
            .object("jsonSchema")?
            .ok_or_else(|| missing(&at))?;
        let at = definition.path("schema");
        let schema: Value = serde_json::from_str(&definition.need("schema")?)
            .map_err(|_| wrong(&at, "the text of a JSON Schema"))?;
        chat.answer = Some(Answer::Schema {
            name: definition.text("name")?,
            description: definition.text("description")?,
            strict: schema::closed(&schema).then_some(true),
            schema,
        });
        definition.rest(&mut chat.lost);
    }
    output.rest(&mut chat.lost);
    Ok(())
}
