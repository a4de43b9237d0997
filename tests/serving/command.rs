//! `gw serve … -- CMD`: signals, standard input and the terminal, as if the command stood alone.

use super::harness::until;
use super::home::{Home, Started, text};
use rustix::process::Signal;
use std::process::Stdio;

const SERVE: [&str; 4] = ["serve", "--in-memory", "--listen", "127.0.0.1:0"];

fn with<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [&SERVE[..], &["--"], command].concat()
}

#[test]
fn an_interrupted_command_and_all_it_started_get_the_signal_and_the_code_says_so() {
    // A shell, and one that it started, which nobody but its group knows.
    let script = r#"trap "echo outer $1 >>heard; exit 0" $1
        sh -c 'trap "echo inner $1 >>heard; exit" $1; echo up; while :; do sleep 0.02; done' - $1
        sleep 600"#;
    for (name, signal, code) in [
        ("INT", Signal::INT, 130),
        ("TERM", Signal::TERM, 143),
        ("QUIT", Signal::QUIT, 131),
    ] {
        let home = Home::new();
        let mut gateway = Started::start(&mut home.gw(&with(&["sh", "-c", script, "-", name])));
        gateway.says("up");
        gateway.signal(signal);
        assert_eq!(gateway.ends(), Some(code), "{}", gateway.err());
        assert_eq!(home.read("heard"), format!("inner {name}\nouter {name}\n"));
    }
}

#[test]
fn a_command_that_does_not_listen_is_ended_with_all_it_started() {
    let home = Home::new();
    let script = "trap '' TERM; sh -c 'echo $$ >inner; exec sleep 600' & echo $$ >outer; echo up; wait; while :; do sleep 1; done";
    let mut args = with(&["sh", "-c", script]);
    args.splice(1..1, ["--shutdown-grace", "200ms"]);
    let mut gateway = Started::start(&mut home.gw(&args));
    gateway.says("up");
    let inner = until("the inner one runs", || {
        home.read("inner").trim().parse::<i32>().ok()
    });
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.ends(), Some(143), "{}", gateway.err());
    until("the inner one is gone", || {
        let state = std::fs::read_to_string(format!("/proc/{inner}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(())
    });
}

#[test]
fn the_command_reads_gws_standard_input() {
    let home = Home::new();
    let mut gateway = Started::start(
        home.gw(&with(&["sh", "-c", "read line; echo \"got $line\"; cat"]))
            .stdin(Stdio::piped()),
    );
    gateway.types("one\ntwo\n");
    gateway.says("got one");
    gateway.close();
    assert_eq!(
        (gateway.ends(), gateway.out().as_str()),
        (Some(0), "got one\ntwo\n")
    );
}

#[test]
fn a_command_reads_the_terminal_and_ctrl_c_is_its_own_to_answer() {
    let home = Home::new();
    let line = "exec \"$GW\" serve --in-memory --listen 127.0.0.1:0 -- sh -c 'trap \"\" INT; echo up; read line; echo \"got $line\"; read line; echo \"got $line\"; exit 5'";
    let mut terminal = home.terminal(line, &[]);
    terminal.says("up\n");
    terminal.types("one\n");
    terminal.says("got one");
    // One that goes on after Ctrl-C, as interpreters do, is not ended.
    terminal.types("\u{3}");
    terminal.types("two\n");
    assert_eq!(terminal.ends(), Some(5), "{}", terminal.out());
    // One that ends of it says so, and so does gw.
    let mut terminal = home.terminal(
        "exec \"$GW\" serve --in-memory --listen 127.0.0.1:0 -- sh -c 'echo up; exec sleep 600'",
        &[],
    );
    terminal.says("up\n");
    terminal.types("\u{3}");
    assert_eq!(terminal.ends(), Some(130), "{}", terminal.out());
}

#[test]
fn a_shell_as_the_command_has_job_control_and_gives_the_terminal_back() {
    if !std::path::Path::new("/bin/bash").exists() {
        return crate::harness::skip::skip("there is no `/bin/bash` here");
    }
    let home = Home::new();
    let line =
        "\"$GW\" serve --dev -- bash --norc -i; echo \"rc $?\"; read line; echo \"outer $line\"";
    let mut terminal = home.terminal(line, &[("PS1", "prompt> ")]);
    terminal.says("prompt> ");
    terminal.types("sh -c 'echo u$((40 + 1))p; exec sleep 600'\n");
    terminal.says("u41p");
    terminal.types("\u{1a}");
    terminal.says("Stopped");
    terminal.types("exit 3\n");
    terminal.says("There are stopped jobs");
    terminal.types("exit 3\n");
    terminal.says("rc 3");
    terminal.types("reads\n");
    terminal.says("outer reads");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn a_command_that_dies_in_raw_mode_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let line = "\"$GW\" serve --in-memory --listen 127.0.0.1:0 -- sh -c 'stty raw -echo; kill -KILL $$'; echo \"rc $?\"; stty -a";
    let mut terminal = home.terminal(line, &[]);
    assert_eq!(terminal.ends(), Some(0));
    let said = until("all is read", || {
        Some(terminal.out()).filter(|said| said.contains("echoctl"))
    });
    assert!(
        said.contains("rc 137") && said.contains(" icanon") && said.contains(" echo "),
        "{said}"
    );
}

#[test]
fn with_exit_on_stdin_close_gw_reads_and_the_command_has_nothing_to() {
    let home = Home::new();
    let mut args = with(&["sh", "-c", "cat; echo up; exec sleep 600"]);
    args.splice(1..1, ["--exit-on-stdin-close"]);
    let mut gateway = Started::start(home.gw(&args).stdin(Stdio::piped()));
    gateway.says("up");
    gateway.close();
    assert_eq!(gateway.ends(), Some(0), "{}", gateway.err());
}

#[test]
fn a_command_that_cannot_be_run_has_a_shells_code() {
    let home = Home::new();
    home.write("plain", "#!/bin/sh\n");
    for (command, code, said) in [
        ("./plain", 126, "Permission denied"),
        ("no-such-command", 127, "No such file"),
    ] {
        let output = home.run(&with(&[command]));
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said_all = text(&output.stderr);
        assert!(
            said_all.contains(&format!("error: `{command}` cannot be run: {said}"))
                && said_all.ends_with("fix: check the command after `--`\n"),
            "{said_all}"
        );
    }
}
