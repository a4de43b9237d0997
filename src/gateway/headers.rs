//! What of an upstream's headers is of use: those that reach the caller, an allow-list (what is not named here
//! stays here), and how long to leave the upstream alone. The way up is in `upstream/headers.rs`.

use http::HeaderMap;
use std::time::Duration;

/// Response headers of an upstream that reach the caller, by name or prefix.
const RESPONSE: [&str; 6] = [
    "request-id",
    "x-request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "openai-processing-ms",
];
const RESPONSE_PREFIX: [&str; 2] = ["x-ratelimit-", "anthropic-ratelimit-"];

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
        }
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
        return Some(Duration::from_millis(ms.min(1e10) as u64));
    }
    if let Some(asked) = text("retry-after") {
        if let Some(seconds) = asked
            .parse::<f64>()
            .ok()
            .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        {
            return Some(Duration::from_millis((seconds * 1000.0).min(1e10) as u64));
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
}
