//! `gw request check` says what would become of a request, and sends nothing: the providers here are nowhere.

use super::home::{Home, Ran};

fn checked(home: &Home, body: &str, more: &[&str]) -> Ran {
    std::fs::write(home.path("project/body.json"), body).unwrap();
    home.run(&[&["request", "check", "-f", "body.json"], more].concat())
}

/// A gateway's home with a provider that speaks OpenAI's format and one that speaks Anthropic's.
fn furnished(home: &Home) {
    for (name, vendor) in [("up", "openai"), ("claude", "anthropic")] {
        std::fs::write(home.path("project/secret"), "x").unwrap();
        let made = home.run(&[
            "provider",
            "create",
            name,
            "--vendor",
            vendor,
            "--base-url",
            "http://127.0.0.1:9",
            "--credential-file",
            "secret",
            "--verify=false",
        ]);
        assert_eq!(made.code, Some(0), "{}", made.err);
    }
}

const ASKED: &str = r#"{"model":"m","seed":7,"response_format":{"type":"json_object"},"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

#[test]
fn a_request_is_checked_field_by_field_and_not_sent() {
    let home = Home::new();
    let _gateway = home.serve();
    furnished(&home);
    let translated = checked(&home, ASKED, &["--to", "claude/claude-sonnet-5"]);
    assert_eq!(
        translated,
        Ran {
            code: Some(0),
            out: "format    openai-chat (it looks like that)\n\
                  to        claude/claude-sonnet-5 as anthropic-messages, translated\n\
                  url       http://127.0.0.1:9/messages\n\
                  carried   model, stream, messages\n\
                  adapted   response_format\n\
                  dropped   seed\n"
                .into(),
            err: String::new(),
        }
    );
    let forwarded = checked(&home, ASKED, &["--to", "up/gpt-4o"]);
    assert_eq!(
        forwarded.out,
        "format    openai-chat (it looks like that)\n\
         to        up/gpt-4o as openai-chat, forwarded\n\
         url       http://127.0.0.1:9/chat/completions\n\
         carried   model, seed, response_format, stream, messages\n\
         changed   model, stream_options.include_usage\n"
    );
    let document = checked(&home, ASKED, &["--to", "claude", "-o", "value=.sent.model"]);
    assert_eq!((document.code, document.out.as_str()), (Some(0), "m\n"));
    assert_eq!(home.run(&["logs"]).out, "", "nothing was sent");
}

#[test]
fn what_would_be_refused_is_refused_with_its_field() {
    let home = Home::new();
    let _gateway = home.serve();
    furnished(&home);
    let body = r#"{"model":"m","n":2,"messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(
        checked(&home, body, &["--to", "claude"]),
        Ran {
            code: Some(2),
            out: "format    openai-chat (it looks like that)\n\
                  to        claude/m as anthropic-messages, translated\n\
                  url       http://127.0.0.1:9/messages\n\
                  refused   n\n"
                .into(),
            err: "error: an Anthropic model gives one answer at a time, so `n` must be 1\n  fix: leave out `n`, or use a route whose target speaks the same format as the request\n".into(),
        }
    );
    let field = checked(
        &home,
        body,
        &["--to", "claude", "-o", "value=.refused.field"],
    );
    assert_eq!((field.code, field.out.as_str()), (Some(2), "n\n"));
    for (body, more, code, says) in [
        (
            "no",
            ["--to", "claude"].as_slice(),
            2,
            "the body is not a JSON object",
        ),
        (body, &["--to", "nobody"], 3, "no provider `nobody`"),
        (
            r#"{"messages":[]}"#,
            &["--to", "claude"],
            2,
            "neither the body nor the target names a model",
        ),
        (
            r#"{"model":"m","input":"hi"}"#,
            &["--to", "claude", "--format", "openai-embeddings"],
            2,
            "provider `claude` speaks no format `openai-embeddings` can be translated to",
        ),
    ] {
        let ran = checked(&home, body, more);
        assert_eq!(ran.code, Some(code), "{body}: {}", ran.err);
        assert!(ran.err.contains(says), "{body}: {}", ran.err);
    }
}
