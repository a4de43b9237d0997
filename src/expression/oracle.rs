//! The evaluator against another one: that of the `cel` crate, which follows the language's conformance tests.
//! Random conditions come to the same in both, or to nothing in both.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Condition, Variable};
use cel::{
    Context, Program, Value as Other,
    objects::{Key, Map},
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::{collections::HashMap, sync::Arc};

const fn row(path: &'static str, kind: &'static str) -> Variable {
    Variable {
        path,
        kind,
        help: "",
    }
}

const VARIABLES: [Variable; 8] = [
    row("model", "string"),
    row("tokens", "int"),
    row("ratio", "double"),
    row("stream", "bool"),
    row("session", "string or null"),
    row("labels", "map"),
    row("ids", "map"),
    row("time.hour", "int"),
];

fn scenes() -> Vec<serde_json::Map<String, Json>> {
    [
        json!({"model": "gpt-4o", "tokens": 12, "ratio": 0.5, "stream": true, "session": "s1",
            "labels": {"a": "b", "n": 3, "t": true, "z": null}, "ids": [1, 2.0, "3", null], "time": {"hour": 9}}),
        json!({"model": "", "tokens": -1, "ratio": 2.0, "stream": false, "session": null,
            "labels": {}, "ids": [], "time": {"hour": 0}}),
        json!({"model": "ü€", "tokens": 9_223_372_036_854_775_807_i64, "ratio": -0.0, "stream": false, "session": "3",
            "labels": {"a": 18_446_744_073_709_551_615_u64}, "ids": [["x"], {"a": 1}], "time": {"hour": 23}}),
    ]
    .into_iter()
    .map(|scene| scene.as_object().unwrap().clone())
    .collect()
}

fn value(json: &Json) -> Other {
    match json {
        Json::Null => Other::Null,
        Json::Bool(truth) => Other::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Other::Int(number),
            (None, Some(number)) => Other::UInt(number),
            (None, None) => Other::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Other::String(Arc::new(text.clone())),
        Json::Array(items) => Other::List(Arc::new(items.iter().map(value).collect())),
        Json::Object(fields) => Other::Map(Map {
            map: Arc::new(
                fields
                    .iter()
                    .map(|(name, field)| (Key::String(Arc::new(name.clone())), value(field)))
                    .collect::<HashMap<_, _>>(),
            ),
        }),
    }
}

thread_local! {
    static BASE: Context<'static, 'static> = Context::default();
}

/// What the other says; `None`: nothing.
fn other(program: &Program, values: &serde_json::Map<String, Json>) -> Option<bool> {
    BASE.with(|base| {
        let mut scope = base.new_inner_scope();
        for (name, found) in values {
            scope.add_variable_from_value(name.as_str(), value(found));
        }
        match program.execute(&scope) {
            Ok(Other::Bool(holds)) => Some(holds),
            _ => None,
        }
    })
}

fn one_of(texts: &'static [&'static str]) -> BoxedStrategy<String> {
    prop::sample::select(texts).prop_map(String::from).boxed()
}

/// A list of up to three, written out.
fn list(of: BoxedStrategy<String>) -> BoxedStrategy<String> {
    prop::collection::vec(of, 0..3)
        .prop_map(|items| format!("[{}]", items.join(", ")))
        .boxed()
}

macro_rules! written {
    ($text:literal, $($part:expr),*) => {
        written!(@ $text, [$($part),*])
    };
    (@ $text:literal, [$a:expr]) => {
        $a.clone().prop_map(|a| format!($text, a)).boxed()
    };
    (@ $text:literal, [$a:expr, $b:expr]) => {
        ($a.clone(), $b.clone()).prop_map(|(a, b)| format!($text, a, b)).boxed()
    };
    (@ $text:literal, [$a:expr, $b:expr, $c:expr]) => {
        ($a.clone(), $b.clone(), $c.clone()).prop_map(|(a, b, c)| format!($text, a, b, c)).boxed()
    };
}

/// Conditions, texts and numbers that hold one another, and what may be anything.
fn conditions() -> BoxedStrategy<String> {
    let mut truth = one_of(&["true", "false", "stream", "labels.t", "has(labels.a)"]);
    let mut text = one_of(&[
        "'gpt'",
        "''",
        "'o'",
        "'€'",
        "model",
        "session",
        "labels.a",
        "labels[\"n\"]",
        "'3'",
    ]);
    let mut number = one_of(&[
        "0",
        "1",
        "3",
        "-7",
        "tokens",
        "time.hour",
        "labels.n",
        "9223372036854775807",
    ]);
    let double = one_of(&["0.5", "-2.0", "ratio", "double(tokens)", "1e300"]);
    let any = one_of(&[
        "ids",
        "labels",
        "ids[0]",
        "ids[1]",
        "ids[3]",
        "labels.z",
        "null",
        "3u",
        "2.0",
        "labels.nope",
        "['x']",
        "{'a': 1}",
        "type(tokens)",
        "string",
        "session",
    ]);
    let order = one_of(&["<", "<=", ">", ">=", "==", "!="]);
    let compute = one_of(&["+", "-", "*", "/", "%"]);
    for _ in 0..3 {
        let anything = prop_oneof![
            text.clone(),
            number.clone(),
            double.clone(),
            truth.clone(),
            any.clone()
        ]
        .boxed();
        let truths = prop_oneof![
            2 => truth.clone(),
            2 => written!("({0} && {1})", truth, truth),
            2 => written!("({0} || {1})", truth, truth),
            1 => written!("!{0}", truth),
            1 => written!("({0} ? {1} : {2})", truth, truth, truth),
            2 => written!("({0} {1} {2})", text, order, text),
            2 => written!("({0} {1} {2})", number, order, number),
            1 => written!("({0} {1} {2})", double, order, number),
            2 => written!("({0} {1} {2})", anything, order, anything),
            1 => written!("{0}.startsWith({1})", text, text),
            1 => written!("{0}.endsWith({1})", text, text),
            1 => written!("{0}.contains({1})", text, text),
            1 => written!("({0} in {1})", anything, list(anything.clone())),
            1 => written!("({0} in {1})", anything, any),
            1 => written!("{0}.exists(x, x == {1})", list(anything.clone()), anything),
            1 => written!("{0}.all(x, x {1} {2})", list(text.clone()), order, text),
            1 => written!("{0}.exists_one(x, x {1} {2})", list(number.clone()), order, number),
            1 => written!("(ids.map(x, x == {0}) == {1})", anything, list(truth.clone())),
            1 => written!("(size({0}.filter(x, x < {1})) == 1)", list(number.clone()), number),
            1 => written!("(type({0}) == type({1}))", anything, anything),
            1 => written!("bool({0})", text),
        ];
        let texts = prop_oneof![
            4 => text.clone(),
            1 => written!("({0} + {1})", text, text),
            1 => written!("string({0})", anything),
            1 => written!("({0} ? {1} : {2})", truth, text, text),
            1 => written!("{0}[{1}]", list(text.clone()), number),
            1 => written!("{{'a': {0}, 'b': {1}}}.a", text, text),
        ];
        let numbers = prop_oneof![
            4 => number.clone(),
            2 => written!("({0} {1} {2})", number, compute, number),
            1 => written!("size({0})", anything),
            1 => written!("int({0})", anything),
            1 => written!("-{0}", number),
        ];
        (truth, text, number) = (truths.boxed(), texts.boxed(), numbers.boxed());
    }
    truth
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn both_say_the_same(text in conditions()) {
        // What could never be evaluated is refused, which the other only sees when it tries.
        if let Ok(condition) = Condition::read(&text, &VARIABLES) {
            let program = Program::compile(&text).unwrap();
            for values in scenes() {
                prop_assert_eq!(condition.holds(&values).ok(), other(&program, &values), "{} {:?}", text, condition.holds(&values));
            }
        }
    }
}
