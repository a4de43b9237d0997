//! Text from strangers made visible. Model names, header values, error texts and answers come from anybody; nothing in
//! them may steer the terminal they are shown on, or turn or hide what stands beside them.

use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write;

/// Characters that move the cursor, switch the terminal's state, turn the direction of writing, break lines where no
/// line ends, or take no room at all. Joiners (U+200C, U+200D) stay: words and emoji are made with them.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// The text with everything that steers written out as `\u001b`; `keep` stays as it is. In JSON, where none of it can
/// stand but in strings, the outcome means the same.
fn escape(text: &str, keep: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) && !keep.contains(&c) {
            // Writing to a String cannot fail.
            true => _ = write!(out, "\\u{:04x}", u32::from(c)),
            false => out.push(c),
        }
    }
    out
}

/// Text of several lines: line ends and tabs stay, everything else that steers is escaped.
pub fn visible(text: &str) -> Cow<'_, str> {
    const KEEP: [char; 2] = ['\n', '\t'];
    if text.contains("\r\n") {
        return Cow::Owned(escape(&text.replace("\r\n", "\n"), &KEEP));
    }
    match text.contains(|c| steers(c) && !KEEP.contains(&c)) {
        true => Cow::Owned(escape(text, &KEEP)),
        false => Cow::Borrowed(text),
    }
}

/// Text for one line, such as a table's cell: line ends and tabs become spaces, everything else that steers is escaped.
pub fn clean(text: &str) -> String {
    escape(
        &text.replace("\r\n", " ").replace(['\n', '\t', '\r'], " "),
        &[],
    )
}

/// What a terminal is given of these bytes. What is no UTF-8 may be C1 controls to it, and is shown as `\x9b`.
pub fn for_terminal(bytes: &[u8]) -> Cow<'_, [u8]> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return match visible(text) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
    }
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(&visible(chunk.valid()));
        out.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    Cow::Owned(out.into_bytes())
}

/// JSON on one line. Strings hold C1 and bidirectional controls escaped too, which JSON itself would let through.
pub fn json(value: &Value) -> String {
    escape(&value.to_string(), &[])
}

/// JSON over several lines.
pub fn pretty(value: &Value) -> String {
    // `{:#}` is what to_string_pretty writes, and cannot fail.
    escape(&format!("{value:#}"), &['\n'])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    const NASTY: &str =
        "a\u{1b}[31m\u{9b}x\u{202e}evil\u{2066}\u{200f}\u{61c}\u{2028}\u{feff}\u{7f}z";
    const SHOWN: &str =
        "a\\u001b[31m\\u009bx\\u202eevil\\u2066\\u200f\\u061c\\u2028\\ufeff\\u007fz";

    #[test]
    fn what_steers_is_written_out() {
        assert_eq!(clean(NASTY), SHOWN);
        assert_eq!(visible(NASTY), SHOWN);
        assert_eq!(clean("two\r\nlines\tand a tab"), "two lines and a tab");
        assert_eq!(
            visible("two\r\nlines\tand\ra return"),
            "two\nlines\tand\\u000da return"
        );
        assert_eq!(clean("日本語 👩‍💻 déjà"), "日本語 👩‍💻 déjà");
        assert!(matches!(visible("plain\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_not_utf8_is_written_out_too() {
        assert_eq!(
            for_terminal(b"a\x9b2Jb\xff\n").as_ref(),
            b"a\\x9b2Jb\\xff\n"
        );
        assert_eq!(for_terminal(NASTY.as_bytes()).as_ref(), SHOWN.as_bytes());
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_steers_survives(text in "\\PC*|[\\x00-\\x{9f}\\x{200e}-\\x{202e}]*") {
            proptest::prop_assert!(!clean(&text).contains(steers));
            proptest::prop_assert!(!visible(&text).replace(['\n', '\t'], "").contains(steers));
        }

        #[test]
        fn json_means_the_same(text in "\\PC*|[\\x00-\\x{9f}\\x{2028}-\\x{202e}\\\\\"]*") {
            let value = json!({"a": [text.clone(), {text: 1}]});
            for written in [json(&value), pretty(&value)] {
                proptest::prop_assert!(!written.replace('\n', "").contains(steers));
                proptest::prop_assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), &value);
            }
        }
    }
}
