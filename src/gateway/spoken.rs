//! Which API a request speaks, told by its path and its headers alone, and which of the known ones gw does not serve:
//! so that a request that goes no further is answered in words its client reads. Must not know what is served how.

use crate::formats::{self, Api};
use crate::http1::fields::Fields;

/// The header in which an API's clients look for a request's id.
pub fn request_id(api: Api) -> &'static str {
    match api {
        Api::Anthropic => REQUEST_ID,
        Api::Openai | Api::Google | Api::Message => X_REQUEST_ID,
        Api::Amazon => X_AMZN_REQUESTID,
    }
}

const REQUEST_ID: &str = "request-id";
const X_REQUEST_ID: &str = "x-request-id";
const X_AMZN_REQUESTID: &str = "x-amzn-requestid";

/// All of them.
pub const REQUEST_IDS: [&str; 3] = [X_REQUEST_ID, REQUEST_ID, X_AMZN_REQUESTID];

/// Paths that clients of known APIs use.
struct Known {
    /// In front of a path, by whole segments; also behind one more segment and without `v1`, as base URLs have it.
    /// `*` stands for anything at the start of a segment.
    paths: &'static [&'static str],
    /// `None`: the headers tell.
    api: Option<Api>,
    /// What gw does not serve yet; empty: it does.
    name: &'static str,
}

const fn row(name: &'static str, api: Option<Api>, paths: &'static [&'static str]) -> Known {
    Known { paths, api, name }
}

/// The first that fits counts.
static KNOWN: &[Known] = &[
    row("", Some(Api::Anthropic), &["v1/messages/batches"]),
    row("", Some(Api::Anthropic), &["v1/messages"]),
    row(
        "Anthropic's Text Completions API",
        Some(Api::Anthropic),
        &["v1/complete"],
    ),
    row(
        "",
        Some(Api::Openai),
        &["v1/chat/completions", "v1/embeddings"],
    ),
    row(
        "the Gemini API",
        Some(Api::Google),
        &[
            "v1beta/models/*:generateContent",
            "v1beta/models/*:streamGenerateContent",
            "v1beta/models/*:countTokens",
            "v1beta/models/*:embedContent",
            "v1beta/models/*:batchEmbedContents",
            "v1/models/*:generateContent",
            "v1/models/*:streamGenerateContent",
            "v1/models/*:countTokens",
            "v1/models/*:embedContent",
            "v1/models/*:batchEmbedContents",
        ],
    ),
    row("", Some(Api::Google), &["v1beta/models", "v1alpha/models"]),
    row(
        "the Gemini API's other parts",
        Some(Api::Google),
        &["v1beta", "v1alpha"],
    ),
    row(
        "Vertex AI",
        Some(Api::Google),
        &["v1beta1", "v1/projects", "v1/publishers"],
    ),
    row("", None, &["v1/models"]),
    row("the Responses API", Some(Api::Openai), &["v1/responses"]),
    row(
        "the Conversations API",
        Some(Api::Openai),
        &["v1/conversations"],
    ),
    row("", Some(Api::Openai), &["v1/completions"]),
    row("the Images API", Some(Api::Openai), &["v1/images"]),
    row("the Videos API", Some(Api::Openai), &["v1/videos"]),
    row("the Audio API", Some(Api::Openai), &["v1/audio"]),
    row("the Realtime API", Some(Api::Openai), &["v1/realtime"]),
    row("", None, &["v1/files"]),
    row("the Uploads API", Some(Api::Openai), &["v1/uploads"]),
    row("", Some(Api::Openai), &["v1/batches"]),
    row("", Some(Api::Openai), &["v1/moderations", "v1/rerank"]),
    row(
        "the Fine-tuning API",
        Some(Api::Openai),
        &["v1/fine_tuning"],
    ),
    row(
        "the Assistants API",
        Some(Api::Openai),
        &["v1/assistants", "v1/threads"],
    ),
    row(
        "the Vector Stores API",
        Some(Api::Openai),
        &["v1/vector_stores"],
    ),
    row("", Some(Api::Openai), &["openai/deployments"]),
    row("Cohere's API", Some(Api::Message), &["v2/rerank"]),
    row(
        "the Amazon Bedrock API",
        Some(Api::Amazon),
        &[
            "model/*/converse",
            "model/*/converse-stream",
            "model/*/invoke",
            "model/*/invoke-with-response-stream",
        ],
    ),
    row(
        "Ollama's own API",
        Some(Api::Openai),
        &[
            "api/chat",
            "api/generate",
            "api/embed",
            "api/embeddings",
            "api/tags",
        ],
    ),
];

/// The API a request speaks.
pub fn spoken(path: &str, headers: &Fields) -> Api {
    if let Some(called) = formats::called(path) {
        return called.format.api;
    }
    if let Some(api) = known(path).and_then(|known| known.api) {
        return api;
    }
    match () {
        () if path.split('/').any(|segment| segment == "anthropic") => Api::Anthropic,
        () if let Some(api) = by_headers(headers) => api,
        // Clients of OpenAI's API send their key as `Authorization`.
        () if headers.has("x-api-key") && !headers.has("authorization") => Api::Anthropic,
        () => Api::Openai,
    }
}

/// The API that headers of its own alone belong to.
pub fn by_headers(headers: &Fields) -> Option<Api> {
    let any = |start: &[u8]| headers.iter().any(|(name, _)| name.starts_with(start));
    match () {
        () if any(b"anthropic-") => Some(Api::Anthropic),
        () if any(b"x-goog-") => Some(Api::Google),
        () => None,
    }
}

/// What a path belongs to that gw does not serve yet.
pub fn unserved(path: &str) -> Option<&'static str> {
    let served = |path: &str| {
        formats::called(path)
            .or_else(|| formats::called_below("/v1", path))
            .is_some()
    };
    // Behind the name of a route, too.
    let behind = path.get(1..).and_then(|below| below.find('/'));
    let behind = behind.and_then(|at| path.get(at + 1..));
    if served(path) || behind.is_some_and(served) {
        return None;
    }
    known(path)
        .map(|known| known.name)
        .filter(|name| !name.is_empty())
}

fn known(path: &str) -> Option<&'static Known> {
    let below = path.trim_start_matches('/');
    // Behind the name of a route or of a vendor, as base URLs have it.
    let behind = below.split_once('/').map(|(_, rest)| rest);
    [Some(below), behind]
        .into_iter()
        .flatten()
        .find_map(|path| {
            KNOWN.iter().find(|known| {
                known.paths.iter().any(|pattern| {
                    begins(path, pattern)
                        || pattern
                            .strip_prefix("v1/")
                            .is_some_and(|pattern| begins(path, pattern))
                })
            })
        })
}

/// Whether a path begins with a pattern's segments.
fn begins(path: &str, pattern: &str) -> bool {
    let mut segments = path.split('/');
    pattern.split('/').all(|want| {
        segments
            .next()
            .is_some_and(|found| match want.strip_prefix('*') {
                Some(end) => found.ends_with(end),
                None => found == want,
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_headers_tell() {
        let with = |path: &str, names: &[&'static str]| {
            let headers = names.iter().map(|name| (*name, "x")).collect();
            spoken(path, &headers)
        };
        for (path, names, api) in [
            (
                "/v1/chat/completions",
                &["anthropic-version"] as &[_],
                Api::Openai,
            ),
            ("/v1/messages", &["authorization"], Api::Anthropic),
            ("/v1/messages/count_tokens", &[], Api::Anthropic),
            ("/messages", &[], Api::Anthropic),
            ("/anthropic/v1/x", &[], Api::Anthropic),
            ("/v1/models", &[], Api::Openai),
            ("/v1/models", &["anthropic-version"], Api::Anthropic),
            (
                "/v1/models",
                &["anthropic-beta", "authorization"],
                Api::Anthropic,
            ),
            ("/v1/models", &["x-api-key"], Api::Anthropic),
            ("/v1/models", &["x-api-key", "authorization"], Api::Openai),
            ("/v1/models", &["x-goog-api-key"], Api::Google),
            ("/v1/models/gemini-3-pro:generateContent", &[], Api::Google),
            ("/v1/models/ft:gpt-4o:x", &["authorization"], Api::Openai),
            ("/v1beta/models", &[], Api::Google),
            ("/v1/uploads", &["anthropic-version"], Api::Openai),
            ("/v1/files", &["authorization"], Api::Openai),
            ("/model/anthropic.claude-x/converse", &[], Api::Amazon),
            ("/v2/chat", &[], Api::Message),
            ("/", &[], Api::Openai),
        ] {
            assert_eq!(with(path, names), api, "{path} {names:?}");
        }
    }

    #[test]
    fn what_is_served_is_not_called_unserved() {
        for format in formats::FORMATS {
            for entry in format.entries {
                let path = entry.path.replace("{model}", "m");
                assert_eq!(unserved(&path), None);
                assert_eq!(unserved(&format!("/team{path}")), None);
                assert_eq!(spoken(&path, &Fields::default()), format.api);
            }
        }
        for path in [
            "/v1/models",
            "/v1/models/x",
            "/v1/chat",
            "/healthz",
            "",
            "/",
            "//",
            "/responsesx",
        ] {
            assert_eq!(unserved(path), None, "{path}");
        }
        for (path, name) in [
            ("/team/responses/resp_1", "the Responses API"),
            ("/v1/conversations/conv_1", "the Conversations API"),
        ] {
            assert_eq!(unserved(path), Some(name), "{path}");
        }
    }
}
