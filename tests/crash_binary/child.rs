//! `gw serve … -- CMD`: the command's environment and exit code, its end with the gateway's, and what scripts wait on.

use super::harness::{GW, PATIENCE, until};
use super::rig::serve;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

fn run(place: &Path, flags: &[&str], command: &[&str]) -> Output {
    let mut serving = serve(place);
    serving
        .args(flags)
        .arg("--")
        .args(command)
        .env("GW_TEST_BINARY", GW);
    serving
        .env_remove("GW_SECRETS")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_command_has_what_clients_need_and_its_code_comes_back() {
    let place = tempfile::tempdir().unwrap();
    let script = r#"
        printf '%s\n' "$GW_URL" "$OPENAI_BASE_URL" "$ANTHROPIC_BASE_URL" "$GW_ADMIN_URL"
        [ -n "$GW_API_KEY" ] && [ "$GW_API_KEY" = "$OPENAI_API_KEY" ] && [ "$GW_API_KEY" = "$ANTHROPIC_API_KEY" ] && echo same
        "$GW_TEST_BINARY" key get -o json
        exit 7"#;
    let output = run(place.path(), &["--dev"], &["sh", "-c", script]);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let lines = lines(&output);
    assert!(lines[0].starts_with("http://127.0.0.1:"), "{lines:?}");
    assert_eq!(lines[1], format!("{}/v1", lines[0].trim_end_matches('/')));
    assert_eq!(
        (&lines[2], lines[3].as_str()),
        (
            &lines[0],
            &*format!("unix:{}", place.path().join("admin.sock").display())
        )
    );
    assert_eq!(lines[4], "same");
    assert!(
        lines[5..].join("").contains("\"dev\""),
        "the command reached the admin API: {lines:?}"
    );
}

#[test]
fn codes_are_as_a_shell_gives_them() {
    let place = tempfile::tempdir().unwrap();
    let plain = place.path().join("not-executable");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&plain, std::fs::Permissions::from_mode(0o600)).unwrap();
    for (command, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 255"], 255),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&[plain.to_str().unwrap()], 126),
        (&["/nonexistent/command"], 127),
        (&["no-such-command-anywhere"], 127),
    ] {
        let ready = place.path().join("ready.json");
        let output = run(
            place.path(),
            &["--in-memory", "--ready-file", ready.to_str().unwrap()],
            command,
        );
        assert_eq!(output.status.code(), Some(code), "{command:?}: {output:?}");
        assert!(
            !ready.exists(),
            "{command:?}: the ready file outlived the gateway"
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let failed = code == 126 || code == 127;
        assert_eq!(
            said.contains("cannot be run") && said.contains("fix: "),
            failed,
            "{said}"
        );
    }
}

/// A gateway with its output piped, not waited for.
fn spawn(command: &mut Command) -> Child {
    command
        .env_remove("GW_SECRETS")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// Gone, or only waiting for somebody to collect its status.
fn ended(pid: &str) -> bool {
    let state = Command::new("ps")
        .args(["-o", "stat=", "-p", pid])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    state.is_ok_and(|state| state.is_empty() || state.starts_with('Z'))
}

fn terminate(child: &Child) {
    let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

#[test]
fn the_command_ends_with_the_gateway() {
    // One that tidies up when asked, and one that does not listen.
    for (script, tidied) in [
        (
            "trap 'echo done >tidied; exit 0' TERM; echo $$ >pid.new; mv pid.new pid; while :; do sleep 0.05; done",
            true,
        ),
        (
            "trap '' TERM; echo $$ >pid.new; mv pid.new pid; while :; do sleep 0.05; done",
            false,
        ),
    ] {
        let place = tempfile::tempdir().unwrap();
        let ready = place.path().join("ready.json");
        let mut command = serve(place.path());
        // Time enough on a busy machine for the one that listens; the gateway ends as soon as it does.
        let grace = if tidied { "20s" } else { "300ms" };
        command
            .args(["--in-memory", "--shutdown-grace", grace, "--ready-file"])
            .arg(&ready)
            .args(["--", "sh", "-c", script]);
        let mut gateway = spawn(&mut command);
        let pid = until("the command runs", || text(&place.path().join("pid")));
        assert!(ready.exists() && !ended(&pid));
        terminate(&gateway);
        let status = until("the gateway ends", || gateway.try_wait().unwrap());
        assert_eq!(status.code(), Some(143));
        until("the command is gone", || ended(&pid).then_some(()));
        assert!(!ready.exists());
        assert!(
            !tidied || place.path().join("tidied").exists(),
            "the command was not asked first"
        );
    }
}

#[test]
fn it_ends_when_stdin_closes() {
    let place = tempfile::tempdir().unwrap();
    let ready = place.path().join("ready.json");
    let mut command = serve(place.path());
    command
        .args(["--in-memory", "--exit-on-stdin-close", "--ready-file"])
        .arg(&ready)
        .stdin(Stdio::piped());
    let mut gateway = spawn(&mut command);
    let line = until("it is ready", || text(&ready));
    assert_eq!(
        serde_json::from_str::<Value>(&line).unwrap()["pid"],
        gateway.id()
    );
    assert!(
        gateway.try_wait().unwrap().is_none(),
        "an open stdin keeps it running"
    );
    drop(gateway.stdin.take());
    let status = until("the gateway ends", || gateway.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    assert!(!ready.exists());
    assert!(
        !place.path().join("admin.sock").exists(),
        "the admin socket outlived the gateway"
    );
}

#[test]
fn print_ready_is_one_line_of_json() {
    let place = tempfile::tempdir().unwrap();
    let output = run(place.path(), &["--in-memory", "--print-ready"], &["true"]);
    assert_eq!(output.status.code(), Some(0));
    let lines = lines(&output);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let ready: Value = serde_json::from_str(&lines[0]).unwrap();
    assert!(
        ready["url"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
            && ready["urls"][0] == ready["url"],
        "{ready}"
    );
    assert!(
        ready["admin"].as_str().unwrap().starts_with("unix:") && ready["pid"].is_u64(),
        "{ready}"
    );
}

#[test]
fn a_signal_at_the_very_moment_it_is_ready_still_ends_it_in_order() {
    for _ in 0..10 {
        let place = tempfile::tempdir().unwrap();
        let ready = place.path().join("ready.json");
        let mut command = serve(place.path());
        command.args(["--in-memory", "--ready-file"]).arg(&ready);
        let mut gateway = spawn(&mut command);
        // No pause: what is tried is the moment itself.
        let begin = Instant::now();
        while !ready.exists() {
            assert!(begin.elapsed() < PATIENCE, "it never gets ready");
            assert!(gateway.try_wait().unwrap().is_none(), "it ended early");
            std::hint::spin_loop();
        }
        terminate(&gateway);
        let status = until("the gateway ends", || gateway.try_wait().unwrap());
        assert_eq!(status.code(), Some(0), "{status}");
        assert!(!ready.exists());
    }
}
