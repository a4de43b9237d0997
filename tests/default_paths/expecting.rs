//! `gw request` as a check: which failures are which exit code, and what is said of them.

use crate::home::{Home, Ran};

/// `gw request` with these arguments behind `gw serve --dev`, whose key and addresses it gets.
fn request(args: &[&str]) -> Ran {
    let home = Home::new();
    let behind = [
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--",
        crate::home::GW,
        "request",
    ];
    let mut ran = home.run(&[behind.as_slice(), args].concat());
    // What the gateway says when it starts is not the command's.
    let begin = ran.err.find("error: ").or_else(|| ran.err.find("· "));
    ran.err = begin.map(|at| ran.err[at..].to_owned()).unwrap_or_default();
    ran.err = steady(&ran.err);
    ran
}

/// Without what is another each time: spans, and the ids of requests.
fn steady(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words = line.split(' ').filter(|word| !word.is_empty()).map(|word| {
            let number = word.trim_end_matches("ms").trim_end_matches('s');
            match word {
                word if word.starts_with("req_") => "REQ",
                word if word != number && number.parse::<f64>().is_ok() => "SPAN",
                word => word,
            }
        });
        let indent = &line[..line.len() - line.trim_start().len()];
        out.push_str(&format!(
            "{indent}{}\n",
            words.collect::<Vec<_>>().join(" ")
        ));
    }
    out
}

fn ended(code: i32, out: &str, err: &str) -> Ran {
    Ran {
        code: Some(code),
        out: out.into(),
        err: err.into(),
    }
}

/// What the simulator's 422 is shown as: one attempt, so that nothing depends on waiting.
const REFUSED: &str = "\
the mock was asked to answer 422 (status 422)
  from mock/mock-422 via route dev, 1 attempt
  TRY TARGET START TOOK STATUS CLASS REASON
  1 mock/mock-422 SPAN SPAN 422 caller the mock was asked to answer 422; stopped: not a failure the route moves on from
";

#[test]
fn a_failed_answer_fails_whatever_is_expected_of_other_things() {
    let fix = "  fix: gw logs get REQ\n";
    let failed = ended(2, "", &format!("error: {REFUSED}{fix}"));
    assert_eq!(request(&["hi", "-m", "mock-422"]), failed);
    let others = [
        "hi",
        "-m",
        "mock-422",
        "--expect",
        "latency_ms >= 0",
        "--expect",
        "route.attempts == 1",
    ];
    assert_eq!(request(&others), failed);
}

#[test]
fn a_failure_can_be_expected_by_status_or_error() {
    for expected in [
        "status == 422",
        "error.message.contains('asked') && origin == 'provider'",
    ] {
        let args = ["hi", "-m", "mock-422", "--expect", expected];
        assert_eq!(request(&args), ended(0, "", ""), "{expected}");
    }
    let says = format!(
        "error: expected status == 200\n  status is 422\nthe answer: {REFUSED}  fix: gw logs get REQ\n"
    );
    let args = ["hi", "-m", "mock-422", "--expect", "status == 200"];
    assert_eq!(request(&args), ended(10, "", &says));
}

#[test]
fn what_does_not_hold_is_shown_with_its_values() {
    let args = [
        "hi",
        "-m",
        "mock",
        "--expect",
        "status == 200",
        "--expect",
        "text.contains('zebra') && route.provider == \"mock\"",
        "--expect",
        "cost < 0.1",
    ];
    let text = "This is gw's mock, not a model. You said: hi\n";
    let says = "\
error: expected text.contains('zebra') && route.provider == \"mock\"
  route.provider is \"mock\"
  text is \"This is gw's mock, not a model. You said: hi\"
expected cost < 0.1, but `<` does not take null and double
  cost is null
  fix: gw logs get REQ
";
    assert_eq!(request(&args), ended(10, text, says));
}

#[test]
fn a_stream_that_breaks_is_a_failure_unless_the_error_is_expected() {
    let text = "This is gw's \n";
    let broken = |ran: Ran| {
        assert_eq!((ran.code, ran.out.as_str()), (Some(9), text), "{}", ran.err);
        let first: Vec<&str> = ran.err.lines().take(2).collect();
        assert_eq!(
            first,
            [
                "error: the upstream connection broke in the middle of the stream (status 200)",
                "  from mock/mock-drop-after-3 via route dev, 1 attempt"
            ]
        );
    };
    let stream = ["hi", "-m", "mock-drop-after-3", "--stream"];
    broken(request(&stream));
    broken(request(
        &[&stream[..], &["--expect", "status == 200"]].concat(),
    ));
    broken(request(
        &[&stream[..], &["--expect", "text != ''"]].concat(),
    ));
    let expected = [&stream[..], &["--expect", "error != null"]].concat();
    assert_eq!(request(&expected), ended(0, text, ""));
}

/// Nothing is there to send to, and nothing is sought.
#[test]
fn an_expectation_that_cannot_be_read_is_refused_before_anything_is_sent() {
    let home = Home::new();
    let refused = |expected: &str, says: &str| {
        let args = ["request", "hi", "-m", "mock", "--expect", expected];
        assert_eq!(home.run(&args), ended(2, "", says), "{expected}");
    };
    refused(
        "status == 200 && ",
        "\
error: expectation, column 18: something is missing at the end
  status == 200 &&
                   ^
",
    );
    refused(
        "stauts == 200",
        "\
error: expectation, column 1: there is no `stauts`
  stauts == 200
  ^
  fix: did you mean `status`?
",
    );
    refused(
        "usage.in > 1",
        "\
error: expectation, column 7: `in` is an operator and cannot be a field's name
  usage.in > 1
        ^
  fix: write usage.input
",
    );
    refused(
        "body.a.all(x, body.b.all(y, x == y))",
        "\
error: expectation, column 25: a loop within a loop is not allowed
  body.a.all(x, body.b.all(y, x == y))
                          ^
  fix: give several conditions
",
    );
    let ran = home.run(&["request", "hi", "-m", "mock", "--expect", "status == 200"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
}

#[test]
fn a_refused_request_ends_with_the_command_that_helps() {
    let home = Home::new();
    let script = r#"unset GW_API_KEY; exec "$0" request hi -m mock --expect 'text != "x"'"#;
    let serve = [
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--",
        "sh",
        "-c",
        script,
        crate::home::GW,
    ];
    let ran = home.run(&serve);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let says = "\
error: no API key was sent (status 401)
  fix: name the key with --key-file FILE or GW_API_KEY; `gw key create NAME --user USER` makes one
";
    assert!(ran.err.ends_with(says), "{}", ran.err);
}

#[test]
fn repeated_requests_fail_when_one_does() {
    let ran = request(&["hi", "-m", "mock-401", "--repeat", "3"]);
    assert_eq!(ran.code, Some(9));
    assert_eq!(
        ran.err.lines().next(),
        Some(
            "error: 3 of 3 failed; the first: provider `mock` refused the gateway's credential for it (HTTP 401) (status 502)"
        )
    );
    let held = request(&[
        "hi",
        "-m",
        "mock",
        "--repeat",
        "3",
        "-q",
        "--expect",
        "status == 200",
    ]);
    // The answer is data, which `-q` leaves.
    let answer = "This is gw's mock, not a model. You said: hi\n";
    assert_eq!(held, ended(0, &answer.repeat(3), ""));
}

#[test]
fn retrying_goes_on_until_the_answer_is_as_expected() {
    // The simulator fails the first two of a kind; the route is told not to try again itself.
    let home = Home::new();
    let script = r#"
"$0" route set dev --retries 0 -q
"$0" request hi -m mock-fail-first-2; echo "$?"
"$0" request hi -m mock-fail-first-2 --retry 1 --expect 'text != ""'
"#;
    let serve = [
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--",
        "sh",
        "-c",
        script,
        crate::home::GW,
    ];
    let ran = home.run(&serve);
    let out = "9\nThis is gw's mock, not a model. You said: hi\n";
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), out), "{ran:?}");
}
