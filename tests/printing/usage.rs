//! A command line that cannot be read: what is wrong and what to do, whole, as text and as JSON.

use crate::harness::Gateway;

#[test]
fn usage_errors_in_json_are_whole() {
    let gateway = Gateway::start();
    for (args, message, fix) in [
        (
            &["user", "create"][..],
            "`gw user create` needs NAME",
            "see `gw user create --help`",
        ),
        (
            &["key", "rotate", "k", "--grce", "1h"],
            "unexpected argument `--grce` found",
            "did you mean `--grace`? see `gw key rotate --help`",
        ),
        (
            &["diff"],
            "`gw diff` needs --filename FILE",
            "see `gw diff --help`",
        ),
        (
            &["serve", "--secrets", "nowhere"],
            "invalid value `nowhere` for `--secrets <STORE>`",
            "one of: auto, keyring, sealed, memory",
        ),
        (
            &["serve", "--in-memory", "--data-dir", "d"],
            "the argument `--in-memory` cannot be used with `--data-dir <DIR>`",
            "see `gw serve --help`",
        ),
        (&["key"], "no command given", "see `gw key --help`"),
    ] {
        let wanted =
            serde_json::json!({"error": {"code": "invalid", "message": message, "fix": fix}});
        let by_flag = gateway.cli(&[args, &["-o", "json"]].concat());
        let mut command = gateway.command(args);
        let by_variable = command.env("GW_OUTPUT", "json").output().unwrap();
        let by_variable = String::from_utf8(by_variable.stderr).unwrap();
        assert_eq!((by_flag.code, by_flag.stdout.as_str()), (Some(2), ""));
        for said in [by_flag.stderr, by_variable] {
            assert_eq!(said.lines().count(), 1, "{said}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&said).unwrap(),
                wanted,
                "{args:?}"
            );
        }
    }
}

#[test]
fn usage_errors_look_like_all_others() {
    let gateway = Gateway::start();
    let said = gateway.cli(&["user", "gett"]);
    assert_eq!(
        (said.code, said.stderr.as_str()),
        (
            Some(2),
            "error: unrecognized subcommand `gett`\n  fix: did you mean `get`? see `gw user --help`\n"
        )
    );
}
