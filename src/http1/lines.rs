//! The headers of an answer in the making, as the lines they will be: there are few of them, so that to look through them costs
//! less than a table, and most are never looked at again. What would end a line, or say what is the writer's to say, is not
//! taken.

use super::field::{is_all_text, is_token};
use memchr::memchr;
use std::ops::Range;

/// Room for the lines of most answers.
const ROOM: usize = 512;

/// Headers to be sent, each in a line. Their names are given in lower case.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    text: Vec<u8>,
    /// How long the body is that does not come (RFC 9110 section 9.3.2).
    pub unsent: Option<u64>,
}

impl Lines {
    /// All of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Adds one of a name that is not there. Where it can be no header, it is left out.
    pub fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        if !is_all_text(value) || is_the_writers(name) {
            return;
        }
        debug_assert!(name.bytes().all(is_token) && self.find(name).is_none());
        let length = name.len() + value.len() + 4;
        self.text.reserve(match self.text.capacity() {
            0 => length.max(ROOM),
            _ => length,
        });
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b": ");
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(b"\r\n");
    }

    /// Adds one, in the place of those of its name.
    pub fn put(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.remove(name);
        self.add(name, value);
    }

    /// Takes one out; what it said.
    pub fn remove(&mut self, name: &str) -> Option<Vec<u8>> {
        let (line, value) = self.find(name)?;
        let value = self.text[value].to_vec();
        self.text.drain(line);
        Some(value)
    }

    /// What one says.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.find(name)?;
        Some(&self.text[value])
    }

    /// Where its line is, and its value in that.
    fn find(&self, name: &str) -> Option<(Range<usize>, Range<usize>)> {
        let mut from = 0;
        loop {
            let rest = self.text.get(from..)?;
            let end = from + memchr(b'\n', rest)? + 1;
            let named = rest.strip_prefix(name.as_bytes());
            if named.is_some_and(|rest| rest.starts_with(b": ")) {
                return Some((from..end, from + name.len() + 2..end - 2));
            }
            from = end;
        }
    }
}

/// Whether a header says where a body ends, what becomes of the connection, or the time: whoever writes the head does.
fn is_the_writers(name: &str) -> bool {
    matches!(
        name,
        "connection" | "content-length" | "date" | "transfer-encoding"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_line_and_what_is_no_header_has_none() {
        let mut lines = Lines::default();
        assert_eq!(lines.get("a"), None);
        assert_eq!(lines.remove("a"), None);
        lines.add("a", "1");
        lines.add("b", [0xe9]);
        lines.add("ab", "a: b");
        lines.add("c", "x\r\ny: z");
        lines.add("d", "x\0");
        for name in ["connection", "content-length", "date", "transfer-encoding"] {
            lines.put(name, "1");
        }
        assert_eq!(lines.as_bytes(), b"a: 1\r\nb: \xe9\r\nab: a: b\r\n");
        lines.put("a", "");
        assert_eq!(lines.as_bytes(), b"b: \xe9\r\nab: a: b\r\na: \r\n");
        assert_eq!(lines.get("ab"), Some(&b"a: b"[..]));
        assert_eq!((lines.get("a"), lines.get("c")), (Some(&b""[..]), None));
        assert_eq!(lines.remove("ab").as_deref(), Some(&b"a: b"[..]));
        assert_eq!(lines.remove("ab"), None);
    }
}
