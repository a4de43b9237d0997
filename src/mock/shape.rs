//! What a JSON value may look like, as tables, and where one does not.

use serde_json::{Map, Value};

/// What a value may be.
#[derive(Clone, Copy)]
pub enum Shape {
    Any,
    Text,
    /// A text of at most so many characters.
    Short(usize),
    /// One of these texts.
    One(&'static [&'static str]),
    /// A text that holds bytes.
    Base64,
    Flag,
    Number(f64, f64),
    Whole(i64, i64),
    /// An object with fields of any name.
    Map(&'static Shape),
    List(&'static Shape),
    Object(&'static [Field]),
    /// An object with exactly one of these fields.
    Union(&'static [Field]),
    /// A text of letters, digits and these, at most so many.
    Word(usize, &'static str),
    /// The first that is of the value's type.
    Either(&'static [Shape]),
}

/// A field of an object: its name, whether it has to be there, and what it may be.
#[derive(Clone, Copy)]
pub struct Field(pub &'static str, pub bool, pub Shape);

/// A field that may be left out.
pub const fn may(name: &'static str, shape: Shape) -> Field {
    Field(name, false, shape)
}
/// A field that has to be there.
pub const fn must(name: &'static str, shape: Shape) -> Field {
    Field(name, true, shape)
}

/// Any object.
pub const ANY_OBJECT: Shape = Shape::Map(&Shape::Any);
/// Any number.
pub const NUMBER: Shape = Shape::Number(f64::MIN, f64::MAX);
/// Any whole number that is none below nothing.
pub const COUNT: Shape = Shape::Whole(0, i64::MAX);

/// What is wrong at a path.
#[derive(Debug, PartialEq)]
pub struct Wrong {
    pub path: String,
    pub what: What,
}

#[derive(Debug, PartialEq)]
pub enum What {
    /// A field that nobody knows.
    Unknown(String),
    /// A field that is not there.
    Missing(&'static str),
    /// A value of another type than this.
    Type(&'static str),
    /// A text that is none of these.
    Value(String, &'static [&'static str]),
    /// A text with so many characters more than this many.
    Long(usize, usize),
    /// A number beyond these.
    Range(f64, f64),
    /// An object with so many fields where exactly one has to be.
    Several(usize),
}

/// How lenient a format's JSON is.
#[derive(Clone, Copy, PartialEq)]
pub enum Manner {
    Json,
    /// That of protocol buffers: names also in snake case, numbers also as texts, one value for a list of it.
    Proto,
}

impl Manner {
    /// Looks at a value; `path` is where it is.
    pub fn check(self, shape: Shape, value: &Value, path: &str) -> Result<(), Wrong> {
        let wrong = |what| {
            Err(Wrong {
                path: path.to_owned(),
                what,
            })
        };
        match (shape, value) {
            // Nothing is as good as no field in both.
            (_, Value::Null) | (Shape::Any, _) => Ok(()),
            (Shape::Either(shapes), _) => {
                let fits = shapes.iter().find(|shape| self.typed(**shape, value));
                match fits.or(shapes.first()) {
                    Some(shape) => self.check(*shape, value, path),
                    None => Ok(()),
                }
            }
            _ if !self.typed(shape, value) => wrong(What::Type(name(shape))),
            (Shape::Word(_, others), Value::String(text))
                if text.is_empty()
                    || !text.chars().all(|letter| {
                        letter.is_ascii_alphanumeric() || others.contains(letter)
                    }) =>
            {
                wrong(What::Type("name"))
            }
            (Shape::Short(most) | Shape::Word(most, _), Value::String(text))
                if text.chars().count() > most =>
            {
                wrong(What::Long(text.chars().count(), most))
            }
            (Shape::One(known), Value::String(text)) if !known.contains(&text.as_str()) => {
                wrong(What::Value(text.clone(), known))
            }
            (Shape::Base64, Value::String(text)) if !base64(text) => wrong(What::Type(name(shape))),
            (Shape::Number(low, high), _) => match number(value) {
                Some(number) if number < low || number > high => wrong(What::Range(low, high)),
                _ => Ok(()),
            },
            (Shape::Whole(low, high), _) => match number(value) {
                Some(number) if number < low as f64 || number > high as f64 => {
                    wrong(What::Range(low as f64, high as f64))
                }
                _ => Ok(()),
            },
            (Shape::Map(shape), Value::Object(fields)) => fields
                .iter()
                .try_for_each(|(key, value)| self.check(*shape, value, &join(path, key))),
            (Shape::List(shape), Value::Array(items)) => items
                .iter()
                .enumerate()
                .try_for_each(|(at, item)| self.check(*shape, item, &format!("{path}[{at}]"))),
            (Shape::List(shape), one) => self.check(*shape, one, &format!("{path}[0]")),
            (Shape::Object(known), Value::Object(fields)) => self.object(known, fields, path),
            (Shape::Union(known), Value::Object(fields)) => {
                self.object(known, fields, path)?;
                match fields.values().filter(|value| !value.is_null()).count() {
                    1 => Ok(()),
                    several => wrong(What::Several(several)),
                }
            }
            _ => Ok(()),
        }
    }

    fn object(self, known: &[Field], fields: &Map<String, Value>, path: &str) -> Result<(), Wrong> {
        for (key, value) in fields {
            match known.iter().find(|field| self.same(field.0, key)) {
                Some(field) => self.check(field.2, value, &join(path, key))?,
                None => {
                    return Err(Wrong {
                        path: path.to_owned(),
                        what: What::Unknown(key.clone()),
                    });
                }
            }
        }
        let there = |field: &Field| {
            fields
                .iter()
                .any(|(key, value)| self.same(field.0, key) && !value.is_null())
        };
        match known.iter().find(|field| field.1 && !there(field)) {
            Some(field) => Err(Wrong {
                path: path.to_owned(),
                what: What::Missing(field.0),
            }),
            None => Ok(()),
        }
    }

    fn same(self, name: &str, key: &str) -> bool {
        name == key || (self == Manner::Proto && snake(name) == key)
    }

    /// Whether a value has a shape's type.
    fn typed(self, shape: Shape, value: &Value) -> bool {
        let proto = self == Manner::Proto;
        match shape {
            Shape::Any => true,
            Shape::Text | Shape::Short(_) | Shape::Word(..) | Shape::Base64 => value.is_string(),
            // Enumerations are written as their numbers, too.
            Shape::One(_) => value.is_string() || (proto && value.is_u64()),
            Shape::Flag => value.is_boolean(),
            Shape::Number(..) => value.is_number() || (proto && number(value).is_some()),
            Shape::Whole(..) => {
                (value.is_number() || proto)
                    && number(value).is_some_and(|number| number.fract() == 0.0)
            }
            Shape::Map(_) | Shape::Object(_) | Shape::Union(_) => value.is_object(),
            Shape::List(of) => value.is_array() || (proto && self.typed(*of, value)),
            Shape::Either(shapes) => shapes.iter().any(|shape| self.typed(*shape, value)),
        }
    }
}

/// `max_output_tokens` of `maxOutputTokens`.
pub fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        _ => format!("{path}.{key}"),
    }
}

fn number(value: &Value) -> Option<f64> {
    value
        .as_f64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

/// In either alphabet, with or without its padding.
fn base64(text: &str) -> bool {
    let bare = text.trim_end_matches('=');
    let known = |letter: u8| letter.is_ascii_alphanumeric() || b"+/-_".contains(&letter);
    bare.len() % 4 != 1 && bare.bytes().all(known)
}

fn name(shape: Shape) -> &'static str {
    match shape {
        Shape::Any | Shape::Either(_) => "value",
        Shape::Text | Shape::Short(_) | Shape::Word(..) | Shape::One(_) => "string",
        Shape::Base64 => "base64 string",
        Shape::Flag => "boolean",
        Shape::Number(..) => "number",
        Shape::Whole(..) => "integer",
        Shape::Map(_) | Shape::Object(_) | Shape::Union(_) => "object",
        Shape::List(_) => "array",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static NODE: Shape = Shape::Object(&[
        must("name", Shape::Short(3)),
        may("kind", Shape::One(&["A", "B"])),
        may("topK", Shape::Whole(1, 9)),
        may("bytes", Shape::Base64),
        may("children", Shape::List(&NODE)),
        may("id", Shape::Word(4, "_")),
        may(
            "either",
            Shape::Union(&[may("a", Shape::Text), may("b", Shape::Text)]),
        ),
    ]);

    fn wrong(manner: Manner, value: &Value) -> Option<(String, What)> {
        let wrong = manner.check(NODE, value, "").err()?;
        Some((wrong.path, wrong.what))
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let inside = |value: Value| json!({"name": "a", "children": [{"name": "b"}, value]});
        for (value, path, what) in [
            (
                json!({"name": "b", "x": 1}),
                "children[1]",
                What::Unknown("x".into()),
            ),
            (json!({}), "children[1]", What::Missing("name")),
            (json!({"name": 1}), "children[1].name", What::Type("string")),
            (
                json!({"name": "four"}),
                "children[1].name",
                What::Long(4, 3),
            ),
            (
                json!({"name": "b", "kind": "C"}),
                "children[1].kind",
                What::Value("C".into(), &["A", "B"]),
            ),
            (
                json!({"name": "b", "topK": 10}),
                "children[1].topK",
                What::Range(1.0, 9.0),
            ),
            (
                json!({"name": "b", "topK": 1.5}),
                "children[1].topK",
                What::Type("integer"),
            ),
            (
                json!({"name": "b", "bytes": "a b"}),
                "children[1].bytes",
                What::Type("base64 string"),
            ),
            (
                json!({"name": "b", "id": "a-b"}),
                "children[1].id",
                What::Type("name"),
            ),
            (
                json!({"name": "b", "id": "a_b_c"}),
                "children[1].id",
                What::Long(5, 4),
            ),
            (
                json!({"name": "b", "either": {"a": "x", "b": "y"}}),
                "children[1].either",
                What::Several(2),
            ),
            (
                json!({"name": "b", "either": {}}),
                "children[1].either",
                What::Several(0),
            ),
        ] {
            let told = wrong(Manner::Json, &inside(value.clone()));
            assert_eq!(told, Some((path.to_owned(), what)), "{value}");
        }
        assert_eq!(
            wrong(
                Manner::Json,
                &inside(json!({"name": "b", "kind": null, "bytes": "_-=="}))
            ),
            None
        );
    }

    #[test]
    fn protocol_buffers_are_lenient() {
        let value = json!({"name": "a", "top_k": "3", "kind": 1, "children": {"name": "b"}});
        assert_eq!(wrong(Manner::Proto, &value), None);
        assert!(wrong(Manner::Json, &value).is_some());
    }
}
