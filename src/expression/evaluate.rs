//! Conditions against values. One base context is kept, as building one costs more than evaluating; each
//! evaluation gets an inner scope with its variables.

use super::Condition;
use cel::{
    Context, ExecutionError, Value,
    objects::{Key, Map},
};
use std::{collections::HashMap, sync::Arc};

thread_local! {
    static BASE: Context<'static, 'static> = Context::default();
}

impl Condition {
    /// Whether it holds for these values, an object with a member for each variable's root. `Err`: why that
    /// cannot be said.
    pub fn holds(
        &self,
        values: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<bool, String> {
        let result = BASE.with(|base| {
            let mut scope = base.new_inner_scope();
            for (name, found) in values.iter().filter(|(name, _)| self.names(name)) {
                scope.add_variable_from_value(name.as_str(), value(found));
            }
            self.program.execute(&scope)
        });
        match result {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("it is neither true nor false".into()),
            Err(error) => Err(worded(&error)),
        }
    }
}

fn value(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::UInt(number),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(value).collect())),
        Json::Object(fields) => Value::Map(Map {
            map: Arc::new(
                fields
                    .iter()
                    .map(|(name, field)| (Key::String(Arc::new(name.clone())), value(field)))
                    .collect::<HashMap<_, _>>(),
            ),
        }),
    }
}

/// Why it could not be evaluated, in plain words and without the values: those are shown beside it.
fn worded(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(name) => format!("there is no `{name}`"),
        ExecutionError::IndexOutOfBounds(_) => "the list is not that long".into(),
        ExecutionError::NoSuchOverload(overload) => {
            let types: Vec<&str> = overload
                .argument_types()
                .iter()
                .map(|name| match name.as_str() {
                    "null_type" => "null",
                    name => name,
                })
                .collect();
            match overload.function() {
                "_._" | "_[_]" => {
                    format!("{} has no fields", types.first().copied().unwrap_or("this"))
                }
                operator => format!(
                    "`{}` does not take {}",
                    operator.trim_matches('_'),
                    types.join(" and ")
                ),
            }
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".into()
        }
        ExecutionError::Overflow(..) => "a number is too large".into(),
        ExecutionError::UnsupportedBinaryOperator(..) | ExecutionError::ValuesNotComparable(..) => {
            "it computes with values of different types".into()
        }
        ExecutionError::FunctionError { function, message } => format!("`{function}`: {message}"),
        other => other.to_string().chars().take(200).collect(),
    }
}
