//! Which of an upstream's headers reach the caller, an allow-list: what is not named here stays here. The way up is in
//! `upstream/headers.rs`.

use http::{HeaderMap, HeaderName, header};

/// Response headers of an upstream that reach the caller, by name or prefix.
const RESPONSE: [&str; 5] = [
    "request-id",
    "x-request-id",
    "x-amzn-requestid",
    "x-should-retry",
    "openai-processing-ms",
];
const RESPONSE_PREFIX: [&str; 3] = ["x-ratelimit-", "anthropic-ratelimit-", "x-amzn-bedrock-"];

/// What other providers call a request's id: it is as good as the usual name's.
/// <https://docs.cohere.com/reference/about>,
/// <https://learn.microsoft.com/azure/api-management/api-management-howto-use-azure-monitor>
const IDS: [&str; 3] = [
    "x-debug-trace-id",
    "apim-request-id",
    "mistral-correlation-id",
];
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Response headers that say what the body is, where it is handed on as it is. Its length the body itself knows.
const CONTENT: [HeaderName; 9] = [
    header::CONTENT_TYPE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::CACHE_CONTROL,
    header::ETAG,
    header::LAST_MODIFIED,
];

/// Copies those of them that are there.
pub fn of_content(from: &HeaderMap, to: &mut HeaderMap) {
    for name in CONTENT {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
}

/// Copies an upstream's headers that may pass.
pub fn forward_response(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        let text = name.as_str();
        if RESPONSE.contains(&text)
            || RESPONSE_PREFIX
                .iter()
                .any(|prefix| text.starts_with(prefix))
        {
            to.insert(name.clone(), value.clone());
        } else if IDS.contains(&text) && !from.contains_key(X_REQUEST_ID) {
            to.insert(X_REQUEST_ID, value.clone());
        }
    }
}
