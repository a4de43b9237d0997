//! Providers from the command line: what is tried before it is stored, what is said of those that cannot be
//! used, and what they are known to do.

use crate::home::{Home, Ran};
use gw::mock::{Mock, Settings};
use serde_json::Value;

fn ran(code: i32, out: &str, err: &str) -> Ran {
    Ran {
        code: Some(code),
        out: out.into(),
        err: err.into(),
    }
}

/// Without the times, which are others each time: `(12 ms)`, `age 3s`.
fn timeless(mut ran: Ran) -> Ran {
    for text in [&mut ran.out, &mut ran.err] {
        let mut rest = std::mem::take(text);
        while let Some((before, after)) = rest.split_once(" (") {
            text.push_str(before);
            match after.split_once(" ms)") {
                Some((ms, after)) if ms.bytes().all(|byte| byte.is_ascii_digit()) => {
                    rest = after.to_owned();
                }
                _ => {
                    text.push_str(" (");
                    rest = after.to_owned();
                }
            }
        }
        text.push_str(&rest);
    }
    ran
}

/// A simulator that takes one credential.
fn upstream(credential: &str) -> (Mock, String) {
    let mock = Mock::start(Settings {
        expect_credential: Some(credential.into()),
        models: vec!["mock".into(), "mock-500".into()],
        ..Settings::default()
    })
    .unwrap();
    let url = format!("{}/v1", mock.url());
    (mock, url)
}

fn create<'a>(name: &'a str, url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "provider",
        "create",
        name,
        "--vendor",
        "openai-compatible",
        "--base-url",
        url,
    ];
    args.extend(more);
    args
}

/// Health and the reason, as scripts see them.
fn health(home: &Home, name: &str) -> (Value, Value) {
    let shown = home.run(&["provider", "get", name, "-o", "json"]);
    let mut shown: Value = serde_json::from_str(&shown.out).unwrap();
    (
        shown["status"]["health"].take(),
        shown["status"]["health_reason"].take(),
    )
}

#[test]
fn creating_a_provider_verifies_by_default_and_says_so() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |command| {
        command.env("GOOD_KEY", "sk-good").env("BAD_KEY", "sk-bad");
    });
    let (_mock, url) = upstream("sk-good");
    for (reference, said) in [
        ("env:BAD_KEY", "it refused the credential (HTTP 401)"),
        (
            "env:NO_KEY",
            "its credential cannot be had: `NO_KEY` is not set",
        ),
        (
            "file:/no/such/key",
            "its credential cannot be had: `/no/such/key` is not there",
        ),
    ] {
        assert_eq!(
            home.run(&create("p", &url, &["--credential-ref", reference])),
            ran(
                2,
                "",
                &format!(
                    "error: provider `p` was not stored: {said}\n  fix: mend it, or store it untested with --verify=false\n"
                )
            )
        );
    }
    assert_eq!(
        timeless(home.run(&create("p", &url, &["--credential-ref", "env:GOOD_KEY"]))),
        ran(0, "provider/p created\n", "tested p: ok, 2 models\n")
    );
    assert_eq!(health(&home, "p"), ("ok".into(), Value::Null));
}

#[test]
fn a_credential_that_cannot_be_read_now_is_said_when_it_is_stored() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |_| {});
    let (_mock, url) = upstream("sk-good");
    let warning = |why: &str| {
        format!(
            "warning: provider `p` cannot be used as things are: {why}; the gateway goes on trying\n"
        )
    };
    assert_eq!(
        home.run(&create(
            "p",
            &url,
            &["--credential-ref", "env:NO_KEY", "--verify=false"]
        )),
        ran(0, "provider/p created\n", &warning("`NO_KEY` is not set"))
    );
    for verb in ["set", "rekey"] {
        let done = home.run(&["provider", verb, "p", "--credential-ref", "file:/no/key"]);
        assert_eq!(
            (done.code, done.err),
            (Some(0), warning("`/no/key` is not there")),
            "{verb}"
        );
    }
    assert_eq!(
        home.run(&["provider", "set", "p", "--credential-ref", "env:HOME"]),
        ran(0, "provider/p configured\n", "")
    );
}

#[test]
fn health_is_unverified_until_a_provider_was_asked_and_then_says_how_it_went() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |command| {
        command.env("GOOD_KEY", "sk-good").env("BAD_KEY", "sk-bad");
    });
    let (_mock, url) = upstream("sk-good");
    let unverified = || (Value::from("unverified"), Value::Null);
    home.run(&create(
        "p",
        &url,
        &["--credential-ref", "env:BAD_KEY", "--verify=false"],
    ));
    assert_eq!(health(&home, "p"), unverified());
    let why = "it refused the credential (HTTP 401)";
    assert_eq!(
        timeless(home.run(&["provider", "test", "p"])),
        ran(
            9,
            "",
            &format!("error: provider `p`: {why}\n  fix: gw provider rekey p --credential-stdin\n")
        )
    );
    assert_eq!(health(&home, "p"), ("refused".into(), why.into()));
    let described = home.run(&["provider", "describe", "p"]).out;
    assert!(
        described
            .lines()
            .any(|line| line.starts_with("status.health_reason") && line.ends_with(why)),
        "{described}"
    );
    // Labels are not what was tested; the credential is.
    home.run(&["provider", "set", "p", "--label", "a=b"]);
    assert_eq!(health(&home, "p").0, "refused");
    home.run(&["provider", "set", "p", "--credential-ref", "env:GOOD_KEY"]);
    assert_eq!(health(&home, "p"), unverified());
    home.run(&["provider", "test", "p"]);
    assert_eq!(health(&home, "p"), ("ok".into(), Value::Null));
}

#[test]
fn a_test_with_a_model_asks_the_model_for_one_token() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |command| {
        command.env("GOOD_KEY", "sk-good");
    });
    let (mock, url) = upstream("sk-good");
    for (name, vendor) in [("oa", "openai-compatible"), ("an", "anthropic")] {
        let args = [
            "provider",
            "create",
            name,
            "--vendor",
            vendor,
            "--base-url",
            &url,
            "--credential-ref",
            "env:GOOD_KEY",
        ];
        assert_eq!(home.run(&args).code, Some(0));
        mock.forget();
        assert_eq!(
            timeless(home.run(&["provider", "test", name, "-m", "mock"])),
            ran(0, &format!("tested {name}: ok, the model answered\n"), "")
        );
        let seen = mock.requests();
        let asked: Value = serde_json::from_str(&seen[0].body).unwrap();
        assert_eq!(
            (seen.len(), &asked["model"], &asked["max_tokens"]),
            (1, &"mock".into(), &1.into()),
            "{asked}"
        );
    }
    assert_eq!(
        timeless(home.run(&["provider", "test", "oa", "-m", "mock-500"])),
        ran(
            9,
            "",
            "error: provider `oa`: it answered with HTTP 500: the mock was asked to answer 500\n  fix: gw provider describe oa\n"
        )
    );
}

#[test]
fn several_providers_are_tested_by_name_or_label() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |command| {
        command.env("GOOD_KEY", "sk-good");
    });
    let (_mock, url) = upstream("sk-good");
    for (name, env) in [("a", "one"), ("b", "two"), ("c", "one")] {
        let label = format!("env={env}");
        let more = ["--credential-ref", "env:GOOD_KEY", "--label", &label];
        home.run(&create(name, &url, &more));
    }
    let tested = |names: &[&str]| -> String {
        names
            .iter()
            .map(|name| format!("tested {name}: ok, 2 models\n"))
            .collect()
    };
    for (args, names) in [
        (vec!["a", "b"], vec!["a", "b"]),
        (vec!["-l", "env=one"], vec!["a", "c"]),
        (vec![], vec!["a", "b", "c"]),
    ] {
        let args = [vec!["provider", "test"], args].concat();
        assert_eq!(timeless(home.run(&args)), ran(0, &tested(&names), ""));
    }
    assert_eq!(
        home.run(&["provider", "test", "-l", "env=x"]),
        ran(0, "", "no providers match -l env=x\n")
    );
}

#[test]
fn keyring_references_are_refused_where_there_is_no_keyring() {
    let home = Home::new();
    let memory = home.serve_as(&["--in-memory"], |_| {});
    let (_mock, url) = upstream("sk-good");
    let args = create(
        "p",
        &url,
        &["--credential-ref", "keyring:team", "--verify=false"],
    );
    let admin = memory
        .admin()
        .replace('~', &home.path("").display().to_string());
    let mut command = home.gw(&args);
    command.env("GW_ADMIN_URL", admin.replace("//", "/"));
    assert_eq!(
        home.ran(command),
        ran(
            2,
            "",
            "error: provider `p` refers to a keyring, and this gateway has none: memory (gone when gw stops)\n  fix: refer to it as env:NAME or file:/PATH, or give it to gw with --credential-stdin\n"
        )
    );
    drop(memory);
    let _sealed = home.serve_as(&["--secrets", "sealed"], |_| {});
    let refused = home.run(&args);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.err.starts_with(
            "error: provider `p` refers to a keyring, and this gateway has none: sealed file"
        ),
        "{refused:?}"
    );
}

#[test]
fn requests_too_say_how_a_provider_is_doing() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |command| {
        command.env("GOOD_KEY", "sk-good").env("BAD_KEY", "sk-bad");
    });
    let (_mock, url) = upstream("sk-good");
    home.run(&create(
        "p",
        &url,
        &["--credential-ref", "env:BAD_KEY", "--verify=false"],
    ));
    for args in [
        vec!["user", "create", "u"],
        vec!["key", "create", "k", "--user", "u", "--output-file", "k"],
        vec!["route", "create", "r", "--key", "k", "--to", "p/mock"],
    ] {
        assert_eq!(home.run(&args).code, Some(0), "{args:?}");
    }
    let request = || {
        home.run(&["request", "hi", "-m", "mock", "--key-file", "k"])
            .code
    };
    assert_ne!(request(), Some(0));
    assert_eq!(
        health(&home, "p"),
        (
            "refused".into(),
            "it refused the credential (HTTP 401)".into()
        )
    );
    home.run(&["provider", "set", "p", "--credential-ref", "env:GOOD_KEY"]);
    assert_eq!(health(&home, "p"), ("unverified".into(), Value::Null));
    assert_eq!(request(), Some(0));
    assert_eq!(health(&home, "p"), ("ok".into(), Value::Null));
}
