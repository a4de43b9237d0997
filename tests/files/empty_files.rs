//! Files that name nothing: no command takes them for a wish to do nothing, least of all one that deletes.

use crate::harness::Gateway;

#[test]
fn deleting_what_files_list_refuses_files_that_list_nothing() {
    let gateway = Gateway::start();
    gateway.ok(&["user", "create", "ann"]);
    let file = gateway.path("none.toml");
    std::fs::write(&file, "\n").unwrap();
    let file = file.to_str().unwrap();
    for args in [
        &["delete", "-f", file, "-y"][..],
        &["delete", "-f", "-", "-y"],
        &["delete", "user/ann", "-f", file, "-y"],
        &["apply", "-f", file],
        &["diff", "-f", file],
    ] {
        let ran = gateway.cli_with_input(args, "");
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (
                Some(2),
                "",
                "error: the files hold no records\n  fix: write [[user]], [[key]] and so on\n"
            ),
            "{args:?}"
        );
    }
    assert_eq!(gateway.ok(&["user", "get", "-o", "name"]), "user/ann\n");
}

#[test]
fn exporting_what_no_label_matches_says_so() {
    let gateway = Gateway::start();
    gateway.ok(&["user", "create", "ann"]);
    let ran = gateway.cli(&["export", "-l", "env=x"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(0), "", "nothing matches -l env=x\n")
    );
}

#[test]
fn secrets_beside_data_that_cannot_be_written_are_shown_once() {
    let gateway = Gateway::start();
    for (at, format) in ["table", "name", "value=.created", "json", "yaml"]
        .iter()
        .enumerate()
    {
        let file = gateway.path("new.toml");
        let text = format!("[[user]]\nname = \"u\"\n[[key]]\nname = \"k{at}\"\nuser = \"u\"\n");
        std::fs::write(&file, text).unwrap();
        let mut command = gateway.command(&["apply", "-f", file.to_str().unwrap(), "-o", format]);
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        command.stdout(full).stderr(std::process::Stdio::piped());
        let ended = command.spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{format}: {said}");
        assert_eq!(said.matches("sk-gw-").count(), 1, "{format}: {said}");
    }
}
