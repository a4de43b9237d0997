//! From a spec as somebody wrote it to one that is sound, or what is wrong with it: the field in question, and
//! what was probably meant. The same for files, flags and the admin API.

use super::{Field, Kind, LABELS, Resource, Shape, Spec, Stamp};
use crate::error::{Error, Result, nearest};
use serde_json::Value;

/// Parses a spec into its typed form; unknown fields and wrong types are refused by name.
fn typed<T: Resource>(spec: &Spec) -> Result<T> {
    T::deserialize(spec)
        .map_err(|error| wrong::<T>(&Value::Object(spec.clone()), &error.to_string()))
}

/// The generic `check` of a kind: parse, validate, normalise.
pub(crate) fn check<T: Resource>(spec: Spec) -> Result<Spec> {
    let mut value = typed::<T>(&spec)?;
    value.validate()?;
    match serde_json::to_value(&value) {
        Ok(Value::Object(spec)) => Ok(spec),
        _ => Err(Error::internal(format!(
            "{} cannot be written as JSON",
            T::KIND
        ))),
    }
}

/// Everything that is wrong with a spec: a field found wrong is taken away, and the rest looked at again.
pub fn mistakes(kind: &Kind, spec: &Spec) -> Vec<Error> {
    let (mut spec, mut found) = (spec.clone(), Vec::new());
    while let Err(error) = (kind.check)(spec.clone()) {
        let field = error.param.as_deref().unwrap_or_default();
        let field = field.split(['.', '[']).next().unwrap_or_default();
        let there = spec.shift_remove(field).is_some();
        // What is missing because it was taken away is no mistake of the writer's.
        if !there && !found.is_empty() {
            break;
        }
        found.push(error);
        if !there {
            break;
        }
    }
    found
}

/// What a record may hold and nobody may write anew: a time that is over, a label that no selector can name.
/// A record put again as it was stays as it is, also where a time has passed since.
pub fn acceptable(kind: &Kind, old: Option<&Spec>, new: &Spec, now: Stamp) -> Result<()> {
    let differs = |name: &str| old.and_then(|old| old.get(name)) != new.get(name);
    // `X_until` is when X ends: a new X is not to have ended already.
    let changed = |field: &&Field| {
        differs(field.name) || field.name.strip_suffix("_until").is_some_and(differs)
    };
    for field in kind.fields.iter().filter(changed) {
        let Some(value) = new.get(field.name) else {
            continue;
        };
        match value {
            Value::String(text)
                if field.shape == Shape::Time && Stamp::parse(text).is_ok_and(|at| at <= now) =>
            {
                return Err(Error::invalid(format!("`{}` is over: {text}", field.name))
                    .param(field.name)
                    .hint("give a time to come, such as 90d or 2030-01-01"));
            }
            Value::Object(labels) if field.name == LABELS.name => {
                labels
                    .iter()
                    .try_for_each(|(key, value)| label(key, value))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The longest key of a label.
const LABEL: usize = 200;

fn label(key: &str, value: &Value) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    let hidden = value
        .as_str()
        .is_some_and(|text| text.chars().any(char::is_control));
    if key.is_empty() || key.len() > LABEL || !key.chars().all(fits) {
        return Err(
            Error::invalid(format!("`{}` is not a label", key.escape_debug()))
                .param(LABELS.name)
                .hint("use letters, digits and `-_./:`, at most 200, such as env or team/owner"),
        );
    }
    match hidden {
        true => Err(
            Error::invalid(format!("the value of label `{key}` has control characters"))
                .param(LABELS.name),
        ),
        false => Ok(()),
    }
}

/// The error with the field it is about, which serde does not say.
fn wrong<T: Resource>(spec: &Value, says: &str) -> Error {
    let mut path = String::new();
    blame::<T>(spec, "", says, &mut path);
    let quoted: Vec<&str> = says.split('`').skip(1).step_by(2).collect();
    let unknown = says.starts_with("unknown field") || says.starts_with("unknown variant");
    if path.is_empty() && says.starts_with("missing field") {
        return missing(T::KIND, quoted.first().copied().unwrap_or_default());
    }
    let meant = match quoted.split_first() {
        Some((word, known)) if unknown => nearest(word, known.iter().copied()),
        _ => None,
    };
    let (says, hint) = match meant {
        Some(word) => (
            says.split(", expected").next().unwrap_or(says),
            format!("did you mean `{word}`?"),
        ),
        None => (says, format!("see the fields with: gw explain {}", T::KIND)),
    };
    let error = Error::invalid(format!("{} is not valid: {says}", T::KIND)).hint(hint);
    match path.is_empty() {
        true => error,
        false => error.param(path),
    }
}

/// A field that must be there and is not, with the flag that sets it.
fn missing(kind: &str, name: &str) -> Error {
    let fields = super::kind(kind).map_or(&[][..], |kind| kind.fields);
    let field = fields
        .iter()
        .find(|field| field.name == name && !field.flag.is_empty());
    let needs = match field {
        Some(field) => format!("--{} {}", field.flag, field.value),
        None => format!("`{name}`"),
    };
    Error::invalid(format!("a {kind} needs {needs}"))
        .param(name)
        .hint(format!("see the fields with: gw explain {kind}"))
}

/// Finds the part that makes the spec fail the way it does, as `targets[1].model`: the one without which it
/// fails otherwise, and of a list the one that fails alone.
fn blame<T: Resource>(spec: &Value, pointer: &str, says: &str, path: &mut String) {
    let fails = |change: &dyn Fn(&mut Value)| {
        let mut other = spec.clone();
        if let Some(part) = other.pointer_mut(pointer) {
            change(part);
        }
        T::deserialize(&other).is_err_and(|error| error.to_string() == says)
    };
    match spec.pointer(pointer) {
        Some(Value::Object(map)) => {
            let without = |key: &String| {
                let change = |part: &mut Value| {
                    if let Value::Object(map) = part {
                        map.shift_remove(key);
                    }
                };
                !fails(&change)
            };
            if let Some(key) = map.keys().find(|key| without(key)) {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                let step = key.replace('~', "~0").replace('/', "~1");
                blame::<T>(spec, &format!("{pointer}/{step}"), says, path);
            }
        }
        Some(Value::Array(list)) => {
            let alone = |index: &usize| {
                let change = |part: &mut Value| {
                    if let Value::Array(list) = part {
                        let one = list.swap_remove(*index);
                        *list = vec![one];
                    }
                };
                fails(&change)
            };
            if let Some(index) = (0..list.len()).find(alone) {
                path.push_str(&format!("[{index}]"));
                blame::<T>(spec, &format!("{pointer}/{index}"), says, path);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::resources::kind;
    use serde_json::json;

    fn found(of: &str, spec: Value) -> Vec<String> {
        let spec = spec.as_object().cloned().unwrap();
        mistakes(kind(of).unwrap(), &spec)
            .into_iter()
            .map(|error| {
                format!(
                    "{} | {} | {}",
                    error.param.as_deref().unwrap_or("-"),
                    error.message,
                    error.hint.as_deref().unwrap_or("-")
                )
            })
            .collect()
    }

    #[test]
    fn every_mistake_of_a_record_is_found_with_its_field() {
        assert_eq!(
            found(
                "user",
                json!({"emial": "x", "team": 5, "display_name": "A", "tema": "b"})
            ),
            [
                "emial | user is not valid: unknown field `emial` | did you mean `email`?",
                "team | user is not valid: invalid type: integer `5`, expected a string | see the fields with: gw explain user",
                "tema | user is not valid: unknown field `tema` | did you mean `team`?",
            ]
        );
        assert_eq!(
            found(
                "route",
                json!({"keys": ["k"], "targets": [{"provider": "p"}, {"provider": "q", "modle": "m"}], "retry_on": ["5xx", "time-out"]})
            ),
            [
                "targets[1].modle | route is not valid: unknown field `modle` | did you mean `model`?",
                "retry_on[1] | route is not valid: unknown variant `time-out` | did you mean `timeout`?",
            ]
        );
        assert_eq!(
            found("key", json!({"log_content": "ful"})),
            [
                "log_content | key is not valid: unknown variant `ful` | did you mean `full`?",
                "user | a key needs --user USER | see the fields with: gw explain key",
            ][..1]
        );
        assert_eq!(found("user", json!({"team": "a"})), [""; 0]);
    }

    #[test]
    fn what_is_over_is_refused_unless_it_stood_there() {
        let spec = |value: Value| value.as_object().cloned().unwrap();
        let key = kind("key").unwrap();
        let (past, later) = ("2020-01-01T00:00:00.000Z", "2020-06-01T00:00:00.000Z");
        let now = Stamp::parse("2025-01-01").unwrap();
        let old = spec(json!({"user": "u", "expires": past, "labels": {"a b": "c"}}));
        let mut new = old.clone();
        new.insert("enabled".into(), false.into());
        assert!(acceptable(key, Some(&old), &new, now).is_ok());
        assert!(acceptable(key, Some(&old), &spec(json!({"user": "u"})), now).is_ok());
        for refused in [
            json!({"user": "u", "expires": later}),
            json!({"user": "u", "labels": {"a b": "d"}}),
            json!({"user": "u", "labels": {"a=b": "d"}}),
            json!({"user": "u", "labels": {"": "d"}}),
            json!({"user": "u", "labels": {"a": "d\u{1b}"}}),
        ] {
            assert!(
                acceptable(key, Some(&old), &spec(refused.clone()), now).is_err(),
                "{refused}"
            );
        }
        let error = acceptable(key, None, &old, now).unwrap_err();
        assert_eq!(error.message, "`expires` is over: 2020-01-01T00:00:00.000Z");
        let fine = json!({"user": "u", "labels": {"gw/owner": "a,b=c", "team": "ü"}});
        assert!(acceptable(key, None, &spec(fine), now).is_ok());
    }
}
