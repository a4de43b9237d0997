//! Very many records in one file, and one record that is too large.

use super::mistakes::write;
use crate::harness::Gateway;

#[test]
fn ten_thousand_keys_with_long_labels_are_applied_at_once() {
    let gateway = Gateway::start_on_disk();
    let label = "x".repeat(1000);
    let mut text = String::from("[[user]]\nname = \"ann\"\n");
    for number in 0..10_000 {
        text.push_str(&format!(
            "[[key]]\nname = \"key-{number:05}\"\nuser = \"ann\"\nlabels = {{ env = \"ci\", what = \"{label}\" }}\n"
        ));
    }
    write(&gateway, "many.toml", &text);
    let ran = gateway.cli(&["apply", "-f", "many.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(
        ran.stdout.lines().last(),
        Some("10001 created, 0 configured, 0 unchanged")
    );
    // Every new secret is there to be kept.
    let secrets = ran.stderr.lines().filter(|line| line.contains("sk-gw-"));
    assert_eq!(secrets.count(), 10_000);
    let again = gateway.cli(&["diff", "-f", "many.toml"]);
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (Some(0), "0 to change, 0 to create, 0 to delete\n"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_record_that_is_too_large_is_named_with_its_line() {
    let gateway = Gateway::start_on_disk();
    write(
        &gateway,
        "large.toml",
        &format!(
            "[[user]]\nname = \"ann\"\n\n[[user]]\nname = \"big\"\nlabels = {{ what = \"{}\" }}\n",
            "x".repeat(9000)
        ),
    );
    let ran = gateway.cli(&["apply", "-f", "large.toml"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(
        ran.stderr.starts_with("error: large.toml:4:1: user `big` "),
        "{}",
        ran.stderr
    );
    assert_eq!(gateway.ok(&["user", "get", "-o", "name"]), "");
}

#[test]
fn what_one_apply_may_send_is_bounded_and_the_bound_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("small.toml");
    std::fs::write(&config, "[limits]\nadmin_max_apply = \"1KiB\"\n").unwrap();
    let gateway = Gateway::start_with(&["--in-memory", "--config", config.to_str().unwrap()]);
    let text: String = (0..100)
        .map(|number| format!("[[user]]\nname = \"user-{number}\"\n"))
        .collect();
    let ran = gateway.cli_with_input(&["apply", "-f", "-"], &text);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (
            Some(2),
            "",
            "error: the body is larger than 1024 bytes\n  fix: send less at a time, or raise limits.admin_max_apply\n"
        )
    );
}
