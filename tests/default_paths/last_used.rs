//! LAST-USED: when a key was last let in, across restarts, and of a user its keys' latest.

use crate::home::{GW, Home};

/// What a field of a record says; nothing where it has none.
fn field(home: &Home, what: &[&str], path: &str) -> String {
    let value = format!("value={path}");
    let ran = home.run(&[what, &["-o", &value]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.out.trim().to_owned()
}

fn ok(home: &Home, args: &[&str]) -> String {
    let ran = home.run(args);
    assert_eq!(ran.code, Some(0), "{args:?} {ran:?}");
    ran.out
}

/// A request with the key in this file; the exit code.
fn request(home: &Home, key: &str) -> Option<i32> {
    let file = home.path("project").join(key);
    let mut command = home.program(GW);
    command.args(["request", "hi", "-m", "mock", "-q", "--key-file"]);
    home.ran({
        command.arg(file);
        command
    })
    .code
}

/// A key of `me` with its secret in a file of its name and a route to the simulator.
fn key(home: &Home, name: &str) {
    ok(
        home,
        &["key", "create", name, "--user", "me", "--output-file", name],
    );
    ok(
        home,
        &["route", "create", name, "--key", name, "--to", "mock"],
    );
}

/// The cells of LAST-USED, and whether there is something in them.
fn column(home: &Home, kind: &str) -> Vec<(String, bool)> {
    let table = ok(home, &[kind, "get", "-o", "csv"]);
    let mut lines = table
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let at = head
        .iter()
        .position(|name| *name == "status.last_used")
        .unwrap();
    lines
        .map(|cells| (cells[0].to_owned(), !cells[at].is_empty()))
        .collect()
}

#[test]
fn when_a_key_was_last_used_is_shown_and_outlives_restarts() {
    let home = Home::new();
    let mock = &["--mock"];
    let serving = home.serve_as(mock, |_| {});
    ok(&home, &["user", "create", "me"]);
    ok(&home, &["user", "create", "idle"]);
    key(&home, "ci");
    key(&home, "spare");
    for kind in ["key", "user"] {
        let table = ok(&home, &[kind, "get", "-o", "wide"]);
        assert!(
            table.lines().next().unwrap().contains("AGE   LAST-USED"),
            "{table}"
        );
    }
    let shown = |used: &[&str]| {
        let of = |names: &[&str]| -> Vec<(String, bool)> {
            names
                .iter()
                .map(|name| ((*name).to_owned(), used.contains(name)))
                .collect()
        };
        assert_eq!(column(&home, "key"), of(&["ci", "spare"]));
        assert_eq!(column(&home, "user"), of(&["idle", "me"]));
    };
    shown(&[]);
    assert_eq!(request(&home, "ci"), Some(0));
    shown(&["ci", "me"]);
    let of_key = || field(&home, &["key", "get", "ci"], ".status.last_used");
    let of_user = || field(&home, &["user", "get", "me"], ".status.last_used");
    let used = of_key();
    assert_eq!(of_user(), used);
    // What is refused is no use of the key.
    ok(&home, &["key", "disable", "ci"]);
    assert_eq!(request(&home, "ci"), Some(4));
    ok(&home, &["key", "enable", "ci"]);
    assert_eq!(of_key(), used);

    drop(serving);
    let file = home.path("home").join(".local/share/gw/last-used.json");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let serving = home.serve_as(mock, |_| {});
    assert_eq!((of_key(), of_user()), (used.clone(), used));
    shown(&["ci", "me"]);
    // A key of the same name is another key.
    ok(&home, &["key", "delete", "ci", "--cascade", "--yes"]);
    std::fs::remove_file(home.path("project").join("ci")).unwrap();
    key(&home, "ci");
    shown(&[]);
    assert_eq!(request(&home, "spare"), Some(0));
    shown(&["spare", "me"]);

    drop(serving);
    std::fs::write(&file, "{\"spare\": ").unwrap();
    let serving = home.serve_as(mock, |_| {});
    assert!(
        serving.said().contains("last-used.json` is damaged"),
        "{}",
        serving.said()
    );
    shown(&[]);
}
