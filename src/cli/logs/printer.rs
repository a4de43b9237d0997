//! Rows of the log in every output format: as they come where a format allows it, else all at the end.

use super::super::{
    context::Context,
    path::lookup,
    print::{Format, Look, json as json_text, quoted, text},
};
use super::row;
use crate::error::{Error, Result};
use crate::resources::Stamp;
use serde_json::{Value, json};

/// Prints rows in one format.
pub(super) struct Printer<'a> {
    context: &'a Context,
    format: Format,
    /// A head line is still to be written.
    headers: bool,
    kept: Vec<Value>,
}

impl<'a> Printer<'a> {
    pub fn new(context: &'a Context, format: Format, headers: bool) -> Printer<'a> {
        Printer {
            context,
            format,
            headers,
            kept: Vec::new(),
        }
    }

    /// Takes rows that are followed by others, or by the end.
    pub fn take(&mut self, rows: Vec<Value>) -> Result<()> {
        if matches!(
            self.format,
            Format::Jsonl | Format::Csv | Format::Name | Format::Value(_)
        ) {
            let text = lines(&self.format, &rows, std::mem::take(&mut self.headers));
            self.context.data(&text);
        } else {
            self.kept.extend(rows);
        }
        Ok(())
    }

    /// No more rows come.
    pub fn end(self) -> Result<()> {
        match &self.format {
            Format::Table | Format::Wide => {
                let wide = self.format == Format::Wide;
                let text = row::table_of(&self.kept, wide, self.headers, Stamp::now());
                self.context.data(&text);
            }
            Format::Json | Format::Yaml | Format::Toml => {
                let look = Look {
                    format: self.format.clone(),
                    ..self.context.look.clone()
                };
                self.context
                    .data(&look.value(&json!({ "items": self.kept }))?);
            }
            // Written as they came.
            _ => {}
        }
        Ok(())
    }

    /// Takes a row that may be the last for long.
    pub fn one(&mut self, item: Value) -> Result<()> {
        match &self.format {
            Format::Table | Format::Wide => {
                let wide = self.format == Format::Wide;
                let now = Stamp::now();
                if std::mem::take(&mut self.headers) {
                    self.context.data(&row::head_line(wide, now));
                }
                self.context.data(&row::line(&item, wide, now));
                Ok(())
            }
            // One value a line, for readers that cannot wait for the end.
            Format::Json => {
                self.context.data(&(json_text(&item) + "\n"));
                Ok(())
            }
            Format::Yaml => {
                let text = self.context.look.value(&item)?;
                self.context.data(&format!("---\n{text}"));
                Ok(())
            }
            _ => self.take(vec![item]),
        }
    }

    /// Refuses what cannot be written before all is known.
    pub fn without_an_end(self) -> Result<Printer<'a>> {
        match self.format {
            Format::Toml => Err(
                Error::invalid("rows without an end cannot be written as TOML")
                    .hint("use -o jsonl, yaml, csv, name or value=.PATH"),
            ),
            _ => Ok(self),
        }
    }
}

/// Fields of a row as CSV has them.
const FIELDS: [&str; 19] = [
    "at",
    "id",
    "key",
    "user",
    "route",
    "requested_model",
    "model",
    "provider",
    "status",
    "outcome",
    "latency_ms",
    "ttft_ms",
    "usage.input",
    "usage.cache_read",
    "usage.output",
    "cost_pico",
    "error",
    "session",
    "agent",
];

/// Formats of a line a row.
pub(super) fn lines(format: &Format, rows: &[Value], headers: bool) -> String {
    let field = |row: &Value, path: &str| lookup(row, path).map(text).unwrap_or_default();
    let mut out = match format {
        Format::Csv if headers => FIELDS.join(",") + "\n",
        _ => String::new(),
    };
    for row in rows {
        let line = match format {
            Format::Csv => FIELDS.map(|path| quoted(&field(row, path))).join(","),
            Format::Name => field(row, "id"),
            Format::Value(path) => field(row, path),
            _ => json_text(row),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_row() {
        let rows = [
            json!({"id": "req_1", "at": "2026-11-21T01:32:27.194Z", "key": "a,b", "status": 200, "outcome": "ok"}),
            json!({"id": "req_2"}),
        ];
        assert_eq!(lines(&Format::Name, &rows, true), "req_1\nreq_2\n");
        let status = Format::Value(".status".into());
        assert_eq!(lines(&status, &rows, true), "200\n\n");
        assert_eq!(
            lines(&Format::Csv, &rows, false),
            "2026-11-21T01:32:27.194Z,req_1,\"a,b\",,,,,,200,ok,,,,,,,,,\n,req_2,,,,,,,,,,,,,,,,,\n"
        );
        assert_eq!(
            lines(&Format::Jsonl, &rows[1..], true),
            "{\"id\":\"req_2\"}\n"
        );
    }
}
