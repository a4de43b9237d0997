//! What could only be a mistake is refused when it is written, in every way of writing; what stands may stand.

use super::mistakes::write;
use crate::harness::Gateway;

const OVER: &str = "2020-01-01T00:00:00.000Z";

#[test]
fn an_expiry_in_the_past_is_refused_when_written() {
    let gateway = Gateway::start();
    gateway.ok(&["user", "create", "ann"]);
    gateway.key("good");
    write(
        &gateway,
        "keys.toml",
        "[[key]]\nname = \"late\"\nuser = \"ann\"\nexpires = \"2020-01-01\"\n",
    );
    let fix = "  fix: give a time to come, such as 90d or 2030-01-01\n";
    let create = ["key", "create", "late", "--user", "ann", "--expires"];
    for (line, says) in [
        (&[&create[..], &["2020-01-01"]].concat()[..], ""),
        (&[&create[..], &["2020-01-01T00:00:00Z"]].concat(), ""),
        (&["key", "set", "good", "--expires", "2020-01-01"], ""),
        (&["apply", "-f", "keys.toml"], "keys.toml:4:1: key `late`: "),
        (&["diff", "-f", "keys.toml"], "keys.toml:4:1: key `late`: "),
    ] {
        let ran = gateway.cli(line);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (
                Some(2),
                "",
                format!("error: {says}`expires` is over: {OVER}\n{fix}").as_str()
            ),
            "{line:?}"
        );
    }
    assert_eq!(gateway.ok(&["key", "get", "-o", "name"]), "key/good\n");
}

#[test]
fn a_record_whose_expiry_has_passed_since_can_be_applied_again() {
    let gateway = Gateway::start();
    gateway.ok(&["user", "create", "ann"]);
    let file = gateway.path("brief.key");
    gateway.ok(&[
        "key",
        "create",
        "brief",
        "--user",
        "ann",
        "--expires",
        "300ms",
        "--output-file",
        file.to_str().unwrap(),
    ]);
    crate::harness::until("the key has expired", || {
        (gateway.ok(&["key", "get", "brief", "-o", "value=.status.state"]) == "expired\n")
            .then_some(())
    });
    let exported = gateway.ok(&["export"]);
    write(&gateway, "all.toml", &exported);
    assert_eq!(
        gateway.ok(&["apply", "-f", "all.toml"]),
        "user/ann unchanged\nkey/brief unchanged\n0 created, 0 configured, 2 unchanged\n"
    );
    assert_eq!(
        gateway.ok(&["key", "set", "brief", "--label", "old=yes"]),
        "key/brief configured\n"
    );
    assert_eq!(
        gateway.ok(&["key", "disable", "brief"]),
        "key/brief disabled\n"
    );
}

#[test]
fn dates_are_taken_for_times() {
    let gateway = Gateway::start();
    gateway.key("ci");
    gateway.ok(&["key", "set", "ci", "--expires", "2199-01-01"]);
    assert_eq!(
        gateway.ok(&["key", "get", "ci", "-o", "value=.expires"]),
        "2199-01-01T00:00:00.000Z\n"
    );
}

#[test]
fn unknown_levels_and_labels_are_refused_with_what_was_meant() {
    let gateway = Gateway::start();
    gateway.key("ci");
    for (line, stderr) in [
        (
            &["key", "set", "ci", "--log-content", "ful"][..],
            "error: key is not valid: unknown variant `ful`\n  fix: did you mean `full`?\n",
        ),
        (
            &["key", "set", "ci", "--label", "a b=c"],
            "error: `a b` is not a label\n  fix: use letters, digits and `-_./:`, at most 200, such as env or team/owner\n",
        ),
        (
            &[
                "route",
                "create",
                "r",
                "--key",
                "ci",
                "--to",
                "sim",
                "--retry-on",
                "time-out",
            ],
            "error: route is not valid: unknown variant `time-out`\n  fix: did you mean `timeout`?\n",
        ),
        (
            &["serve", "--in-memory", "--log-level", "wran"],
            "error: `wran` is not a log level\n  fix: did you mean `warn`?\n",
        ),
        (
            &["serve", "--in-memory", "--log-level", "verbose"],
            "error: `verbose` is not a log level\n  fix: one of: error, warn, info, debug, trace, off; or a filter such as gw=debug,info\n",
        ),
    ] {
        let ran = gateway.cli(line);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (Some(2), "", stderr),
            "{line:?}"
        );
    }
    let ran = gateway
        .command(&["serve", "--in-memory"])
        .env("GW_LOG_CONTENT", "everything")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&ran.stderr)
            .starts_with("error: the configuration is not valid: unknown variant `everything`")
    );
}
