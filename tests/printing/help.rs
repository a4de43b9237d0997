//! Help looks the same however it is asked for, and shows how each command is used.

use crate::harness::Gateway;

fn leaves(command: &clap::Command, path: Vec<String>, out: &mut Vec<Vec<String>>) {
    for sub in command.get_subcommands() {
        let mut path = path.clone();
        path.push(sub.get_name().to_owned());
        leaves(sub, path.clone(), out);
        out.push(path);
    }
}

#[test]
fn help_is_one_and_ends_with_examples() {
    let gateway = Gateway::start();
    let mut paths = Vec::new();
    leaves(&gw::cli::command(), Vec::new(), &mut paths);
    assert!(paths.len() > 50, "{}", paths.len());
    for path in &paths {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let asked = gateway.ok(&[&["help"], &path[..]].concat());
        assert_eq!(
            asked,
            gateway.ok(&[&path[..], &["--help"]].concat()),
            "{path:?}"
        );
        let example = format!("Examples:\n  gw {}", path.join(" "));
        assert!(asked.contains(&example), "{asked}");
    }
    assert_eq!(gateway.ok(&["help"]), gateway.ok(&["--help"]));
}

#[test]
fn words_that_are_nearly_right_are_recognised() {
    let gateway = Gateway::start();
    for (args, said) in [
        (
            &["help", "kye"][..],
            "error: unrecognized subcommand `kye`\n  fix: did you mean `keys`? see `gw --help`\n",
        ),
        (
            &["explain", "user.emial"],
            "error: a user has no field `emial`\n  fix: did you mean `email`?\n",
        ),
        (
            &["get", "usr"],
            "error: `usr` is not a resource kind\n  fix: did you mean `user`?\n",
        ),
        (
            &["key", "create", "k"],
            "error: a key needs --user USER\n  fix: see the fields with: gw explain key\n",
        ),
        (
            &["model", "create", "m"],
            "error: a model needs --provider PROVIDER\n  fix: see the fields with: gw explain model\n",
        ),
    ] {
        assert_eq!(gateway.cli(args).stderr, said);
    }
}

#[test]
fn dates_are_taken_wherever_times_are() {
    let gateway = Gateway::start();
    gateway.ok(&["user", "create", "ann"]);
    gateway.ok(&[
        "key",
        "create",
        "k",
        "--user",
        "ann",
        "--expires",
        "2099-01-01",
    ]);
    assert_eq!(
        gateway.ok(&["key", "get", "k", "-o", "value=.expires"]),
        "2099-01-01T00:00:00.000Z\n"
    );
    gateway.ok(&["key", "set", "k", "--expires", "2098-12-31 12:30"]);
    assert_eq!(
        gateway.ok(&["key", "get", "k", "-o", "value=.expires"]),
        "2098-12-31T12:30:00.000Z\n"
    );
    gateway.ok(&["logs", "--since", "2020-01-01", "--until", "2020-01-02"]);
    gateway.ok(&["logs", "export", "--since", "2020-01-01"]);
    assert_eq!(
        gateway.cli(&["logs", "--since", "yesterdya"]).stderr,
        "error: `yesterdya` is not a time\n  fix: write how long ago, such as 1h or 7d, or a time such as 2030-01-01 or 2030-01-01T09:30:00Z\n"
    );
    std::fs::write(
        gateway.path("k.toml"),
        "[[key]]\nname = \"k\"\nuser = \"ann\"\nexpires = \"2097-01-01\"\n",
    )
    .unwrap();
    gateway.ok(&["apply", "-f", "k.toml"]);
    assert_eq!(
        gateway.ok(&["key", "get", "k", "-o", "value=.expires"]),
        "2097-01-01T00:00:00.000Z\n"
    );
}
