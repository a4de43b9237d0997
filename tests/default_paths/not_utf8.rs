//! Arguments and variables that are no text: refused by name where they matter, passed over elsewhere.

use super::home::{Home, Ran};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

fn odd() -> &'static OsStr {
    OsStr::from_bytes(b"a\xffb")
}

fn refused(err: &str) -> Ran {
    Ran {
        code: Some(2),
        out: String::new(),
        err: err.into(),
    }
}

#[test]
fn an_argument_that_is_not_utf8_is_refused() {
    let home = Home::new();
    let commands: [&[&str]; 6] = [
        &["user", "get"],
        &["serve", "--data-dir"],
        &["apply", "-f"],
        &["request"],
        &["mock", "--listen"],
        &["help"],
    ];
    for before in commands {
        let mut args: Vec<OsString> = before.iter().map(OsString::from).collect();
        args.push(odd().into());
        let ran = home.ran(home.gw(&args));
        assert_eq!(
            ran,
            refused(
                "error: the argument `a\u{fffd}b` is not UTF-8\n  fix: write it in UTF-8; a file with such a name has to be renamed\n"
            ),
            "{before:?}"
        );
    }
    let json = home.ran(home.gw(&["get".as_ref(), "-o".as_ref(), "json".as_ref(), odd()]));
    assert_eq!(
        json,
        refused(
            "{\"error\":{\"code\":\"invalid\",\"message\":\"the argument `a\u{fffd}b` is not UTF-8\",\"fix\":\"write it in UTF-8; a file with such a name has to be renamed\"}}\n"
        )
    );
}

#[test]
fn a_variable_that_is_not_utf8_is_refused_by_name() {
    let home = Home::new();
    for (name, args) in [
        ("GW_OUTPUT", &["user", "get"][..]),
        ("GW_ADMIN_URL", &["user", "get"]),
        ("GW_NO_INPUT", &["status"]),
        ("GW_DATA_DIR", &["user", "get"]),
        ("GW_SERVER__THREADS", &["serve"]),
    ] {
        let mut command = home.gw(args);
        command.env(name, odd());
        let err = format!(
            "error: the variable `{name}` is not UTF-8\n  fix: unset {name}, or give it another value\n"
        );
        assert_eq!(home.ran(command), refused(&err), "{name}");
    }
    let mut command = home.gw(&["status", "--admin-url", "127.0.0.1:1"]);
    command.env("GW_ADMIN_TOKEN", odd());
    assert_eq!(
        home.ran(command),
        refused(
            "error: the variable `GW_ADMIN_TOKEN` is not UTF-8\n  fix: unset it, or put the gateway's admin token in it\n"
        )
    );
}

#[test]
fn other_variables_may_hold_anything() {
    let home = Home::new();
    let strange = |command: &mut std::process::Command| {
        command
            .env("OTHER", odd())
            .env(odd(), "x")
            .env(OsStr::from_bytes(b"GW_\xff"), odd());
    };
    let _gateway = home.serve_as(&[], strange);
    let mut command = home.gw(&["user", "create", "ann"]);
    strange(&mut command);
    assert_eq!(
        home.ran(command),
        Ran {
            code: Some(0),
            out: "user/ann created\n".into(),
            err: String::new()
        }
    );
    // A shell that completes a word that is no text.
    let mut command = home.gw(&["--".as_ref(), "gw".as_ref(), "user".as_ref(), odd()]);
    command
        .env("GW_COMPLETE", "zsh")
        .env("_CLAP_COMPLETE_INDEX", "2");
    assert_ne!(home.ran(command).code, Some(101));
}
