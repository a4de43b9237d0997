//! Records move from one gateway to another by `gw export` and `gw apply`; `gw diff` says before what would change.

use super::mistakes::write;
use crate::harness::Gateway;
use serde_json::{Value, json};

/// A gateway with two providers of one vendor and one of another, a key and a route.
fn furnished() -> Gateway {
    let gateway = Gateway::start();
    gateway.provider("one", "openai", "http://127.0.0.1:9/v1", "sk-one");
    gateway.provider("two", "openai", "http://127.0.0.1:9/v1", "sk-two");
    gateway.provider("claude", "anthropic", "http://127.0.0.1:9", "sk-three");
    gateway.key_with_route("ci", &["--to", "one/gpt-4o", "--to", "claude"]);
    gateway.ok(&["key", "set", "ci", "--label", "env=ci"]);
    gateway
}

const VARIABLES: [(&str, &str); 3] = [
    ("ANTHROPIC_API_KEY", "sk-three"),
    ("ONE_API_KEY", "sk-one"),
    ("TWO_API_KEY", "sk-two"),
];

/// Runs a line with the variables set.
fn with_variables(gateway: &Gateway, args: &[&str]) -> (Option<i32>, String, String) {
    let ran = gateway.command(args).envs(VARIABLES).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

#[test]
fn an_export_names_the_variables_and_applies_elsewhere_once_they_are_set() {
    let (old, new) = (furnished(), Gateway::start());
    let ran = old.cli(&["export"]);
    let head = "credentials are not exported: set ANTHROPIC_API_KEY, ONE_API_KEY, TWO_API_KEY where this is applied; a gateway that has them needs none\n\
                secrets of keys are not exported: where a key is new it gets a new one, shown once, or add secret_from = { env = \"NAME\" }\n";
    assert_eq!(ran.stderr, head);
    let commented: String = head.lines().map(|line| format!("# {line}\n")).collect();
    assert!(ran.stdout.starts_with(&commented), "{}", ran.stdout);
    for secret in ["sk-one", "sk-two", "sk-three"] {
        assert!(!ran.stdout.contains(secret));
    }
    write(&new, "all.toml", &ran.stdout);
    // Nothing is made while something is missing.
    let missing = new.cli(&["apply", "-f", "all.toml"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (Some(2), ""));
    assert!(
        missing
            .stderr
            .contains("provider `claude` has a managed credential, and none was given"),
        "{}",
        missing.stderr
    );
    assert!(
        missing.stderr.contains("set ANTHROPIC_API_KEY"),
        "{}",
        missing.stderr
    );
    let (code, stdout, stderr) = with_variables(&new, &["apply", "-f", "all.toml"]);
    assert_eq!(
        (code, stdout.as_str()),
        (
            Some(0),
            "user/tester created\nkey/ci created\nprovider/claude created\nprovider/one created\nprovider/two created\nroute/ci created\n6 created, 0 configured, 0 unchanged\n"
        ),
        "{stderr}"
    );
    // The key's new secret is the one thing to keep.
    let secret = stderr
        .strip_prefix("key/ci has a new secret, shown this once: ")
        .unwrap()
        .trim();
    let known = new.cli_with_input(&["key", "identify", "-o", "name"], secret);
    assert_eq!(known.success(), "key/ci\n");
    assert_eq!(new.ok(&["export"]), old.ok(&["export"]));
    // Where everything is there already, nothing is needed and nothing changes.
    for gateway in [&old, &new] {
        write(gateway, "again.toml", &ran.stdout);
        assert_eq!(
            gateway.ok(&["apply", "-f", "again.toml"]).lines().last(),
            Some("0 created, 0 configured, 6 unchanged")
        );
    }
}

#[test]
fn a_key_keeps_its_secret_where_the_file_names_a_variable() {
    let (old, new) = (Gateway::start(), Gateway::start());
    let secret = old.key("ci");
    let file = old.ok(&["export"]).replace(
        "[[key]]\n",
        "[[key]]\nsecret_from = { env = \"CI_GW_KEY\" }\n",
    );
    write(&new, "all.toml", &file);
    let ran = new
        .command(&["apply", "-f", "all.toml"])
        .env("CI_GW_KEY", &secret)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    let known = new.cli_with_input(&["key", "identify", "-o", "name"], &secret);
    assert_eq!(known.success(), "key/ci\n");
}

#[test]
fn every_format_of_an_export_that_apply_reads_comes_back_unchanged() {
    let gateway = furnished();
    for format in ["toml", "json", "yaml", "jsonl"] {
        let file = format!("all.{format}");
        write(&gateway, &file, &gateway.ok(&["export", "-o", format]));
        assert_eq!(
            gateway.ok(&["apply", "-f", &file]).lines().last(),
            Some("0 created, 0 configured, 6 unchanged"),
            "{format}"
        );
    }
}

#[test]
fn an_export_of_what_is_not_there_is_not_found_and_names_it() {
    let gateway = furnished();
    for (line, stderr) in [
        (
            &["export", "key/nope"][..],
            "error: no key `nope`\n  fix: list what there is with: gw key get\n",
        ),
        (
            &["export", "key/ci", "route/x", "user/y"],
            "error: no route `x`, no user `y`\n  fix: list what there is with: gw route get\n",
        ),
    ] {
        let ran = gateway.cli(line);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (Some(3), "", stderr)
        );
    }
    assert_eq!(
        gateway.ok(&["export", "-l", "env=ci", "-o", "name"]),
        "key/ci\n"
    );
    assert_eq!(
        gateway.ok(&["export", "provider", "route/ci", "-o", "name"]),
        "provider/claude\nprovider/one\nprovider/two\nroute/ci\n"
    );
    assert_eq!(
        gateway.cli(&["export", "key/ci", "-l", "env=ci"]).code,
        Some(2)
    );
}

const RECORDS: &str = "[[user]]\nname = \"ann\"\n\n[[key]]\nname = \"k\"\nuser = \"ann\"\nsecret_from = { env = \"K\" }\nreplace_secret = true\n\n[[provider]]\nname = \"p\"\nvendor = \"openai\"\ncredential_from = { env = \"P\" }\n";

fn diff(gateway: &Gateway, args: &[&str], k: &str, p: &str) -> (Option<i32>, String, String) {
    let line = [&["diff", "-f", "r.toml"], args].concat();
    let ran = gateway
        .command(&line)
        .env("K", k)
        .env("P", p)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

const K: [&str; 2] = ["sk-q7Rz0vKd2Lw9XcPbT4mYhN8e", "sk-G5uJ1sAo6WfEiZ3tCkVx7BnD"];

#[test]
fn diff_shows_that_secrets_change_and_never_what_they_are() {
    let gateway = Gateway::start();
    write(&gateway, "r.toml", RECORDS);
    let (code, stdout, stderr) = diff(&gateway, &[], K[0], "sk-p1");
    assert_eq!(
        (code, stderr.as_str(), stdout.as_str()),
        (
            Some(1),
            "",
            "  user/ann to create\n+   enabled = true\n  key/k to create\n+   user = \"ann\"\n+   enabled = true\n+   secret: new, not shown\n  provider/p to create\n+   vendor = \"openai\"\n+   credential = \"managed\"\n+   enabled = true\n+   credential_value: new, not shown\n0 to change, 3 to create, 0 to delete\n"
        )
    );
    let applied = gateway
        .command(&["apply", "-f", "r.toml"])
        .env("K", K[0])
        .env("P", "sk-p1")
        .output()
        .unwrap();
    assert!(applied.status.success());
    assert_eq!(
        diff(&gateway, &[], K[0], "sk-p1"),
        (
            Some(0),
            "0 to change, 0 to create, 0 to delete\n".into(),
            String::new()
        )
    );
    assert_eq!(
        diff(&gateway, &[], K[1], "sk-p2"),
        (
            Some(1),
            "  key/k\n+   secret: another, not shown\n  provider/p\n+   credential_value: another, not shown\n2 to change, 0 to create, 0 to delete\n".into(),
            String::new()
        )
    );
    let (code, stdout, _) = diff(&gateway, &["-o", "name"], K[1], "sk-p1");
    assert_eq!((code, stdout.as_str()), (Some(1), "key/k\n"));
    let (code, stdout, _) = diff(&gateway, &["-o", "json"], K[1], "sk-p1");
    let read: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (code, read),
        (
            Some(1),
            json!({
                "items": [{"kind": "key", "name": "k", "result": "configured", "changes": [{"field": "secret", "secret": "another"}]}],
                "created": 0, "configured": 1, "unchanged": 2, "pruned": 0, "dry_run": true,
            })
        )
    );
}

#[test]
fn diff_says_what_apply_with_the_same_flags_would_do() {
    let gateway = Gateway::start();
    let two = "[[user]]\nname = \"ann\"\n[[user]]\nname = \"bob\"\n";
    let one = "[[user]]\nname = \"ann\"\nteam = \"search\"\n";
    gateway
        .cli_with_input(&["apply", "-f", "-", "--owner", "ci"], two)
        .success();
    gateway.ok(&["user", "create", "eve"]);
    for (args, stdout) in [
        (
            &["--owner", "ci", "--prune"][..],
            "  user/ann\n+   team = \"search\"\n  user/bob to delete\n-   enabled = true\n-   labels = { gw/owner = \"ci\" }\n1 to change, 0 to create, 1 to delete\n",
        ),
        (
            &["--owner", "ci"],
            "  user/ann\n+   team = \"search\"\n1 to change, 0 to create, 0 to delete\n",
        ),
        (
            &[],
            "  user/ann\n+   team = \"search\"\n1 to change, 0 to create, 0 to delete\n",
        ),
        (
            &["--owner", "me", "--force-conflicts"],
            "  user/ann\n-   labels = { gw/owner = \"ci\" }\n+   labels = { gw/owner = \"me\" }\n+   team = \"search\"\n1 to change, 0 to create, 0 to delete\n",
        ),
    ] {
        let ran = gateway.cli_with_input(&[&["diff", "-f", "-"], args].concat(), one);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (Some(1), stdout, ""),
            "{args:?}"
        );
    }
    let ran = gateway.cli_with_input(&["diff", "-f", "-", "--owner", "me"], one);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            Some(5),
            "error: standard input:1:1: user `ann` belongs to `ci`\n  fix: take it over with --force-conflicts\n"
        )
    );
    let ran = gateway.cli_with_input(&["diff", "-f", "-", "--owner", "ci", "--prune"], "");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let ran = gateway.cli_with_input(&["diff", "-f", "-"], "");
    assert_eq!(ran.code, Some(2), "{ran:?}");
}
