//! What was used, summed by anything, shown with keys, users and routes, and priced again.

use crate::home::{GW, Home};
use serde_json::{Value, json};

fn ok(home: &Home, args: &[&str]) -> String {
    let ran = home.run(args);
    assert_eq!(ran.code, Some(0), "{args:?} {ran:?}");
    ran.out
}

fn told(home: &Home, args: &[&str]) -> Value {
    serde_json::from_str(&ok(home, args)).unwrap()
}

/// Sends these many requests for a model with the key in this file.
fn request(home: &Home, key: &str, model: &str, times: usize) {
    for _ in 0..times {
        let mut command = home.program(GW);
        command.args(["request", "hi there", "-m", model, "-q", "--key-file"]);
        command.arg(home.path("project").join(key));
        let ran = home.ran(command);
        assert!(ran.code == Some(0) || model.contains("500"), "{ran:?}");
    }
}

/// Two users, of whom one has a label, a priced model and one without a price, and some requests of each.
fn used(home: &Home) {
    ok(home, &["user", "create", "ann", "--label", "team=search"]);
    ok(home, &["user", "create", "bob"]);
    for (key, user) in [("ci", "ann"), ("dev", "bob")] {
        let create = ["key", "create", key, "--user", user, "--output-file", key];
        ok(home, &create);
    }
    let route = [
        "route", "create", "r", "--key", "ci", "--key", "dev", "--to", "mock",
    ];
    ok(home, &route);
    price(home, "priced", "mock/echo", "3");
    request(home, "ci", "mock/echo", 3);
    request(home, "dev", "unknown", 2);
    request(home, "dev", "mock/500", 1);
}

/// A record that gives a model a price.
fn price(home: &Home, name: &str, model: &str, dollars: &str) {
    let create = [
        "model",
        "create",
        name,
        "--provider",
        "mock",
        "--upstream-id",
        model,
        "--price-input",
        dollars,
        "--price-output",
        dollars,
    ];
    ok(home, &create);
}

/// Figures of lines, without times.
fn figures(told: &Value, by: &str) -> Vec<Value> {
    let items = told["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            json!([
                item[by],
                item["requests"],
                item["errors"],
                item["tokens"],
                item["spend"],
                item["unpriced"]
            ])
        })
        .collect()
}

#[test]
fn sums_are_those_of_the_rows() {
    let home = Home::new();
    let _serving = home.serve_as(&["--mock"], |_| {});
    used(&home);
    let rows = told(&home, &["logs", "-n", "100", "-o", "json"]);
    let rows = rows["items"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    let tokens = |user: &str| -> u64 {
        let of = rows.iter().filter(|row| row["user"] == user);
        of.flat_map(|row| ["input", "output"].map(|bucket| row["usage"][bucket].as_u64().unwrap()))
            .sum()
    };
    let (ann, bob) = (tokens("ann"), tokens("bob"));
    assert!(ann > 0 && bob > 0);
    // Three dollars a million tokens.
    let spend = format!("0.{:06}", ann * 3);
    let spend = spend.trim_end_matches('0');
    let by_user = told(&home, &["usage", "--by", "user", "-o", "json"]);
    assert_eq!(
        figures(&by_user, "user"),
        [
            json!(["ann", 3, 0, ann, spend, 0]),
            json!(["bob", 3, 1, bob, null, 2]),
        ]
    );
    assert_eq!(by_user["total"]["requests"], 6);
    assert_eq!(by_user["total"]["tokens"], ann + bob);
    for (args, requests) in [
        (&["--by", "model", "--key", "ci"][..], 3),
        (&["--by", "label:team", "--label", "team"], 3),
        (&["--by", "status", "--status", "error"], 1),
        (&["--by", "day,route", "--utc"], 6),
        (&["--by", "session", "--since", "1h"], 6),
        (&["--by", "hour", "--model", "unknown"], 2),
        (&["--since", "2020-01-01", "--until", "2020-01-02"], 0),
    ] {
        let told = told(&home, &[&["usage", "-o", "json"], args].concat());
        assert_eq!(told["total"]["requests"], requests, "{args:?}");
    }
    // In a pipe: columns with tabs between, exact.
    let piped = home.run(&["usage", "--by", "user,model", "--sort", "requests"]);
    let cells: Vec<Vec<&str>> = piped
        .out
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(
        cells[0][..7],
        [
            "user", "model", "requests", "errors", "tokens", "input", "output"
        ]
    );
    assert_eq!(cells[1][..3], ["ann", "mock/echo", "3"]);
    assert_eq!((cells[1][8], cells[2][8], cells[2][9]), (spend, "", "2"));
    assert!(cells.iter().all(|line| line.len() == cells[0].len()));
    assert!(
        piped.err.starts_with("2 requests have no price"),
        "{piped:?}"
    );
    let csv = ok(
        &home,
        &[
            "usage",
            "--by",
            "user,model",
            "--sort",
            "requests",
            "-o",
            "csv",
        ],
    );
    assert_eq!(csv, piped.out.replace('\t', ","));
    for (args, code) in [
        (&["usage", "--by", "colour"][..], 2),
        (&["usage", "--sort", "name"], 2),
        (&["usage", "--since", "1d", "--until", "2d"], 2),
        (&["model", "get", "priced", "--since", "1d"], 2),
    ] {
        assert_eq!(home.run(args).code, Some(code), "{args:?}");
    }
    // With keys, users and routes.
    for (kind, name, requests) in [("key", "ci", 3), ("user", "bob", 3), ("route", "r", 6)] {
        let table = ok(&home, &[kind, "get"]);
        assert!(
            table
                .lines()
                .next()
                .unwrap()
                .contains("REQUESTS   TOKENS   SPEND"),
            "{table}"
        );
        let one = told(&home, &[kind, "get", name, "-o", "json"]);
        assert_eq!(one["status"]["usage"]["requests"], requests, "{kind}");
    }
    let ci = told(&home, &["key", "get", "ci", "-o", "json"]);
    assert_eq!(ci["status"]["usage"]["spend"], spend);
    let dev = told(&home, &["key", "get", "dev", "-o", "json"]);
    assert_eq!(
        (
            &dev["status"]["usage"]["spend"],
            &dev["status"]["usage"]["unpriced"]
        ),
        (&Value::Null, &json!(2))
    );
    let none = told(
        &home,
        &["key", "get", "ci", "--since", "2030-01-01", "-o", "json"],
    );
    assert_eq!(none["status"]["usage"]["requests"], 0);
    let two = ok(&home, &["get", "key,user", "-o", "csv"]);
    assert!(two.contains(spend), "{two}");
}

#[test]
fn a_price_that_was_mended_is_laid_over_the_log() {
    let home = Home::new();
    let serving = home.serve_as(&["--mock"], |_| {});
    used(&home);
    let before = told(&home, &["usage", "--by", "model", "-o", "json"]);
    price(&home, "late", "unknown", "1");
    ok(
        &home,
        &[
            "model",
            "set",
            "priced",
            "--price-input",
            "6",
            "--price-output",
            "6",
        ],
    );
    let reprice = ["usage", "reprice", "--since", "1h"];
    let dry = told(
        &home,
        &[&reprice[..], &["--dry-run", "-o", "json"]].concat(),
    );
    assert_eq!(
        (&dry["changed"], &dry["dry_run"]),
        (&json!(5), &json!(true))
    );
    assert_eq!(
        (&dry["unpriced_before"], &dry["unpriced_after"]),
        (&json!(2), &json!(0))
    );
    // Nobody can be asked here, and nothing is changed.
    let asked = home.run(&reprice);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    assert!(
        asked.err.contains("--yes") && asked.out.contains("BEFORE"),
        "{asked:?}"
    );
    assert_eq!(
        told(&home, &["usage", "--by", "model", "-o", "json"])["items"],
        before["items"]
    );
    let done = home.run(&[&reprice[..], &["--yes"]].concat());
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(
        done.err.contains("changed the cost of 5 requests"),
        "{done:?}"
    );
    let spend = |told: &Value| -> Vec<(String, Option<f64>)> {
        let items = told["items"].as_array().unwrap().iter();
        let mut all: Vec<_> = items
            .map(|item| {
                let spend = item["spend"].as_str().map(|text| text.parse().unwrap());
                (item["model"].as_str().unwrap().to_owned(), spend)
            })
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    };
    let first = spend(&before);
    let check = |at: &str| {
        let after = told(&home, &["usage", "--by", "model", "-o", "json"]);
        let now = spend(&after);
        assert_eq!(now[1].1, first[1].1.map(|spend| spend * 2.0), "{at}");
        assert_eq!((first[2].1, now[2].1.is_some()), (None, true), "{at}");
        assert_eq!(after["total"]["unpriced"], 0, "{at}");
        let rows = told(&home, &["logs", "--model", "mock/echo", "-o", "json"]);
        let row = &rows["items"][0];
        let of = |field: &str| -> f64 { row[field].as_str().unwrap().parse().unwrap() };
        assert!(
            (of("cost") - of("cost_before") * 2.0).abs() < 1e-15,
            "{at}: {row}"
        );
        assert!(
            row["repriced"]["who"].as_str().unwrap().starts_with("uid "),
            "{row}"
        );
        let shown = ok(&home, &["logs", "get", row["id"].as_str().unwrap()]);
        assert!(
            shown.contains("cost_before ") && shown.contains("priced again at"),
            "{shown}"
        );
        let key = told(&home, &["key", "get", "ci", "-o", "json"]);
        let key: f64 = key["status"]["usage"]["spend"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((key - now[1].1.unwrap()).abs() < 1e-15, "{at}");
    };
    check("at once");
    // Once more changes nothing.
    let again = told(&home, &[&reprice[..], &["--yes", "-o", "json"]].concat());
    assert_eq!(again["changed"], 0);
    drop(serving);
    let _serving = home.serve_as(&["--mock"], |_| {});
    check("after a restart");
}
