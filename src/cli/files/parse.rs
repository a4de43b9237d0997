//! From text to values: which format a file is in, and what is wrong with its syntax, each with its place.

use crate::error::Error;
use serde_json::Value;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Toml,
    Json,
    Yaml,
}

/// A file's text, kept to say where in it something is. It may hold secrets: never shown.
pub(crate) struct Source {
    /// The file, or `standard input`.
    pub name: String,
    /// Which of the files it is.
    pub order: usize,
    pub text: String,
    pub format: Format,
}

impl Source {
    /// Line and column of a byte, from 1; columns count characters.
    pub fn at(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |line| line.chars().count())
            + 1;
        (line, column)
    }

    /// `FILE:LINE:COLUMN` of a byte, or the file alone.
    pub fn shown(&self, offset: Option<usize>) -> String {
        match offset.map(|offset| self.at(offset)) {
            Some((line, column)) => format!("{}:{line}:{column}", self.name),
            None => self.name.clone(),
        }
    }

    /// The byte after `column` bytes of a line, both counted from 1.
    pub fn offset(&self, line: usize, column: usize) -> Option<usize> {
        let start = match line.checked_sub(1)? {
            0 => 0,
            above => self.text.match_indices('\n').nth(above - 1)?.0 + 1,
        };
        Some((start + column).min(self.text.len()))
    }
}

/// What a file calls itself in messages.
pub(crate) fn called(file: &str) -> String {
    match file {
        "-" => String::from("standard input"),
        file => file.escape_debug().to_string(),
    }
}

/// Documents, or every error of syntax with the byte it is at.
pub(crate) type Read = Result<Vec<Value>, Vec<(Option<usize>, Error)>>;

/// One file's documents. The format follows from the name, else from the text.
pub(crate) fn documents(file: &str, order: usize, text: String) -> (Source, Read) {
    let ends = |suffix: &str| file.to_ascii_lowercase().ends_with(suffix);
    let source = |format, text| Source {
        name: called(file),
        order,
        text,
        format,
    };
    let format = match () {
        () if ends(".json") || ends(".jsonl") => Format::Json,
        () if ends(".yaml") || ends(".yml") => Format::Yaml,
        () if ends(".toml") => Format::Toml,
        () if looks_like_json(&text) => Format::Json,
        () => return guessed(source(Format::Toml, text)),
    };
    let source = source(format, text);
    let read = read(&source);
    (source, read)
}

/// A table, or an array of tables: TOML begins with neither.
fn looks_like_json(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('{')
        || text
            .strip_prefix('[')
            .is_some_and(|rest| rest.trim_start().starts_with(['{', ']']))
}

/// Without a telling name: whichever reads it; TOML's complaint is the one to show.
fn guessed(mut source: Source) -> (Source, Read) {
    let toml = read(&source);
    if toml.is_err() {
        source.format = Format::Yaml;
        if let Ok(documents) = read(&source)
            && documents
                .iter()
                .all(|one| one.is_object() || one.is_array() || one.is_null())
        {
            return (source, Ok(documents));
        }
        source.format = Format::Toml;
    }
    (source, toml)
}

fn read(source: &Source) -> Read {
    let text = source.text.as_str();
    let wrong = |what: &str, offset: Option<usize>, message: &str| {
        let says = format!("not valid {what}: {}", message.trim());
        (offset, Error::invalid(says))
    };
    match source.format {
        Format::Toml => toml::from_str::<Value>(text)
            .map(|one| vec![one])
            .map_err(|first| {
                let (_, all) = toml::de::DeTable::parse_recoverable(text);
                let all = if all.is_empty() { vec![first] } else { all };
                all.iter()
                    .map(|error| {
                        wrong("TOML", error.span().map(|span| span.start), error.message())
                    })
                    .collect()
            }),
        Format::Json => serde_json::Deserializer::from_str(text)
            .into_iter::<Value>()
            .collect::<Result<_, _>>()
            .map_err(|error| {
                let message = error.to_string();
                let message = message
                    .rsplit_once(" at line ")
                    .map_or(&*message, |cut| cut.0);
                let offset = source.offset(error.line(), error.column().saturating_sub(1));
                vec![wrong("JSON", offset, message)]
            }),
        Format::Yaml => yaml_serde::Deserializer::from_str(text)
            .map(serde::Deserialize::deserialize)
            .collect::<Result<Vec<Value>, _>>()
            .map_err(|error| {
                let message = error.to_string();
                let message = message
                    .rsplit_once(" at line ")
                    .map_or(&*message, |cut| cut.0);
                let offset = error.location().map(|place| place.index());
                vec![wrong("YAML", offset, message)]
            }),
    }
}
