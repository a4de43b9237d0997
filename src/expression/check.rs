//! What a parsed condition may not do: ask about what there is not, call what there is not, or loop within a
//! loop. And what it asks about.

use super::{Path, Step, Variable, parse::Mistake};
use crate::error::nearest;
use cel::{
    IdedExpr, Program,
    common::ast::{EntryExpr, Expr, LiteralValue, SelectExpr},
};
use std::collections::BTreeSet;

/// Functions and methods that conditions may call; operators have names nobody can write.
const FUNCTIONS: [&str; 11] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "type",
];
/// Macros, which the parser has replaced where they are used rightly.
const MACROS: [&str; 6] = ["has", "all", "exists", "exists_one", "map", "filter"];
/// Types are values too: `type(body) == map`.
pub(super) const TYPES: [&str; 8] = [
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "list",
    "map",
    "null_type",
];
/// Deepest tree, such as a row of `+`: evaluation is recursive, and runs on small stacks.
const DEEPEST: usize = 32;

type Result<T> = std::result::Result<T, Mistake>;

/// Refuses what may not be; gives what is asked about.
pub(super) fn check(
    program: &Program,
    text: &str,
    variables: &[Variable],
) -> Result<BTreeSet<Path>> {
    let mut walk = Walk {
        program,
        text,
        variables,
        bound: Vec::new(),
        asks: BTreeSet::new(),
    };
    walk.visit(program.expression(), 0)?;
    Ok(walk.asks)
}

struct Walk<'a> {
    program: &'a Program,
    text: &'a str,
    variables: &'a [Variable],
    /// Names that the loop around has made.
    bound: Vec<&'a str>,
    asks: BTreeSet<Path>,
}

impl<'a> Walk<'a> {
    fn offset(&self, expr: &IdedExpr) -> usize {
        let place = self.program.source_info().offset_for(expr.id);
        place.map_or(0, |(start, _)| start as usize)
    }

    fn visit(&mut self, expr: &'a IdedExpr, depth: usize) -> Result<()> {
        let path = path(expr);
        if depth + path.as_ref().map_or(0, |path| path.0.len()) > DEEPEST {
            return Err(Mistake::new(
                self.offset(expr),
                format!("it is more than {DEEPEST} steps deep"),
            )
            .hint("give several conditions"));
        }
        if let Some(path) = path {
            return self.asked(expr, path);
        }
        let below = depth + 1;
        match &expr.expr {
            Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => Ok(()),
            Expr::Select(select) => self.visit(&select.operand, below),
            Expr::Call(call) => {
                self.known_function(expr, &call.func_name)?;
                call.target
                    .iter()
                    .map(|target| &**target)
                    .chain(&call.args)
                    .try_for_each(|part| self.visit(part, below))
            }
            Expr::List(list) => list
                .elements
                .iter()
                .try_for_each(|part| self.visit(part, below)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.visit(&entry.key, below)?;
                    self.visit(&entry.value, below)
                }
                EntryExpr::StructField(field) => self.visit(&field.value, below),
            }),
            Expr::Struct(written) => Err(Mistake::new(
                self.offset(expr),
                format!("there is no type `{}`", written.type_name),
            )),
            Expr::Comprehension(of) => {
                // Loops within loops take exponential time, and loops over loops exponential room.
                if !self.bound.is_empty() || holds_loop(&of.iter_range) {
                    return Err(Mistake::new(
                        self.offset(expr),
                        "a loop within a loop is not allowed",
                    )
                    .hint("give several conditions"));
                }
                self.visit(&of.iter_range, below)?;
                self.bound = [&of.iter_var, &of.accu_var]
                    .into_iter()
                    .chain(&of.iter_var2)
                    .map(String::as_str)
                    .collect();
                // `loop_step` has what was written; the rest is the macro's own.
                let step = self.visit(&of.loop_step, below);
                self.bound.clear();
                step
            }
        }
    }

    fn known_function(&self, expr: &IdedExpr, name: &str) -> Result<()> {
        let operator = !name.starts_with(|c: char| c.is_ascii_alphabetic());
        if operator || FUNCTIONS.contains(&name) {
            return Ok(());
        }
        let mistake = Mistake::new(self.offset(expr), format!("there is no function `{name}`"));
        Err(if MACROS.contains(&name) {
            mistake.hint(format!("`{name}` is called otherwise, see https://cel.dev"))
        } else {
            mistake.hint(near(name, FUNCTIONS.into_iter().chain(MACROS)))
        })
    }

    /// A variable, or fields of one.
    fn asked(&mut self, expr: &'a IdedExpr, path: Path) -> Result<()> {
        let Some(Step::Field(root)) = path.0.first() else {
            return Ok(());
        };
        if self.bound.contains(&root.as_str()) || (path.0.len() == 1 && TYPES.contains(&&**root)) {
            return Ok(());
        }
        let under = format!("{root}.");
        let roots = || {
            self.variables
                .iter()
                .map(|variable| variable.path.split('.').next().unwrap_or_default())
        };
        if !roots().any(|known| known == root) {
            let mut names: Vec<&str> = roots().collect();
            names.dedup();
            let offset = self.offset(leftmost(expr));
            return Err(Mistake::new(offset, format!("there is no `{root}`")).hint(
                match (
                    dashed(self.text, offset),
                    nearest(root, names.iter().copied()),
                ) {
                    (Some(meant), _) => format!("write {meant}"),
                    (None, Some(near)) => format!("did you mean `{near}`?"),
                    (None, None) => {
                        format!("text is written in quotes; there are {}", names.join(", "))
                    }
                },
            ));
        }
        if let Some(second) = path.0.get(1) {
            let fields: Vec<&str> = self
                .variables
                .iter()
                .filter_map(|variable| variable.path.strip_prefix(&under))
                .collect();
            let open = self
                .variables
                .iter()
                .any(|variable| variable.path == root && variable.kind.starts_with("map"));
            let known = match second {
                Step::Field(name) | Step::Key(name) => fields.contains(&name.as_str()),
                Step::Index(_) => false,
            };
            if !open && !known {
                let name = match second {
                    Step::Field(name) | Step::Key(name) => name.clone(),
                    Step::Index(at) => at.to_string(),
                };
                let mistake =
                    Mistake::new(self.offset(expr), format!("`{root}` has no field `{name}`"));
                return Err(match fields.is_empty() {
                    true => mistake,
                    false => mistake.hint(near(&name, fields.into_iter())),
                });
            }
        }
        self.asks.insert(path);
        Ok(())
    }
}

/// `headers["x-team"]` where a name behind a dash was read as a difference: `headers.x-team`.
fn dashed(text: &str, offset: usize) -> Option<String> {
    let before: String = text.chars().take(offset).collect();
    let field = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let whole = before.strip_suffix('-')?.trim_end_matches(field);
    let of = whole.strip_suffix('.')?;
    let root = of
        .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()?;
    let rest: String = text.chars().skip(offset).collect();
    let end = rest.find(|c: char| !field(c)).unwrap_or(rest.len());
    Some(format!(
        "{root}[\"{}{}\"]",
        &before[whole.len()..],
        &rest[..end]
    ))
}

/// `did you mean …` or what there is.
fn near<'n>(word: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

fn holds_loop(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Comprehension(_) => true,
        Expr::Select(select) => holds_loop(&select.operand),
        Expr::Call(call) => {
            call.target.as_deref().is_some_and(holds_loop) || call.args.iter().any(holds_loop)
        }
        Expr::List(list) => list.elements.iter().any(holds_loop),
        Expr::Map(map) => map.entries.iter().any(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => holds_loop(&entry.key) || holds_loop(&entry.value),
            EntryExpr::StructField(field) => holds_loop(&field.value),
        }),
        _ => false,
    }
}

/// The expression's first name, where it is a path.
fn leftmost(expr: &IdedExpr) -> &IdedExpr {
    match &expr.expr {
        Expr::Select(select) => leftmost(&select.operand),
        Expr::Call(call) if call.func_name == "_[_]" => {
            call.args.first().map_or(expr, |of| leftmost(of))
        }
        _ => expr,
    }
}

/// The path an expression is: a name, and fields, keys and places selected of it.
pub(super) fn path(expr: &IdedExpr) -> Option<Path> {
    let (of, step) = match &expr.expr {
        Expr::Ident(name) => return Some(Path(vec![Step::Field(name.clone())])),
        Expr::Select(SelectExpr { operand, field, .. }) => {
            (operand.as_ref(), Step::Field(field.clone()))
        }
        Expr::Call(call) if call.func_name == "_[_]" => {
            let [of, at] = call.args.as_slice() else {
                return None;
            };
            let step = match &at.expr {
                Expr::Literal(LiteralValue::String(key)) => Step::Key(key.inner().to_owned()),
                Expr::Literal(LiteralValue::Int(at)) => {
                    Step::Index(usize::try_from(*at.inner()).ok()?)
                }
                _ => return None,
            };
            (of, step)
        }
        _ => return None,
    };
    let mut path = path(of)?;
    path.0.push(step);
    Some(path)
}
