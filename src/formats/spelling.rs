//! What each format calls a field: writers name what they leave out or refuse as the formats they know call it, and a
//! caller reads it as its own format does. A row a concept; what a format has no word for is called as it was.

use super::{Dropped, Format, Written, fields};
use crate::error::Result;
use crate::formats;
use std::borrow::Cow;

/// The columns of [`WORDS`].
const FORMATS: [&str; 6] = [
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini",
    "bedrock-converse",
    "cohere-chat",
];

/// One row: what the concept is called in each format; several words are parted by a blank, the first is the one that is
/// said.
type Row = [&'static str; 6];

#[rustfmt::skip]
static WORDS: &[Row] = &[
    ["max_completion_tokens max_tokens", "max_output_tokens", "max_tokens", "generationConfig.maxOutputTokens", "inferenceConfig.maxTokens", "max_tokens"],
    ["temperature", "temperature", "temperature", "generationConfig.temperature", "inferenceConfig.temperature", "temperature"],
    ["top_p", "top_p", "top_p", "generationConfig.topP", "inferenceConfig.topP", "p"],
    ["top_k", "top_k", "top_k", "generationConfig.topK", "additionalModelRequestFields.top_k", "k"],
    ["seed", "", "", "generationConfig.seed", "", "seed"],
    ["frequency_penalty", "", "", "generationConfig.frequencyPenalty", "", "frequency_penalty"],
    ["presence_penalty", "", "", "generationConfig.presencePenalty", "", "presence_penalty"],
    ["n", "", "", "generationConfig.candidateCount", "", ""],
    ["stop", "", "stop_sequences", "generationConfig.stopSequences", "inferenceConfig.stopSequences", "stop_sequences"],
    ["logprobs top_logprobs", "top_logprobs", "", "generationConfig.responseLogprobs generationConfig.logprobs", "", "logprobs"],
    ["user", "user", "metadata.user_id", "", "requestMetadata", ""],
    ["metadata", "metadata", "", "", "requestMetadata", ""],
    ["service_tier", "service_tier", "service_tier", "serviceTier", "serviceTier", ""],
    ["verbosity", "text.verbosity", "", "", "", ""],
    ["prompt_cache_key", "prompt_cache_key", "", "", "", ""],
    ["store", "store", "", "", "", ""],
    ["reasoning_effort", "reasoning.effort reasoning", "thinking thinking.budget_tokens output_config.effort", "generationConfig.thinkingConfig", "outputConfig.effort additionalModelRequestFields.thinking additionalModelRequestFields.thinking.budget_tokens", "thinking thinking.token_budget"],
    ["modalities", "", "", "generationConfig.responseModalities", "", ""],
    ["audio", "", "", "generationConfig.speechConfig", "", ""],
    ["response_format response_format.type", "text.format text.format.type", "output_config.format", "generationConfig.responseJsonSchema", "outputConfig.textFormat", "response_format response_format.type"],
    ["response_format.json_schema.schema", "text.format.schema", "output_config.format.schema", "generationConfig.responseJsonSchema", "outputConfig.textFormat.structure.jsonSchema.schema", "response_format.json_schema"],
    ["tools", "tools", "tools", "tools", "toolConfig.tools", "tools"],
    ["tools.type", "tools.type", "tools.type", "tools", "toolConfig.tools", "tools.type"],
    ["tools.function.parameters", "tools.parameters", "tools.input_schema", "tools.functionDeclarations.parameters", "toolConfig.tools.toolSpec.inputSchema", "tools.function.parameters"],
    ["tools.function.strict", "tools.strict", "tools.strict", "tools.functionDeclarations", "toolConfig.tools.toolSpec.strict", "strict_tools"],
    ["tools.cache_control", "tools.cache_control", "tools.cache_control", "tools", "toolConfig.tools.cachePoint", ""],
    ["tool_choice", "tool_choice", "tool_choice", "toolConfig.functionCallingConfig", "toolConfig.toolChoice", "tool_choice"],
    ["parallel_tool_calls", "parallel_tool_calls", "tool_choice.disable_parallel_tool_use", "", "", ""],
    ["messages", "input", "messages", "contents", "messages", "messages"],
    ["messages.role", "input.role", "messages.role", "contents.role", "messages.role", "messages.role"],
    ["messages.content", "input.content", "messages.content", "contents.parts", "messages.content", "messages.content"],
    ["messages.content.cache_control cache_control", "input.content.cache_control", "messages.content.cache_control cache_control", "contents.parts", "messages.content.cachePoint", ""],
    ["messages.content.image_url.detail", "input.content.detail", "", "contents.parts.mediaResolution", "", "messages.content.image_url.detail"],
    ["messages.content.image_url.url", "input.content.image_url", "messages.content.source", "contents.parts.fileData", "messages.content.image", "messages.content.image_url.url"],
    ["messages.content.file.file_data", "input.content.file_data", "messages.content.source", "contents.parts.inlineData", "messages.content.document", "documents"],
    ["messages.content.file.file_id", "input.content.file_id", "messages.content.source", "contents.parts.fileData", "messages.content.document", ""],
    ["messages.content.input_audio", "input.content.input_audio", "messages.content.source", "contents.parts.inlineData", "messages.content.audio", ""],
    ["messages.content.video_url", "", "messages.content.source", "contents.parts.inlineData", "messages.content.video", ""],
    ["messages.content", "input.content", "messages.content.source", "contents.parts.fileData", "messages.content", "messages.content"],
    ["messages.content.file.filename", "input.content.filename", "messages.content.title", "contents.parts.inlineData", "messages.content.document.name", "documents.data.title"],
    ["messages.tool_calls.function.arguments", "input.arguments", "messages.content.input", "contents.parts.functionCall.args", "messages.content.toolUse.input", "messages.tool_calls.function.arguments"],
    ["messages.content", "input.output", "messages.content.is_error", "contents.parts.functionResponse.response.error", "messages.content.toolResult.status", "messages.content"],
    ["messages.reasoning_content messages.thinking_blocks", "input.summary", "messages.content.thinking", "contents.parts.thought", "messages.content.reasoningContent", "messages.content.thinking messages.tool_plan"],
    ["messages.tool_calls", "input", "messages.content.tool_use", "contents.parts.functionCall", "messages.content.toolUse", "messages.tool_calls"],
];

/// The columns of [`VECTORS`].
const EMBEDDING: [&str; 2] = ["openai-embeddings", "cohere-embed"];

/// The same of embeddings.
static VECTORS: &[[&str; 2]] = &[
    ["input", "texts"],
    ["", "images inputs"],
    ["input_type", "input_type"],
    ["encoding_format", "embedding_types"],
    ["dimensions", "output_dimension"],
    ["user", ""],
];

/// What a caller of this format calls it. What is written behind it (`(adapted)`) stays.
fn spelt<'a>(name: &'a str, caller: &Format) -> Cow<'a, str> {
    let caller = formats::format(caller.spoken()).name;
    let column = |formats: &[&str]| formats.iter().position(|format| *format == caller);
    match (column(&FORMATS), column(&EMBEDDING)) {
        (Some(column), _) => of(name, WORDS, column),
        (None, Some(column)) => of(name, VECTORS, column),
        (None, None) => Cow::Borrowed(name),
    }
}

/// The name in a column of a table.
fn of<'a, const N: usize>(
    name: &'a str,
    table: &[[&'static str; N]],
    column: usize,
) -> Cow<'a, str> {
    let (path, mark) = match name.split_once(' ') {
        Some((path, _)) => name.split_at(path.len()),
        None => (name, ""),
    };
    let has = |words: &str| words.split(' ').any(|word| word == path);
    if table
        .iter()
        .any(|row| row.get(column).is_some_and(|words| has(words)))
    {
        return Cow::Borrowed(name);
    }
    let mut known = table
        .iter()
        .filter(|row| row.iter().any(|words| has(words)))
        .filter_map(|row| row.get(column)?.split(' ').next());
    match known.find(|said| !said.is_empty()) {
        Some(said) => Cow::Owned(format!("{said}{mark}")),
        None => Cow::Borrowed(name),
    }
}

/// A translation with its fields as its caller calls them: of what is left out, and of what it is refused for.
pub fn in_words_of(caller: &Format, written: Result<Written>) -> Result<Written> {
    match written {
        Ok(written) => Ok(Written {
            dropped: listed(written.dropped, caller),
            ..written
        }),
        Err(mut error) => {
            if let Some(field) = &mut error.param {
                let said = spelt(field, caller).into_owned();
                // What to do about it is said of the same field.
                let quoted = |name: &str| format!("`{name}`");
                error.hint = error
                    .hint
                    .map(|hint| hint.replace(&quoted(field), &quoted(&said)));
                *field = said;
            }
            Err(error)
        }
    }
}

/// A whole list, each once.
fn listed(names: Dropped, caller: &Format) -> Dropped {
    let mut names: Dropped = names
        .iter()
        .map(|name| spelt(name, caller).into_owned())
        .collect();
    fields::dedup(&mut names);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats;

    #[test]
    fn each_caller_reads_its_own_words() {
        let said = |name: &str, caller: &str| {
            formats::named(caller).map(|caller| spelt(name, caller).into_owned())
        };
        for (name, caller, word) in [
            ("stop", "anthropic-messages", "stop_sequences"),
            ("stop_sequences", "openai-chat", "stop"),
            ("stop", "openai-chat", "stop"),
            ("thinking", "openai-chat", "reasoning_effort"),
            (
                "thinking.budget_tokens (adapted)",
                "openai-chat",
                "reasoning_effort (adapted)",
            ),
            (
                "tools.function.strict",
                "anthropic-messages",
                "tools.strict",
            ),
            ("top_p (adapted)", "cohere-chat", "p (adapted)"),
            (
                "documents (adapted)",
                "gemini",
                "contents.parts.inlineData (adapted)",
            ),
            // No word for it: as it was called.
            ("seed", "anthropic-messages", "seed"),
            ("x_unknown", "openai-chat", "x_unknown"),
            ("max_tokens", "openai-embeddings", "max_tokens"),
            ("encoding_format", "cohere-embed", "embedding_types"),
        ] {
            assert_eq!(said(name, caller).as_deref(), Some(word), "{name} {caller}");
        }
    }

    #[test]
    fn a_refusal_and_what_to_do_about_it_speak_of_one_field() {
        let told = |caller: &str| {
            let refused = Err(fields::unsupported("messages.content.video_url", "a film"));
            let error = in_words_of(formats::named(caller)?, refused).err()?;
            Some((error.param?, error.hint?))
        };
        for (caller, field) in [
            ("openai-chat", "messages.content.video_url"),
            ("openai-responses", "messages.content.video_url"),
            ("anthropic-messages", "messages.content.source"),
            ("gemini", "contents.parts.inlineData"),
            ("cohere-chat", "messages.content.video_url"),
        ] {
            let hint = format!(
                "leave out `{field}`, or use a route whose target speaks the same format as the request"
            );
            assert_eq!(told(caller), Some((field.to_owned(), hint)), "{caller}");
        }
    }

    #[test]
    fn every_chat_format_has_its_column() {
        let own = |row: &&&Format| row.codec.is_some() && row.hosted.is_none();
        let chats = formats::FORMATS.iter().filter(own);
        for format in chats {
            assert!(FORMATS.contains(&format.name), "{}", format.name);
        }
    }
}
