//! Taking credentials out of messages: providers echo the key they refused.

use std::borrow::Cow;

/// How provider credentials begin.
const PREFIXES: [&str; 16] = [
    "sk-", "sk_", "pk-", "gsk_", "xai-", "pplx-", "nvapi-", "csk-", "fw_", "hf_", "r8_", "ghp_",
    "AIza", "AKIA", "ya29.", "eyJ",
];
/// Words in front of which a long run of letters and digits is a credential.
const WORDS: [&str; 6] = [
    "key",
    "token",
    "secret",
    "credential",
    "authorization",
    "password",
];
const REDACTED: &str = "[redacted]";

/// The text with everything that looks like a credential replaced by `[redacted]`.
pub fn scrub(text: &str) -> Cow<'_, str> {
    without(text, secret)
}

/// The same for what gw says itself and may quote a caller in: only what begins like a credential goes, not a long
/// name beside the word key.
pub fn scrub_quoted(text: &str) -> Cow<'_, str> {
    without(text, |_, token| prefixed(token))
}

fn without(text: &str, secret: impl Fn(&str, &str) -> bool) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(start) = text[at..].find(part_of_token).map(|found| at + found) {
        let end = text[start..]
            .find(|c| !part_of_token(c))
            .map_or(text.len(), |found| start + found);
        // A full stop ends a sentence more often than a key.
        let token = text[start..end].trim_end_matches(['.', '-']);
        if secret(&text[..start], token) {
            out.push_str(&text[copied..start]);
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

fn prefixed(token: &str) -> bool {
    PREFIXES.iter().any(|prefix| {
        token
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= 6)
    })
}

fn secret(before: &str, token: &str) -> bool {
    if prefixed(token) {
        return true;
    }
    let ends = |word: &str| {
        let before = before.trim_end();
        before
            .len()
            .checked_sub(word.len())
            .and_then(|at| before.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(word))
    };
    if (ends("bearer") || ends("basic"))
        && token.len() >= 8
        && token.bytes().any(|b| b.is_ascii_digit() || b == b'*')
    {
        return true;
    }
    let opaque = token.len() >= 16
        && token.bytes().any(|b| b.is_ascii_digit() || b == b'*')
        && !token.contains('/');
    let start = before.char_indices().rev().nth(31).map_or(0, |(at, _)| at);
    opaque
        && WORDS
            .iter()
            .any(|word| before[start..].to_ascii_lowercase().contains(word))
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
                "invalid x-api-key: 0123456789abcdef0123456789abcdef",
                "invalid x-api-key: [redacted]",
            ),
            (
                "?key=AIzaSyA1234567890 and sk-gw-12345678",
                "?key=[redacted] and [redacted]",
            ),
            ("(gsk_abcdefghijk)", "([redacted])"),
        ] {
            assert_eq!(scrub(text), want);
        }
    }

    #[test]
    fn other_text_stays_borrowed() {
        for text in [
            "",
            "model `gpt-4o-2024-08-06` not found",
            "request req_011CSHoEeqs5C35K2UUqR7Fy failed",
            "max_tokens is too large: 100000",
            "ask-me anything about sk-",
            "日本語 … key",
        ] {
            assert!(
                matches!(scrub(text), Cow::Borrowed(same) if same == text),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in ".{0,40}", secret in "sk-[A-Za-z0-9]{20}") {
            let around = format!("{text} {secret} {text}");
            prop_assert!(!scrub(&around).contains(&secret));
        }
    }
}
