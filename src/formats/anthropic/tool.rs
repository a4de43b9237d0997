//! Tools and the choice among them, both directions.

use super::client_tool;
use crate::chat::{Chat, Takes, Tool, ToolChoice};
use crate::error::Result;
use crate::formats::fields::{Fields, adapted, missing, unsupported, wrong};
use crate::formats::written::Object;
use crate::formats::{Dropped, cache, schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Takes what the request says about tools.
pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    for mut tool in fields.objects("tools")?.unwrap_or_default() {
        let cache = cache::read(&mut tool, &mut chat.lost)?;
        let kind = tool.text("type")?;
        let read = match kind.as_deref() {
            None | Some("custom") => own(&mut tool)?,
            Some(kind) => client_tool::read(kind, &mut tool, &mut chat.lost)?.ok_or_else(|| {
                unsupported(
                    &tool.path("type"),
                    &format!(
                        "the tool `{}` runs on Anthropic's side and cannot be translated to another format",
                        kind.escape_debug()
                    ),
                )
            })?,
        };
        chat.tools.push(Tool { cache, ..read });
        tool.rest(&mut chat.lost);
    }
    choice(fields, chat)
}

fn own(tool: &mut Fields) -> Result<Tool> {
    let at = tool.path("input_schema");
    let schema = tool.value("input_schema")?.ok_or_else(|| missing(&at))?;
    if !schema.is_object() {
        return Err(wrong(&at, "an object"));
    }
    Ok(Tool {
        name: tool.need("name")?,
        description: tool.text("description")?,
        parameters: Some(schema),
        strict: tool.flag("strict")?,
        ..Tool::default()
    })
}

fn choice(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let Some(mut choice) = fields.object("tool_choice")? else {
        return Ok(());
    };
    chat.tool_choice = Some(match choice.need("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" => ToolChoice::Required,
        "tool" => ToolChoice::Named(choice.need("name")?),
        _ => return Err(wrong("tool_choice.type", "`auto`, `any`, `tool` or `none`")),
    });
    chat.parallel_calls = choice
        .flag("disable_parallel_tool_use")?
        .map(|disabled| !disabled);
    choice.rest(&mut chat.lost);
    Ok(())
}

/// A tool as it is declared.
#[derive(Debug)]
pub struct Declaration<'a> {
    name: &'a str,
    description: Option<Cow<'a, str>>,
    input_schema: Cow<'a, Value>,
    strict: Option<bool>,
    cache_control: Option<Value>,
}

impl Declaration<'_> {
    /// Writes it.
    pub fn put(&self, out: &mut Vec<u8>) {
        let mut tool = Object::begin(out);
        tool.text("name", self.name);
        if let Some(description) = &self.description {
            tool.text("description", description);
        }
        tool.member("input_schema", &self.input_schema);
        tool.may("strict", self.strict.as_ref());
        tool.may("cache_control", self.cache_control.as_ref()).end();
    }
}

/// The tools of a request, and the choice among them into its rest. Gives what the model has to be told in words, where it
/// cannot be made to call a tool.
pub fn write<'a>(
    chat: &'a Chat,
    takes: &Takes,
    rest: &mut Map<String, Value>,
    dropped: &mut Dropped,
) -> (Option<Vec<Declaration<'a>>>, Option<String>) {
    if chat.tools.is_empty() {
        return (None, None);
    }
    let subset = match &chat.tool_choice {
        Some(ToolChoice::Subset { names, .. }) => {
            dropped.push(adapted("tool_choice"));
            Some(names)
        }
        _ => None,
    };
    // There is no choice among some here: the others are not offered.
    let tools = chat
        .tools
        .iter()
        .filter(|tool| subset.is_none_or(|names| names.contains(&tool.name)))
        .map(|tool| declaration(tool, takes.schemas, dropped));
    let tools = Some(tools.collect());
    let (wanted, said) = match forced(chat) {
        Some(choice) if !takes.forced_tool => {
            dropped.push(adapted("tool_choice"));
            let said = match choice {
                ToolChoice::Named(name) => format!("Call the tool `{name}` now."),
                _ => "Call one of the tools now; do not answer with text alone.".to_owned(),
            };
            (Some(&ToolChoice::Auto), Some(said))
        }
        _ => (chat.tool_choice.as_ref(), None),
    };
    let mut choice = match wanted {
        None if chat.parallel_calls.is_none() => return (tools, said),
        None | Some(ToolChoice::Auto) => json!({"type": "auto"}),
        Some(ToolChoice::Subset {
            required: false, ..
        }) => json!({"type": "auto"}),
        Some(ToolChoice::None) => json!({"type": "none"}),
        Some(ToolChoice::Required | ToolChoice::Subset { .. }) => json!({"type": "any"}),
        Some(ToolChoice::Named(name)) => json!({"type": "tool", "name": name}),
    };
    if let (Some(parallel), false) = (
        chat.parallel_calls,
        chat.tool_choice == Some(ToolChoice::None),
    ) {
        choice["disable_parallel_tool_use"] = json!(!parallel);
    }
    rest.insert("tool_choice".into(), choice);
    (tools, said)
}

/// The choice, where it leaves the model no other way than a call.
pub fn forced(chat: &Chat) -> Option<&ToolChoice> {
    chat.tool_choice.as_ref().filter(|choice| {
        matches!(
            choice,
            ToolChoice::Required | ToolChoice::Named(_) | ToolChoice::Subset { required: true, .. }
        ) && !chat.tools.is_empty()
    })
}

fn declaration<'a>(tool: &'a Tool, schemas: bool, dropped: &mut Dropped) -> Declaration<'a> {
    let mut declared = Declaration {
        name: &tool.name,
        description: tool.description.as_deref().map(Cow::Borrowed),
        input_schema: match &tool.parameters {
            Some(given) if schema::untouched(given) => Cow::Borrowed(given),
            given => Cow::Owned(schema::of_arguments(given.as_ref())),
        },
        strict: tool.strict,
        cache_control: tool.cache.as_ref().map(cache::write),
    };
    // https://github.com/anthropics/claude-code/issues/27337
    if let Cow::Owned(schema) = &mut declared.input_schema
        && let Some(said) = schema::without_choices(schema)
    {
        dropped.push(adapted("tools.function.parameters"));
        let before = declared.description.map(|text| format!("{text}\n\n"));
        declared.description = Some((before.unwrap_or_default() + &said).into());
    }
    if declared.strict == Some(true) {
        let schema = &declared.input_schema;
        match schemas.then(|| schema::held(schema)).flatten() {
            Some(held) => {
                if held.adapted {
                    dropped.push(adapted("tools.function.parameters"));
                }
                declared.input_schema = Cow::Owned(held.schema);
            }
            None if schemas && schema["properties"] == json!({}) => {
                declared.input_schema.to_mut()["additionalProperties"] = json!(false);
            }
            None => {
                dropped.push("tools.function.strict".into());
                declared.strict = None;
            }
        }
    }
    declared
}
