//! What the services that give out keys answer. Pure; errors are fragments that show nothing of an answer but its names.

use super::Keys;
use crate::store::secret::Secret;
use jiff::Timestamp;
use serde::Deserialize;

/// What requests are signed in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    Keys(Keys),
    /// Sent as it is: `Authorization: Bearer …`.
    ApiKey(Secret),
}

/// What a chain came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub held: Held,
    /// Until when it is good; `None`: as long as it is there.
    pub expires: Option<Timestamp>,
}

impl Given {
    fn of(id: &str, secret: &str, token: &str, expires: &str) -> Result<Given, String> {
        let expires = expires.parse().map_err(|_| "`Expiration` is no time")?;
        Ok(Given {
            held: Held::Keys(Keys::of(id, secret, Some(token))),
            expires: Some(expires),
        })
    }
}

/// The answer of a container's or a machine's service.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
}

pub(super) fn json(body: &[u8]) -> Result<Given, String> {
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "its answer is no JSON object of keys")?;
    match answer.code.as_deref() {
        None | Some("Success") => {}
        Some(code) => return Err(format!("it says `{}`", word(code))),
    }
    let has = |value: &Option<String>, name: &str| {
        let value = value.clone().filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("its answer has no `{name}`"))
    };
    Given::of(
        &has(&answer.access_key_id, "AccessKeyId")?,
        &has(&answer.secret_access_key, "SecretAccessKey")?,
        &has(&answer.token, "Token")?,
        &has(&answer.expiration, "Expiration")?,
    )
}

/// The answer of the Security Token Service, in XML.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub(super) fn xml(body: &[u8]) -> Result<Given, String> {
    let text = std::str::from_utf8(body).map_err(|_| "its answer is no text")?;
    let credentials = element(text, "Credentials").ok_or("its answer has no `Credentials`")?;
    let has = |name: &str| {
        let value = element(credentials, name).map(str::trim);
        let value = value.filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("its answer has no `{name}`"))
    };
    Given::of(
        has("AccessKeyId")?,
        has("SecretAccessKey")?,
        has("SessionToken")?,
        has("Expiration")?,
    )
}

/// The name of the failure that an answer of that service tells.
pub(super) fn failure(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    element(element(text, "Error")?, "Code").map(word)
}

/// What stands in the first element of this name. What is read of these answers has neither attributes nor references.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, inner) = text.split_once(&format!("<{name}>"))?;
    Some(inner.split_once(&format!("</{name}>"))?.0)
}

/// A short name out of an answer.
fn word(text: &str) -> String {
    let good = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.chars().filter(good).take(60).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn keys() -> Given {
        Given::of("ASIA", "s/+=", "tok", "2026-11-21T18:00:00Z").unwrap()
    }

    #[test]
    fn answers_of_metadata_services_are_read() {
        let whole = r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"ASIA","SecretAccessKey":"s/+=",
            "Token":"tok","Expiration":"2026-11-21T18:00:00Z","AccountId":"1"}"#;
        assert_eq!(json(whole.as_bytes()), Ok(keys()));
        for (changed, want) in [
            (
                whole.replace("\"Token\"", "\"T\""),
                "its answer has no `Token`",
            ),
            (whole.replace("ASIA", ""), "its answer has no `AccessKeyId`"),
            (whole.replace("2026", "secret"), "`Expiration` is no time"),
            (
                whole.replace("Success", "Assume<b>Role"),
                "it says `AssumebRole`",
            ),
            ("<html>".to_owned(), "its answer is no JSON object of keys"),
        ] {
            assert_eq!(json(changed.as_bytes()).unwrap_err(), want);
        }
    }

    #[test]
    fn answers_of_the_token_service_are_read() {
        let whole = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>
            <AssumedRoleUser><Arn>a</Arn></AssumedRoleUser><Credentials><AccessKeyId>ASIA</AccessKeyId>
            <SecretAccessKey>s/+=</SecretAccessKey><SessionToken>
            tok</SessionToken><Expiration>2026-11-21T18:00:00Z</Expiration></Credentials></AssumeRoleResult>";
        assert_eq!(xml(whole.as_bytes()), Ok(keys()));
        let none = whole.replace("SessionToken", "Other");
        assert_eq!(
            xml(none.as_bytes()).unwrap_err(),
            "its answer has no `SessionToken`"
        );
        assert_eq!(
            xml(b"<Credentials>").unwrap_err(),
            "its answer has no `Credentials`"
        );
        let error = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>";
        assert_eq!(failure(error.as_bytes()).as_deref(), None);
        let error = format!("{error}</Error></ErrorResponse>");
        assert_eq!(failure(error.as_bytes()).as_deref(), Some("AccessDenied"));
    }
}
