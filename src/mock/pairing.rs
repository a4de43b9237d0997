//! Refusing what OpenAI's chat and Anthropic's messages refuse of a conversation: calls and results that do not belong
//! together, choices of tools that are not there.

use super::ask::{Refusal, Wire};
use serde_json::Value;

/// Looks at a request.
pub fn check(wire: Wire, body: &Value) -> Result<(), Refusal> {
    match wire {
        Wire::Openai => chat(body),
        Wire::Anthropic => messages(body),
        Wire::Responses | Wire::Gemini | Wire::Converse | Wire::Cohere => Ok(()),
    }
}

fn refuse<T>(message: impl Into<String>, param: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(message, param))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn chat(body: &Value) -> Result<(), Refusal> {
    let tools = list(&body["tools"]);
    if body["tools"].is_array() && tools.is_empty() {
        return refuse(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "tools",
        );
    }
    for name in ["tool_choice", "parallel_tool_calls"] {
        if !body[name].is_null() && tools.is_empty() && body[name] != "none" {
            return refuse(
                format!(
                    "Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
                ),
                name,
            );
        }
    }
    for (at, tool) in tools.iter().enumerate() {
        let kind = tool["type"].as_str().unwrap_or_default();
        let name = tool[kind]["name"].as_str();
        if !name.is_some_and(named) {
            let param = format!("tools[{at}].{kind}.name");
            return refuse(
                format!(
                    "Invalid '{param}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
                ),
                param,
            );
        }
    }
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in list(&body["messages"]).iter().enumerate() {
        let id = message["tool_call_id"].as_str().unwrap_or_default();
        if message["role"] == "tool" {
            let Some(place) = open.iter().position(|open| *open == id) else {
                let param = format!("messages.[{at}].role");
                return refuse(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                    param,
                );
            };
            open.remove(place);
            continue;
        }
        answered(&open)?;
        for (index, call) in list(&message["tool_calls"]).iter().enumerate() {
            let id = call["id"].as_str().unwrap_or_default();
            if id.is_empty() || id.len() > 64 {
                let param = format!("messages[{at}].tool_calls[{index}].id");
                return refuse(
                    format!(
                        "Invalid '{param}': string too long. Expected a string with maximum length 64."
                    ),
                    param,
                );
            }
            open.push(id);
        }
    }
    answered(&open)
}

fn answered(open: &[&str]) -> Result<(), Refusal> {
    match open.first() {
        Some(id) => refuse(
            format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {id}"
            ),
            "messages",
        ),
        None => Ok(()),
    }
}

fn messages(body: &Value) -> Result<(), Refusal> {
    if !body["tool_choice"].is_null() && list(&body["tools"]).is_empty() {
        return refuse(
            "tool_choice may only be specified while providing tools.",
            "tool_choice",
        );
    }
    for (at, tool) in list(&body["tools"]).iter().enumerate() {
        let own = matches!(tool["type"].as_str(), None | Some("custom"));
        if own && tool["input_schema"]["type"] != "object" {
            return refuse(
                format!("tools.{at}.custom.input_schema.type: Input should be 'object'"),
                "tools",
            );
        }
        if own && !tool["name"].as_str().is_some_and(named) {
            return refuse(
                format!(
                    "tools.{at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
                ),
                "tools",
            );
        }
    }
    if let Some(budget) = body["thinking"]["budget_tokens"].as_u64() {
        if budget < 1024 {
            return refuse(
                "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
                "thinking",
            );
        }
        if body["max_tokens"]
            .as_u64()
            .is_some_and(|most| most <= budget)
        {
            return refuse(
                "`max_tokens` must be greater than `thinking.budget_tokens`.",
                "max_tokens",
            );
        }
        if matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool")) {
            return refuse(
                "Thinking may not be enabled when tool_choice forces tool use.",
                "tool_choice",
            );
        }
    }
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in list(&body["messages"]).iter().enumerate() {
        let blocks = list(&message["content"]);
        let path = |index: usize| format!("messages.{at}.content.{index}");
        let id = |block: &'_ Value, name: &str| block[name].as_str().unwrap_or_default().to_owned();
        // Neighbours of one role are one turn: results may come in several messages.
        let assistant = message["role"] == "assistant";
        for (index, block) in blocks.iter().enumerate() {
            match block["type"].as_str() {
                Some("text") if block["text"] == "" => {
                    return refuse(
                        "messages: text content blocks must be non-empty",
                        path(index),
                    );
                }
                Some("tool_result") => {
                    let wanted = id(block, "tool_use_id");
                    let Some(place) = open.iter().position(|open| *open == wanted) else {
                        let path = path(index);
                        return refuse(
                            format!(
                                "{path}: unexpected `tool_use_id` found in `tool_result` blocks: {wanted}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
                            ),
                            path,
                        );
                    };
                    open.remove(place);
                }
                Some("tool_use") if !block["id"].as_str().is_some_and(named) => {
                    let path = path(index);
                    return refuse(
                        format!(
                            "{path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
                        ),
                        path,
                    );
                }
                Some("tool_use") => open.extend(block["id"].as_str()),
                _ => {}
            }
        }
        if let Some(id) = open.first().filter(|_| !assistant) {
            return refuse(
                format!(
                    "messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}. Each `tool_use` block must have a corresponding `tool_result` block in the next message."
                ),
                "messages",
            );
        }
    }
    match open.first() {
        Some(id) => refuse(
            format!(
                "messages: `tool_use` ids were found without `tool_result` blocks immediately after: {id}."
            ),
            "messages",
        ),
        None => Ok(()),
    }
}

fn named(name: &str) -> bool {
    let known = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'-';
    !name.is_empty() && name.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(wire: Wire, body: Value) -> String {
        check(wire, &body)
            .err()
            .map(|why| why.message)
            .unwrap_or_default()
    }

    #[test]
    fn chats_that_do_not_fit_together_are_refused() {
        let call = json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
        let user = json!({"role": "user", "content": "x"});
        for (body, said) in [
            (json!({"messages": [user, call, result("a"), user]}), ""),
            (
                json!({"messages": [user, result("a")]}),
                "must be a response to a preceeding message",
            ),
            (
                json!({"messages": [user, call, result("b")]}),
                "must be a response to a preceeding message",
            ),
            (
                json!({"messages": [user, call, user]}),
                "did not have response messages: a",
            ),
            (
                json!({"messages": [user, call]}),
                "did not have response messages: a",
            ),
            (json!({"messages": [user], "tools": []}), "empty array"),
            (
                json!({"messages": [user], "tool_choice": "auto"}),
                "only allowed when 'tools' are specified",
            ),
            (
                json!({"messages": [user], "parallel_tool_calls": true}),
                "only allowed when 'tools' are specified",
            ),
            (
                json!({"messages": [user], "tools": [{"type": "function", "function": {"name": "a b"}}]}),
                "does not match pattern",
            ),
        ] {
            let told = told(Wire::Openai, body);
            assert!(
                told.contains(said) && told.is_empty() == said.is_empty(),
                "{said}\n{told}"
            );
        }
    }

    #[test]
    fn messages_that_do_not_fit_together_are_refused() {
        let used = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]});
        let result = |id: &str| json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "x"}]});
        let user = json!({"role": "user", "content": "x"});
        for (body, said) in [
            (json!({"messages": [user, used, result("a"), user]}), ""),
            (
                json!({"messages": [user, result("a")]}),
                "unexpected `tool_use_id`",
            ),
            (
                json!({"messages": [user, used, user]}),
                "without `tool_result` blocks immediately after: a",
            ),
            (
                json!({"messages": [user, used]}),
                "without `tool_result` blocks immediately after: a",
            ),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}),
                "must be non-empty",
            ),
            (
                json!({"messages": [user], "tool_choice": {"type": "auto"}}),
                "while providing tools",
            ),
            (
                json!({"messages": [user], "tools": [{"name": "a", "input_schema": {}}]}),
                "Input should be 'object'",
            ),
            (
                json!({"messages": [user], "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 2000}}),
                "must be greater",
            ),
        ] {
            let told = told(Wire::Anthropic, body);
            assert!(
                told.contains(said) && told.is_empty() == said.is_empty(),
                "{said}\n{told}"
            );
        }
    }
}
