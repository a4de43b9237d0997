//! What a request of any format asks for, as far as the mock's answer depends on it.

use serde_json::Value;

/// The format a request came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    #[default]
    Openai,
    Responses,
    Anthropic,
    Gemini,
    /// Amazon Bedrock's own; its errors are those of all that it hosts.
    Converse,
    Cohere,
}

/// A tool on offer.
#[derive(Debug)]
pub struct Tool {
    pub name: String,
    pub schema: Value,
    /// Takes free text where others take JSON.
    pub custom: bool,
    pub namespace: Option<String>,
}

/// What happened before, in order, as far as it tells how far a conversation is.
#[derive(Debug, PartialEq)]
pub enum Past {
    /// A user's text.
    User(String),
    /// A turn of the model with so many calls.
    Model(usize),
    /// A tool's result.
    Result,
}

/// A chat request.
#[derive(Debug, Default)]
pub struct Ask {
    pub wire: Wire,
    pub model: String,
    pub stream: bool,
    pub include_usage: bool,
    /// The last user message's text.
    pub prompt: String,
    /// Bytes of all texts, tools included.
    pub text_bytes: usize,
    /// Media types of the images, `url` where only an address was given.
    pub images: Vec<String>,
    pub tools: Vec<Tool>,
    /// The tool that must be called; empty: any.
    pub forced: Option<String>,
    pub parallel: bool,
    /// Results of tools after the last user text: id and text.
    pub results: Vec<(String, String)>,
    /// The schema the text must fit; `true` where any object will do.
    pub schema: Option<Value>,
    pub thinking: bool,
    pub max_tokens: Option<u64>,
    pub choices: usize,
    /// How likely the text was is to be told, with so many alternatives.
    pub likely: Option<usize>,
    pub past: Vec<Past>,
    /// The request itself, where its answer repeats it.
    pub echo: Value,
    /// What the ids of the answer are made from, where they have to differ from one answer to the next.
    pub id: String,
}

/// Why a request is refused.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    /// The field.
    pub param: String,
    pub code: Option<&'static str>,
}

impl Refusal {
    /// A request that is wrong in a field.
    pub fn new(message: impl Into<String>, param: impl Into<String>) -> Refusal {
        Refusal {
            status: 400,
            message: message.into(),
            param: param.into(),
            code: None,
        }
    }
    pub fn status(mut self, status: u16) -> Refusal {
        self.status = status;
        self
    }
    pub fn code(mut self, code: &'static str) -> Refusal {
        self.code = Some(code);
        self
    }
}

impl Ask {
    /// Takes in a user's turn: its text, and the results of tools that came with it.
    pub fn user(&mut self, text: String, results: Vec<(String, String)>) {
        if !text.is_empty() || results.is_empty() {
            self.past.push(Past::User(text.clone()));
            self.prompt = text;
            self.results.clear();
        }
        for (id, text) in results {
            self.result(id, text);
        }
    }

    /// Takes in the result of a tool.
    pub fn result(&mut self, id: String, text: String) {
        self.past.push(Past::Result);
        self.results.push((id, text));
    }

    /// Takes in what the model said; neighbours are one turn.
    pub fn said(&mut self, calls: usize) {
        self.results.clear();
        match self.past.last_mut() {
            Some(Past::Model(before)) => *before += calls,
            _ => self.past.push(Past::Model(calls)),
        }
    }

    /// Calls made so far: new ones are numbered from here, so that no id comes twice in a conversation.
    pub fn calls_before(&self) -> usize {
        let calls = |past: &Past| match past {
            Past::Model(calls) => *calls,
            _ => 0,
        };
        self.past.iter().map(calls).sum()
    }

    /// What tells one answer of a conversation from the others.
    pub fn number(&self) -> usize {
        self.past.len()
    }

    /// Counts the tools as part of the prompt.
    pub fn weigh_tools(&mut self) {
        for tool in &self.tools {
            self.text_bytes += tool.name.len() + tool.schema.to_string().len();
        }
    }

    /// Prompt tokens: a fixed rule, four bytes each and 85 an image.
    pub fn prompt_tokens(&self) -> u64 {
        (self.text_bytes.div_ceil(4) + 85 * self.images.len()) as u64
    }

    /// Names of the tools to call: the script's, or those that the prompt asks for (`call NAME and NAME`), or the
    /// first one where a call is demanded. None once results are there.
    pub fn calls(&self, script: &[String]) -> Vec<&Tool> {
        if self.tools.is_empty() || !self.results.is_empty() {
            return Vec::new();
        }
        let find = |name: &str| self.tools.iter().find(|tool| tool.name == name);
        let mut named: Vec<&Tool> = script.iter().filter_map(|name| find(name)).collect();
        if let Some(name) = self.forced.as_deref().filter(|name| !name.is_empty()) {
            named = find(name).into_iter().collect();
        } else if named.is_empty() {
            if let Some((_, rest)) = self.prompt.to_lowercase().split_once("call ") {
                let mut places: Vec<_> = self
                    .tools
                    .iter()
                    .filter_map(|tool| rest.find(&tool.name.to_lowercase()).map(|at| (at, tool)))
                    .collect();
                places.sort_by_key(|(at, _)| *at);
                named = places.into_iter().map(|(_, tool)| tool).collect();
            }
            if named.is_empty() && self.forced.is_some() {
                named.extend(self.tools.first());
            }
        }
        named.truncate(if self.parallel { usize::MAX } else { 1 });
        named
    }
}

/// The texts of a content that is a text or a list of parts.
pub fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

/// `image/png` out of `data:image/png;base64,…`.
pub fn media_type(url: Option<&str>) -> String {
    let rest = url
        .and_then(|url| url.strip_prefix("data:"))
        .and_then(|rest| rest.split([';', ',']).next());
    rest.unwrap_or("url").to_owned()
}
