//! The tables of docs/formats.md: what becomes of each concept on the way from each format to each other.

use super::super::features::Outcome;
use super::super::rows;
use super::{answers, blessed, request, sayings, translated};
use crate::formats::fields::adapted;
use std::path::Path;

const BEGIN: &str =
    "<!-- from here on written by a test: GW_BLESS=1 cargo test --lib laws::concepts -->\n";
const END: &str = "<!-- up to here -->\n";

/// An outcome in a word, and the fields it concerns.
pub fn cell(outcome: &Outcome) -> String {
    let mark = adapted("");
    let named = |word: &str, names: &[String]| {
        let names = names
            .iter()
            .map(|name| format!(" `{}`", name.trim_end_matches(&mark)));
        word.to_owned() + &names.collect::<Vec<_>>().join(",")
    };
    match outcome {
        Outcome::Carried => "carried".to_owned(),
        Outcome::Adapted(names) => named("adapted", names),
        Outcome::Dropped(names) => named("dropped", names),
        Outcome::Refused(field) => named("refused", std::slice::from_ref(field)),
    }
}

fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

fn tables() -> String {
    let mut page = String::new();
    for from in rows() {
        let sayings = sayings(&from);
        let others: Vec<_> = rows()
            .into_iter()
            .filter(|to| to.format.id != from.format.id)
            .collect();
        page += &format!("\n#### From `{}`\n\n", from.format.name);
        let heads = others.iter().map(|to| format!("to `{}`", to.format.name));
        page += &row(std::iter::once(String::new()).chain(heads));
        page += &row(std::iter::repeat_n("---".to_owned(), others.len() + 1)).replace(' ', "");
        for concept in sayings.keys().filter(|concept| *concept != "plain") {
            let body = request(&sayings, concept);
            let cells = others
                .iter()
                .map(|to| cell(&translated(&from, to, &body).0));
            page += &row(std::iter::once(concept.clone()).chain(cells));
        }
    }
    page += "\n#### Answers, as callers of each format see them\n\n";
    let rows = rows();
    page += &row(std::iter::once(String::new())
        .chain(rows.iter().map(|row| format!("`{}`", row.format.name))));
    page += &row(std::iter::repeat_n("---".to_owned(), rows.len() + 1)).replace(' ', "");
    for (name, reply) in answers::answers() {
        let cells = rows
            .iter()
            .map(|row| answers::outcome(row, &reply).to_owned());
        page += &row(std::iter::once(name.to_owned()).chain(cells));
    }
    page + "\n"
}

#[test]
fn the_page_says_what_becomes_of_what() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md");
    blessed::between(&page, BEGIN, END, &tables());
}
