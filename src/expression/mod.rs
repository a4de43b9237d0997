//! Conditions in CEL (the Common Expression Language, <https://cel.dev>): one language wherever gw takes one.
//! A place that takes conditions has a table of the [`Variable`]s they may ask about; a condition is read
//! once, with every mistake found then, and evaluated as often as wanted, in bounded time, over a [`Scene`]
//! that is asked for what it names and nothing else. The crate `cel` parses; evaluating is here, since there it
//! allocates with every comparison and compiles a pattern whenever it is matched. Knows nothing of requests, answers
//! or records.

mod check;
mod compile;
mod evaluate;
mod json;
mod kinds;
mod node;
mod parse;
mod seen;
mod value;

pub use value::{Fields, Map, Value, Why};

use crate::error::Result;
use std::collections::BTreeSet;

/// Something a condition may ask about: a row of a place's table.
#[derive(Debug)]
pub struct Variable {
    /// `status`, `route.provider`.
    pub path: &'static str,
    /// Its kind, as it is documented: `bool`, `int`, `double`, `string`, `list of strings`, `map of strings`, each
    /// also `… or null`; `map` may hold anything.
    pub kind: &'static str,
    pub help: &'static str,
}

/// What a condition is asked of.
pub trait Scene<'a> {
    /// What a row of the table is; `None`: it is not there.
    fn value(&self, row: usize) -> Option<Value<'a>>;
}

/// A condition, read and checked.
#[derive(Debug)]
pub struct Condition {
    root: node::Node,
    variables: &'static [Variable],
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
    pub fn read(text: &str, variables: &'static [Variable]) -> Result<Condition> {
        let example = compile::example(variables);
        let program = parse::parse(text, &example)?;
        let (asks, root) = check::check(&program, text, variables)
            .and_then(|asks| Ok((asks, compile::compile(&program, variables)?)))
            .map_err(|mistake| mistake.at(text))?;
        Ok(Condition {
            root,
            variables,
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
    /// Which field of this variable it is, or is within.
    pub fn field_of(&self, variable: &str) -> Option<&str> {
        match self.0.as_slice() {
            [Step::Field(root), Step::Field(name) | Step::Key(name), ..] if root == variable => {
                Some(name)
            }
            _ => None,
        }
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
mod oracle;
#[cfg(test)]
mod tests;
