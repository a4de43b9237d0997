//! What a path means: which format it belongs to and what it asks of it.

use super::ask::Wire;
use super::tasks::Task;

/// What a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'a> {
    Chat(Wire),
    /// A stream, where the path says so and not the body.
    Stream(Wire),
    /// Counting the tokens of a request.
    Count(Wire),
    /// A response kept earlier, and what is wanted of it.
    Kept(&'a str, Kept),
    /// Shortening a conversation (Responses).
    Compact,
    /// What is no chat.
    Task(Task),
    /// Kept files, and what the path says after them.
    Files(&'a str),
    Batches(&'a str),
    Models,
    /// The mock's own pages under `/_mock`.
    Own,
    Unknown,
}

/// What is wanted of a kept response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Itself,
    InputItems,
    Cancel,
}

impl Endpoint<'_> {
    /// By the path's end, so that any prefix (`/v1`, `/openai/deployments/NAME`) will do.
    pub fn of(path: &str) -> Endpoint<'_> {
        let path = path.trim_end_matches('/');
        if path.starts_with("/_mock") {
            return Endpoint::Own;
        }
        if path.starts_with("/model/") {
            return match amazon(path) {
                Some((_, "converse")) => Endpoint::Chat(Wire::Converse),
                Some((_, "converse-stream")) => Endpoint::Stream(Wire::Converse),
                Some((_, "invoke")) => Endpoint::Chat(Wire::Anthropic),
                Some((_, "invoke-with-response-stream")) => Endpoint::Stream(Wire::Anthropic),
                Some((_, "count-tokens")) => Endpoint::Count(Wire::Converse),
                _ => Endpoint::Unknown,
            };
        }
        if let Some((model, method)) = google(path) {
            return match method {
                "generateContent" => Endpoint::Chat(Wire::Gemini),
                "streamGenerateContent" => Endpoint::Stream(Wire::Gemini),
                "countTokens" => Endpoint::Count(Wire::Gemini),
                "rawPredict" if model == "count-tokens" => Endpoint::Count(Wire::Anthropic),
                "rawPredict" => Endpoint::Chat(Wire::Anthropic),
                "streamRawPredict" => Endpoint::Stream(Wire::Anthropic),
                _ => Endpoint::Unknown,
            };
        }
        if let Some((_, rest)) = path.split_once("/responses/") {
            return match rest.split_once('/') {
                None if rest == "compact" => Endpoint::Compact,
                None if rest == "input_tokens" => Endpoint::Count(Wire::Responses),
                None => Endpoint::Kept(rest, Kept::Itself),
                Some((id, "input_items")) => Endpoint::Kept(id, Kept::InputItems),
                Some((id, "cancel")) => Endpoint::Kept(id, Kept::Cancel),
                Some(_) => Endpoint::Unknown,
            };
        }
        if let Some(rest) = below(path, "/files") {
            return Endpoint::Files(rest);
        }
        if let Some(rest) = below(path, "/batches").filter(|_| !path.contains("/messages/")) {
            return Endpoint::Batches(rest);
        }
        match path {
            _ if path.ends_with("/chat/completions") => Endpoint::Chat(Wire::Openai),
            _ if path.ends_with("/responses") => Endpoint::Chat(Wire::Responses),
            _ if path.ends_with("/messages") => Endpoint::Chat(Wire::Anthropic),
            _ if path.ends_with("/messages/count_tokens") => Endpoint::Count(Wire::Anthropic),
            _ if path.ends_with("/v2/chat") => Endpoint::Chat(Wire::Cohere),
            _ if path.ends_with("/models") || path.contains("/models/") => Endpoint::Models,
            _ => Task::of(path).map_or(Endpoint::Unknown, Endpoint::Task),
        }
    }

    /// The format its errors have.
    pub fn wire(self) -> Wire {
        match self {
            Endpoint::Chat(wire) | Endpoint::Stream(wire) | Endpoint::Count(wire) => wire,
            Endpoint::Kept(..) | Endpoint::Compact => Wire::Responses,
            Endpoint::Task(task) => task.wire(),
            _ => Wire::Openai,
        }
    }
}

/// What a path says after one of its segments.
fn below<'a>(path: &'a str, segment: &str) -> Option<&'a str> {
    let (_, rest) = path.split_once(segment)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The model that a path names, as it is without the path's escapes.
pub fn model(path: &str) -> Option<String> {
    let deployed = || {
        let (_, rest) = path.split_once("/deployments/")?;
        rest.split('/').next()
    };
    let called = amazon(path)
        .or_else(|| google(path))
        .map(|(model, _)| model);
    let named = called
        .filter(|model| *model != "count-tokens")
        .or_else(deployed)?;
    Some(
        percent_encoding::percent_decode_str(named)
            .decode_utf8_lossy()
            .into_owned(),
    )
}

/// Model and method of a path such as `/model/NAME/converse`; the name is one segment, whatever is in it.
fn amazon(path: &str) -> Option<(&str, &str)> {
    let (model, method) = path.strip_prefix("/model/")?.split_once('/')?;
    (!model.is_empty() && !method.contains('/')).then_some((model, method))
}

/// Model and method of a path such as `/v1beta/models/NAME:generateContent`.
fn google(path: &str) -> Option<(&str, &str)> {
    let (before, last) = path.rsplit_once('/')?;
    let kind = before.rsplit('/').next()?;
    if !matches!(kind, "models" | "tunedModels" | "dynamic") {
        return None;
    }
    last.rsplit_once(':')
        .filter(|(_, method)| method.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter(|(_, method)| {
            ["Content", "Contents", "Tokens", "Predict", "predict"]
                .iter()
                .any(|end| method.ends_with(end))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_the_same_under_any_prefix() {
        for (path, meaning) in [
            ("/v1/chat/completions", Endpoint::Chat(Wire::Openai)),
            (
                "/openai/deployments/a/chat/completions",
                Endpoint::Chat(Wire::Openai),
            ),
            ("/v1/messages/", Endpoint::Chat(Wire::Anthropic)),
            (
                "/v1/messages/count_tokens",
                Endpoint::Count(Wire::Anthropic),
            ),
            ("/api/v1/responses", Endpoint::Chat(Wire::Responses)),
            ("/v1/responses/compact", Endpoint::Compact),
            (
                "/v1/responses/input_tokens",
                Endpoint::Count(Wire::Responses),
            ),
            (
                "/v1/responses/resp_1",
                Endpoint::Kept("resp_1", Kept::Itself),
            ),
            (
                "/v1/responses/resp_1/cancel",
                Endpoint::Kept("resp_1", Kept::Cancel),
            ),
            (
                "/v1/responses/resp_1/input_items",
                Endpoint::Kept("resp_1", Kept::InputItems),
            ),
            (
                "/v1beta/models/a:generateContent",
                Endpoint::Chat(Wire::Gemini),
            ),
            (
                "/v1/tunedModels/a:streamGenerateContent",
                Endpoint::Stream(Wire::Gemini),
            ),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/a@1:streamRawPredict",
                Endpoint::Stream(Wire::Anthropic),
            ),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
                Endpoint::Count(Wire::Anthropic),
            ),
            (
                "/v1/projects/p/locations/l/endpoints/openapi/chat/completions",
                Endpoint::Chat(Wire::Openai),
            ),
            (
                "/model/us.anthropic.a-v1%3A0/converse-stream",
                Endpoint::Stream(Wire::Converse),
            ),
            (
                "/model/arn:aws:bedrock:us-east-1::foundation-model/a/converse",
                Endpoint::Unknown,
            ),
            (
                "/v1/projects/p/locations/l/publishers/google/models/a:countTokens",
                Endpoint::Count(Wire::Gemini),
            ),
            ("/v2/chat", Endpoint::Chat(Wire::Cohere)),
            ("/v1/completions", Endpoint::Task(Task::Completions)),
            ("/v2/rerank", Endpoint::Task(Task::Rerank)),
            ("/v1/rerank", Endpoint::Task(Task::Ranks)),
            ("/v1/files", Endpoint::Files("")),
            (
                "/v1/files/file-1/content",
                Endpoint::Files("/file-1/content"),
            ),
            ("/v1/batches/batch_1", Endpoint::Batches("/batch_1")),
            ("/v1/messages/batches", Endpoint::Unknown),
            ("/v1/models", Endpoint::Models),
            ("/v1beta/models/a", Endpoint::Models),
            ("/v1/models/llama3:8b", Endpoint::Models),
            ("/_mock/requests", Endpoint::Own),
            ("/v1/nothing", Endpoint::Unknown),
        ] {
            assert_eq!(Endpoint::of(path), meaning, "{path}");
        }
    }

    #[test]
    fn models_in_paths_lose_their_escapes() {
        for (path, name) in [
            ("/model/a.b-v1%3A0/invoke", Some("a.b-v1:0")),
            ("/model/arn%3Aaws%3Ax%2Fy/converse", Some("arn:aws:x/y")),
            ("/v1beta/models/mock-429:generateContent", Some("mock-429")),
            (
                "/v1/publishers/anthropic/models/a%401:rawPredict",
                Some("a@1"),
            ),
            (
                "/v1/publishers/anthropic/models/count-tokens:rawPredict",
                None,
            ),
            ("/openai/deployments/my%20own/embeddings", Some("my own")),
            ("/v1/chat/completions", None),
        ] {
            assert_eq!(model(path).as_deref(), name, "{path}");
        }
    }
}
