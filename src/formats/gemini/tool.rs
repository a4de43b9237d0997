//! Tools and the choice among them, both directions.

use super::{NAME, proto, schema};
use crate::chat::{Chat, Tool, ToolChoice, ToolKind};
use crate::error::Result;
use crate::formats::Dropped;
use crate::formats::fields::{Fields, adapted, unsupported, wrong};
use serde_json::{Map, Value, json};

const MODES: &[&str] = &["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"];

/// Takes what the request says about tools.
pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    for mut group in proto::objects(fields, "tools")?.unwrap_or_default() {
        for mut function in proto::objects(&mut group, "functionDeclarations")?.unwrap_or_default()
        {
            chat.tools.push(declared(&mut function)?);
            function.rest(&mut chat.lost);
        }
        let mut others = Vec::new();
        group.rest(&mut others);
        // The path in front of the name has no number, as lists of lost fields have it.
        if let Some(name) = others.first().and_then(|path| path.rsplit('.').next()) {
            let what = format!(
                "the tool `{name}` runs on Google's side and cannot be translated to another format"
            );
            return Err(unsupported(&group.path(name), &what));
        }
    }
    let Some(mut config) = proto::object(fields, "toolConfig")? else {
        return Ok(());
    };
    if let Some(mut calling) = proto::object(&mut config, "functionCallingConfig")? {
        choice(&mut calling, chat)?;
        calling.rest(&mut chat.lost);
    }
    config.rest(&mut chat.lost);
    Ok(())
}

fn declared(function: &mut Fields) -> Result<Tool> {
    let narrow = function
        .value("parameters")?
        .map(|given| schema::widened(&given));
    let at = function.path("parametersJsonSchema");
    let parameters = function.value("parametersJsonSchema")?.or(narrow);
    if parameters
        .as_ref()
        .is_some_and(|schema| !schema.is_object())
    {
        return Err(wrong(&at, "an object"));
    }
    Ok(Tool {
        name: function.need("name")?,
        description: function
            .text("description")?
            .filter(|text| !text.is_empty()),
        parameters,
        ..Tool::default()
    })
}

fn choice(calling: &mut Fields, chat: &mut Chat) -> Result<()> {
    let at = calling.path("mode");
    let mode = proto::word(calling, "mode", MODES)?.unwrap_or_default();
    let names: Vec<String> = match calling.value("allowedFunctionNames")? {
        None => Vec::new(),
        Some(names) => serde_json::from_value(names)
            .map_err(|_| wrong(&calling.path("allowedFunctionNames"), "a list of strings"))?,
    };
    chat.tool_choice = Some(
        match (mode.to_ascii_uppercase().as_str(), names.as_slice()) {
            ("" | "MODE_UNSPECIFIED", _) => return Ok(()),
            ("AUTO", _) => ToolChoice::Auto,
            ("NONE", _) => ToolChoice::None,
            ("ANY", []) => ToolChoice::Required,
            ("ANY", [one]) => ToolChoice::Named(one.clone()),
            ("ANY", _) => ToolChoice::Subset {
                names,
                required: true,
            },
            // That calls fit their schemas is all it adds.
            ("VALIDATED", some) => {
                chat.lost
                    .push(adapted("toolConfig.functionCallingConfig.mode"));
                match some {
                    [] => ToolChoice::Auto,
                    _ => ToolChoice::Subset {
                        names,
                        required: false,
                    },
                }
            }
            _ => return Err(wrong(&at, "`AUTO`, `ANY`, `NONE` or `VALIDATED`")),
        },
    );
    Ok(())
}

/// Puts tools into a request.
pub fn write(chat: &Chat, rest: &mut Map<String, Value>, dropped: &mut Dropped) -> Result<()> {
    if chat.tools.is_empty() {
        return Ok(());
    }
    let (mut functions, mut tools) = (Vec::new(), Vec::new());
    for tool in &chat.tools {
        match &tool.kind {
            ToolKind::Native(native) if native.format == NAME => tools.push(native.json.clone()),
            ToolKind::Native(native) => {
                return Err(unsupported(
                    "tools.type",
                    &format!(
                        "the tool `{}` is one that only {} knows",
                        tool.name.escape_debug(),
                        native.format
                    ),
                ));
            }
            ToolKind::Function | ToolKind::Free(_) => functions.push(declaration(tool, dropped)),
        }
    }
    if !functions.is_empty() {
        tools.insert(0, json!({"functionDeclarations": functions}));
    }
    rest.insert("tools".into(), Value::Array(tools));
    let strict = chat.tools.iter().any(|tool| tool.strict == Some(true));
    let calling = match &chat.tool_choice {
        // The nearest to tools that are held to their schemas.
        None | Some(ToolChoice::Auto) if strict => {
            dropped.push(adapted("tools.function.strict"));
            Some(json!({"mode": "VALIDATED"}))
        }
        None => None,
        Some(ToolChoice::Auto) => Some(json!({"mode": "AUTO"})),
        Some(ToolChoice::None) => Some(json!({"mode": "NONE"})),
        Some(ToolChoice::Required) => Some(json!({"mode": "ANY"})),
        Some(ToolChoice::Named(name)) => {
            Some(json!({"mode": "ANY", "allowedFunctionNames": [name]}))
        }
        Some(ToolChoice::Subset { names, required }) => {
            let mode = if *required { "ANY" } else { "VALIDATED" };
            Some(json!({"mode": mode, "allowedFunctionNames": names}))
        }
    };
    if let Some(calling) = calling {
        rest.insert(
            "toolConfig".into(),
            json!({"functionCallingConfig": calling}),
        );
    }
    if chat.parallel_calls.is_some() {
        dropped.push("parallel_tool_calls".into());
    }
    Ok(())
}

/// With the wide kind of schema: the narrow one is refused for most of what schemas hold.
fn declaration(tool: &Tool, dropped: &mut Dropped) -> Value {
    let mut out = json!({"name": tool.name});
    if let Some(description) = &tool.description {
        out["description"] = json!(description);
    }
    if let Some(schema) = &tool.parameters {
        out["parametersJsonSchema"] = schema.clone();
    }
    if tool.cache.is_some() {
        dropped.push("tools.cache_control".into());
    }
    out
}
