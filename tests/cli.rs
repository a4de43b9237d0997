//! The command line as users run it: the binary, against a gateway of canned answers, whole outputs compared.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(unix)]
#[path = "harness/skip.rs"]
mod skip;
#[path = "harness/wait.rs"]
mod wait;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// What one run gave.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A gateway that answers in order and remembers what it was asked.
struct Canned {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    fn new(answers: &[(u16, &str)]) -> Canned {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers) = (
            asked.clone(),
            answers
                .iter()
                .map(|(status, body)| (*status, (*body).to_owned()))
                .collect::<Vec<_>>(),
        );
        std::thread::spawn(move || {
            for (status, body) in answers {
                let Ok((stream, _)) = listener.accept() else {
                    return;
                };
                let mut reader = BufReader::new(stream);
                let (mut first, mut length) = (String::new(), 0);
                reader.read_line(&mut first).unwrap();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if line.trim().is_empty() {
                        break;
                    }
                    if let Some((name, value)) = line.split_once(':')
                        && name.eq_ignore_ascii_case("content-length")
                    {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut sent = vec![0; length];
                reader.read_exact(&mut sent).unwrap();
                let line = first.trim().trim_end_matches(" HTTP/1.1").to_owned();
                seen.lock().unwrap().push(
                    format!("{line} {}", String::from_utf8_lossy(&sent))
                        .trim()
                        .to_owned(),
                );
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-gw-provider: openai\r\nx-gw-model: gpt-4o\r\nx-gw-request-id: req_1\r\n"
                );
                let mut stream = reader.into_inner();
                stream
                    .write_all(
                        format!(
                            "{head}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                            body.len()
                        )
                        .as_bytes(),
                    )
                    .unwrap();
            }
        });
        Canned { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn gw(url: &str, args: &[&str]) -> Ran {
    gw_with(url, args, "", &[])
}

fn gw_with(url: &str, args: &[&str], stdin: &str, env: &[(&str, &str)]) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gw"));
    command
        .args(args)
        .current_dir(dir.path())
        .env_clear()
        .env("HOME", dir.path())
        .env("GW_ADMIN_URL", url)
        .env("GW_ADMIN_TOKEN", "t");
    for name in ["SystemRoot", "PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads no input closes it early.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let done = wait::output_of(child, "gw");
    Ran {
        code: done.status.code(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

#[test]
fn without_a_gateway_the_error_says_how_to_start_one() {
    let ran = gw("http://127.0.0.1:1", &["user", "get"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(6), ""));
    assert_eq!(
        ran.err,
        "error: no gateway at http://127.0.0.1:1\n  fix: start one with `gw serve`; one that runs elsewhere is named by --admin-url or GW_ADMIN_URL, or its directory by GW_DATA_DIR\n"
    );
    let ran = gw("http://127.0.0.1:1", &["user", "get", "-o", "json"]);
    assert_eq!(
        ran.err,
        "{\"error\":{\"code\":\"no_gateway\",\"message\":\"no gateway at http://127.0.0.1:1\",\"fix\":\"start one with `gw serve`; one that runs elsewhere is named by --admin-url or GW_ADMIN_URL, or its directory by GW_DATA_DIR\"}}\n"
    );
    #[cfg(unix)]
    assert_eq!(gw("unix:/nowhere/admin.sock", &["status"]).code, Some(6));
    assert_eq!(
        gw("http://127.0.0.1:1", &["wait", "--timeout", "100ms"]).code,
        Some(7)
    );
}

#[test]
fn create_sends_the_record_and_says_what_happened() {
    let gateway = Canned::new(&[(
        201,
        r#"{"apiVersion":"gw/v1","kind":"user","name":"ann","team":"a","version":1,"result":"created"}"#,
    )]);
    let ran = gw(&gateway.url, &["user", "create", "ann", "--team", "a"]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (Some(0), "user/ann created\n", "")
    );
    assert_eq!(
        gateway.asked(),
        [r#"POST /api/v1/users {"team":"a","name":"ann"}"#]
    );
}

#[test]
fn refusals_keep_their_words_and_codes() {
    let refusal =
        r#"{"error":{"code":"not_found","message":"no user `ann`","fix":"gw user create ann"}}"#;
    let ran = gw(&Canned::new(&[(404, refusal)]).url, &["user", "get", "ann"]);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            Some(3),
            "",
            "error: no user `ann`\n  fix: gw user create ann\n"
        )
    );
    let mixed = Canned::new(&[
        (404, refusal),
        (200, r#"{"name":"bob","enabled":true,"created":"-"}"#),
    ]);
    let ran = gw(&mixed.url, &["user", "get", "ann", "bob", "-o", "name"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(8), "user/bob\n"));
    assert_eq!(
        gw(
            &Canned::new(&[(412, r#"{"error":{"code":"stale","message":"changed"}}"#)]).url,
            &["user", "set", "a", "--team", "b", "--version", "1"]
        )
        .code,
        Some(5)
    );
}

#[test]
fn wrong_input_never_reaches_the_gateway() {
    let dead = "http://127.0.0.1:1";
    for args in [
        &["user", "create", "Not A Name"][..],
        &["route", "create", "r", "--to", "openai"],
        &["key", "create", "k"],
        &["user", "get", "-o", "xml"],
        &[
            "provider",
            "create",
            "p",
            "--vendor",
            "x",
            "--credential-ref",
            "sk-pasted",
        ],
        &["user", "set", "ann"],
        &["key", "create", "k", "--user", "u", "-o", "name"],
        &["request"],
        &[
            "request",
            "hi",
            "--url",
            "http://127.0.0.1:1",
            "--expect",
            "nonsense",
        ],
        &["user", "delete", "--all"],
    ] {
        let ran = gw(dead, args);
        let wanted = if args.contains(&"--all") || args.contains(&"sk-pasted") {
            &[2, 6][..]
        } else {
            &[2][..]
        };
        assert!(
            ran.code.is_some_and(|code| wanted.contains(&code)),
            "{args:?}: {ran:?}"
        );
        assert!(
            !ran.err.contains("sk-pasted") && ran.out.is_empty(),
            "{ran:?}"
        );
    }
}

#[test]
fn the_secret_is_alone_on_stdout() {
    let made = r#"{"kind":"key","name":"ci","user":"me","version":1,"secret":"sk-gw-abc","result":"created"}"#;
    let ran = gw(
        &Canned::new(&[(201, made)]).url,
        &["key", "create", "ci", "--user", "me"],
    );
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            Some(0),
            "sk-gw-abc\n",
            "key/ci created; its secret is shown this once\n"
        )
    );
}

#[test]
fn creating_a_key_twice_never_ends_well_with_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k");
    let path = file.to_str().unwrap();
    let line = [
        "key",
        "create",
        "ci",
        "--user",
        "me",
        "--if-not-exists",
        "--output-file",
        path,
    ];
    let made = r#"{"kind":"key","name":"ci","user":"me","version":1,"secret":"sk-gw-abc","result":"created"}"#;
    let shown = r#"{"kind":"key","name":"ci","user":"me","version":1}"#;
    let exists = r#"{"error":{"code":"conflict","message":"key `ci` exists"}}"#;

    let ran = gw(&Canned::new(&[(201, made)]).url, &line);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "key/ci created\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "sk-gw-abc\n");

    // 1: the file holds the matching secret.
    let again = Canned::new(&[
        (200, shown),
        (
            200,
            r#"{"kind":"key","name":"ci","user":"me","result":"unchanged","status":{"secret_matches":true}}"#,
        ),
    ]);
    let ran = gw(&again.url, &line);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "key/ci unchanged\n")
    );
    assert_eq!(
        again.asked()[1],
        r#"POST /api/v1/keys {"user":"me","name":"ci","if_not_exists":true,"secret_check":"sk-gw-abc"}"#
    );

    // 2: it holds another one, or is gone.
    let other = Canned::new(&[
        (200, shown),
        (
            200,
            r#"{"kind":"key","name":"ci","user":"me","result":"unchanged","status":{"secret_matches":false}}"#,
        ),
    ]);
    let lost = format!(
        "error: key `ci` exists and its secret cannot be shown again\n  fix: gw key rotate ci --output-file {path}\n"
    );
    let ran = gw(&other.url, &line);
    assert_eq!((ran.code, ran.err.as_str()), (Some(5), lost.as_str()));
    std::fs::remove_file(&file).unwrap();
    let ran = gw(&Canned::new(&[(409, exists), (200, shown)]).url, &line);
    assert_eq!((ran.code, ran.err.as_str()), (Some(5), lost.as_str()));
    assert!(!file.exists());

    // 3: wanted on stdout.
    let ran = gw(
        &Canned::new(&[(409, exists), (200, shown)]).url,
        &["key", "create", "ci", "--user", "me", "--if-not-exists"],
    );
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            Some(5),
            "",
            "error: key `ci` exists and its secret cannot be shown again\n  fix: gw key rotate ci\n"
        )
    );

    // 4: brought along.
    let own = Canned::new(&[(
        200,
        r#"{"kind":"key","name":"ci","user":"me","result":"unchanged"}"#,
    )]);
    let ran = gw_with(
        &own.url,
        &[
            "key",
            "create",
            "ci",
            "--user",
            "me",
            "--from-stdin",
            "--if-not-exists",
        ],
        "sk-x7Kq2Zm9Lw4Vt8RbNc3Hs6Yd\n",
        &[],
    );
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "key/ci unchanged\n")
    );
    assert_eq!(
        own.asked(),
        [
            r#"POST /api/v1/keys {"user":"me","name":"ci","secret":"sk-x7Kq2Zm9Lw4Vt8RbNc3Hs6Yd","replace_secret":false,"if_not_exists":true}"#
        ]
    );
    assert_eq!(
        gw_with(
            "http://127.0.0.1:1",
            &["key", "create", "ci", "--user", "me", "--from-stdin"],
            "sk-0123456789abcdefghijklmn",
            &[]
        )
        .code,
        Some(2),
        "what the gateway would refuse is not sent"
    );
}

#[test]
fn credentials_come_from_anywhere_but_arguments() {
    let made = r#"{"kind":"provider","name":"p","result":"created","test":{"ok":true,"models":61,"ms":310}}"#;
    let gateway = Canned::new(&[(201, made)]);
    let ran = gw_with(
        &gateway.url,
        &[
            "provider",
            "create",
            "p",
            "--vendor",
            "openai",
            "--credential-env",
            "MY_KEY",
        ],
        "",
        &[("MY_KEY", "sk-env")],
    );
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            Some(0),
            "provider/p created\n",
            "tested p: ok, 61 models (310 ms)\n"
        )
    );
    assert_eq!(
        gateway.asked(),
        [
            r#"POST /api/v1/providers?verify=true {"vendor":"openai","credential":"managed","name":"p","credential_value":"sk-env"}"#
        ]
    );
    let gateway = Canned::new(&[(201, made)]);
    gw_with(
        &gateway.url,
        &[
            "provider",
            "create",
            "p",
            "--vendor",
            "openai",
            "--credential-stdin",
            "--verify=false",
            "-q",
        ],
        "sk-in\n",
        &[],
    );
    assert!(
        gateway.asked()[0].contains("verify=false")
            && gateway.asked()[0].contains(r#""credential_value":"sk-in""#)
    );
    let vendors = r#"{"items":[{"name":"openai","env":"OPENAI_API_KEY","local":false}]}"#;
    let ran = gw(
        &Canned::new(&[(200, vendors)]).url,
        &["provider", "create", "p", "--vendor", "openai"],
    );
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err
            .contains("--credential-env OPENAI_API_KEY, --credential-stdin"),
        "{}",
        ran.err
    );
}

#[test]
fn names_printed_are_names_taken() {
    let gateway = Canned::new(&[
        (200, r#"{"items":[{"name":"a"}],"cursor":"c"}"#),
        (200, r#"{"items":[{"name":"b"}],"cursor":null}"#),
    ]);
    let ran = gw(&gateway.url, &["key", "get", "-l", "env=ci", "-o", "name"]);
    assert_eq!(ran.out, "key/a\nkey/b\n");
    assert_eq!(
        gateway.asked(),
        [
            "GET /api/v1/keys?selector=env%3Dci&since=24h",
            "GET /api/v1/keys?selector=env%3Dci&cursor=c&since=24h"
        ]
    );
    let gateway = Canned::new(&[(200, "{}"), (200, "{}")]);
    let ran = gw(&gateway.url, &["delete", "key/a", "route/r", "-y"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "route/r deleted\nkey/a deleted\n")
    );
    assert_eq!(
        gateway.asked(),
        ["DELETE /api/v1/routes/r", "DELETE /api/v1/keys/a"]
    );
}

#[test]
fn apply_and_diff() {
    let file = "[[user]]\nname = \"ann\"\nteam = \"b\"\n";
    let gateway = Canned::new(&[(
        200,
        r#"{"items":[{"kind":"user","name":"ann","result":"configured"}],"created":0,"configured":1,"unchanged":0,"pruned":0}"#,
    )]);
    let ran = gw_with(&gateway.url, &["apply", "-f", "-"], file, &[]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            Some(0),
            "user/ann configured\n0 created, 1 configured, 0 unchanged\n"
        )
    );
    assert_eq!(
        gateway.asked(),
        [
            r#"POST /api/v1/apply {"items":[{"kind":"user","name":"ann","team":"b"}],"prune":false,"force_conflicts":false,"dry_run":false}"#
        ]
    );
    let differs = Canned::new(&[(
        200,
        r#"{"items":[{"kind":"user","name":"ann","result":"configured","changes":[{"field":"team","old":"a","new":"b"}]}],"configured":1}"#,
    )]);
    let ran = gw_with(&differs.url, &["diff", "-f", "-"], file, &[]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            Some(1),
            "  user/ann\n-   team = \"a\"\n+   team = \"b\"\n1 to change, 0 to create, 0 to delete\n"
        )
    );
    let ran = gw_with(
        &Canned::new(&[(
            200,
            r#"{"items":[{"kind":"user","name":"ann","result":"unchanged"}]}"#,
        )])
        .url,
        &["diff", "-f", "-"],
        file,
        &[],
    );
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        gw_with("http://127.0.0.1:1", &["diff", "-f", "-"], "[[user]\n", &[]).code,
        Some(2)
    );
}

#[test]
fn an_error_of_diff_is_no_difference_and_keeps_its_own_name() {
    let broken = r#"{"error":{"code":"internal","message":"it broke"}}"#;
    let ran = gw_with(
        &Canned::new(&[(500, broken)]).url,
        &["diff", "-o", "json", "-f", "-"],
        "[[user]]\nname = \"ann\"\n",
        &[],
    );
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (
            Some(2),
            "",
            "{\"error\":{\"code\":\"internal\",\"message\":\"it broke\"}}\n"
        )
    );
}

#[test]
fn what_answers_with_something_else_than_an_object_is_no_gateway() {
    for answer in ["[]", "1", "\"ok\""] {
        let stranger = Canned::new(&[(200, answer)]);
        let ran = gw(&stranger.url, &["key", "delete", "k", "--dry-run"]);
        assert_eq!(
            (ran.code, ran.err),
            (
                Some(6),
                format!(
                    "error: what answers at {} is not a gateway's admin interface (HTTP 200)\n  fix: check GW_ADMIN_URL\n",
                    stranger.url
                )
            ),
            "{answer}"
        );
    }
}

/// Code is indented by tabs, and writing goes both ways: only a terminal is protected.
#[test]
fn an_answer_in_a_pipe_is_as_it_came() {
    let answer = r#"{"choices":[{"message":{"content":"a\tb\u202ec\n\n  d  "}}]}"#;
    let gateway = Canned::new(&[(200, answer)]);
    let ran = gw_with(
        "unix:/nowhere",
        &["request", "hi", "-m", "gpt-4o", "--url", &gateway.url],
        "",
        &[("GW_API_KEY", "sk-gw-x")],
    );
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "a\tb\u{202e}c\n\n  d  \n")
    );
}

#[test]
fn request_tells_causes_apart() {
    let good = r#"{"choices":[{"message":{"content":"Azure"}}],"usage":{"prompt_tokens":22,"completion_tokens":2}}"#;
    let bad = r#"{"error":{"message":"upstream is down"}}"#;
    let run = |answers: &[(u16, &str)], args: &[&str]| {
        let gateway = Canned::new(answers);
        gw_with(
            "unix:/nowhere",
            &[
                &["request", "hi", "-m", "gpt-4o", "--url", &gateway.url],
                args,
            ]
            .concat(),
            "",
            &[("GW_API_KEY", "sk-gw-x")],
        )
    };
    let ran = run(
        &[(200, good)],
        &[
            "--expect",
            "status==200",
            "--expect",
            "route.provider==\"openai\"",
            "--explain",
        ],
    );
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "Azure\n"));
    assert!(
        ran.err
            .starts_with("· openai/gpt-4o via no route, 22+2 tokens, "),
        "{}",
        ran.err
    );
    let ran = run(&[(200, good)], &["--expect", "text.contains('Blue')"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            Some(10),
            "error: expected text.contains('Blue')\n  text is \"Azure\"\n  fix: gw logs get req_1\n"
        )
    );
    let ran = run(&[(502, bad)], &[]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            Some(9),
            "error: upstream is down (status 502)\n  from openai/gpt-4o via no route\n  fix: gw logs get req_1\n"
        )
    );
    assert_eq!(
        run(&[(502, bad), (200, good)], &["--retry", "1"]).code,
        Some(0)
    );
    assert_eq!(
        run(&[(429, bad)], &["--expect", "status==429"]).code,
        Some(0)
    );
    assert_eq!(
        gw(
            "unix:/nowhere",
            &["request", "hi", "--url", "http://127.0.0.1:1"]
        )
        .code,
        Some(6)
    );
}

#[test]
fn help_needs_no_gateway() {
    let ran = gw("unix:/nowhere", &["help", "exit-codes"]);
    assert!(ran.out.contains("6      no gateway there"), "{}", ran.out);
    assert!(
        gw("unix:/nowhere", &["help", "route", "create"])
            .out
            .contains("--fallback-on")
    );
    assert!(
        gw("unix:/nowhere", &["explain", "route.targets"])
            .out
            .contains("--to PROVIDER[/MODEL][=WEIGHT]")
    );
    let ran = gw("unix:/nowhere", &["completion", "bash"]);
    assert_eq!(
        ran.out,
        include_str!("../completions/gw.bash").replace("\r\n", "\n")
    );
    assert_eq!(gw("unix:/nowhere", &["--version"]).code, Some(0));
    assert_eq!(gw("unix:/nowhere", &["nonsense"]).code, Some(2));
    let ran = gw("unix:/nowhere", &["nonsense", "-o", "json"]);
    assert!(
        ran.err.starts_with("{\"error\":{\"code\":\"invalid\""),
        "{}",
        ran.err
    );
}

#[test]
fn help_hides_secrets_in_the_environment() {
    let ran = gw_with(
        "unix:/secret-place",
        &["request", "--help"],
        "",
        &[("GW_URL", "http://user:hidden-word@h")],
    );
    assert!(
        !ran.out.contains("hidden-word") && !ran.out.contains("secret-place"),
        "{}",
        ran.out
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_error() {
    let rows = (0..20_000)
        .map(|at| format!("{{\"name\":\"user-{at}\"}}"))
        .collect::<Vec<_>>()
        .join(",");
    let gateway = Canned::new(&[(200, &format!("{{\"items\":[{rows}]}}"))]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_gw"))
        .args(["user", "get"])
        .env("GW_ADMIN_URL", &gateway.url)
        .env("GW_ADMIN_TOKEN", "t")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    let done = wait::output_of(child, "gw");
    assert_eq!(
        (done.status.code(), done.stderr.as_slice()),
        (Some(141), &b""[..])
    );
}

#[test]
fn completion_answers_without_a_gateway() {
    let ran = gw_with(
        "unix:/nowhere",
        &["--", "gw", "rou"],
        "",
        &[
            ("GW_COMPLETE", "bash"),
            ("_CLAP_COMPLETE_INDEX", "1"),
            ("_CLAP_IFS", "\n"),
        ],
    );
    assert!(ran.out.lines().any(|line| line == "route"), "{ran:?}");
    let gateway = Canned::new(&[(
        200,
        r#"{"items":[{"name":"ci","user":"me"},{"name":"dev"}]}"#,
    )]);
    let ran = gw_with(
        &gateway.url,
        &["--", "gw", "key", "get", "c"],
        "",
        &[("GW_COMPLETE", "fish")],
    );
    assert_eq!((ran.out.as_str(), gateway.asked().len()), ("ci\tme\n", 1));
}

/// The wrapper puts words together that bash takes apart at `:` and `=`. Needs bash; skips where there is none.
#[cfg(unix)]
#[test]
fn bash_completes_across_colons_and_equals_signs() {
    let complete = |words: &[&str], line: &str, typed: &str, answer: &str| {
        let gateway = Canned::new(&[(200, answer)]);
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let script = format!(
            "source {}/completions/gw.bash; gw() {{ {} \"$@\"; }}; COMP_WORDS=({}) COMP_CWORD={} COMP_LINE='{line}' COMP_TYPE=9; _gw gw '{typed}' x; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            env!("CARGO_MANIFEST_DIR"),
            env!("CARGO_BIN_EXE_gw"),
            quoted.join(" "),
            words.len() - 1
        );
        let home = tempfile::tempdir().unwrap();
        let run = Command::new("bash")
            .args(["--norc", "-c", &script])
            .env("HOME", home.path())
            .env("GW_ADMIN_URL", &gateway.url)
            .env("GW_ADMIN_TOKEN", "t")
            .output();
        run.ok()
            .map(|done| String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let models = r#"{"items":[{"name":"llama3:8b"},{"name":"other"}]}"#;
    let Some(first) = complete(
        &["gw", "request", "-m", "llama3", ":"],
        "gw request -m llama3:",
        ":",
        models,
    ) else {
        return skip::skip("there is no `bash` here");
    };
    assert_eq!(first, "8b\n");
    assert_eq!(
        complete(
            &["gw", "request", "-m", "llama3", ":", "8"],
            "gw request -m llama3:8",
            "8",
            models
        )
        .as_deref(),
        Some("8b\n")
    );
    let providers = r#"{"items":[{"name":"openai"},{"name":"anthropic"}]}"#;
    assert_eq!(
        complete(
            &["gw", "route", "create", "r", "--to", "=", "op"],
            "gw route create r --to=op",
            "op",
            providers
        )
        .as_deref(),
        Some("openai\n")
    );
    assert_eq!(
        complete(
            &["gw", "key", "get", "ci", ""],
            "gw key get ci ",
            "",
            r#"{"items":[{"name":"dev"}]}"#
        )
        .as_deref()
        .map(|all| all.contains("dev")),
        Some(true)
    );
}
