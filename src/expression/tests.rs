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
        "body.missing == 1 || status == 200",
        "!(body.missing == 1 && status == 500)",
        "status == 200 || body.missing == 1",
        "type(error) == null_type && type(status) == int",
        "['a', 'b'].exists(x, text.contains(x))",
        "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6] && size([1, 2].filter(x, x > 1)) == 1",
        "[1, 2, 3].exists_one(x, x == 2)",
        "['a', 'b'].map(x, x != 'a', x + 'c')[0] == 'bc'",
        "headers.exists(h, h.startsWith('x-'))",
        "'x-id' in headers",
        "{'ci': 1}[route.name] == 1",
        "has(route.name) && route['name'] == 'ci'",
        "body.choices.exists(c, c.nope == 1 || c.index == 0)",
        "uint(3) == 3u && double('1.5') == 1.5 && bool('true') && string(1.0) == '1'",
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
        ("body.ratio > 'a'", "`>` does not take double and string"),
        ("!body.ratio", "it is neither true nor false"),
        ("int(text) == 1", "`int` cannot read the value"),
        ("body.choices.exists(c, c.nope == 1)", "there is no `nope`"),
        (
            "body.choices.all(c, c.index > 1 || c.nope)",
            "there is no `nope`",
        ),
        (
            "body.missing == 1 || body.absent == 1",
            "there is no `missing`",
        ),
        ("status + 9223372036854775807 > 0", "a number is too large"),
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
            "text > 4",
            "column 6: `>` does not take string and int\n  text > 4\n       ^\nfix: `text` is string",
        ),
        (
            "status.startsWith('2')",
            "column 18: `startsWith` does not take int and string\n  status.startsWith('2')\n                   ^\nfix: `status` is int",
        ),
        (
            "status == 200 && text",
            "column 15: `&&` does not take string\n  status == 200 && text\n                ^\nfix: `text` is string",
        ),
        (
            "status in ['200']",
            "column 8: `in` does not take int and list\n  status in ['200']\n         ^\nfix: `status` is int",
        ),
        (
            "text == null",
            "column 6: `==` does not take string and null\n  text == null\n       ^\nfix: `text` is string",
        ),
        (
            "text in 'abc'",
            "column 6: `in` does not take string and string\n  text in 'abc'\n       ^\nfix: `text` is string",
        ),
        (
            "status ? text : 'x'",
            "column 8: `?` does not take int\n  status ? text : 'x'\n         ^\nfix: `status` is int",
        ),
        (
            "size(status) == 1",
            "column 5: `size` does not take int\n  size(status) == 1\n      ^\nfix: `status` is int",
        ),
        (
            "route == 'ci'",
            "column 1: `route` is no value by itself\n  route == 'ci'\n  ^\nfix: there are route.name, route.provider",
        ),
        (
            "headers.x-id == '7'",
            "column 11: there is no `id`\n  headers.x-id == '7'\n            ^\nfix: write headers[\"x-id\"]",
        ),
        (
            "text.matches('a(')",
            "column 14: the pattern cannot be read: unclosed group\n  text.matches('a(')\n               ^\nfix: patterns are as in https://github.com/google/re2/wiki/Syntax",
        ),
        (
            "text.matches('[a-z]{1,500}{1,500}')",
            "column 14: the pattern is too large\n  text.matches('[a-z]{1,500}{1,500}')\n               ^\nfix: count less, or write [a-z] for \\w",
        ),
        (
            "text.matches(headers['x'])",
            "column 21: a pattern has to be written as a text\n  text.matches(headers['x'])\n                      ^",
        ),
        (
            "status / 2.0 == 1.0",
            "column 8: `/` does not take int and double\n  status / 2.0 == 1.0\n         ^\nfix: `status` is int",
        ),
        (
            "text.string() == 'x'",
            "column 12: `string` is not called like this\n  text.string() == 'x'\n             ^\nfix: such as string(value)",
        ),
        (
            "b'a' == text",
            "column 1: bytes are not compared with anything here\n  b'a' == text\n  ^\nfix: write a text without the b",
        ),
        (
            "['a'].exists(x, x + 1 > 2)",
            "column 19: `+` does not take string and int\n  ['a'].exists(x, x + 1 > 2)\n                    ^\nfix: `x` is string",
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
    assert_eq!(
        condition.seen(&values()),
        [
            ("body.choices", "[{\"index\":0,\"finish_reason\":\"stop\"}]"),
            ("body.choices[0].index", "0"),
            ("headers[\"x-id\"]", "\"7\""),
            ("status", "200"),
        ]
        .map(|(path, value)| (path.to_owned(), value.to_owned()))
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
        repeated("", "body", ".size()", 64) + " == 1",
        repeated("string(", "text", ")", 29) + " == 'a <b> == c'",
        repeated("", "text", "+text", 29) + " != ''",
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

/// What values cost is bounded: a caller's long texts and lists make nothing slow.
#[test]
fn steps_are_counted() {
    let long = json!({"text": "x".repeat(1 << 20), "status": 200, "headers": {}, "error": null,
        "route": {"name": "ci"}, "body": {"items": vec![1; 100_000]}});
    let values = long.as_object().unwrap();
    for (text, steps, says) in [
        (
            "text.contains('y')",
            1_000,
            Err("the values are too large to look through"),
        ),
        (
            "text.contains('y') || status == 200",
            1_000,
            Err("the values are too large to look through"),
        ),
        (
            "text.matches('y$')",
            1_000,
            Err("the values are too large to look through"),
        ),
        (
            "size(text) > 1",
            1_000,
            Err("the values are too large to look through"),
        ),
        (
            "body.items.exists(i, i == 2)",
            1_000,
            Err("the values are too large to look through"),
        ),
        (
            "2 in body.items",
            1_000,
            Err("the values are too large to look through"),
        ),
        (
            "text + text != text",
            1_000,
            Err("the values are too large to look through"),
        ),
        ("text == 'x'", 20, Ok(false)),
        ("text.startsWith('xx')", 20, Ok(true)),
        ("text.endsWith('xx') && status in [1, 2, 200]", 20, Ok(true)),
        ("2 in body.items", 200_000, Ok(false)),
    ] {
        let condition = Condition::read(text, &VARIABLES).unwrap();
        let found = condition.evaluate(&super::json::Json::over(&condition, values), steps);
        assert_eq!(
            found.map_err(|why| why.to_string()),
            says.map_err(str::to_owned),
            "{text}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(status|text|body|\\.|\\(|\\)|\\[|\\]|==|&&|in|has|all|x|,|'|\"|\\\\|[ -~]|\\PC){0,20}") {
        if let Ok(condition) = Condition::read(&text, &VARIABLES) {
            let _ = condition.holds(&values());
        }
    }
}
