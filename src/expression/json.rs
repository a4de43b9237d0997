//! Conditions over JSON.

use super::{Condition, Scene, Value, Variable};

type Object = serde_json::Map<String, serde_json::Value>;

pub(super) struct Json<'a> {
    variables: &'static [Variable],
    values: &'a Object,
}

impl<'a> Scene<'a> for Json<'a> {
    fn value(&self, row: usize) -> Option<Value<'a>> {
        let mut path = self.variables.get(row)?.path.split('.');
        let root = self.values.get(path.next()?)?;
        path.try_fold(root, |value, step| value.get(step))
            .map(Value::from)
    }
}

impl<'a> Json<'a> {
    /// What the condition may ask about, as these values have it.
    pub fn over(condition: &Condition, values: &'a Object) -> Json<'a> {
        Json {
            variables: condition.variables,
            values,
        }
    }
}

impl Condition {
    /// Whether it holds for these values, an object with a member for each variable's root. `Err`: why that
    /// cannot be said.
    pub fn holds(&self, values: &Object) -> Result<bool, String> {
        self.evaluate(&Json::over(self, values), u32::MAX)
            .map_err(|why| why.to_string())
    }
    /// Everything it asks about as it would be written, and what that is in these values.
    pub fn seen(&self, values: &Object) -> Vec<(String, String)> {
        self.seen_in(&Json::over(self, values))
    }
}
