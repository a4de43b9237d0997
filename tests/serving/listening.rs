//! Where `gw serve` cannot listen, it says who does and what to do.

use super::home::{Home, Started, text};

#[test]
fn a_port_taken_by_a_gateway_of_mine_is_told_from_another_programs() {
    let home = Home::new();
    let mut first = Started::start(&mut home.gw(&["serve", "--dev", "--listen", "127.0.0.1:0"]));
    first.says("gw key rotate dev");
    let url = home.ok(&["status", "-o", "value=.url"]);
    let pid = home.ok(&["status", "-o", "value=.pid"]);
    let address = url.trim().strip_prefix("http://").unwrap().to_owned();
    let second = home.run(&["serve", "--dev", "--listen", &address]);
    assert_eq!(second.status.code(), Some(5), "{second:?}");
    assert_eq!(
        text(&second.stderr),
        format!(
            "error: cannot listen on `{address}`: your gateway with pid {0} does\n  \
             fix: use that one (see `gw status`), stop it with `kill {0}`, or choose another port with --listen 127.0.0.1:0\n",
            pid.trim()
        )
    );
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let third = home.run(&["serve", "--dev", "--listen", &address]);
    assert_eq!(third.status.code(), Some(5), "{third:?}");
    assert_eq!(
        text(&third.stderr),
        format!(
            "error: cannot listen on `{address}`: Address already in use (os error 98)\n  \
             fix: another program listens there: stop it, or choose another port with --listen 127.0.0.1:0\n"
        )
    );
}
