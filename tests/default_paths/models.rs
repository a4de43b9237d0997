//! Models from the command line: what records may say, and snapshots shown under their model.

use crate::home::{Home, Ran};
use serde_json::{Value, json};

#[test]
fn a_capability_nobody_knows_is_refused_when_it_is_written() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed", "--mock"], |_| {});
    let create = |capabilities| {
        let args = [
            "model",
            "create",
            "mock/m",
            "--provider",
            "mock",
            "--capabilities",
            capabilities,
        ];
        home.run(&args)
    };
    assert_eq!(
        create("tools,vision"),
        Ran {
            code: Some(2),
            out: String::new(),
            err: "error: `vision` is not a capability\n  fix: one of: tools, images, schema; none at all where it is not known\n".into(),
        }
    );
    assert_eq!(create("tools,images,schema").out, "model/mock/m created\n");
}

#[test]
fn group_snapshots_shows_dated_versions_under_their_model() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed", "--mock"], |_| {});
    for name in ["m", "m-2024-08-06", "m-20250514", "n-2024-08-06"] {
        let record = format!("mock/{name}");
        let made = home.run(&["model", "create", &record, "--provider", "mock"]);
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    let search = |more: &[&str]| {
        let args = [&["model", "search", "--provider", "mock"], more].concat();
        home.run(&args).out
    };
    let names = |out: &str| -> Vec<String> {
        out.lines()
            .filter_map(|line| Some(line.split("  ").next()?.to_owned()))
            .collect()
    };
    assert_eq!(
        names(&search(&["--no-headers"])),
        [
            "mock/m",
            "mock/m-2024-08-06",
            "mock/m-20250514",
            "mock/n-2024-08-06"
        ]
    );
    assert_eq!(
        names(&search(&["--no-headers", "--group-snapshots"])),
        ["mock/m (+2)", "mock/n-2024-08-06"]
    );
    let found: Value = serde_json::from_str(&search(&["--group-snapshots", "-o", "json"])).unwrap();
    let items = found["items"].as_array().unwrap();
    assert_eq!(
        (&items[0]["name"], &items[0]["snapshots"]),
        (
            &json!("mock/m"),
            &json!(["mock/m-2024-08-06", "mock/m-20250514"])
        )
    );
}
