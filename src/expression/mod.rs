//! Conditions in CEL (the Common Expression Language, <https://cel.dev>): one language wherever gw takes one.
//! A place that takes conditions has a table of the [`Variable`]s they may ask about; a condition is read
//! once, with every mistake found then, and evaluated as often as wanted, in bounded time. Knows nothing of
//! requests, answers or records.

mod check;
mod evaluate;
mod parse;

use crate::error::Result;
use std::collections::BTreeSet;

/// Something a condition may ask about: a row of a place's table.
#[derive(Debug)]
pub struct Variable {
    /// `status`, `route.provider`.
    pub path: &'static str,
    /// Its type, as it is documented: `int`, `string`, `list`; `map` has fields nobody can list.
    pub kind: &'static str,
    pub help: &'static str,
}

/// A condition, read and checked.
#[derive(Debug)]
pub struct Condition {
    program: cel::Program,
    text: String,
    /// What it asks about: `status`, `headers["x-id"]`.
    asks: BTreeSet<Path>,
}

/// A place within the variables: the variable and what is selected of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Step>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Field(String),
    /// `["name"]`.
    Key(String),
    Index(usize),
}

impl Condition {
    /// Reads a condition over these variables. A mistake is named with its column.
    pub fn read(text: &str, variables: &[Variable]) -> Result<Condition> {
        let program = parse::parse(text)?;
        let asks = check::check(&program, variables).map_err(|mistake| mistake.at(text))?;
        Ok(Condition {
            program,
            text: text.trim().to_owned(),
            asks,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it asks about this variable or a part of it.
    pub fn names(&self, variable: &str) -> bool {
        self.asks
            .iter()
            .any(|path| matches!(path.0.first(), Some(Step::Field(name)) if name == variable))
    }

    /// What it asks about.
    pub fn asks(&self) -> impl Iterator<Item = &Path> {
        self.asks.iter()
    }
}

impl Path {
    /// What stands there.
    pub fn find<'a>(&self, values: &'a serde_json::Value) -> Option<&'a serde_json::Value> {
        self.0.iter().try_fold(values, |value, step| match step {
            Step::Field(name) | Step::Key(name) => value.get(name),
            Step::Index(at) => value.get(at),
        })
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if at == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Key(name) => write!(f, "[{}]", serde_json::Value::from(name.as_str()))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
