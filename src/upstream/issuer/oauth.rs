//! Asking a token endpoint, and reading what it answers: RFC 6749 sections 4.4 and 5.

use super::{Issued, Token};
use crate::formats::fault::scrub;
use crate::resources::Stamp;
use crate::upstream::fetch::fetch;
use crate::upstream::presented::bearer;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use serde::Deserialize;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long one asking may take.
const WITHIN: Duration = Duration::from_secs(8);

/// A form, sent to a token endpoint.
pub(super) async fn form(url: &str, fields: &[(&str, &str)]) -> Result<Issued, String> {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let body = Zeroizing::new(form);
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(Bytes::copy_from_slice(body.as_bytes()));
    ask(url, request).await
}

/// A metadata service of the machine, asked with this header.
pub(super) async fn metadata(
    url: &str,
    name: &'static str,
    value: HeaderValue,
) -> Result<Issued, String> {
    let request = Request::get(url).header(name, value).body(Bytes::new());
    ask(url, request).await
}

async fn ask(url: &str, request: http::Result<Request<Bytes>>) -> Result<Issued, String> {
    let request = request.map_err(|_| "the token service has no address gw can ask".to_owned())?;
    answer(url, fetch(request, WITHIN).await?)
}

/// The token in an answer.
fn answer(url: &str, (status, body): (StatusCode, Bytes)) -> Result<Issued, String> {
    let host = host(url);
    if status != StatusCode::OK {
        let words = words(&body);
        let mark = if words.is_empty() { "" } else { ": " };
        return Err(format!(
            "`{host}` answered with HTTP {}{mark}{words}",
            status.as_u16()
        ));
    }
    let read: Answer = serde_json::from_slice(&body)
        .map_err(|_| format!("`{host}` answered with something that is no token"))?;
    let token = Zeroizing::new(read.access_token);
    let value = bearer(&token).filter(|_| !token.is_empty());
    let value = value.ok_or_else(|| format!("`{host}` gave a token that no header can carry"))?;
    let now = u64::try_from(Stamp::now().0 / 1000).unwrap_or(0);
    let left = |Seconds(at): Seconds| at.saturating_sub(now);
    let seconds = match read.expires_in {
        Some(Seconds(seconds)) => Some(seconds),
        None => read.expires_on.map(left),
    };
    Ok(Issued {
        token: Token::Bearer(value),
        lifetime: seconds.map(|seconds| Duration::from_secs(seconds.min(LONGEST_LIFE))),
    })
}

/// No credential lives for more than a year.
const LONGEST_LIFE: u64 = 366 * 86_400;

/// RFC 6749 section 5.1; App Service says when it ends, in seconds since 1970:
/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<Seconds>,
    expires_on: Option<Seconds>,
}

/// A number, which Azure's metadata services write as text:
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#get-a-token-using-http>
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Seconds, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u64),
            Text(String),
        }
        let seconds = match Form::deserialize(from)? {
            Form::Number(seconds) => Some(seconds),
            Form::Text(text) => text.parse().ok(),
        };
        let wrong = || serde::de::Error::custom("no number of seconds");
        seconds.map(Seconds).ok_or_else(wrong)
    }
}

/// What an error answer says: RFC 6749 section 5.2. In the issuer's words, without credentials.
fn words(body: &[u8]) -> String {
    /// Longer descriptions are cut: Entra's hold dates and numbers for its support.
    const LONGEST: usize = 300;
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Fault {
        error: String,
        error_description: String,
    }
    let fault: Fault = serde_json::from_slice(body).unwrap_or_default();
    let first = fault.error_description.lines().next().unwrap_or_default();
    let said = match (fault.error.as_str(), first) {
        ("", said) | (said, "") => said.to_owned(),
        (error, said) => format!("{error}: {said}"),
    };
    let said: String = said
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    scrub(&said).into_owned()
}

/// What is asked, without a query that may say more.
fn host(url: &str) -> String {
    let host = url::Url::parse(url).ok();
    let host = host.as_ref().and_then(url::Url::host_str);
    host.unwrap_or("an address that cannot be read").to_owned()
}

/// Refuses an endpoint whose answers or questions others could read: https, or this machine itself. `known`: what its
/// host must end with, where it must.
pub(super) fn endpoint(url: &str, known: Option<&str>) -> Result<(), String> {
    let read = url::Url::parse(url).map_err(|_| "is no URL".to_owned())?;
    let loopback = match read.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if loopback && matches!(read.scheme(), "http" | "https") {
        return Ok(());
    }
    if read.scheme() != "https" {
        return Err("is not https".into());
    }
    let host = read.host_str().unwrap_or_default();
    match known {
        Some(known) if host != known && !host.ends_with(&format!(".{known}")) => {
            Err(format!("is not at `{known}`"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(status: u16, body: &'static str) -> Result<(String, Option<u64>), String> {
        let status = StatusCode::from_u16(status).unwrap();
        let issued = answer(
            "https://issuer.example/token?x=1",
            (status, Bytes::from_static(body.as_bytes())),
        )?;
        let Token::Bearer(value) = issued.token else {
            panic!("no token")
        };
        assert!(value.is_sensitive());
        let text = value.to_str().unwrap().to_owned();
        Ok((text, issued.lifetime.map(|lifetime| lifetime.as_secs())))
    }

    #[test]
    fn tokens_and_refusals_are_read() {
        let good = |text: &str, seconds| Ok((text.to_owned(), seconds));
        assert_eq!(
            read(
                200,
                r#"{"access_token":"ya29.a","expires_in":3599,"token_type":"Bearer"}"#
            ),
            good("Bearer ya29.a", Some(3599))
        );
        assert_eq!(
            read(
                200,
                r#"{"access_token":"a","expires_in":"86399","expires_on":"1"}"#
            ),
            good("Bearer a", Some(86_399))
        );
        assert_eq!(read(200, r#"{"access_token":"a"}"#), good("Bearer a", None));
        let over = r#"{"access_token":"a","expires_on":"1700000000"}"#;
        assert_eq!(read(200, over), good("Bearer a", Some(0)));
        for (status, body, why) in [
            (
                400,
                r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature.\nTrace: 1"}"#,
                "`issuer.example` answered with HTTP 400: invalid_grant: Invalid JWT Signature.",
            ),
            (
                401,
                r#"{"error_description":"the key ya29.0123456789abcdefgh is bad"}"#,
                "`issuer.example` answered with HTTP 401: the key [redacted] is bad",
            ),
            (503, "<html>", "`issuer.example` answered with HTTP 503"),
            (
                200,
                r#"{"access_token":7}"#,
                "`issuer.example` answered with something that is no token",
            ),
            (
                200,
                r#"{"access_token":""}"#,
                "`issuer.example` gave a token that no header can carry",
            ),
            (
                200,
                "{\"access_token\":\"a\\nb\"}",
                "`issuer.example` gave a token that no header can carry",
            ),
        ] {
            assert_eq!(read(status, body), Err(why.to_owned()), "{body}");
        }
    }

    #[test]
    fn secrets_go_to_issuers_alone() {
        let google = Some("googleapis.com");
        for (url, known, said) in [
            ("https://oauth2.googleapis.com/token", google, Ok(())),
            ("http://127.0.0.1:1/token", google, Ok(())),
            ("http://[::1]:1/token", None, Ok(())),
            ("https://login.example", None, Ok(())),
            ("http://login.example", None, Err("is not https")),
            (
                "https://evil.example/token",
                google,
                Err("is not at `googleapis.com`"),
            ),
            (
                "https://evilgoogleapis.com/token",
                google,
                Err("is not at `googleapis.com`"),
            ),
            ("file:///etc/passwd", None, Err("is not https")),
            ("x", None, Err("is no URL")),
        ] {
            assert_eq!(endpoint(url, known), said.map_err(str::to_owned), "{url}");
        }
    }
}
