//! `gw doctor`: whose a port and a socket are, whether the data directory takes a file, and whether providers answer.

use super::home::Home;
use gw::mock::{Mock, Settings};
use std::net::TcpListener;

/// The lines about something, with their fixes.
fn about(said: &str, what: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut ours = false;
    for line in said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !line.starts_with(' ') {
            ours = words.get(1) == Some(&what);
        }
        if ours {
            found.push(words.join(" "));
        }
    }
    found
}

#[test]
fn a_port_of_this_gateway_is_told_from_one_of_another_program() {
    let home = Home::new();
    let gateway = home.serve();
    let own = gateway.url().trim_start_matches("http://").to_owned();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = other.local_addr().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let third = free.local_addr().unwrap();
    drop(free);
    let mut command = home.gw(&["doctor"]);
    command.env("GW_LISTEN", format!("{own},{theirs},{third}"));
    let ran = home.ran(command);
    assert_eq!(
        about(&ran.out, "port"),
        [
            format!("ok port {own} is in use by this gateway"),
            format!("fail port {theirs} is in use by another program"),
            format!(
                "fix: see which (ss -ltnp 'sport = :{}') and stop it, or choose another port with --listen",
                theirs.port()
            ),
            format!("ok port {third} is free"),
        ]
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        about(&ran.out, "admin"),
        ["ok admin unix:~/run/gw/admin.sock is in use by this gateway"]
    );
}

#[test]
fn a_socket_left_behind_is_told_from_one_of_another_program() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("run/gw")).unwrap();
    let socket = home.path("run/gw/admin.sock");
    let held = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let ran = home.run(&["doctor", "--timeout", "1s"]);
    assert_eq!(
        about(&ran.out, "admin"),
        [
            "fail admin ~/run/gw/admin.sock is in use by another program",
            "fix: stop it, or choose another socket with --admin-listen"
        ]
    );
    drop(held);
    let ran = home.run(&["doctor"]);
    assert_eq!(
        about(&ran.out, "admin"),
        [
            "warn admin ~/run/gw/admin.sock was left behind by a gateway that is gone",
            "fix: start the gateway with `gw serve`; it takes its place"
        ]
    );
}

#[test]
fn the_data_directory_is_written_to_and_left_as_it_was() {
    let home = Home::new();
    let gateway = home.serve();
    let data = home.path("home/.local/share/gw");
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let before = names();
    let disk = about(&home.run(&["doctor"]).out, "disk").join(" ");
    assert!(
        disk.starts_with("ok disk ~/home/.local/share/gw can be written, "),
        "{disk}"
    );
    assert_eq!(names(), before);
    drop(gateway);
    // A file where the directory would be: root may do anything else.
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::write(&data, "").unwrap();
    let ran = home.run(&["doctor"]);
    let disk = about(&ran.out, "disk").join(" ");
    assert!(disk.starts_with("fail disk "), "{disk}");
    assert_eq!(ran.code, Some(1));
}

#[test]
fn each_provider_is_asked_whether_it_answers() {
    let home = Home::new();
    let gateway = home.serve();
    let mock = Mock::start(Settings::default()).unwrap();
    for (name, url) in [("good", mock.url()), ("gone", "http://127.0.0.1:1".into())] {
        let url = format!("{url}/v1");
        let mut command = home.gw(&["provider", "create", name, "--vendor", "openai"]);
        command
            .args([
                "--base-url",
                &url,
                "--credential-env",
                "CREDENTIAL",
                "--verify=false",
            ])
            .env("CREDENTIAL", "upstream-secret-1");
        let ran = home.ran(command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let ran = home.run(&["doctor"]);
    let said = about(&ran.out, "provider");
    assert!(said[0].starts_with("fail provider gone: "), "{said:?}");
    assert!(said[1].starts_with("fix: "), "{said:?}");
    assert!(said[2].starts_with("ok provider good: ok"), "{said:?}");
    assert_eq!(ran.code, Some(1));
    drop(gateway);
}
