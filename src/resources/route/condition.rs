//! What conditions of routes and rules may ask about a request, and how they are read. What each of it is for a
//! request, `plan::rules` says.

use crate::error::{Error, Result};
use crate::expression::{Condition, Fields, Map, Scene, Value, Variable, Why};

macro_rules! variables {
    ($($subject:ident $path:literal $kind:literal $help:literal)*) => {
        /// Everything a condition may ask about. docs/routing.md lists exactly these.
        pub const VARIABLES: &[Variable] = &[$(Variable { path: $path, kind: $kind, help: $help }),*];

        /// The rows of [`VARIABLES`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Subject {
            $($subject),*
        }

        impl Subject {
            /// What a row is about.
            pub fn of(row: usize) -> Option<Subject> {
                [$(Subject::$subject),*].get(row).copied()
            }
        }
    };
}

variables! {
    Model       "model"        "string or null" "model asked for"
    Headers     "headers"      "map of strings" "values of the request's headers: `headers[\"x-team\"]`; of several the first; no credentials"
    Key         "key"          "string"         "name of the key that asks"
    User        "user"         "string"         "name of its user"
    Labels      "labels"       "map of strings" "labels of the user and, over them, of the key: `labels.team`"
    Environment "environment"  "string"         "environment of the key"
    Tokens      "tokens"       "int"            "tokens of the prompt's text, estimated"
    MaxTokens   "max_tokens"   "int or null"    "longest answer that is asked for, in tokens"
    Stream      "stream"       "bool"           "whether the answer is to be a stream"
    Tools       "tools"        "bool"           "whether there are tools that may be called"
    Images      "images"       "bool"           "whether there are images in the prompt"
    Schema      "schema"       "bool"           "whether the answer has to follow a schema"
    Format      "format"       "string"         "format of the request: `openai-chat`, `anthropic-messages`, …"
    Path        "path"         "string"         "path of the request, such as `/v1/messages`"
    Session     "session"      "string or null" "conversation, where the caller names it (coding agents do)"
    Agent       "agent"        "string or null" "agent within it that asks, where the caller names it"
    Hour        "time.hour"    "int"            "hour in UTC, 0 to 23"
    Minute      "time.minute"  "int"            "minute of the hour, 0 to 59"
    Weekday     "time.weekday" "string"         "day of the week in UTC: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`"
}

/// Headers that carry credentials: no condition sees them, so that none has to hold one.
const CREDENTIALS: [&str; 7] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-gw-key",
];

/// Whether a header carries a credential.
pub fn is_credential(header: &str) -> bool {
    CREDENTIALS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(header))
}

/// Most steps that a condition may take over one request, a step being some ten nanoseconds at most. What can be written
/// without a loop and with short values stays below.
pub const STEPS: u32 = 1_000;

/// Reads a condition: a mistake is named with its column, and what can be evaluated for no request is refused.
pub fn read(text: &str) -> Result<Condition> {
    let condition = Condition::read(text, VARIABLES)?;
    let headers = condition.asks().filter_map(|path| path.field_of("headers"));
    if let Some(name) = headers.into_iter().find(|name| is_credential(name)) {
        return Err(Error::invalid(format!(
            "the header `{}` carries a credential, which conditions do not see",
            name.escape_debug()
        ))
        .hint("ask about `key` or `user`"));
    }
    let samples = [Sample::Full("1", 1), Sample::Full("7", 7), Sample::Sparse];
    let mut failures = samples
        .iter()
        .map(|sample| condition.evaluate(sample, STEPS).err());
    // What another request could have is no mistake.
    let never = |why: &Option<Why<'_>>| !matches!(why, None | Some(Why::Absent(..)));
    if failures.clone().all(|why| never(&why))
        && let Some(Some(why)) = failures.next()
    {
        return Err(Error::invalid(format!(
            "`{}` can be evaluated for no request: {why}",
            condition.text().escape_debug()
        )));
    }
    Ok(condition)
}

/// A request as it might be.
enum Sample {
    /// One with everything there: every text is this one, every number that.
    Full(&'static str, i64),
    /// One with as little as possible.
    Sparse,
}

impl<'a> Scene<'a> for Sample {
    fn value(&self, row: usize) -> Option<Value<'a>> {
        let kind = VARIABLES.get(row)?.kind;
        Some(match (self, kind) {
            (Sample::Full(..), "map of strings") => Value::Map(Map::Fields(&Every)),
            (Sample::Sparse, "map of strings") => Value::Map(Map::Fields(&Nothing)),
            (Sample::Sparse, kind) if kind.ends_with(" or null") => Value::Null,
            (Sample::Full(text, _), "string" | "string or null") => Value::text(text),
            (Sample::Sparse, "string") => Value::text(""),
            (Sample::Full(_, number), "int" | "int or null") => Value::Int(*number),
            (Sample::Sparse, "int") => Value::Int(0),
            (Sample::Full(..), _) => Value::Bool(true),
            (Sample::Sparse, _) => Value::Bool(false),
        })
    }
}

/// Fields of any name.
#[derive(Debug)]
struct Every;

/// None.
#[derive(Debug)]
struct Nothing;

impl Fields for Every {
    fn noun(&self) -> &'static str {
        ""
    }
    fn get(&self, _: &str) -> Option<&str> {
        Some("1")
    }
    fn names(&self) -> Vec<&str> {
        vec!["1"]
    }
}

impl Fields for Nothing {
    fn noun(&self) -> &'static str {
        ""
    }
    fn get(&self, _: &str) -> Option<&str> {
        None
    }
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refusal(text: &str) -> String {
        match read(text) {
            Ok(_) => format!("{text} was read"),
            Err(error) => match error.hint {
                Some(hint) => format!("{}\nfix: {hint}", error.message),
                None => error.message,
            },
        }
    }

    #[test]
    fn conditions_as_people_write_them_are_read() {
        for text in [
            "model.startsWith(\"gpt-4\") && headers[\"x-team\"] == \"search\"",
            "tokens > 100000",
            "labels.team in [\"a\", \"b\"]",
            "has(labels.team) && labels[\"team\"] != \"ops\"",
            "\"x-debug\" in headers",
            "headers[\"X-Request-Class\"] == \"subagent\" && session != null",
            "time.hour >= 22 || time.hour < 6 || time.weekday in [\"sat\", \"sun\"]",
            "max_tokens == null || max_tokens > 4096",
            "format == \"anthropic-messages\" && path.endsWith(\"/count_tokens\")",
            "model.matches(\"^(gpt|o[0-9]).*-mini$\")",
            "[\"gpt-4\", \"o3\"].exists(p, model.startsWith(p))",
            "int(headers[\"x-priority\"]) > 3",
            "{\"gpt-4\": \"x\", \"o3\": \"y\"}[model] == \"x\"",
            "stream && !tools && !images && !schema",
            "10 / (tokens - 1) > 1",
            "true",
        ] {
            assert!(read(text).is_ok(), "{}", refusal(text));
        }
    }

    #[test]
    fn mistakes_show_when_a_condition_is_written() {
        for (text, says) in [
            (
                "modle == \"gpt-4\"",
                "column 1: there is no `modle`\n  modle == \"gpt-4\"\n  ^\nfix: did you mean `model`?",
            ),
            (
                "model > 3",
                "column 7: `>` does not take string and int\n  model > 3\n        ^\nfix: `model` is string or null",
            ),
            (
                "tokens.startsWith(\"x\")",
                "column 18: `startsWith` does not take int and string\n  tokens.startsWith(\"x\")\n                   ^\nfix: `tokens` is int",
            ),
            (
                "headers.x-team == \"search\"",
                "column 11: there is no `team`\n  headers.x-team == \"search\"\n            ^\nfix: write headers[\"x-team\"]",
            ),
            (
                "labels.team > 3",
                "column 13: `>` does not take string and int\n  labels.team > 3\n              ^\nfix: `labels.team` is string",
            ),
            (
                "session != \"\"",
                "column 9: `session` is null where there is none, and never empty\n  session != \"\"\n          ^\nfix: write session != null",
            ),
            (
                "user == null",
                "column 6: `==` does not take string and null\n  user == null\n       ^\nfix: `user` is string",
            ),
            (
                "time == 3",
                "column 1: `time` is no value by itself\n  time == 3\n  ^\nfix: there are time.hour, time.minute, time.weekday",
            ),
            (
                "tokens",
                "column 1: this is not true or false\n  tokens\n  ^\nfix: compare it, such as model == \"word\"",
            ),
            (
                "headers[\"Authorization\"] == \"Bearer x\"",
                "the header `Authorization` carries a credential, which conditions do not see\nfix: ask about `key` or `user`",
            ),
            (
                "tokens / 0 == 1",
                "`tokens / 0 == 1` can be evaluated for no request: it divides by zero",
            ),
            (
                "[\"a\"][3] == model",
                "`[\\\"a\\\"][3] == model` can be evaluated for no request: the list is not that long",
            ),
            (
                "labels.all(l, headers.exists(h, h == l))",
                "column 29: a loop within a loop is not allowed\n  labels.all(l, headers.exists(h, h == l))\n                              ^\nfix: give several conditions",
            ),
        ] {
            assert_eq!(refusal(text), says, "{text}");
        }
    }

    #[test]
    fn the_documents_list_what_may_be_asked_about() {
        let rows: String = VARIABLES
            .iter()
            .map(|row| format!("| `{}` | {} | {} |\n", row.path, row.kind, row.help))
            .collect();
        let page = include_str!("../../../docs/routing.md");
        assert!(
            page.contains(&rows),
            "docs/routing.md lacks this table:\n{rows}"
        );
    }
}
