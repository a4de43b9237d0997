//! The one answer to a request, before it is written in a format: the same request always gets the same.

use super::ask::{Ask, Tool};
use super::call::Call;
use super::{GREETING, play::Play, schema, script::Script};

/// Why the answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    Stop,
    Length,
    Tool,
    /// A filter ended it.
    Filter,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// All prompt tokens, cached ones and cache writes included.
    pub prompt: u64,
    pub cached: u64,
    pub cache_write: u64,
    /// All generated tokens, reasoning included.
    pub output: u64,
    pub reasoning: u64,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub thought: Option<String>,
    /// The text, in the pieces a stream sends it in. Empty: no text, only calls.
    pub pieces: Vec<String>,
    pub calls: Vec<Call>,
    pub finish: Finish,
    /// The text is a refusal.
    pub refusal: bool,
    pub usage: Usage,
}

impl Answer {
    /// The answer to `ask`, its turn of `play` where there is one.
    pub fn new(ask: &Ask, script: &Script, play: Option<&Play>) -> Answer {
        let turn = play.and_then(|play| play.turn(ask));
        let calls = match (turn, play) {
            (Some(turn), _) => turn.calls(ask),
            // Of its own accord it calls nothing but what the script says.
            (None, Some(_)) if ask.forced.is_none() => Vec::new(),
            _ if script.filter || script.refusal => Vec::new(),
            _ => made_up(ask, script),
        };
        let thought = match turn {
            Some(turn) => turn.think.clone(),
            None => (ask.thinking || script.think).then(|| {
                format!(
                    "A mock does not think; it has read {} bytes.",
                    ask.text_bytes
                )
            }),
        };
        let plain = play.and_then(Play::default);
        let mut text = match (turn, plain) {
            (Some(turn), _) => turn.text.clone().unwrap_or_default(),
            (None, Some(plain)) if ask.schema.is_none() => plain.to_owned(),
            _ if calls.is_empty() => text(ask, script),
            _ => String::new(),
        };
        if script.refusal {
            text = "A mock was asked to refuse this.".to_owned();
        }
        if let Some(bytes) = script.bytes {
            text = fit(&text, bytes);
        }
        if script.bad_text {
            text.push_str(&format!(" torn{} ", super::stream::TORN));
        }
        let mut finish = match calls.is_empty() {
            _ if script.filter => Finish::Filter,
            true => Finish::Stop,
            false => Finish::Tool,
        };
        let limit = ask.max_tokens.unwrap_or(u64::MAX).saturating_mul(4);
        if text.len() as u64 > limit {
            text.truncate(text.floor_char_boundary(limit as usize));
            finish = Finish::Length;
        }
        let tokens = |bytes: usize| bytes.div_ceil(4) as u64;
        let reasoning = thought
            .as_deref()
            .map_or(0, |thought| tokens(thought.len()));
        let prompt = ask.prompt_tokens();
        let cached = script.cached.unwrap_or(0).min(prompt);
        let usage = Usage {
            prompt,
            cached,
            cache_write: script.cache_write.unwrap_or(0).min(prompt - cached),
            output: tokens(text.len())
                + calls
                    .iter()
                    .map(|call| tokens(call.arguments.len()))
                    .sum::<u64>()
                + reasoning,
            reasoning,
        };
        Answer {
            thought,
            pieces: pieces(&text, script.events),
            calls,
            finish,
            refusal: script.refusal,
            usage,
        }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        self.pieces.concat()
    }
}

/// Calls of the tools that the request asks for, with arguments that fit their schemas.
fn made_up(ask: &Ask, script: &Script) -> Vec<Call> {
    let before = ask.calls_before();
    ask.calls(&script.call)
        .into_iter()
        .enumerate()
        .map(|(at, tool)| call(tool, before + at, script))
        .collect()
}

/// The call of a tool, the `number`th of its conversation.
fn call(tool: &Tool, number: usize, script: &Script) -> Call {
    let arguments = match tool.custom {
        true => format!("mock {}", tool.name),
        false if script.bad_arguments => "{\"broken\": ".to_owned(),
        false => schema::instance(&tool.schema, &tool.name).to_string(),
    };
    Call {
        id: format!("mock_{number}"),
        name: tool.name.clone(),
        arguments,
        custom: tool.custom,
        namespace: tool.namespace.clone(),
    }
}

/// Both pieces that arguments and thoughts are streamed in.
pub fn halves(text: &str) -> [&str; 2] {
    text.split_at(text.floor_char_boundary(text.len() / 2))
        .into()
}

fn text(ask: &Ask, script: &Script) -> String {
    if let Some(schema) = &ask.schema {
        return match schema.as_bool() {
            Some(_) => serde_json::json!({"mock": true, "said": ask.prompt}).to_string(),
            None => schema::instance(schema, "answer").to_string(),
        };
    }
    if script.echo {
        return ask.prompt.clone();
    }
    let mut text = GREETING.to_owned();
    if !ask.results.is_empty() {
        let results: Vec<String> = ask
            .results
            .iter()
            .map(|(_, result)| result.clone())
            .collect();
        text.push_str(&format!(
            " {} tool results: {}.",
            results.len(),
            results.join(" | ")
        ));
    }
    if !ask.images.is_empty() {
        text.push_str(&format!(
            " {} images: {}.",
            ask.images.len(),
            ask.images.join(", ")
        ));
    }
    text.push_str(&format!(" You said: {}", ask.prompt));
    text
}

/// The text repeated or cut to exactly `bytes` (less where a character does not fit).
fn fit(text: &str, bytes: usize) -> String {
    let mut all = text.repeat(bytes / text.len().max(1) + 1);
    all.truncate(all.floor_char_boundary(bytes));
    all
}

/// The text word by word, or in exactly `count` pieces, more words added where it has too few.
fn pieces(text: &str, count: Option<usize>) -> Vec<String> {
    let mut words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
    let Some(count) = count else { return words };
    if words.is_empty() {
        return words;
    }
    while words.len() < count {
        words.push(format!(" mock{}", words.len()));
    }
    let rest: String = words.drain(count.max(1)..).collect();
    if let Some(last) = words.last_mut() {
        last.push_str(&rest);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_as_many_as_asked() {
        for count in 1..9 {
            assert_eq!(pieces("one two three four", Some(count)).len(), count);
        }
        assert_eq!(pieces("one two three", Some(2)).concat(), "one two three");
        assert_eq!(pieces("one two", None), ["one ", "two"]);
    }

    #[test]
    fn a_size_is_met() {
        assert_eq!(fit("abc", 7), "abcabca");
        assert_eq!(fit("é", 3), "é");
        assert_eq!(fit("", 5), "");
    }
}
