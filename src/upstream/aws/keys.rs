//! Access keys: <https://docs.aws.amazon.com/IAM/latest/UserGuide/security-creds-programmatic-access.html>.

use crate::store::secret::Secret;

/// What requests are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The access key's id: it is sent, and tells nothing alone.
    pub id: String,
    pub secret: Secret,
    /// Sent along where the keys are temporary.
    pub token: Option<Secret>,
}

impl Keys {
    /// Keys as they are stored in one text: `ACCESS_KEY_ID:SECRET[:SESSION_TOKEN]`; `None`: it is none, such as an API key, which
    /// has no colon.
    pub fn stored(text: &str) -> Option<Keys> {
        let mut parts = text.trim().splitn(3, ':');
        let (id, secret) = (parts.next()?, parts.next()?);
        let token = parts.next();
        // <https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html>
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let is_id = !id.is_empty() && id.bytes().all(word);
        let given =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_id && given(secret) && token.is_none_or(given)).then(|| Keys::of(id, secret, token))
    }

    pub(super) fn of(id: &str, secret: &str, token: Option<&str>) -> Keys {
        Keys {
            id: id.to_owned(),
            secret: Secret::new(secret.to_owned()),
            token: token.map(|token| Secret::new(token.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_keys_are_told_from_api_keys() {
        assert_eq!(
            Keys::stored("AKIDEXAMPLE:wJalr/+=\n"),
            Some(Keys::of("AKIDEXAMPLE", "wJalr/+=", None))
        );
        assert_eq!(
            Keys::stored("ASIA1:se/cret:tok=:en"),
            Some(Keys::of("ASIA1", "se/cret", Some("tok=:en")))
        );
        for other in [
            "",
            "bedrock-api-key-YmVkcm9jaw==",
            "ABSKQmVkcm9ja0FQSUtleS0=",
            "AKID:",
            ":secret",
            "AKID:secret:",
            "a-b:secret",
            "AKID:se cret",
            "{\"type\":\"service_account\"}",
        ] {
            assert_eq!(Keys::stored(other), None, "{other}");
        }
    }

    #[test]
    fn they_are_not_shown() {
        let shown = format!("{:?}", Keys::of("AKID", "wJalr", Some("Token")));
        assert_eq!(
            shown,
            "Keys { id: \"AKID\", secret: ***, token: Some(***) }"
        );
    }
}
