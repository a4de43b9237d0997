//! Values while a condition is evaluated, and what they do: borrowed from what is asked about wherever they
//! can be, so that evaluating costs no memory. Comparing and computing is as CEL has it
//! (<https://github.com/google/cel-spec/blob/master/doc/langdef.md>): numbers of all kinds compare with each
//! other and compute only with their own, other kinds are never equal.

use std::{borrow::Cow, cmp::Ordering, fmt};

type Json = serde_json::Value;

/// A value.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    Text(Cow<'a, str>),
    List(List<'a>),
    Map(Map<'a>),
    /// A kind by its name in CEL, such as `null_type`.
    Type(&'static str),
}

/// Strings by name that are looked into and never copied, such as a request's headers.
pub trait Fields: fmt::Debug + Send + Sync {
    /// What one of them is called: `header`.
    fn noun(&self) -> &'static str;
    fn get(&self, name: &str) -> Option<&str>;
    fn names(&self) -> Vec<&str>;
}

#[derive(Clone, Debug)]
pub enum List<'a> {
    Made(Vec<Value<'a>>),
    /// Of the condition itself.
    Written(&'a [Value<'a>]),
    Json(&'a [Json]),
}

#[derive(Clone, Debug)]
pub enum Map<'a> {
    Made(Vec<(Value<'a>, Value<'a>)>),
    Fields(&'a dyn Fields),
    Json(&'a serde_json::Map<String, Json>),
}

/// Why a condition is neither true nor false. It is worded by `Display`, without the values: they are shown
/// beside it, or are nobody's business.
#[derive(Clone, Debug, PartialEq)]
pub enum Why<'a> {
    /// What it would be (`header`, or nothing), and its name.
    Absent(&'static str, Cow<'a, str>),
    /// The operator or function, and the kinds it was given.
    Kinds(&'static str, &'static str, Option<&'static str>),
    /// A kind that has no fields.
    NoFields(&'static str),
    /// A kind that is no list.
    NoList(&'static str),
    NotThatLong,
    NotTruth,
    ByZero,
    TooLarge,
    /// The function that cannot make its kind of this value.
    Unreadable(&'static str),
    /// The values are so large that it was given up.
    Costly,
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Absent("", name) => write!(f, "there is no `{}`", name.escape_debug()),
            Why::Absent(noun, name) => write!(f, "there is no {noun} `{}`", name.escape_debug()),
            Why::Kinds(operator, one, None) => write!(f, "`{operator}` does not take {one}"),
            Why::Kinds(operator, one, Some(other)) => {
                write!(f, "`{operator}` does not take {one} and {other}")
            }
            Why::NoFields(kind) => write!(f, "{kind} has no fields"),
            Why::NoList(kind) => write!(f, "{kind} is no list"),
            Why::NotThatLong => f.write_str("the list is not that long"),
            Why::NotTruth => f.write_str("it is neither true nor false"),
            Why::ByZero => f.write_str("it divides by zero"),
            Why::TooLarge => f.write_str("a number is too large"),
            Why::Unreadable(function) => write!(f, "`{function}` cannot read the value"),
            Why::Costly => f.write_str("the values are too large to look through"),
        }
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Value<'a> {
        match json {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::Int(number),
                (None, Some(number)) => Value::UInt(number),
                (None, None) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::text(text),
            Json::Array(items) => Value::List(List::Json(items)),
            Json::Object(fields) => Value::Map(Map::Json(fields)),
        }
    }
}

impl<'a> Value<'a> {
    /// A text that lives elsewhere.
    pub fn text(text: &'a str) -> Value<'a> {
        Value::Text(Cow::Borrowed(text))
    }

    /// What it is, in the words people are told.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::UInt(_) => "uint",
            Value::Double(_) => "double",
            Value::Text(_) => "string",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Type(_) => "type",
        }
    }

    /// The same, borrowed from this one.
    pub(super) fn lent(&'a self) -> Value<'a> {
        match self {
            Value::Text(text) => Value::text(text),
            Value::List(List::Made(items)) => Value::List(List::Written(items)),
            other => other.clone(),
        }
    }

    pub(super) fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Value::Text(one), Value::Text(other)) => one == other,
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Type(one), Value::Type(other)) => one == other,
            (Value::List(one), Value::List(other)) => {
                one.len() == other.len()
                    && one
                        .items()
                        .zip(other.items())
                        .all(|(one, other)| one.equals(&other))
            }
            (Value::Map(one), Value::Map(other)) => {
                let keys = one.keys();
                keys.len() == other.keys().len()
                    && keys.iter().all(|key| match (one.get(key), other.get(key)) {
                        (Some(one), Some(other)) => one.equals(&other),
                        _ => false,
                    })
            }
            _ => self.number_order(other) == Some(Ordering::Equal),
        }
    }

    /// `None`: they have no order.
    pub(super) fn order(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
            (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
            _ => self.number_order(other),
        }
    }

    fn number_order(&self, other: &Value<'_>) -> Option<Ordering> {
        // An int that is no uint is below all of them.
        let mixed =
            |int: i64, uint: u64| u64::try_from(int).map_or(Ordering::Less, |it| it.cmp(&uint));
        match (self, other) {
            (Value::Int(one), Value::Int(other)) => Some(one.cmp(other)),
            (Value::UInt(one), Value::UInt(other)) => Some(one.cmp(other)),
            (Value::Int(one), Value::UInt(other)) => Some(mixed(*one, *other)),
            (Value::UInt(one), Value::Int(other)) => Some(mixed(*other, *one).reverse()),
            _ => self.double()?.partial_cmp(&other.double()?),
        }
    }

    fn double(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::UInt(number) => Some(*number as f64),
            Value::Double(number) => Some(*number),
            _ => None,
        }
    }
}

impl<'a> List<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            List::Made(items) => items.len(),
            List::Written(items) => items.len(),
            List::Json(items) => items.len(),
        }
    }

    pub(super) fn item(&self, at: usize) -> Option<Value<'a>> {
        match self {
            List::Made(items) => items.get(at).cloned(),
            List::Written(items) => items.get(at).map(Value::lent),
            List::Json(items) => items.get(at).map(Value::from),
        }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Value<'a>> {
        (0..self.len()).filter_map(|at| self.item(at))
    }
}

impl<'a> Map<'a> {
    /// Whether such a value can be a key at all is the caller's to ask ([`is_key`]).
    pub(super) fn get(&self, key: &Value<'_>) -> Option<Value<'a>> {
        match (self, key) {
            (Map::Fields(fields), Value::Text(name)) => fields.get(name).map(Value::text),
            (Map::Json(fields), Value::Text(name)) => fields.get(&**name).map(Value::from),
            (Map::Made(entries), key) => entries
                .iter()
                .find(|(known, _)| known.equals(key))
                .map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    pub(super) fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Map::Fields(fields) => fields.names().into_iter().map(Value::text).collect(),
            Map::Json(fields) => fields.keys().map(|name| Value::text(name)).collect(),
            Map::Made(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        }
    }

    /// What one of its fields is called.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Map::Fields(fields) => fields.noun(),
            _ => "",
        }
    }
}

/// Whether maps can have such keys.
pub(super) fn is_key(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Double(_) | Value::Text(_)
    )
}
