//! What a request of either format asks for, as far as the mock's answer depends on it.

use serde_json::Value;

/// The format a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Openai,
    Anthropic,
}

/// A tool on offer.
#[derive(Debug)]
pub struct Tool {
    pub name: String,
    pub schema: Value,
}

/// A chat request.
#[derive(Debug)]
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
}

/// Why a request is refused: the message and the field.
pub type Refusal = (String, &'static str);

/// Reads a chat request.
pub fn read(wire: Wire, body: &[u8]) -> Result<Ask, Refusal> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| (format!("the body is not JSON: {error}"), "body"))?;
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let Some(messages) = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
    else {
        return Err(("messages: a non-empty list is required".into(), "messages"));
    };
    let max_tokens = body["max_completion_tokens"]
        .as_u64()
        .or(body["max_tokens"].as_u64());
    if wire == Wire::Anthropic && max_tokens.is_none() {
        return Err(("max_tokens: field required".into(), "max_tokens"));
    }
    let mut ask = Ask {
        wire,
        model,
        stream: body["stream"].as_bool().unwrap_or(false),
        include_usage: body["stream_options"]["include_usage"]
            .as_bool()
            .unwrap_or(false),
        prompt: String::new(),
        text_bytes: 0,
        images: Vec::new(),
        tools: tools(wire, &body["tools"]),
        forced: forced(&body["tool_choice"]),
        parallel: body["parallel_tool_calls"] != Value::Bool(false)
            && body["tool_choice"]["disable_parallel_tool_use"] != Value::Bool(true),
        results: Vec::new(),
        schema: schema(wire, &body),
        thinking: matches!(
            body["thinking"]["type"].as_str(),
            Some("enabled" | "adaptive")
        ),
        max_tokens,
        choices: body["n"].as_u64().unwrap_or(1).clamp(1, 8) as usize,
    };
    if wire == Wire::Anthropic {
        ask.text_bytes += text_of(&body["system"]).len();
    }
    for tool in &ask.tools {
        ask.text_bytes += tool.name.len() + tool.schema.to_string().len();
    }
    for message in messages {
        ask.message(message)?;
    }
    Ok(ask)
}

impl Ask {
    fn message(&mut self, message: &Value) -> Result<(), Refusal> {
        let content = &message["content"];
        let text = text_of(content);
        self.text_bytes += text.len();
        match message["role"].as_str() {
            Some("tool") => self.results.push((
                message["tool_call_id"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                text,
            )),
            Some("user") => {
                let parts = content.as_array().map(Vec::as_slice).unwrap_or_default();
                let mut results = Vec::new();
                for part in parts {
                    match part["type"].as_str() {
                        Some("image_url") => self
                            .images
                            .push(media_type(part["image_url"]["url"].as_str())),
                        Some("image") => self.images.push(
                            part["source"]["media_type"]
                                .as_str()
                                .unwrap_or("url")
                                .to_owned(),
                        ),
                        Some("tool_result") => {
                            let result = text_of(&part["content"]);
                            self.text_bytes += result.len();
                            results.push((
                                part["tool_use_id"].as_str().unwrap_or_default().to_owned(),
                                result,
                            ));
                        }
                        _ => {}
                    }
                }
                if !text.is_empty() || results.is_empty() {
                    self.prompt = text;
                    self.results.clear();
                }
                self.results.extend(results);
            }
            Some("assistant") => {
                self.results.clear();
            }
            Some("system" | "developer") => {}
            _ => return Err(("messages: a message has no known role".into(), "messages")),
        }
        Ok(())
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

fn tools(wire: Wire, tools: &Value) -> Vec<Tool> {
    let read = |tool: &Value| {
        let (tool, schema) = match wire {
            Wire::Openai => (&tool["function"], "parameters"),
            Wire::Anthropic => (tool, "input_schema"),
        };
        Some(Tool {
            name: tool["name"].as_str()?.to_owned(),
            schema: tool[schema].clone(),
        })
    };
    tools
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(read)
        .collect()
}

fn forced(choice: &Value) -> Option<String> {
    match choice.as_str().or(choice["type"].as_str())? {
        "required" | "any" => Some(String::new()),
        "function" => choice["function"]["name"].as_str().map(str::to_owned),
        "tool" => choice["name"].as_str().map(str::to_owned),
        _ => None,
    }
}

fn schema(wire: Wire, body: &Value) -> Option<Value> {
    let format = match wire {
        Wire::Openai => &body["response_format"],
        Wire::Anthropic if body["output_config"]["format"].is_object() => {
            &body["output_config"]["format"]
        }
        Wire::Anthropic => &body["output_format"],
    };
    match format["type"].as_str()? {
        "json_schema" => Some(
            if wire == Wire::Openai {
                &format["json_schema"]["schema"]
            } else {
                &format["schema"]
            }
            .clone(),
        ),
        "json_object" => Some(Value::Bool(true)),
        _ => None,
    }
}

fn text_of(content: &Value) -> String {
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
fn media_type(url: Option<&str>) -> String {
    let rest = url
        .and_then(|url| url.strip_prefix("data:"))
        .and_then(|rest| rest.split([';', ',']).next());
    rest.unwrap_or("url").to_owned()
}
