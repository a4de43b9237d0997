//! The formats say the same, and mistakes are named.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use serde_json::json;

fn parsed(file: &str, text: &str) -> Vec<(&'static str, Value)> {
    parse(file, text)
        .unwrap()
        .into_iter()
        .map(|item| (item.kind.name, Value::Object(item.body)))
        .collect()
}

#[test]
fn the_formats_say_the_same() {
    let wanted = vec![
        ("user", json!({"name": "ann"})),
        (
            "route",
            json!({"name": "r", "keys": ["k"], "targets": [{"provider": "p"}]}),
        ),
    ];
    let toml = "[[user]]\nname = \"ann\"\n[[route]]\nname = \"r\"\nkeys = [\"k\"]\ntargets = [{ provider = \"p\" }]\n";
    let yaml = "user:\n- name: ann\nroute:\n- name: r\n  keys: [k]\n  targets: [{provider: p}]\n";
    let json = r#"{"user":[{"name":"ann"}],"route":[{"name":"r","keys":["k"],"targets":[{"provider":"p"}]}]}"#;
    let items = r#"{"items":[{"kind":"user","name":"ann","version":3,"created":"x","status":{}},{"kind":"route","name":"r","keys":["k"],"targets":[{"provider":"p"}]}]}"#;
    for (file, text) in [
        ("a.toml", toml),
        ("-", toml),
        ("a.yaml", yaml),
        ("-", yaml),
        ("a.json", json),
        ("-", json),
        ("-", items),
    ] {
        assert_eq!(parsed(file, text), wanted, "{file}: {text}");
    }
    assert_eq!(
        parsed(
            "-",
            "{\"kind\":\"user\",\"name\":\"a\"}\n{\"kind\":\"user\",\"name\":\"b\"}\n"
        )
        .len(),
        2
    );
    assert_eq!(
        parsed("a.yml", "user: [{name: a}]\n---\nuser: [{name: b}]\n").len(),
        2
    );
}

#[test]
fn mistakes_are_named() {
    for (file, text, says) in [
        ("a.toml", "[[user]]\nname = \n", "line 2"),
        (
            "a.toml",
            "[user]\nname = \"a\"\n",
            "`user` in `a.toml` is not a list",
        ),
        (
            "a.toml",
            "[[usr]]\nname = \"a\"\n",
            "`usr` is not a resource kind (in `a.toml`)",
        ),
        (
            "a.json",
            "{\"user\":[1]}",
            "a user in `a.json` is not a table",
        ),
        ("a.json", "{", "is not valid JSON"),
        ("-", "just words", "is not valid TOML"),
    ] {
        let error = parse(file, text).unwrap_err();
        assert!(error.message.contains(says), "{says}: {}", error.message);
    }
    let items = parse("a.toml", "[[user]]\nteam = \"x\"\n").unwrap();
    assert!(items[0].name().unwrap_err().message.contains("has no name"));
}

#[test]
fn secrets_are_read_from_files_by_this_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    std::fs::write(&path, "sk-file\n").unwrap();
    let text = format!(
        "[[provider]]\nname = \"p\"\nvendor = \"openai\"\ncredential_from = {{ file = {:?} }}\n",
        path.display().to_string()
    );
    let mut items = parse("a.toml", &text).unwrap();
    resolve(&mut items).unwrap();
    assert_eq!(
        Value::Object(items[0].body.clone()),
        json!({"name": "p", "vendor": "openai", "credential": "managed", "credential_value": "sk-file"})
    );
    let mut items = parse(
        "a.toml",
        "[[key]]\nname = \"k\"\nuser = \"u\"\nsecret_from = { env = \"GW_TEST_NOT_SET\" }\n",
    )
    .unwrap();
    assert_eq!(
        resolve(&mut items).unwrap_err().message,
        "the variable `GW_TEST_NOT_SET` is not set here"
    );
    let mut items = parse(
        "a.toml",
        "[[key]]\nname = \"k\"\nuser = \"u\"\nsecret_from = \"sk-oops\"\n",
    )
    .unwrap();
    let error = resolve(&mut items).unwrap_err();
    assert!(error.message.contains("is not a source") && !format!("{error:?}").contains("sk-oops"));
}
