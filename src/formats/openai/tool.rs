//! Tools and the choice among them; the `functions` of old as well.

use crate::chat::{Call, Chat, Grammar, Issuer, Seal, SealKind, Tool, ToolChoice, ToolKind};
use crate::error::Result;
use crate::formats::fields::{Fields, missing, string, unsupported, wrong};
use crate::formats::written::Tree;
use crate::formats::{Dropped, cache, schema, seal as seals};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Takes what the request says about tools.
pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    for mut tool in fields.objects("tools")?.unwrap_or_default() {
        match tool.text("type")?.as_deref() {
            None | Some("function") => {}
            Some("custom") => {
                let at = tool.path("custom");
                let custom = tool.object("custom")?.ok_or_else(|| missing(&at))?;
                chat.tools.push(free(custom, &mut chat.lost)?);
                tool.rest(&mut chat.lost);
                continue;
            }
            Some(kind) => {
                return Err(unsupported(
                    &tool.path("type"),
                    &format!(
                        "tools of type `{}` cannot be translated to another format, only `function` and `custom`",
                        kind.escape_debug()
                    ),
                ));
            }
        }
        let at = tool.path("function");
        let mark = cache::read(&mut tool, &mut chat.lost)?;
        let mut read = function(
            tool.object("function")?.ok_or_else(|| missing(&at))?,
            &mut chat.lost,
        )?;
        read.cache = read.cache.or(mark);
        chat.tools.push(read);
        tool.rest(&mut chat.lost);
    }
    for old in fields.objects("functions")?.unwrap_or_default() {
        chat.tools.push(function(old, &mut chat.lost)?);
    }
    chat.tool_choice = choice(fields)?;
    chat.parallel_calls = fields.flag("parallel_tool_calls")?;
    Ok(())
}

/// A call, in a conversation and in an answer. Google's seal stands where its own service for this format has it:
/// <https://ai.google.dev/gemini-api/docs/thought-signatures>.
pub fn call(call: &Call) -> Tree<'_> {
    let (kind, said) = match call.free {
        true => ("custom", "input"),
        false => ("function", "arguments"),
    };
    let called = [
        ("name", Tree::from(&call.name)),
        (said, Tree::from(&call.arguments)),
    ];
    let mut written = Tree::object([
        ("id", Tree::from(&call.id)),
        ("type", kind.into()),
        (kind, Tree::object(called)),
    ]);
    if let Some(seal) = &call.seal {
        let data = seals::write(seal, Issuer::Google);
        let extra = json!({"google": {"thought_signature": data}});
        written.push("extra_content", extra);
    }
    written
}

/// The seal of a call.
pub fn seal(call: &mut Fields) -> Result<Option<Seal>> {
    let Some(mut extra) = call.object("extra_content")? else {
        return Ok(None);
    };
    let google = extra.object("google")?;
    let data = match google {
        Some(mut google) => google.text("thought_signature")?,
        None => None,
    };
    Ok(data.map(|data| seals::read(data, Issuer::Google, SealKind::Signature)))
}

/// A tool called with free text: <https://platform.openai.com/docs/guides/function-calling#custom-tools>.
fn free(mut custom: Fields, lost: &mut Vec<String>) -> Result<Tool> {
    let mut grammar = None;
    if let Some(mut format) = custom.object("format")?
        && format.need("type")? == "grammar"
    {
        let at = format.path("grammar");
        let mut given = format.object("grammar")?.ok_or_else(|| missing(&at))?;
        grammar = Some(Grammar {
            syntax: given.need("syntax")?,
            definition: given.need("definition")?,
        });
    }
    let tool = Tool {
        name: custom.need("name")?,
        description: custom.text("description")?,
        kind: ToolKind::Free(grammar),
        ..Tool::default()
    };
    custom.rest(lost);
    Ok(tool)
}

fn function(mut function: Fields, lost: &mut Vec<String>) -> Result<Tool> {
    let parameters = function.value("parameters")?;
    if parameters
        .as_ref()
        .is_some_and(|schema| !schema.is_object())
    {
        return Err(wrong(&function.path("parameters"), "an object"));
    }
    let tool = Tool {
        name: function.need("name")?,
        description: function.text("description")?,
        parameters,
        strict: function.flag("strict")?,
        cache: cache::read(&mut function, lost)?,
        ..Tool::default()
    };
    function.rest(lost);
    Ok(tool)
}

fn choice(fields: &mut Fields) -> Result<Option<ToolChoice>> {
    let (key, raw) = match (fields.take("tool_choice"), fields.take("function_call")) {
        (Some(raw), _) => ("tool_choice", raw),
        (None, Some(raw)) => ("function_call", raw),
        (None, None) => return Ok(None),
    };
    if raw.is_string() {
        return match string(raw, key)?.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            // `any` is what Mistral calls it.
            "required" | "any" => Ok(Some(ToolChoice::Required)),
            _ => Err(wrong(
                key,
                "`auto`, `none`, `required` or an object naming a function",
            )),
        };
    }
    let mut given = Fields::of(raw, key)?;
    let kind = given.text("type")?;
    if kind.as_deref() == Some("allowed_tools") {
        return subset(given).map(Some);
    }
    if let Some(mut custom) = given.object("custom")? {
        return custom
            .need("name")
            .map(|name| Some(ToolChoice::Named(name)));
    }
    if let Some(kind) = kind.filter(|kind| kind != "function") {
        return Err(unsupported(
            &given.path("type"),
            &format!("a tool choice of type `{kind}` cannot be translated to another format"),
        ));
    }
    match given.object("function")? {
        Some(mut function) => function
            .need("name")
            .map(|name| Some(ToolChoice::Named(name))),
        None => given.need("name").map(|name| Some(ToolChoice::Named(name))),
    }
}

/// `allowed_tools`: <https://platform.openai.com/docs/guides/function-calling>.
fn subset(mut given: Fields) -> Result<ToolChoice> {
    let at = given.path("allowed_tools");
    let mut allowed = given.object("allowed_tools")?.ok_or_else(|| missing(&at))?;
    let mut names = Vec::new();
    for mut tool in allowed.objects("tools")?.unwrap_or_default() {
        let at = tool.path("function");
        let (function, custom) = (tool.object("function")?, tool.object("custom")?);
        let mut named = function.or(custom).ok_or_else(|| missing(&at))?;
        names.push(named.need("name")?);
    }
    Ok(ToolChoice::Subset {
        names,
        required: allowed.text("mode")?.as_deref() == Some("required"),
    })
}

/// The tools of a request; what it says of them beside goes into its body.
pub fn write<'a>(
    chat: &'a Chat,
    body: &mut Map<String, Value>,
    dropped: &mut Dropped,
) -> Option<Vec<Tree<'a>>> {
    if chat.tools.is_empty() {
        return None;
    }
    let tools = chat.tools.iter().map(|tool| declaration(tool, dropped));
    let tools = tools.collect();
    let choice = chat.tool_choice.as_ref().map(|choice| match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => named(chat, name),
        ToolChoice::Subset { names, required } => {
            let tools: Vec<Value> = names.iter().map(|name| named(chat, name)).collect();
            let mode = if *required { "required" } else { "auto" };
            json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}})
        }
    });
    body.extend(choice.map(|choice| ("tool_choice".to_owned(), choice)));
    body.extend(
        chat.parallel_calls
            .map(|parallel| ("parallel_tool_calls".to_owned(), json!(parallel))),
    );
    Some(tools)
}

fn named(chat: &Chat, name: &str) -> Value {
    let tool = chat.tools.iter().find(|tool| tool.name == name);
    match tool.map(|tool| &tool.kind) {
        Some(ToolKind::Free(_)) => json!({"type": "custom", "custom": {"name": name}}),
        _ => json!({"type": "function", "function": {"name": name}}),
    }
}

fn declaration<'a>(tool: &'a Tool, dropped: &mut Dropped) -> Tree<'a> {
    if tool.cache.is_some() {
        dropped.push("tools.cache_control".into());
    }
    if let ToolKind::Free(grammar) = &tool.kind {
        return free_declaration(tool, grammar.as_ref()).into();
    }
    let given = tool.parameters.as_ref();
    let parameters = given.map(|given| match schema::untouched(given) {
        true => Cow::Borrowed(given),
        false => Cow::Owned(schema::of_arguments(Some(given))),
    });
    // Strict schemas have to be closed and require everything here.
    let strict = tool
        .strict
        .filter(|strict| !strict || parameters.as_ref().is_none_or(|it| schema::closed(it)));
    if strict != tool.strict {
        dropped.push("tools.strict".into());
    }
    let mut function = Tree::object([("name", Tree::from(&tool.name))]);
    if let Some(description) = &tool.description {
        function.push("description", description);
    }
    if let Some(parameters) = parameters {
        function.push("parameters", Tree::Value(parameters));
    }
    if let Some(strict) = strict {
        function.push("strict", Value::from(strict));
    }
    Tree::object([("type", "function".into()), ("function", function)])
}

fn free_declaration(tool: &Tool, grammar: Option<&Grammar>) -> Value {
    let mut custom = Map::new();
    custom.insert("name".into(), json!(tool.name));
    custom.extend(
        tool.description
            .as_ref()
            .map(|text| ("description".to_owned(), json!(text))),
    );
    custom.extend(grammar.map(|grammar| {
        let given = json!({"syntax": grammar.syntax, "definition": grammar.definition});
        (
            "format".to_owned(),
            json!({"type": "grammar", "grammar": given}),
        )
    }));
    json!({"type": "custom", "custom": custom})
}
