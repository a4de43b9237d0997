//! Reading, refusing and evaluating conditions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Condition, Variable};
use serde_json::{Value, json};

const fn row(path: &'static str, kind: &'static str) -> Variable {
    Variable {
        path,
        kind,
        help: "",
    }
}

const VARIABLES: [Variable; 8] = [
    row("status", "int"),
    row("text", "string"),
    row("route.name", "string"),
    row("route.provider", "string"),
    row("error", "map or null"),
    row("error.message", "string"),
    row("headers", "map"),
    row("body", "map"),
];

fn values() -> serde_json::Map<String, Value> {
    let Value::Object(values) = json!({
        "status": 200, "text": "a <b> == c", "route": {"name": "ci", "provider": "mock"}, "error": null,
        "headers": {"x-id": "7"}, "body": {"choices": [{"index": 0, "finish_reason": "stop"}], "ratio": 0.5},
    }) else {
        unreachable!()
    };
    values
}

fn refusal(text: &str) -> String {
    match Condition::read(text, &VARIABLES) {
        Ok(_) => panic!("{text} was read"),
        Err(error) => format!(
            "{error}{}",
            error
                .hint
                .as_ref()
                .map(|hint| format!("\nfix: {hint}"))
                .unwrap_or_default()
        ),
    }
}

#[test]
fn conditions_hold() {
    for text in [
        "status==200",
        "status == 200 && route.provider == 'mock'",
        "status in [200, 201]",
        "status < 200.5",
        "text.contains('<b>') || false",
        "text.matches('^a .*c$')",
        "size(text) == 10",
        "error == null",
        "!has(body.missing)",
        "headers['x-id'] == \"7\"",
        "int(headers['x-id']) > 6",
        "body.choices[0].finish_reason == 'stop'",
        "body.choices.exists(c, c.index == 0 && c.finish_reason != 'length')",
        "body.choices.all(status, status.index == 0)",
        "type(body) == map",
        "status == 500 ? false : true",
        "body.ratio * 2.0 == 1.0",
        "// what was asked\nstatus == 200",
    ] {
        let condition = Condition::read(text, &VARIABLES).unwrap();
        assert_eq!(condition.holds(&values()), Ok(true), "{text}");
    }
}

#[test]
fn what_cannot_be_said_is_said() {
    for (text, says) in [
        ("body.missing == 1", "there is no `missing`"),
        ("body.choices[3].index == 1", "the list is not that long"),
        ("error.message == 'x'", "null has no fields"),
        ("body.missing", "there is no `missing`"),
        ("body.ratio", "it is neither true nor false"),
        ("text > 4", "`>` does not take string and int"),
        ("status / 0 == 1", "it divides by zero"),
    ] {
        let condition = Condition::read(text, &VARIABLES).unwrap();
        assert_eq!(condition.holds(&values()), Err(says.into()), "{text}");
    }
}

#[test]
fn mistakes_are_named_with_their_column() {
    for (text, says) in [
        (
            "status==",
            "column 9: something is missing at the end\n  status==\n          ^",
        ),
        (
            "status=200",
            "column 7: `=` does not compare\n  status=200\n        ^\nfix: write ==",
        ),
        (
            "text contains 'x'",
            "column 6: `contains` is called, not written between\n  text contains 'x'\n       ^\nfix: such as text.contains(\"word\")",
        ),
        (
            "status == 200 &&\n  text == 'x",
            "line 2, column 11: a quoted text is not closed, or holds an unknown escape\n    text == 'x\n            ^",
        ),
        (
            "",
            "column 1: there is nothing\n  \n  ^\nfix: such as status == 200",
        ),
        (
            "(status == 200",
            "column 15: a `)` is missing\n  (status == 200\n                ^",
        ),
        (
            "status == 200 && stauts == 1",
            "column 18: there is no `stauts`\n  status == 200 && stauts == 1\n                   ^\nfix: did you mean `status`?",
        ),
        (
            "route.provider == mock",
            "column 19: there is no `mock`\n  route.provider == mock\n                    ^\nfix: text is written in quotes; there are status, text, route, error, headers, body",
        ),
        (
            "route.provder == 'mock'",
            "column 6: `route` has no field `provder`\n  route.provder == 'mock'\n       ^\nfix: did you mean `provider`?",
        ),
        (
            "status.code == 1",
            "column 7: `status` has no field `code`\n  status.code == 1\n        ^",
        ),
        (
            "body.x.in == 1",
            "column 8: `in` is an operator and cannot be a field's name\n  body.x.in == 1\n         ^",
        ),
        (
            "status",
            "column 1: this is not true or false\n  status\n  ^\nfix: compare it, such as status == 200",
        ),
        (
            "text.startWith('a')",
            "column 15: there is no function `startWith`\n  text.startWith('a')\n                ^\nfix: did you mean `startsWith`?",
        ),
        (
            "body.a.all(x, body.b.all(y, x == y))",
            "column 25: a loop within a loop is not allowed\n  body.a.all(x, body.b.all(y, x == y))\n                          ^\nfix: give several conditions",
        ),
        (
            "body.a.map(x, x).size() == 1 && body.a.map(x, x).all(y, y == 1)",
            "column 53: a loop within a loop is not allowed\n  body.a.map(x, x).size() == 1 && body.a.map(x, x).all(y, y == 1)\n                                                      ^\nfix: give several conditions",
        ),
    ] {
        assert_eq!(refusal(text), says, "{text}");
    }
}

#[test]
fn what_is_asked_about_is_known() {
    let condition = Condition::read(
        "status == 200 && headers['x-id'] != '' && body.choices[0].index == 0 && body.choices.all(c, c.index == 0)",
        &VARIABLES,
    )
    .unwrap();
    let asks: Vec<(String, Option<Value>)> = condition
        .asks()
        .map(|path| {
            let values = Value::Object(values());
            (path.to_string(), path.find(&values).cloned())
        })
        .collect();
    assert_eq!(
        asks,
        [
            (
                "body.choices",
                Some(json!([{"index": 0, "finish_reason": "stop"}]))
            ),
            ("body.choices[0].index", Some(json!(0))),
            ("headers[\"x-id\"]", Some(json!("7"))),
            ("status", Some(json!(200))),
        ]
        .map(|(path, value)| (path.to_owned(), value))
    );
    assert!(condition.names("status") && condition.names("headers") && !condition.names("error"));
}

/// The worst that the bounds let through is read and evaluated; tests run on small stacks.
#[test]
fn depth_costs_no_stack() {
    let repeated = |before: &str, inner: &str, after: &str, count: usize| {
        format!("{}{inner}{}", before.repeat(count), after.repeat(count))
    };
    let mut read = 0;
    for text in [
        repeated("(", "true", ")", 64),
        repeated("(", "true", ")", 400),
        repeated("[", "", "]", 64) + " == []",
        repeated("size(", "text", ")", 30) + " == 1",
        repeated("size(", "text", ")", 60) + " == 1",
        repeated("{1:", "1", "}", 30) + " == 1",
        repeated("{1:", "1", "}", 60) + " == 1",
        repeated("!", "true", "", 900),
        repeated("", "1", "+1", 30) + " == 31",
        repeated("", "1", "+1", 60) + " == 61",
        repeated("", "1", "+1", 490) + " == 491",
        repeated("", "true", "==true", 160),
        repeated("", "true", "&&true", 160),
        repeated("", "body", ".b", 450) + " == 1",
        repeated("", "body", "[0]", 60) + " == 1",
        repeated("", "text", ".size()", 64) + " == 1",
        repeated("true?true:", "true", "", 90),
        repeated("r'\\'+", "''", "", 60) + " == ''",
        repeated("-", "1", "", 900) + " == 1",
    ] {
        if let Ok(condition) = Condition::read(&text, &VARIABLES) {
            read += 1;
            let _ = condition.holds(&values());
        }
    }
    assert!(read > 6, "{read}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(status|text|body|\\.|\\(|\\)|\\[|\\]|==|&&|in|has|all|x|,|'|\"|\\\\|[ -~]|\\PC){0,20}") {
        if let Ok(condition) = Condition::read(&text, &VARIABLES) {
            let _ = condition.holds(&values());
        }
    }
}
