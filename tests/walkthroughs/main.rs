//! What the systems that gw takes after can do, walked through from a terminal: a shell script for each, that prints what it
//! does and compares every step. They run by hand, too: `GW=./gw sh tests/walkthroughs/tetrate.sh`. With `GW_BLESS=1` what
//! came is written into the scripts, to be read in the diff.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;

use harness::{GW, clients, skip::skip, wait};
use std::path::Path;
use std::process::Command;

/// Runs a walkthrough, which has to come to its end.
#[track_caller]
fn walk(name: &str) {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !there("curl") {
        return skip("there is no curl; run scripts/setup-tests.sh");
    }
    let script = clients::root().join(format!("tests/walkthroughs/{name}.sh"));
    let mut command = Command::new("sh");
    command.arg(&script).env("GW", GW);
    let bless = std::env::var_os("GW_BLESS").is_some_and(|value| value == "1");
    let came = bless.then(|| tempfile::tempdir().unwrap());
    if let Some(came) = &came {
        command.env("GW_RECORD", came.path());
    }
    let ended = wait::output(&mut command);
    if let Some(came) = &came {
        write_down(&script, came.path());
    }
    assert!(
        ended.status.success(),
        "{name}.sh ended with {}:\n{}{}",
        ended.status,
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
}

/// Puts what came of each step in place of what stands below it.
fn write_down(script: &Path, came: &Path) {
    const BEGIN: &str = "<<'OUT'\n";
    const END: &str = "OUT\n";
    let text = std::fs::read_to_string(script).unwrap();
    let (mut blessed, mut rest, mut step) = (String::new(), text.as_str(), 0);
    while let Some((before, after)) = rest.split_once(BEGIN) {
        step += 1;
        let end = after
            .find(END)
            .filter(|end| *end == 0)
            .or_else(|| Some(after.find(&format!("\n{END}"))? + 1));
        let end = end.expect("an end of what came");
        let got = std::fs::read_to_string(came.join(step.to_string()));
        blessed.push_str(before);
        blessed.push_str(BEGIN);
        blessed.push_str(got.as_deref().unwrap_or(&after[..end]));
        rest = &after[end..];
    }
    blessed.push_str(rest);
    std::fs::write(script, blessed).unwrap();
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
