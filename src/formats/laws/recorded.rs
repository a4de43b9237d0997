//! Real traffic through the codecs: what an upstream said must reach a caller of either format as its own client would
//! have understood it. The recordings lie beside the project; without them these tests say that they skip.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::wire::{Outcome, outcome};
use crate::chat::{Event, Reply};
use crate::formats::{Codec, FormatId, ReplyContext, anthropic, openai};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

fn lines(file: &str) -> Option<Vec<Value>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings");
    let folder = std::env::var_os("GW_RECORDINGS").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        crate::skip::absent(&format!(
            "no recordings at `{}`; GW_RECORDINGS says where they are",
            folder.display()
        ));
        return None;
    };
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).expect("recordings are JSON lines"))
            .collect(),
    )
}

fn codec(api: &str) -> Option<&'static dyn Codec> {
    match api {
        "openai-chat" => Some(openai::CODEC),
        "anthropic-messages" => Some(anthropic::CODEC),
        _ => None,
    }
}

/// What the upstream's codec makes of a recorded body.
fn read_events(codec: &dyn Codec, stream: bool, body: &str) -> Result<Vec<Event>, String> {
    if !stream {
        return super::read_reply(codec, body.as_bytes())
            .map(|reply| reply.events())
            .map_err(|error| error.to_string());
    }
    super::read_stream(codec, body).map(|(told, _)| told)
}

fn written(codec: &dyn Codec, stream: bool, told: &[Event]) -> Result<String, String> {
    let context = ReplyContext {
        request_id: "req-1".into(),
        model: "m".into(),
        include_usage: true,
        created: 1,
    };
    let reply = Reply::fold(told).map_err(|fault| fault.message)?;
    if !stream {
        return Ok(String::from_utf8(codec.write_reply(&reply, &context)).unwrap());
    }
    let (mut writer, mut out) = (codec.writer(&context), Vec::new());
    told.iter().for_each(|event| writer.write(event, &mut out));
    Ok(String::from_utf8(out).unwrap())
}

/// Names of what differs, by the rules the recordings' own checking tool uses.
fn differences(expected: &Value, got: &Outcome) -> Vec<&'static str> {
    let text = |key: &str| expected[key].as_str().unwrap_or_default().trim().to_owned();
    // Arguments of nothing, `null` and `{}` are one.
    let called_with = |tool: &Value| {
        let bare = tool[1].is_null() || tool[1] == "" || tool[1] == serde_json::json!({});
        format!("{} {}", tool[0], if bare { &Value::Null } else { &tool[1] })
    };
    let sorted = |tools: &[Value]| {
        let mut tools: Vec<String> = tools.iter().map(called_with).collect();
        tools.sort();
        tools
    };
    let tools = sorted(expected["tools"].as_array().unwrap());
    let got_tools = sorted(&got.tools);
    let finish = expected["finish"].as_str();
    let called = matches!(finish, Some("stop" | "tool"))
        && !tools.is_empty()
        && got.finish.as_deref() == Some("tool");
    let count = |key: &str| expected["usage"][key].as_u64();
    let used = expected["usage"].is_null()
        || ["in", "out", "cached"]
            .iter()
            .zip(got.usage)
            .all(|(key, got)| count(key).is_none() || count(key) == got);
    [
        ("text", text("text") == got.text.trim()),
        ("reasoning", text("reasoning") == got.reasoning.trim()),
        ("tools", tools == got_tools),
        // Where an upstream gave no reason, callers still get one.
        (
            "finish",
            finish.is_none() || finish == got.finish.as_deref() || called,
        ),
        ("usage", used),
    ]
    .into_iter()
    .filter_map(|(name, same)| (!same).then_some(name))
    .collect()
}

#[test]
fn replies_come_out_equal_in_both_formats() {
    let (Some(exchanges), Some(expected)) = (lines("exchanges.jsonl"), lines("expected.jsonl"))
    else {
        return;
    };
    let expected: HashMap<&str, &Value> = expected
        .iter()
        .map(|line| (line["id"].as_str().unwrap(), line))
        .collect();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for exchange in &exchanges {
        let (Some(api), Some(line)) = (
            exchange["api"].as_str(),
            expected.get(exchange["id"].as_str().unwrap()),
        ) else {
            continue;
        };
        let (Some(from), Some(body)) = (codec(api), exchange["response_body"].as_str()) else {
            continue;
        };
        // `n` 0: an error with status 200, which is rightly not taken for an answer.
        let usable = line["class"].as_str().unwrap().starts_with("ok")
            && line["outcome"]["error"].is_null()
            && line["outcome"]["n"] != 0;
        if !usable {
            continue;
        }
        let stream = exchange["stream"].as_bool().unwrap();
        let id = if api == "openai-chat" {
            FormatId::OpenaiChat
        } else {
            FormatId::AnthropicMessages
        };
        match stream {
            true => super::readings::streams_agree(id, body),
            false => super::readings::replies_agree(id, body.as_bytes()),
        }
        for to in ["openai-chat", "anthropic-messages"] {
            let text = read_events(from, stream, body)
                .and_then(|told| written(codec(to).unwrap(), stream, &told));
            let bad = match &text {
                Ok(text) => differences(&line["outcome"], &outcome(to, stream, text)),
                Err(error) => {
                    eprintln!("{api} -> {to} {}: {error}", exchange["id"]);
                    vec!["refused"]
                }
            };
            let count = counts.entry(format!("{api} -> {to}")).or_default();
            count.0 += 1;
            count.1 += usize::from(bad.is_empty());
            if !bad.is_empty() {
                eprintln!(
                    "{api} -> {to} {} {}: {bad:?}",
                    exchange["id"], exchange["provider"]
                );
            }
        }
    }
    for (pair, (all, equal)) in &counts {
        eprintln!("{pair}: {equal} of {all} equal");
    }
    for (pair, (all, equal)) in counts {
        assert!(
            equal * 100 >= all * 99,
            "{pair}: only {equal} of {all} are equal"
        );
    }
}

#[test]
fn requests_translate_or_say_why_not() {
    let Some(exchanges) = lines("exchanges.jsonl") else {
        return;
    };
    let (mut all, mut good) = (0, 0);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in &exchanges {
        let (Some(api), true) = (
            exchange["api"].as_str(),
            exchange["request_body"].is_object(),
        ) else {
            continue;
        };
        let Some(from) = codec(api) else { continue };
        let to = codec(if api == "openai-chat" {
            "anthropic-messages"
        } else {
            "openai-chat"
        })
        .unwrap();
        all += 1;
        match from
            .read_request(exchange["request_body"].to_string().as_bytes())
            .and_then(|chat| to.write_request(&chat, &super::target(&chat)))
        {
            Ok(written) => {
                good += 1;
                // What was written is a request of its format.
                to.read_request(&written.body).unwrap();
            }
            Err(error) => {
                assert!(
                    error.param.is_some() && error.hint.is_some(),
                    "{}: {error:?} names no field",
                    exchange["id"]
                );
                *reasons.entry(format!("{api}: {error}")).or_default() += 1;
            }
        }
    }
    eprintln!("{good} of {all} requests translate; the others: {reasons:#?}");
    assert!(
        good * 100 >= all * 80,
        "only {good} of {all} requests translate"
    );
}
