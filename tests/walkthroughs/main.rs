//! What the systems that gw takes after can do, walked through from a terminal: a shell script for each, that prints what it
//! does and compares every step. They run by hand, too: `GW=./gw sh tests/walkthroughs/tetrate.sh`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::{GW, clients, skip::skip, wait};
use std::process::Command;

/// Runs a walkthrough, which has to come to its end.
#[track_caller]
fn walk(name: &str) {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !there("curl") {
        return skip("there is no curl; run scripts/setup-tests.sh");
    }
    let script = clients::root().join(format!("tests/walkthroughs/{name}.sh"));
    let ended = wait::output(Command::new("sh").arg(script).env("GW", GW));
    assert!(
        ended.status.success(),
        "{name}.sh ended with {}:\n{}{}",
        ended.status,
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[test]
fn ozeki_one_key_of_one_user_to_one_provider() {
    walk("ozeki");
}

#[test]
fn tetrate_a_chain_a_split_a_rule_and_revoking() {
    walk("tetrate");
}

#[test]
fn api7_a_default_model_by_path_and_a_split_with_fallback() {
    walk("api7");
}

#[test]
fn to11_credentials_names_environments_and_discovery() {
    walk("to11");
}

#[test]
fn wso2_endpoints_turns_weights_and_failover() {
    walk("wso2");
}
