//! Every output format of every list: with nothing in it and with one item, in a pipe and on a terminal.

use crate::harness::{Gateway, Ran, until};
use gw::resources::{KINDS, Kind};
use serde_json::{Value, json};

const FORMATS: [&str; 9] = [
    "table",
    "wide",
    "json",
    "jsonl",
    "yaml",
    "toml",
    "csv",
    "name",
    "value=.name",
];

/// One record of each kind, in an order in which each finds what it refers to.
fn furnish(gateway: &Gateway) {
    gateway.ok(&[
        "user",
        "create",
        "ann",
        "--team",
        "検索, \"big\"",
        "--label",
        "env=ci",
    ]);
    gateway.ok(&[
        "provider",
        "create",
        "p",
        "--vendor",
        "openai",
        "--passthrough",
        "--verify=false",
        "--label",
        "env=ci",
    ]);
    gateway.ok(&[
        "model",
        "create",
        "m",
        "--provider",
        "p",
        "--price-input",
        "0.15",
        "--label",
        "env=ci",
    ]);
    gateway.ok(&[
        "key",
        "create",
        "k",
        "--user",
        "ann",
        "--expires",
        "2099-01-01",
        "--label",
        "env=ci",
    ]);
    gateway.ok(&[
        "route", "create", "r", "--key", "k", "--to", "p/m", "--label", "env=ci",
    ]);
}

/// The records alone: `gw model get` lists the catalogue, too.
fn records(gateway: &Gateway, kind: &Kind, more: &[&str]) -> Ran {
    gateway.cli(&[&["get", kind.name], more].concat())
}

fn heads(kind: &Kind, wide: bool) -> Vec<&str> {
    let columns = kind.columns.iter().filter(|column| wide || !column.wide);
    columns.map(|column| column.head).collect()
}

#[test]
fn lists_of_nothing_are_empty_in_every_format() {
    let gateway = Gateway::start();
    for kind in KINDS {
        for format in FORMATS {
            let ran = records(&gateway, kind, &["-o", format]);
            let paths: Vec<&str> = kind.columns.iter().map(|column| column.path).collect();
            let wanted = match format {
                "json" => "{\n  \"items\": []\n}\n".to_owned(),
                "yaml" => "items: []\n".to_owned(),
                "csv" => paths.join(",") + "\n",
                _ => String::new(),
            };
            assert_eq!((ran.code, &ran.stdout), (Some(0), &wanted), "{}", ran.what);
            let talks = ["table", "wide"].contains(&format);
            assert_eq!(
                talks,
                ran.stderr.contains(&format!("gw {} create", kind.name)),
                "{}",
                ran.stderr
            );
            assert_eq!(talks, !ran.stderr.is_empty(), "{}", ran.stderr);
        }
        let none = records(&gateway, kind, &["-l", "env=none"]);
        assert!(
            none.stderr
                .contains(&format!("no {} match -l env=none", kind.plural)),
            "{}",
            none.stderr
        );
        assert_eq!(
            records(&gateway, kind, &["--no-headers", "-o", "csv"]).success(),
            ""
        );
    }
}

#[test]
fn lists_of_one_are_whole_in_every_format() {
    let gateway = Gateway::start();
    furnish(&gateway);
    for kind in KINDS {
        let get = |more: &[&str]| records(&gateway, kind, more).success();
        let items: Value = serde_json::from_str(&get(&["-o", "json"])).unwrap();
        let [item] = &items["items"].as_array().unwrap()[..] else {
            panic!("not one: {items}");
        };
        let name = item["name"].as_str().unwrap();
        for (wide, format) in [(false, "table"), (true, "wide")] {
            let text = get(&["-o", format]);
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), 2, "{text}");
            assert_eq!(
                lines[0].split_whitespace().collect::<Vec<_>>(),
                heads(kind, wide)
            );
            assert!(
                lines[1].starts_with(name) && lines.iter().all(|line| line.trim_end() == *line),
                "{text}"
            );
            assert_eq!(get(&["-o", format, "--no-headers"]).lines().count(), 1);
        }
        assert!(get(&["--show-labels"]).contains("env=ci"));
        let yaml: Value = yaml_serde::from_str(&get(&["-o", "yaml"])).unwrap();
        assert_eq!(yaml, items);
        assert_eq!(
            serde_json::from_str::<Value>(&get(&["-o", "jsonl"])).unwrap(),
            *item
        );
        let toml: Value = toml::from_str(&get(&["-o", "toml"])).unwrap();
        assert_eq!(toml[kind.name][0]["name"], name);
        let csv = get(&["-o", "csv"]);
        assert!(
            csv.lines().count() == 2 && csv.lines().nth(1).unwrap().starts_with(name),
            "{csv}"
        );
        assert_eq!(get(&["-o", "name"]), format!("{}/{name}\n", kind.name));
        assert_eq!(get(&["-o", "value=.name"]), format!("{name}\n"));
        // Given by name, it is the record itself.
        assert_eq!(
            serde_json::from_str::<Value>(&get(&[name, "-o", "json"])).unwrap(),
            *item
        );
        // The age may move on between the two.
        until("both say the same", || {
            (get(&[name]) == get(&[])).then_some(())
        });
        for said in item["status"].as_object().into_iter().flatten() {
            let in_column = kind
                .columns
                .iter()
                .any(|column| column.path == format!("status.{}", said.0));
            assert!(
                in_column || kind.statuses.contains(&said.0.as_str()),
                "{} may say status.{}, undeclared",
                kind.name,
                said.0
            );
        }
    }
    assert_eq!(
        gateway.ok(&["get", "all", "-o", "name"]),
        "user/ann\nkey/k\nprovider/p\nmodel/m\nroute/r\n"
    );
    assert!(
        gateway
            .ok(&["user", "get", "-o", "csv"])
            .contains("\"検索, \"\"big\"\"\"")
    );
}

#[test]
fn the_other_lists_are_whole_in_every_format() {
    let gateway = Gateway::start();
    for (args, format, first) in [
        (&["provider", "vendors"][..], "table", "NAME "),
        (&["provider", "vendors"], "json", "{"),
        (&["provider", "vendors"], "yaml", "items:"),
        (&["provider", "vendors"], "toml", "[[items]]"),
        (&["provider", "vendors"], "name", "openai"),
        (
            &["model", "search", "gpt-4o", "--vendor", "openai"],
            "table",
            "NAME ",
        ),
        (
            &["model", "search", "gpt-4o", "--vendor", "openai"],
            "csv",
            "name,provider,",
        ),
        (
            &["model", "search", "gpt-4o", "--vendor", "openai"],
            "name",
            "model/",
        ),
        (
            &["model", "search", "gpt-4o", "--vendor", "openai"],
            "jsonl",
            "{\"name\":",
        ),
        (
            &["model", "search", "gpt-4o", "--vendor", "openai"],
            "toml",
            "[[model]]",
        ),
    ] {
        let text = gateway.ok(&[args, &["-o", format]].concat());
        assert!(text.starts_with(first), "{args:?} -o {format}: {text}");
    }
}

#[test]
fn logs_are_whole_in_every_format() {
    let gateway = Gateway::start_with(&["--in-memory", "--mock"]);
    for format in FORMATS.map(|format| format.replace(".name", ".id")) {
        let ran = gateway.cli(&["logs", "-o", &format]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        match format.as_str() {
            "json" => assert_eq!(ran.json(), json!({"items": []})),
            "yaml" => assert_eq!(ran.stdout, "items: []\n"),
            "toml" => assert_eq!(ran.stdout, "items = []\n"),
            "csv" => {
                assert!(ran.stdout.starts_with("at,id,key,") && ran.stdout.lines().count() == 1)
            }
            _ => assert_eq!(ran.stdout, ""),
        }
    }
    let key = gateway.key_with_route("k", &["--to", "mock"]);
    gateway.post(
        "/v1/chat/completions",
        &key,
        &json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}),
    );
    let id = until("the request is logged", || {
        let id = gateway.ok(&["logs", "-o", "name"]);
        (!id.is_empty()).then(|| id.trim().to_owned())
    });
    let logs = |format: &str| gateway.ok(&["logs", "-o", format]);
    let items: Value = serde_json::from_str(&logs("json")).unwrap();
    assert_eq!(items["items"][0]["id"], id.as_str());
    assert_eq!(
        yaml_serde::from_str::<Value>(&logs("yaml")).unwrap()["items"][0]["id"],
        id.as_str()
    );
    assert_eq!(
        toml::from_str::<Value>(&logs("toml")).unwrap()["items"][0]["id"],
        id.as_str()
    );
    assert_eq!(
        serde_json::from_str::<Value>(&logs("jsonl")).unwrap(),
        items["items"][0]
    );
    assert_eq!(logs("value=.id"), format!("{id}\n"));
    assert!(logs("csv").lines().nth(1).unwrap().contains(&id));
    assert!(logs("wide").lines().count() == 2 && logs("table").lines().count() == 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_of_eighty_columns_gets_what_a_pipe_gets() {
    let gateway = Gateway::start();
    furnish(&gateway);
    for kind in KINDS {
        for format in FORMATS
            .into_iter()
            .filter(|format| *format != "wide" && *format != "table")
        {
            let args = ["get", kind.name, "-o", format];
            let piped = gateway.ok(&args);
            for colours in [None, Some("1")] {
                let mut command = gateway.command(&args);
                match colours {
                    Some(off) => command.env("NO_COLOR", off),
                    None => command.env_remove("NO_COLOR"),
                };
                assert_eq!(
                    crate::terminal::on_terminal(&command),
                    (Some(0), piped.clone())
                );
            }
        }
        // Ages go on, so tables are compared without their numbers.
        let args = ["get", kind.name, "-o", "wide"];
        let (_, shown) = crate::terminal::on_terminal(&gateway.command(&args));
        let plain = |text: &str| {
            text.replace(|c: char| c.is_ascii_digit(), "")
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(plain(&shown), plain(&gateway.ok(&args)));
        assert_eq!(shown.lines().count(), 2, "wrapped: {shown}");
    }
}

#[test]
fn formats_and_paths_a_command_cannot_give_are_refused() {
    let gateway = Gateway::start();
    for (args, said) in [
        (
            &["wait", "-o", "csv"][..],
            "error: `gw wait` has no output format `csv`\n  fix: one of: table, json, jsonl\n",
        ),
        (
            &["status", "-o", "name"],
            "error: `gw status` has no output format `name`\n  fix: one of: table, wide, json, jsonl, yaml, toml, value=.PATH\n",
        ),
        (
            &["user", "get", "-o", "value=.nmae"],
            "error: no user has `.nmae`\n  fix: did you mean .name?\n",
        ),
        (
            &["user", "get", "--sort-by", ".status.kyes"],
            "error: no user has `.status.kyes`\n  fix: did you mean .status.keys?\n",
        ),
        (
            &["get", "user,key", "--sort-by", ".emial"],
            "error: no user has `.emial`\n  fix: did you mean .email?\n",
        ),
        (
            &["model", "search", "x", "-o", "value=.prise"],
            "error: no model has `.prise`\n  fix: did you mean .prices?\n",
        ),
        (
            &["user", "create", "x", "-o", "value=.nmae"],
            "error: no user has `.nmae`\n  fix: did you mean .name?\n",
        ),
        (
            &["user", "delete", "x", "-o", "csv"],
            "error: `gw user delete` has no output format `csv`\n",
        ),
        (
            &["status", "-o", "value=.utl"],
            "error: there is no `.utl`\n  fix: one of: ",
        ),
        (
            &["key", "create", "k", "--user", "u", "-o", "csv"],
            "error: `-o csv` has no place for the secret of `k`",
        ),
        (
            &["user", "get", "-o", "xml"],
            "error: `xml` is not an output format\n",
        ),
    ] {
        let ran = gateway.cli(args);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(2), ""),
            "{}",
            ran.what
        );
        assert!(ran.stderr.starts_with(said), "{}: {}", ran.what, ran.stderr);
    }
    assert_eq!(
        gateway.ok(&["user", "get", "-o", "name"]),
        "",
        "made though refused"
    );
}

#[test]
fn gw_output_never_breaks_a_command_that_has_no_such_format() {
    let gateway = Gateway::start();
    gateway.ok(&["user", "create", "ann"]);
    let told = |args: &[&str], format: &str| {
        let output = gateway
            .command(args)
            .env("GW_OUTPUT", format)
            // Whoever has the usual port on this machine: `doctor` would speak of it.
            .env("GW_SERVER__LISTEN", "127.0.0.1:0")
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    for format in FORMATS {
        told(&["wait"], format);
        told(&["explain", "route"], format);
        told(&["completion", "bash"], format);
        told(&["export"], format);
        told(&["user", "get"], format);
        told(&["doctor"], format);
    }
    assert!(told(&["status"], "csv").starts_with("url "));
    // The secret is the one thing that must get out.
    assert!(told(&["key", "create", "k", "--user", "ann"], "name").starts_with("sk-gw-"));
    assert_eq!(
        told(
            &[
                "key",
                "create",
                "l",
                "--user",
                "ann",
                "--output-file",
                "l.key"
            ],
            "name"
        ),
        "key/l\n"
    );
}
