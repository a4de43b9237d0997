//! One borrowed pass over a request body: what the gateway must know before it plans, and where the
//! spans are that it will splice. No tree is built.

use super::{
    Streams,
    document::{Document, LONG},
    scan::{Long, Scan},
};
use crate::error::{Error, Result};
use bytes::Bytes;
use memchr::memmem;
use std::{borrow::Cow, ops::Range, sync::LazyLock};

/// What a chat or embeddings request says, as far as planning needs it. Works for every JSON format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peek<'a> {
    pub model: Option<Cow<'a, str>>,
    /// Span of the model's value, quotes included, also where the path says another one.
    pub model_span: Option<Range<usize>>,
    /// The path names the model: what the body says of it does not count.
    pub model_in_path: bool,
    pub stream: bool,
    /// How many choices are asked for (`n`); 0 where it does not say.
    pub choices: u32,
    /// The largest of `max_tokens`, `max_completion_tokens` and `max_output_tokens`. Negative numbers mean "no
    /// limit" to several servers, so they count as absent.
    pub max_output: Option<u64>,
    /// `stream_options.include_usage` as asked for.
    pub include_usage: bool,
    /// Span of `stream_options`' value where it is an object or `null`.
    pub stream_options_span: Option<Range<usize>>,
    /// Span of the value of `include_usage` in it.
    pub include_usage_span: Option<Range<usize>>,
    pub tools: bool,
    pub images: bool,
    pub schema: bool,
    /// The conversation's value as it is spelt; empty where there is none.
    pub turns: &'a str,
    /// What it names of what a provider keeps.
    pub kept: Vec<Kept<'a>>,
    /// Its answer is not to be kept (`store: false`).
    pub unkept: bool,
    /// Bytes of the body that are there to be read: all but encoded data (images, recordings, files).
    pub text_bytes: u64,
    /// Whether there is encoded data, so that its text says little of how large a prompt it is.
    pub encoded: bool,
    /// Number of top-level members, to know whether an inserted one needs a comma.
    pub members: usize,
    /// Where the top-level object's first member would start (just behind `{`).
    pub open: usize,
    /// The whole body.
    pub text: &'a str,
    /// Where the long values are in it.
    pub long: Vec<Long>,
}

/// Something kept upstream under the provider's credential that a request goes on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<'a> {
    /// The member that names it.
    pub member: &'static str,
    /// Its id; where it is spelt in another way than as a string, that.
    pub id: Cow<'a, str>,
    pub missing: Missing,
}

/// How a caller is told that there is no such thing of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    pub status: u16,
    /// What clients know it by.
    pub code: &'static str,
    /// What to do; `{member}` is where it was named.
    pub fix: &'static str,
    /// Whether what nobody is known to have made may be named: it may have been put there past gw, for all.
    pub open: bool,
}

impl Missing {
    /// Of a conversation that goes on from something.
    pub const fn conversation(code: &'static str) -> Missing {
        Missing {
            status: 400,
            code,
            fix: "send the whole conversation, without `{member}`",
            open: false,
        }
    }

    /// Of a file.
    pub const FILE: Missing = Missing {
        status: 404,
        code: "file_not_found",
        fix: "upload it with this key, and name what it is called then",
        open: true,
    };
}

/// How many files one request may name.
const MOST_FILES: usize = 500;

/// The longest name of a model, in bytes: names are kept in rows and tables, and a caller chooses this one.
const LONGEST_MODEL: usize = 256;

/// What a top-level member of a body means to gw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Model,
    Stream,
    StreamOptions,
    /// The longest answer.
    Limit,
    /// How many answers are wanted. Read where it can be, never refused.
    Choices,
    Tools,
    /// The conversation.
    Turns,
    /// The shape of the answer: a schema, where this text is in it.
    Schema(&'static str),
    /// Whether the provider is to keep its answer.
    Store,
    /// The id of something that the provider keeps.
    Kept(Missing),
    /// An object whose members these are.
    Inside(Looks),
}

/// The members gw reads of a format's bodies. Each may occur once: of two, gw and the provider could believe different
/// ones.
pub type Looks = &'static [(&'static str, Look)];

/// Looks at a request body of a format with these `looks`. Refuses (400): not UTF-8, not one JSON object, nested deeper
/// than `depth`, members it reads given twice (escaped spellings too) or of a wrong type, and control characters in the
/// model name.
///
/// Other capitalisation of an owned key is refused as well, since servers that match keys without regard
/// to case (Go's `encoding/json`) would read a model that gw has not seen.
pub fn peek<'a>(body: &'a [u8], looks: Looks, depth: usize) -> Result<Peek<'a>> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Error::invalid(format!(
            "the body is not UTF-8 at byte {}",
            error.valid_up_to()
        ))
        .hint("send JSON encoded as UTF-8, without other encodings")
    })?;
    let mut scan = Scan::new(text, depth);
    scan.long = (text.len() >= LONG).then(Vec::new);
    scan.encoded = Some(0);
    let mut peek = Peek::default();
    scan.space();
    if scan.at_end() {
        return Err(Error::invalid("the body is empty").hint("send one JSON object"));
    }
    if !scan.eat(b'{') {
        return Err(Error::invalid("the body is not a JSON object")
            .hint("send one JSON object, without a byte order mark"));
    }
    peek.open = scan.at;
    scan.enter()?;
    owned_members(&mut scan, looks, &mut peek)?;
    scan.space();
    if !scan.at_end() {
        return Err(scan.wrong("end of the body"));
    }
    peek.text = text;
    peek.long = scan.long.take().unwrap_or_default();
    let encoded = scan.encoded.unwrap_or_default();
    peek.encoded = encoded > 0;
    peek.text_bytes = (body.len() - encoded) as u64;
    Ok(peek)
}

/// One member of a body's outermost object.
pub struct Member<'a> {
    pub name: String,
    /// Its value as it is spelt.
    pub value: &'a str,
    /// Name and value as they are spelt.
    pub text: &'a str,
}

/// The members of a body, which is one JSON object, in order.
pub fn members_of(body: &[u8]) -> Result<Vec<Member<'_>>> {
    let text = std::str::from_utf8(body).map_err(|_| Error::invalid("the body is not UTF-8"))?;
    let mut scan = Scan::new(text, usize::MAX);
    scan.space();
    scan.expect(b'{')?;
    scan.enter()?;
    let mut found = Vec::new();
    let mut from = scan.at;
    scan.members(|scan, name| {
        let span = scan.value()?;
        let whole = text.get(from..span.end).unwrap_or_default();
        found.push(Member {
            // One that is no text is none of gw's.
            name: name.unwrap_or_default().into_owned(),
            value: text.get(span.clone()).unwrap_or_default(),
            text: whole.trim_start_matches(|at: char| at.is_ascii_whitespace() || at == ','),
        });
        from = span.end;
        Ok(())
    })?;
    Ok(found)
}

impl<'a> Peek<'a> {
    /// The body for whoever takes it apart.
    pub fn document(&'a self, body: &'a Bytes) -> Document<'a> {
        Document::known(self.text, &self.long, body)
    }

    /// Adds what the path says. Of a model in the path the body says nothing that counts.
    pub fn told(&mut self, model: Option<&'a str>, streams: Streams) -> Result<()> {
        if let Some(model) = model {
            self.model = Some(checked(Cow::Borrowed(model))?);
            self.model_in_path = true;
        }
        match streams {
            Streams::Asked => {}
            Streams::Always => self.stream = true,
            Streams::Never => self.stream = false,
        }
        Ok(())
    }
}

/// The members of the object whose `{` was just read. Those of the outermost one are counted.
fn owned_members<'a>(scan: &mut Scan<'a>, looks: Looks, peek: &mut Peek<'a>) -> Result<()> {
    // One bit for each that has come.
    let mut seen = 0_u32;
    let mut count = 0;
    scan.members(|scan, key| {
        // One that is no text (lone surrogates) is none of gw's.
        let key = key.as_deref().unwrap_or("\u{0}");
        count += 1;
        let exact = looks.iter().position(|(name, _)| *name == key);
        let near = || {
            let near = |(name, _): &(&str, Look)| name.eq_ignore_ascii_case(key);
            looks.iter().position(near)
        };
        let found = exact.or_else(near);
        let Some((index, (name, look))) = found.and_then(|at| Some((at, looks.get(at)?))) else {
            scan.value()?;
            return Ok(());
        };
        if *look == Look::Choices {
            let span = scan.value()?;
            if *name == key {
                peek.choices = scan.text[span].parse().unwrap_or(1);
            }
            return Ok(());
        }
        if *name != key {
            return Err(
                Error::invalid(format!("`{}` must be spelt `{name}`", key.escape_debug()))
                    .param(*name)
                    .hint(format!("rename the field to `{name}`")),
            );
        }
        if seen & (1 << index) != 0 {
            return Err(duplicate(name));
        }
        seen |= 1 << index;
        match look {
            Look::StreamOptions => stream_options(scan, peek),
            Look::Inside(looks) if scan.eat(b'{') => {
                scan.enter()?;
                owned_members(scan, looks, peek)
            }
            _ => {
                let span = scan.value()?;
                owned(peek, name, *look, span.clone(), &scan.text[span])
            }
        }
    })?;
    peek.members = count;
    Ok(())
}

fn stream_options(scan: &mut Scan<'_>, peek: &mut Peek<'_>) -> Result<()> {
    let start = scan.at;
    if scan.eat(b'{') {
        scan.enter()?;
        let mut found: Option<Range<usize>> = None;
        scan.members(|scan, key| {
            let span = scan.value()?;
            let key = key.as_deref().unwrap_or_default();
            if !key.eq_ignore_ascii_case("include_usage") {
                return Ok(());
            }
            if found.replace(span).is_some() || key != "include_usage" {
                return Err(duplicate("stream_options.include_usage"));
            }
            Ok(())
        })?;
        if let Some(span) = found {
            peek.include_usage = boolean("stream_options.include_usage", &scan.text[span.clone()])?;
            peek.include_usage_span = Some(span);
        }
    } else {
        let span = scan.value()?;
        if &scan.text[span] != "null" {
            return Err(wrong_type("stream_options", "an object"));
        }
    }
    peek.stream_options_span = Some(start..scan.at);
    Ok(())
}

/// Takes over one owned member; `raw` is its value's text.
fn owned<'a>(
    peek: &mut Peek<'a>,
    name: &'static str,
    look: Look,
    span: Range<usize>,
    raw: &'a str,
) -> Result<()> {
    match look {
        Look::Model => {
            if !raw.starts_with('"') {
                return Err(wrong_type("model", "a string"));
            }
            let model =
                decode(raw).ok_or_else(|| wrong_type("model", "a string of Unicode text"))?;
            peek.model = Some(checked(model)?);
            peek.model_span = Some(span);
        }
        Look::Stream => peek.stream = boolean("stream", raw)?,
        Look::Limit => peek.max_output = peek.max_output.max(tokens(name, raw)?),
        Look::Tools => {
            peek.tools |= raw
                .strip_prefix('[')
                .is_some_and(|rest| !rest.trim_start().starts_with(']'))
        }
        Look::Turns => {
            if peek.turns.is_empty() {
                peek.turns = raw;
            }
            peek.images |= images(raw);
            files(raw, peek)?;
        }
        Look::Schema(mark) => {
            peek.schema |=
                raw.starts_with('{') && memmem::find(raw.as_bytes(), mark.as_bytes()).is_some()
        }
        // Of anything else the provider says what it is.
        Look::Store => peek.unkept = raw == "false",
        Look::Kept(_) if raw == "null" => {}
        Look::Kept(missing) => peek.kept.push(Kept {
            member: name,
            id: decode(raw).unwrap_or(Cow::Borrowed(raw)),
            missing,
        }),
        Look::StreamOptions | Look::Choices | Look::Inside(_) => {}
    }
    Ok(())
}

/// A model's name that is one.
pub(super) fn checked(model: Cow<'_, str>) -> Result<Cow<'_, str>> {
    let wrong = match () {
        () if model.len() > LONGEST_MODEL => {
            format!("`model` is longer than {LONGEST_MODEL} bytes")
        }
        () if model.chars().any(char::is_control) => {
            "`model` contains control characters".to_owned()
        }
        () => return Ok(model),
    };
    Err(Error::invalid(wrong)
        .param("model")
        .hint("send the model's name alone"))
}

fn boolean(name: &str, raw: &str) -> Result<bool> {
    match raw {
        "true" => Ok(true),
        "false" | "null" => Ok(false),
        _ => Err(wrong_type(name, "true or false")),
    }
}

/// A token limit; beyond 64 bits it saturates, fractions are rounded down.
fn tokens(name: &str, raw: &str) -> Result<Option<u64>> {
    if raw == "null" || raw.starts_with('-') {
        return Ok(None);
    }
    if let Ok(tokens) = raw.parse::<u64>() {
        return Ok(Some(tokens));
    }
    match raw.parse::<f64>() {
        // `as` saturates and never yields a wrong sign.
        Ok(tokens) => Ok(Some(tokens as u64)),
        Err(_) => Err(wrong_type(name, "a number")),
    }
}

/// Whether some object says `"type":"image_url"`, `"image"` or `"input_image"`, or `"mimeType":"image/…"`, or has an image of
/// Bedrock's, `"image":{"format":…}`. Quotes inside of texts are escaped, so only real members match.
fn images(raw: &str) -> bool {
    // Made once: preparing a search takes longer than searching most bodies.
    static NEEDLE: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new("image"));
    NEEDLE.find_iter(raw.as_bytes()).any(|at| {
        let before = raw[..at].strip_suffix("input_").unwrap_or(&raw[..at]);
        let Some(before) = before.strip_suffix('"') else {
            return false;
        };
        let behind = &raw[before.len() + 1..];
        let kind = behind.split('"').next().unwrap_or_default();
        let before = before.trim_ascii_end().strip_suffix(':');
        let before = before.map(str::trim_ascii_end);
        let named = |name: &str| before.is_some_and(|before| before.ends_with(name));
        let holds = |name: &str| {
            let mut rest = behind.get(kind.len() + 1..).unwrap_or_default();
            for mark in [":", "{"] {
                rest = rest
                    .trim_ascii_start()
                    .strip_prefix(mark)
                    .unwrap_or_default();
            }
            rest.trim_ascii_start().starts_with(name)
        };
        match kind {
            "image" if holds("\"format\"") || holds("\"source\"") => true,
            "image" | "image_url" | "input_image" => named("\"type\""),
            kind => kind.starts_with("image/") && (named("\"mimeType\"") || named("\"mime_type\"")),
        }
    })
}

/// What of files that a provider keeps is named. Quotes inside of texts are escaped, so only real members match.
fn files<'a>(raw: &'a str, peek: &mut Peek<'a>) -> Result<()> {
    static NEEDLE: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new("\"file_id\""));
    for at in NEEDLE.find_iter(raw.as_bytes()) {
        let value = raw[at + "\"file_id\"".len()..].trim_ascii_start();
        let Some(value) = value.strip_prefix(':').map(str::trim_ascii_start) else {
            continue;
        };
        let mut scan = Scan::new(value, 0);
        // No string names nothing; the provider says what it is.
        let Some(id) = scan.string().ok().and_then(|span| decode(&value[span])) else {
            continue;
        };
        if peek.kept.iter().any(|kept| kept.id == id) {
            continue;
        }
        if peek.kept.len() >= MOST_FILES {
            return Err(
                Error::invalid(format!("the request names more than {MOST_FILES} files"))
                    .param("file_id")
                    .hint("send some of them as data"),
            );
        }
        peek.kept.push(Kept {
            member: "file_id",
            id,
            missing: Missing::FILE,
        });
    }
    Ok(())
}

/// A JSON string's text, quotes included in `raw`; `None`: not Unicode (lone surrogates).
fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    match memchr::memchr(b'\\', inner.as_bytes()) {
        None => Some(Cow::Borrowed(inner)),
        Some(_) => serde_json::from_str(raw).ok().map(Cow::Owned),
    }
}

fn duplicate(name: &str) -> Error {
    Error::invalid(format!("`{name}` is given more than once"))
        .param(name)
        .hint(format!("send `{name}` once"))
}

fn wrong_type(name: &str, want: &str) -> Error {
    Error::invalid(format!("`{name}` must be {want}"))
        .param(name)
        .hint(format!("send `{name}` as {want}"))
}

#[cfg(test)]
#[path = "peek_tests.rs"]
mod tests;
