//! The admin socket follows the data directory, and a client speaks to no one else's.

use super::home::{Home, Ran};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

fn users(home: &Home, data: &str) -> String {
    let mut command = home.gw(&["user", "get", "-o", "name"]);
    command.env("GW_DATA_DIR", data);
    let ran = home.ran(command);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{data}");
    ran.out
}

#[test]
fn serve_with_nothing_said_is_found_by_plain_commands() {
    let home = Home::new();
    let gateway = home.serve();
    assert_eq!(gateway.admin(), "unix:~/run/gw/admin.sock");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&home.path("run/gw")), 0o700);
    assert_eq!(mode(&home.path("run/gw/admin.sock")), 0o600);
    let created = Ran {
        code: Some(0),
        out: "user/ann created\n".into(),
        err: String::new(),
    };
    assert_eq!(home.run(&["user", "create", "ann"]), created);
    assert_eq!(home.run(&["user", "get", "-o", "name"]).out, "user/ann\n");
    drop(gateway);
    assert!(!home.path("run/gw/admin.sock").exists());
}

#[test]
fn without_a_runtime_directory_the_socket_is_with_the_data() {
    let home = Home::new();
    let without = |command: &mut std::process::Command| {
        command.env_remove("XDG_RUNTIME_DIR");
    };
    let gateway = home.serve_as(&[], without);
    assert_eq!(gateway.admin(), "unix:~/home/.local/share/gw/admin.sock");
    let mut command = home.gw(&["user", "create", "ann"]);
    without(&mut command);
    assert_eq!(home.ran(command).code, Some(0));
}

#[test]
fn two_gateways_with_different_data_directories_never_meet() {
    let home = Home::new();
    let long = format!("{}/data", "long".repeat(30));
    let mut gateways = vec![home.serve()];
    for data in ["b", &long] {
        gateways.push(home.serve_as(&["--data-dir", data], |_| {}));
    }
    let admins: Vec<String> = gateways.iter().map(|gateway| gateway.admin()).collect();
    assert_eq!(admins[1], "unix:~/project/b/admin.sock");
    assert!(admins[2].starts_with("unix:~/run/gw/"), "{}", admins[2]);
    for (name, data) in [("ann", ""), ("bob", "b"), ("cy", &long)] {
        let mut command = home.gw(&["user", "create", name]);
        command.env("GW_DATA_DIR", data);
        assert_eq!(home.ran(command).code, Some(0), "{name}");
    }
    assert_eq!(users(&home, ""), "user/ann\n");
    assert_eq!(users(&home, "b"), "user/bob\n");
    assert_eq!(users(&home, &long), "user/cy\n");
}

#[test]
fn every_spelling_of_a_data_directory_finds_its_gateway() {
    let home = Home::new();
    fs::create_dir(home.path("project/real")).unwrap();
    symlink("real", home.path("project/link")).unwrap();
    let gateway = home.serve_as(&["--data-dir", "link/b"], |_| {});
    assert_eq!(gateway.admin(), "unix:~/project/real/b/admin.sock");
    let absolute = home.path("project/link/b").display().to_string();
    for data in ["real/b", "./link/b/", "link/../real/b", &absolute] {
        assert_eq!(users(&home, data), "", "{data}");
    }
    drop(gateway);
    // The usual directory under another name is still the usual one.
    fs::create_dir_all(home.path("home/.local/share")).unwrap();
    symlink(home.path("home/.local/share/gw"), home.path("project/mine")).unwrap();
    fs::create_dir(home.path("home/.local/share/gw")).unwrap();
    let gateway = home.serve_as(&["--data-dir", "mine"], |_| {});
    assert_eq!(gateway.admin(), "unix:~/run/gw/admin.sock");
}

#[test]
fn a_directory_others_can_look_into_is_made_private() {
    let home = Home::new();
    let dir = home.path("run/gw");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    let _gateway = home.serve();
    assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
}

/// These need root, which alone can be somebody else.
fn root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        crate::harness::skip::skip("being somebody else needs root");
    }
    root
}

const NOBODY: u32 = 65534;

fn give(path: &Path) {
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
}

fn not_allowed(path: &str, uid: u32) -> Ran {
    Ran {
        code: Some(4),
        out: String::new(),
        err: format!(
            "error: not allowed to use the admin socket `{path}`: it belongs to UID {uid}\n  fix: run it as UID {uid}: sudo -u '#{uid}' gw …\n"
        ),
    }
}

#[test]
fn a_socket_somebody_else_laid_is_not_spoken_to() {
    if !root() {
        return;
    }
    let home = Home::new();
    fs::create_dir(home.path("run/gw")).unwrap();
    let path = home.path("run/gw/admin.sock");
    let planted = UnixListener::bind(&path).unwrap();
    planted.set_nonblocking(true).unwrap();
    give(&path);
    assert_eq!(
        home.run(&["user", "create", "ann"]),
        not_allowed("~/run/gw/admin.sock", NOBODY)
    );
    assert!(planted.accept().is_err(), "it was spoken to");
}

#[test]
fn a_socket_that_may_not_be_opened_says_who_may() {
    use std::os::unix::process::CommandExt;
    if !root() {
        return;
    }
    let home = Home::new();
    let _gateway = home.serve_as(&["--data-dir", "b"], |_| {});
    fs::set_permissions(home.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(home.path("project"), fs::Permissions::from_mode(0o755)).unwrap();
    // The test binary's directory need not be open to everybody. Copied by another process: what this one has open for
    // writing, a test that starts a program at that moment hands on to it, and nothing open for writing can be run.
    let mut copy = home.program("cp");
    assert_eq!(
        home.ran({
            copy.arg(super::home::GW).arg(home.path("gw"));
            copy
        })
        .code,
        Some(0)
    );
    let program = home.path("gw").display().to_string();
    let as_nobody = || {
        let mut command = home.program(&program);
        command
            .args(["user", "get"])
            .env("GW_DATA_DIR", home.path("project/b"))
            .uid(NOBODY)
            .gid(NOBODY);
        home.ran(command)
    };
    assert_eq!(as_nobody(), not_allowed("~/project/b/admin.sock", 0));
    // The same where the directory may be looked into.
    fs::set_permissions(home.path("project/b"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(as_nobody(), not_allowed("~/project/b/admin.sock", 0));
}

#[test]
fn somebody_elses_runtime_directory_is_not_used() {
    if !root() {
        return;
    }
    let home = Home::new();
    give(&home.path("run"));
    let gateway = home.serve();
    assert_eq!(gateway.admin(), "unix:~/home/.local/share/gw/admin.sock");
    assert_eq!(home.run(&["user", "get"]).code, Some(0));
}
