//! Whole outputs, compared.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Format, Look, error};
use crate::error::Error;
use crate::resources::{Stamp, kind};
use serde_json::{Value, json};

fn users() -> Vec<Value> {
    vec![
        json!({"apiVersion": "gw/v1", "kind": "user", "name": "ann", "team": "a, b", "enabled": true, "labels": {"env": "ci"}, "version": 2,
            "created": "2026-11-21T09:00:00.000Z", "updated": "2026-11-21T09:00:00.000Z", "status": {"keys": 2, "usage": {"requests": 12345, "tokens": 4_500_000, "spend": "12.345678901234"}}}),
        json!({"apiVersion": "gw/v1", "kind": "user", "name": "bo\u{1b}[2Jb", "enabled": false, "version": 1, "created": "2026-11-19T09:30:00.000Z", "updated": "2026-11-19T09:30:00.000Z"}),
    ]
}

fn shown(format: &str, single: bool) -> String {
    let look = Look {
        format: format.parse().unwrap(),
        asked: true,
        headers: true,
        labels: false,
    };
    let items = if single {
        users()[..1].to_vec()
    } else {
        users()
    };
    look.records_at(
        kind("user").unwrap(),
        &items,
        single,
        Stamp::parse("2026-11-21T09:30:00Z").unwrap(),
    )
    .unwrap()
}

#[test]
fn tables() {
    assert_eq!(
        shown("table", false),
        "NAME           KEYS   REQUESTS   TOKENS   SPEND    STATUS     AGE   LAST-USED\nann            2      12.3k      4.5M     $12.35   enabled    30m   -\nbo\\u001b[2Jb   -      -          -        -        disabled   2d    -\n"
    );
    assert_eq!(
        shown("wide", false),
        "NAME           KEYS   REQUESTS   TOKENS   SPEND    STATUS     AGE   LAST-USED   EMAIL   TEAM   LIMITS\nann            2      12.3k      4.5M     $12.35   enabled    30m   -           -       a, b   -\nbo\\u001b[2Jb   -      -          -        -        disabled   2d    -           -       -      -\n"
    );
    let look = Look {
        format: Format::Table,
        asked: true,
        headers: false,
        labels: true,
    };
    let now = Stamp::parse("2026-11-21T09:30:00Z").unwrap();
    assert_eq!(
        look.records_at(kind("user").unwrap(), &users()[..1], false, now)
            .unwrap(),
        "ann   2   12.3k   4.5M   $12.35   enabled   30m   -   env=ci\n"
    );
    assert_eq!(
        look.records_at(kind("user").unwrap(), &[], false, now)
            .unwrap(),
        ""
    );
    let look = Look {
        format: Format::Table,
        asked: true,
        headers: true,
        labels: false,
    };
    assert_eq!(
        look.records_at(kind("user").unwrap(), &[], false, now)
            .unwrap(),
        "NAME   KEYS   REQUESTS   TOKENS   SPEND   STATUS   AGE   LAST-USED\n"
    );
}

#[test]
fn machine_formats() {
    let ann = &users()[0];
    assert_eq!(
        serde_json::from_str::<Value>(&shown("json", true)).unwrap(),
        *ann
    );
    assert_eq!(
        serde_json::from_str::<Value>(&shown("json", false)).unwrap(),
        json!({ "items": users() })
    );
    assert_eq!(
        shown("jsonl", false)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<Value>>(),
        users()
    );
    assert_eq!(
        yaml_serde::from_str::<Value>(&shown("yaml", true)).unwrap(),
        *ann
    );
    assert_eq!(
        shown("toml", true),
        "[[user]]\nname = \"ann\"\nteam = \"a, b\"\nenabled = true\n\n[user.labels]\nenv = \"ci\"\n"
    );
    assert_eq!(shown("name", false), "user/ann\nuser/bo\u{1b}[2Jb\n");
    assert_eq!(shown("value=.status.keys", false), "2\n\n");
    assert_eq!(
        shown("csv", false),
        "name,status.keys,status.usage.requests,status.usage.tokens,status.usage.spend,enabled,created,status.last_used,email,team,limits\nann,2,12345,4500000,12.345678901234,true,2026-11-21T09:00:00.000Z,,,\"a, b\",\nbo\u{1b}[2Jb,,,,,false,2026-11-19T09:30:00.000Z,,,,\n"
    );
}

#[test]
fn routes_show_targets_as_they_are_written() {
    let look = Look {
        format: Format::Table,
        asked: true,
        headers: true,
        labels: false,
    };
    let route = json!({"name": "r", "keys": ["k", "l"], "strategy": "split", "enabled": true, "created": "2026-11-21T09:00:00Z",
        "targets": [{"provider": "openai", "model": "gpt-4o", "weight": 8}, {"provider": "anthropic"}]});
    assert_eq!(
        look.records_at(
            kind("route").unwrap(),
            &[route],
            false,
            Stamp::parse("2026-11-21T09:30:00Z").unwrap()
        )
        .unwrap(),
        "NAME   KEYS   TARGETS                     REQUESTS   TOKENS   SPEND   ACTIVE   AGE\nr      k,l    openai/gpt-4o=8,anthropic   -          -        -       yes      30m\n"
    );
}

#[test]
fn unknown_formats_are_named() {
    let error = "xml".parse::<Format>().unwrap_err();
    assert_eq!(
        error::lines(&error, false),
        "error: `xml` is not an output format\n  fix: one of: table, wide, json, jsonl, yaml, toml, csv, name, value=.PATH\n"
    );
}

#[test]
fn errors_as_text_and_json() {
    let error = Error::not_found("no route `x`\u{1b}[2J")
        .hint("gw route get")
        .param("name");
    assert_eq!(
        error::lines(&error, false),
        "error: no route `x`\\u001b[2J\n  fix: gw route get\n"
    );
    assert_eq!(
        error::lines(&Error::invalid("a"), true),
        "\u{1b}[1;31merror:\u{1b}[0m a\n"
    );
    assert_eq!(
        error::json_line(&Error::not_found("no").hint("do").param("name")),
        "{\"error\":{\"code\":\"not_found\",\"message\":\"no\",\"fix\":\"do\",\"param\":\"name\"}}\n"
    );
}
