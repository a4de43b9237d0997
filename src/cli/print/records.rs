//! Records of one kind in any output format.

use super::{Format, Now, cell, table, text, toml, toml_records};
use crate::cli::path::{self, lookup};
use crate::error::{Error, Result};
use crate::resources::{Kind, Stamp};
use crate::visible;
use serde_json::{Value, json};

/// How output looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub format: Format,
    /// It was asked for of this very command, not by GW_OUTPUT for a whole job.
    pub asked: bool,
    /// Tables have a head line.
    pub headers: bool,
    /// Tables have a LABELS column.
    pub labels: bool,
}

impl Look {
    /// Records of `kind` as text. `single`: one was asked for by name, so JSON is the object itself.
    pub fn records(&self, kind: &'static Kind, items: &[Value], single: bool) -> Result<String> {
        self.records_at(kind, items, single, Stamp::now())
    }

    /// The same with the time given.
    pub fn records_at(
        &self,
        kind: &'static Kind,
        items: &[Value],
        single: bool,
        now: Now,
    ) -> Result<String> {
        match &self.format {
            Format::Table | Format::Wide => Ok(self.table(kind, items, now)),
            Format::Name => Ok(items
                .iter()
                .map(|item| {
                    format!(
                        "{}/{}\n",
                        kind.name,
                        text(item.get("name").unwrap_or(&Value::Null))
                    )
                })
                .collect()),
            Format::Toml => toml_records(
                &items
                    .iter()
                    .map(|item| with_kind(kind, item))
                    .collect::<Vec<_>>(),
            ),
            Format::Csv => Ok(csv(kind, items, self.headers)),
            _ => self.values(items, single),
        }
    }

    /// One value that is no record (status, explanations); a path that is not there is refused.
    pub fn found(&self, value: &Value) -> Result<String> {
        if let (Format::Value(path), true) = (&self.format, self.asked) {
            path::found(value, path)?;
        }
        self.value(value)
    }

    /// Values that are no records (status, explanations) in the formats that need no columns.
    pub fn value(&self, value: &Value) -> Result<String> {
        self.values(std::slice::from_ref(value), true)
    }

    fn values(&self, items: &[Value], single: bool) -> Result<String> {
        let whole = || match (single, items) {
            (true, [one]) => one.clone(),
            _ => json!({ "items": items }),
        };
        match &self.format {
            Format::Json | Format::Table | Format::Wide => Ok(visible::pretty(&whole()) + "\n"),
            Format::Jsonl => Ok(items
                .iter()
                .map(|item| visible::json(item) + "\n")
                .collect()),
            Format::Yaml => yaml_serde::to_string(&whole())
                .map_err(|error| Error::internal("cannot write this as YAML").cause(error)),
            Format::Toml => toml(&whole()),
            Format::Value(path) => Ok(items
                .iter()
                .map(|item| format!("{}\n", lookup(item, path).map(text).unwrap_or_default()))
                .collect()),
            Format::Name | Format::Csv => Err(Error::invalid("this has no names or columns")
                .hint("use -o json, yaml, toml or value=.PATH")),
        }
    }

    fn table(&self, kind: &'static Kind, items: &[Value], now: Now) -> String {
        let wanted = kind
            .columns
            .iter()
            .filter(|column| !column.wide || self.format == Format::Wide);
        let mut columns: Vec<(&str, &str)> =
            wanted.map(|column| (column.head, column.path)).collect();
        if self.labels {
            columns.push(("LABELS", "labels"));
        }
        let rows = items
            .iter()
            .map(|item| {
                columns
                    .iter()
                    .map(|(head, path)| cell(head, path, lookup(item, path), now))
                    .collect()
            })
            .collect();
        let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
        table(&heads, rows, self.headers)
    }
}

fn with_kind(kind: &Kind, item: &Value) -> Value {
    let mut item = item.clone();
    if let Value::Object(map) = &mut item {
        map.insert("kind".into(), kind.name.into());
    }
    item
}

/// All columns with exact values; the heads are the fields' paths.
fn csv(kind: &Kind, items: &[Value], headers: bool) -> String {
    let mut lines = Vec::new();
    if headers {
        lines.push(
            kind.columns
                .iter()
                .map(|column| column.path.to_owned())
                .collect::<Vec<_>>()
                .join(","),
        );
    }
    for item in items {
        lines.push(
            kind.columns
                .iter()
                .map(|column| quoted(&lookup(item, column.path).map(text).unwrap_or_default()))
                .collect::<Vec<_>>()
                .join(","),
        );
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// A CSV field after RFC 4180.
pub(crate) fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}
