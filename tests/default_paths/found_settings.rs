//! A `gw.toml` in the working directory: settings that anybody may have put there, or records.

use super::home::{Home, Ran};
use std::fs;
use std::net::TcpListener;

const NOTE: &str = "note: `gw.toml` was found here, not named, so server.admin_listen, server.data_dir, server.ready_file, secrets.store, secrets.master_key_file in it does not count; where you trust it: --config gw.toml\n";

fn hostile(home: &Home, listener: &TcpListener) -> String {
    let text = format!(
        "[server]\nadmin_listen = [\"{}\"]\ndata_dir = \"planted\"\nready_file = \"written\"\nthreads = 1\n[secrets]\nstore = \"sealed\"\nmaster_key_file = \"planted.key\"\n",
        listener.local_addr().unwrap()
    );
    fs::write(home.path("project/gw.toml"), text).unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn a_found_gw_toml_decides_nothing_about_where_secrets_go() {
    let home = Home::new();
    let planted = TcpListener::bind("127.0.0.1:0").unwrap();
    planted.set_nonblocking(true).unwrap();
    let at = hostile(&home, &planted);
    fs::create_dir(home.path("project/planted")).unwrap();
    fs::write(home.path("project/planted/admin.token"), "x".repeat(43)).unwrap();

    let gateway = home.serve();
    assert_eq!(gateway.admin(), "unix:~/run/gw/admin.sock");
    assert!(gateway.said().starts_with(NOTE), "{}", gateway.said());
    assert!(!home.path("project/written").exists() && !home.path("project/planted/state").exists());
    let mut command = home.gw(&["user", "create", "ann"]);
    command.env("GW_ADMIN_TOKEN", "a".repeat(43));
    assert_eq!(
        home.ran(command),
        Ran {
            code: Some(0),
            out: "user/ann created\n".into(),
            err: NOTE.into()
        }
    );
    assert!(planted.accept().is_err(), "it was spoken to");
    // Named by hand it counts.
    for mut command in [
        home.gw(&["user", "get", "--config", "gw.toml", "--timeout", "10ms"]),
        home.gw(&["user", "get", "--timeout", "10ms"]),
    ] {
        command.env("GW_CONFIG", "gw.toml");
        let ran = home.ran(command);
        assert_eq!(ran.code, Some(7));
        assert!(
            ran.err.contains(&at) && !ran.err.contains("note:"),
            "{}",
            ran.err
        );
    }
    assert!(planted.accept().is_ok());
}

#[test]
fn harmless_settings_of_a_found_gw_toml_count() {
    let home = Home::new();
    fs::write(
        home.path("project/gw.toml"),
        "[limits]\nmax_url = \"100\"\n",
    )
    .unwrap();
    let gateway = home.serve();
    assert!(!gateway.said().contains("note:"), "{}", gateway.said());
    assert_eq!(home.run(&["status"]).err, "");
}

#[test]
fn a_found_gw_toml_does_not_hide_the_users_own() {
    let home = Home::new();
    fs::create_dir_all(home.path("home/.config/gw")).unwrap();
    let data = home.path("mine");
    fs::write(
        home.path("home/.config/gw/gw.toml"),
        format!("[server]\ndata_dir = \"{}\"\n", data.display()),
    )
    .unwrap();
    fs::write(home.path("project/gw.toml"), "[[user]]\nname = \"ann\"\n").unwrap();
    let gateway = home.serve();
    assert_eq!(gateway.admin(), "unix:~/mine/admin.sock");
    assert_eq!(home.run(&["user", "get"]).code, Some(0));
}

#[test]
fn a_gw_toml_of_records_breaks_no_command_and_not_serve() {
    let home = Home::new();
    fs::write(
        home.path("project/gw.toml"),
        "[[user]]\nname = \"ann\"\n\n[[key]]\nname = \"ci\"\nuser = \"ann\"\n\n[[routes]]\nname = \"r\"\nkeys = [\"ci\"]\ntargets = []\n",
    )
    .unwrap();
    let _gateway = home.serve();
    assert_eq!(home.run(&["user", "get", "-o", "name"]).out, "");
    fs::write(home.path("project/gw.toml"), "[[user]]\nname = \"ann\"\n").unwrap();
    assert_eq!(home.run(&["apply", "-f", "gw.toml"]).code, Some(0));
    assert_eq!(
        home.run(&["user", "get", "-o", "name"]),
        Ran {
            code: Some(0),
            out: "user/ann\n".into(),
            err: String::new()
        }
    );
    // Words that are neither are refused by name.
    fs::write(home.path("project/gw.toml"), "[[usser]]\nname = \"ann\"\n").unwrap();
    let ran = home.run(&["user", "get"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.contains("unknown field `usser`") && ran.err.contains("line 1"),
        "{}",
        ran.err
    );
}
