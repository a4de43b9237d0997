//! Tools and the choice among them, both directions:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html>

use super::block;
use super::family::Family;
use crate::chat::{CachePoint, Chat, Part, Takes, Tool, ToolChoice, ToolKind};
use crate::error::Result;
use crate::formats::fields::{Fields, adapted, missing, unsupported, wrong};
use crate::formats::{Dropped, schema};
use serde_json::{Map, Value, json};

/// Takes what the request says about tools.
pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let Some(mut config) = fields.object("toolConfig")? else {
        return Ok(());
    };
    for mut tool in config.objects("tools")?.unwrap_or_default() {
        if let Some(mut spec) = tool.object("toolSpec")? {
            chat.tools.push(own(&mut spec)?);
            spec.rest(&mut chat.lost);
        } else if let Some(mut mark) = tool.object("cachePoint")? {
            let ttl = mark.text("ttl")?;
            // In front of all tools it marks nothing.
            match chat.tools.last_mut() {
                Some(last) => last.cache = Some(CachePoint { ttl }),
                None => chat.lost.push("toolConfig.tools.cachePoint".into()),
            }
        } else {
            return Err(unsupported(
                &tool.path("systemTool"),
                "a tool that Amazon Bedrock runs cannot be translated to another format",
            ));
        }
    }
    if let Some(mut choice) = config.object("toolChoice")? {
        chat.tool_choice = Some(if choice.take("auto").is_some() {
            ToolChoice::Auto
        } else if choice.take("any").is_some() {
            ToolChoice::Required
        } else if let Some(mut tool) = choice.object("tool")? {
            ToolChoice::Named(tool.need("name")?)
        } else {
            return Err(wrong("toolConfig.toolChoice", "`auto`, `any` or `tool`"));
        });
    }
    config.rest(&mut chat.lost);
    Ok(())
}

fn own(spec: &mut Fields) -> Result<Tool> {
    let at = spec.path("inputSchema");
    let mut inputs = spec.object("inputSchema")?.ok_or_else(|| missing(&at))?;
    let schema = inputs.value("json")?.ok_or_else(|| missing(&at))?;
    if !schema.is_object() {
        return Err(wrong(&at, "an object"));
    }
    Ok(Tool {
        name: spec.need("name")?,
        description: spec.text("description")?,
        parameters: Some(schema),
        strict: spec.flag("strict")?,
        ..Tool::default()
    })
}

/// Puts tools into a request. Gives what the model has to be told in words, where it cannot be said otherwise.
pub fn write(
    chat: &Chat,
    takes: &Takes,
    family: Family,
    rest: &mut Map<String, Value>,
    dropped: &mut Dropped,
) -> Result<Option<String>> {
    let (called, results) = history(chat);
    let (mut choice, mut said) = (None, None);
    let mut tools = match &chat.tool_choice {
        // There is no such choice: nothing is offered, or if it must be, asked for in words.
        Some(ToolChoice::None) if !chat.tools.is_empty() => {
            dropped.push(adapted("tool_choice"));
            match results {
                false => return Ok(None),
                true => said = Some("Do not call any tool now; answer in words.".to_owned()),
            }
            declared(chat, None, takes, family, dropped)?
        }
        Some(ToolChoice::Subset { names, .. }) => {
            dropped.push(adapted("tool_choice"));
            declared(chat, Some(names), takes, family, dropped)?
        }
        _ => declared(chat, None, takes, family, dropped)?,
    };
    // A conversation with calls needs tools that could have been called.
    if tools.is_empty() && results {
        dropped.push(adapted("tools"));
        let earlier =
            "Was there earlier in this conversation and is there no longer: do not call it.";
        tools.extend(called.iter().map(|name| {
            spec(json!({"name": name, "description": earlier, "inputSchema": {"json": schema::of_arguments(None)}}))
        }));
    }
    if tools.is_empty() {
        return Ok(None);
    }
    match &chat.tool_choice {
        _ if chat.tools.is_empty() => {}
        None | Some(ToolChoice::None) => {}
        Some(
            ToolChoice::Auto
            | ToolChoice::Subset {
                required: false, ..
            },
        ) => choice = Some(json!({"auto": {}})),
        Some(wanted) if !takes.forced_tool => {
            dropped.push(adapted("tool_choice"));
            said = Some(match wanted {
                ToolChoice::Named(name) => format!("Call the tool `{name}` now."),
                _ => "Call one of the tools now; do not answer with text alone.".to_owned(),
            });
        }
        Some(ToolChoice::Required | ToolChoice::Subset { .. }) => choice = Some(json!({"any": {}})),
        Some(ToolChoice::Named(name)) => choice = Some(json!({"tool": {"name": name}})),
    }
    if chat.parallel_calls.is_some() {
        dropped.push("parallel_tool_calls".into());
    }
    let mut config = json!({"tools": tools});
    if let Some(choice) = choice {
        config["toolChoice"] = choice;
    }
    rest.insert("toolConfig".into(), config);
    Ok(said)
}

/// The tools that were called, each once, and whether calls or results of calls are in the conversation.
fn history(chat: &Chat) -> (Vec<&str>, bool) {
    let (mut called, mut any) = (Vec::new(), false);
    for part in chat.messages.iter().flat_map(|message| &message.parts) {
        match part {
            Part::Call(call) if !called.contains(&call.name.as_str()) => {
                called.push(call.name.as_str());
                any = true;
            }
            Part::Call(_) | Part::Result(_) => any = true,
            _ => {}
        }
    }
    if called.is_empty() {
        called.push("tool");
    }
    (called, any)
}

fn spec(spec: Value) -> Value {
    json!({"toolSpec": spec})
}

/// The tools on offer; there is no choice among some here, so that the others are not.
fn declared(
    chat: &Chat,
    only: Option<&Vec<String>>,
    takes: &Takes,
    family: Family,
    dropped: &mut Dropped,
) -> Result<Vec<Value>> {
    let mut out = Vec::new();
    for tool in &chat.tools {
        if let ToolKind::Native(native) = &tool.kind {
            let what = format!(
                "the tool `{}` is one that only {} knows",
                tool.name.escape_debug(),
                native.format
            );
            return Err(unsupported("tools.type", &what));
        }
        if only.is_some_and(|names| !names.contains(&tool.name)) {
            continue;
        }
        out.push(spec(declaration(tool, takes.schemas, dropped)));
        match &tool.cache {
            Some(point) if family.caches() => out.push(block::cache_point(point, dropped)),
            Some(_) => dropped.push("tools.cache_control".into()),
            None => {}
        }
    }
    Ok(out)
}

fn declaration(tool: &Tool, schemas: bool, dropped: &mut Dropped) -> Value {
    let mut schema = schema::of_arguments(tool.parameters.as_ref());
    let blank = |text: &String| text.trim().is_empty();
    let mut description = tool.description.clone().filter(|text| !blank(text));
    // Only properties may be named at the root: https://docs.aws.amazon.com/nova/latest/userguide/tool-use-definition.html
    if let Some(said) = schema::without_choices(&mut schema) {
        dropped.push(adapted("tools.function.parameters"));
        let before = description.map(|text| format!("{text}\n\n"));
        description = Some(before.unwrap_or_default() + &said);
    }
    let mut strict = tool.strict == Some(true);
    if strict {
        match schemas.then(|| schema::held(&schema)).flatten() {
            Some(held) => {
                if held.adapted {
                    dropped.push(adapted("tools.function.parameters"));
                }
                schema = held.schema;
            }
            None if schemas && schema["properties"] == json!({}) => {
                schema["additionalProperties"] = json!(false);
            }
            None => {
                dropped.push("tools.function.strict".into());
                strict = false;
            }
        }
    }
    let mut out = json!({"name": tool.name, "inputSchema": {"json": schema}});
    if let Some(text) = description {
        out["description"] = json!(text);
    }
    if strict {
        out["strict"] = json!(true);
    }
    out
}
