//! `gw help`: a command's help, and the exit codes.

use super::print::table;
use crate::error::{Error, Result, TABLE};
use clap::ArgMatches;
use std::process::ExitCode;

/// What each code means; the codes themselves are [`TABLE`]'s.
const MEANINGS: [(u8, &str); 13] = [
    (0, "done; for `diff`: no difference"),
    (
        1,
        "failed or refused for another reason; for `diff`: there are differences",
    ),
    (
        2,
        "the input is wrong: flags, file syntax, a refused value, or it would have had to prompt",
    ),
    (3, "not found"),
    (4, "not signed in, or not allowed"),
    (
        5,
        "conflict: it exists, it changed meanwhile, or something refers to it",
    ),
    (6, "no gateway there"),
    (7, "timed out"),
    (8, "some of several failed"),
    (9, "the request reached the gateway, the upstream failed"),
    (10, "an expectation did not hold"),
    (130, "interrupted"),
    (141, "the reader of the output went away"),
];

/// Runs `gw help`.
pub(crate) fn help(matches: &ArgMatches) -> Result<ExitCode> {
    let words: Vec<&String> = matches.get_many("topic").into_iter().flatten().collect();
    if matches!(&words[..], [topic] if topic.as_str() == "exit-codes") {
        super::context::write_out(codes().as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    // The same as `gw COMMAND --help`, because it is.
    let words = words.into_iter().map(String::as_str);
    let line: Vec<&str> = ["gw"].into_iter().chain(words).chain(["--help"]).collect();
    match super::command().try_get_matches_from(&line) {
        Err(answer) => Ok(super::misread::answer_to(&answer, &line)),
        Ok(_) => Err(Error::invalid("this has no help").hint("see `gw --help`")),
    }
}

/// The table of exit codes, with the errors that lead to each.
fn codes() -> String {
    let mut rows = Vec::new();
    for (code, meaning) in MEANINGS {
        rows.push(vec![code.to_string(), meaning.into()]);
        let errors: Vec<&str> = TABLE
            .iter()
            .filter(|row| row.exit == code)
            .map(|row| row.code)
            .collect();
        if !errors.is_empty() {
            rows.push(vec![
                String::new(),
                format!("errors: {}", errors.join(", ")),
            ]);
        }
    }
    let mut text = table(&["CODE", "MEANING"], rows, true);
    text.push_str("\n`gw serve -- COMMAND` returns COMMAND's code; 126 and 127 as in a shell.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_meaning() {
        for row in TABLE {
            assert!(
                MEANINGS.iter().any(|(code, _)| *code == row.exit),
                "{}",
                row.code
            );
        }
        assert!(codes().contains("3      not found\n       errors: not_found\n"));
    }
}
