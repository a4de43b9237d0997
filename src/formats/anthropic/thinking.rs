//! How much the model is asked to think, and how its words are drawn: what goes together depends on the model.

use super::block::HOME;
use crate::chat::{Chat, Effort, Message, Off, Part, Role, Sampling, Takes, Thinking};
use crate::formats::{Dropped, fields::adapted};
use serde_json::{Map, Value, json};

/// `max_tokens` must be given; this where the caller set no limit.
const MAX_TOKENS: u64 = 4096;
/// The smallest thinking budget that is accepted.
const MIN_BUDGET: u64 = 1024;

/// Adds to `output_config`.
pub fn output(rest: &mut Map<String, Value>, key: &str, value: Value) {
    rest.entry("output_config").or_insert_with(|| json!({}))[key] = value;
}

/// Decides `max_tokens` and the thinking that fits into it, and whether there is any that restricts other fields.
/// `forced`: a tool must be called.
pub fn write(
    chat: &Chat,
    takes: &Takes,
    forced: bool,
    rest: &mut Map<String, Value>,
    dropped: &mut Dropped,
) -> (u64, bool) {
    let limit = chat.max_tokens.unwrap_or(MAX_TOKENS);
    let Some(wanted) = chat.thinking else {
        return (limit, false);
    };
    if wanted == Thinking::Off {
        off(takes, rest, dropped);
        return (limit, false);
    }
    if !may_think(chat, forced) {
        dropped.push("reasoning_effort".into());
        return (limit, false);
    }
    let budget = match wanted {
        Thinking::Adaptive if takes.adaptive => {
            rest.insert("thinking".into(), adaptive(chat));
            return (limit, true);
        }
        Thinking::Effort(_) | Thinking::Budget(_) if !takes.budget => {
            let effort = match wanted {
                Thinking::Budget(budget) => {
                    dropped.push(adapted("thinking.budget_tokens"));
                    Effort::covering(budget)
                }
                Thinking::Effort(effort) => effort,
                Thinking::Off | Thinking::Adaptive => Effort::Medium,
            };
            rest.insert("thinking".into(), adaptive(chat));
            if let Some(effort) = takes.effort(effort) {
                output(rest, "effort", json!(effort.name()));
            }
            return (limit, true);
        }
        Thinking::Budget(budget) => budget,
        Thinking::Effort(effort) => effort.budget(),
        Thinking::Off | Thinking::Adaptive => Effort::Medium.budget(),
    };
    // The budget is part of the limit; without a limit of the caller's the answer keeps its own room.
    let limit = chat
        .max_tokens
        .unwrap_or_else(|| MAX_TOKENS.saturating_add(budget));
    let budget = if budget < limit { budget } else { limit / 2 };
    if budget < MIN_BUDGET {
        dropped.push("reasoning_effort".into());
        return (limit, false);
    }
    rest.insert(
        "thinking".into(),
        json!({"type": "enabled", "budget_tokens": budget}),
    );
    (limit, true)
}

/// As much thinking as the model finds right, shown as it was asked for.
fn adaptive(chat: &Chat) -> Value {
    let mut thinking = json!({"type": "adaptive"});
    if let Some(shown) = chat.show_thoughts {
        thinking["display"] = json!(if shown { "summarized" } else { "omitted" });
    }
    thinking
}

/// Turns thinking off, or as low as the model goes.
fn off(takes: &Takes, rest: &mut Map<String, Value>, dropped: &mut Dropped) {
    let word = match takes.off {
        Off::Unknown | Off::Effort => "disabled",
        Off::Type(word) => word,
        Off::Never => {
            dropped.push(adapted("reasoning_effort"));
            if let Some(least) = takes.efforts.first() {
                output(rest, "effort", json!(least.name()));
            }
            return;
        }
    };
    rest.insert("thinking".into(), json!({"type": word}));
}

/// Thinking is refused together with a forced tool, and in the middle of a tool loop whose calls came without sealed thoughts.
fn may_think(chat: &Chat, forced: bool) -> bool {
    let last = chat
        .messages
        .iter()
        .rev()
        .find(|message| message.role == Role::Assistant);
    let in_loop = matches!(chat.messages.last(), Some(Message { role: Role::User, parts, id: None }) if parts.iter().any(|part| matches!(part, Part::Result(_))));
    let sealed = |part: &Part| matches!(part, Part::Thought(thought) if thought.seal.as_ref().is_some_and(|seal| seal.issuer == HOME));
    !forced && (!in_loop || last.is_some_and(|message| message.parts.iter().any(sealed)))
}

/// `temperature`, `top_p` and `top_k`, as far as the model takes them; defaults say nothing and are left out where they
/// could only be refused.
pub fn sampling(
    chat: &Chat,
    takes: &Takes,
    thinks: bool,
    rest: &mut Map<String, Value>,
    dropped: &mut Dropped,
) {
    let fixed = takes.sampling == Sampling::Fixed;
    let mut lose = |name: &str| dropped.push(name.to_owned());
    match chat.temperature {
        // Thinking allows no other temperature than 1.
        Some(1.0) if thinks || fixed => {}
        Some(_) if thinks || fixed => lose("temperature"),
        Some(temperature) if temperature > 1.0 => {
            lose(&adapted("temperature"));
            rest.insert("temperature".into(), json!(1.0));
        }
        Some(temperature) => _ = rest.insert("temperature".into(), json!(temperature)),
        None => {}
    }
    let beside = chat.temperature.is_some() && takes.sampling == Sampling::Either;
    match chat.top_p {
        Some(top_p) if (beside || fixed) && top_p < 1.0 => lose("top_p"),
        Some(_) if beside || fixed => {}
        Some(top_p) if thinks && top_p < 0.95 => lose("top_p"),
        Some(top_p) => _ = rest.insert("top_p".into(), json!(top_p)),
        None => {}
    }
    match chat.top_k {
        Some(_) if thinks || fixed => lose("top_k"),
        Some(top_k) => _ = rest.insert("top_k".into(), json!(top_k)),
        None => {}
    }
}
