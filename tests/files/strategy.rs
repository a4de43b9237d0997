//! `route set --strategy` takes full effect: the order of targets and the new strategy decide, not numbers that
//! another strategy left behind.

use crate::harness::Gateway;
use serde_json::Value;

/// How often each target is the first choice of a hundred requests.
fn drawn(gateway: &Gateway) -> Vec<String> {
    let args = ["route", "explain", "r", "--key", "k", "-m", "x"];
    let answer: Value = gateway
        .cli(&[&args[..], &["--times", "100", "-o", "json"]].concat())
        .json();
    let mut names: Vec<String> = answer["draws"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    names.sort();
    names
}

fn furnished(strategy: &[&str]) -> Gateway {
    let gateway = Gateway::start();
    for name in ["a", "b", "c"] {
        gateway.ok(&[
            "provider",
            "create",
            name,
            "--vendor",
            "mock",
            "--verify=false",
        ]);
    }
    gateway.key("k");
    gateway.ok(&[
        &["route", "create", "r", "--key", "k", "--seed", "1"],
        strategy,
    ]
    .concat());
    gateway
}

#[test]
fn a_fallback_that_becomes_a_split_draws_from_all_targets() {
    let gateway = furnished(&["--to", "a/m", "--to", "b/m", "--to", "c/m"]);
    assert_eq!(drawn(&gateway), ["a/m"]);
    gateway.ok(&["route", "set", "r", "--strategy", "split"]);
    assert_eq!(drawn(&gateway), ["a/m", "b/m", "c/m"]);
    gateway.ok(&["route", "set", "r", "--strategy", "fallback"]);
    assert_eq!(drawn(&gateway), ["a/m"]);
}

#[test]
fn a_split_with_tiers_that_becomes_a_fallback_goes_in_order_and_forgets_the_tiers() {
    let split = [
        "--strategy",
        "split",
        "--to",
        "a/m",
        "--to",
        "b/m",
        "--then",
        "c/m",
    ];
    let gateway = furnished(&split);
    assert_eq!(drawn(&gateway), ["a/m", "b/m"]);
    gateway.ok(&["route", "set", "r", "--strategy", "fallback"]);
    assert_eq!(drawn(&gateway), ["a/m"]);
    gateway.ok(&["route", "set", "r", "--strategy", "split"]);
    assert_eq!(drawn(&gateway), ["a/m", "b/m", "c/m"]);
}
