//! A chat request, block-structured.

use super::{CachePoint, Part};
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
}

/// A function the model may call.
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

impl Message {
    /// A message of one text.
    pub fn text(role: Role, text: impl Into<String>) -> Message {
        Message {
            role,
            parts: vec![Part::Text(text.into())],
        }
    }
}
