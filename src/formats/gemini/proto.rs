//! JSON as Protobuf services take it: names in either spelling, an object where a list of one is meant, numbers for the
//! words of an enumeration. <https://protobuf.dev/programming-guides/json/>

use crate::error::Result;
use crate::formats::document::{Document, Raw};
use crate::formats::fields::{Fields, items, string, wrong};

/// A whole body, its names in the spelling of the reference.
pub fn body(body: &[u8]) -> Result<Fields<'_>> {
    Fields::body(body).map(camel)
}

/// The same of one that was gone through.
pub fn document<'a>(document: &'a Document<'a>) -> Result<Fields<'a>> {
    Fields::document(document).map(camel)
}

/// The same of an object.
pub fn of<'a>(raw: Raw<'a>, path: impl Into<String>) -> Result<Fields<'a>> {
    Fields::of(raw, path).map(camel)
}

/// The same of a member.
pub fn object<'a>(fields: &mut Fields<'a>, key: &str) -> Result<Option<Fields<'a>>> {
    Ok(fields.object(key)?.map(camel))
}

/// A list of values; one that is no list is a list of that.
pub fn list<'a>(fields: &mut Fields<'a>, key: &str) -> Result<Option<Vec<Raw<'a>>>> {
    let path = fields.path(key);
    let Some(raw) = fields.take(key) else {
        return Ok(None);
    };
    match raw.get().starts_with('[') {
        false => Ok(Some(vec![raw])),
        true => items(raw, &path, "a list").map(Some),
    }
}

/// A list of objects; each knows its path.
pub fn objects<'a>(fields: &mut Fields<'a>, key: &str) -> Result<Option<Vec<Fields<'a>>>> {
    let path = fields.path(key);
    let Some(list) = list(fields, key)? else {
        return Ok(None);
    };
    list.into_iter()
        .enumerate()
        .map(|(i, raw)| of(raw, format!("{path}[{i}]")))
        .collect::<Result<_>>()
        .map(Some)
}

/// A word of an enumeration, by itself or by its number.
pub fn word(fields: &mut Fields, key: &str, words: &[&str]) -> Result<Option<String>> {
    let path = fields.path(key);
    let Some(raw) = fields.take(key) else {
        return Ok(None);
    };
    if raw.is_string() {
        return string(raw, &path).map(Some);
    }
    let number: Option<usize> = raw.get().parse().ok();
    match number.and_then(|number| words.get(number)) {
        Some(word) => Ok(Some((*word).to_owned())),
        None => Err(wrong(&path, "a word of this API")),
    }
}

/// A whole number, however it is spelt: Protobuf takes `2.0` and `"2"`, too.
pub fn whole(fields: &mut Fields, key: &str) -> Result<Option<i64>> {
    let path = fields.path(key);
    let Some(raw) = fields.take(key) else {
        return Ok(None);
    };
    let text = raw.get().trim_matches('"');
    let fraction = || {
        text.parse::<f64>()
            .ok()
            .filter(|number| number.fract() == 0.0)
    };
    match text.parse::<i64>() {
        Ok(number) => Ok(Some(number)),
        // `as` saturates.
        Err(_) => match fraction() {
            Some(number) => Ok(Some(number as i64)),
            None => Err(wrong(&path, "a whole number")),
        },
    }
}

/// The same, of at least 0.
pub fn count(fields: &mut Fields, key: &str) -> Result<Option<u64>> {
    let path = fields.path(key);
    whole(fields, key)?
        .map(|number| {
            u64::try_from(number).map_err(|_| wrong(&path, "a whole number of at least 0"))
        })
        .transpose()
}

/// The answers in what came as one: an object, several in a list, or any of them as text.
pub fn answers(data: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(data).ok()?.trim();
    match text.as_bytes().first()? {
        b'{' => Some(vec![text.to_owned()]),
        b'[' => {
            let list = Raw::of(text).items().ok()?;
            let each = list.into_iter().map(Raw::get);
            each.map(|raw| raw.starts_with('{').then(|| raw.to_owned()))
                .collect()
        }
        b'"' => {
            let inner: String = serde_json::from_str(text).ok()?;
            inner
                .trim_start()
                .starts_with(['{', '['])
                .then(|| answers(inner.as_bytes()))?
        }
        _ => None,
    }
}

fn camel(fields: Fields<'_>) -> Fields<'_> {
    fields.renamed(spelt)
}

/// A name in the spelling of the reference; `None`: it is.
fn spelt(name: &str) -> Option<String> {
    let (first, rest) = name.split_at_checked(1)?;
    if !rest.contains('_') {
        return None;
    }
    let mut out = first.to_owned();
    let mut upper = false;
    for c in rest.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn either_spelling_is_read() {
        for (name, want) in [
            ("inline_data", Some("inlineData")),
            ("max_output_tokens", Some("maxOutputTokens")),
            ("inlineData", None),
            ("_responseJsonSchema", None),
            ("text", None),
            ("", None),
            ("é_x", None),
        ] {
            assert_eq!(spelt(name).as_deref(), want, "{name}");
        }
    }

    #[test]
    fn one_object_is_a_list_and_a_number_a_word() {
        let mut fields =
            body(br#"{"parts":{"text":"a"},"finish_reason":2,"n":"7","m":2.0}"#).unwrap();
        assert_eq!(objects(&mut fields, "parts").unwrap().unwrap().len(), 1);
        let reason = word(&mut fields, "finishReason", &["", "STOP", "MAX_TOKENS"]);
        assert_eq!(reason.unwrap().as_deref(), Some("MAX_TOKENS"));
        assert_eq!(count(&mut fields, "n").unwrap(), Some(7));
        assert_eq!(count(&mut fields, "m").unwrap(), Some(2));
    }

    #[test]
    fn data_may_be_an_object_a_list_or_a_string_of_them() {
        let one = vec![r#"{"a":1}"#.to_owned()];
        for text in [
            r#"{"a":1}"#,
            r#"[{"a":1}]"#,
            r#""{\"a\":1}""#,
            r#""[{\"a\":1}]""#,
        ] {
            assert_eq!(answers(text.as_bytes()), Some(one.clone()), "{text}");
        }
        for text in ["", "7", "[7]", "\"x\"", "[{]"] {
            assert_eq!(answers(text.as_bytes()), None, "{text}");
        }
    }
}
