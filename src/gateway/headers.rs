//! What of an upstream's headers is of use: those that reach the caller, an allow-list (what is not named here
//! stays here), and how long to leave the upstream alone. The way up is in `upstream/headers.rs`.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;

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

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// What a caller is told at least and at most of a wait: as long as a target rests for it.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// Tells the caller when to come back, in both forms that clients read: seconds rounded up, so that nobody comes
/// too early, and milliseconds. Within what a target rests at least and at most, whatever a provider said.
pub fn come_back(wait: Duration, to: &mut HeaderMap) {
    let wait = wait.clamp(SHORTEST, LONGEST);
    let seconds = wait.as_millis().div_ceil(1_000);
    for (name, value) in [
        (header::RETRY_AFTER, seconds),
        (RETRY_AFTER_MS, wait.as_millis()),
    ] {
        to.insert(
            name,
            HeaderValue::from(u64::try_from(value).unwrap_or(u64::MAX)),
        );
    }
}

/// How long an upstream asks to be left alone: `retry-after-ms`, `retry-after` (seconds or HTTP date), or
/// the latest of Anthropic's reset times whose remainder is used up. Nonsense counts as not said.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    if let Some(ms) = text("retry-after-ms")
        .and_then(|ms| ms.parse::<f64>().ok())
        .filter(|ms| ms.is_finite() && *ms >= 0.0)
    {
        return Some(Duration::from_millis(ms.min(1e10).ceil() as u64));
    }
    if let Some(asked) = text("retry-after") {
        if let Some(seconds) = asked
            .parse::<f64>()
            .ok()
            .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        {
            return Some(Duration::from_millis(
                (seconds * 1000.0).min(1e10).ceil() as u64
            ));
        }
        if let Ok(date) = jiff::fmt::rfc2822::parse(asked) {
            return Some(until(date.timestamp()));
        }
    }
    ["requests", "tokens", "input-tokens", "output-tokens"]
        .iter()
        .filter(|what| text(&format!("anthropic-ratelimit-{what}-remaining")) == Some("0"))
        .filter_map(|what| {
            text(&format!("anthropic-ratelimit-{what}-reset"))?
                .parse::<jiff::Timestamp>()
                .ok()
        })
        .map(until)
        .max()
}

fn until(time: jiff::Timestamp) -> Duration {
    let left = time
        .as_millisecond()
        .saturating_sub(jiff::Timestamp::now().as_millisecond());
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn retry_after_forms() {
        let with = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            retry_after(&headers)
        };
        assert_eq!(with("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(with("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(
            with("retry-after-ms", "1500"),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            with("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(with("retry-after", "soon"), None);
        assert_eq!(with("retry-after", "-1"), None);
    }

    #[test]
    fn what_is_sent_on_is_rounded_up_kept_in_milliseconds_and_bounded() {
        let told = |name: &'static str, value: &'static str| {
            let mut from = HeaderMap::new();
            from.insert(name, HeaderValue::from_static(value));
            let mut to = HeaderMap::new();
            forward_response(&from, &mut to);
            come_back(retry_after(&from).unwrap_or_default(), &mut to);
            ["retry-after", "retry-after-ms"].map(|name| {
                let value = to.get(name).and_then(|value| value.to_str().ok());
                value.unwrap_or_default().to_owned()
            })
        };
        for (name, value, seconds, ms) in [
            ("retry-after", "2", "2", "2000"),
            ("retry-after", "1.2", "2", "1200"),
            ("retry-after-ms", "1500", "2", "1500"),
            ("retry-after-ms", "2000", "2", "2000"),
            ("retry-after-ms", "2000.5", "3", "2001"),
            ("retry-after", "0", "1", "1000"),
            ("retry-after-ms", "250", "1", "1000"),
            ("retry-after", "3600", "600", "600000"),
            (
                "retry-after",
                "Wed, 21 Oct 2065 07:28:00 GMT",
                "600",
                "600000",
            ),
            ("retry-after", "1e300", "600", "600000"),
        ] {
            assert_eq!(told(name, value), [seconds, ms], "{name}: {value}");
        }
    }
}
