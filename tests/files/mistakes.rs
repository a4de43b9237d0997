//! Every mistake of every file is said at once, with its line, and nothing is sent.

use crate::harness::{Gateway, Ran};

/// Writes a file into the gateway's own directory, which commands run in.
pub fn write(gateway: &Gateway, name: &str, text: &str) {
    let path = gateway.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[track_caller]
fn refused(ran: Ran, stderr: &str) {
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (Some(2), "", stderr)
    );
}

#[test]
fn all_mistakes_of_all_files_come_at_once_with_file_and_line() {
    let gateway = Gateway::start();
    write(
        &gateway,
        "a.toml",
        "[[user]]\nname = \"ann\"\nemial = \"ann@example.com\"\n\n[[user]]\nname = \"Bob\"\n\n[[key]]\nname = \"k\"\nuser = \"ann\"\nlog_content = \"ful\"\nsecret_from = { env = \"GW_TEST_NO_SUCH\" }\n",
    );
    write(
        &gateway,
        "b.toml",
        "[[user]]\nname = ann\n[[user]]\nteam = [1\n",
    );
    write(
        &gateway,
        "c.yaml",
        "route:\n- name: r\n  targets:\n  - provdier: sim\n  retries: many\nkye: []\nuser:\n- name: ann\n",
    );
    let files = [
        "-f", "a.toml", "-f", "b.toml", "-f", "c.yaml", "-f", "d.json",
    ];
    let says = "\
error: a.toml:3:1: user is not valid: unknown field `emial`
  fix: did you mean `email`?
error: a.toml:6:1: `Bob` is not a user name
  fix: use lower-case letters, digits and `-_.`, at most 63, starting with a letter or digit
error: a.toml:11:1: key is not valid: unknown variant `ful`
  fix: did you mean `full`?
error: a.toml:12:1: the variable `GW_TEST_NO_SUCH` is not set here
  fix: set it, or let the gateway read its own with --credential-ref env:NAME
error: b.toml:2:8: not valid TOML: string values must be quoted, expected literal string
error: b.toml:4:10: not valid TOML: unclosed array, expected `]`
error: c.yaml:4:5: route is not valid: unknown field `provdier`
  fix: did you mean `provider`?
error: c.yaml:5:3: route is not valid: invalid type: string \"many\", expected u32
  fix: see the fields with: gw explain route
error: c.yaml:6:1: `kye` is not a resource kind
  fix: did you mean `key`?
error: c.yaml:8:3: user `ann` is given twice
  fix: it is also at a.toml:1:1
error: cannot read `d.json`: No such file or directory (os error 2)
error: 11 mistakes; nothing was sent
  fix: mend what is said above
";
    for verb in ["apply", "diff"] {
        refused(gateway.cli(&[&[verb], &files[..]].concat()), says);
    }
    assert_eq!(gateway.ok(&["get", "all", "-o", "name"]), "");
}

#[test]
fn one_mistake_is_said_as_the_error() {
    let gateway = Gateway::start();
    let line = "{\"kind\": \"user\", \"name\": \"ann\"}\n{\"kind\": \"user\", \"name\": \"bob\", \"tema\": \"x\"}\n";
    refused(
        gateway.cli_with_input(&["apply", "-f", "-"], line),
        "error: standard input:2:33: user is not valid: unknown field `tema`\n  fix: did you mean `team`?\n",
    );
    write(&gateway, "empty/notes.txt", "not a record");
    refused(
        gateway.cli(&["apply", "-f", "empty"]),
        "error: `empty` holds no .toml, .json, .yaml or .yml file\n  fix: directories below it are not read; name them too\n",
    );
}

#[test]
fn what_the_gateway_refuses_is_said_with_the_line_of_its_record() {
    let gateway = Gateway::start();
    write(&gateway, "users.toml", "[[user]]\nname = \"ann\"\n");
    write(
        &gateway,
        "keys.yaml",
        "key:\n- name: a\n  user: ann\n- name: b\n  user: nobody\n",
    );
    let ran = gateway.cli(&["apply", "-f", "users.toml", "-f", "keys.yaml"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            Some(3),
            "error: keys.yaml:5:3: key `b` names user `nobody`, which does not exist\n  fix: gw user create nobody\n"
        )
    );
    gateway.ok(&["user", "create", "ann", "--label", "gw/owner=other"]);
    let ran = gateway.cli(&["apply", "-f", "users.toml", "--owner", "me"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (
            Some(5),
            "error: users.toml:1:1: user `ann` belongs to `other`\n  fix: take it over with --force-conflicts\n"
        )
    );
}

#[test]
fn directories_are_read_in_order_and_without_what_is_not_a_file_of_records() {
    let gateway = Gateway::start();
    write(
        &gateway,
        "d/20-keys.yaml",
        "- kind: key\n  name: k\n  user: ann\n",
    );
    write(
        &gateway,
        "d/10-users.json",
        "[{\"kind\": \"user\", \"name\": \"ann\"}]",
    );
    write(&gateway, "d/30.toml", "[[user]]\nname = \"bob\"\n");
    write(&gateway, "d/README.md", "# not records");
    write(&gateway, "d/below/x.toml", "not = records");
    let said = gateway.ok(&["apply", "-f", "d", "-o", "name"]);
    assert_eq!(said, "user/ann\nuser/bob\nkey/k\n");
    let ran = gateway.cli(&["diff", "-f", "d/"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (Some(0), "0 to change, 0 to create, 0 to delete\n")
    );
    assert_eq!(
        gateway.ok(&["delete", "-f", "d"]),
        "key/k deleted\nuser/ann deleted\nuser/bob deleted\n"
    );
}

#[test]
fn lists_of_records_are_taken_with_and_without_items() {
    let gateway = Gateway::start();
    let list = "[{\"kind\": \"user\", \"name\": \"ann\"}, {\"kind\": \"user\", \"name\": \"bob\"}]";
    for text in [
        list.to_owned(),
        format!("{{\"items\": {list}}}"),
        "- kind: user\n  name: ann\n- kind: user\n  name: bob\n".to_owned(),
        "items:\n- kind: user\n  name: ann\n- kind: user\n  name: bob\n".to_owned(),
    ] {
        let said = gateway
            .cli_with_input(&["apply", "-f", "-", "-o", "name"], &text)
            .success();
        assert_eq!(said, "user/ann\nuser/bob\n", "{text}");
        let said = gateway
            .cli_with_input(&["delete", "-f", "-"], &text)
            .success();
        assert_eq!(said, "user/ann deleted\nuser/bob deleted\n", "{text}");
    }
}
