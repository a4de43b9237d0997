//! Progress is for people at a terminal: seen while a command works, gone when it is done or fails, and never in
//! what a program reads.

use crate::harness::Gateway;
use crate::terminal::{left, on_terminal, on_terminal_with};

const WAITING: &str = "waiting until the gateway is ready";

/// `gw wait` for a gateway that never comes.
fn in_vain(gateway: &Gateway, more: &[&str]) -> std::process::Command {
    let mut command = gateway.command(&[&["wait", "--timeout", "2s"], more].concat());
    command.env("GW_ADMIN_URL", "unix:nobody.sock");
    command
}

#[test]
fn waiting_shows_progress_on_a_terminal_and_leaves_only_the_error() {
    let gateway = Gateway::start();
    let (code, written) = on_terminal(&in_vain(&gateway, &[]));
    assert_eq!(code, Some(7));
    assert!(written.contains(WAITING), "{written:?}");
    assert!(
        left(&written).starts_with("error: not ready within 2s"),
        "{:?}",
        left(&written)
    );
    assert!(!left(&written).contains(WAITING));
    assert!(
        !written.contains("\u{1b}[3"),
        "a colour, against NO_COLOR: {written:?}"
    );
}

#[test]
fn nothing_moves_in_a_pipe_or_with_quiet_or_for_programs() {
    let gateway = Gateway::start();
    assert!(!gateway.cli(&["wait"]).stderr.contains(WAITING));
    for more in [&["-q"][..], &["-o", "json"], &["-o", "yaml"]] {
        let (_, written) = on_terminal(&in_vain(&gateway, more));
        assert!(!written.contains(WAITING), "{more:?}: {written:?}");
    }
    let (_, written) = on_terminal_with(&in_vain(&gateway, &[]), "2>/dev/null");
    assert_eq!(written, "");
}

#[test]
fn applying_leaves_only_what_was_done() {
    let gateway = Gateway::start();
    let mut file = String::new();
    for count in 0..40 {
        file.push_str(&format!("[[user]]\nname = \"u{count}\"\n"));
    }
    std::fs::write(gateway.path("many.toml"), file).unwrap();
    let (code, written) = on_terminal(&gateway.command(&["apply", "-f", "many.toml"]));
    assert_eq!(code, Some(0));
    let left = left(&written);
    assert!(
        left.starts_with("user/u0 created\n")
            && left.ends_with("40 created, 0 configured, 0 unchanged"),
        "{left}"
    );
}
