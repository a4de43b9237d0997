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
            err: "error: `vision` is not a capability\n  fix: one of: tools, images, schema, audio, video, pdf, reasoning, caching, search, embeddings, rerank, transcription, speech, image-output, audio-output; none at all where it is not known\n".into(),
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

/// A key `k`, and a provider `up` of a vendor with a catalogue, which the simulator stands in for.
fn furnished(home: &Home) {
    let ok = |line: &[&str]| {
        let ran = home.run(line);
        assert_eq!(ran.code, Some(0), "{line:?}: {ran:?}");
        ran.out
    };
    ok(&["user", "create", "ann"]);
    ok(&[
        "key",
        "create",
        "k",
        "--user",
        "ann",
        "--output-file",
        "k.key",
    ]);
    let url = ok(&["provider", "get", "mock", "-o", "value=.base_url"]);
    ok(&[
        "provider",
        "create",
        "up",
        "--vendor",
        "openai",
        "--base-url",
        url.trim(),
        "--passthrough",
        "--verify=false",
    ]);
    ok(&["provider", "set", "up", "--credential-ref", "env:HOME"]);
}

/// The target that answers a request for this model, or the exit code.
fn answered_by(home: &Home, model: &str) -> Result<String, Option<i32>> {
    let path = "value=.route.model";
    let ran = home.run(&[
        "request",
        "hi",
        "-m",
        model,
        "--key-file",
        "k.key",
        "-o",
        path,
    ]);
    match ran.code {
        Some(0) => Ok(ran.out.trim().to_owned()),
        code => Err(code),
    }
}

#[test]
fn a_disabled_model_leaves_every_route_at_once_and_they_are_named() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed", "--mock"], |_| {});
    furnished(&home);
    let run = |line: &[&str]| home.run(line);
    run(&[
        "route",
        "create",
        "both",
        "--key",
        "k",
        "--to",
        "mock/mock",
        "--to",
        "mock/echo",
    ]);
    run(&[
        "route",
        "create",
        "alone",
        "--user",
        "ann",
        "--to",
        "mock/mock",
    ]);
    for _ in 0..5 {
        assert_eq!(answered_by(&home, "any"), Ok("mock".into()));
        assert_eq!(
            run(&["model", "disable", "mock/mock"]),
            Ran {
                code: Some(0),
                out: "model/mock/mock disabled\n".into(),
                err: "left the routes: alone,both\nno target is left in: alone; give it another with: gw route set alone --to PROVIDER/MODEL\n".into(),
            }
        );
        assert_eq!(answered_by(&home, "any"), Ok("echo".into()));
        let enabled = run(&["model", "enable", "mock/mock"]);
        assert_eq!((enabled.code, &*enabled.err), (Some(0), ""));
    }
    run(&["model", "disable", "mock/mock"]);
    let described = run(&["model", "describe", "mock/mock", "-o", "json"]);
    let described: Value = serde_json::from_str(&described.out).unwrap();
    assert_eq!(
        (
            &described["status"]["routes"],
            &described["status"]["routes_without_target"]
        ),
        (&json!(["alone", "both"]), &json!(["alone"]))
    );
}

#[test]
fn a_model_without_a_record_is_switched_off_and_on() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed", "--mock"], |_| {});
    furnished(&home);
    let run = |line: &[&str]| home.run(line);
    run(&["route", "create", "asked", "--key", "k", "--to", "up"]);
    for (named, model) in [
        // By the id alone, since one provider is known to serve it.
        ("gpt-4o", "gpt-4o"),
        ("up/gpt-4o-mini", "gpt-4o-mini"),
        // Nobody knows it, and it can be asked for all the same.
        ("up/nobody-knows-it", "nobody-knows-it"),
    ] {
        assert_eq!(answered_by(&home, model), Ok(model.into()));
        let disabled = run(&["model", "disable", named]);
        assert_eq!(
            disabled.out,
            format!("model/up/{model} disabled\n"),
            "{disabled:?}"
        );
        assert_eq!(disabled.err, "no longer to be asked for through: asked\n");
        assert_eq!(answered_by(&home, model), Err(Some(9)), "{model}");
        assert_eq!(run(&["model", "enable", named]).code, Some(0));
        assert_eq!(answered_by(&home, model), Ok(model.into()));
    }
    // By whatever name: the model is off, and so it is for all of them.
    run(&[
        "model",
        "create",
        "fast",
        "--provider",
        "up",
        "--upstream-id",
        "gpt-4o",
    ]);
    assert_eq!(run(&["model", "disable", "fast"]).code, Some(0));
    assert_eq!(answered_by(&home, "gpt-4o"), Err(Some(9)));
    let list = run(&["model", "list", "--status", "disabled", "-o", "name"]);
    assert_eq!(list.out, "model/fast\nmodel/up/gpt-4o\n");
    assert_eq!(run(&["model", "enable", "up/gpt-4o"]).code, Some(0));
    assert_eq!(answered_by(&home, "gpt-4o"), Ok("gpt-4o".into()));
    for line in [
        ["model", "disable", "nobodys"],
        ["model", "enable", "up/nobodys"],
    ] {
        assert_eq!(run(&line).code, Some(3), "{line:?}");
    }
}

#[test]
fn models_are_listed_with_and_without_a_provider_and_a_gateway() {
    let home = Home::new();
    let listed = |line: &[&str]| {
        let ran = home.run(&[&["model", "list", "-o", "name"], line].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        (ran.out.lines().count(), ran.err)
    };
    let (all, said) = listed(&["--all"]);
    assert!(all > 200, "{all}");
    assert_eq!(
        said,
        "no gateway answers: this is the catalogue of this program\n"
    );
    let _serving = home.serve_as(&["--secrets", "sealed"], |_| {});
    assert_eq!(listed(&["--all"]), (all, String::new()));
    assert_eq!(
        listed(&[]),
        (
            all,
            "no provider is set up: these are what vendors offer\n".into()
        )
    );
    let made = home.run(&[
        "provider",
        "create",
        "a",
        "--vendor",
        "anthropic",
        "--passthrough",
        "--verify=false",
    ]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let (own, _) = listed(&[]);
    assert!((10..all).contains(&own), "{own}");
    let one = home.run(&["model", "get", "claude-sonnet-4-5", "-o", "name"]);
    assert_eq!(one.out, "model/a/claude-sonnet-4-5\n");
    // What no provider of one's own has is shown as vendors offer it.
    let one = home.run(&["model", "get", "openai/gpt-4o", "-o", "value=.status.state"]);
    assert_eq!(one.out, "offered\n");
    let none = home.run(&["model", "get", "nobodys"]);
    assert_eq!(
        (none.code, &*none.err),
        (
            Some(3),
            "error: no model `nobodys`\n  fix: look for it with: gw model list --all --search 'nobodys'\n"
        )
    );
}
