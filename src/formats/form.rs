//! Forms (`multipart/form-data`, <https://www.rfc-editor.org/rfc/rfc7578>) as they pass: which model they name, where it
//! stands, that there is only one way to read them, and another model in its place. No part is kept but the model's value.
//! Must not know where pieces come from, nor how they are kept in hand.
//!
//! Servers read forms more or less strictly. What they could read differently is refused, so that no provider finds
//! another model in a form than gw has.

use super::peek::checked;
use crate::error::{Error, Result};
use std::{borrow::Cow, ops::Range};

/// A model that is to choose where the form goes must have come within this many bytes.
pub const LOOKED_AT: usize = 64 << 10;
/// The most parts of a form.
const PARTS: u32 = 1_000;
/// The longest head of a part.
const LONGEST_HEAD: usize = 8 << 10;
/// The longest line behind a boundary: it may hold spaces, which nobody sends.
const LONGEST_LINE: usize = 64;
/// The longest boundary: <https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1>
const LONGEST_BOUNDARY: usize = 70;
/// More than any model's name, to say of longer ones that they are.
const LONGEST_VALUE: usize = 1 << 10;

/// A form that is being read.
pub struct Form {
    /// Two dashes and the boundary.
    mark: Vec<u8>,
    state: State,
    /// What has come and is not read yet.
    rest: Vec<u8>,
    /// Bytes read before it.
    passed: usize,
    parts: u32,
    model: Option<Model>,
    /// What it is to become from here on; `None`: what it is.
    rewritten: Option<Rewritten>,
}

/// A form that is written anew as it is read.
struct Rewritten {
    /// What it is to name, once.
    model: String,
    /// What has been read, with that in it.
    out: Vec<u8>,
}

/// What becomes of bytes that have been read.
enum Edit {
    Keep,
    /// The model's value ends here.
    Value(usize),
    /// The form ends with these.
    End,
}

/// The model a form names.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub name: String,
    /// Where its value stands in the form.
    pub span: Range<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    /// Behind a boundary.
    Marked,
    Head,
    Value {
        model: bool,
    },
    End,
}

impl Form {
    /// A form whose `Content-Type` is this. `None`: it is no form's.
    pub fn of(content_type: &str) -> Option<Result<Form>> {
        let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        Some(boundary(parameters).map(|boundary| Form {
            mark: [b"--", boundary.as_bytes()].concat(),
            state: State::Start,
            rest: Vec::new(),
            passed: 0,
            parts: 0,
            model: None,
            rewritten: None,
        }))
    }

    /// Reads a piece. Errors are 400s.
    pub fn feed(&mut self, piece: &[u8]) -> Result<()> {
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(piece);
        let mut at = 0;
        while let Some((used, edit)) = self.step(&rest[at..])? {
            let missing = self.model.is_none();
            if let Some(new) = &mut self.rewritten {
                new.take(&rest[at..at + used], edit, missing, &self.mark);
            }
            at += used;
            self.passed += used;
        }
        rest.drain(..at);
        self.rest = rest;
        Ok(())
    }

    /// The form has come whole. An error where its end is missing.
    pub fn finish(&self) -> Result<()> {
        match self.state {
            State::End => Ok(()),
            _ => Err(wrong("the form ends before its last boundary")),
        }
    }

    /// The model, once it has come.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// How much of what has come is not read yet: more must come first.
    pub fn waiting(&self) -> usize {
        self.rest.len()
    }

    /// From what is not read yet on it is to name this model: in place of another, else at its end. `None`: it stays as it is.
    pub fn rewrite(&mut self, model: Option<&str>) {
        self.rewritten = model.map(|model| Rewritten {
            model: model.to_owned(),
            out: Vec::new(),
        });
    }

    /// What has been read since it is rewritten, as it goes on; `None`: it is not.
    pub fn written(&mut self) -> Option<Vec<u8>> {
        let new = self.rewritten.as_mut()?;
        Some(std::mem::take(&mut new.out))
    }

    /// What stands between its parts, without the line breaks.
    pub fn mark(&self) -> &[u8] {
        &self.mark
    }

    /// Reads on; how many bytes that took. `None`: more must come first.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<(usize, Edit)>> {
        let mut edit = Edit::Keep;
        let (used, next) = match self.state {
            State::Start if bytes.len() < self.mark.len() => {
                return match self.mark.starts_with(bytes) {
                    true => Ok(None),
                    false => Err(no_beginning()),
                };
            }
            State::Start if bytes.starts_with(&self.mark) => (self.mark.len(), State::Marked),
            State::Start => return Err(no_beginning()),
            State::Marked => {
                if bytes.starts_with(b"--") {
                    edit = Edit::End;
                    (2, State::End)
                } else {
                    match memchr::memmem::find(bytes, b"\r\n") {
                        Some(at) if at <= LONGEST_LINE && blank(&bytes[..at]) => {
                            self.parts += 1;
                            if self.parts > PARTS {
                                return Err(wrong(&format!(
                                    "the form has more than {PARTS} parts"
                                )));
                            }
                            (at + 2, State::Head)
                        }
                        None if bytes.len() <= LONGEST_LINE + 2 => return Ok(None),
                        _ => return Err(wrong("a boundary of the form is followed by more")),
                    }
                }
            }
            State::Head => {
                let Some((end, head)) = head(bytes)? else {
                    return Ok(None);
                };
                let model = names_model(head)?;
                if model && self.model.is_some() {
                    return Err(wrong("`model` is given more than once").param("model"));
                }
                (end, State::Value { model })
            }
            State::Value { model } => match memchr::memmem::find(bytes, &self.mark) {
                Some(at) => {
                    let Some(value) = bytes[..at].strip_suffix(b"\r\n") else {
                        return Err(wrong("a boundary of the form stands inside of a line"));
                    };
                    if model {
                        self.found(value)?;
                        edit = Edit::Value(value.len());
                    }
                    (at + self.mark.len(), State::Marked)
                }
                None if model && bytes.len() > LONGEST_VALUE => {
                    return Err(too_long());
                }
                None if model => return Ok(None),
                // The end of what has come may be the beginning of a boundary.
                None => match bytes.len().saturating_sub(self.mark.len() + 2) {
                    0 => return Ok(None),
                    over => (over, self.state),
                },
            },
            State::End => match bytes.len() {
                0 => return Ok(None),
                all => (all, State::End),
            },
        };
        self.state = next;
        Ok(Some((used, edit)))
    }

    /// The model's value has come.
    fn found(&mut self, value: &[u8]) -> Result<()> {
        if value.len() > LONGEST_VALUE {
            return Err(too_long());
        }
        let span = self.passed..self.passed + value.len();
        let text =
            std::str::from_utf8(value).map_err(|_| wrong("`model` is not UTF-8").param("model"))?;
        let name = checked(Cow::Borrowed(text))?.into_owned();
        if name.is_empty() {
            return Err(wrong("`model` is empty").param("model"));
        }
        self.model = Some(Model { name, span });
        Ok(())
    }
}

impl Rewritten {
    /// Takes what has been read. `missing`: no model has come.
    fn take(&mut self, bytes: &[u8], edit: Edit, missing: bool, mark: &[u8]) {
        match edit {
            Edit::Value(end) => {
                self.out.extend_from_slice(self.model.as_bytes());
                self.out.extend_from_slice(&bytes[end..]);
            }
            // Behind the mark that has gone out already.
            Edit::End if missing => {
                self.out.extend_from_slice(&part(&self.model));
                self.out.extend_from_slice(mark);
                self.out.extend_from_slice(bytes);
            }
            Edit::Keep | Edit::End => self.out.extend_from_slice(bytes),
        }
    }
}

/// A part that names this model, to stand behind a mark and in front of the next.
fn part(model: &str) -> Vec<u8> {
    let head = "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n";
    [head, model, "\r\n"].concat().into_bytes()
}

/// The same with its mark, to stand in front of all others of a form.
pub fn naming(mark: &[u8], model: &str) -> Vec<u8> {
    [mark, &part(model)].concat()
}

fn wrong(why: &str) -> Error {
    Error::invalid(why).hint("send a form as HTTP clients make them (`multipart/form-data`)")
}

fn too_long() -> Error {
    wrong("`model` is too long").param("model")
}

fn no_beginning() -> Error {
    wrong("the form does not begin with its boundary")
}

fn blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// The boundary out of a content type's parameters: the only one there.
fn boundary(parameters: &str) -> Result<String> {
    let bad = || wrong("the form's `Content-Type` has no boundary that can be read");
    let mut found = None;
    for (name, value) in parsed(parameters).ok_or_else(bad)? {
        if name.eq_ignore_ascii_case("boundary") && found.replace(value).is_some() {
            return Err(bad());
        }
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    found
        .filter(|text| (1..=LONGEST_BOUNDARY).contains(&text.len()))
        .filter(|text| text.bytes().all(plain) && !text.ends_with(' '))
        .ok_or_else(bad)
}

/// `; name=value; name="value"` as pairs; `None` where it is spelt in any other way.
fn parsed(text: &str) -> Option<Vec<(&str, String)>> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_matches([' ', '\t', ';']);
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=')?;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*.".contains(&byte);
        let name = name.trim_start_matches([' ', '\t']);
        if name.is_empty() || !name.bytes().all(token) {
            return None;
        }
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                let plain = value[..end].trim_end_matches([' ', '\t']);
                let odd = [' ', '\t', '"', '\\', '='];
                if plain.is_empty() || plain.contains(odd) {
                    return None;
                }
                (plain.to_owned(), &value[end..])
            }
        };
        pairs.push((name, value));
        let behind = behind.trim_start_matches([' ', '\t']);
        rest = match behind.is_empty() {
            true => "",
            false => behind.strip_prefix(';')?,
        };
    }
    Some(pairs)
}

/// A quoted string behind its first quote, and what follows it.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if std::mem::take(&mut escaped) => value.push(letter),
            '\\' => escaped = true,
            '"' => return Some((value, &text[at + 1..])),
            letter => value.push(letter),
        }
    }
    None
}

/// A part's head, and where its value begins. `None`: more must come.
fn head(bytes: &[u8]) -> Result<Option<(usize, &[u8])>> {
    if bytes.starts_with(b"\r\n") {
        return Ok(Some((2, b"")));
    }
    match memchr::memmem::find(bytes, b"\r\n\r\n") {
        Some(at) if at <= LONGEST_HEAD => Ok(Some((at + 4, &bytes[..at]))),
        None if bytes.len() <= LONGEST_HEAD + 4 => Ok(None),
        _ => Err(wrong("the head of a part of the form is too long")),
    }
}

/// Whether a part is the field `model`. What could be it to others, and is not spelt so, is refused.
fn names_model(head: &[u8]) -> Result<bool> {
    let odd = || wrong("the head of a part of the form cannot be read in one way only");
    let text = std::str::from_utf8(head).map_err(|_| odd())?;
    let (mut disposition, mut encoding) = (None, None);
    for line in text.split("\r\n") {
        // Lines folded, or ended otherwise, are what readers differ in.
        if line.starts_with([' ', '\t']) || line.contains(['\r', '\n', '\0']) {
            return Err(odd());
        }
        let Some((name, value)) = line.split_once(':') else {
            match line.is_empty() && text.is_empty() {
                true => continue,
                false => return Err(odd()),
            }
        };
        let known = match () {
            () if name.trim().eq_ignore_ascii_case("content-disposition") => &mut disposition,
            () if name
                .trim()
                .eq_ignore_ascii_case("content-transfer-encoding") =>
            {
                &mut encoding
            }
            () => continue,
        };
        if known.replace(value.trim()).is_some() || name.trim() != name {
            return Err(odd());
        }
    }
    let Some(disposition) = disposition else {
        return Ok(false);
    };
    let (kind, parameters) = disposition.split_once(';').unwrap_or((disposition, ""));
    let pairs = parsed(parameters).ok_or_else(odd)?;
    let mut names = pairs
        .iter()
        .filter(|(name, _)| name.trim_end_matches('*').eq_ignore_ascii_case("name"));
    let name = match (names.next(), names.next()) {
        (None, _) => return Ok(false),
        (Some((spelling, name)), None) if *spelling == "name" => name.as_str(),
        _ => return Err(odd()),
    };
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(odd());
    }
    if !name.trim().eq_ignore_ascii_case("model") {
        return Ok(false);
    }
    let plain = encoding.is_none_or(|it| {
        ["7bit", "8bit", "binary"]
            .iter()
            .any(|plain| it.eq_ignore_ascii_case(plain))
    });
    match name == "model" && pairs.len() == 1 && plain {
        true => Ok(true),
        false => Err(wrong("`model` must be a plain field of the form, spelt so").param("model")),
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
