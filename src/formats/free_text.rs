//! Free text as the arguments of a function: how a tool that is called with text is put to those that know functions alone, and
//! how the text is taken out again of what they call it with.

use crate::chat::Grammar;
use serde_json::{Value, json};

/// What a function takes that stands for such a tool.
pub fn parameters() -> Value {
    json!({"type": "object",
        "properties": {"input": {"type": "string", "description": "The input of the tool, as plain text"}},
        "required": ["input"], "additionalProperties": false})
}

/// The arguments that stand for a text.
pub fn wrapped(text: &str) -> String {
    json!({"input": text}).to_string()
}

/// What is said of a tool whose text nobody holds to its grammar.
pub fn described(own: Option<&str>, grammar: Option<&Grammar>) -> Option<String> {
    let Some(Grammar { syntax, definition }) = grammar else {
        return own.map(str::to_owned);
    };
    let rule = format!("`input` must match this grammar ({syntax}):\n{definition}");
    Some(match own {
        Some(own) => format!("{own}\n\n{rule}"),
        None => rule,
    })
}

/// The free text in a function's arguments; what a model put otherwise is taken as it is.
pub fn unwrapped(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(mut members)) => match members.remove("input") {
            Some(Value::String(text)) => text,
            _ => arguments.to_owned(),
        },
        Ok(Value::String(text)) => text,
        _ => arguments.to_owned(),
    }
}

/// Takes the text out of `{"input": "…"}` as it comes. Arguments that begin otherwise are looked at when they are whole.
#[derive(Debug, Default)]
pub struct Unwrap {
    all: String,
    /// Up to where the text has been given out; `None`: it has not begun.
    at: Option<usize>,
    /// The text has ended.
    ended: bool,
}

impl Unwrap {
    /// What of the text has come with this piece.
    pub fn push(&mut self, more: &str) -> String {
        self.all.push_str(more);
        let at = match self.at {
            Some(at) => at,
            None => match begin(&self.all) {
                Some(at) => at,
                None => return String::new(),
            },
        };
        let mut text = String::new();
        let rest = self.all.get(at..).unwrap_or_default();
        let mut read = 0;
        while !self.ended
            && let Some((length, c)) = character(rest.get(read..).unwrap_or_default())
        {
            read += length;
            match c {
                Some(c) => text.push(c),
                None => self.ended = true,
            }
        }
        self.at = Some(at + read);
        text
    }

    /// What has not been given out when no more comes.
    pub fn rest(&self) -> String {
        match self.at {
            Some(_) => String::new(),
            None => unwrapped(&self.all),
        }
    }
}

/// Where the text begins in arguments of which it is the first member.
fn begin(arguments: &str) -> Option<usize> {
    let mut rest = arguments;
    for token in ["{", "\"input\"", ":", "\""] {
        rest = rest.trim_start().strip_prefix(token)?;
    }
    Some(arguments.len() - rest.len())
}

/// The first character of the inside of a JSON string and its length there, `None` for the quote that ends it; nothing
/// where it is not whole.
fn character(text: &str) -> Option<(usize, Option<char>)> {
    let mut chars = text.chars();
    let escaped = match chars.next()? {
        '"' => return Some((1, None)),
        '\\' => chars.next()?,
        c => return Some((c.len_utf8(), Some(c))),
    };
    let plain = match escaped {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return unicode(text),
        other => other,
    };
    Some((1 + escaped.len_utf8(), Some(plain)))
}

/// The character of one `\uXXXX`, or of two that are halves of it.
fn unicode(text: &str) -> Option<(usize, Option<char>)> {
    let unit = |from: usize| {
        let digits = text.get(from..from + 4);
        digits.map(|digits| u16::from_str_radix(digits, 16).unwrap_or(0xFFFD))
    };
    let high = unit(2)?;
    if !(0xD800..0xDC00).contains(&high) {
        return Some((6, Some(char::from_u32(high.into()).unwrap_or('\u{fffd}'))));
    }
    let behind = text.get(6..)?;
    if !"\\u".starts_with(behind.get(..2).unwrap_or(behind)) {
        return Some((6, Some('\u{fffd}')));
    }
    let low = unit(8)?;
    match char::decode_utf16([high, low]).next() {
        Some(Ok(c)) => Some((12, Some(c))),
        _ => Some((6, Some('\u{fffd}'))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn free_text_goes_out_as_it_comes() {
        let mut text = Unwrap::default();
        let given = [
            r#"{ "inp"#,
            r#"ut": "a\"#,
            r#"n\ud8"#,
            r#"3d"#,
            r#"\ude00b"#,
            r#"c\""#,
            r#""} "#,
        ];
        let out: Vec<String> = given.iter().map(|piece| text.push(piece)).collect();
        assert_eq!(out, ["", "a", "\n", "", "😀b", "c\"", ""]);
        assert_eq!(text.rest(), "");
        // Another order of members is looked at when it is whole.
        let mut other = Unwrap::default();
        assert_eq!(other.push(r#"{"why":"x","input":"y"}"#), "");
        assert_eq!(other.rest(), "y");
    }

    proptest! {
        #[test]
        fn free_text_is_the_same_however_it_is_cut(text in ".{0,30}", cuts in proptest::collection::vec(1_usize..6, 1..8)) {
            for given in [json!({"input": text}).to_string(), format!("{{\"input\":\"{}\"}}", text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>())] {
                let (mut reader, mut out, mut at) = (Unwrap::default(), String::new(), 0);
                for cut in cuts.iter().cycle() {
                    let end = given.ceil_char_boundary((at + cut).min(given.len()));
                    out.push_str(&reader.push(&given[at..end]));
                    at = end;
                    if at == given.len() { break; }
                }
                out.push_str(&reader.rest());
                prop_assert_eq!(&out, &text);
            }
        }
    }
}
