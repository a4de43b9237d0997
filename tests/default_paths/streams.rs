//! Output that nobody takes and input that cannot be read: the right exit code, and a word where something
//! was lost.

use super::harness::wait::output_of;
use super::home::{Home, Ran};
use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// The writing end of a pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn code(mut command: Command) -> Option<i32> {
    output_of(command.spawn().unwrap(), "gw").status.code()
}

/// Commands that print data without a gateway.
const PRINT: [&[&str]; 6] = [
    &["--help"],
    &["key", "create", "--help"],
    &["--version"],
    &["help", "exit-codes"],
    &["completion", "zsh"],
    &["explain", "route"],
];

#[test]
fn a_full_disk_under_stdout_is_said_and_fails() {
    let home = Home::new();
    let expected = Ran {
        code: Some(1),
        out: String::new(),
        err: "error: standard output cannot be written: No space left on device (os error 28)\n  fix: what was done stays done; make room, or send the output elsewhere\n"
            .into(),
    };
    let on_full = |mut command: Command| {
        command.stdout(full()).stderr(Stdio::piped());
        let output = output_of(command.spawn().unwrap(), "gw");
        Ran {
            code: output.status.code(),
            out: String::new(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    };
    for args in PRINT {
        assert_eq!(on_full(home.gw(args)), expected, "{args:?}");
    }
    let mut completing = home.gw::<&str>(&[]);
    completing.env("GW_COMPLETE", "zsh");
    assert_eq!(on_full(completing), expected);
    let _gateway = home.serve();
    home.run(&["user", "create", "ann"]);
    for args in [&["user", "get", "-o", "yaml"][..], &["export"], &["status"]] {
        assert_eq!(on_full(home.gw(args)), expected, "{args:?}");
    }
}

#[test]
fn a_reader_that_went_away_ends_the_command_quietly() {
    let home = Home::new();
    let quiet = |mut command: Command| {
        let output = command.stdout(unread()).stderr(Stdio::piped()).spawn();
        let output = output_of(output.unwrap(), "gw");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        output.status.code()
    };
    for args in PRINT {
        assert_eq!(quiet(home.gw(args)), Some(141), "{args:?}");
    }
    let _gateway = home.serve();
    assert_eq!(quiet(home.gw(&["status"])), Some(141));
}

#[test]
fn a_closed_standard_error_changes_no_exit_code() {
    let home = Home::new();
    let deaf = |args: &[&str]| {
        let mut command = home.gw(args);
        command.stdout(Stdio::null()).stderr(unread());
        code(command)
    };
    assert_eq!(deaf(&["user", "get", "--nothing"]), Some(2));
    assert_eq!(deaf(&["user", "get"]), Some(6));
    assert_eq!(deaf(&["user", "get", "-v"]), Some(6));
    let _gateway = home.serve_as(&[], |command| {
        command.stderr(unread());
    });
    assert_eq!(deaf(&["user", "create", "ann", "-v"]), Some(0));
    assert_eq!(deaf(&["user", "create", "ann"]), Some(5));
}

#[test]
fn a_secret_that_nobody_read_is_said_to_be_lost() {
    let home = Home::new();
    let _gateway = home.serve();
    home.run(&["user", "create", "ann"]);
    for (name, stdout, cause) in [
        (
            "a",
            Stdio::from(full()),
            "standard output cannot be written: No space left on device (os error 28)",
        ),
        ("b", unread(), "nobody reads standard output any more"),
    ] {
        let mut command = home.gw(&["key", "create", name, "--user", "ann", "-q"]);
        command.stdout(stdout).stderr(Stdio::piped());
        let output = output_of(command.spawn().unwrap(), "gw");
        assert_eq!(
            (
                output.status.code(),
                String::from_utf8(output.stderr).unwrap()
            ),
            (
                Some(1),
                format!(
                    "error: {cause}\n  fix: the secret was not read and cannot be shown again: gw key rotate {name}\n"
                )
            )
        );
    }
}

#[test]
fn broken_standard_input_is_refused_by_what_is_wrong() {
    let home = Home::new();
    let _gateway = home.serve();
    let directory = || Stdio::from(File::open(home.path("project")).unwrap());
    let cases: [(&[&str], Stdio, &str); 6] = [
        (
            &["request", "-", "-m", "m", "--url", "http://127.0.0.1:1"],
            directory(),
            "error: cannot read standard input as text: Is a directory (os error 21)\n",
        ),
        (
            &["request", "-", "-m", "m", "--url", "http://127.0.0.1:1"],
            Stdio::null(),
            "error: standard input is empty\n  fix: write the prompt to it, or give it as an argument\n",
        ),
        (
            &["key", "identify"],
            directory(),
            "error: cannot read standard input as text: Is a directory (os error 21)\n",
        ),
        (
            &["apply", "-f", "-"],
            directory(),
            "error: cannot read `standard input` as text: Is a directory (os error 21)\n",
        ),
        (
            &["key", "identify"],
            Stdio::null(),
            "error: standard input is empty\n  fix: a secret of no characters is never what was meant\n",
        ),
        (
            &["apply", "-f", "-"],
            Stdio::null(),
            "error: the files hold no records\n  fix: write [[user]], [[key]] and so on\n",
        ),
    ];
    for (args, stdin, err) in cases {
        let mut command = home.gw(args);
        command.stdin(stdin);
        let expected = Ran {
            code: Some(2),
            out: String::new(),
            err: err.into(),
        };
        assert_eq!(home.ran(command), expected, "{args:?}");
    }
    // Closed altogether, as `<&-` does it.
    let mut command = home.program("sh");
    command.args(["-c", &format!("{} key identify <&-", super::home::GW)]);
    assert_eq!(home.ran(command).code, Some(2));
}
