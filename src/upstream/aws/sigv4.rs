//! Signature Version 4 over a finished request: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use super::Keys;
use crate::store::token::hex;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sha2::{Digest, Sha256};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What of a path stays as it is: RFC 3986's unreserved characters and the slash.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// Signs a request whose method, target, headers (`host` among them) and body are final: gives it its date, the session's
/// token and `Authorization`. Signed are `content-type`, `host`, Amazon's own headers and the body. Errors are fragments.
pub fn sign(
    request: &mut Request<Bytes>,
    keys: &Keys,
    region: &str,
    service: &str,
    now: Timestamp,
) -> Result<(), String> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let headers = request.headers_mut();
    headers.remove(header::AUTHORIZATION);
    headers.remove("x-amz-content-sha256");
    headers.insert(DATE, value(&time)?);
    match &keys.token {
        Some(token) => _ = headers.insert(TOKEN, secret_value(token.expose())?),
        None => _ = headers.remove(TOKEN),
    }
    let names = signed(request.headers());
    let list = names.join(";");
    let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
    let canonical = hex(&Sha256::digest(canonical(request, &names, &list)).into());
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{canonical}");
    let signature = hex(&keyed(&derived(keys, &scope), &text));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={list}, Signature={signature}",
        keys.id
    );
    request
        .headers_mut()
        .insert(header::AUTHORIZATION, secret_value(&authorization)?);
    Ok(())
}

fn value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::try_from(text)
        .map_err(|_| "the access keys or the region hold characters no header can carry".to_owned())
}

fn secret_value(text: &str) -> Result<HeaderValue, String> {
    let mut value = value(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The names of the signed headers, in order. `x-amzn-trace-id` is changed on the way.
fn signed(headers: &HeaderMap) -> Vec<String> {
    let own = |name: &str| name.starts_with("x-amz") && name != "x-amzn-trace-id";
    let mut names: Vec<String> = headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| matches!(*name, "content-type" | "host") || own(name))
        .map(str::to_owned)
        .collect();
    names.sort_unstable();
    names
}

/// The request in the one spelling that both sides hash.
fn canonical(request: &Request<Bytes>, names: &[String], list: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut line = |parts: &[&[u8]]| {
        parts.iter().for_each(|part| out.extend_from_slice(part));
        out.push(b'\n');
    };
    line(&[request.method().as_str().as_bytes()]);
    // What is sent is encoded once more, the signs of its own encoding with it.
    let path = normal(request.uri().path());
    let path = percent_encode(path.as_bytes(), ENCODED).to_string();
    line(&[path.as_bytes()]);
    line(&[query(request.uri().query()).as_bytes()]);
    for name in names {
        let values = request.headers().get_all(name).iter();
        let values: Vec<Vec<u8>> = values.map(|value| trimmed(value.as_bytes())).collect();
        line(&[name.as_bytes(), b":", &values.join(&b',')]);
    }
    line(&[]);
    line(&[list.as_bytes()]);
    out.extend_from_slice(hex(&Sha256::digest(request.body()).into()).as_bytes());
    out
}

/// A path without dot segments and empty ones.
fn normal(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = kept.pop(),
            segment => kept.push(segment),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", kept.join("/"))
}

/// Query parameters in order, as they are encoded already.
fn query(query: Option<&str>) -> String {
    let query = query.filter(|query| !query.is_empty());
    let mut pairs: Vec<(&str, &str)> = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// A header's value with single spaces and none around it.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let words = value.split(u8::is_ascii_whitespace);
    let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

/// The key for one day, region and service.
fn derived(keys: &Keys, scope: &str) -> [u8; 32] {
    let first = zeroize::Zeroizing::new(format!("AWS4{}", keys.secret.expose()));
    let mut parts = scope.split('/');
    let day = parts.next().unwrap_or_default();
    parts.fold(keyed(first.as_bytes(), day), |key, part| keyed(&key, part))
}

fn keyed(key: &[u8], text: &str) -> [u8; 32] {
    // Keys of every length are taken.
    Hmac::<Sha256>::new_from_slice(key).map_or([0; 32], |mut mac| {
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)], body: &'static str) -> Request<Bytes> {
        let mut request =
            Request::post(uri).header("host", "bedrock-runtime.us-east-1.amazonaws.com");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Bytes::from_static(body.as_bytes())).unwrap()
    }

    fn signature(request: &mut Request<Bytes>, keys: &Keys) -> String {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        sign(request, keys, "us-east-1", "bedrock", now).unwrap();
        let value = request.headers()["authorization"].to_str().unwrap();
        value.to_owned()
    }

    #[test]
    fn the_path_as_it_is_sent_is_encoded_again() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let keys = Keys::of("AKIDEXAMPLE", secret, Some("TOKEN"));
        let said = [("content-type", "application/json"), ("user-agent", "x")];
        let path = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse";
        let mut sent = request(path, &said, "{}");
        // What botocore's signer says of it.
        assert_eq!(
            signature(&mut sent, &keys),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, \
             Signature=6ddcd0705ce756dbd2ec9c6427db8a2a1e822e33b371a8420c906014f278f0d6"
        );
        assert_eq!(sent.headers()["x-amz-date"], "20261121T120000Z");
        for name in ["authorization", "x-amz-security-token"] {
            assert!(sent.headers()[name].is_sensitive(), "{name}");
        }
        let spelt = |path| String::from_utf8(canonical(&request(path, &[], ""), &[], "")).unwrap();
        let path = |path| spelt(path).lines().nth(1).unwrap().to_owned();
        assert_eq!(
            path("/model/a%3A0%2Fb/invoke"),
            "/model/a%253A0%252Fb/invoke"
        );
        assert_eq!(path("/model/a:0/invoke"), "/model/a%3A0/invoke");
        assert_eq!(path("/a/./b//../c/?b=2&a&b=1"), "/a/c/");
        assert_eq!(spelt("/?b=2&a&b=1&").lines().nth(2), Some("=&a=&b=1&b=2"));
    }

    #[test]
    fn signing_again_says_the_same_and_leaves_nothing_of_other_keys() {
        let (temporary, lasting) = (Keys::of("A", "b", Some("t")), Keys::of("A", "b", None));
        let headers = [
            ("x-amzn-bedrock-guardrailversion", "  1   2 "),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-amzn-trace-id", "Root=1"),
        ];
        let mut sent = request("/model/m/invoke", &headers, "{}");
        let first = signature(&mut sent, &temporary);
        assert_eq!(signature(&mut sent, &temporary), first);
        let names = "SignedHeaders=host;x-amz-date;x-amzn-bedrock-guardrailversion, ";
        assert!(signature(&mut sent, &lasting).contains(names));
        assert!(!sent.headers().contains_key("x-amz-security-token"));
    }

    #[test]
    fn what_no_header_can_carry_is_named_and_not_shown() {
        let keys = Keys::of("A\n", "b", None);
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(
            sign(&mut request("/", &[], ""), &keys, "r", "s", now).unwrap_err(),
            "the access keys or the region hold characters no header can carry"
        );
    }
}
