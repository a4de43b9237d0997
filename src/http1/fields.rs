//! The headers of a request or an answer as they came: slices of its head, since few of them are ever looked at.

use bytes::Bytes;
use std::fmt;

/// Headers in the order in which they came, their names in small letters.
#[derive(Clone, Default)]
pub struct Fields {
    head: Bytes,
    lines: Vec<Line>,
}

/// Where one is in its head. Heads are far shorter than such numbers go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    name: (u32, u32),
    value: (u32, u32),
}

impl Line {
    /// The one of this name and value, which are parts of the head.
    pub fn of(head: &[u8], name: &[u8], value: &[u8]) -> Line {
        let place = |part: &[u8]| {
            let from = part.as_ptr().addr() - head.as_ptr().addr();
            (from as u32, (from + part.len()) as u32)
        };
        Line {
            name: place(name),
            value: place(value),
        }
    }
}

impl Fields {
    pub(super) fn of(head: Bytes, lines: Vec<Line>) -> Fields {
        Fields { head, lines }
    }

    fn part(&self, (from, to): (u32, u32)) -> &[u8] {
        self.head
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let parts = |line: &Line| (self.part(line.name), self.part(line.value));
        self.lines.iter().map(parts)
    }

    /// What each of this name says.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        // Nearly all that are not of this name are told by its length alone.
        let is = |line: &Line| {
            (line.name.1 - line.name.0) as usize == name.len()
                && self.part(line.name).eq_ignore_ascii_case(name.as_bytes())
        };
        let lines = self.lines.iter().filter(move |line| is(line));
        lines.map(|line| self.part(line.value))
    }

    /// The same, of those that are text.
    pub fn texts<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.all(name).filter_map(text)
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// What the first of this name says.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The same, where it is text that everybody reads alike.
    pub fn text(&self, name: &str) -> Option<&str> {
        text(self.get(name)?)
    }
}

/// A header's value, where it is text that everybody reads alike: ASCII. What is none at all came in no header.
pub fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value)
        .ok()
        .filter(|text| text.is_ascii())
}

/// Their names alone: some of what they say is secret.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.iter().map(|(name, _)| name.escape_ascii().to_string());
        f.debug_set().entries(names).finish()
    }
}

/// Those of a head that nobody sent.
impl<'a> FromIterator<(&'a str, &'a str)> for Fields {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(lines: T) -> Fields {
        let lines: Vec<(&str, &str)> = lines.into_iter().collect();
        let all: String = lines
            .iter()
            .flat_map(|(name, value)| [name.to_ascii_lowercase(), (*value).to_owned()])
            .collect();
        let (head, mut from) = (Bytes::from(all), 0);
        let line = |(name, value): (&str, &str)| {
            let (begin, behind) = (from, from + name.len());
            from = behind + value.len();
            Line::of(&head, &head[begin..behind], &head[behind..from])
        };
        let lines = lines.into_iter().map(line).collect();
        Fields { head, lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts_however_it_is_spelt() {
        let lines = [
            ("A", "1"),
            ("b", ""),
            ("a", "2"),
            ("C", "\u{e9}"),
            ("d", "\tx"),
        ];
        let fields: Fields = lines.into_iter().collect();
        assert_eq!(fields.get("a"), Some(&b"1"[..]));
        assert_eq!((fields.text("b"), fields.text("e")), (Some(""), None));
        assert_eq!((fields.text("c"), fields.text("d")), (None, Some("\tx")));
        let names: Vec<&[u8]> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names, [b"a", b"b", b"a", b"c", b"d"]);
        assert_eq!(format!("{fields:?}"), r#"{"a", "b", "a", "c", "d"}"#);
        let all: Vec<&[u8]> = fields.all("A").collect();
        assert_eq!(
            (all, fields.has("B"), fields.has("e")),
            (vec![&b"1"[..], b"2"], true, false)
        );
        assert_eq!(
            (fields.texts("c").count(), fields.texts("a").count()),
            (0, 2)
        );
    }
}
