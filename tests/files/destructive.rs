//! A destructive command that names nothing does nothing, in every form; what goes along is said before.

use crate::harness::Gateway;

/// A gateway with two keys of the user `ann`, one labelled, and a route for each.
fn furnished() -> Gateway {
    let gateway = Gateway::start();
    gateway.ok(&["user", "create", "ann"]);
    gateway.ok(&[
        "provider",
        "create",
        "sim",
        "--vendor",
        "mock",
        "--verify=false",
    ]);
    for (key, label) in [("a", "env=ci"), ("b", "env=prod")] {
        let file = gateway.path(key);
        let file = file.to_str().unwrap();
        let args = ["key", "create", key, "--user", "ann", "--label", label];
        gateway.ok(&[&args[..], &["--output-file", file]].concat());
        gateway.ok(&["route", "create", key, "--key", key, "--to", "sim"]);
    }
    gateway
}

fn names(gateway: &Gateway) -> String {
    gateway.ok(&["get", "all", "-o", "name"])
}

#[test]
fn a_destructive_command_with_no_names_does_nothing_but_exit_2() {
    let gateway = furnished();
    let before = names(&gateway);
    let lines: &[&[&str]] = &[
        &["delete", "-y"],
        &["delete", "key", "-y"],
        &["delete", "key", "", "-y"],
        &["delete", "", "-y"],
        &["delete", "key/", "-y"],
        &["delete", "keys,routes", "--cascade", "-y"],
        &["delete", "all", "-y"],
        &["delete", "key", "-l", "", "-y"],
        &["delete", "key", "-l", " ", "-y"],
        &["delete", "key/a", "--all", "-y"],
        &["delete", "key/a", "-l", "env=prod", "-y"],
        &["delete", "--all", "-y"],
        &["key", "delete", "-y"],
        &["key", "delete", "", "-y"],
        &["key", "delete", "-l", "", "-y"],
        &["key", "delete", "a", "--all", "-y"],
        &["key", "delete", "a", "-l", "env=prod", "-y"],
        &["key", "rm", "-y"],
        &["key", "revoke", "-y"],
        &["key", "revoke", "", "-y"],
        &["key", "revoke", "-l", "", "-y"],
        &["key", "disable"],
        &["key", "disable", ""],
        &["key", "disable", "-l", ""],
        &["key", "set", "--environment", "x"],
        &["key", "set", "-l", "", "--environment", "x"],
        &["user", "disable"],
        &["route", "delete", "-y"],
        &["provider", "delete", "-y"],
        &["model", "delete", "-y"],
    ];
    let mut wrong = Vec::new();
    for line in lines {
        let ran = gateway.cli(line);
        if (ran.code, ran.stdout.as_str()) != (Some(2), "") || !ran.stderr.starts_with("error: ") {
            wrong.push(ran);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(names(&gateway), before);
    for key in ["a", "b"] {
        let state = gateway.ok(&["key", "get", key, "-o", "value=.status.state"]);
        assert_eq!(state, "active\n");
    }
}

#[test]
fn a_type_alone_says_how_to_choose() {
    let gateway = furnished();
    let ran = gateway.cli(&["delete", "key", "-y"]);
    assert_eq!(
        ran.stderr,
        "error: no key is named\n  fix: write key/NAME, or choose with -l LABELS; --all deletes every key\n"
    );
}

#[test]
fn labels_or_all_choose_in_every_form() {
    let gateway = furnished();
    let line = |args: &[&str]| gateway.ok(args);
    assert_eq!(
        line(&["key", "disable", "-l", "env=ci"]),
        "key/a disabled\n"
    );
    assert_eq!(
        line(&["key", "enable", "--all"]),
        "key/a enabled\nkey/b enabled\n"
    );
    assert_eq!(
        line(&["key", "set", "a", "b", "--environment", "test"]),
        "key/a configured\nkey/b configured\n"
    );
    assert_eq!(
        line(&["key", "set", "-l", "env=prod", "--label", "old=yes"]),
        "key/b configured\n"
    );
    assert_eq!(
        line(&["key", "describe", "-l", "old=yes", "-o", "name"]),
        "key/b\n"
    );
    assert_eq!(
        line(&["describe", "key,route", "-l", "old=yes", "-o", "name"]),
        "key/b\n"
    );
    assert_eq!(
        line(&["key", "revoke", "-l", "env=ci", "-y"]),
        "key/a revoked\n"
    );
    assert_eq!(
        line(&["delete", "route", "--all", "-y"]),
        "route/a deleted\nroute/b deleted\n"
    );
    assert_eq!(
        line(&["delete", "key", "-l", "env=prod", "-y"]),
        "key/b deleted\n"
    );
    assert_eq!(line(&["key", "delete", "--all", "-y"]), "key/a deleted\n");
    assert_eq!(names(&gateway), "user/ann\nprovider/sim\n");
}

#[test]
fn labels_that_match_nothing_are_said() {
    let gateway = furnished();
    for line in [
        &["key", "get", "-l", "env=x"][..],
        &["get", "key", "-l", "env=x"],
        &["key", "delete", "-l", "env=x", "-y"],
        &["delete", "key", "-l", "env=x", "-y"],
        &["key", "disable", "-l", "env=x"],
        &["key", "revoke", "-l", "env=x", "-y"],
    ] {
        let ran = gateway.cli(line);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (Some(0), "", "no keys match -l env=x\n"),
            "{line:?}"
        );
    }
}

#[test]
fn what_goes_along_is_shown_before_anything_goes() {
    let gateway = furnished();
    let before = names(&gateway);
    let args = ["route", "create", "both", "--user", "ann", "--key", "a"];
    gateway.ok(&[&args[..], &["--key", "b", "--to", "sim"]].concat());
    let ran = gateway.cli(&["key", "delete", "a", "--cascade"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        ran.stderr,
        "route/a would be deleted\nroute/both would be unbound\n\
         error: deleting key/a and the 2 records listed above needs a yes, and nobody can be asked here\n  fix: add --yes\n"
    );
    let ran = gateway.cli(&["delete", "key/a", "key/b", "route/b", "--cascade"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        ran.stderr,
        "route/a would be deleted\nroute/both would be unbound, or deleted where nothing is left of it\n\
         error: deleting route/b, key/a, key/b and the 2 records listed above needs a yes, and nobody can be asked here\n  fix: add --yes\n"
    );
    gateway.ok(&["route", "delete", "both"]);
    assert_eq!(names(&gateway), before);
    assert_eq!(
        gateway.ok(&["key", "delete", "a", "--cascade", "-y"]),
        "key/a deleted\nroute/a deleted\n"
    );
}

#[test]
fn deleting_all_of_a_kind_needs_a_yes() {
    let gateway = furnished();
    for line in [
        &["route", "delete", "--all"][..],
        &["delete", "route", "--all"],
    ] {
        let ran = gateway.cli(line);
        assert_eq!(
            (ran.code, ran.stderr.as_str()),
            (
                Some(2),
                "error: deleting route/a, route/b needs a yes, and nobody can be asked here\n  fix: add --yes\n"
            )
        );
    }
}

#[test]
fn a_dry_run_deletes_nothing_and_says_what_the_deletion_would() {
    let gateway = furnished();
    let before = names(&gateway);
    let ran = gateway.cli(&["key", "delete", "a", "--dry-run"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (
            Some(5),
            "",
            "error: key `a` is referred to by route `a`\n  fix: delete those too with: gw key delete a --cascade\n"
        )
    );
    assert_eq!(
        gateway.ok(&["key", "delete", "a", "--dry-run", "--cascade"]),
        "key/a would be deleted\nroute/a would be deleted\n"
    );
    assert_eq!(
        gateway.ok(&["delete", "key/a", "route/a", "--dry-run"]),
        "route/a would be deleted\nkey/a would be deleted\n"
    );
    assert_eq!(names(&gateway), before);
}
