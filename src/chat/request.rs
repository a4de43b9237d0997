//! A chat request, block-structured.

use super::{CachePoint, Native, Part, Source, Words};
use serde_json::Value;

/// A chat request in the neutral model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    /// The model to call; the caller's word when read, the target's when written.
    pub model: String,
    /// Whether the answer is streamed.
    pub stream: bool,
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    /// Whether the model may call several tools at once; `None`: the provider's default.
    pub parallel_calls: Option<bool>,
    /// The shape the answer must have.
    pub answer: Option<Answer>,
    pub thinking: Option<Thinking>,
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub stop: Vec<String>,
    pub seed: Option<i64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    /// The caller's own end user, an opaque id.
    pub user: Option<String>,
    /// Words the caller keeps with the request: an object of strings.
    pub metadata: Option<Value>,
    /// The class of service asked for, in the caller's word.
    pub tier: Option<String>,
    /// How much the answer says (`low`, `medium`, `high`).
    pub verbosity: Option<String>,
    /// What requests have in common that share a prompt cache.
    pub cache_key: Option<String>,
    /// Whether the provider keeps the answer.
    pub store: Option<bool>,
    /// How many of the likeliest tokens are wanted beside each token of the answer; `None`: no likelihoods are.
    pub logprobs: Option<u64>,
    /// The answer is wanted spoken, too.
    pub audio: Option<Audio>,
    /// Images are wanted in the answer.
    pub images: bool,
    /// Whether thoughts, or a summary of them, are wanted in the answer; `None`: the provider's default.
    pub show_thoughts: Option<bool>,
    /// Number of answers asked for; `None`: one.
    pub count: Option<u64>,
    /// Fields of the request that this model has no place for, as JSON paths; writers report them as dropped.
    pub lost: Vec<String>,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator: instructions.
    System,
    /// The end user, and the results of tool calls.
    User,
    /// The model.
    Assistant,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
    /// Its own id, where the format gives it one.
    pub id: Option<String>,
}

/// How an answer is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    pub voice: String,
    /// Such as `wav`.
    pub format: String,
}

/// What the model may call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// JSON Schema of its arguments; `None`: it takes none.
    pub parameters: Option<Value>,
    /// Whether the arguments are held to the schema.
    pub strict: Option<bool>,
    /// Whether the prompt may be cached up to this tool.
    pub cache: Option<CachePoint>,
    pub kind: ToolKind,
    /// The group of tools it is one of.
    pub namespace: Option<String>,
}

/// What kind of tool it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ToolKind {
    /// It is called with a JSON object.
    #[default]
    Function,
    /// It is called with free text.
    Free(Option<Grammar>),
    /// Only one format knows it; its name is the kind it has there.
    Native(Native),
}

/// The grammar that free text is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grammar {
    /// `lark` or `regex`.
    pub syntax: String,
    pub definition: String,
}

/// Whether and which tool is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    Auto,
    None,
    /// Some tool, no matter which.
    Required,
    /// The tool of this name.
    Named(String),
    /// Some of these.
    Subset {
        names: Vec<String>,
        /// Whether one of them must be called.
        required: bool,
    },
}

/// The shape an answer must have.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Some JSON object.
    Json,
    /// JSON that fits a schema.
    Schema {
        name: Option<String>,
        description: Option<String>,
        schema: Value,
        strict: Option<bool>,
    },
}

/// How much the model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    Off,
    /// As much as the model finds right.
    Adaptive,
    Effort(Effort),
    /// At most this many tokens.
    Budget(u64),
}

/// Named amounts of thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    /// Every effort, smallest first.
    pub const ALL: [Effort; 6] = [
        Effort::Minimal,
        Effort::Low,
        Effort::Medium,
        Effort::High,
        Effort::XHigh,
        Effort::Max,
    ];

    /// The name the field uses.
    pub fn name(self) -> &'static str {
        match self {
            Effort::Minimal => "minimal",
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::XHigh => "xhigh",
            Effort::Max => "max",
        }
    }

    /// The effort of this name.
    pub fn named(name: &str) -> Option<Effort> {
        Effort::ALL.into_iter().find(|effort| effort.name() == name)
    }

    /// Tokens of thinking this stands for, where a provider wants a number.
    pub fn budget(self) -> u64 {
        match self {
            Effort::Minimal => 1024,
            Effort::Low => 2048,
            Effort::Medium => 8192,
            Effort::High => 16_384,
            Effort::XHigh | Effort::Max => 32_768,
        }
    }

    /// The smallest effort that covers a number of tokens.
    pub fn covering(budget: u64) -> Effort {
        Effort::ALL
            .into_iter()
            .find(|effort| effort.budget() >= budget)
            .unwrap_or(Effort::Max)
    }
}

impl Chat {
    /// About as many bytes as it takes when it is written, so that a long one need not be moved as it grows.
    pub fn room(&self) -> usize {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        let said: usize = parts.map(room).sum();
        1_024 + 1_024 * self.tools.len() + said + said / 16
    }

    /// The user says more. Results of calls and what is said right behind them are one turn.
    pub fn user_says(&mut self, parts: Vec<Part>) {
        let only_results = |parts: &[Part]| {
            !parts.is_empty() && parts.iter().all(|part| matches!(part, Part::Result(_)))
        };
        match self.messages.last_mut() {
            Some(last) if last.role == Role::User && only_results(&last.parts) => {
                last.parts.extend(parts)
            }
            _ => self.messages.push(Message {
                role: Role::User,
                parts,
                id: None,
            }),
        }
    }
}

impl Message {
    /// A message of one text.
    pub fn text(role: Role, text: impl Into<Words>) -> Message {
        Message {
            role,
            parts: vec![Part::text(text)],
            id: None,
        }
    }
}

fn room(part: &Part) -> usize {
    64 + match part {
        Part::Text(text) => text.room(),
        Part::Call(call) => call.arguments.len(),
        Part::Result(result) => result.parts.iter().map(room).sum(),
        Part::Thought(thought) => thought.text.len(),
        Part::Media(media) => match &media.source {
            Source::Base64 { data, .. } | Source::Text(data) => data.len(),
            Source::Url(_) | Source::File(_) => 0,
        },
        Part::Refusal(_) | Part::CachePoint(_) | Part::Native(_) => 0,
    }
}
