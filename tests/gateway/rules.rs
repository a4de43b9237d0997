//! Conditions of routes and rules: refused with the place of the mistake, kept as they were written, and deciding by
//! what each request is.

use crate::harness::{Gateway, http};
use crate::kit::{Bench, plan};
use serde_json::{Value, json};

/// A key of a user with labels, and a key with one over them.
fn bench() -> Bench {
    plan()
        .item(
            "user",
            "v",
            json!({"labels": {"team": "search", "tier": "gold"}}),
        )
        .key("r", json!({"user": "v", "environment": "staging"}))
        .key("trial", json!({"user": "v", "labels": {"tier": "trial"}}))
        .start()
}

/// The route and the model that answered, or the refusal.
fn asked(bench: &Bench, key: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> String {
    let bearer = format!("Bearer {}", bench.secret(key));
    let headers = [&[("authorization", bearer.as_str())], headers].concat();
    let answer = http::post(&bench.url(path), &headers, body);
    match answer.status {
        200 => format!(
            "{} {}",
            answer.header("x-gw-route").unwrap(),
            answer.header("x-gw-model").unwrap()
        ),
        status => format!("{status} {}", answer.body),
    }
}

fn body(more: Value) -> Value {
    let mut body = json!({"model": "gpt-4o", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A tool, as requests bring them.
fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}])
}

/// `gw route create` of what takes the key's requests, with these arguments.
fn create(bench: &Bench, name: &str, key: &str, more: &[&str]) {
    let args = [
        &["route", "create", name, "--key", key, "--to", "m/own"],
        more,
    ]
    .concat();
    bench.gateway.ok(&args);
}

#[test]
fn the_first_rule_that_holds_gives_the_targets() {
    let bench = bench();
    let rules = [
        r#"headers["x-team"] == "search" && model.startsWith("gpt-4") => m/by-header"#,
        r#"labels.tier == "trial" => m/by-label"#,
        r#"session == "s1" && agent == "a1" => m/by-agent"#,
        r#"session != null => m/by-session"#,
        r#"tools => m/by-tools"#,
        r#"images => m/by-images"#,
        r#"schema => m/by-schema"#,
        r#"tokens > 1000 => m/by-tokens"#,
        r#"max_tokens > 4096 => m/by-limit"#,
        r#"format == "anthropic-messages" && path == "/v1/messages" => m/by-format"#,
        r#"model in ["o3", "o4-mini"] => m/by-model"#,
        r#"["claude", "gemini"].exists(p, model.startsWith(p)) => m/by-family"#,
        r#"key == "never" || user == "never" || environment != "staging" || time.hour > 24 => m/never"#,
        r#"stream => m/by-stream"#,
    ];
    let rules: Vec<&str> = rules.iter().flat_map(|rule| ["--rule", rule]).collect();
    create(&bench, "ruled", "r", &rules);
    create(&bench, "trials", "trial", &rules);

    let chat = "/v1/chat/completions";
    let one =
        |headers: &[(&str, &str)], more: Value| asked(&bench, "r", chat, headers, &body(more));
    let picture = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]);
    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}});
    let long = json!([{"role": "user", "content": "word ".repeat(2_000)}]);
    let team = ("X-Team", "search");
    let session = ("x-claude-code-session-id", "s1");
    for (headers, more, model) in [
        (&[][..], json!({}), "own"),
        (&[team], json!({}), "by-header"),
        // The header alone is not enough, and without it the condition is false.
        (&[team], json!({"model": "gpt-5"}), "own"),
        (&[("x-team", "ops")], json!({}), "own"),
        (
            &[team, session],
            json!({"stream": true, "tools": tools()}),
            "by-header",
        ),
        (&[session], json!({}), "by-session"),
        (
            &[session, ("x-claude-code-agent-id", "a1")],
            json!({}),
            "by-agent",
        ),
        (&[], json!({"tools": tools()}), "by-tools"),
        (&[], json!({"messages": picture}), "by-images"),
        (&[], json!({"response_format": schema}), "by-schema"),
        (&[], json!({"messages": long}), "by-tokens"),
        (&[], json!({"max_tokens": 8_000}), "by-limit"),
        (&[], json!({"model": "o3"}), "by-model"),
        (&[], json!({"model": "claude-sonnet-4-5"}), "by-family"),
        (&[], json!({"stream": true}), "by-stream"),
    ] {
        let found = one(headers, more.clone());
        assert_eq!(found, format!("ruled {model}"), "{headers:?} {more}");
    }
    let said = asked(&bench, "r", "/v1/messages", &[], &body(json!({})));
    assert_eq!(said, "ruled by-format");
    let said = asked(&bench, "trial", chat, &[], &body(json!({})));
    assert_eq!(said, "trials by-label");
}

#[test]
fn a_route_takes_only_what_its_condition_holds_for() {
    let bench = bench();
    create(
        &bench,
        "nights",
        "r",
        &["--when", "time.hour < 0", "--rule", "true => m/night"],
    );
    create(
        &bench,
        "streams",
        "r",
        &["--when", "stream", "--priority", "1"],
    );
    let search = "headers[\"x-team\"] == \"search\"";
    create(&bench, "teams", "r", &["--when", search, "--priority", "2"]);
    let chat = "/v1/chat/completions";
    let one =
        |headers: &[(&str, &str)], more: Value| asked(&bench, "r", chat, headers, &body(more));
    let team = [("x-team", "search")];
    assert_eq!(one(&[], json!({"stream": true})), "streams own");
    assert_eq!(one(&team, json!({})), "teams own");
    assert_eq!(one(&team, json!({"stream": true})), "streams own");
    // As if there were no route.
    let refused = one(&[("x-team", "ops")], json!({}));
    assert!(refused.starts_with("403 "), "{refused}");
    bench
        .gateway
        .ok(&["route", "set", "nights", "--when", "time.hour >= 0"]);
    assert_eq!(one(&[], json!({"stream": true})), "nights night");
    // Nothing is asked any more.
    bench.gateway.ok(&["route", "set", "nights", "--when", ""]);
    assert_eq!(one(&[], json!({})), "nights night");
}

/// Which model a form is for stands within it: before it is read, a route may not be left out for that.
#[test]
fn a_condition_on_the_model_of_a_form_waits_for_it() {
    let bench = bench();
    let when = "model == \"whisper-1\"";
    bench.gateway.ok(&[
        "route", "create", "sound", "--key", "r", "--to", "m", "--when", when,
    ]);
    let form = |model: &str| {
        let part = |name: &str, value: &str| {
            format!("--B\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let file = part("file\"; filename=\"a.wav", "RIFF");
        let text = format!("{}{file}--B--\r\n", part("model", model));
        let bearer = format!("Bearer {}", bench.secret("r"));
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "multipart/form-data; boundary=B"),
        ];
        let url = bench.url("/v1/audio/transcriptions");
        http::exchange("POST", &url, &headers, &text)
    };
    let taken = form("whisper-1");
    assert_eq!(taken.header("x-gw-route"), Some("sound"), "{}", taken.body);
    assert_eq!(form("other").status, 403);
    bench
        .gateway
        .ok(&["route", "set", "sound", "--when", "key == \"another\""]);
    assert_eq!(form("whisper-1").status, 403);
}

/// What `gw` prints where a condition is mistaken, whole.
#[test]
fn a_mistake_is_shown_where_it_is() {
    let gateway = Gateway::start_with(&["--in-memory", "--mock"]);
    gateway.key("ci");
    let how =
        "write it as 'CONDITION => PROVIDER[/MODEL][=WEIGHT], …', such as 'stream => groq, openai'";
    for (more, says) in [
        (
            &["--rule", "stream => mock/a", "--rule", "modle == \"x\" => mock/b"][..],
            "rule 2, column 1: there is no `modle`\n  modle == \"x\"\n  ^\n  fix: did you mean `model`?\n".to_owned(),
        ),
        (
            &["--rule", "model > 3 => mock/b"],
            "rule 1, column 7: `>` does not take string and int\n  model > 3\n        ^\n  fix: `model` is string or null\n".into(),
        ),
        (
            &["--when", "headers.x-team == \"search\""],
            "when, column 11: there is no `team`\n  headers.x-team == \"search\"\n            ^\n  fix: write headers[\"x-team\"]\n".into(),
        ),
        (
            &["--when", "stream &&\n  tokens = 3"],
            "when, line 2, column 10: `=` does not compare\n    tokens = 3\n           ^\n  fix: write ==\n".into(),
        ),
        (
            &["--when", "tokens % 0 == 1"],
            "when, `tokens % 0 == 1` can be evaluated for no request: it divides by zero\n".into(),
        ),
        (
            &["--when", "headers[\"authorization\"] == \"Bearer x\""],
            "when, the header `authorization` carries a credential, which conditions do not see\n  fix: ask about `key` or `user`\n".into(),
        ),
        (
            &["--when", "[1].all(a, [2].all(b, a == b))"],
            "when, column 19: a loop within a loop is not allowed\n  [1].all(a, [2].all(b, a == b))\n                    ^\n  fix: give several conditions\n".into(),
        ),
        (
            &["--when", "model.matches(\"(gpt\")"],
            "when, column 15: the pattern cannot be read: unclosed group\n  model.matches(\"(gpt\")\n                ^\n  fix: patterns are as in https://github.com/google/re2/wiki/Syntax\n".into(),
        ),
        (
            &["--rule", "stream =>"],
            format!("the rule `stream =>` names no target\n  fix: {how}\n"),
        ),
        (
            &["--rule", "stream"],
            format!("`stream` is not a rule: it has no `=>`\n  fix: {how}\n"),
        ),
    ] {
        let args = [&["route", "create", "r", "--key", "ci", "--to", "mock/own"], more].concat();
        let ran = gateway.cli(&args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{more:?}");
        assert_eq!(ran.stderr, format!("error: {says}"));
    }
    assert_eq!(gateway.ok(&["route", "get", "-o", "name"]), "");
}

/// In files the line and the column of the condition come first, and every field's mistake is named at once.
#[test]
fn a_mistake_in_a_file_is_shown_with_its_line() {
    let gateway = Gateway::start_with(&["--in-memory", "--mock"]);
    gateway.key("ci");
    let applied = |name: &str, text: &str| {
        std::fs::write(gateway.path(name), text).unwrap();
        let mut command = gateway.command(&["apply", "-f", name]);
        let ran = command.current_dir(gateway.path("")).output().unwrap();
        assert_eq!(ran.status.code(), Some(2));
        String::from_utf8(ran.stderr).unwrap()
    };
    let toml = r#"[[route]]
name = "bad"
keys = ["ci"]
when = "tokens.startsWith('x')"

[[route.rules]]
when = "stream"
targets = [{ provider = "mock" }]

[[route.rules]]
when = '''
model == "x" &&
  tokens > "3"
'''
targets = [{ provider = "mock" }]
"#;
    assert_eq!(
        applied("bad.toml", toml),
        r#"error: bad.toml:4:1: when, column 18: `startsWith` does not take int and string
  tokens.startsWith('x')
                   ^
  fix: `tokens` is int
error: bad.toml:11:1: rule 2, line 2, column 10: `>` does not take int and string
    tokens > "3"
           ^
  fix: `tokens` is int
error: 2 mistakes; nothing was sent
  fix: mend what is said above
"#
    );
    let yaml = r#"kind: route
name: bad
keys: [ci]
rules:
  - when: stream
    targets: [{provider: mock}]
  - when: 'modle == "x"'
    targets: [{provider: mock}]
"#;
    assert_eq!(
        applied("bad.yaml", yaml),
        r#"error: bad.yaml:7:5: rule 2, column 1: there is no `modle`
  modle == "x"
  ^
  fix: did you mean `model`?
"#
    );
}

#[test]
fn conditions_are_kept_as_they_were_written() {
    let gateway = Gateway::start_with(&["--in-memory", "--mock"]);
    let when = "headers[\"x-team\"] == \"search\" && model.matches('^gpt-[45](o|-mini)?$')";
    let rule = format!("{when} => mock/a=3, mock/b");
    let given = [
        "--to",
        "mock/own",
        "--when",
        "stream || !stream",
        "--rule",
        &rule,
        "--rule",
        "stream => mock/c",
    ];
    let secret = gateway.key_with_route("ci", &given);
    let rules = || gateway.cli(&["route", "get", "ci", "-o", "json"]).json()["rules"].clone();
    let first = json!({"when": when, "targets": [{"provider": "mock", "model": "a", "weight": 3}, {"provider": "mock", "model": "b"}]});
    let second = json!({"when": "stream", "targets": [{"provider": "mock", "model": "c"}]});
    assert_eq!(rules(), json!([first, second]));
    let described = gateway.ok(&["route", "describe", "ci"]);
    for line in [
        format!("rules[0].when      {when}\n"),
        "rules[0].targets   mock/a=3,mock/b\n".into(),
        "rules[1].when      stream\n".into(),
        "when               stream || !stream\n".into(),
    ] {
        assert!(described.contains(&line), "{line}{described}");
    }
    // What is exported is the same when it is applied, in both formats: also where the route is gone.
    for format in ["toml", "yaml"] {
        let file = format!("all.{format}");
        let path = gateway.path(&file);
        let path = path.to_str().unwrap();
        let exported = gateway.ok(&["export", "-o", format]);
        std::fs::write(path, &exported).unwrap();
        let told = gateway.ok(&["apply", "-f", path]);
        assert!(told.contains("route/ci unchanged"), "{told}");
        gateway.ok(&["route", "delete", "ci", "-y"]);
        gateway.ok(&["apply", "-f", path]);
        assert_eq!(rules(), json!([first, second]));
        assert_eq!(gateway.ok(&["export", "-o", format]), exported);
    }
    // As for other lists: what is given takes the place of what was there.
    gateway.ok(&["route", "set", "ci", "--rule", "tools => mock/tools"]);
    let third = json!({"when": "tools", "targets": [{"provider": "mock", "model": "tools"}]});
    assert_eq!(rules(), json!([third]));
    let refused = gateway.cli(&["route", "set", "ci", "--rule", "tool => mock/tools"]);
    assert_eq!(
        refused.stderr,
        "error: rule 1, column 1: there is no `tool`\n  tool\n  ^\n  fix: did you mean `tools`?\n"
    );
    assert_eq!(rules(), json!([third]));
    let asks = body(json!({"tools": tools()}));
    let answer = gateway.post("/v1/chat/completions", &secret, &asks);
    assert_eq!(
        answer.header("x-gw-model"),
        Some("tools"),
        "{}",
        answer.body
    );
}

/// Everything that conditions may ask about is told where they are written.
#[test]
fn what_may_be_asked_about_is_told() {
    let gateway = Gateway::start();
    let told = gateway.ok(&["explain", "route.when"]);
    for variable in gw::resources::route::condition::VARIABLES {
        let line = told.lines().find(|line| line.starts_with(variable.path));
        let line = line.unwrap_or_else(|| panic!("{} is not told:\n{told}", variable.path));
        assert!(line.contains(variable.kind), "{line}");
    }
    let (_, table) = told.split_once("Conditions may ask about:").unwrap();
    assert!(gateway.ok(&["explain", "route.rules"]).ends_with(table));
}
