//! From what the parser made of a condition to what is evaluated, after [`super::check`] has let it pass: names
//! become places, patterns are compiled, and what could never be evaluated is refused at its place.

use super::{
    Path, Step, Variable,
    check::{TYPES, path},
    kinds::{Kind, Known},
    node::{Call, Compute, Does, Find, Loop, Node, Order},
    parse::Mistake,
    value::{List, Value},
};
use cel::{
    IdedExpr, Program,
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue},
};
use std::borrow::Cow;

/// Largest pattern, compiled: a few words with any number of marks, and nothing that grows by counting.
const PATTERN: usize = 256 << 10;

type Result<T> = std::result::Result<T, Mistake>;
/// A node, and what is known of its value.
type Made = Result<(Node, Known)>;

/// Makes a condition of it.
pub(super) fn compile(program: &Program, variables: &'static [Variable]) -> Result<Node> {
    let mut compiler = Compiler {
        program,
        variables,
        element: None,
    };
    let root = program.expression();
    let (node, known) = compiler.node(root)?;
    match known.is(Kind::Bool) {
        true => Ok(node),
        false => Err(
            Mistake::new(compiler.offset(root), "this is not true or false")
                .hint(format!("compare it, such as {}", example(variables))),
        ),
    }
}

/// A condition over these variables.
pub(super) fn example(variables: &[Variable]) -> String {
    match variables.first() {
        Some(first) if first.kind.starts_with("string") => format!("{} == \"word\"", first.path),
        Some(first) => format!("{} == 200", first.path),
        None => "1 == 1".into(),
    }
}

struct Compiler<'p> {
    program: &'p Program,
    variables: &'static [Variable],
    /// What the loop around calls its element, and what that is.
    element: Option<(&'p str, Known)>,
}

impl<'p> Compiler<'p> {
    fn offset(&self, expr: &IdedExpr) -> usize {
        let place = self.program.source_info().offset_for(expr.id);
        place.map_or(0, |(start, _)| start as usize)
    }

    fn mistake(&self, expr: &IdedExpr, why: impl Into<String>) -> Mistake {
        Mistake::new(self.offset(expr), why)
    }

    fn node(&mut self, expr: &'p IdedExpr) -> Made {
        if let Some(row) = self.row(expr) {
            let known = self.variables.get(row).map(|it| Known::declared(it.kind));
            return Ok((Node::Variable(row), known.unwrap_or(Kind::Any.into())));
        }
        match &expr.expr {
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Ident(name) => self.name(expr, name),
            Expr::Select(select) => {
                if select.test && self.is_space(&select.operand) {
                    // Checked to be one of the table: it is always there.
                    return Ok((Node::Constant(Value::Bool(true)), Kind::Bool.into()));
                }
                let (of, known) = self.node(&select.operand)?;
                let field = match known.kind {
                    Kind::Any | Kind::Map => self.declared(expr),
                    Kind::Fields => Kind::Text.into(),
                    other => {
                        let why = format!("{} has no fields", other.name());
                        return Err(self.mistake(expr, why));
                    }
                };
                let (of, name) = (Box::new(of), select.field.as_str().into());
                match select.test {
                    true => Ok((Node::Has(of, name), Kind::Bool.into())),
                    false => Ok((Node::Field(of, name), field)),
                }
            }
            Expr::Call(call) => self.call(expr, call),
            Expr::List(list) => {
                let items = list.elements.iter().map(|item| self.node(item));
                let (items, kinds): (Vec<Node>, Vec<Known>) =
                    items.collect::<Result<Vec<_>>>()?.into_iter().unzip();
                let kind = match kinds.iter().all(|known| known.kind == Kind::Text) {
                    true if !kinds.is_empty() => Kind::Texts,
                    _ => Kind::List,
                };
                Ok((listed(items), kind.into()))
            }
            Expr::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return Err(self.mistake(expr, "this is no map"));
                    };
                    entries.push([self.node(&entry.key)?.0, self.node(&entry.value)?.0]);
                }
                Ok((Node::Map(entries.into()), Kind::Map.into()))
            }
            Expr::Comprehension(of) => self.each(expr, of),
            Expr::Struct(_) | Expr::Unspecified => Err(self.mistake(expr, "this is no value")),
        }
    }

    /// The row of the table that an expression is: a variable, or one of several with a name in common.
    fn row(&self, expr: &IdedExpr) -> Option<usize> {
        if matches!(&expr.expr, Expr::Select(select) if select.test) {
            return None;
        }
        let Path(steps) = path(expr)?;
        let name = match steps.as_slice() {
            [Step::Field(name)] => Cow::Borrowed(name.as_str()),
            [Step::Field(space), Step::Field(name) | Step::Key(name)] if !self.is_value(space) => {
                Cow::Owned(format!("{space}.{name}"))
            }
            _ => return None,
        };
        if self.element.is_some_and(|(element, _)| element == name) {
            return None;
        }
        self.variables
            .iter()
            .position(|variable| *variable.path == *name)
    }

    fn is_value(&self, name: &str) -> bool {
        self.element.is_some_and(|(element, _)| element == name)
            || self.variables.iter().any(|variable| variable.path == name)
    }

    /// A name that is no value, and that values have in common.
    fn is_space(&self, expr: &IdedExpr) -> bool {
        matches!(&expr.expr, Expr::Ident(name) if !self.is_value(name) && !TYPES.contains(&name.as_str()))
    }

    /// What the table says of a field of a variable that is a value itself.
    fn declared(&self, expr: &IdedExpr) -> Known {
        let found = path(expr).and_then(|path| {
            let path = path.to_string();
            self.variables.iter().find(|variable| variable.path == path)
        });
        found.map_or(Kind::Any.into(), |variable| Known::declared(variable.kind))
    }

    fn name(&self, expr: &IdedExpr, name: &str) -> Made {
        if let Some((_, known)) = self.element.filter(|(element, _)| *element == name) {
            return Ok((Node::Element, known));
        }
        if let Some(name) = TYPES.iter().find(|known| **known == name) {
            return Ok((Node::Constant(Value::Type(name)), Kind::Type.into()));
        }
        let under = format!("{name}.");
        let there: Vec<&str> = self
            .variables
            .iter()
            .map(|variable| variable.path)
            .filter(|path| path.starts_with(&under))
            .collect();
        Err(self
            .mistake(expr, format!("`{name}` is no value by itself"))
            .hint(format!("there are {}", there.join(", "))))
    }

    fn literal(&self, expr: &IdedExpr, literal: &LiteralValue) -> Made {
        let (value, kind) = match literal {
            LiteralValue::Boolean(truth) => (Value::Bool(**truth), Kind::Bool),
            LiteralValue::Double(number) => (Value::Double(**number), Kind::Double),
            LiteralValue::Int(number) => (Value::Int(**number), Kind::Int),
            LiteralValue::Null => (Value::Null, Kind::Null),
            LiteralValue::String(text) => {
                let text = text.inner().to_owned();
                (Value::Text(Cow::Owned(text)), Kind::Text)
            }
            LiteralValue::UInt(number) => (Value::UInt(**number), Kind::UInt),
            LiteralValue::Bytes(_) => {
                return Err(self
                    .mistake(expr, "bytes are not compared with anything here")
                    .hint("write a text without the b"));
            }
        };
        Ok((Node::Constant(value), kind.into()))
    }

    /// An operator or a function between kinds that it does not take.
    fn unfit(&self, expr: &IdedExpr, name: &str, operands: &[(&IdedExpr, Known)]) -> Mistake {
        let kinds: Vec<&str> = operands
            .iter()
            .map(|(_, known)| known.kind.name())
            .collect();
        let told: Vec<String> = operands
            .iter()
            .filter(|(_, known)| known.kind != Kind::Any)
            .filter_map(|(operand, known)| {
                let name = path(operand)?;
                let or_null = if known.nullable && known.kind != Kind::Null {
                    " or null"
                } else {
                    ""
                };
                Some(format!("`{name}` is {}{or_null}", known.kind.name()))
            })
            .collect();
        let mistake = self.mistake(
            expr,
            format!("`{name}` does not take {}", kinds.join(" and ")),
        );
        match told.is_empty() {
            true => mistake,
            false => mistake.hint(told.join(", ")),
        }
    }

    fn call(&mut self, expr: &'p IdedExpr, call: &'p CallExpr) -> Made {
        let name = call.func_name.as_str();
        let operator = name.trim_matches(['_', '@']);
        let operands: Vec<&'p IdedExpr> = call
            .target
            .iter()
            .map(|target| &**target)
            .chain(&call.args)
            .collect();
        if call.target.is_none() {
            match (name, operands.as_slice()) {
                ("_?_:_", [condition, yes, no]) => return self.choice(expr, condition, yes, no),
                ("!_", [of]) => {
                    let of = self.truth(expr, "!", of)?;
                    return Ok((Node::Not(Box::new(of)), Kind::Bool.into()));
                }
                ("-_", [of]) => return self.negated(expr, of),
                ("_&&_" | "_||_", [one, other]) => {
                    let two = [
                        self.truth(expr, operator, one)?,
                        self.truth(expr, operator, other)?,
                    ];
                    let node = if name == "_&&_" { Node::And } else { Node::Or };
                    return Ok((node(Box::new(two)), Kind::Bool.into()));
                }
                ("_[_]", [of, at]) => return self.at(expr, of, at),
                (_, [one, other]) if name != operator => {
                    return self.between(expr, operator, one, other);
                }
                _ => {}
            }
        }
        self.function(expr, call, &operands)
    }

    /// What has to be true or false.
    fn truth(&mut self, expr: &IdedExpr, operator: &str, of: &'p IdedExpr) -> Result<Node> {
        let (node, known) = self.node(of)?;
        match known.is(Kind::Bool) {
            true => Ok(node),
            false => Err(self.unfit(expr, operator, &[(of, known)])),
        }
    }

    fn choice(
        &mut self,
        expr: &IdedExpr,
        condition: &'p IdedExpr,
        yes: &'p IdedExpr,
        no: &'p IdedExpr,
    ) -> Made {
        let condition = self.truth(expr, "?", condition)?;
        let ((yes, one), (no, other)) = (self.node(yes)?, self.node(no)?);
        let known = match one.kind == other.kind {
            true => Known {
                kind: one.kind,
                nullable: one.nullable || other.nullable,
            },
            false => Kind::Any.into(),
        };
        Ok((Node::If(Box::new([condition, yes, no])), known))
    }

    fn negated(&mut self, expr: &IdedExpr, of: &'p IdedExpr) -> Made {
        let (node, known) = self.node(of)?;
        match known.kind {
            Kind::Any | Kind::Int | Kind::Double => Ok((Node::Negate(Box::new(node)), known)),
            _ => Err(self.unfit(expr, "-", &[(of, known)])),
        }
    }

    fn at(&mut self, expr: &IdedExpr, of: &'p IdedExpr, at: &'p IdedExpr) -> Made {
        let ((from, known), (key, by)) = (self.node(of)?, self.node(at)?);
        let found = match known.kind {
            Kind::Any | Kind::Map => self.declared(expr),
            Kind::Fields if by.is(Kind::Text) => Kind::Text.into(),
            Kind::Texts if by.is_number() => Kind::Text.into(),
            Kind::List if by.is_number() => Kind::Any.into(),
            Kind::Fields | Kind::Texts | Kind::List => {
                return Err(self.unfit(expr, "[]", &[(of, known), (at, by)]));
            }
            other => {
                let why = format!("{} has no fields", other.name());
                return Err(self.mistake(expr, why));
            }
        };
        Ok((Node::At(Box::new([from, key])), found))
    }

    /// An operator between two values.
    fn between(
        &mut self,
        expr: &IdedExpr,
        operator: &str,
        left: &'p IdedExpr,
        right: &'p IdedExpr,
    ) -> Made {
        let ((one, first), (other, second)) = (self.node(left)?, self.node(right)?);
        let two = Box::new([one, other]);
        let unfit = || self.unfit(expr, operator, &[(left, first), (right, second)]);
        let fits = |fits: bool| if fits { Ok(()) } else { Err(unfit()) };
        if let "==" | "!=" = operator {
            fits(first.may_equal(second))?;
            for (of, known, [it, constant]) in [(left, first, [0, 1]), (right, second, [1, 0])] {
                let empty =
                    matches!(&two[constant], Node::Constant(Value::Text(text)) if text.is_empty());
                if let (true, true, Node::Variable(_)) = (empty, known.nullable, &two[it])
                    && let Some(name) = path(of)
                {
                    let why = format!("`{name}` is null where there is none, and never empty");
                    return Err(self
                        .mistake(expr, why)
                        .hint(format!("write {name} {operator} null")));
                }
            }
            let node = if operator == "==" {
                Node::Equal
            } else {
                Node::Differ
            };
            return Ok((node(two), Kind::Bool.into()));
        }
        if operator == "in" {
            let element = match second.kind {
                Kind::Texts | Kind::Fields => first.may_equal(Kind::Text.into()) || first.nullable,
                Kind::Any | Kind::List | Kind::Map => true,
                _ => false,
            };
            fits(element)?;
            return Ok((Node::In(two), Kind::Bool.into()));
        }
        if let Some(order) = Order::named(operator) {
            fits(first.may_be_ordered(second))?;
            return Ok((Node::Order(order, two), Kind::Bool.into()));
        }
        let compute = Compute::named(operator)
            .ok_or_else(|| self.mistake(expr, format!("there is no operator `{operator}`")))?;
        let known = match (first.kind, second.kind) {
            (Kind::Any, other) | (other, Kind::Any) => other,
            (Kind::List | Kind::Texts, Kind::List | Kind::Texts) if first.kind != second.kind => {
                Kind::List
            }
            (one, other) if one == other => one,
            _ => return Err(unfit()),
        };
        fits(match known {
            Kind::Any | Kind::Int | Kind::UInt => true,
            Kind::Double => !matches!(compute, Compute::Remainder),
            Kind::Text | Kind::List | Kind::Texts => matches!(compute, Compute::Add),
            _ => false,
        })?;
        // Of a text and anything comes a text, or nothing.
        Ok((Node::Compute(compute, two), known.into()))
    }

    fn function(
        &mut self,
        expr: &'p IdedExpr,
        call: &'p CallExpr,
        operands: &[&'p IdedExpr],
    ) -> Made {
        let name = call.func_name.as_str();
        let on_value = call.target.is_some();
        if let (Some(find), [of, part], true) = (Find::named(name), operands, on_value) {
            let ((text, first), (searched, second)) = (self.node(of)?, self.node(part)?);
            return match first.is(Kind::Text) && second.is(Kind::Text) {
                true => Ok((
                    Node::Find(find, Box::new([text, searched])),
                    Kind::Bool.into(),
                )),
                false => Err(self.unfit(expr, name, &[(of, first), (part, second)])),
            };
        }
        if let ("matches", [of, pattern]) = (name, operands) {
            let (text, known) = self.node(of)?;
            return match known.is(Kind::Text) {
                true => Ok((
                    Node::Matches(Box::new(text), self.pattern(pattern)?),
                    Kind::Bool.into(),
                )),
                false => Err(self.unfit(expr, name, &[(of, known)])),
            };
        }
        if let (Some(call), [of]) = (Call::named(name), operands)
            && (!on_value || matches!(call, Call::Size))
        {
            let (node, known) = self.node(of)?;
            let (takes, gives) = match (call, known.kind) {
                (Call::Size, Kind::Any | Kind::Text | Kind::List | Kind::Texts) => {
                    (true, Kind::Int)
                }
                (Call::Size, kind) => (matches!(kind, Kind::Map | Kind::Fields), Kind::Int),
                (Call::String, Kind::Bool) => (true, Kind::Text),
                (Call::String, _) => (known.is_number() || known.is(Kind::Text), Kind::Text),
                (Call::Int, _) => (known.is_number() || known.is(Kind::Text), Kind::Int),
                (Call::UInt, _) => (known.is_number() || known.is(Kind::Text), Kind::UInt),
                (Call::Double, _) => (known.is_number() || known.is(Kind::Text), Kind::Double),
                (Call::Bool, _) => (known.is(Kind::Bool) || known.is(Kind::Text), Kind::Bool),
                (Call::Type, _) => (true, Kind::Type),
            };
            return match takes {
                true => Ok((Node::Call(call, Box::new(node)), gives.into())),
                false => Err(self.unfit(expr, name, &[(of, known)])),
            };
        }
        Err(self
            .mistake(expr, format!("`{name}` is not called like this"))
            .hint(match name {
                "size" => "such as size(text) or text.size()".into(),
                "contains" | "startsWith" | "endsWith" | "matches" => {
                    format!("such as text.{name}(\"word\")")
                }
                _ => format!("such as {name}(value)"),
            }))
    }

    /// A pattern, which is part of the condition: what requests bring is never read as one.
    fn pattern(&self, expr: &IdedExpr) -> Result<regex::Regex> {
        let Expr::Literal(LiteralValue::String(pattern)) = &expr.expr else {
            return Err(self.mistake(expr, "a pattern has to be written as a text"));
        };
        regex::RegexBuilder::new(pattern.inner())
            .size_limit(PATTERN)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => self
                    .mistake(expr, "the pattern is too large")
                    .hint("count less, or write [a-z] for \\w"),
                // Its last line says what is wrong; those before show the pattern.
                error => {
                    let error = error.to_string();
                    let why = error.lines().last().unwrap_or_default();
                    let why = why.trim_start_matches("error: ");
                    self.mistake(expr, format!("the pattern cannot be read: {why}"))
                        .hint("patterns are as in https://github.com/google/re2/wiki/Syntax")
                }
            })
    }

    /// A loop, told by what its macro is replaced with.
    fn each(&mut self, expr: &'p IdedExpr, of: &'p ComprehensionExpr) -> Made {
        let (range, known) = self.node(&of.iter_range)?;
        let element = match known.kind {
            Kind::Texts | Kind::Fields => Kind::Text,
            Kind::Any | Kind::List | Kind::Map => Kind::Any,
            other => {
                let why = format!("{} is no list", other.name());
                return Err(self.mistake(expr, why));
            }
        };
        self.element = Some((of.iter_var.as_str(), element.into()));
        let does = self.does(expr, of);
        self.element = None;
        let (does, kind) = does?;
        Ok((Node::Loop(Box::new(Loop { range, does })), kind.into()))
    }

    fn does(&mut self, expr: &IdedExpr, of: &'p ComprehensionExpr) -> Result<(Does, Kind)> {
        let gathers = |it: &IdedExpr| matches!(&it.expr, Expr::Ident(name) if *name == of.accu_var);
        if let Expr::Call(step) = &of.loop_step.expr {
            match (step.func_name.as_str(), step.args.as_slice()) {
                ("_&&_", [_, asked]) => {
                    return Ok((Does::All(self.asked(expr, asked)?), Kind::Bool));
                }
                ("_||_", [_, asked]) => {
                    return Ok((Does::Exists(self.asked(expr, asked)?), Kind::Bool));
                }
                ("_?_:_", [only, then, _]) => {
                    let only = self.asked(expr, only)?;
                    if let Some(makes) = appended(then, gathers) {
                        let (makes, kind) = self.makes(makes)?;
                        return Ok((Does::Make(Some(only), makes), kind));
                    }
                    return Ok((Does::ExistsOne(only), Kind::Bool));
                }
                _ => {}
            }
        }
        if let Some(makes) = appended(&of.loop_step, gathers) {
            let (makes, kind) = self.makes(makes)?;
            return Ok((Does::Make(None, makes), kind));
        }
        Err(self.mistake(expr, "this loop is not known"))
    }

    fn asked(&mut self, expr: &IdedExpr, asked: &'p IdedExpr) -> Result<Node> {
        let (node, known) = self.node(asked)?;
        match known.is(Kind::Bool) {
            true => Ok(node),
            false => Err(self.mistake(expr, "what is asked in this loop is not true or false")),
        }
    }

    fn makes(&mut self, makes: &'p IdedExpr) -> Result<(Node, Kind)> {
        let (node, known) = self.node(makes)?;
        Ok((
            node,
            match known.kind {
                Kind::Text => Kind::Texts,
                _ => Kind::List,
            },
        ))
    }
}

/// What `gathered + [this]` appends.
fn appended(step: &IdedExpr, gathers: impl Fn(&IdedExpr) -> bool) -> Option<&IdedExpr> {
    let Expr::Call(step) = &step.expr else {
        return None;
    };
    match (step.func_name.as_str(), step.args.as_slice()) {
        ("_+_", [gathered, makes]) if gathers(gathered) => match &makes.expr {
            Expr::List(list) => list.elements.first(),
            _ => None,
        },
        _ => None,
    }
}

/// A list; one of constants is made now.
fn listed(items: Vec<Node>) -> Node {
    if items.iter().all(|item| matches!(item, Node::Constant(_))) {
        let values = items.into_iter().filter_map(|item| match item {
            Node::Constant(value) => Some(value),
            _ => None,
        });
        return Node::Constant(Value::List(List::Made(values.collect())));
    }
    Node::List(items.into())
}
