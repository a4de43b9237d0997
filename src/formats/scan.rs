//! A JSON syntax check over borrowed text: strict RFC 8259, iterative (no recursion to overflow), with a
//! depth limit. It keeps no values, only positions.

use crate::chat::unescaped;
use crate::error::{Error, Result};
use std::{borrow::Cow, ops::Range};

const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES * 0x80;

/// How many bytes from the start need no look: no quote, backslash or control character. Texts are full of
/// short runs between escapes, so this beats `memchr`, which is made for long ones.
pub(super) fn plain(bytes: &[u8]) -> usize {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    // Eight bytes in a word: a byte is zero where subtracting one borrows into its high bit.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut at = 0;
    loop {
        // Most runs end within four words.
        for _ in 0..4 {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(block) = rest.first_chunk::<8>() else {
                return at + rest.iter().take_while(|byte| !special(**byte)).count();
            };
            let word = u64::from_le_bytes(*block);
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            let found = (control
                | zero(word ^ (ONES * u64::from(b'"')))
                | zero(word ^ (ONES * u64::from(b'\\'))))
                & HIGH;
            if found != 0 {
                // A borrow can only spoil bytes behind a real find, so the first one is right.
                return at + (found.trailing_zeros() / 8) as usize;
            }
            at += 8;
        }
        // Without an early exit inside a block, the compiler uses vector instructions.
        while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<32>()) {
            if block.iter().fold(false, |any, byte| any | special(*byte)) {
                break;
            }
            at += 32;
        }
    }
}

/// Strings shorter than this are not looked at: they are no media, or none that matters.
const ENCODED_LEAST: usize = 256;

/// Whether a string's text is encoded data (an image, a recording, a file) and none to be read: a `data:` URL, or
/// nothing but the letters of base64.
#[inline(never)]
fn encoded(text: &[u8]) -> bool {
    let head = text.get(..128).unwrap_or(text);
    if let (true, Some(comma)) = (head.starts_with(b"data:"), memchr::memchr(b',', head)) {
        return memchr::memchr2(b'/', b';', &head[..comma]).is_some()
            && !head[..comma].contains(&b' ');
    }
    // Escapes are line ends and slashes. Blocks for vector instructions, as above.
    let letter = |byte: u8| {
        byte.is_ascii_alphanumeric()
            | (byte == b'+')
            | (byte == b'/')
            | (byte == b'=')
            | (byte == b'-')
            | (byte == b'_')
            | (byte == b'\\')
    };
    let all = |block: &[u8]| block.iter().fold(true, |all, byte| all & letter(*byte));
    text.chunks(64).all(all)
}

/// Values of so many bytes are noted: shorter ones are gone through again sooner than they are looked up.
const LONG: usize = 64;

/// Where a long value lies in a text that was gone through, for whoever takes the text apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Long {
    pub start: usize,
    pub end: usize,
    /// It is a string that spells characters in halves (`\ud83d\ude00`), of which one may be missing.
    pub halves: bool,
}

/// A position in a text that is being checked.
pub(super) struct Scan<'a> {
    pub text: &'a str,
    pub at: usize,
    /// Bytes of strings so far that are encoded data, where somebody wants to know.
    pub encoded: Option<usize>,
    /// There are escapes in the string that was read last.
    pub escaped: bool,
    /// The long values so far, in the order of their beginnings, where they are noted.
    pub long: Option<Vec<Long>>,
    bytes: &'a [u8],
    open: usize,
    depth: usize,
    /// The containers inside the value being read: whether it is an object, and its place among the long values. Kept
    /// between values.
    stack: Vec<(bool, Option<usize>)>,
    /// The long values that are known from here on, and where this text begins in the one that they are counted in.
    known: &'a [Long],
    base: usize,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str, depth: usize) -> Scan<'a> {
        Scan::again(text, depth, 0, &[])
    }

    /// A text of which the long values are known, counted from `base` bytes in front of it: they are not gone through.
    pub fn again(text: &'a str, depth: usize, base: usize, known: &'a [Long]) -> Scan<'a> {
        Scan {
            text,
            at: 0,
            encoded: None,
            escaped: false,
            long: None,
            bytes: text.as_bytes(),
            open: 0,
            depth,
            stack: Vec::new(),
            known,
            base,
        }
    }

    /// Those of the known values that begin here and further on.
    pub fn known(&mut self) -> &'a [Long] {
        let here = self.base + self.at;
        while let Some((first, rest)) = self.known.split_first()
            && first.start < here
        {
            self.known = rest;
        }
        self.known
    }

    /// Goes over the value that begins here, where it is known, with all that is in it.
    fn jump(&mut self) -> bool {
        let Some((first, rest)) = self.known().split_first() else {
            return false;
        };
        let end = first.end.saturating_sub(self.base);
        if first.start > self.base + self.at || end > self.bytes.len() {
            return false;
        }
        let inside = rest.partition_point(|value| value.start < first.end);
        self.known = rest.get(inside..).unwrap_or_default();
        self.at = end;
        true
    }

    /// Notes a value, if values are noted and there are not so many that they would take more room than the text. Gives its
    /// place.
    fn note(&mut self, start: usize, end: usize, halves: bool) -> Option<usize> {
        let most = self.bytes.len() / LONG;
        let long = self.long.as_mut().filter(|long| long.len() < most)?;
        long.push(Long { start, end, halves });
        Some(long.len() - 1)
    }

    /// The value that was noted in this place ends here.
    fn ends(&mut self, place: Option<usize>) {
        if let (Some(long), Some(place)) = (&mut self.long, place)
            && let Some(noted) = long.get_mut(place)
        {
            noted.end = self.at;
            // What is in a short one is short, too.
            if noted.end - noted.start < LONG {
                long.truncate(place);
            }
        }
    }

    fn byte(&self) -> u8 {
        // NUL is not part of any JSON token, so it can stand for the end.
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub fn space(&mut self) {
        while matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    pub fn eat(&mut self, byte: u8) -> bool {
        let found = !self.at_end() && self.byte() == byte;
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.wrong(&format!("`{}`", byte as char)))
        }
    }

    /// A syntax error here.
    pub fn wrong(&self, want: &str) -> Error {
        let found = match self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
        {
            Some(found) => format!("`{}`", found.escape_debug()),
            None => "the end".to_owned(),
        };
        Error::invalid(format!(
            "the body is not valid JSON: expected {want} at byte {}, found {found}",
            self.at
        ))
        .hint("check the body with a JSON parser; NaN, comments and trailing commas are not JSON")
    }

    /// Counts a container whose opening bracket was just read.
    pub fn enter(&mut self) -> Result<()> {
        self.open += 1;
        if self.open > self.depth {
            return Err(Error::invalid(format!(
                "the body is nested deeper than {} levels",
                self.depth
            ))
            .hint("send a flatter document"));
        }
        Ok(())
    }

    /// Counts a container's end.
    pub fn leave(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Reads a string and gives its span, quotes included.
    pub fn string(&mut self) -> Result<Range<usize>> {
        let (start, mut halves) = (self.at, false);
        self.escaped = false;
        if !self.eat(b'"') {
            return Err(self.wrong("a string"));
        }
        loop {
            self.at += plain(&self.bytes[self.at..]);
            match self.byte() {
                b'"' => {
                    self.at += 1;
                    let length = self.at - start;
                    if let Some(so_far) = &mut self.encoded
                        && length >= ENCODED_LEAST
                        && encoded(&self.bytes[start + 1..self.at - 1])
                    {
                        *so_far += length;
                    }
                    if length >= LONG {
                        self.note(start, self.at, halves);
                    }
                    return Ok(start..self.at);
                }
                b'\\' => {
                    self.at += 1;
                    self.escaped = true;
                }
                _ if self.at_end() => return Err(self.wrong("the end of a string")),
                _ => return Err(self.wrong("an escape instead of a control character")),
            }
            match self.byte() {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                b'u' if self
                    .bytes
                    .get(self.at + 1..self.at + 5)
                    .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) =>
                {
                    let digit = |at: usize| self.bytes.get(at).map(u8::to_ascii_lowercase);
                    halves |= digit(self.at + 1) == Some(b'd') && digit(self.at + 2) >= Some(b'8');
                    self.at += 5
                }
                _ => return Err(self.wrong("an escape")),
            }
        }
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start {
            Err(self.wrong("a digit"))
        } else {
            Ok(())
        }
    }

    fn number(&mut self) -> Result<()> {
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.byte(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong("a value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn key(&mut self) -> Result<()> {
        self.space();
        self.string()?;
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(())
    }

    /// Reads a whole value and gives its span.
    pub fn value(&mut self) -> Result<Range<usize>> {
        let start = self.at;
        self.stack.clear();
        loop {
            match self.byte() {
                b'"' | b'{' | b'[' if self.jump() => {}
                b'"' => {
                    self.string()?;
                }
                open @ (b'{' | b'[') => {
                    let place = self.note(self.at, self.at, false);
                    self.at += 1;
                    self.enter()?;
                    self.space();
                    let object = open == b'{';
                    if !self.eat(if object { b'}' } else { b']' }) {
                        self.stack.push((object, place));
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                    self.leave();
                    self.ends(place);
                }
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                _ => return Err(self.wrong("a value")),
            }
            // The value is complete: close what ends with it, go on with what follows.
            loop {
                let Some(&(object, place)) = self.stack.last() else {
                    return Ok(start..self.at);
                };
                self.space();
                if self.eat(b',') {
                    if object {
                        self.key()?;
                    } else {
                        self.space();
                    }
                    break;
                }
                self.expect(if object { b'}' } else { b']' })?;
                self.stack.pop();
                self.leave();
                self.ends(place);
            }
        }
    }

    /// Walks the members of the object whose `{` was just read; `each` takes the value. A name that is no text (halves of
    /// characters) is none.
    pub fn members(
        &mut self,
        mut each: impl FnMut(&mut Scan<'a>, Option<Cow<'a, str>>) -> Result<()>,
    ) -> Result<()> {
        self.space();
        if self.eat(b'}') {
            self.leave();
            return Ok(());
        }
        loop {
            self.space();
            let span = self.string()?;
            let name = match self.escaped {
                true => unescaped(self.text[span].as_bytes()).map(Cow::Owned),
                false => self
                    .text
                    .get(span.start + 1..span.end - 1)
                    .map(Cow::Borrowed),
            };
            self.space();
            self.expect(b':')?;
            self.space();
            each(self, name)?;
            self.space();
            if self.eat(b'}') {
                self.leave();
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Walks the items of the list whose `[` was just read; `each` takes the value.
    pub fn items(&mut self, mut each: impl FnMut(&mut Scan<'a>) -> Result<()>) -> Result<()> {
        self.space();
        if self.eat(b']') {
            self.leave();
            return Ok(());
        }
        loop {
            self.space();
            each(self)?;
            self.space();
            if self.eat(b']') {
                self.leave();
                return Ok(());
            }
            self.expect(b',')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_stops_where_a_byte_by_byte_look_would(bytes in proptest::collection::vec(prop_oneof![8 => 0x20u8..=0xff, 1 => any::<u8>(), 1 => Just(b'"')], 0..120)) {
            let want = bytes.iter().take_while(|byte| **byte >= 0x20 && !matches!(**byte, b'"' | b'\\')).count();
            prop_assert_eq!(plain(&bytes), want);
        }
    }
}
