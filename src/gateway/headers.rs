//! Which of an upstream's headers reach the caller, an allow-list: what is not named here stays here. The way up is in
//! `upstream/headers.rs`.

use crate::http1::{fields::Fields, lines::Lines};

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
const X_REQUEST_ID: &str = "x-request-id";

/// Response headers that say what the body is, where it is handed on as it is. Its length the body itself knows.
const CONTENT: [&str; 9] = [
    "content-type",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-range",
    "accept-ranges",
    "cache-control",
    "etag",
    "last-modified",
];

/// Copies those of them that are there.
pub fn of_content(from: &Fields, to: &mut Lines) {
    for name in CONTENT {
        if let Some(value) = from.get(name) {
            to.put(name, value);
        }
    }
}

/// Copies an upstream's headers that may pass.
pub fn forward_response(from: &Fields, to: &mut Lines) {
    for (name, value) in from.iter() {
        let Some(name) = passing(name) else {
            continue;
        };
        if !IDS.contains(&name) {
            to.put(name, value);
        } else if from.get(X_REQUEST_ID).is_none() {
            to.put(X_REQUEST_ID, value);
        }
    }
}

/// The name of a header, where it may pass.
fn passing(name: &[u8]) -> Option<&str> {
    let first = char::from(*name.first()?);
    // Nearly all that do not pass are told by that alone.
    let begins = |start: &&str| start.starts_with(first) && name.starts_with(start.as_bytes());
    let is = |known: &&str| known.len() == name.len() && begins(known);
    let passes =
        RESPONSE.iter().any(is) || RESPONSE_PREFIX.iter().any(begins) || IDS.iter().any(is);
    match passes {
        true => std::str::from_utf8(name).ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(lines: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let (from, mut to) = (lines.iter().copied().collect(), Lines::default());
        forward_response(&from, &mut to);
        let names = [
            "x-request-id",
            "x-ratelimit-reset-tokens",
            "set-cookie",
            "server",
        ];
        let said = names
            .into_iter()
            .filter_map(|name| Some((name, to.get(name)?)));
        said.map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
            .collect()
    }

    #[test]
    fn only_what_is_allowed_passes_however_it_is_spelt() {
        let lines = [
            ("Set-Cookie", "a"),
            ("X-RateLimit-Reset-Tokens", "1s"),
            ("x-ratelimit", "0"),
            ("server", "b"),
            ("apim-request-id", "1"),
        ];
        let reset = ("x-ratelimit-reset-tokens", "1s".to_owned());
        let id = |id: &str| ("x-request-id", id.to_owned());
        assert_eq!(passed(&lines), [id("1"), reset.clone()]);
        // The usual name counts, wherever it stands.
        let both = [&lines[..], &[("X-Request-Id", "2")]].concat();
        assert_eq!(passed(&both), [id("2"), reset]);
    }
}
