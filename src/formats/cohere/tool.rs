//! Tools and the choice among them, and calls of them, both directions:
//! <https://docs.cohere.com/docs/tool-use-overview>.

use crate::chat::{Call, Chat, Part, Tool, ToolChoice, ToolKind};
use crate::error::Result;
use crate::formats::fields::{Fields, adapted, missing, unsupported, wrong};
use crate::formats::written::Tree;
use crate::formats::{Dropped, schema};
use serde_json::{Map, Value, json};

/// Takes what the request says about tools.
pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let strict = fields.flag("strict_tools")?.filter(|strict| *strict);
    for mut tool in fields.objects("tools")?.unwrap_or_default() {
        if let Some(kind) = tool.text("type")?.filter(|kind| kind != "function") {
            return Err(unsupported(
                &tool.path("type"),
                &format!(
                    "tools of type `{}` are not known, only `function`",
                    kind.escape_debug()
                ),
            ));
        }
        let at = tool.path("function");
        let mut function = tool.object("function")?.ok_or_else(|| missing(&at))?;
        let parameters = function.value("parameters")?;
        if parameters
            .as_ref()
            .is_some_and(|schema| !schema.is_object())
        {
            return Err(wrong(&function.path("parameters"), "an object"));
        }
        chat.tools.push(Tool {
            name: function.need("name")?,
            description: function.text("description")?,
            parameters,
            strict,
            ..Tool::default()
        });
        function.rest(&mut chat.lost);
        tool.rest(&mut chat.lost);
    }
    // In small letters it is taken, too.
    let choice = fields.text("tool_choice")?;
    let choice = choice.map(|word| word.to_ascii_uppercase());
    chat.tool_choice = match choice.as_deref() {
        None => None,
        Some("REQUIRED") => Some(ToolChoice::Required),
        Some("NONE") => Some(ToolChoice::None),
        Some(_) => return Err(wrong("tool_choice", "`REQUIRED` or `NONE`")),
    };
    Ok(())
}

/// The calls of the model's turn.
pub fn calls(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Vec<Part>> {
    let mut calls = Vec::new();
    for mut call in fields.objects("tool_calls")?.unwrap_or_default() {
        call.take("type");
        let at = call.path("function");
        let mut function = call.object("function")?.ok_or_else(|| missing(&at))?;
        let arguments = function.text("arguments")?.unwrap_or_default();
        calls.push(Part::Call(Call {
            id: call.need("id")?,
            name: function.need("name")?,
            arguments: match arguments.trim() {
                "" | "null" => "{}".to_owned(),
                _ => arguments,
            },
            ..Call::default()
        }));
        call.rest(lost);
    }
    Ok(calls)
}

/// A call, in a conversation and in an answer.
pub fn call(call: &Call) -> Tree<'_> {
    let called = [
        ("name", Tree::from(&call.name)),
        ("arguments", Tree::from(&call.arguments)),
    ];
    Tree::object([
        ("id", Tree::from(&call.id)),
        ("type", "function".into()),
        ("function", Tree::object(called)),
    ])
}

/// Puts tools into a request.
pub fn write(chat: &Chat, body: &mut Map<String, Value>, dropped: &mut Dropped) -> Result<()> {
    if chat.parallel_calls.is_some() && !chat.tools.is_empty() {
        dropped.push("parallel_tool_calls".into());
    }
    let (choice, among) = choice(chat, dropped);
    let mut tools = Vec::new();
    for tool in &chat.tools {
        if let ToolKind::Native(native) = &tool.kind {
            return Err(unsupported(
                "tools.type",
                &format!(
                    "the tool `{}` is one that only {} knows",
                    tool.name.escape_debug(),
                    native.format
                ),
            ));
        }
        if among.is_none_or(|names| names.contains(&tool.name)) {
            tools.push(tool);
        }
    }
    if tools.is_empty() {
        return Ok(());
    }
    strict(&tools, body, dropped);
    let all = tools.into_iter().map(|tool| declaration(tool, dropped));
    body.insert("tools".into(), all.collect());
    body.extend(choice.map(|word| ("tool_choice".to_owned(), json!(word))));
    Ok(())
}

/// The word for a choice, and the tools it is among: one that names some is one among these alone.
fn choice<'a>(
    chat: &'a Chat,
    dropped: &mut Dropped,
) -> (Option<&'static str>, Option<&'a [String]>) {
    let (names, required) = match &chat.tool_choice {
        None | Some(ToolChoice::Auto) => return (None, None),
        Some(ToolChoice::None) => return (Some("NONE"), None),
        Some(ToolChoice::Required) => return (Some("REQUIRED"), None),
        Some(ToolChoice::Named(name)) => (std::slice::from_ref(name), true),
        Some(ToolChoice::Subset { names, required }) => (&names[..], *required),
    };
    dropped.push(adapted("tool_choice"));
    let known = chat.tools.iter().any(|tool| names.contains(&tool.name));
    (required.then_some("REQUIRED"), known.then_some(names))
}

/// All tools are held to their schemas, or none; only such are that insist on something.
fn strict(tools: &[&Tool], body: &mut Map<String, Value>, dropped: &mut Dropped) {
    let wanted = |tool: &&Tool| tool.strict == Some(true);
    let insists = |tool: &&Tool| {
        let required = tool.parameters.as_ref().and_then(|of| of.get("required"));
        required
            .and_then(Value::as_array)
            .is_some_and(|names| !names.is_empty())
    };
    match tools.iter().filter(|tool| wanted(tool)).count() {
        0 => {}
        count if count == tools.len() && tools.iter().all(insists) => {
            body.insert("strict_tools".into(), json!(true));
        }
        _ => dropped.push("tools.function.strict".into()),
    }
}

fn declaration(tool: &Tool, dropped: &mut Dropped) -> Value {
    if tool.cache.is_some() {
        dropped.push("tools.cache_control".into());
    }
    let mut function = Map::new();
    function.insert("name".into(), json!(tool.name));
    function.extend(
        tool.description
            .as_ref()
            .map(|text| ("description".to_owned(), json!(text))),
    );
    function.insert(
        "parameters".into(),
        schema::of_arguments(tool.parameters.as_ref()),
    );
    json!({"type": "function", "function": function})
}
