//! Headers of an upstream request, but for the credential. What of a caller's passes is an allow-list, which the way
//! upstream holds.

use super::{Ask, Content, Upstream, Way, address::filled, via};
use crate::resources::provider::Provider;
use crate::vendors::Vendor;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// <https://docs.anthropic.com/en/api/beta-headers>
pub const BETAS: HeaderName = HeaderName::from_static("anthropic-beta");

/// The vendor's headers, then the provider's own in their place. Errors are fragments that follow the provider's name.
pub(super) fn fixed(
    vendor: &Vendor,
    spec: &Provider,
) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let own = spec.headers.iter();
    let own = own.map(|(name, value)| (name.as_str(), Ok(value.clone())));
    let vendors = vendor.headers.iter();
    let vendors = vendors.map(|(name, value)| (*name, filled(value, spec)));
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (name, value) in vendors.chain(own) {
        // Checked when the record was written.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value?)) {
            headers.retain(|(have, _)| *have != name);
            headers.push((name, value));
        }
    }
    Ok(headers)
}

/// What most requests send and want.
const JSON: &str = "application/json";

/// The headers of a request that brings JSON and wants JSON, where its caller says nothing of its own: put together once.
pub(super) fn usual(host: HeaderValue, fixed: &[(HeaderName, HeaderValue)]) -> HeaderMap {
    const USER_AGENT: &str = concat!("gw/", env!("CARGO_PKG_VERSION"));
    let own = [
        (header::HOST, host),
        (header::CONTENT_TYPE, HeaderValue::from_static(JSON)),
        (header::ACCEPT, HeaderValue::from_static(JSON)),
        (
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        ),
        (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
    ];
    // With room for the credential, the length and something of the caller's.
    let mut headers = HeaderMap::with_capacity(12);
    for (name, value) in own.into_iter().chain(fixed.iter().cloned()) {
        headers.insert(name, value);
    }
    headers.insert(header::VIA, via::own());
    headers
}

/// Everything but the credential.
pub(super) fn of(upstream: &Upstream, ask: &Ask<'_>) -> HeaderMap {
    let mut headers = upstream.usual.clone();
    let fixed = |name: HeaderName| upstream.headers.iter().any(|(have, _)| *have == name);
    if ask.accept != JSON && !fixed(header::ACCEPT) {
        headers.insert(header::ACCEPT, HeaderValue::from_static(ask.accept));
    }
    match ask.content {
        Content::Json => {}
        _ if fixed(header::CONTENT_TYPE) => {}
        Content::As(given) => _ = headers.insert(header::CONTENT_TYPE, given.clone()),
        Content::Unsaid => _ = headers.remove(header::CONTENT_TYPE),
    }
    if let Some(caller) = ask.caller {
        via::add(caller, &mut headers);
        if let Some(way) = ask.way {
            pass(caller, &mut headers, |name| way.passes(name));
        }
    }
    if ask.way.is_some_and(Way::is_hosted) {
        // What was found to be taken there, and nothing else.
        headers.remove(BETAS);
        let betas = ask
            .betas
            .and_then(|betas| HeaderValue::from_str(betas).ok());
        headers.extend(betas.map(|betas| (BETAS, betas)));
    }
    headers
}

/// Copies the caller's headers that may pass and are named in no `Connection` header.
fn pass(from: &HeaderMap, to: &mut HeaderMap, may: impl Fn(&str) -> bool) {
    for name in from.keys() {
        if !may(name.as_str()) || hop_by_hop(from, name) {
            continue;
        }
        // All of its lines, in place of what the vendor's row or the provider says.
        to.remove(name);
        for value in from.get_all(name) {
            if value.to_str().is_ok() {
                to.append(name.clone(), value.clone());
            }
        }
    }
}

/// RFC 9110 section 7.6.1: headers listed in `Connection` are for the next hop only.
fn hop_by_hop(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(name.as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Timers;
    use super::*;
    use crate::formats::Passes;
    use bytes::Bytes;
    use http::{Method, Uri};
    use serde_json::json;

    /// What a provider with these headers is sent, of the headers in question.
    fn sent(own: serde_json::Value, accept: &'static str, content: Content<'_>) -> Vec<String> {
        let spec: Provider = serde_json::from_value(
            json!({"vendor": "openai", "base_url": "http://h:1", "headers": own}),
        )
        .unwrap();
        let upstream = Upstream::build("up".into(), &spec, None, Timers::default()).unwrap();
        let caller = HeaderMap::new();
        let ask = Ask {
            method: Method::POST,
            target: Uri::from_static("/"),
            accept,
            content,
            body: Bytes::new(),
            way: None,
            caller: Some(&caller),
            own_key: None,
            betas: None,
        };
        let headers = of(&upstream, &ask);
        let names = [header::HOST, header::ACCEPT, header::CONTENT_TYPE];
        let found = names.iter().map(|name| headers.get(name));
        found
            .map(|value| {
                value
                    .map_or("-", |value| value.to_str().unwrap())
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn what_a_request_is_comes_before_what_is_usual_and_the_providers_own_before_both() {
        let (json, events) = ("application/json", "text/event-stream");
        let form = HeaderValue::from_static("multipart/form-data");
        let none = || json!({});
        assert_eq!(sent(none(), json, Content::Json), ["h:1", json, json]);
        assert_eq!(sent(none(), events, Content::Json), ["h:1", events, json]);
        assert_eq!(
            sent(none(), "*/*", Content::As(&form)),
            ["h:1", "*/*", "multipart/form-data"]
        );
        assert_eq!(sent(none(), json, Content::Unsaid), ["h:1", json, "-"]);
        let own = || json!({"accept": "a/b", "content-type": "c/d"});
        for content in [Content::Json, Content::As(&form), Content::Unsaid] {
            assert_eq!(sent(own(), events, content), ["h:1", "a/b", "c/d"]);
        }
    }

    #[test]
    fn only_what_is_allowed_passes() {
        let mut from = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("anthropic-beta", "b1"),
            ("anthropic-version", "v"),
            ("connection", "anthropic-version"),
            ("x-forwarded-for", "1.2.3.4"),
        ] {
            from.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let mut to = HeaderMap::new();
        pass(&from, &mut to, |name| Passes::ANTHROPIC.header(name));
        assert_eq!(
            to.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["anthropic-beta"]
        );
    }
}
