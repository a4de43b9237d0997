//! What conditions of routes and rules may ask about.

use crate::error::Result;
use crate::expression::{Condition, Variable};

/// Everything a condition may ask about.
pub const VARIABLES: &[Variable] = &[Variable {
    path: "model",
    kind: "string",
    help: "the model asked for",
}];

/// Reads a condition; a mistake is named with its column.
pub fn read(text: &str) -> Result<Condition> {
    Condition::read(text, VARIABLES)
}
