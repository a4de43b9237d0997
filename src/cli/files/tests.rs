//! The formats say the same, and mistakes are named.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use serde_json::json;

fn items(file: &str, text: &str) -> Result<Vec<Item>> {
    let (mut mistakes, mut items) = (Mistakes::default(), Vec::new());
    super::parsed(file, 0, text.to_owned(), &mut mistakes, &mut items);
    in_order(&mut items);
    mistakes.end().map(|()| items)
}

fn parsed(file: &str, text: &str) -> Vec<(&'static str, Value)> {
    items(file, text)
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
fn mistakes_are_named_with_their_place() {
    for (file, text, says) in [
        (
            "a.toml",
            "[[user]]\nname = \n",
            "a.toml:2:8: not valid TOML: string values must be quoted, expected literal string",
        ),
        (
            "a.toml",
            "[user]\nname = \"a\"\n",
            "a.toml:1:2: `user` is not a list of records",
        ),
        (
            "a.toml",
            "[[usr]]\nname = \"a\"\n",
            "a.toml:1:3: `usr` is not a resource kind",
        ),
        (
            "a.json",
            "{\"user\":[1]}",
            "a.json:1:11: a user is a table of fields",
        ),
        (
            "a.json",
            "{",
            "a.json:1:1: not valid JSON: EOF while parsing an object",
        ),
        ("a.json", "5", "a.json:1:2: this holds no records"),
        (
            "a.json",
            "[{\"name\": \"a\"}]",
            "a.json:1:2: a record in a list says its `kind`, and this does not",
        ),
        (
            "a.yaml",
            "user:\n- name: A\n",
            "a.yaml:2:3: `A` is not a user name",
        ),
        (
            "a.toml",
            "[[user]]\nteam = \"x\"\n",
            "a.toml:1:1: a user has a name, and this has none",
        ),
    ] {
        let error = items(file, text).unwrap_err();
        assert_eq!(error.message, says);
    }
    let error = items("-", "just words").unwrap_err();
    assert!(error.message.starts_with("standard input:1:"), "{error}");
}

#[test]
fn secrets_are_read_from_files_by_this_process() {
    let resolved = |text: &str| {
        let mut item = items("a.toml", text).unwrap().remove(0);
        secrets::resolve(&mut item).map(|()| Value::Object(item.body))
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    std::fs::write(&path, "sk-file\n").unwrap();
    let text = format!(
        "[[provider]]\nname = \"p\"\nvendor = \"openai\"\ncredential_from = {{ file = {:?} }}\n",
        path.display().to_string()
    );
    assert_eq!(
        resolved(&text).unwrap(),
        json!({"name": "p", "vendor": "openai", "credential": "managed", "credential_value": "sk-file"})
    );
    let unset = "{ env = \"GW_TEST_NOT_SET\" }";
    let text = format!("[[key]]\nname = \"k\"\nuser = \"u\"\nsecret_from = {unset}\n");
    assert_eq!(
        resolved(&text).unwrap_err().message,
        "the variable `GW_TEST_NOT_SET` is not set here"
    );
    let error =
        resolved("[[key]]\nname = \"k\"\nuser = \"u\"\nsecret_from = \"sk-oops\"\n").unwrap_err();
    assert!(error.message.contains("is not a source") && !format!("{error:?}").contains("sk-oops"));
    // The gateway may have it already.
    let text = format!(
        "[[provider]]\nname = \"p\"\nvendor = \"v\"\ncredential = \"managed\"\ncredential_from = {unset}\n"
    );
    assert_eq!(
        resolved(&text).unwrap(),
        json!({"name": "p", "vendor": "v", "credential": "managed"})
    );
}
