//! Tools whose shape Anthropic defined and whose work the caller does: `bash_…`, `text_editor_…`, `computer_…`,
//! `memory_…`. To other models they are functions like any other; here is what their inputs look like.
//! <https://platform.claude.com/docs/en/agents-and-tools/tool-use/tool-reference>

use crate::chat::Tool;
use crate::error::Result;
use crate::formats::fields::{Fields, adapted};
use serde_json::{Value, json};

/// One kind of these tools; versions differ in what models were trained on, hardly in inputs.
struct Kind {
    /// What its type begins with; a date follows.
    prefix: &'static str,
    description: &'static str,
    inputs: fn() -> Value,
}

static KINDS: [Kind; 4] = [
    Kind {
        prefix: "bash_",
        description: "Runs a command in a bash session that keeps its state between calls.",
        inputs: || {
            json!({"type": "object", "properties": {
                "command": {"type": "string", "description": "The command to run; not needed with `restart`"},
                "restart": {"type": "boolean", "description": "True to start the session anew"}
            }})
        },
    },
    Kind {
        prefix: "text_editor_",
        description: "Views, creates and edits text files.",
        inputs: || files(&["view", "create", "str_replace", "insert"]),
    },
    Kind {
        prefix: "memory_",
        description: "Keeps notes in files below `/memories` that last beyond this conversation.",
        inputs: || {
            let mut inputs = files(&[
                "view",
                "create",
                "str_replace",
                "insert",
                "delete",
                "rename",
            ]);
            inputs["properties"]["old_path"] =
                json!({"type": "string", "description": "For `rename`"});
            inputs["properties"]["new_path"] =
                json!({"type": "string", "description": "For `rename`"});
            inputs["required"] = json!(["command"]);
            inputs
        },
    },
    Kind {
        prefix: "computer_",
        description: "Controls a computer by mouse and keyboard and shows its screen.",
        inputs: || {
            json!({"type": "object", "required": ["action"], "properties": {
                "action": {"type": "string", "enum": [
                    "screenshot", "left_click", "right_click", "middle_click", "double_click", "triple_click",
                    "left_click_drag", "left_mouse_down", "left_mouse_up", "mouse_move", "cursor_position",
                    "scroll", "type", "key", "hold_key", "wait", "zoom"
                ]},
                "coordinate": {"type": "array", "items": {"type": "integer"}, "description": "[x, y] in pixels from the top left"},
                "start_coordinate": {"type": "array", "items": {"type": "integer"}, "description": "Where `left_click_drag` begins"},
                "region": {"type": "array", "items": {"type": "integer"}, "description": "[x1, y1, x2, y2] for `zoom`"},
                "text": {"type": "string", "description": "What to type, or the key or keys to press"},
                "scroll_direction": {"type": "string", "enum": ["up", "down", "left", "right"]},
                "scroll_amount": {"type": "integer"},
                "duration": {"type": "number", "description": "Seconds, for `hold_key` and `wait`"}
            }})
        },
    },
];

/// Inputs of the two tools that work on files.
fn files(commands: &[&str]) -> Value {
    json!({"type": "object", "required": ["command", "path"], "properties": {
        "command": {"type": "string", "enum": commands},
        "path": {"type": "string", "description": "The file or directory"},
        "view_range": {"type": "array", "items": {"type": "integer"}, "description": "First and last line, for `view`"},
        "file_text": {"type": "string", "description": "The whole text, for `create`"},
        "old_str": {"type": "string", "description": "The text to replace, for `str_replace`"},
        "new_str": {"type": "string", "description": "The text in its place, for `str_replace`"},
        "insert_line": {"type": "integer", "description": "The line behind which to insert, for `insert`"},
        "insert_text": {"type": "string", "description": "The text to insert, for `insert`"}
    }})
}

/// The tool as a function, where the caller runs it; `None`: somebody else does.
pub fn read(kind: &str, tool: &mut Fields, lost: &mut Vec<String>) -> Result<Option<Tool>> {
    let dated = |kind: &str| !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_digit());
    let Some(known) = KINDS
        .iter()
        .find(|known| kind.strip_prefix(known.prefix).is_some_and(dated))
    else {
        return Ok(None);
    };
    lost.push(adapted("tools.type"));
    let mut description = known.description.to_owned();
    if let (Some(width), Some(height)) = (
        tool.count("display_width_px")?,
        tool.count("display_height_px")?,
    ) {
        description.push_str(&format!(" The screen is {width}x{height} pixels."));
    }
    Ok(Some(Tool {
        name: tool.need("name")?,
        description: Some(description),
        parameters: Some((known.inputs)()),
        ..Tool::default()
    }))
}
