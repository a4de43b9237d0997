//! From flags to JSON: a kind's fields as given on the command line, shaped as the admin API takes them.

use super::limits;
use crate::error::{Error, Result};
use crate::resources::{
    Field, Kind, Millis, Shape, Stamp,
    route::{Rule, Target},
};
use clap::ArgMatches;
use serde_json::{Map, Value, json};

/// What the flags say.
pub(crate) enum Mode {
    /// A whole record: empty values are left out.
    Create,
    /// A merge patch: empty values take the field away, `K-` takes one key of a map away.
    Patch,
}

/// The fields given by flags.
pub(crate) fn body(
    kind: &'static Kind,
    matches: &ArgMatches,
    mode: Mode,
) -> Result<Map<String, Value>> {
    let mut body = Map::new();
    for field in kind.fields.iter().filter(|field| !field.flag.is_empty()) {
        if let Some(value) = of_field(field, matches, &mode)? {
            body.insert(field.name.into(), value);
        }
    }
    Ok(body)
}

fn of_field(field: &'static Field, matches: &ArgMatches, mode: &Mode) -> Result<Option<Value>> {
    let wrong = |error: Error| error.param(format!("--{}", field.flag));
    Ok(match field.shape {
        Shape::Number => matches
            .get_one::<u64>(field.name)
            .map(|number| json!(number)),
        Shape::Bool => matches.get_one::<bool>(field.name).map(|on| json!(on)),
        Shape::Texts | Shape::Only => many(matches, field.name)
            .map(|items| texts(field, items).map_err(wrong))
            .transpose()?,
        Shape::Limits => limits::given(field, matches)?,
        Shape::Map => many(matches, field.name)
            .map(|items| pairs(field, &items, mode))
            .transpose()?,
        Shape::Targets => many(matches, field.name)
            .map(|items| items.into_iter().map(target).collect::<Result<Vec<_>>>())
            .transpose()?
            .map(Value::Array),
        Shape::Rules => many(matches, field.name)
            .map(|items| {
                items
                    .into_iter()
                    .filter(|item| !item.is_empty())
                    .map(rule)
                    .collect::<Result<Vec<_>>>()
            })
            .transpose()?
            .map(Value::Array),
        Shape::Text | Shape::Decimal | Shape::Duration | Shape::Time => {
            match matches.get_one::<String>(field.name) {
                None => None,
                Some(text) if text.is_empty() && field.shape == Shape::Time => {
                    return Err(wrong(
                        Error::invalid(format!("--{} is empty", field.flag))
                            .hint("give a time such as 90d or 2030-01-01, or `never`"),
                    ));
                }
                Some(text) if text == "never" && field.shape == Shape::Time => {
                    matches!(mode, Mode::Patch).then_some(Value::Null)
                }
                Some(text) if text.is_empty() => matches!(mode, Mode::Patch).then_some(Value::Null),
                Some(text) if field.shape == Shape::Time => Some(json!(time(text).map_err(wrong)?)),
                Some(text) if field.shape == Shape::Duration => {
                    Some(json!(text.parse::<Millis>().map_err(wrong)?))
                }
                Some(text) => Some(json!(text)),
            }
        }
    })
}

/// A list. Empty text empties it, but where that lets everything in: a variable that is not set must not mean everybody.
fn texts(field: &Field, items: Vec<&str>) -> Result<Value> {
    let (named, empty): (Vec<_>, Vec<_>) = items
        .into_iter()
        .map(str::trim)
        .partition(|item| !item.is_empty());
    if !empty.is_empty() && field.shape == Shape::Only {
        return Err(
            Error::invalid(format!("--{} is empty", field.flag)).hint(format!(
                "name one; where everything is meant, say `{} = []` in a file for `gw apply`",
                field.name
            )),
        );
    }
    Ok(json!(named))
}

fn many<'a>(matches: &'a ArgMatches, id: &str) -> Option<Vec<&'a str>> {
    matches
        .get_many::<String>(id)
        .map(|values| values.map(String::as_str).collect())
}

fn pairs(field: &Field, items: &[&str], mode: &Mode) -> Result<Value> {
    let mut map = Map::new();
    for item in items {
        match (item.split_once('='), item.strip_suffix('-'), mode) {
            (Some((key, value)), _, _) if !key.is_empty() => map.insert(key.into(), json!(value)),
            (None, Some(key), Mode::Patch) if !key.is_empty() => {
                map.insert(key.into(), Value::Null)
            }
            // A header's value may be a secret after all: it is not echoed.
            _ => {
                return Err(Error::invalid(format!("--{} takes NAME=VALUE", field.flag))
                    .param(format!("--{}", field.flag))
                    .hint("in `set`, NAME- takes one away"));
            }
        };
    }
    Ok(Value::Object(map))
}

/// A target as JSON.
pub(crate) fn target(text: &str) -> Result<Value> {
    let target: Target = text.parse().map_err(|error: Error| error.param("--to"))?;
    serde_json::to_value(target)
        .map_err(|error| Error::internal("a target cannot be written").cause(error))
}

/// A rule as JSON.
fn rule(text: &str) -> Result<Value> {
    let rule: Rule = text.parse().map_err(|error: Error| error.param("--rule"))?;
    serde_json::to_value(rule)
        .map_err(|error| Error::internal("a rule cannot be written").cause(error))
}

/// RFC 3339, or a duration from now.
fn time(text: &str) -> Result<String> {
    if let Ok(span) = text.parse::<Millis>() {
        return Ok(Stamp(
            Stamp::now()
                .0
                .saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)),
        )
        .rfc3339());
    }
    Stamp::parse(text).map(Stamp::rfc3339)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::cli::routes;
    use crate::resources::kind;

    /// The body a line such as `user create ann --team a` sends.
    fn sent(line: &str) -> Result<Value> {
        let matches = crate::cli::command()
            .try_get_matches_from(format!("gw {line}").split(' '))
            .unwrap();
        let (noun, matches) = matches.subcommand().unwrap();
        let (verb, matches) = matches.subcommand().unwrap();
        let kind = kind(noun).unwrap();
        let mut body = body(
            kind,
            matches,
            if verb == "create" {
                Mode::Create
            } else {
                Mode::Patch
            },
        )?;
        if kind.name == "route" {
            routes::targets(matches, &mut body)?;
        }
        Ok(Value::Object(body))
    }

    #[test]
    fn flags_become_bodies() {
        for (line, body) in [
            (
                "user create ann --team a,b --email a@b --label env=ci --label x=y=z",
                json!({"email": "a@b", "team": "a,b", "labels": {"env": "ci", "x": "y=z"}}),
            ),
            (
                "user set ann --team= --label env-",
                json!({"team": null, "labels": {"env": null}}),
            ),
            ("user create ann --team=", json!({})),
            (
                "key create k --user ann --direct openai/*,x --expires 2026-12-31T00:00:00Z",
                json!({"user": "ann", "expires": "2026-12-31T00:00:00.000Z", "direct": ["openai/*", "x"]}),
            ),
            (
                "provider create p --vendor openai --idle-timeout 90s --header a=b",
                json!({"vendor": "openai", "headers": {"a": "b"}, "idle_timeout": "1m30s"}),
            ),
            (
                "model create m --provider p --context-window 128000 --price-input 2.50",
                json!({"provider": "p", "context_window": 128000, "price_input": "2.50"}),
            ),
            (
                "key set k --limit tokens=1000/rolling-hour,parallel=2 --limit spend=2.50/month:shadow --limit-requests 60 --session-limit requests=9/total",
                json!({"limits": ["tokens=1000/hour", "parallel=2", "spend=2.5/month:shadow", "requests=60/minute"], "session_limits": ["requests=9/total"]}),
            ),
            (
                "user create u --budget 10/month --limit-total 5 --limit-input 0",
                json!({"limits": ["spend=10/month", "tokens=5/hour"]}),
            ),
            ("key set k --limit=", json!({"limits": []})),
            ("key set k --limit-output 0", json!({"limits": []})),
            (
                "route create r --user alice --key laptop --provider openai",
                json!({"keys": ["laptop"], "users": ["alice"], "targets": [{"provider": "openai"}]}),
            ),
            (
                "route create r --path /openai --provider openai --model gpt-4o",
                json!({"path": "/openai", "targets": [{"provider": "openai", "model": "gpt-4o"}]}),
            ),
            (
                "route create r --key k --to a/m:1 --to b=0 --fallback-on 429,5xx",
                json!({"keys": ["k"], "targets": [{"provider": "a", "model": "m:1"}, {"provider": "b", "weight": 0}], "retry_on": ["429", "5xx"]}),
            ),
            (
                "route create r --key k --strategy split --to a=8 --to b=2 --then c --to d --then e",
                json!({"keys": ["k"], "strategy": "split", "targets": [
                    {"provider": "a", "weight": 8}, {"provider": "b", "weight": 2}, {"provider": "c", "tier": 1}, {"provider": "d", "tier": 1}, {"provider": "e", "tier": 2}]}),
            ),
            (
                "route create r --key k --strategy fallback --tier-strategies split,fallback --to a=8 --to b=2 --then c --sticky-by header:x-id",
                json!({"keys": ["k"], "strategy": "fallback", "tier_strategies": ["split", "fallback"], "sticky_by": "header:x-id", "targets": [
                    {"provider": "a", "weight": 8}, {"provider": "b", "weight": 2}, {"provider": "c", "tier": 1}]}),
            ),
            (
                "route set r --when stream --rule tools=>a/m,b=2 --rule images=>c",
                json!({"when": "stream", "rules": [
                    {"when": "tools", "targets": [{"provider": "a", "model": "m"}, {"provider": "b", "weight": 2}]},
                    {"when": "images", "targets": [{"provider": "c"}]}]}),
            ),
            (
                "route set r --when= --rule=",
                json!({"when": null, "rules": []}),
            ),
            (
                "route set r --to x",
                json!({"targets": [{"provider": "x"}]}),
            ),
        ] {
            assert_eq!(sent(line).unwrap(), body, "{line}");
        }
    }

    #[test]
    fn wrong_values_are_refused_by_flag() {
        for (line, param) in [
            ("key create k --user u --expires soon", "--expires"),
            (
                "provider create p --vendor v --idle-timeout soon",
                "--idle-timeout",
            ),
            ("provider create p --vendor v --header secret", "--header"),
            ("user create u --label env-", "--label"),
            ("user create u --limit tokens=5", "--limit"),
            ("user create u --budget ten/month", "--budget"),
            ("key set k --limit tokens=5/hour --limit-total 6", "--limit"),
            ("route create r --key k --to =1", "--to"),
            ("route create r --key k --to a --rule stream", "--rule"),
        ] {
            assert_eq!(
                sent(line).unwrap_err().param.as_deref(),
                Some(param),
                "{line}"
            );
        }
        assert!(
            !sent("provider create p --vendor v --header secret")
                .unwrap_err()
                .message
                .contains("secret")
        );
    }

    #[test]
    fn durations_from_now_become_times() {
        let body = sent("key create k --user u --expires 90d").unwrap();
        let at = Stamp::parse(body["expires"].as_str().unwrap()).unwrap();
        assert!(at.0 - Stamp::now().0 > 89 * 86_400_000);
    }
}
