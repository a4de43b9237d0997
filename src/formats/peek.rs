//! One borrowed pass over a request body: what the gateway must know before it plans, and where the
//! spans are that it will splice. No tree is built.

use super::scan::Scan;
use crate::error::{Error, Result};
use memchr::memmem;
use std::{borrow::Cow, ops::Range, sync::LazyLock};

/// What a chat or embeddings request says, as far as planning needs it. Works for every JSON format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peek<'a> {
    pub model: Option<Cow<'a, str>>,
    /// Span of the model's value, quotes included.
    pub model_span: Option<Range<usize>>,
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
    /// Bytes of the body that are there to be read: all but encoded data (images, recordings, files).
    pub text_bytes: u64,
    /// Whether there is encoded data, so that its text says little of how large a prompt it is.
    pub encoded: bool,
    /// Number of top-level members, to know whether an inserted one needs a comma.
    pub members: usize,
    /// Where the top-level object's first member would start (just behind `{`).
    pub open: usize,
}

/// The longest name of a model, in bytes: names are kept in rows and tables, and a caller chooses this one.
const LONGEST_MODEL: usize = 256;

/// The top-level members gw reads. Each may occur once: of two, gw and the provider could believe
/// different ones.
const OWNED: [&str; 13] = [
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "tools",
    "functions",
    "messages",
    "input",
    "response_format",
    "output_config",
    "output_format",
];

/// Looks at a request body. Refuses (400): not UTF-8, not one JSON object, nested deeper than `depth`,
/// duplicate `model`/`stream`/`stream_options` keys (escaped spellings too), wrong types of those, and
/// control characters in the model name.
///
/// Other capitalisation of an owned key is refused as well, since servers that match keys without regard
/// to case (Go's `encoding/json`) would read a model that gw has not seen.
pub fn peek(body: &[u8], depth: usize) -> Result<Peek<'_>> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Error::invalid(format!(
            "the body is not UTF-8 at byte {}",
            error.valid_up_to()
        ))
        .hint("send JSON encoded as UTF-8, without other encodings")
    })?;
    let mut scan = Scan::new(text, depth);
    let mut peek = Peek::default();
    let mut seen = [false; OWNED.len()];
    scan.space();
    if scan.at_end() {
        return Err(Error::invalid("the body is empty")
            .hint("send a JSON object with `model` and `messages` or `input`"));
    }
    if !scan.eat(b'{') {
        return Err(Error::invalid("the body is not a JSON object")
            .hint("send one JSON object, without a byte order mark"));
    }
    peek.open = scan.at;
    scan.enter()?;
    members(&mut scan, |scan, key| {
        peek.members += 1;
        let Some(index) = OWNED
            .iter()
            .position(|owned| owned.eq_ignore_ascii_case(key))
        else {
            let span = scan.value()?;
            if key == "n" {
                peek.choices = text[span].parse().unwrap_or(1);
            }
            return Ok(());
        };
        let name = OWNED[index];
        if name != key {
            return Err(
                Error::invalid(format!("`{}` must be spelt `{name}`", key.escape_debug()))
                    .param(name)
                    .hint(format!("rename the field to `{name}`")),
            );
        }
        if std::mem::replace(&mut seen[index], true) {
            return Err(duplicate(name));
        }
        if name == "stream_options" {
            return stream_options(scan, &mut peek);
        }
        let span = scan.value()?;
        owned(&mut peek, name, span.clone(), &text[span])
    })?;
    scan.space();
    if !scan.at_end() {
        return Err(scan.wrong("end of the body"));
    }
    peek.encoded = scan.encoded > 0;
    peek.text_bytes = (body.len() - scan.encoded) as u64;
    Ok(peek)
}

/// Walks the members of the object whose `{` was just read; `each` takes the value.
fn members<'a>(
    scan: &mut Scan<'a>,
    mut each: impl FnMut(&mut Scan<'a>, &str) -> Result<()>,
) -> Result<()> {
    scan.space();
    if scan.eat(b'}') {
        {
            scan.leave();
            return Ok(());
        }
    }
    loop {
        scan.space();
        let span = scan.string()?;
        let key = decode(&scan.text[span]);
        scan.space();
        scan.expect(b':')?;
        scan.space();
        // A key that is no text (lone surrogates) is none of gw's.
        each(scan, key.as_deref().unwrap_or("\u{0}"))?;
        scan.space();
        if scan.eat(b'}') {
            {
                scan.leave();
                return Ok(());
            }
        }
        scan.expect(b',')?;
    }
}

fn stream_options(scan: &mut Scan<'_>, peek: &mut Peek<'_>) -> Result<()> {
    let start = scan.at;
    if scan.eat(b'{') {
        scan.enter()?;
        let mut found: Option<Range<usize>> = None;
        members(scan, |scan, key| {
            let span = scan.value()?;
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
    span: Range<usize>,
    raw: &'a str,
) -> Result<()> {
    match name {
        "model" => {
            if !raw.starts_with('"') {
                return Err(wrong_type("model", "a string"));
            }
            let model =
                decode(raw).ok_or_else(|| wrong_type("model", "a string of Unicode text"))?;
            if model.len() > LONGEST_MODEL {
                return Err(Error::invalid(format!(
                    "`model` is longer than {LONGEST_MODEL} bytes"
                ))
                .param("model")
                .hint("send the model's name alone"));
            }
            if model.chars().any(char::is_control) {
                return Err(Error::invalid("`model` contains control characters")
                    .param("model")
                    .hint("send the model's name alone"));
            }
            peek.model = Some(model);
            peek.model_span = Some(span);
        }
        "stream" => peek.stream = boolean("stream", raw)?,
        "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
            peek.max_output = peek.max_output.max(tokens(name, raw)?)
        }
        "tools" | "functions" => {
            peek.tools |= raw
                .strip_prefix('[')
                .is_some_and(|rest| !rest.trim_start().starts_with(']'))
        }
        "messages" | "input" => peek.images |= images(raw),
        "response_format" => {
            peek.schema |= memmem::find(raw.as_bytes(), b"\"json_schema\"").is_some()
        }
        "output_config" => {
            peek.schema |=
                raw.starts_with('{') && memmem::find(raw.as_bytes(), b"\"format\"").is_some()
        }
        "output_format" => peek.schema |= raw.starts_with('{'),
        _ => {}
    }
    Ok(())
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
    match (raw.parse::<u64>(), raw.parse::<f64>()) {
        (Ok(tokens), _) => Ok(Some(tokens)),
        // `as` saturates and never yields a wrong sign.
        (_, Ok(tokens)) => Ok(Some(tokens as u64)),
        _ => Err(wrong_type(name, "a number")),
    }
}

/// Whether some object says `"type":"image_url"`, `"image"` or `"input_image"`. Quotes inside of texts are
/// escaped, so only real members match.
fn images(raw: &str) -> bool {
    // Made once: preparing a search takes longer than searching most bodies.
    static NEEDLES: LazyLock<[memmem::Finder<'static>; 2]> =
        LazyLock::new(|| ["\"image", "\"input_image\""].map(memmem::Finder::new));
    NEEDLES.iter().any(|needle| {
        needle.find_iter(raw.as_bytes()).any(|at| {
            let kind = raw[at + 1..].split('"').next().unwrap_or_default();
            let before = raw[..at]
                .trim_ascii_end()
                .strip_suffix(':')
                .map(str::trim_ascii_end);
            matches!(kind, "image" | "image_url" | "input_image")
                && before.is_some_and(|before| before.ends_with("\"type\""))
        })
    })
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
