//! `thinkingConfig`: a number of tokens for models before Gemini 3, a level since:
//! <https://ai.google.dev/gemini-api/docs/thinking>.

use super::proto;
use crate::chat::{Chat, Effort, Off, Takes, Thinking};
use crate::error::Result;
use crate::formats::Dropped;
use crate::formats::fields::{Fields, adapted, wrong};
use serde_json::{Map, Value, json};

/// As much as the model finds right.
const DYNAMIC: i64 = -1;
/// The most that every model takes that takes a number.
const MOST: u64 = 24_576;
/// The least that those take which always think.
const LEAST: u64 = 128;

const LEVELS: &[&str] = &[
    "THINKING_LEVEL_UNSPECIFIED",
    "LOW",
    "MEDIUM",
    "HIGH",
    "MINIMAL",
];

pub fn write(chat: &Chat, takes: &Takes, dropped: &mut Dropped) -> Option<Value> {
    let mut config = Map::new();
    let thinks = !matches!(chat.thinking, None | Some(Thinking::Off));
    match chat.show_thoughts {
        // Callers who ask for thinking elsewhere are shown what was thought.
        None if thinks => _ = config.insert("includeThoughts".into(), json!(true)),
        None => {}
        Some(show) => _ = config.insert("includeThoughts".into(), json!(show)),
    }
    let level = |effort: Effort| json!(effort.name().to_ascii_uppercase());
    match chat.thinking {
        None => {}
        Some(Thinking::Off) => match (takes.off, takes.budget) {
            (Off::Never, budget) => {
                dropped.push(adapted("reasoning_effort"));
                match takes.efforts.first() {
                    _ if budget => _ = config.insert("thinkingBudget".into(), json!(LEAST)),
                    Some(least) => _ = config.insert("thinkingLevel".into(), level(*least)),
                    None => {}
                }
            }
            _ => _ = config.insert("thinkingBudget".into(), json!(0)),
        },
        Some(Thinking::Adaptive) if takes.budget => {
            config.insert("thinkingBudget".into(), json!(DYNAMIC));
        }
        // It is what these do by themselves.
        Some(Thinking::Adaptive) => {}
        Some(wanted @ (Thinking::Effort(_) | Thinking::Budget(_))) if !takes.budget => {
            let effort = match wanted {
                Thinking::Effort(effort) => effort,
                Thinking::Budget(budget) => {
                    dropped.push(adapted("thinking.budget_tokens"));
                    Effort::covering(budget)
                }
                Thinking::Off | Thinking::Adaptive => Effort::Medium,
            };
            match takes.effort(effort) {
                Some(taken) => {
                    if taken != effort && matches!(wanted, Thinking::Effort(_)) {
                        dropped.push(adapted("reasoning_effort"));
                    }
                    config.insert("thinkingLevel".into(), level(taken));
                }
                None => dropped.push("reasoning_effort".into()),
            }
        }
        Some(Thinking::Effort(effort)) => {
            let budget = effort.budget().min(MOST);
            config.insert("thinkingBudget".into(), json!(budget));
        }
        Some(Thinking::Budget(budget)) => {
            if budget > MOST {
                dropped.push(adapted("thinking.budget_tokens"));
            }
            config.insert("thinkingBudget".into(), json!(budget.min(MOST)));
        }
    }
    (!config.is_empty()).then_some(Value::Object(config))
}

pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let Some(mut config) = proto::object(fields, "thinkingConfig")? else {
        return Ok(());
    };
    chat.show_thoughts = config.flag("includeThoughts")?;
    let at = config.path("thinkingLevel");
    let level = proto::word(&mut config, "thinkingLevel", LEVELS)?;
    let level = level.filter(|level| level != LEVELS[0]);
    let effort = level
        .map(|level| {
            Effort::named(&level.to_ascii_lowercase())
                .ok_or_else(|| wrong(&at, "`MINIMAL`, `LOW`, `MEDIUM` or `HIGH`"))
        })
        .transpose()?;
    let budget = proto::whole(&mut config, "thinkingBudget")?;
    chat.thinking = match (effort, budget) {
        (Some(effort), _) => Some(Thinking::Effort(effort)),
        (None, Some(0)) => Some(Thinking::Off),
        (None, Some(budget)) => {
            Some(u64::try_from(budget).map_or(Thinking::Adaptive, Thinking::Budget))
        }
        (None, None) => None,
    };
    config.rest(&mut chat.lost);
    Ok(())
}
