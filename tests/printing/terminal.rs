//! A command on a terminal of its own, eighty columns wide: what it wrote there, escape sequences and all.

use std::process::Command;

/// Runs `command` with all three streams on a terminal and gives back everything written to it, and the exit code.
/// `script` (bsdutils, essential in Debian) makes the terminal.
pub fn on_terminal(command: &Command) -> (Option<i32>, String) {
    on_terminal_with(command, "")
}

/// The same with redirections in the shell's words, such as `>out.txt`.
pub fn on_terminal_with(command: &Command, redirections: &str) -> (Option<i32>, String) {
    let quoted =
        |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap().replace('\'', "'\\''"));
    let mut line = String::from("stty cols 80 rows 24 -echo; exec ");
    line.push_str(&quoted(command.get_program()));
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&quoted(arg));
    }
    line.push(' ');
    line.push_str(redirections);
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]);
    script.env("TERM", "xterm");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script.stdin(std::process::Stdio::null());
    if let Some(dir) = command.get_current_dir() {
        script.current_dir(dir);
    }
    let output = super::harness::wait::output(&mut script);
    let shown = String::from_utf8(output.stdout)
        .unwrap()
        .replace("\r\n", "\n");
    (output.status.code(), shown)
}

/// What is left to see on the terminal in the end: lines that were erased or written over are gone.
pub fn left(written: &str) -> String {
    let mut lines = vec![String::new()];
    let mut at = 0;
    let mut rest = written.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => lines[at].clear(),
            '\n' => {
                at += 1;
                if at == lines.len() {
                    lines.push(String::new());
                }
            }
            '\u{1b}' => {
                assert_eq!(
                    rest.next(),
                    Some('['),
                    "an escape sequence of another kind in {written:?}"
                );
                let mut number = String::new();
                let end = loop {
                    match rest.next().unwrap() {
                        digit if digit.is_ascii_digit() || matches!(digit, ';' | '?') => {
                            number.push(digit)
                        }
                        end => break end,
                    }
                };
                match end {
                    'K' => lines[at].clear(),
                    'A' => at -= number.parse().unwrap_or(1).min(at),
                    _ => {}
                }
            }
            c => lines[at].push(c),
        }
    }
    lines.join("\n").trim_end().to_owned()
}
