//! What strangers write (labels, model names, upstream errors, names mistyped) never steers the terminal it is shown on.

use crate::harness::Gateway;
use crate::terminal::on_terminal;

/// Clears the screen in two ways, turns the direction of writing, ends a line, hides.
const NASTY: &str = "a\u{1b}[2J\u{9b}2Jb\u{202e}c\u{2066}d\u{2028}e\u{200f}f\u{feff}g";
const SHOWN: &str = "a\\u001b[2J\\u009b2Jb\\u202ec\\u2066d\\u2028e\\u200ff\\ufeffg";

#[track_caller]
fn harmless(what: &str, written: &str) {
    let steers = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    assert!(
        !written.contains(steers),
        "{what} let it through: {written:?}"
    );
}

/// On a terminal that cannot move its cursor, so that gw has no escape sequences of its own to write.
fn shown(gateway: &Gateway, args: &[&str]) -> (Option<i32>, String) {
    on_terminal(gateway.command(args).env("TERM", "dumb"))
}

#[test]
fn records_are_shown_escaped_in_every_format_on_a_terminal() {
    let gateway = Gateway::start();
    gateway.ok(&[
        "user",
        "create",
        "ann",
        "--display-name",
        NASTY,
        "--team",
        NASTY,
    ]);
    for format in [
        "table",
        "wide",
        "json",
        "jsonl",
        "yaml",
        "toml",
        "csv",
        "name",
        "value=.team",
    ] {
        for verb in ["get", "describe"] {
            let (code, written) = shown(&gateway, &["user", verb, "ann", "-o", format]);
            assert_eq!(code, Some(0), "{written}");
            harmless(&format!("user {verb} -o {format}"), &written);
            if ["wide", "json", "value=.team"].contains(&format) {
                assert!(written.contains(SHOWN), "{written}");
            }
        }
    }
    // A program gets what there is; JSON means the same and is escaped for it too.
    assert_eq!(
        gateway.ok(&["user", "get", "ann", "-o", "value=.team"]),
        format!("{NASTY}\n")
    );
    let json = gateway.cli(&["user", "get", "ann", "-o", "json"]);
    harmless("JSON in a pipe", &json.stdout);
    assert_eq!(json.json()["team"], NASTY);
}

#[test]
fn errors_and_talk_are_shown_escaped() {
    let gateway = Gateway::start();
    for args in [
        &["user", "get", NASTY][..],
        &["user", "create", NASTY],
        &["user", "create", "x", "--label", NASTY],
        &["user", "get", "-o", NASTY],
        &["route", "create", "r", "--key", NASTY, "--to", NASTY],
        &["user", NASTY],
        &["explain", NASTY],
        &["help", NASTY],
        &["apply", "-f", NASTY],
        &["--admin-url", NASTY, "status"],
        &["user", "get", "-l", NASTY],
    ] {
        let (_, written) = shown(&gateway, args);
        harmless(&format!("{args:?}"), &written);
        let json = gateway.cli(&[args, &["--output=json"]].concat());
        harmless(&format!("{args:?} in JSON"), &json.stderr);
    }
}

#[test]
fn request_logs_are_shown_escaped() {
    let gateway = Gateway::start_with(&["--in-memory", "--mock"]);
    let key = gateway.key_with_route("k", &["--to", "mock"]);
    let answer = gateway.post(
        "/v1/chat/completions",
        &key,
        &serde_json::json!({"model": NASTY, "messages": [{"role": "user", "content": NASTY}]}),
    );
    let id = crate::harness::until("the request is logged", || {
        let id = gateway.ok(&["logs", "-o", "name"]);
        (!id.is_empty()).then(|| id.trim().to_owned())
    });
    for args in [
        &["logs"][..],
        &["logs", "-o", "wide"],
        &["logs", "-o", "csv"],
        &["logs", "-o", "yaml"],
        &["logs", "get", &id, "--bodies"],
        &["logs", "export"],
        &["route", "explain", "--key", "k", "-m", NASTY],
        &[
            "request",
            NASTY,
            "-m",
            NASTY,
            "--key-file",
            "k.key",
            "--explain",
        ],
    ] {
        let (_, written) = shown(&gateway, args);
        harmless(&format!("{args:?} after {}", answer.status), &written);
        harmless(
            &format!("{args:?} in JSON"),
            &gateway.cli(&[args, &["-o", "json"]].concat()).stdout,
        );
    }
}
