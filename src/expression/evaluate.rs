//! A condition against values. Nothing is allocated but for texts and lists that the condition itself makes,
//! and every step is counted, so that what it costs is bounded whatever the values are.

use super::{
    Condition, Scene,
    node::{Call, Compute, Does, Find, Loop, Node, Order},
    value::{List, Map, Value, Why, is_key},
};
use std::{borrow::Cow, cell::Cell, cmp::Ordering};

/// Bytes of a text that are looked through in one step.
const STEP: usize = 16;
/// Steps that finding a field takes.
const LOOK: usize = 8;
/// Steps that making a text or a list takes.
const MAKE: usize = 4;

type Result<'a, T> = std::result::Result<T, Why<'a>>;

impl Condition {
    /// Whether it holds. `Err`: why that cannot be said. `steps`: how many it may take at most, a step being a
    /// few nanoseconds; what would take more is [`Why::Costly`].
    pub fn evaluate<'a>(&'a self, scene: &dyn Scene<'a>, steps: u32) -> Result<'a, bool> {
        let run = Run {
            scene,
            names: self.variables,
            left: Cell::new(steps),
        };
        run.truth(&self.root, None)
    }
}

struct Run<'s, 'a> {
    scene: &'s dyn Scene<'a>,
    names: &'static [super::Variable],
    left: Cell<u32>,
}

/// What the loop around is at.
type Element<'e, 'a> = Option<&'e Value<'a>>;

impl<'a> Run<'_, 'a> {
    fn spend(&self, steps: usize) -> Result<'a, ()> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.left
            .set(self.left.get().checked_sub(steps).ok_or(Why::Costly)?);
        Ok(())
    }

    /// What is true or false, without making a value of it first.
    fn truth(&self, node: &'a Node, element: Element<'_, 'a>) -> Result<'a, bool> {
        self.spend(1)?;
        match node {
            Node::Not(of) => Ok(!self.truth(of, element)?),
            // What one side decides does not depend on whether the other can be told.
            Node::And(of) => self.either(of, element, false),
            Node::Or(of) => self.either(of, element, true),
            Node::If(of) => {
                let [condition, yes, no] = &**of;
                self.truth(
                    if self.truth(condition, element)? {
                        yes
                    } else {
                        no
                    },
                    element,
                )
            }
            Node::Equal(of) => self.equal(of, element),
            Node::Differ(of) => Ok(!self.equal(of, element)?),
            Node::Order(order, of) => self.ordered(*order, of, element),
            Node::In(of) => self.within(of, element),
            Node::Find(find, of) => self.find(*find, of, element),
            Node::Matches(of, pattern) => match self.value(of, element)? {
                Value::Text(text) => {
                    // Looking for a pattern takes several times as long as for a text.
                    self.spend(text.len() / 4)?;
                    Ok(pattern.is_match(&text))
                }
                other => Err(Why::Kinds("matches", other.kind(), None)),
            },
            Node::Has(of, name) => match self.value(of, element)? {
                Value::Map(map) => Ok(map.get(&Value::text(name)).is_some()),
                other => Err(Why::NoFields(other.kind())),
            },
            Node::Loop(of) if !matches!(of.does, Does::Make(..)) => self.asked_of_all(of, element),
            _ => match self.value(node, element)? {
                Value::Bool(truth) => Ok(truth),
                _ => Err(Why::NotTruth),
            },
        }
    }

    /// `&&` (decided by false) and `||` (decided by true).
    fn either(
        &self,
        [one, other]: &'a [Node; 2],
        element: Element<'_, 'a>,
        decides: bool,
    ) -> Result<'a, bool> {
        match self.truth(one, element) {
            Ok(truth) if truth == decides => Ok(decides),
            Ok(_) => self.truth(other, element),
            Err(Why::Costly) => Err(Why::Costly),
            Err(why) => match self.truth(other, element) {
                Ok(truth) if truth == decides => Ok(decides),
                Err(Why::Costly) => Err(Why::Costly),
                _ => Err(why),
            },
        }
    }

    fn two(
        &self,
        [one, other]: &'a [Node; 2],
        element: Element<'_, 'a>,
    ) -> Result<'a, (Value<'a>, Value<'a>)> {
        Ok((self.value(one, element)?, self.value(other, element)?))
    }

    fn equal(&self, of: &'a [Node; 2], element: Element<'_, 'a>) -> Result<'a, bool> {
        let (one, other) = self.two(of, element)?;
        self.spend(size(&one).min(size(&other)))?;
        Ok(one.equals(&other))
    }

    fn ordered(
        &self,
        order: Order,
        of: &'a [Node; 2],
        element: Element<'_, 'a>,
    ) -> Result<'a, bool> {
        let (one, other) = self.two(of, element)?;
        self.spend(size(&one).min(size(&other)))?;
        let found = one
            .order(&other)
            .ok_or_else(|| Why::Kinds(order.written(), one.kind(), Some(other.kind())))?;
        Ok(match order {
            Order::Less => found == Ordering::Less,
            Order::LessOrEqual => found != Ordering::Greater,
            Order::Greater => found == Ordering::Greater,
            Order::GreaterOrEqual => found != Ordering::Less,
        })
    }

    fn within(&self, of: &'a [Node; 2], element: Element<'_, 'a>) -> Result<'a, bool> {
        let (one, all) = self.two(of, element)?;
        match &all {
            Value::List(List::Written(items)) => {
                self.spend(items.len())?;
                Ok(items.iter().any(|item| item.equals(&one)))
            }
            Value::List(list) => {
                self.spend(list.len())?;
                Ok(list.items().any(|item| item.equals(&one)))
            }
            Value::Map(map) if is_key(&one) => Ok(map.get(&one).is_some()),
            _ => Err(Why::Kinds("in", one.kind(), Some(all.kind()))),
        }
    }

    fn find(&self, find: Find, of: &'a [Node; 2], element: Element<'_, 'a>) -> Result<'a, bool> {
        let (text, part) = self.two(of, element)?;
        let (Value::Text(text), Value::Text(part)) = (&text, &part) else {
            return Err(Why::Kinds(find.written(), text.kind(), Some(part.kind())));
        };
        Ok(match find {
            Find::Contains => {
                self.spend(text.len() / STEP)?;
                text.contains(&**part)
            }
            Find::StartsWith => text.starts_with(&**part),
            Find::EndsWith => text.ends_with(&**part),
        })
    }

    fn value(&self, node: &'a Node, element: Element<'_, 'a>) -> Result<'a, Value<'a>> {
        match node {
            Node::Constant(value) => Ok(value.lent()),
            Node::Variable(row) => self.variable(*row),
            Node::Element => element.cloned().ok_or(Why::NotThatLong),
            Node::Field(of, name) => self.select(self.value(of, element)?, Value::text(name)),
            Node::At(of) => {
                let (from, at) = self.two(of, element)?;
                self.select(from, at)
            }
            Node::Negate(of) => {
                self.spend(1)?;
                match self.value(of, element)? {
                    Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(Why::TooLarge),
                    Value::Double(number) => Ok(Value::Double(-number)),
                    other => Err(Why::Kinds("-", other.kind(), None)),
                }
            }
            Node::If(of) => {
                let [condition, yes, no] = &**of;
                self.value(
                    if self.truth(condition, element)? {
                        yes
                    } else {
                        no
                    },
                    element,
                )
            }
            Node::Compute(compute, of) => {
                let (one, other) = self.two(of, element)?;
                let makes = matches!(one, Value::Text(_) | Value::List(_));
                self.spend(if makes { MAKE } else { 1 } + size(&one) + size(&other))?;
                computed(*compute, one, other)
            }
            Node::Call(call, of) => {
                let value = self.value(of, element)?;
                self.spend(1 + size(&value))?;
                called(*call, value)
            }
            Node::List(items) => {
                self.spend(MAKE + items.len())?;
                let items: Result<'a, Vec<Value<'a>>> =
                    items.iter().map(|item| self.value(item, element)).collect();
                Ok(Value::List(List::Made(items?)))
            }
            Node::Map(entries) => self.map(entries, element),
            Node::Loop(of) if matches!(of.does, Does::Make(..)) => self.made_of_all(of, element),
            Node::Not(_)
            | Node::And(_)
            | Node::Or(_)
            | Node::Equal(_)
            | Node::Differ(_)
            | Node::Order(..)
            | Node::In(_)
            | Node::Find(..)
            | Node::Matches(..)
            | Node::Has(..)
            | Node::Loop(_) => self.truth(node, element).map(Value::Bool),
        }
    }

    fn variable(&self, row: usize) -> Result<'a, Value<'a>> {
        self.scene.value(row).ok_or_else(|| {
            let name = self.names.get(row).map_or("", |variable| variable.path);
            let name = name.rsplit('.').next().unwrap_or(name);
            Why::Absent("", Cow::Borrowed(name))
        })
    }

    fn select(&self, of: Value<'a>, at: Value<'a>) -> Result<'a, Value<'a>> {
        self.spend(LOOK)?;
        match (of, at) {
            (Value::Map(map), at) if is_key(&at) => match map.get(&at) {
                Some(found) => Ok(found),
                None => Err(Why::Absent(
                    map.noun(),
                    match at {
                        Value::Text(name) => name,
                        other => Cow::Borrowed(other.kind()),
                    },
                )),
            },
            (Value::List(list), at @ (Value::Int(_) | Value::UInt(_) | Value::Double(_))) => {
                let at = match at {
                    Value::Int(at) => usize::try_from(at).ok(),
                    Value::UInt(at) => usize::try_from(at).ok(),
                    Value::Double(at)
                        if at.fract() == 0.0 && at >= 0.0 && at < f64::from(u32::MAX) =>
                    {
                        Some(at as usize)
                    }
                    _ => None,
                };
                at.and_then(|at| list.item(at)).ok_or(Why::NotThatLong)
            }
            (of @ (Value::Map(_) | Value::List(_)), at) => {
                Err(Why::Kinds("[]", of.kind(), Some(at.kind())))
            }
            (of, _) => Err(Why::NoFields(of.kind())),
        }
    }

    fn map(&self, entries: &'a [[Node; 2]], element: Element<'_, 'a>) -> Result<'a, Value<'a>> {
        let mut made: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for entry in entries {
            self.spend(1 + made.len())?;
            let (key, value) = self.two(entry, element)?;
            // Two values for one key have no meaning.
            if !is_key(&key) || made.iter().any(|(known, _)| known.equals(&key)) {
                return Err(Why::Kinds("{}", key.kind(), None));
            }
            made.push((key, value));
        }
        Ok(Value::Map(Map::Made(made)))
    }

    fn range(&self, of: &'a Loop, element: Element<'_, 'a>) -> Result<'a, List<'a>> {
        match self.value(&of.range, element)? {
            Value::List(list) => Ok(list),
            Value::Map(map) => Ok(List::Made(map.keys())),
            other => Err(Why::NoList(other.kind())),
        }
    }

    fn asked_of_all(&self, of: &'a Loop, element: Element<'_, 'a>) -> Result<'a, bool> {
        let range = self.range(of, element)?;
        let (asked, decides) = match &of.does {
            Does::All(asked) => (asked, false),
            Does::Exists(asked) => (asked, true),
            Does::ExistsOne(asked) => {
                let mut found = 0;
                for item in range.items() {
                    found += usize::from(self.truth(asked, Some(&item))?);
                }
                return Ok(found == 1);
            }
            Does::Make(..) => return Err(Why::NotTruth),
        };
        let mut unsaid = None;
        for item in range.items() {
            match self.truth(asked, Some(&item)) {
                Ok(truth) if truth == decides => return Ok(decides),
                Ok(_) => {}
                Err(Why::Costly) => return Err(Why::Costly),
                Err(why) => unsaid = Some(unsaid.unwrap_or(why)),
            }
        }
        unsaid.map_or(Ok(!decides), Err)
    }

    fn made_of_all(&self, of: &'a Loop, element: Element<'_, 'a>) -> Result<'a, Value<'a>> {
        let range = self.range(of, element)?;
        let Does::Make(only, makes) = &of.does else {
            return Err(Why::NoList("bool"));
        };
        let mut made = Vec::new();
        for item in range.items() {
            self.spend(1)?;
            let takes = only
                .as_ref()
                .map_or(Ok(true), |only| self.truth(only, Some(&item)))?;
            if takes {
                made.push(self.value(makes, Some(&item))?);
            }
        }
        Ok(Value::List(List::Made(made)))
    }
}

/// How much there is to look through, in steps.
fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Text(text) => text.len() / STEP,
        Value::List(list) => list.len(),
        Value::Map(_) => STEP,
        _ => 0,
    }
}

fn computed<'a>(compute: Compute, one: Value<'a>, other: Value<'a>) -> Result<'a, Value<'a>> {
    use Compute::{Add, Divide, Multiply, Remainder, Subtract};
    let kinds = Why::Kinds(compute.written(), one.kind(), Some(other.kind()));
    let found = match (compute, one, other) {
        (Divide | Remainder, Value::Int(_), Value::Int(0))
        | (Divide | Remainder, Value::UInt(_), Value::UInt(0)) => return Err(Why::ByZero),
        (_, Value::Int(one), Value::Int(other)) => match compute {
            Add => one.checked_add(other),
            Subtract => one.checked_sub(other),
            Multiply => one.checked_mul(other),
            Divide => one.checked_div(other),
            Remainder => one.checked_rem(other),
        }
        .map(Value::Int),
        (_, Value::UInt(one), Value::UInt(other)) => match compute {
            Add => one.checked_add(other),
            Subtract => one.checked_sub(other),
            Multiply => one.checked_mul(other),
            Divide => one.checked_div(other),
            Remainder => one.checked_rem(other),
        }
        .map(Value::UInt),
        (Add, Value::Double(one), Value::Double(other)) => Some(Value::Double(one + other)),
        (Subtract, Value::Double(one), Value::Double(other)) => Some(Value::Double(one - other)),
        (Multiply, Value::Double(one), Value::Double(other)) => Some(Value::Double(one * other)),
        (Divide, Value::Double(one), Value::Double(other)) => Some(Value::Double(one / other)),
        (Add, Value::Text(one), Value::Text(other)) => {
            Some(Value::Text(Cow::Owned(one.into_owned() + &other)))
        }
        (Add, Value::List(one), Value::List(other)) => Some(Value::List(List::Made(
            one.items().chain(other.items()).collect(),
        ))),
        _ => return Err(kinds),
    };
    found.ok_or(Why::TooLarge)
}

fn called<'a>(call: Call, value: Value<'a>) -> Result<'a, Value<'a>> {
    let count = |length: usize| Value::Int(i64::try_from(length).unwrap_or(i64::MAX));
    let unreadable = || Why::Unreadable(call.written());
    match (call, value) {
        (Call::Size, Value::Text(text)) => Ok(count(text.chars().count())),
        (Call::Size, Value::List(list)) => Ok(count(list.len())),
        (Call::Size, Value::Map(map)) => Ok(count(map.keys().len())),
        (Call::String, Value::Text(text)) => Ok(Value::Text(text)),
        (Call::String, Value::Bool(truth)) => Ok(Value::Text(Cow::Owned(truth.to_string()))),
        (Call::String, Value::Int(number)) => Ok(Value::Text(Cow::Owned(number.to_string()))),
        (Call::String, Value::UInt(number)) => Ok(Value::Text(Cow::Owned(number.to_string()))),
        (Call::String, Value::Double(number)) => Ok(Value::Text(Cow::Owned(number.to_string()))),
        (Call::Int, Value::Int(number)) => Ok(Value::Int(number)),
        (Call::Int, Value::UInt(number)) => i64::try_from(number)
            .map(Value::Int)
            .map_err(|_| Why::TooLarge),
        // The bounds themselves are out: 2^63 is no int, and is what both are as doubles.
        (Call::Int, Value::Double(number)) => {
            match number > i64::MIN as f64 && number < i64::MAX as f64 {
                true => Ok(Value::Int(number as i64)),
                false => Err(Why::TooLarge),
            }
        }
        (Call::Int, Value::Text(text)) => text.parse().map(Value::Int).map_err(|_| unreadable()),
        (Call::UInt, Value::UInt(number)) => Ok(Value::UInt(number)),
        (Call::UInt, Value::Int(number)) => u64::try_from(number)
            .map(Value::UInt)
            .map_err(|_| Why::TooLarge),
        (Call::UInt, Value::Double(number)) => match number >= 0.0 && number < u64::MAX as f64 {
            true => Ok(Value::UInt(number as u64)),
            false => Err(Why::TooLarge),
        },
        (Call::UInt, Value::Text(text)) => text.parse().map(Value::UInt).map_err(|_| unreadable()),
        (Call::Double, Value::Double(number)) => Ok(Value::Double(number)),
        (Call::Double, Value::Int(number)) => Ok(Value::Double(number as f64)),
        (Call::Double, Value::UInt(number)) => Ok(Value::Double(number as f64)),
        (Call::Double, Value::Text(text)) => {
            text.parse().map(Value::Double).map_err(|_| unreadable())
        }
        (Call::Bool, Value::Bool(truth)) => Ok(Value::Bool(truth)),
        (Call::Bool, Value::Text(text)) => match &*text {
            "1" | "t" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(unreadable()),
        },
        (Call::Type, value) => Ok(Value::Type(match value.kind() {
            "null" => "null_type",
            kind => kind,
        })),
        (_, value) => Err(Why::Kinds(call.written(), value.kind(), None)),
    }
}
