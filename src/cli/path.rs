//! Looking into JSON by path: `.status.url`, `targets[0].provider`, `labels["a.b"]`.

use serde_json::Value;

/// The value at `path`; `None` where there is none. An empty path or `.` is the value itself.
pub(crate) fn lookup<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = value;
    let mut rest = path.trim_start_matches('.');
    while !rest.is_empty() {
        let step;
        (step, rest) = step_of(rest)?;
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
