//! Taking credentials out of messages: providers echo the key they refused. What goes is a credential that is known, or
//! what has the shape of one. Other words stay, however long: names of models, ids of requests and dates are what a
//! message is read for.

use crate::chat::Fault;
use serde_json::Value;
use std::borrow::Cow;

/// How a kind of credential looks.
struct Shape {
    prefix: &'static str,
    /// How much follows the prefix, at least.
    least: usize,
    /// Nothing but letters and digits follows: names of models begin in the same way.
    plain: bool,
}

const fn shape(prefix: &'static str, least: usize) -> Shape {
    Shape {
        prefix,
        least,
        plain: false,
    }
}

const fn plain(prefix: &'static str, least: usize) -> Shape {
    Shape {
        prefix,
        least,
        plain: true,
    }
}

/// The shapes of providers' keys, and of gw's own.
const SHAPES: [Shape; 19] = [
    shape("sk-", 10),
    shape("sk_", 16),
    shape("pk-", 16),
    shape("nvapi-", 20),
    shape("AIza", 12),
    shape("ya29.", 16),
    shape("eyJ", 24),
    shape("github_pat_", 20),
    plain("gsk_", 10),
    plain("xai-", 20),
    plain("pplx-", 20),
    plain("csk-", 20),
    plain("fw_", 16),
    plain("hf_", 16),
    plain("r8_", 16),
    plain("ghp_", 20),
    plain("AKIA", 16),
    plain("ASIA", 16),
    plain("jina_", 20),
];

const REDACTED: &str = "[redacted]";

/// A credential shorter than this is somebody's placeholder, and a part of many words.
const SHORTEST: usize = 8;

/// Credentials that are in use and must not be shown. It does not print.
#[derive(Clone, Default)]
pub struct Hidden<'a>(Option<Cow<'a, str>>);

impl<'a> Hidden<'a> {
    /// This one.
    pub fn of(credential: Option<&'a str>) -> Hidden<'a> {
        let credential = credential.filter(|credential| credential.len() >= SHORTEST);
        Hidden(credential.map(Cow::Borrowed))
    }

    /// This one, which changes while requests go on.
    pub fn owned(credential: Option<String>) -> Hidden<'a> {
        let credential = credential.filter(|credential| credential.len() >= SHORTEST);
        Hidden(credential.map(Cow::Owned))
    }

    /// The text without them, and without what looks like one.
    pub fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.0 {
            Some(credential) if text.contains(&**credential) => {
                Cow::Owned(scrub(&text.replace(&**credential, REDACTED)).into_owned())
            }
            _ => scrub(text),
        }
    }

    /// Takes them out of what an error says.
    pub fn clean(&self, fault: &mut Fault) {
        let words = [Some(&mut fault.message), Some(&mut fault.kind)];
        let named = [fault.code.as_mut(), fault.param.as_mut()];
        for text in words.into_iter().chain(named).flatten() {
            if let Cow::Owned(clean) = self.scrub(text) {
                *text = clean;
            }
        }
    }

    /// Whether a body shows one, however its JSON spells it.
    pub fn shown_in(&self, body: &[u8]) -> bool {
        let shown = |text: &str| matches!(self.scrub(text), Cow::Owned(_));
        fn any(value: &Value, shown: &dyn Fn(&str) -> bool) -> bool {
            match value {
                Value::String(text) => shown(text),
                Value::Array(items) => items.iter().any(|item| any(item, shown)),
                Value::Object(members) => members
                    .iter()
                    .any(|(key, value)| shown(key) || any(value, shown)),
                _ => false,
            }
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => any(&value, &shown),
            Err(_) => shown(&String::from_utf8_lossy(body)),
        }
    }
}

/// What [`SHAPES`] says as a regular expression.
pub fn pattern() -> String {
    let shapes = SHAPES.iter().map(|shape| {
        let follows = if shape.plain {
            "[A-Za-z0-9]"
        } else {
            "[A-Za-z0-9_.-]"
        };
        let prefix = shape.prefix.replace('.', "\\.");
        format!("{prefix}{follows}{{{},}}", shape.least)
    });
    format!("\\b(?:{})", shapes.collect::<Vec<_>>().join("|"))
}

/// The text with everything that looks like a credential replaced by `[redacted]`.
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(start) = text[at..].find(part_of_token).map(|found| at + found) {
        let end = text[start..]
            .find(|c| !part_of_token(c))
            .map_or(text.len(), |found| start + found);
        // A full stop ends a sentence more often than a key.
        let token = text[start..end].trim_end_matches(['.', '-']);
        if let Some(from) = credential(&text[..start], token) {
            out.push_str(&text[copied..start + from]);
            out.push_str(REDACTED);
            copied = start + token.len();
        }
        at = end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

fn part_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '*' | '+' | '/' | '~' | '…' | '•')
}

/// Where in a token a credential begins, if it holds one.
fn credential(before: &str, token: &str) -> Option<usize> {
    if sent(before, token) {
        return Some(0);
    }
    // A path may end in one.
    let starts = token.match_indices('/').map(|(at, _)| at + 1);
    std::iter::once(0).chain(starts).find(|start| {
        token
            .get(*start..)
            .is_some_and(|rest| SHAPES.iter().any(|shape| shape.fits(rest)))
    })
}

impl Shape {
    fn fits(&self, token: &str) -> bool {
        let Some(rest) = token.strip_prefix(self.prefix) else {
            return false;
        };
        // What is left of a key whose middle is masked is no use, but whoever masks it may have masked little.
        let masked = ["***", "…", "•", "..."]
            .iter()
            .any(|mask| rest.contains(mask));
        if masked {
            return rest.len() >= 6;
        }
        rest.len() >= self.least
            && (!self.plain || rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }
}

/// Whether it stands where a request's credential does.
fn sent(before: &str, token: &str) -> bool {
    let before = before.trim_end();
    let behind = |word: &str| {
        before
            .len()
            .checked_sub(word.len())
            .and_then(|at| before.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(word))
    };
    (behind("bearer") || behind("basic"))
        && token.len() >= 8
        && token
            .bytes()
            .any(|byte| byte.is_ascii_digit() || byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credentials_are_taken_out() {
        for (text, want) in [
            (
                "Incorrect API key provided: sk-proj-abc********************wxyz. See https://x.y/keys.",
                "Incorrect API key provided: [redacted]. See https://x.y/keys.",
            ),
            (
                "header 'Authorization: Bearer abcdef123456' refused",
                "header 'Authorization: Bearer [redacted]' refused",
            ),
            (
                "?key=AIzaSyA1234567890 and sk-gw-12345678",
                "?key=[redacted] and [redacted]",
            ),
            ("(gsk_abcdefghijk)", "([redacted])"),
            (
                "GET /v1/sk-abcdefghijklmnop failed",
                "GET /v1/[redacted] failed",
            ),
            (
                "pplx-0123456789abcdefABCDEF0123 is unknown",
                "[redacted] is unknown",
            ),
        ] {
            assert_eq!(scrub(text), want);
        }
    }

    #[test]
    fn words_stay() {
        for text in [
            "",
            "model `gpt-4o-2024-08-06` not found",
            "request req_011CSHoEeqs5C35K2UUqR7Fy failed",
            "max_tokens is too large: 100000",
            "the maximum tokens of claude-3-5-sonnet-20241022 are 8192",
            "your API key has no access to model ft:gpt-4o-mini-2024-07-18:org::9aBcDeFgHiJk",
            "key 123e4567-e89b-12d3-a456-426614174000 expired on 2026-11-21T12:00:00Z",
            "invalid token count for pplx-70b-online-2024-chat-extended",
            "xai-grok-4-fast-reasoning-20260101 is overloaded",
            "secret scanning run 0123456789abcdef0123456789abcdef01234567",
            "ask-me anything about sk-",
            "Bearer authentication is required",
            "日本語 … key",
        ] {
            assert!(
                matches!(scrub(text), Cow::Borrowed(same) if same == text),
                "{text}: {}",
                scrub(text)
            );
        }
    }

    #[test]
    fn a_known_credential_goes_whatever_it_looks_like() {
        let hidden = Hidden::of(Some("0123/abc\"4567"));
        assert_eq!(
            hidden.scrub("no key 0123/abc\"4567, or x0123/abc\"4567y"),
            "no key [redacted], or x[redacted]y"
        );
        assert!(hidden.shown_in(br#"{"a":[{"b":"key 0123\/abc\u00224567"}]}"#));
        assert!(hidden.shown_in(br#"{"0123/abc\"4567":1}"#));
        assert!(hidden.shown_in(b"<p>0123/abc\"4567"));
        assert!(hidden.shown_in(br#"{"a":"line\nsk-abcdefghijklmnop"}"#));
        assert!(!hidden.shown_in(br#"{"a":"line\nreq_011CSHoEeqs5C35K2UUqR7Fy"}"#));
        let mut fault = Fault {
            status: 401,
            kind: "x".into(),
            message: "0123/abc\"4567".into(),
            code: Some("0123/abc\"4567".into()),
            param: None,
        };
        hidden.clean(&mut fault);
        assert_eq!(
            (fault.message.as_str(), fault.code.as_deref()),
            (REDACTED, Some(REDACTED))
        );
        assert_eq!(Hidden::of(Some("test")).scrub("a test"), "a test");
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,40}", secret in "sk-[A-Za-z0-9]{20}") {
            let around = format!("{text} {secret} {text}");
            prop_assert!(!scrub(&around).contains(&secret));
        }
    }
}
