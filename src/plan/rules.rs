//! Whether the condition of a route or a rule holds for a request: what each of the variables of
//! [`crate::resources::route::condition`] is. Only what is asked about is looked up, and nothing is copied.

use super::{Ask, Caller};
use crate::expression::{Condition, Fields, Map, Scene, Value, Why};
use crate::http1::fields::Fields as Headers;
use crate::resources::route::condition::{STEPS, Subject, is_credential};
use std::collections::BTreeMap;

/// Days as conditions name them, from the one on which Unix time began.
const DAYS: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Whether it holds. `Err`: it does not, and why that cannot even be said, such as that a header is not there.
pub fn holds<'a>(
    condition: &'a Condition,
    ask: &'a Ask<'a>,
    caller: &'a Caller,
) -> Result<bool, Why<'a>> {
    condition.evaluate(&Request { ask, caller }, STEPS)
}

/// Everything the condition asks about as it would be written, and what that is for a request; `nothing` where it is
/// not there.
pub fn values(condition: &Condition, ask: &Ask<'_>, caller: &Caller) -> Vec<(String, String)> {
    condition.seen_in(&Request { ask, caller })
}

struct Request<'a> {
    ask: &'a Ask<'a>,
    caller: &'a Caller,
}

impl<'a> Scene<'a> for Request<'a> {
    fn value(&self, row: usize) -> Option<Value<'a>> {
        let Request { ask, caller } = *self;
        Some(match Subject::of(row)? {
            Subject::Model => said(ask.model),
            Subject::Headers => Value::Map(Map::Fields(ask.headers)),
            Subject::Key => Value::text(&caller.key),
            Subject::User => Value::text(&caller.user),
            Subject::Labels => Value::Map(Map::Fields(&*caller.labels)),
            Subject::Environment => Value::text(&caller.environment),
            Subject::Tokens => number(ask.tokens),
            Subject::MaxTokens => ask.max_output.map_or(Value::Null, number),
            Subject::Stream => Value::Bool(ask.stream),
            Subject::Tools => Value::Bool(ask.needs.tools),
            Subject::Images => Value::Bool(ask.needs.images),
            Subject::Schema => Value::Bool(ask.needs.schema),
            Subject::Format => Value::text(ask.format),
            Subject::Path => Value::text(ask.whole_path),
            Subject::Session => said(ask.session()),
            Subject::Agent => said(ask.agent()),
            Subject::Hour => Value::Int(ask.at.rem_euclid(DAY) / HOUR),
            Subject::Minute => Value::Int(ask.at.rem_euclid(HOUR) / MINUTE),
            Subject::Weekday => Value::text(weekday(ask.at)),
        })
    }
}

/// A text that the request may leave out.
fn said(text: Option<&str>) -> Value<'_> {
    match text {
        None | Some("") => Value::Null,
        Some(text) => Value::text(text),
    }
}

fn number(number: u64) -> Value<'static> {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn weekday(at: i64) -> &'static str {
    let day = usize::try_from(at.div_euclid(DAY).rem_euclid(7)).unwrap_or(0);
    DAYS[day % DAYS.len()]
}

impl Fields for Headers {
    fn noun(&self) -> &'static str {
        "header"
    }
    fn get(&self, name: &str) -> Option<&str> {
        let value = Headers::get(self, name).filter(|_| !is_credential(name))?;
        std::str::from_utf8(value).ok()
    }
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.iter() {
            let name = std::str::from_utf8(name).unwrap_or_default();
            if !is_credential(name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

impl Fields for BTreeMap<String, String> {
    fn noun(&self) -> &'static str {
        "label"
    }
    fn get(&self, name: &str) -> Option<&str> {
        BTreeMap::get(self, name).map(String::as_str)
    }
    fn names(&self) -> Vec<&str> {
        self.keys().map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::{Needs, testing};
    use crate::resources::route::condition;
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::Arc;

    fn caller() -> Arc<Caller> {
        let snapshot = testing::snapshot(json!([
            {"kind": "user", "name": "ann", "labels": {"team": "search", "tier": "gold"}},
            {"kind": "key", "name": "ci", "labels": {"tier": "lead"}, "environment": "staging"},
        ]));
        snapshot.caller_named("ci").unwrap().clone()
    }

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        pairs.iter().copied().collect()
    }

    /// Sunday, 22 November 2026, 03:41:07 UTC.
    const SUNDAY: i64 = 1_795_318_867_000;

    #[test]
    fn every_variable_is_what_the_request_is() {
        let headers = headers(&[
            ("x-team", "search"),
            ("x-team", "other"),
            ("x-name", "\u{fc}"),
            ("authorization", "Bearer sk-secret"),
            ("x-claude-code-session-id", "s1"),
            ("x-claude-code-agent-id", "a1"),
        ]);
        let ask = Ask {
            format: "openai-chat",
            model: Some("gpt-4o-mini"),
            needs: Needs {
                tools: true,
                images: false,
                schema: true,
                ..Needs::default()
            },
            stream: true,
            max_output: Some(512),
            tokens: 1200,
            ..Ask::of_head("/v1/chat/completions", &headers, SUNDAY)
        };
        let caller = caller();
        for (text, says) in [
            ("model == 'gpt-4o-mini'", true),
            (
                "headers['x-team'] == 'search' && headers['X-Team'] == 'search'",
                true,
            ),
            ("headers['x-name'] == '\u{fc}'", true),
            ("'authorization' in headers", false),
            ("headers.exists(h, h == 'authorization')", false),
            ("headers.exists_one(h, h == 'x-team')", true),
            ("key == 'ci' && user == 'ann'", true),
            ("labels.team == 'search' && labels['tier'] == 'lead'", true),
            (
                "size(labels) == 2 && has(labels.team) && !has(labels.nope)",
                true,
            ),
            ("environment == 'staging'", true),
            ("tokens == 1200 && max_tokens == 512", true),
            ("stream && tools && !images && schema", true),
            (
                "format == 'openai-chat' && path == '/v1/chat/completions'",
                true,
            ),
            ("session == 's1' && agent == 'a1'", true),
            (
                "time.hour == 3 && time.minute == 41 && time.weekday == 'sun'",
                true,
            ),
        ] {
            let condition = condition::read(text).unwrap();
            assert_eq!(holds(&condition, &ask, &caller), Ok(says), "{text}");
        }
        let bare = Headers::default();
        let bare = Ask::of_head("/v1/models", &bare, SUNDAY - 4 * DAY);
        for (text, says) in [
            (
                "model == null && max_tokens == null && session == null && agent == null",
                Ok(true),
            ),
            ("model != 'gpt-4o'", Ok(true)),
            ("time.weekday == 'wed'", Ok(true)),
            (
                "headers['x-team'] == 'search'",
                Err("there is no header `x-team`"),
            ),
            (
                "headers['x-team'] != 'search'",
                Err("there is no header `x-team`"),
            ),
            (
                "!(headers['x-team'] == 'search')",
                Err("there is no header `x-team`"),
            ),
            ("labels.nope == 'x'", Err("there is no label `nope`")),
            ("headers['x-team'] == 'search' || user == 'ann'", Ok(true)),
            ("headers['x-team'] == 'search' && user == 'bob'", Ok(false)),
            (
                "model.startsWith('gpt')",
                Err("`startsWith` does not take null and string"),
            ),
            ("max_tokens > 100", Err("`>` does not take null and int")),
            ("int(user) > 1", Err("`int` cannot read the value")),
        ] {
            let condition = condition::read(text).unwrap();
            let found = holds(&condition, &bare, &caller).map_err(|why| why.to_string());
            assert_eq!(found, says.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn what_was_seen_is_told() {
        let headers = headers(&[("x-long", &"x".repeat(300))]);
        let ask = Ask {
            model: Some("gpt-4o"),
            ..Ask::of_head("/v1/chat/completions", &headers, SUNDAY)
        };
        let text = "model == 'x' && headers['x-team'] == 'y' && tokens > 3 && time.hour > 4 && session == null \
                    && headers['x-long'] != ''";
        let condition = condition::read(text).unwrap();
        let shown = values(&condition, &ask, &caller());
        let shown: Vec<String> = shown
            .iter()
            .map(|(path, value)| format!("{path} is {value}"))
            .collect();
        assert_eq!(
            shown,
            [
                format!("headers[\"x-long\"] is \"{}…", "x".repeat(199)),
                "headers[\"x-team\"] is nothing".into(),
                "model is \"gpt-4o\"".into(),
                "session is null".into(),
                "time.hour is 3".into(),
                "tokens is 0".into(),
            ]
        );
    }

    /// Long values make no rule slow: the steps run out, and it does not hold.
    #[test]
    fn long_values_are_not_looked_through() {
        let headers = headers(&[("x-long", &"a".repeat(60_000))]);
        let ask = Ask::of_head("/v1/chat/completions", &headers, SUNDAY);
        let caller = caller();
        for (text, says) in [
            (
                "headers['x-long'].contains('b')",
                Err("the values are too large to look through"),
            ),
            (
                "headers['x-long'].matches('b$')",
                Err("the values are too large to look through"),
            ),
            (
                "headers['x-long'] == 'b' || headers['x-long'].startsWith('aa')",
                Ok(true),
            ),
        ] {
            let condition = condition::read(text).unwrap();
            let found = holds(&condition, &ask, &caller).map_err(|why| why.to_string());
            assert_eq!(found, says.map_err(str::to_owned), "{text}");
        }
    }

    proptest! {
        /// Hour, minute and day of any time are what a calendar says.
        #[test]
        fn times_are_those_of_the_calendar(at in -4_000_000_000_000_i64..8_000_000_000_000) {
            let civil = jiff::Timestamp::from_millisecond(at).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            let day = days[civil.weekday().to_monday_zero_offset() as usize];
            let (hour, minute) = (civil.hour(), civil.minute());
            let text = format!("time.hour == {hour} && time.minute == {minute} && time.weekday == '{day}'");
            let headers = Headers::default();
            let ask = Ask::of_head("/", &headers, at);
            let (condition, caller) = (condition::read(&text).unwrap(), caller());
            let asked = holds(&condition, &ask, &caller);
            prop_assert_eq!(asked.ok(), Some(true));
        }

        /// Whatever callers send, rules say something and never more.
        #[test]
        fn any_request_can_be_asked(
            model in proptest::option::of("\\PC{0,40}"), team in "[ -~]{0,20}", tokens in any::<u64>(), stream in any::<bool>(),
        ) {
            let headers = headers(&[("x-team", &team)]);
            let ask = Ask { model: model.as_deref(), tokens, stream, ..Ask::of_head("/", &headers, 0) };
            let caller = caller();
            let asked = |text: &str| holds(&condition::read(text).unwrap(), &ask, &caller).ok();
            prop_assert_eq!(asked("stream"), Some(stream));
            prop_assert_eq!(asked("tokens > 1000"), Some(tokens > 1000));
            prop_assert_eq!(asked("headers['x-team'] == 'search'"), Some(team == "search"));
            let model = model.as_deref().filter(|model| !model.is_empty());
            prop_assert_eq!(asked("model.startsWith('g')"), model.map(|model| model.starts_with('g')));
            prop_assert_eq!(asked("size(model) > 5"), model.map(|model| model.chars().count() > 5));
        }

        /// The first rule that holds gives the targets, and the route's own where none does.
        #[test]
        fn the_first_rule_that_holds_counts(limits in proptest::collection::vec(0_u64..20, 0..8), tokens in 0_u64..25) {
            let rule = |(at, limit): (usize, &u64)| json!({"when": format!("tokens < {limit}"), "targets": [{"provider": "p", "model": format!("m{at}")}]});
            let rules: Vec<_> = limits.iter().enumerate().map(rule).collect();
            let snapshot = testing::snapshot(json!([
                {"kind": "user", "name": "ann"}, {"kind": "key", "name": "k"}, {"kind": "provider", "name": "p"},
                {"kind": "route", "name": "r", "keys": ["k"], "rules": rules, "targets": [{"provider": "p", "model": "own"}]},
            ]));
            let headers = Headers::default();
            let ask = Ask { tokens, ..Ask::of_head("/v1/chat/completions", &headers, 0) };
            let route = snapshot.route("r").unwrap();
            let caller = snapshot.caller_named("k").unwrap();
            prop_assert_eq!(route.rule(caller, &ask), limits.iter().position(|limit| tokens < *limit));
        }
    }
}
