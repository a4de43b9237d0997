//! Errors at the edge: two lines of text, or one line of JSON; always on standard error.

use super::{clean, visible};
use crate::error::Error;
use crate::stdio;
use serde_json::{Value, json};
use std::{
    io::IsTerminal,
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
};

/// 0: decide by the terminal; 1: always; 2: never.
static COLOUR: AtomicU8 = AtomicU8::new(0);

/// Sets what `--color` said.
pub(crate) fn colour(when: &str) {
    COLOUR.store(
        match when {
            "always" => 1,
            "never" => 2,
            _ => 0,
        },
        Ordering::Relaxed,
    );
}

/// Whether what is written there may have colour.
pub(crate) fn colour_on(stream: &impl IsTerminal) -> bool {
    match COLOUR.load(Ordering::Relaxed) {
        1 => true,
        2 => false,
        _ => {
            stream.is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

/// Whether errors are written as JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Sets whether errors are written as JSON.
pub(crate) fn errors_as_json(on: bool) {
    JSON.store(on, Ordering::Relaxed);
}

/// Says what went wrong and what to do next.
pub(crate) fn complain(error: &Error) {
    let text = if JSON.load(Ordering::Relaxed) {
        json_line(error)
    } else {
        lines(error, colour_on(&std::io::stderr()))
    };
    crate::cli::progress::beside(|| stdio::complaint(&text));
}

/// `error: …` and `  fix: …`.
pub(crate) fn lines(error: &Error, colour: bool) -> String {
    let message = error.to_string();
    let message = visible(message.trim_end());
    let mut text = match colour {
        true => format!("\u{1b}[1;31merror:\u{1b}[0m {message}\n"),
        false => format!("error: {message}\n"),
    };
    if let Some(hint) = &error.hint {
        text.push_str(&format!("  fix: {}\n", clean(hint)));
    }
    text
}

/// One line of JSON in the admin API's own shape.
pub(crate) fn json_line(error: &Error) -> String {
    let mut inner = serde_json::Map::from_iter([
        ("code".to_owned(), json!(error.kind.row().code)),
        ("message".to_owned(), json!(error.to_string())),
    ]);
    inner.extend(
        error
            .hint
            .iter()
            .map(|hint| ("fix".to_owned(), json!(hint))),
    );
    inner.extend(
        error
            .param
            .iter()
            .map(|param| ("param".to_owned(), json!(param))),
    );
    super::json(&json!({ "error": Value::Object(inner) })) + "\n"
}
