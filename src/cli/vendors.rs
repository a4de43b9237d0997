//! `gw provider vendors`: the vendors gw knows, and in wide form what is known of each and how it was come by.

use super::context::Context;
use super::print::{Format, clean, table, text};
use crate::error::Result;
use clap::ArgMatches;
use serde_json::Value;

/// Heads, and where in a vendor's document the cells are. The first is the name.
const NARROW: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("VARIABLE", "env"),
    ("WANTS", "wants"),
    ("EVIDENCE", "evidence"),
];
const WIDE: &[(&str, &str)] = &[
    ("VENDOR", "name"),
    ("FORMATS", "chat_formats"),
    ("STREAMING", "streaming"),
    ("TOOLS", "tools"),
    ("STRUCTURED", "structured"),
    ("EMBEDDINGS", "embeddings"),
    ("MODELS-LIST", "lists_models"),
    ("ALSO", "other_formats"),
    ("EVIDENCE", "evidence"),
    ("DOCS", "docs"),
];

pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let answer = context.remote()?.vendors().await?;
    let items = answer
        .get("items")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let headers = !matches.get_flag("no_headers");
    match context.look.format {
        Format::Table => context.data(&rows(NARROW, items, headers)),
        Format::Wide => context.data(&rows(WIDE, items, headers)),
        Format::Name => {
            let names = items.iter().map(|item| cell(item, "name") + "\n");
            context.data(&names.collect::<String>());
        }
        _ => context.data(&context.look.value(&answer)?),
    }
    Ok(())
}

fn rows(columns: &[(&str, &str)], items: &[Value], headers: bool) -> String {
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let row = |item: &Value| columns.iter().map(|(_, field)| cell(item, field)).collect();
    table(&heads, items.iter().map(row).collect(), headers)
}

fn cell(item: &Value, field: &str) -> String {
    match item.get(field) {
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) | None => "-".to_owned(),
        Some(value) => match clean(&text(value)) {
            shown if shown.is_empty() => "-".to_owned(),
            shown => shown,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::vendors::{VENDORS, describe};
    use std::fmt::Write;

    fn all() -> Vec<Value> {
        VENDORS.iter().map(describe).collect()
    }

    #[test]
    fn the_table_fits_a_terminal() {
        for line in rows(NARROW, &all(), true).lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }

    /// `docs/vendors.md`, from the same rows and columns.
    fn document() -> String {
        let mut text = "# Vendors\n\n\
            What `gw provider vendors -o wide` shows, from the rows of `src/vendors/table`. *Measured*: the vendor's documentation or its own\n\
            client says so, and recorded traffic shows it. *Documented*: it says so, and nobody here saw it. *Unchecked*: other software does it\n\
            so, and the vendor's own word was not found. A dash: nothing of the kind.\n\n\
            Written by `GW_BLESS=1 cargo test --lib cli::vendors`.\n"
            .to_owned();
        let columns = &WIDE[..WIDE.len() - 1];
        let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
        write!(
            text,
            "\n| {} |\n|{}\n",
            heads.join(" | "),
            "---|".repeat(heads.len())
        )
        .unwrap();
        for item in all() {
            let cells = columns.iter().map(|(_, field)| match *field {
                "name" if item["docs"] != "" => {
                    format!("[{}]({})", cell(&item, "name"), cell(&item, "docs"))
                }
                field => cell(&item, field).replace(',', ", ").replace(",  ", ", "),
            });
            writeln!(text, "| {} |", cells.collect::<Vec<_>>().join(" | ")).unwrap();
        }
        text
    }

    #[test]
    fn the_page_of_vendors_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/vendors.md");
        let wanted = document();
        if std::env::var_os("GW_BLESS").is_some() {
            std::fs::write(path, &wanted).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == wanted,
            "docs/vendors.md is out of date; write it with: GW_BLESS=1 cargo test --lib cli::vendors"
        );
    }
}
