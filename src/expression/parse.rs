//! Text -> program. The parser's recursion costs much stack, so what it gets is bounded and it runs on a
//! stack that is known to suffice; its messages are said in plain words, with the column.

use crate::error::{Error, Result};
use cel::Program;

/// Longest condition, in characters.
const LONGEST: usize = 1_000;
/// Most opening brackets: none can be nested deeper.
const BRACKETS: usize = 64;
/// What the deepest and longest condition needs, several times over. Only what is used becomes memory.
const STACK: usize = 64 << 20;

/// A mistake in a condition.
#[derive(Debug, PartialEq)]
pub(super) struct Mistake {
    /// Characters before it.
    pub offset: usize,
    pub why: String,
    pub hint: Option<String>,
}

impl Mistake {
    pub fn new(offset: usize, why: impl Into<String>) -> Mistake {
        Mistake {
            offset,
            why: why.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Mistake {
        self.hint = Some(hint.into());
        self
    }

    /// The error that shows where in `text` it is.
    pub fn at(self, text: &str) -> Error {
        let before: Vec<char> = text.chars().take(self.offset).collect();
        let line = before.iter().filter(|c| **c == '\n').count();
        let column = before.iter().rev().take_while(|c| **c != '\n').count();
        let shown = text.split('\n').nth(line).unwrap_or_default();
        // Whatever would not take one column is shown as a blank.
        let shown: String = shown
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let place = match line {
            0 => format!("column {}", column + 1),
            _ => format!("line {}, column {}", line + 1, column + 1),
        };
        let error = Error::invalid(format!(
            "{place}: {}\n  {}\n  {}^",
            self.why,
            shown.trim_end(),
            " ".repeat(column)
        ));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Reads a condition. `example`: what one looks like here.
pub(super) fn parse(text: &str, example: &str) -> Result<Program> {
    bounded(text, example).map_err(|mistake| mistake.at(text))?;
    let source = text.to_owned();
    let thread = std::thread::Builder::new()
        .name("condition".into())
        .stack_size(STACK)
        .spawn(move || Program::compile(&source))
        .map_err(|error| Error::internal("cannot read a condition").cause(error))?;
    thread
        .join()
        .map_err(|_| Error::invalid("the condition cannot be read"))?
        .map_err(|errors| worded(text, &errors).at(text))
}

/// Refuses what would cost too much to read.
fn bounded(text: &str, example: &str) -> std::result::Result<(), Mistake> {
    if text.trim().is_empty() {
        return Err(Mistake::new(0, "there is nothing").hint(format!("such as {example}")));
    }
    // All brackets are counted, quoted or not: telling them apart would need the parser.
    let mut brackets = 0;
    for (at, c) in text.chars().enumerate() {
        if at >= LONGEST {
            let why = format!("it is longer than {LONGEST} characters");
            return Err(Mistake::new(at, why));
        }
        brackets += usize::from(matches!(c, '(' | '[' | '{'));
        if brackets > BRACKETS {
            let why = format!("there are more than {BRACKETS} opening brackets");
            return Err(Mistake::new(at, why));
        }
    }
    Ok(())
}

/// The parser's first word, in plain ones.
fn worded(text: &str, errors: &cel::ParseErrors) -> Mistake {
    let Some(first) = errors.errors.first() else {
        return Mistake::new(0, "it cannot be read");
    };
    let offset = offset(text, first.pos);
    let message = first.msg.trim_start_matches("Syntax error: ");
    // What stands between the first quote after `words` and the end or the list of what could stand there.
    let after = |words: &str| -> Option<&str> {
        let rest = message.strip_prefix(words)?.strip_prefix('\'')?;
        let rest = rest.split("' expecting").next().unwrap_or(rest);
        Some(rest.strip_suffix('\'').unwrap_or(rest))
    };
    let unfit = ["mismatched input ", "extraneous input "]
        .into_iter()
        .find_map(after);
    if let Some(found) = unfit {
        return match found {
            "<EOF>" => Mistake::new(offset, "something is missing at the end"),
            "contains" | "startsWith" | "endsWith" | "matches" => {
                Mistake::new(offset, format!("`{found}` is called, not written between"))
                    .hint(format!("such as text.{found}(\"word\")"))
            }
            "and" | "or" | "not" => {
                Mistake::new(offset, format!("`{found}` is no operator")).hint("write && || !")
            }
            found => Mistake::new(offset, format!("`{}` does not fit here", shown(found))),
        };
    }
    if let Some(found) = after("token recognition error at: ") {
        return match found.chars().next() {
            Some('"' | '\'') => Mistake::new(
                offset,
                "a quoted text is not closed, or holds an unknown escape",
            ),
            Some('=') => Mistake::new(offset, "`=` does not compare").hint("write =="),
            Some('&') => Mistake::new(offset, "`&` is no operator").hint("write &&"),
            Some('|') => Mistake::new(offset, "`|` is no operator").hint("write ||"),
            _ => Mistake::new(offset, format!("`{}` does not fit here", shown(found))),
        };
    }
    if let Some(found) = after("no viable alternative at input ") {
        return match found {
            ".in" => Mistake::new(offset, "`in` is an operator and cannot be a field's name"),
            _ => Mistake::new(offset, format!("`{}` does not fit here", shown(found))),
        };
    }
    if let Some(missing) = after("missing ") {
        let missing = missing.split('\'').next().unwrap_or(missing);
        return Mistake::new(offset, format!("a `{}` is missing", shown(missing)));
    }
    Mistake::new(offset, shown(message))
}

fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Characters before a line and column that count from one.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let number = |value: isize| usize::try_from(value - 1).unwrap_or(0);
    let lines = text.split('\n').take(number(line));
    let before: usize = lines.map(|line| line.chars().count() + 1).sum();
    (before + number(column)).min(text.chars().count())
}
