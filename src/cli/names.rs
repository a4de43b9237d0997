//! `TYPE`, `TYPE/NAME`, `TYPE,TYPE` and `all`: what `-o name` prints, taken back.

use crate::error::{Error, Result};
use crate::resources::{KINDS, Kind, kind};

/// What a word names: a kind, or one record of it.
pub(crate) type Named = (&'static Kind, Option<String>);

/// Reads the words of a verb-first command. `key ci` (two words, the first a kind) is one record, too.
pub(crate) fn named<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Vec<Named>> {
    let given: Vec<&str> = words.into_iter().collect();
    // A variable that is not set names nothing; it must not pass for a word that was left out.
    if given.iter().any(|word| word.trim().is_empty()) {
        return Err(
            Error::invalid("an empty word names nothing").hint("write TYPE/NAME, such as key/ci")
        );
    }
    let words: Vec<&str> = given.into_iter().flat_map(str::split_whitespace).collect();
    // kubectl's habit: a kind and then names.
    if let [first, names @ ..] = &words[..]
        && !names.is_empty()
        && let Ok(only) = kind(first)
        && names
            .iter()
            .all(|name| kind(name).is_err() && !starts_with_kind(name))
    {
        return Ok(names
            .iter()
            .map(|name| (only, Some((*name).to_owned())))
            .collect());
    }
    let mut all = Vec::new();
    for word in words {
        match word.split_once('/') {
            _ if word == "all" => all.extend(KINDS.iter().map(|kind| (*kind, None))),
            Some((_, "")) => {
                return Err(
                    Error::invalid(format!("`{}` names nothing", word.escape_debug()))
                        .hint("write TYPE/NAME, such as key/ci"),
                );
            }
            Some((of, name)) => all.push((kind(of)?, Some(name.to_owned()))),
            None => {
                for of in word.split(',') {
                    all.push((kind(of)?, None));
                }
            }
        }
    }
    Ok(all)
}

fn starts_with_kind(word: &str) -> bool {
    word.split_once('/').is_some_and(|(of, _)| kind(of).is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn parsed(line: &str) -> String {
        let all = named(line.split(' ')).unwrap();
        all.into_iter()
            .map(|(kind, name)| format!("{}:{}", kind.name, name.unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn words_name_things() {
        assert_eq!(parsed("key/ci routes/r"), "key:ci route:r");
        assert_eq!(parsed("user,keys"), "user: key:");
        assert_eq!(parsed("all"), "user: key: provider: model: route:");
        assert_eq!(parsed("model/openai/gpt-4o"), "model:openai/gpt-4o");
        assert_eq!(parsed("key a b"), "key:a key:b");
        assert_eq!(parsed("user key"), "user: key:");
        assert_eq!(parsed("model openai/gpt-4o"), "model:openai/gpt-4o");
        for bad in ["nope", "nope/x", "key/", "user,nope", "key/a b"] {
            assert!(named(bad.split(' ')).is_err(), "{bad}");
        }
    }
}
