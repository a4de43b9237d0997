//! A test that cannot run here is seen: it says why, is listed for the closing lines of scripts/test.sh, and fails where
//! every test must run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "harness/skip.rs"]
mod skip;
#[path = "harness/wait.rs"]
mod wait;

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
#[ignore = "run by the tests below"]
fn inner() {
    match std::env::var_os("ABSENT") {
        Some(_) => skip::absent("the moon is not in this checkout"),
        None => skip::skip("there is no moon"),
    }
}

#[test]
fn what_is_no_part_of_a_checkout_is_told_from_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("skipped");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "inner", "--ignored"])
        .env_remove("GW_TESTS_MUST_RUN")
        .env("ABSENT", "1")
        .env("GW_TESTS_SKIPPED", &list)
        .stdin(Stdio::null());
    assert!(wait::output(&mut command).status.success());
    assert_eq!(
        std::fs::read_to_string(&list).unwrap(),
        "ABSENT inner: the moon is not in this checkout\n"
    );
}

/// Whether the inner test passed, and what it and its harness wrote.
fn run(must: Option<&str>, list: &Path) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "inner", "--ignored", "--test-threads=2"])
        .env_remove("GW_TESTS_MUST_RUN")
        .env("GW_TESTS_SKIPPED", list)
        .stdin(Stdio::null());
    if let Some(must) = must {
        command.env("GW_TESTS_MUST_RUN", must);
    }
    let output = wait::output(&mut command);
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn a_skipped_test_says_why_and_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("skipped");
    let line = "SKIPPED inner: there is no moon\n";
    for times in 1..=2 {
        let (passed, said) = run(None, &list);
        assert!(passed && said.contains(line), "{said}");
        assert_eq!(std::fs::read_to_string(&list).unwrap(), line.repeat(times));
    }
}

#[test]
fn a_skipped_test_fails_where_all_must_run() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("skipped");
    let (passed, said) = run(Some("1"), &list);
    assert!(!passed, "{said}");
    assert!(
        said.contains("`inner` may not be skipped here: there is no moon"),
        "{said}"
    );
    assert!(!list.exists());
}

/// One way to skip: who prints instead would not be seen.
#[test]
fn every_skip_goes_through_one_function() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut places, mut seen) = (vec![root.join("src"), root.join("tests")], 0);
    while let Some(place) = places.pop() {
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let printed = ["eprintln!(\"skip", "eprintln!(\n            \"skip"];
                assert!(
                    path.ends_with("tests/skipping.rs")
                        || !printed.iter().any(|way| text.contains(way)),
                    "{}: use skip()",
                    path.display()
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen}");
}
