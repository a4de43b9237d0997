//! Whether a condition holds for a request.

use super::{Ask, Caller};
use crate::expression::Condition;
use serde_json::json;

/// Whether it holds. `Err`: why that cannot be said.
pub fn holds(condition: &Condition, ask: &Ask<'_>, _caller: &Caller) -> Result<bool, String> {
    let mut values = serde_json::Map::new();
    values.insert("model".into(), json!(ask.model.unwrap_or_default()));
    condition.holds(&values)
}
