//! What a condition asked about and found: shown to people beside what came of it.

use super::{Condition, Path, Scene, Step, value::Value};
use std::{borrow::Cow, fmt};

/// Characters of a value that are shown.
const SHOWN: usize = 200;

impl Condition {
    /// Everything it asks about as it would be written, and what that is; `nothing` where it is not there.
    pub fn seen_in<'a>(&'a self, scene: &dyn Scene<'a>) -> Vec<(String, String)> {
        let shown = |path: &'a Path| match self.found(path, scene) {
            Some(value) => {
                let value = value.to_string();
                match value.char_indices().nth(SHOWN) {
                    Some((end, _)) => format!("{}…", &value[..end]),
                    None => value,
                }
            }
            None => "nothing".to_owned(),
        };
        self.asks()
            .map(|path| (path.to_string(), shown(path)))
            .collect()
    }

    fn found<'a>(&'a self, path: &'a Path, scene: &dyn Scene<'a>) -> Option<Value<'a>> {
        let row = |name: &str| self.variables.iter().position(|it| it.path == name);
        let (row, rest) = match path.0.as_slice() {
            [Step::Field(root), rest @ ..] if row(root).is_some() => (row(root)?, rest),
            [
                Step::Field(space),
                Step::Field(name) | Step::Key(name),
                rest @ ..,
            ] => (row(&format!("{space}.{name}"))?, rest),
            _ => return None,
        };
        rest.iter()
            .try_fold(scene.value(row)?, |value, step| match (value, step) {
                (Value::Map(map), Step::Field(name) | Step::Key(name)) => {
                    map.get(&Value::text(name))
                }
                (Value::List(list), Step::Index(at)) => list.item(*at),
                _ => None,
            })
    }
}

impl fmt::Display for Value<'_> {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(truth) => truth.fmt(f),
            Value::Int(number) => number.fmt(f),
            Value::UInt(number) => number.fmt(f),
            Value::Double(number) => serde_json::Value::from(*number).fmt(f),
            Value::Text(text) => serde_json::Value::from(Cow::as_ref(text)).fmt(f),
            Value::Type(name) => f.write_str(name),
            Value::List(list) => {
                f.write_str("[")?;
                for (at, item) in list.items().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Value::Map(map) => {
                f.write_str("{")?;
                for (at, key) in map.keys().into_iter().enumerate() {
                    let value = map.get(&key).unwrap_or(Value::Null);
                    write!(f, "{}{key}:{value}", if at == 0 { "" } else { "," })?;
                }
                f.write_str("}")
            }
        }
    }
}
