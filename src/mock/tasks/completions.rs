//! Completions as they were before chats. <https://platform.openai.com/docs/api-reference/completions>

use super::needed;
use crate::mock::Shared;
use crate::mock::answer::{Answer, Finish};
use crate::mock::ask::{Ask, Refusal, Wire, text_of};
use crate::mock::openai::{CREATED, usage};
use crate::mock::reply::{Reply, id};
use crate::mock::script::Script;
use crate::mock::spoil;
use crate::mock::stream::{Frame, Style};
use serde_json::{Value, json};

/// The reply to a request.
pub fn answer(shared: &Shared, body: &Value, script: &Script) -> Result<Reply, Refusal> {
    let model = needed(body, "model")?;
    let prompts = match &body["prompt"] {
        Value::Array(list) if list.iter().any(|prompt| !prompt.is_number()) => list.len(),
        _ => 1,
    };
    let prompt = match &body["prompt"] {
        Value::Array(list) if list.iter().all(Value::is_string) => {
            let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            texts.join("\n")
        }
        Value::Null => {
            return Err(Refusal::new(
                "Missing required parameter: 'prompt'.",
                "prompt",
            ));
        }
        prompt @ Value::Array(_) => prompt.to_string(),
        prompt => text_of(prompt),
    };
    let mut ask = Ask {
        wire: Wire::Openai,
        model: model.to_owned(),
        stream: body["stream"] == Value::Bool(true),
        include_usage: body["stream_options"]["include_usage"] == Value::Bool(true),
        text_bytes: prompt.len(),
        max_tokens: Some(body["max_tokens"].as_u64().unwrap_or(16)),
        choices: prompts * body["n"].as_u64().unwrap_or(1).clamp(1, 8) as usize,
        ..Ask::default()
    };
    ask.user(prompt, Vec::new());
    let answer = Answer::new(&ask, script, shared.settings.play.as_ref());
    let extra = vec![id(Wire::Openai).to_owned()];
    if !ask.stream {
        let choice = |index| piece(index, &answer.text(), Some(finish(answer.finish)));
        let mut whole = envelope(&ask, (0..ask.choices).map(choice).collect());
        whole["usage"] = usage(&answer.usage, script).unwrap_or_default();
        return Ok(spoil::answer(&ask, Wire::Openai, whole, script, extra));
    }
    let style = Style::Events(script.sse);
    let frames = spoil::frames(frames(&ask, &answer, script), style, &ask, script);
    Ok(Reply::Stream {
        extra,
        style,
        frames,
    })
}

fn frames(ask: &Ask, answer: &Answer, script: &Script) -> Vec<Frame> {
    let mut frames = Vec::new();
    let usage = usage(&answer.usage, script).filter(|_| ask.include_usage);
    for index in 0..ask.choices {
        for text in &answer.pieces {
            let chunk = envelope(ask, json!([piece(index, text, None)]));
            frames.push(Frame::data(&chunk, true));
        }
        let end = envelope(ask, json!([piece(index, "", Some(finish(answer.finish)))]));
        frames.push(Frame::data(&end, false));
    }
    if let Some(usage) = usage {
        let mut last = envelope(ask, json!([]));
        last["usage"] = usage;
        frames.push(Frame::data(&last, false));
    }
    frames.push(Frame::data(&"[DONE]", false));
    frames
}

fn envelope(ask: &Ask, choices: Value) -> Value {
    json!({"id": "cmpl-mock", "object": "text_completion", "created": CREATED, "model": ask.model,
        "system_fingerprint": "gw-mock", "choices": choices})
}

fn piece(index: usize, text: &str, finish: Option<&str>) -> Value {
    json!({"text": text, "index": index, "logprobs": null, "finish_reason": finish})
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::Filter => "content_filter",
        Finish::Stop | Finish::Tool => "stop",
    }
}
