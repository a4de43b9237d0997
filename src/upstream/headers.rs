//! Headers of an upstream request, but for the credential. What of a caller's passes is an allow-list, which the way
//! upstream holds.

use super::{Ask, Content, Upstream, Way, address::filled, via};
use crate::formats::Framing;
use crate::http1::{
    ask,
    fields::{Fields, text},
};
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

/// The same as the lines of a head, for each kind of answer that most requests want.
pub(super) struct Written([(&'static str, Vec<u8>); 2]);

impl Written {
    pub fn of(usual: &HeaderMap, fixed: &[(HeaderName, HeaderValue)]) -> Written {
        Written([JSON, Framing::Events.label()].map(|accept| {
            let mut headers = usual.clone();
            accepting(accept, fixed, &mut headers);
            (accept, ask::lines(&headers))
        }))
    }

    /// All headers but the credential, where nothing about the request is its own.
    pub fn fitting(&self, ask: &Ask<'_>) -> Option<&[u8]> {
        let own = |name: &[u8]| name == b"via" || ask.way.is_some_and(|way| way.passes(name));
        if !matches!(ask.content, Content::Json)
            || ask.more.is_some()
            || ask.way.is_some_and(Way::is_hosted)
            || ask
                .caller
                .is_some_and(|caller| caller.iter().any(|(name, _)| own(name)))
        {
            return None;
        }
        let written = self.0.iter().find(|(accept, _)| *accept == ask.accept);
        written.map(|(_, lines)| &**lines)
    }
}

/// Asks for answers of this kind, unless the vendor's row or the provider says what is asked for.
fn accepting(accept: &'static str, fixed: &[(HeaderName, HeaderValue)], headers: &mut HeaderMap) {
    if accept != JSON && !fixed.iter().any(|(have, _)| *have == header::ACCEPT) {
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    }
}

/// Everything but the credential.
pub(super) fn of(upstream: &Upstream, ask: &Ask<'_>) -> HeaderMap {
    let mut headers = upstream.usual.clone();
    let fixed = |name: HeaderName| upstream.headers.iter().any(|(have, _)| *have == name);
    accepting(ask.accept, &upstream.headers, &mut headers);
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
        let betas = ask.betas.as_deref();
        let betas = betas.and_then(|betas| HeaderValue::from_str(betas).ok());
        headers.extend(betas.map(|betas| (BETAS, betas)));
    }
    if let Some((name, value)) = &ask.more {
        headers.insert(name.clone(), value.clone());
    }
    headers
}

/// Copies the caller's headers that may pass and are named in no `Connection` header.
fn pass(from: &Fields, to: &mut HeaderMap, may: impl Fn(&[u8]) -> bool) {
    let mut passed: Vec<HeaderName> = Vec::new();
    for (name, value) in from.iter() {
        if !may(name) || hop_by_hop(from, name) {
            continue;
        }
        let Ok(name) = HeaderName::from_bytes(name) else {
            continue;
        };
        // All of its lines, in place of what the vendor's row or the provider says.
        if !passed.contains(&name) {
            to.remove(&name);
            passed.push(name.clone());
        }
        if let Some(value) = text(value).and_then(|value| HeaderValue::from_str(value).ok()) {
            to.append(name, value);
        }
    }
}

/// RFC 9110 section 7.6.1: headers listed in `Connection` are for the next hop only.
fn hop_by_hop(headers: &Fields, name: &[u8]) -> bool {
    headers
        .texts("connection")
        .flat_map(|list| list.split(','))
        .any(|listed| listed.trim().as_bytes().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Access, Timers};
    use super::*;
    use crate::formats::{self, FormatId, Passes};
    use crate::http1::ask::Headers;
    use crate::store::secret::Secret;
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
        let caller = Fields::default();
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
            more: None,
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
    fn what_was_written_beforehand_says_what_is_put_together_for_one_request() {
        let (json, events) = ("application/json", "text/event-stream");
        let form = HeaderValue::from_static("multipart/form-data");
        let more = (HeaderName::from_static("x-more"), form.clone());
        let said = |lines: Vec<u8>| {
            let text = String::from_utf8(lines).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        // Headers of the provider's own and of its caller's; what the request is; whether it was written beforehand.
        for (own, caller, accept, content, more, written) in [
            (json!({}), None, json, Content::Json, None, true),
            (
                json!({}),
                Some("user-agent"),
                events,
                Content::Json,
                None,
                true,
            ),
            (
                json!({"accept": "a/b"}),
                None,
                events,
                Content::Json,
                None,
                true,
            ),
            (
                json!({"content-type": "c/d"}),
                None,
                json,
                Content::Json,
                None,
                true,
            ),
            (
                json!({"authorization": "x"}),
                None,
                json,
                Content::Json,
                None,
                false,
            ),
            (
                json!({}),
                Some("openai-beta"),
                json,
                Content::Json,
                None,
                false,
            ),
            (json!({}), Some("via"), json, Content::Json, None, false),
            (json!({}), None, "*/*", Content::Json, None, false),
            (json!({}), None, json, Content::As(&form), None, false),
            (json!({}), None, json, Content::Unsaid, None, false),
            (json!({}), None, json, Content::Json, Some(more), false),
        ] {
            let spec = json!({"vendor": "openai", "base_url": "http://h:1", "headers": own});
            let spec: Provider = serde_json::from_value(spec).unwrap();
            let access = Ok(Access::secret(Some(Secret::new("s3cret".into()))));
            let name = "up".into();
            let upstream = Upstream::build(name, &spec, Some(&access), Timers::default()).unwrap();
            let caller = caller.map(|name| (name, "1.1 gw-0123456789abcdef"));
            let caller: Fields = caller.into_iter().collect();
            let ask = || Ask {
                method: Method::POST,
                target: Uri::from_static("/"),
                accept,
                content,
                body: Bytes::new(),
                way: upstream.way(formats::format(FormatId::OpenaiChat), "m"),
                caller: Some(&caller),
                own_key: None,
                betas: None,
                more: more.clone(),
            };
            let finished = match upstream.finished(ask()).unwrap().headers {
                Headers::Usual(lines, credential) => {
                    assert!(written, "{own} {caller:?}");
                    let credential = credential.map(|(name, value)| (name.clone(), value.clone()));
                    [
                        lines.to_vec(),
                        ask::lines(&credential.into_iter().collect()),
                    ]
                    .concat()
                }
                Headers::Own(headers) => {
                    assert!(!written, "{own} {caller:?}");
                    ask::lines(&headers)
                }
            };
            let request = upstream.request(ask()).unwrap();
            assert_eq!(said(finished), said(ask::lines(request.headers())), "{own}");
        }
    }

    #[test]
    fn only_what_is_allowed_passes() {
        let from = [
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("anthropic-beta", "b1"),
            ("anthropic-version", "v"),
            ("connection", "anthropic-version"),
            ("x-forwarded-for", "1.2.3.4"),
        ];
        let from = from.into_iter().collect();
        let mut to = HeaderMap::new();
        pass(&from, &mut to, |name| Passes::ANTHROPIC.header(name));
        assert_eq!(
            to.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["anthropic-beta"]
        );
    }
}
