//! Conversations to play: a file says what is answered turn by turn, so that a coding agent can be led through a task.
//!
//! Which turn is due follows from the request alone: how many calls and answers its history has. So the same file plays
//! the same way in every format, in any order of requests, and again from the beginning. A conversation is taken up
//! only where its tools are on offer; what agents ask on the side, a title for instance, gets the plain answer.

use super::ask::{Ask, Past, Tool};
use super::call::Call;
use serde::Deserialize;
use serde_json::{Value, json};

/// A file of conversations.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Play {
    conversations: Vec<Conversation>,
    /// The text that all other requests get.
    default: Option<String>,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Conversation {
    #[serde(default)]
    when: When,
    turns: Vec<Turn>,
}

/// Which requests belong to a conversation.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
struct When {
    /// A user's message has this in it; turns are counted from that message on.
    text: Option<String>,
    /// These tools are on offer, beside those that the turns call.
    tools: Vec<String>,
    model: Option<String>,
}

/// One answer.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Turn {
    pub think: Option<String>,
    pub text: Option<String>,
    calls: Vec<Line>,
}

/// One call: `arguments` as an object (or as the exact text), `input` for a tool that takes free text.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    arguments: Option<Value>,
    input: Option<String>,
}

impl Play {
    /// Reads a file: TOML where its name ends so, else JSON. An error says what is the matter with it.
    pub fn open(file: &std::path::Path) -> Result<Play, String> {
        let text =
            std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))?;
        let play = match file.extension().is_some_and(|end| end == "toml") {
            true => toml::from_str(&text).map_err(|error| error.to_string()),
            false => serde_json::from_str(&text).map_err(|error| error.to_string()),
        };
        play.map_err(|error| format!("is no script: {}", error.trim_end()))
    }

    /// The turn that is due; nothing where the request belongs to no conversation, or to one that is over.
    pub fn turn(&self, ask: &Ask) -> Option<&Turn> {
        self.conversations.iter().find_map(|conversation| {
            let past = conversation.since(ask)?;
            conversation.turns.get(conversation.done(past))
        })
    }

    /// The text for requests that no turn is for.
    pub fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }
}

impl Conversation {
    /// The past since the conversation began; nothing where the request is none of its.
    fn since<'a>(&self, ask: &'a Ask) -> Option<&'a [Past]> {
        if self
            .when
            .model
            .as_ref()
            .is_some_and(|model| *model != ask.model)
        {
            return None;
        }
        let called = self.turns.iter().flat_map(|turn| &turn.calls);
        let mut needed = called.map(|line| &line.name).chain(&self.when.tools);
        if !needed.all(|name| ask.tools.iter().any(|tool| tool.name == *name)) {
            return None;
        }
        let Some(text) = &self.when.text else {
            return Some(&ask.past);
        };
        let begin = ask
            .past
            .iter()
            .position(|past| matches!(past, Past::User(said) if said.contains(text)))?;
        ask.past.get(begin..)
    }

    /// How many turns a past has done. Calls are counted, not the messages that they came in: agents and formats split
    /// parallel calls differently.
    fn done(&self, past: &[Past]) -> usize {
        let (mut calls, mut texts) = (0, 0);
        for past in past {
            match past {
                Past::Model(0) => texts += 1,
                Past::Model(more) => calls += more,
                Past::User(_) | Past::Result => {}
            }
        }
        let mut done = 0;
        for turn in &self.turns {
            let left = if turn.calls.is_empty() {
                &mut texts
            } else {
                &mut calls
            };
            let Some(rest) = left.checked_sub(turn.calls.len().max(1)) else {
                break;
            };
            *left = rest;
            done += 1;
        }
        done
    }
}

impl Turn {
    /// The calls of this turn, as the tools on offer take them.
    pub fn calls(&self, ask: &Ask) -> Vec<Call> {
        let before = ask.calls_before();
        let offered = |name: &str| ask.tools.iter().find(|tool| tool.name == name);
        self.calls
            .iter()
            .enumerate()
            .filter_map(|(at, line)| {
                let tool = offered(&line.name)?;
                Some(Call {
                    id: format!("mock_{}", before + at),
                    name: line.name.clone(),
                    arguments: line.arguments(tool),
                    custom: tool.custom,
                    namespace: tool.namespace.clone(),
                })
            })
            .collect()
    }
}

impl Line {
    fn arguments(&self, tool: &Tool) -> String {
        match (&self.input, &self.arguments) {
            (Some(input), _) if tool.custom => input.clone(),
            // Where a gateway made a function of a tool that takes free text, the text is its only property.
            (Some(input), None) => {
                let properties = tool.schema["properties"].as_object();
                let only = properties.filter(|properties| properties.len() == 1);
                let name = only.and_then(|only| only.keys().next());
                json!({name.map_or("input", String::as_str): input}).to_string()
            }
            (_, Some(Value::String(exact))) => exact.clone(),
            (_, Some(arguments)) => arguments.to_string(),
            (None, None) => "{}".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
