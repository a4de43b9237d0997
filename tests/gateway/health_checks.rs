//! Active health checks: they cost nothing, take a provider out after some failures and let it in after some passes.

use crate::harness::until;
use crate::kit::{Bench, CREDENTIAL, Plan, chat, hear, plan};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering::SeqCst},
};

const PATH: &str = "/v1/chat/completions";

/// An upstream that answers chats always, and what is read with the status it is told.
#[derive(Clone)]
struct Server {
    url: String,
    status: Arc<AtomicU16>,
    /// Heads of requests, in lower case.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Server {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let server = Server {
            url: format!("http://{}/v1", listener.local_addr().unwrap()),
            status: Arc::new(AtomicU16::new(200)),
            heads: Arc::default(),
        };
        let own = server.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let Ok(mut socket) = socket else { return };
                let head = hear(&mut socket);
                let (status, body) = match head.starts_with("get ") {
                    true => (
                        own.status.load(SeqCst),
                        r#"{"object":"list","data":[{"id":"x"}]}"#,
                    ),
                    false => (
                        200,
                        r#"{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}]}"#,
                    ),
                };
                own.heads.lock().unwrap().push(head);
                let _ = write!(
                    socket,
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        server
    }
    fn say(&self, status: u16) {
        self.status.store(status, SeqCst);
    }
    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
    fn checks(&self) -> usize {
        self.heads()
            .iter()
            .filter(|head| head.starts_with("get "))
            .count()
    }
    fn provider(&self, mut spec: Value) -> Value {
        spec["vendor"] = "openai-compatible".into();
        spec["base_url"] = self.url.as_str().into();
        spec
    }
}

/// Provider `s`, checked quickly, before `m`.
fn checked(server: &Server) -> Plan {
    let spec = json!({"check_interval": "100ms", "check_failures": 2, "check_passes": 2});
    plan()
        .provider("s", server.provider(spec))
        .at("r", &["s/x", "m/mock"])
}

fn status_of(bench: &Bench, name: &str) -> Value {
    let shown = bench.gateway.ok(&["provider", "get", name, "-o", "json"]);
    serde_json::from_str::<Value>(&shown).unwrap()["status"].clone()
}

fn becomes(bench: &Bench, name: &str, health: &str) -> Value {
    until(&format!("{name} is {health}"), || {
        Some(status_of(bench, name)).filter(|status| status["health"] == *health)
    })
}

fn served_by(bench: &Bench, route: &str) -> String {
    let answer = bench.post(&format!("/{route}{PATH}"), &chat("any", "hi", false));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("x-gw-provider").unwrap().to_owned()
}

#[test]
fn a_provider_that_fails_its_checks_is_left_out_until_it_passes_them() {
    let server = Server::start();
    let bench = checked(&server).start();
    becomes(&bench, "s", "ok");
    assert_eq!(served_by(&bench, "r"), "s");
    server.say(503);
    let status = becomes(&bench, "s", "failing");
    let why = status["health_reason"].as_str().unwrap();
    assert!(
        why.starts_with("failing its health checks for ")
            && why.contains("it answered with HTTP 503"),
        "{status}"
    );
    assert_eq!(status["checks"]["state"], "failing", "{status}");
    assert_eq!(served_by(&bench, "r"), "m");
    let explained = bench.gateway.ok(&["route", "explain", "r"]);
    assert!(
        explained.contains("failing its health checks for "),
        "{explained}"
    );
    server.say(200);
    becomes(&bench, "s", "ok");
    assert_eq!(served_by(&bench, "r"), "s");
    // A list asked for with the credential, and never a completion that nobody wanted.
    let (reads, asked): (Vec<_>, Vec<_>) = server
        .heads()
        .into_iter()
        .partition(|head| head.starts_with("get "));
    assert_eq!(asked.len(), 2, "{asked:?}");
    let credential = format!("authorization: bearer {}", CREDENTIAL.to_lowercase());
    assert!(
        reads
            .iter()
            .all(|head| head.starts_with("get /v1/models") && head.contains(&credential)),
        "{reads:?}"
    );
    let log = bench.gateway.log();
    assert_eq!(
        log.matches("provider fails its health checks").count(),
        1,
        "{log}"
    );
    assert_eq!(
        log.matches("provider passes its health checks again")
            .count(),
        1,
        "{log}"
    );
}

#[test]
fn where_every_target_fails_its_checks_they_are_tried_all_the_same() {
    let server = Server::start();
    server.say(500);
    let bench = checked(&server).at("only", &["s/x"]).start();
    becomes(&bench, "s", "failing");
    assert_eq!(served_by(&bench, "only"), "s");
    let explained = bench.gateway.ok(&["route", "explain", "only"]);
    assert!(
        explained.contains("tried as nothing else is left"),
        "{explained}"
    );
}

#[test]
fn nothing_is_checked_that_does_not_want_it_and_changes_are_followed() {
    let (checked, unchecked) = (Server::start(), Server::start());
    checked.say(500);
    let bench = self::checked(&checked)
        .provider("u", unchecked.provider(json!({})))
        .start();
    let set = |args: &[&str]| {
        bench
            .gateway
            .ok(&[&["provider", "set", "s"], args].concat())
    };
    becomes(&bench, "s", "failing");
    // Switched off, it is as if it had never been checked.
    set(&["--check-interval", ""]);
    assert_eq!(served_by(&bench, "r"), "s");
    assert_eq!(status_of(&bench, "s")["checks"], Value::Null);
    set(&["--check-interval", "100ms", "--check-path", "/health"]);
    until("the path is asked for", || {
        checked
            .heads()
            .iter()
            .any(|head| head.starts_with("get /health "))
            .then_some(())
    });
    becomes(&bench, "s", "failing");
    bench.gateway.ok(&["provider", "disable", "s"]);
    let before = until("the last check has ended", || {
        let before = checked.checks();
        let record = status_of(&bench, "s");
        (record["checks"] == Value::Null && before == checked.checks()).then_some(before)
    });
    assert_eq!(served_by(&bench, "r"), "m");
    assert!(
        checked.checks() <= before + 1,
        "one may have been under way"
    );
    assert_eq!(unchecked.checks(), 0);
}

#[test]
fn what_says_nothing_of_health_turns_nothing() {
    let server = Server::start();
    let bench = checked(&server).start();
    becomes(&bench, "s", "ok");
    // Asked too often; no list there. Neither is a reason to leave it out.
    for status in [429, 404] {
        server.say(status);
        until("the check says nothing", || {
            (status_of(&bench, "s")["checks"]["state"] == "unknown").then_some(())
        });
        assert_eq!(served_by(&bench, "r"), "s");
    }
    // A refused credential is: requests would be refused, too.
    server.say(401);
    let status = becomes(&bench, "s", "refused");
    assert_eq!(status["credential_refused"]["status"], 401, "{status}");
    until("it is left out", || {
        (served_by(&bench, "r") == "m").then_some(())
    });
    server.say(200);
    until("it is let in", || {
        (served_by(&bench, "r") == "s").then_some(())
    });
}

#[test]
fn mistakes_in_checks_are_named() {
    let bench = plan().start();
    for (args, says) in [
        (["--check-interval", "1ms"], "`1ms` is shorter than 100ms"),
        (["--check-timeout", "0s"], "`check_timeout` is 0"),
        (
            ["--check-failures", "0"],
            "`check_failures` is not from 1 to 100",
        ),
        (
            ["--check-passes", "101"],
            "`check_passes` is not from 1 to 100",
        ),
        (["--check-path", "v1/models"], "`v1/models` is not a path"),
        (["--check-path", "//other.example/"], "is not a path"),
    ] {
        let refused = bench
            .gateway
            .cli(&[&["provider", "set", "m"][..], &args].concat());
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(says), "{refused:?}");
    }
}
