//! What an answer must be: conditions over what came back, and the verdict.

use super::answer::Answer;
use crate::error::{Error, Kind, Result};
use crate::expression::{Condition, Variable};

macro_rules! variables {
    ($($path:literal $kind:literal $help:literal)*) => {
        /// What expectations may ask about. The help and docs/cli.md list exactly these.
        pub(super) const VARIABLES: &[Variable] = &[$(Variable { path: $path, kind: $kind, help: $help }),*];
    };
}

variables! {
    "status"         "int"            "HTTP status"
    "text"           "string"         "the answer's text, of a stream all of it"
    "latency_ms"     "int"            "until the end of the answer"
    "ttft_ms"        "int or null"    "until the first text of a stream"
    "usage.input"    "int or null"    "tokens of the prompt"
    "usage.output"   "int or null"    "tokens of the answer"
    "usage.out"      "int or null"    "the same as usage.output"
    "cost"           "double or null" "dollars; not known of a stream"
    "route.name"     "string or null" "route that took the request"
    "route.provider" "string or null" "provider that answered last"
    "route.model"    "string or null" "model that answered last"
    "route.attempts" "int or null"    "targets tried"
    "error"          "map or null"    "null when all went well"
    "error.message"  "string"         "what went wrong"
    "error.type"     "string or null" "its type, as the format has it"
    "error.code"     "string or null" "its code, as the format has it"
    "request_id"     "string or null" "as in gw logs"
    "origin"         "string or null" "whose an error is: gateway or provider"
    "headers"        "map"            "header values by lower-case name: headers[\"x-id\"]"
    "body"           "map"            "the JSON that came; of a stream body.events"
}

/// The part of `gw request --help` about expectations.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "Expectations are CEL conditions (https://cel.dev), such as status == 200 && latency_ms < 2000.\n\
         An answer that failed fails the command, unless an expectation names status or error.\n\
         They may ask about:\n",
    );
    for variable in VARIABLES {
        text.push_str(&format!(
            "  {:<15} {:<15} {}\n",
            variable.path, variable.kind, variable.help
        ));
    }
    text + "The key is read from --key-file or the variable GW_API_KEY."
}

/// Reads `--expect`.
pub(super) fn read(text: &str) -> Result<Condition> {
    Condition::read(text, VARIABLES).map_err(|mut error| {
        error.message = format!("expectation, {}", error.message);
        if text.contains("usage.in ") || text.contains("usage.in=") || text.contains("usage.in<") {
            error.hint = Some("write usage.input".into());
        }
        error.param("--expect")
    })
}

/// Whether the answer is as expected. One that failed is not, whatever is expected of other things: a
/// status is spoken for by `status` or `error`, an answer that broke behind a good status by `error` alone.
pub(super) fn verdict(answer: &Answer, expectations: &[Condition]) -> Result<()> {
    let named = |variable: &str| expectations.iter().any(|one| one.names(variable));
    let failure = answer.error();
    let spoken_for = named("error") || (named("status") && !answer.good_status());
    match failure {
        Some(failure) if !spoken_for => Err(failure),
        failure => {
            let values = answer.values();
            let broken: Vec<String> = expectations
                .iter()
                .filter_map(|one| broken(one, &values))
                .collect();
            if broken.is_empty() {
                return Ok(());
            }
            let mut message = broken.join("\n");
            if let Some(failure) = failure {
                message.push_str(&format!("\nthe answer: {}", failure.message));
            }
            Err(Error::new(Kind::Expectation, message).hint(answer.look_up()))
        }
    }
}

/// `None` when it holds; else what was expected, and what there was instead.
fn broken(
    condition: &Condition,
    values: &serde_json::Map<String, serde_json::Value>,
) -> Option<String> {
    let mut text = match condition.holds(values) {
        Ok(true) => return None,
        Ok(false) => format!("expected {}", condition.text()),
        Err(why) => format!("expected {}, but {why}", condition.text()),
    };
    for (path, shown) in condition.seen(values) {
        text.push_str(&format!("\n  {path} is {shown}"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_expected_and_what_there_was() {
        let serde_json::Value::Object(values) =
            json!({"status": 429, "text": "x".repeat(300), "error": null, "latency_ms": 10})
        else {
            unreachable!()
        };
        let broken = |text: &str| broken(&read(text).unwrap(), &values);
        assert_eq!(broken("status == 429 && latency_ms < 2000"), None);
        assert_eq!(
            broken("status == 200 && latency_ms < 2000").as_deref(),
            Some(
                "expected status == 200 && latency_ms < 2000\n  latency_ms is 10\n  status is 429"
            )
        );
        assert_eq!(
            broken("text == ''"),
            Some(format!(
                "expected text == ''\n  text is \"{}…",
                "x".repeat(199)
            ))
        );
        assert_eq!(
            broken("error.code == 'x'").as_deref(),
            Some("expected error.code == 'x', but null has no fields\n  error.code is nothing")
        );
    }

    #[test]
    fn the_documents_list_what_may_be_asked_about() {
        let rows: String = VARIABLES
            .iter()
            .map(|row| format!("| `{}` | {} | {} |\n", row.path, row.kind, row.help))
            .collect();
        let page = include_str!("../../../docs/cli.md");
        assert!(
            page.contains(&rows),
            "docs/cli.md lacks this table:\n{rows}"
        );
    }

    #[test]
    fn every_variable_is_one_an_answer_has() {
        let values = serde_json::Value::Object(Answer::sample().values());
        for row in VARIABLES {
            let pointer = format!("/{}", row.path.replace('.', "/"));
            assert!(values.pointer(&pointer).is_some(), "{}", row.path);
        }
    }
}
