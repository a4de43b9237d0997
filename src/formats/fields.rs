//! A JSON object taken apart lazily: every value stays the raw text it was, every complaint names its path, and what
//! nobody took can be listed.

use super::document::{Document, Member, Raw, not_json};
use crate::chat::Words;
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

/// How many lost fields are named: a request made of thousands of unknown ones must not become a list of them.
const MOST_LOST: usize = 64;

/// How much of a lost field's name is, in characters.
const LONGEST_LOST: usize = 64;

/// One object's members.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    path: String,
    members: Vec<Member<'a>>,
}

/// The objects of a list with the paths they have in it.
fn numbered<'a>(path: &str, list: Vec<Raw<'a>>) -> Result<Vec<Fields<'a>>> {
    let object = |(i, raw)| Fields::of(raw, format!("{path}[{i}]"));
    list.into_iter().enumerate().map(object).collect()
}

impl<'a> Fields<'a> {
    /// A whole body, of which nothing is known.
    pub fn body(body: &'a [u8]) -> Result<Fields<'a>> {
        let text = std::str::from_utf8(body).map_err(|cause| not_json().cause(cause))?;
        Fields::root(Raw::of(text))
    }

    /// The same of a body that was gone through.
    pub fn document(document: &'a Document<'a>) -> Result<Fields<'a>> {
        Fields::root(document.root())
    }

    fn root(raw: Raw<'a>) -> Result<Fields<'a>> {
        let path = String::new();
        match raw.members() {
            Ok(members) => Ok(Fields { path, members }),
            Err(cause) => Err(match raw.get().starts_with('{') {
                true => not_json(),
                false => {
                    Error::invalid("the body is not a JSON object").hint("send one JSON object")
                }
            }
            .cause(cause)),
        }
    }

    /// A value that must be an object.
    pub fn of(raw: Raw<'a>, path: impl Into<String>) -> Result<Fields<'a>> {
        let path = path.into();
        match raw.members() {
            Ok(members) => Ok(Fields { path, members }),
            Err(_) => Err(wrong(&path, "an object")),
        }
    }

    /// The same members under other names, where `name` gives one.
    pub fn renamed(mut self, name: impl Fn(&str) -> Option<String>) -> Fields<'a> {
        for (key, _) in &mut self.members {
            if let Some(other) = name(key) {
                *key = other.into();
            }
        }
        self
    }

    /// Path of a member, as complaints name it.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Takes a member out. `null` counts as absent, and of duplicates the last one counts, as in every other parser.
    pub fn take(&mut self, key: &str) -> Option<Raw<'a>> {
        let named = |(name, _): &Member| name == key;
        let at = self.members.iter().rposition(named)?;
        let (_, found) = self.members.remove(at);
        if self.members.iter().take(at).any(named) {
            self.members.retain(|member| !named(member));
        }
        Some(found).filter(|raw| !raw.is_null())
    }

    /// Looks at a member and leaves it.
    pub fn peek(&self, key: &str) -> Option<Raw<'a>> {
        let mut named = self.members.iter().rev().filter(|(name, _)| name == key);
        named
            .next()
            .map(|(_, raw)| *raw)
            .filter(|raw| !raw.is_null())
    }

    /// What is in it, each once.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.members.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn typed<T: Deserialize<'a>>(&mut self, key: &str, what: &str) -> Result<Option<T>> {
        match self.take(key) {
            None => Ok(None),
            Some(raw) => match raw.typed() {
                Some(typed) => Ok(Some(typed)),
                None => Err(wrong(&self.path(key), what)),
            },
        }
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(raw) => match raw.text() {
                Some(text) => Ok(Some(text)),
                None => Err(wrong(&self.path(key), "a string")),
            },
        }
    }

    /// A text that is handed on.
    pub fn words(&mut self, key: &str) -> Result<Option<Words>> {
        match self.take(key) {
            None => Ok(None),
            Some(raw) => words(raw, &self.path(key)).map(Some),
        }
    }

    pub fn flag(&mut self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false")
    }

    pub fn number(&mut self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a number")
    }

    pub fn count(&mut self, key: &str) -> Result<Option<u64>> {
        self.typed(key, "a whole number of at least 0")
    }

    pub fn whole(&mut self, key: &str) -> Result<Option<i64>> {
        self.typed(key, "a whole number")
    }

    pub fn value(&mut self, key: &str) -> Result<Option<Value>> {
        self.typed(key, "valid JSON")
    }

    pub fn list(&mut self, key: &str) -> Result<Option<Vec<Raw<'a>>>> {
        match self.take(key) {
            None => Ok(None),
            Some(raw) => items(raw, &self.path(key), "a list").map(Some),
        }
    }

    /// A list of objects; each knows its path.
    pub fn objects(&mut self, key: &str) -> Result<Option<Vec<Fields<'a>>>> {
        match self.list(key)? {
            None => Ok(None),
            Some(list) => numbered(&self.path(key), list).map(Some),
        }
    }

    /// The same of one that must be there.
    pub fn need_objects(&mut self, key: &str) -> Result<Vec<Fields<'a>>> {
        self.objects(key)?.ok_or_else(|| missing(&self.path(key)))
    }

    pub fn object(&mut self, key: &str) -> Result<Option<Fields<'a>>> {
        match self.take(key) {
            None => Ok(None),
            Some(raw) => Fields::of(raw, self.path(key)).map(Some),
        }
    }

    /// A string that must be there.
    pub fn need(&mut self, key: &str) -> Result<String> {
        self.text(key)?.ok_or_else(|| missing(&self.path(key)))
    }

    /// A text that is handed on and must be there.
    pub fn need_words(&mut self, key: &str) -> Result<Words> {
        self.words(key)?.ok_or_else(|| missing(&self.path(key)))
    }

    /// What `read` gives, or nothing where it complains: for upstream replies, which are taken as they come.
    pub fn lenient<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<Option<T>>,
    ) -> Option<T> {
        read(self, key).ok().flatten()
    }

    /// What nobody took, as it was.
    pub fn json(&self) -> Value {
        let member = |(name, raw): &Member| Some((name.to_string(), raw.typed()?));
        Value::Object(self.members.iter().filter_map(member).collect())
    }

    /// Adds the paths of what nobody took, each once: without numbers, so that a long conversation has a short list.
    pub fn rest(&self, lost: &mut Vec<String>) {
        for (key, _) in self.members.iter().filter(|(_, raw)| !raw.is_null()) {
            if lost.len() >= MOST_LOST {
                return;
            }
            // A caller chooses it; what it is called shows in its beginning.
            let key: String = key.chars().take(LONGEST_LOST).collect();
            let path = self
                .path(&key)
                .split('.')
                .map(|step| step.split('[').next().unwrap_or(step))
                .collect::<Vec<_>>()
                .join(".");
            if !lost.contains(&path) {
                lost.push(path);
            }
        }
    }
}

/// Keeps the first of equal names.
pub fn dedup(names: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
}

/// What stands behind a listed field that was carried in another form.
pub const ADAPTED: &str = " (adapted)";

/// How a field is listed that was carried in another form than the caller gave it.
pub fn adapted(path: &str) -> String {
    format!("{path}{ADAPTED}")
}

/// A field of the wrong type.
pub fn wrong(path: &str, what: &str) -> Error {
    Error::invalid(format!("`{path}` must be {what}"))
        .param(path)
        .hint(format!("correct `{path}`"))
}

/// A field that is not there.
pub fn missing(path: &str) -> Error {
    Error::invalid(format!("`{path}` is missing"))
        .param(path)
        .hint(format!("add `{path}`"))
}

/// A field whose meaning the translation cannot carry.
pub fn unsupported(path: &str, what: &str) -> Error {
    Error::invalid(what).param(path).hint(format!(
        "leave out `{path}`, or use a route whose target speaks the same format as the request"
    ))
}

/// The text of a raw JSON string.
pub fn string(raw: Raw<'_>, path: &str) -> Result<String> {
    raw.text().ok_or_else(|| wrong(path, "a string"))
}

/// The same of one that is handed on.
pub fn words(raw: Raw<'_>, path: &str) -> Result<Words> {
    raw.words().ok_or_else(|| wrong(path, "a string"))
}

/// The items of a raw JSON list, or a complaint that it is not what it must be.
pub fn items<'a>(raw: Raw<'a>, path: &str, what: &str) -> Result<Vec<Raw<'a>>> {
    raw.items().map_err(|_| wrong(path, what))
}

/// The text of a raw JSON string in a stream. Some services cut between the two halves of a `\uD83D\uDE00` escape: the
/// first half is kept in `carry` for the next piece. `None`: not a string.
pub fn text_across(raw: Raw<'_>, carry: &mut Option<u16>) -> Option<String> {
    if carry.is_none()
        && let Some(text) = raw.text()
    {
        return Some(text);
    }
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    let mut units: Vec<u16> = carry.take().into_iter().collect();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let meant = match (c, if c == '\\' { chars.next() } else { None }) {
            (_, Some('u')) => {
                let digits: String = chars.by_ref().take(4).collect();
                units.push(u16::from_str_radix(&digits, 16).unwrap_or(0xFFFD));
                continue;
            }
            (_, Some('n')) => '\n',
            (_, Some('r')) => '\r',
            (_, Some('t')) => '\t',
            (_, Some('b')) => '\u{8}',
            (_, Some('f')) => '\u{c}',
            (_, Some(escaped)) => escaped,
            (plain, None) => plain,
        };
        units.extend_from_slice(meant.encode_utf16(&mut [0; 2]));
    }
    *carry = units.pop_if(|last| (0xD800..0xDC00).contains(last));
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_keep_their_text_and_complaints_their_path() {
        let mut body = Fields::body(br#"{"a":{"b":[{"c":1.50}]},"d":null,"e":1}"#).unwrap();
        let mut a = body.object("a").unwrap().unwrap();
        let mut b = a.objects("b").unwrap().unwrap();
        assert_eq!(b[0].take("c").unwrap().get(), "1.50");
        assert_eq!(b[0].need("x").unwrap_err().param.unwrap(), "a.b[0].x");
        assert!(body.text("d").unwrap().is_none());
        let mut lost = Vec::new();
        body.rest(&mut lost);
        assert_eq!(lost, ["e"]);
        assert_eq!(body.text("e").unwrap_err().param.unwrap(), "e");
    }

    #[test]
    fn characters_cut_in_two_are_joined() {
        let mut carry = None;
        assert_eq!(
            text_across(Raw::of(r#""a\n\ud83d""#), &mut carry).unwrap(),
            "a\n"
        );
        assert_eq!(text_across(Raw::of(r#""""#), &mut carry).unwrap(), "");
        assert_eq!(
            text_across(Raw::of(r#""\ude00é\"""#), &mut carry).unwrap(),
            "😀é\""
        );
        assert_eq!(
            (
                text_across(Raw::of(r#""\ude00b""#), &mut carry).unwrap(),
                carry
            ),
            ("\u{fffd}b".to_owned(), None)
        );
        assert_eq!(text_across(Raw::of("{}"), &mut carry), None);
    }

    #[test]
    fn only_an_object_is_a_body() {
        for body in ["[]", "", "{", "3", "{\"a\":}"] {
            assert!(Fields::body(body.as_bytes()).is_err(), "{body}");
        }
    }
}
