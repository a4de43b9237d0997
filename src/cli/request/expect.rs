//! Expectations: `PATH OP VALUE`. A closed, small language: no functions, no code.

use crate::cli::path::lookup;
use crate::error::{Error, Result};
use serde_json::Value;

/// What an answer must fulfil.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expectation {
    path: String,
    op: Op,
    value: Value,
    /// As written.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Equal,
    NotEqual,
    LessOrEqual,
    GreaterOrEqual,
    Less,
    Greater,
    Contains,
}

/// Longer marks first, so that `<=` is not read as `<`.
const OPS: [(&str, Op); 7] = [
    ("==", Op::Equal),
    ("!=", Op::NotEqual),
    ("<=", Op::LessOrEqual),
    (">=", Op::GreaterOrEqual),
    ("<", Op::Less),
    (">", Op::Greater),
    (" contains ", Op::Contains),
];

/// Where a path may begin.
const ROOTS: [&str; 11] = [
    "status",
    "text",
    "usage",
    "route",
    "latency_ms",
    "ttft_ms",
    "cost",
    "request_id",
    "headers",
    "body",
    "error",
];

impl std::str::FromStr for Expectation {
    type Err = Error;
    fn from_str(text: &str) -> Result<Expectation> {
        let bad = |why: String| {
            Error::invalid(format!("expectation `{}` {why}", text.escape_debug())).param("--expect")
        };
        // The operator that stands first; at one place the longer one.
        let found = OPS
            .iter()
            .filter_map(|(mark, op)| Some((text.find(mark)?, *mark, *op)))
            .min_by_key(|(at, mark, _)| (*at, std::cmp::Reverse(mark.len())));
        let (at, mark, op) = found.ok_or_else(|| {
            bad("has no operator".into())
                .hint("write PATH OP VALUE with == != < <= > >= or contains, such as status==200")
        })?;
        let path = text[..at].trim().to_owned();
        let root = path.split(['.', '[']).next().unwrap_or_default();
        if !ROOTS.contains(&root) {
            return Err(
                bad(format!("asks about `{root}`")).hint(format!("one of: {}", ROOTS.join(", ")))
            );
        }
        let written = text[at + mark.len()..].trim();
        let value = match written
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''))
        {
            Some(inside) => Value::String(inside.into()),
            // A word without quotes is itself.
            None => serde_json::from_str(written).unwrap_or_else(|_| Value::String(written.into())),
        };
        if matches!(
            op,
            Op::Less | Op::Greater | Op::LessOrEqual | Op::GreaterOrEqual
        ) && number(&value).is_none()
        {
            return Err(
                bad("compares sizes with something that is no number".into())
                    .hint("such as latency_ms<2000"),
            );
        }
        Ok(Expectation {
            path,
            op,
            value,
            text: text.trim().into(),
        })
    }
}

impl Expectation {
    /// `None` when it holds; else what was found instead.
    pub fn broken(&self, facts: &Value) -> Option<String> {
        let path = match self.path.strip_prefix("headers.") {
            Some(name) => format!("headers[\"{}\"]", name.to_ascii_lowercase()),
            None => self.path.clone(),
        };
        let found = lookup(facts, &path).unwrap_or(&Value::Null);
        let sizes = || Some((number(found)?, number(&self.value)?));
        let holds = match self.op {
            Op::Equal => same(found, &self.value),
            Op::NotEqual => !same(found, &self.value),
            Op::Less => sizes().is_some_and(|(a, b)| a < b),
            Op::Greater => sizes().is_some_and(|(a, b)| a > b),
            Op::LessOrEqual => sizes().is_some_and(|(a, b)| a <= b),
            Op::GreaterOrEqual => sizes().is_some_and(|(a, b)| a >= b),
            Op::Contains => match found {
                Value::Array(items) => items.iter().any(|item| same(item, &self.value)),
                other => {
                    crate::cli::print::text(other).contains(&crate::cli::print::text(&self.value))
                }
            },
        };
        let shown: String = found.to_string().chars().take(200).collect();
        (!holds).then(|| format!("expected {}, got {shown}", self.text))
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        other => other.as_f64(),
    }
}

/// Equal as values; a number and its text are the same, as headers have no other way.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(_), Value::Number(_)) | (Value::String(_), Value::Number(_)) => {
            number(found) == number(wanted)
        }
        _ => found == wanted,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    fn facts() -> Value {
        json!({"status": 200, "text": "a <b> == c", "usage": {"in": 3, "out": null}, "route": {"provider": "anthropic", "attempts": 2}, "latency_ms": 10,
            "headers": {"x-gw-cost": "0.5", "a.b": "c"}, "body": {"choices": [{"finish_reason": "stop"}], "tags": ["x"]}})
    }

    #[test]
    fn conditions_hold() {
        for text in [
            "status==200",
            "status != 500",
            "route.provider==\"anthropic\"",
            "route.provider == anthropic",
            "route.provider=='anthropic'",
            "route.attempts>=2",
            "latency_ms<2000",
            "usage.in<=3",
            "usage.out==null",
            "text contains <b>",
            "text contains ==",
            "headers.X-GW-Cost==0.5",
            "headers.x-gw-cost>0.4",
            "headers.a.b==c",
            "body.choices[0].finish_reason==stop",
            "body.tags contains x",
            "body.missing==null",
        ] {
            let expectation: Expectation = text.parse().unwrap();
            assert_eq!(expectation.broken(&facts()), None, "{text}");
        }
    }

    #[test]
    fn broken_ones_say_what_was_found() {
        for (text, says) in [
            ("status==429", "expected status==429, got 200"),
            ("usage.out>0", "expected usage.out>0, got null"),
            (
                "text contains zebra",
                "expected text contains zebra, got \"a <b> == c\"",
            ),
        ] {
            assert_eq!(
                text.parse::<Expectation>()
                    .unwrap()
                    .broken(&facts())
                    .as_deref(),
                Some(says)
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["status", "nope==1", "latency_ms<fast", "", "=="] {
            assert!(text.parse::<Expectation>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses_or_refuses(text in ".{0,60}") {
            if let Ok(expectation) = text.parse::<Expectation>() {
                let _ = expectation.broken(&facts());
            }
        }
    }
}
