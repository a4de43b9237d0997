//! The output formats.

use crate::error::{Error, Result};

/// What `-o` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Wide,
    Json,
    /// One JSON value a line.
    Jsonl,
    Yaml,
    Toml,
    Csv,
    /// `KIND/NAME`, as the verb-first commands take it.
    Name,
    /// One field: `value=.path`.
    Value(String),
}

/// What `-o` takes, for help and completion.
pub(crate) const FORMATS: [&str; 9] = [
    "table", "wide", "json", "jsonl", "yaml", "toml", "csv", "name", "value=",
];

impl Format {
    /// How [`FORMATS`] calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Wide => "wide",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Yaml => "yaml",
            Format::Toml => "toml",
            Format::Csv => "csv",
            Format::Name => "name",
            Format::Value(_) => "value=",
        }
    }
}

/// Names of formats as people write them.
pub(crate) fn written(formats: &[&str]) -> String {
    formats.join(", ").replace("value=", "value=.PATH")
}

impl std::str::FromStr for Format {
    type Err = Error;
    fn from_str(text: &str) -> Result<Format> {
        Ok(match text {
            "" | "table" => Format::Table,
            "wide" => Format::Wide,
            "json" => Format::Json,
            "jsonl" => Format::Jsonl,
            "yaml" => Format::Yaml,
            "toml" => Format::Toml,
            "csv" => Format::Csv,
            "name" => Format::Name,
            _ => match text.strip_prefix("value=") {
                Some(path) if !path.is_empty() => Format::Value(path.into()),
                _ => {
                    return Err(Error::invalid(format!(
                        "`{}` is not an output format",
                        text.escape_debug()
                    ))
                    .hint(format!("one of: {}", written(&FORMATS))));
                }
            },
        })
    }
}
