//! Tools and the choice among them, both directions.

use crate::chat::{Chat, Grammar, Tool, ToolChoice, ToolKind};
use crate::error::{Error, Result};
use crate::formats::fields::{Fields, adapted, missing, string, unsupported, wrong};
use crate::formats::{Dropped, schema};
use serde_json::{Map, Value, json};

/// What the caller's own search for tools is called where it is a function like any other.
pub const TOOL_SEARCH: &str = "tool_search";

/// Reads a list of tools: those of the request, of a namespace, or found on the way.
pub fn read(tools: Vec<Fields>, namespace: Option<&str>, chat: &mut Chat) -> Result<()> {
    for mut tool in tools {
        let kind = tool.need("type")?;
        let read = match kind.as_str() {
            "function" => function(&mut tool)?,
            "custom" => custom(&mut tool)?,
            "namespace" if namespace.is_none() => {
                self::namespace(&mut tool, chat)?;
                continue;
            }
            "tool_search"
                if tool
                    .peek("execution")
                    .is_some_and(|raw| raw.get() == "\"client\"") =>
            {
                tool.take("execution");
                chat.lost.push(adapted("tools.type"));
                Tool {
                    name: TOOL_SEARCH.to_owned(),
                    ..function_of(&mut tool, TOOL_SEARCH.to_owned())?
                }
            }
            other => return Err(hosted(&tool.path("type"), other)),
        };
        let read = Tool {
            namespace: namespace.map(str::to_owned),
            ..read
        };
        // Found again, or given again with what was found.
        let known = |tool: &Tool| tool.name == read.name && tool.namespace == read.namespace;
        if !chat.tools.iter().any(known) {
            chat.tools.push(read);
        }
        if tool.flag("defer_loading")? == Some(true) {
            chat.lost.push(adapted("tools.defer_loading"));
        }
        tool.rest(&mut chat.lost);
    }
    Ok(())
}

fn hosted(path: &str, kind: &str) -> Error {
    unsupported(
        path,
        &format!(
            "the tool `{}` runs on OpenAI's side and cannot be translated to another format",
            kind.escape_debug()
        ),
    )
}

fn function(tool: &mut Fields) -> Result<Tool> {
    let name = tool.need("name")?;
    function_of(tool, name)
}

fn function_of(tool: &mut Fields, name: String) -> Result<Tool> {
    let parameters = tool.value("parameters")?;
    if parameters
        .as_ref()
        .is_some_and(|schema| !schema.is_object())
    {
        return Err(wrong(&tool.path("parameters"), "an object"));
    }
    Ok(Tool {
        name,
        description: tool.text("description")?,
        parameters,
        strict: tool.flag("strict")?,
        ..Tool::default()
    })
}

fn custom(tool: &mut Fields) -> Result<Tool> {
    let grammar = match tool.object("format")? {
        None => None,
        Some(mut format) => match format.need("type")?.as_str() {
            "text" => None,
            "grammar" => Some(Grammar {
                syntax: format.need("syntax")?,
                definition: format.need("definition")?,
            }),
            _ => return Err(wrong(&format.path("type"), "`text` or `grammar`")),
        },
    };
    Ok(Tool {
        name: tool.need("name")?,
        description: tool.text("description")?,
        kind: ToolKind::Free(grammar),
        ..Tool::default()
    })
}

/// The tools of a group; what is said of the group is said with its first tool.
fn namespace(group: &mut Fields, chat: &mut Chat) -> Result<()> {
    let name = group.need("name")?;
    let about = group.text("description")?.filter(|text| !text.is_empty());
    let first = chat.tools.len();
    read(
        group.objects("tools")?.unwrap_or_default(),
        Some(&name),
        chat,
    )?;
    if let (Some(about), Some(tool)) = (about, chat.tools.get_mut(first)) {
        let own = tool.description.take().unwrap_or_default();
        tool.description = Some(format!("{about}\n\n{own}").trim_end().to_owned());
        chat.lost.push(adapted("tools.description"));
    }
    group.rest(&mut chat.lost);
    Ok(())
}

/// Reads `tool_choice`.
pub fn choice(fields: &mut Fields) -> Result<Option<ToolChoice>> {
    let Some(raw) = fields.take("tool_choice") else {
        return Ok(None);
    };
    if raw.is_string() {
        return match string(raw, "tool_choice")?.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => Err(wrong(
                "tool_choice",
                "`auto`, `none`, `required` or an object naming a tool",
            )),
        };
    }
    let mut given = Fields::of(raw, "tool_choice")?;
    match given.need("type")?.as_str() {
        "function" | "custom" => given.need("name").map(|name| Some(ToolChoice::Named(name))),
        "allowed_tools" => {
            let mut names = Vec::new();
            let at = given.path("tools");
            for mut tool in given.objects("tools")?.ok_or_else(|| missing(&at))? {
                match tool.need("type")?.as_str() {
                    "function" | "custom" => names.push(tool.need("name")?),
                    other => return Err(hosted(&tool.path("type"), other)),
                }
            }
            let required = given.text("mode")?.as_deref() == Some("required");
            Ok(Some(ToolChoice::Subset { names, required }))
        }
        other => Err(hosted("tool_choice.type", other)),
    }
}

/// Puts tools into a request.
pub fn write(chat: &Chat, body: &mut Map<String, Value>, dropped: &mut Dropped) -> Result<()> {
    if chat.tools.is_empty() {
        return Ok(());
    }
    let mut tools: Vec<Value> = Vec::new();
    for tool in &chat.tools {
        let written = declaration(tool, dropped)?;
        let Some(namespace) = &tool.namespace else {
            tools.push(written);
            continue;
        };
        let group = tools
            .iter_mut()
            .find(|tool| tool["type"] == "namespace" && tool["name"] == **namespace);
        match group.and_then(|group| group["tools"].as_array_mut()) {
            Some(members) => members.push(written),
            None => tools.push(json!({"type": "namespace", "name": namespace, "description": namespace, "tools": [written]})),
        }
    }
    body.insert("tools".into(), Value::Array(tools));
    let choice = chat.tool_choice.as_ref().map(|choice| match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => named(chat, name),
        ToolChoice::Subset { names, required } => {
            let tools: Vec<Value> = names.iter().map(|name| named(chat, name)).collect();
            let mode = if *required { "required" } else { "auto" };
            json!({"type": "allowed_tools", "mode": mode, "tools": tools})
        }
    });
    body.extend(choice.map(|choice| ("tool_choice".to_owned(), choice)));
    body.extend(
        chat.parallel_calls
            .map(|parallel| ("parallel_tool_calls".to_owned(), json!(parallel))),
    );
    Ok(())
}

fn named(chat: &Chat, name: &str) -> Value {
    let free = |tool: &Tool| tool.name == name && matches!(tool.kind, ToolKind::Free(_));
    let kind = match chat.tools.iter().any(free) {
        true => "custom",
        false => "function",
    };
    json!({"type": kind, "name": name})
}

fn declaration(tool: &Tool, dropped: &mut Dropped) -> Result<Value> {
    if tool.cache.is_some() {
        dropped.push("tools.cache_control".into());
    }
    let mut out = Map::new();
    let about = tool
        .description
        .as_ref()
        .map(|text| ("description".to_owned(), json!(text)));
    match &tool.kind {
        ToolKind::Function => {
            let schema = schema::of_arguments(tool.parameters.as_ref());
            // Strict schemas have to be closed and require everything here, and tools are strict unless they say no.
            let strict = tool.strict.unwrap_or(false);
            let held = strict && schema::closed(&schema);
            if strict && !held {
                dropped.push("tools.strict".into());
            }
            out.insert("type".into(), json!("function"));
            out.insert("name".into(), json!(tool.name));
            out.extend(about);
            out.insert("parameters".into(), schema);
            out.insert("strict".into(), json!(held));
        }
        ToolKind::Free(grammar) => {
            out.insert("type".into(), json!("custom"));
            out.insert("name".into(), json!(tool.name));
            out.extend(about);
            out.extend(grammar.as_ref().map(|grammar| {
                let format = json!({"type": "grammar", "syntax": grammar.syntax, "definition": grammar.definition});
                ("format".to_owned(), format)
            }));
        }
        ToolKind::Native(native) if native.format == super::NAME => return Ok(native.json.clone()),
        ToolKind::Native(native) => {
            return Err(unsupported(
                "tools.type",
                &format!(
                    "the tool `{}` of {} cannot be translated to another format",
                    tool.name.escape_debug(),
                    native.format
                ),
            ));
        }
    }
    Ok(Value::Object(out))
}
