//! Looking into JSON by path: `.status.url`, `targets[0].provider`, `labels["a.b"]`.

use crate::error::{Error, Result, nearest};
use crate::resources::{Kind, Record, Shape};
use serde_json::Value;

/// The value at `path`; `None` where there is none. An empty path or `.` is the value itself.
pub(crate) fn lookup<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = value;
    for step in steps(path)? {
        at = match at {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
            Value::Object(map) => map.get(step)?,
            _ => return None,
        };
    }
    Some(at)
}

/// The first step and what follows it.
fn step_of(path: &str) -> Option<(&str, &str)> {
    if let Some(inside) = path.strip_prefix('[') {
        let (step, rest) = match inside.strip_prefix('"') {
            Some(quoted) => quoted.split_once("\"]")?,
            None => inside.split_once(']')?,
        };
        return Some((step, rest.trim_start_matches('.')));
    }
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (step, rest) = path.split_at(end);
    Some((step, rest.trim_start_matches('.')))
}

/// Refuses a path that no record of the kind can have.
pub(crate) fn check(kind: &Kind, path: &str) -> Result<()> {
    let steps = steps(path).ok_or_else(|| {
        Error::invalid(format!("`{}` is not a path", path.escape_debug()))
            .hint("write it as .name, .targets[0].provider or .labels[\"a.b\"]")
    })?;
    let fields = kind.fields.iter().map(|field| field.name);
    let tops = Record::ENVELOPE.into_iter().chain(["enabled", "owner"]);
    let tops: Vec<&str> = tops.chain(fields).collect();
    let statuses = kind
        .columns
        .iter()
        .filter_map(|column| column.path.strip_prefix("status.")?.split('.').next());
    let mut statuses: Vec<&str> = statuses.chain(kind.statuses.iter().copied()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let scalar = |name: &str| {
        let field = kind.fields.iter().find(|field| field.name == name);
        field.is_some_and(|field| {
            !matches!(
                field.shape,
                Shape::Texts
                    | Shape::Only
                    | Shape::Map
                    | Shape::Targets
                    | Shape::Rules
                    | Shape::Limits
            )
        })
    };
    match steps[..] {
        [] => Ok(()),
        ["status"] => Ok(()),
        ["status", status, ..] if statuses.contains(&status) => Ok(()),
        ["status", status, ..] => Err(absent(kind, path, status, "status.", &statuses)),
        [top] if tops.contains(&top) => Ok(()),
        [top, ..] if tops.contains(&top) && !scalar(top) && !Record::ENVELOPE.contains(&top) => {
            Ok(())
        }
        [top, ..] => Err(absent(kind, path, top, "", &tops)),
    }
}

fn absent(kind: &Kind, path: &str, step: &str, before: &str, there: &[&str]) -> Error {
    let hint = match nearest(step, there.iter().copied()).filter(|near| *near != step) {
        Some(near) => format!("did you mean .{before}{near}?"),
        None => {
            let all: Vec<String> = there
                .iter()
                .map(|name| format!(".{before}{name}"))
                .collect();
            format!("one of: {}", all.join(", "))
        }
    };
    Error::invalid(format!("no {} has `{}`", kind.name, path.escape_debug())).hint(hint)
}

/// The value at `path`, or an error that names what is there instead.
pub(crate) fn found<'a>(value: &'a Value, path: &str) -> Result<&'a Value> {
    lookup(value, path).ok_or_else(|| {
        let there: Vec<String> = match value {
            Value::Object(map) => map.keys().map(|key| format!(".{key}")).collect(),
            _ => Vec::new(),
        };
        Error::invalid(format!("there is no `{}`", path.escape_debug()))
            .hint(format!("one of: {}", there.join(", ")))
    })
}

/// A path's steps; `None` where it cannot be read.
fn steps(path: &str) -> Option<Vec<&str>> {
    let (mut steps, mut rest) = (Vec::new(), path.trim_start_matches('.'));
    while !rest.is_empty() {
        let step;
        (step, rest) = step_of(rest)?;
        steps.push(step);
    }
    Some(steps)
}

/// Orders by path: numbers by size, everything else as text; what has no value comes last.
pub(crate) fn sort_by(items: &mut [Value], path: &str) {
    let rank = |value: Option<&Value>| match value {
        Some(Value::Number(number)) => (0, number.as_f64().unwrap_or(0.0), String::new()),
        Some(Value::Null) | None => (2, 0.0, String::new()),
        Some(Value::String(text)) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => (0, number, String::new()),
            _ => (1, 0.0, text.clone()),
        },
        Some(other) => (1, 0.0, other.to_string()),
    };
    items.sort_by(|a, b| {
        let (a, b) = (rank(lookup(a, path)), rank(lookup(b, path)));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_reach_in() {
        let value = json!({"a": {"b": [{"c": 1}]}, "l": {"x.y": "z"}});
        assert_eq!(lookup(&value, ".a.b[0].c"), Some(&json!(1)));
        assert_eq!(lookup(&value, "a.b.0.c"), Some(&json!(1)));
        assert_eq!(lookup(&value, r#"l["x.y"]"#), Some(&json!("z")));
        assert_eq!(lookup(&value, "."), Some(&value));
        for missing in ["a.x", "a.b[1]", "a.b[", "a.b[x]", "l[\"x"] {
            assert_eq!(lookup(&value, missing), None, "{missing}");
        }
    }

    #[test]
    fn paths_no_record_has_are_refused() {
        let key = crate::resources::kind("key").unwrap_or(crate::resources::KINDS[0]);
        for good in [
            ".",
            "name",
            ".labels.env",
            ".status",
            ".status.state",
            "expires",
            "status.routes[0]",
            "enabled",
        ] {
            assert!(check(key, good).is_ok(), "{good}");
        }
        for (bad, hint) in [
            (".usr", "did you mean .user?"),
            (".status.sate", "did you mean .status.state?"),
            (".name.first", "one of: .apiVersion, .kind, .name, "),
            (".labels[", "write it as .name"),
        ] {
            let error = check(key, bad)
                .map_or_else(|error| error.hint.unwrap_or_default(), |()| String::new());
            assert!(error.starts_with(hint), "{bad}: {error}");
        }
    }

    #[test]
    fn numbers_sort_by_size() {
        let mut items = vec![
            json!({"n": 10}),
            json!({}),
            json!({"n": "9.5"}),
            json!({"n": "x"}),
        ];
        sort_by(&mut items, ".n");
        assert_eq!(
            items,
            vec![
                json!({"n": "9.5"}),
                json!({"n": 10}),
                json!({"n": "x"}),
                json!({})
            ]
        );
    }
}
