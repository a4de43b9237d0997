//! Writes the request for an upstream: its top level. Turns, tools and the configuration have their own files.

use super::block::{self, Block, Pen};
use super::document::Names;
use super::family::Family;
use super::turns::{self, Turn};
use super::{config, tool};
use crate::chat::Chat;
use crate::error::Result;
use crate::formats::anthropic::marks;
use crate::formats::fields::{adapted, dedup, unsupported};
use crate::formats::names::{self, Knows};
use crate::formats::written::{Object, write_list};
use crate::formats::{Dropped, Target, Written};
use serde_json::Map;
use std::borrow::Cow;

/// Tools are functions whose names are short and plain.
const KNOWS: Knows = Knows {
    any_name: false,
    ..Knows::FUNCTIONS
};

/// Writes the request for an upstream. Its model and whether it streams stand in the path.
pub fn write(chat: &Chat, target: &Target<'_>) -> Result<Written> {
    for (name, wanted, what) in [
        (
            "n",
            chat.count.is_some_and(|count| count > 1),
            "several answers",
        ),
        ("logprobs", chat.logprobs.is_some(), "likelihoods of tokens"),
        ("audio", chat.audio.is_some(), "a spoken answer"),
        ("modalities", chat.images, "images in an answer"),
    ] {
        if wanted {
            let what = format!("{what} cannot be asked of Amazon Bedrock");
            return Err(unsupported(name, &what));
        }
    }
    let mut dropped: Dropped = chat.lost.clone();
    let chat = &*names::plain(chat, KNOWS, &mut dropped);
    let within = marks::within(chat);
    if matches!(within, Cow::Owned(_)) {
        dropped.push(adapted("cache_control"));
    }
    let chat = &*within;
    let (takes, family) = (target.takes, Family::of(target.model));
    let mut rest = Map::new();
    let mut pen = Pen {
        family,
        names: Names::default(),
        dropped: &mut dropped,
    };
    let (mut system, messages) = turns::write(chat, takes, &mut pen)?;
    let said = tool::write(chat, takes, family, &mut rest, &mut dropped)?;
    let asked = config::write(chat, takes, family, &mut rest, &mut dropped);
    let words = said.into_iter().chain(asked);
    system.extend(words.map(Block::text));
    let mut out = Vec::with_capacity(chat.room());
    let mut body = Object::begin(&mut out);
    write_list(&messages, body.key("messages"), Turn::put);
    if !system.is_empty() {
        block::put(&system, body.key("system"));
    }
    for (name, value) in &rest {
        body.member(name, value);
    }
    body.end();
    dedup(&mut dropped);
    Ok(Written { body: out, dropped })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::CODEC;
    use crate::formats::{Quirks, Target, anthropic};
    use serde_json::{Value, json};

    /// What a model of this name is sent of a request of Anthropic's, and what is listed.
    fn sent(model: &str, more: Value) -> (Value, Vec<String>) {
        let mut body = json!({"model": "m", "max_tokens": 4000, "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let chat = anthropic::CODEC
            .read_request(body.to_string().as_bytes())
            .unwrap();
        let target = Target {
            model,
            quirks: &Quirks::NONE,
            takes: crate::catalog::takes(model),
        };
        let written = CODEC.write_request(&chat, &target).unwrap();
        (
            serde_json::from_slice(&written.body).unwrap(),
            written.dropped,
        )
    }

    const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

    #[test]
    fn anthropics_models_are_told_in_their_makers_words() {
        let (body, dropped) = sent(
            SONNET,
            json!({"top_k": 5, "stop_sequences": ["END"], "temperature": 0.5}),
        );
        assert_eq!(body["additionalModelRequestFields"], json!({"top_k": 5}));
        assert_eq!(
            body["additionalModelResponseFieldPaths"],
            json!(["/stop_sequence"])
        );
        assert_eq!(
            body["inferenceConfig"],
            json!({"maxTokens": 4000, "temperature": 0.5, "stopSequences": ["END"]})
        );
        assert!(dropped.is_empty(), "{dropped:?}");
        let thinking = json!({"type": "enabled", "budget_tokens": 2000});
        let (body, dropped) = sent(SONNET, json!({"thinking": thinking}));
        assert_eq!(
            body["additionalModelRequestFields"],
            json!({"thinking": thinking})
        );
        assert!(dropped.is_empty(), "{dropped:?}");
        // Newer ones are told an effort instead.
        let (body, _) = sent(
            "global.anthropic.claude-opus-4-7",
            json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
        );
        assert_eq!(
            (
                &body["additionalModelRequestFields"],
                &body["outputConfig"]["effort"]
            ),
            (&json!({"thinking": {"type": "adaptive"}}), &json!("xhigh"))
        );
    }

    #[test]
    fn of_whom_the_id_does_not_tell_only_what_all_know_is_asked() {
        let profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/k3x1";
        let asked = json!({"top_k": 5, "thinking": {"type": "enabled", "budget_tokens": 2000}});
        for model in [profile, "us.amazon.nova-2-lite-v1:0", "qwen.qwen3-32b-v1:0"] {
            let (body, dropped) = sent(model, asked.clone());
            assert!(
                body.get("additionalModelRequestFields").is_none(),
                "{model}"
            );
            assert_eq!(
                dropped,
                ["top_k", "thinking.budget_tokens (adapted)"],
                "{model}"
            );
        }
        let said = json!({"messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "c2VhbA"}, {"type": "text", "text": "yes"}]},
            {"role": "user", "content": "more"},
        ]});
        for (model, marked, sealed) in [
            (SONNET, true, true),
            (profile, true, true),
            ("us.amazon.nova-2-lite-v1:0", true, false),
            ("qwen.qwen3-32b-v1:0", false, false),
        ] {
            let (body, dropped) = sent(model, said.clone());
            let text = body.to_string();
            assert_eq!(
                (text.contains("cachePoint"), text.contains("c2VhbA")),
                (marked, sealed),
                "{model}"
            );
            assert_eq!(dropped.is_empty(), marked && sealed, "{model}");
        }
    }

    #[test]
    fn a_conversation_with_calls_has_tools() {
        let said = json!([
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_a", "name": "weather", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_a", "content": ""}]},
        ]);
        let (body, dropped) = sent(SONNET, json!({"messages": said}));
        let tools = body["toolConfig"]["tools"].as_array().unwrap();
        assert_eq!(
            (tools.len(), &tools[0]["toolSpec"]["name"]),
            (1, &json!("weather"))
        );
        assert_eq!(dropped, ["tools (adapted)"]);
        let tool =
            json!({"name": "weather", "description": "", "input_schema": {"type": "object"}});
        let none = json!({"messages": said, "tools": [tool], "tool_choice": {"type": "none"}});
        let (body, dropped) = sent(SONNET, none);
        assert_eq!(
            body["toolConfig"],
            json!({"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object", "properties": {}}}}}]})
        );
        assert_eq!(
            body["system"],
            json!([{"text": "Do not call any tool now; answer in words."}])
        );
        assert_eq!(dropped, ["tool_choice (adapted)"]);
    }

    #[test]
    fn ids_fit_and_calls_and_results_keep_together() {
        let id = "call/".repeat(20);
        let (body, _) = sent(
            SONNET,
            json!({"messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "text", "text": "so"}, {"type": "tool_result", "tool_use_id": id, "content": "1"}]},
            ]}),
        );
        let call = body["messages"][1]["content"][0]["toolUse"]["toolUseId"]
            .as_str()
            .unwrap();
        // Results come first.
        assert_eq!(
            body["messages"][2]["content"][0]["toolResult"]["toolUseId"],
            call
        );
        assert!(call.len() <= 64 && !call.contains('/'), "{call}");
    }
}
