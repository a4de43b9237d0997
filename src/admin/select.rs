//! Label selectors (`a=b,c!=d,e,!f`) and page cursors.

use crate::error::{Error, Result};
use crate::resources::Record;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

enum Term {
    Is(String, String),
    IsNot(String, String),
    Has(String),
    HasNot(String),
}

/// Conditions on labels, all of which must hold.
pub struct Selector(Vec<Term>);

impl Selector {
    pub fn parse(text: &str) -> Result<Selector> {
        let mut terms = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|_| !text.trim().is_empty())
        {
            let term = match part.split_once("!=") {
                Some((key, value)) => Term::IsNot(key.trim().into(), value.trim().into()),
                None => match part.split_once('=') {
                    Some((key, value)) => Term::Is(
                        key.trim().into(),
                        value.trim_start_matches('=').trim().into(),
                    ),
                    None => match part.strip_prefix('!') {
                        Some(key) => Term::HasNot(key.trim().into()),
                        None => Term::Has(part.into()),
                    },
                },
            };
            let (Term::Is(key, _) | Term::IsNot(key, _) | Term::Has(key) | Term::HasNot(key)) =
                &term;
            if key.is_empty() || key.contains(['!', ' ']) {
                return Err(Error::invalid(format!(
                    "`{}` is not a label selector",
                    text.escape_debug()
                ))
                .param("selector")
                .hint("write it as team=a,env!=ci,owned,!old"));
            }
            terms.push(term);
        }
        Ok(Selector(terms))
    }

    pub fn takes(&self, record: &Record) -> bool {
        let label = |key: &str| {
            record
                .spec
                .get("labels")
                .and_then(|labels| labels.get(key))
                .and_then(|value| value.as_str())
        };
        self.0.iter().all(|term| match term {
            Term::Is(key, value) => label(key) == Some(value),
            Term::IsNot(key, value) => label(key) != Some(value),
            Term::Has(key) => label(key).is_some(),
            Term::HasNot(key) => label(key).is_none(),
        })
    }
}

/// Where a page ended, as text that goes into a URL.
pub fn cursor(name: &str) -> String {
    URL_SAFE_NO_PAD.encode(name)
}

pub fn uncursor(text: &str) -> Result<String> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            Error::invalid("`cursor` is not one gw gave out")
                .param("cursor")
                .hint("start again without it")
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn selects_by_labels() {
        let record: Record = serde_json::from_value(serde_json::json!({
            "kind": "user", "name": "u", "version": 1, "created": 0, "updated": 0,
            "spec": {"labels": {"team": "a", "env": "ci"}},
        }))
        .unwrap();
        for (text, takes) in [
            ("", true),
            ("team=a", true),
            ("team==a", true),
            ("team=b", false),
            ("team!=b,env", true),
            ("!team", false),
            ("!old,team=a", true),
            ("old!=x", true),
        ] {
            assert_eq!(
                Selector::parse(text).unwrap().takes(&record),
                takes,
                "{text}"
            );
        }
        for bad in ["=a", "a=b,", "!", "a b"] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_refuses(text in ".{0,40}") {
            let _ = Selector::parse(&text);
            let _ = uncursor(&text);
            prop_assert_eq!(uncursor(&cursor(&text)).unwrap(), text);
        }
    }
}
