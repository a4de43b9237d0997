//! What documents are called: a name is required, must be plain and no two may have the same.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html>

use crate::formats::Dropped;
use crate::formats::fields::adapted;
use std::collections::HashSet;

/// What a document is called that has no name.
const UNNAMED: &str = "document";
/// The longest name.
const LONGEST: usize = 200;

/// The names of one request's documents.
#[derive(Debug, Default)]
pub struct Names(HashSet<String>);

impl Names {
    /// The name of the next document: the caller's, as far as it may be one.
    pub fn name(&mut self, given: Option<&str>, dropped: &mut Dropped) -> String {
        let plain = plain(given.unwrap_or_default());
        let name = match self.0.contains(&plain) {
            false => plain,
            true => self.numbered(&plain),
        };
        if given.is_some_and(|given| given != name) {
            dropped.push(adapted("messages.content.file.filename"));
        }
        self.0.insert(name.clone());
        name
    }

    fn numbered(&self, plain: &str) -> String {
        let mut number = 2_usize;
        loop {
            let mark = format!("-{number}");
            let end = plain.len().min(LONGEST - mark.len());
            let name = format!("{}{mark}", plain.get(..end).unwrap_or_default());
            if !self.0.contains(&name) {
                return name;
            }
            number += 1;
        }
    }
}

/// The name that a caller gave; `None`: one of those that are made for documents without.
pub fn given(name: String) -> Option<String> {
    let made = name.strip_prefix(UNNAMED).is_some_and(|rest| {
        let number = rest.strip_prefix('-').unwrap_or_default();
        rest.is_empty() || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    (!made).then_some(name)
}

/// Letters, digits, single blanks, hyphens, parentheses and square brackets, all of them ASCII. What ends a file's name
/// goes: the format is said beside it.
fn plain(name: &str) -> String {
    let stem = match name.rsplit_once('.') {
        Some((stem, end)) if (1..=5).contains(&end.len()) && !stem.is_empty() => stem,
        _ => name,
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || "-()[]".contains(c);
    let mut out = String::new();
    for c in stem.chars() {
        let c = match c {
            c if fits(c) => c,
            c if c.is_whitespace() => ' ',
            _ => '-',
        };
        let again = !fits(c) || c == '-';
        if out.len() < LONGEST && !(again && out.ends_with(c)) {
            out.push(c);
        }
    }
    let said = |text: &str| text.chars().any(|c| c.is_ascii_alphanumeric());
    match out.trim() {
        text if said(text) => text.to_owned(),
        _ => UNNAMED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_of_one_document_each() {
        let (mut names, mut dropped) = (Names::default(), Dropped::new());
        let given = [
            Some("my-pdf"),
            None,
            Some("report.v2.pdf"),
            Some("report-v2"),
            None,
            Some("Übersicht  (neu).docx"),
            Some("日本語"),
            Some("my-pdf"),
        ];
        let told = given.map(|name| names.name(name, &mut dropped));
        assert_eq!(
            told,
            [
                "my-pdf",
                "document",
                "report-v2",
                "report-v2-2",
                "document-2",
                "-bersicht (neu)",
                "document-3",
                "my-pdf-2"
            ]
        );
        assert_eq!(dropped.len(), 5);
        let long = "x".repeat(300);
        let mut names = Names::default();
        for _ in 0..3 {
            assert_eq!(names.name(Some(&long), &mut dropped).len(), LONGEST);
        }
    }

    #[test]
    fn made_names_are_none_of_the_callers() {
        for (name, own) in [
            ("document", false),
            ("document-12", false),
            ("document-x", true),
            ("document-", true),
            ("documents", true),
            ("a", true),
        ] {
            assert_eq!(given(name.to_owned()).is_some(), own, "{name}");
        }
    }
}
