//! What a peek sees, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::formats::{anthropic, openai};
use proptest::prelude::*;
use serde_json::Value;

fn see(body: &str) -> Peek<'_> {
    peek(body.as_bytes(), openai::LOOKS, 64).unwrap()
}

fn of_messages(body: &str) -> Peek<'_> {
    peek(body.as_bytes(), anthropic::LOOKS, 64).unwrap()
}

fn refuse(body: &str) -> Error {
    peek(body.as_bytes(), openai::LOOKS, 64)
        .map(|peek| panic!("accepted: {peek:?}"))
        .unwrap_err()
}

#[test]
fn what_planning_needs_is_seen() {
    let body = r#" {"model" : "gpt-4o","stream":true,"max_tokens":10,"max_completion_tokens":20,"stream_options":{"include_usage":true},
        "tools":[{"type":"function"}],"response_format":{"type":"json_schema"},
        "messages":[{"role":"user","content":[{"type": "image_url","image_url":{"url":"x"}}]}]}"#;
    let seen = see(body);
    assert_eq!(seen.model.as_deref(), Some("gpt-4o"));
    assert!(matches!(seen.model, Some(Cow::Borrowed(_))));
    assert_eq!(&body[seen.model_span.clone().unwrap()], "\"gpt-4o\"");
    assert_eq!(
        &body[seen.stream_options_span.clone().unwrap()],
        r#"{"include_usage":true}"#
    );
    assert!(seen.stream && seen.include_usage && seen.tools && seen.images && seen.schema);
    assert_eq!(
        (seen.max_output, seen.members, &body[..seen.open]),
        (Some(20), 8, " {")
    );
    assert_eq!(
        see("{}"),
        Peek {
            open: 1,
            text_bytes: 2,
            text: "{}",
            ..Peek::default()
        }
    );
}

#[test]
fn what_bedrock_is_asked_is_seen() {
    let peeked = |body: &str| {
        let looks = crate::formats::format(crate::formats::FormatId::BedrockConverse).looks;
        let peek = peek(body.as_bytes(), looks, 64).unwrap();
        (peek.images, peek.tools, peek.schema, peek.max_output)
    };
    let all = r#"{"messages":[{"role":"user","content":[{"image" : { "format":"png","source":{"bytes":"aA=="}}}]}],
        "toolConfig":{"tools":[{"toolSpec":{}}]},"inferenceConfig":{"maxTokens":9},"outputConfig":{"textFormat":{"type":"json_schema"}}}"#;
    assert_eq!(peeked(all), (true, true, true, Some(9)));
    let none = r#"{"messages":[{"role":"user","content":[{"text":"\"image\":{\"format\":"},{"toolUse":{"input":{"image":{"a":1}}}}]}],"toolConfig":{}}"#;
    assert_eq!(peeked(none), (false, false, false, None));
}

#[test]
fn what_a_request_goes_on_from_is_seen_however_it_is_spelt() {
    use crate::formats::{FORMATS, count};
    let named = |looks, body: &str| -> Vec<String> {
        let peek = peek(body.as_bytes(), looks, 64).unwrap();
        let one = |it: &Kept<'_>| format!("{} {} {}", it.member, it.id, it.missing.code);
        peek.kept.iter().map(one).collect()
    };
    let responses = FORMATS[1].looks;
    assert_eq!(FORMATS[1].name, "openai-responses");
    for looks in [responses, count::COMPACT.looks, count::RESPONSES.looks] {
        assert_eq!(
            named(looks, r#"{"\u0070revious_response_id":"resp_\u0031"}"#),
            ["previous_response_id resp_1 previous_response_not_found"]
        );
        assert_eq!(
            named(looks, r#"{"conversation":{"id":"conv_1"}}"#),
            [r#"conversation {"id":"conv_1"} conversation_not_found"#]
        );
        assert!(
            named(
                looks,
                r#"{"previous_response_id":null,"conversation":null}"#
            )
            .is_empty()
        );
        for body in [
            r#"{"previous_response_id":"a","previous_response_id":"b"}"#,
            r#"{"Previous_Response_Id":"a"}"#,
        ] {
            assert!(peek(body.as_bytes(), looks, 64).is_err(), "{body}");
        }
    }
    let thread = r#"{"thread":{"type":"continue","previous_message_id":"msg_1"}}"#;
    assert_eq!(
        named(anthropic::LOOKS, thread),
        ["previous_message_id msg_1 thread_not_found"]
    );
    assert!(named(anthropic::LOOKS, r#"{"thread":{"type":"create"}}"#).is_empty());
}

#[test]
fn encoded_data_is_told_apart_from_text() {
    let base64 = "iVBORw0KGgo+/a_-".repeat(40);
    let body = |text: &str| format!(r#"{{"messages":[{{"content":"{text}"}}]}}"#);
    for data in [
        base64.clone(),
        format!("data:image/png;base64,{base64}"),
        format!("{}==", base64.replace("o+", "o\\n")),
        base64.replace('/', "\\/"),
        format!("data:image/svg+xml,%3Csvg%20{}", "%20".repeat(200)),
        "0f1e2d3c".repeat(64),
    ] {
        let (body, empty) = (body(&data), body(""));
        let seen = see(&body);
        let rest = empty.len() as u64 - 2;
        assert_eq!((seen.encoded, seen.text_bytes), (true, rest), "{data}");
    }
    for text in [
        base64[..200].to_owned(),
        "say it again ".repeat(40),
        format!("{base64} "),
        format!("data: {}, {}", "one two", "three ".repeat(80)),
        "これは文章です。".repeat(40),
        "let x=f(y);".repeat(40),
    ] {
        let body = body(&text);
        let seen = see(&body);
        let all = body.len() as u64;
        assert_eq!((seen.encoded, seen.text_bytes), (false, all), "{text}");
    }
}

#[test]
fn needs_are_told_apart_from_their_look_alikes() {
    assert!(
        !see(r#"{"tools":[ ]}"#).tools
            && !see(r#"{"tools":null}"#).tools
            && see(r#"{"tools":[{}]}"#).tools
    );
    assert!(!see(r#"{"messages":[{"content":"say \"type\":\"image\" please"}]}"#).images);
    assert!(!see(r#"{"messages":[{"content":"image"},{"type":"imagery"}]}"#).images);
    assert!(see(r#"{"messages":[{"content":[{"type":"image","source":{}}]}]}"#).images);
    assert!(see(r#"{"messages":[{"type" : "input_image"}]}"#).images);
    assert!(!see(r#"{"response_format":{"type":"json_object"}}"#).schema);
    assert!(
        of_messages(r#"{"output_config":{"format":{"type":"json_schema"}}}"#).schema
            && !of_messages(r#"{"output_config":{"effort":"low"}}"#).schema
    );
}

#[test]
fn escaped_keys_and_models_are_read_as_their_text() {
    let seen = see(r#"{"mod\u0065l":"gpt\u002d4","str\u0065am":true}"#);
    assert_eq!((seen.model.as_deref(), seen.stream), (Some("gpt-4"), true));
}

#[test]
fn token_limits_never_overflow() {
    for (raw, want) in [
        ("1", Some(1)),
        ("-1", None),
        ("null", None),
        ("1e400", Some(u64::MAX)),
        ("99999999999999999999999", Some(u64::MAX)),
        ("12.9", Some(12)),
        ("-1e9", None),
    ] {
        assert_eq!(
            see(&format!(r#"{{"max_tokens":{raw}}}"#)).max_output,
            want,
            "{raw}"
        );
    }
    assert_eq!(
        refuse(r#"{"max_tokens":"10"}"#).param.as_deref(),
        Some("max_tokens")
    );
}

#[test]
fn ambiguous_and_mistyped_owned_fields_are_refused() {
    for (body, param) in [
        (r#"{"model":"a","model":"b"}"#, "model"),
        (r#"{"model":"a","mod\u0065l":"b"}"#, "model"),
        (r#"{"model":"a","Model":"b"}"#, "model"),
        (r#"{"stream":true,"stream":false}"#, "stream"),
        (
            r#"{"stream_options":{},"stream_options":{}}"#,
            "stream_options",
        ),
        (
            r#"{"stream_options":{"include_usage":true,"include_us\u0061ge":false}}"#,
            "stream_options.include_usage",
        ),
        (r#"{"max_tokens":1,"max_tokens":100000}"#, "max_tokens"),
        (r#"{"model":1}"#, "model"),
        (r#"{"model":null}"#, "model"),
        (r#"{"model":"a\nb"}"#, "model"),
        (r#"{"model":"a\u0000"}"#, "model"),
        (r#"{"model":"\ud800"}"#, "model"),
        ("{\"model\":\"a\u{85}\"}", "model"),
        (r#"{"stream":"true"}"#, "stream"),
        (r#"{"stream":1}"#, "stream"),
        (r#"{"stream_options":[]}"#, "stream_options"),
        (
            r#"{"stream_options":{"include_usage":"yes"}}"#,
            "stream_options.include_usage",
        ),
    ] {
        let error = refuse(body);
        assert_eq!(error.param.as_deref(), Some(param), "{body}");
        assert!(error.hint.is_some(), "{body}");
    }
    // A nested `model` is none of gw's, nor is `null` where the formats allow it.
    assert_eq!(see(r#"{"model":"a","metadata":{"model":"b","model":"c"},"stream":null,"stream_options":null}"#).model.as_deref(), Some("a"));
}

#[test]
fn what_is_not_json_is_refused() {
    for body in [
        "",
        " ",
        "[]",
        "1",
        "null",
        "{",
        "}",
        "{}}",
        "{}{}",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a":1 "b":2}"#,
        "{a:1}",
        "{'a':1}",
        r#"{"a":NaN}"#,
        r#"{"a":Infinity}"#,
        r#"{"a":-Infinity}"#,
        r#"{"a":01}"#,
        r#"{"a":1.}"#,
        r#"{"a":.5}"#,
        r#"{"a":1e}"#,
        r#"{"a":+1}"#,
        r#"{"a":-}"#,
        r#"{"a":tru}"#,
        r#"{"a":nul"#,
        r#"{"a":"x}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12g4"}"#,
        r#"{"a":"\u12"#,
        "{\"a\":\"\n\"}",
        "{\"a\":[1,]}",
        "{\"a\":[}",
        "{\"a\":[1}",
        "{\"a\":{]}",
        "{\"a\":1}\0",
        "\u{feff}{}",
        "{\"a\":1}//",
        "{\"a\":\"\u{0}\"}",
    ] {
        let error = refuse(body);
        assert!(error.hint.is_some(), "{body:?}");
    }
    assert!(
        peek(b"{\"a\":\"\xff\"}", openai::LOOKS, 64)
            .unwrap_err()
            .message
            .contains("UTF-8")
    );
}

#[test]
fn depth_is_limited_without_recursion() {
    let nested = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(peek(nested(63).as_bytes(), openai::LOOKS, 64).is_ok());
    assert!(
        peek(nested(64).as_bytes(), openai::LOOKS, 64)
            .unwrap_err()
            .message
            .contains("64 levels")
    );
    assert!(peek(nested(1_000_000).as_bytes(), openai::LOOKS, 64).is_err());
    assert!(peek(nested(1_000_000).as_bytes(), openai::LOOKS, usize::MAX).is_ok());
    let siblings = format!(r#"{{"a":[{}0]}}"#, "[[]],".repeat(1000));
    assert!(peek(siblings.as_bytes(), openai::LOOKS, 8).is_ok());
}

fn mutated() -> impl Strategy<Value = String> {
    let start =
        r#"{"model":"a","n":[1,-2.5e3,true,null,{"k":"v\u00e9\n"}],"s":{"x":{}},"messages":[]}"#;
    proptest::collection::vec(
        (
            any::<proptest::sample::Index>(),
            "[\\[\\]{},:\"\\\\a0-9eE.+n \\-]{0,2}",
        ),
        0..4,
    )
    .prop_map(move |edits| {
        let mut text = start.to_owned();
        for (at, with) in edits {
            let at = at.index(text.len());
            text.replace_range(at..at + 1, &with);
        }
        text
    })
}

proptest! {
    #[test]
    fn accepts_only_what_a_json_parser_accepts(text in mutated()) {
        let parsed = serde_json::from_str::<&serde_json::value::RawValue>(&text);
        match peek(text.as_bytes(), openai::LOOKS, 64) {
            Ok(seen) => {
                let raw = parsed.unwrap();
                if let Ok(value) = serde_json::from_str::<Value>(raw.get()) {
                    prop_assert_eq!(value.get("model").and_then(Value::as_str), seen.model.as_deref());
                }
            }
            Err(error) => prop_assert!(parsed.is_err() || !text.starts_with('{') || error.param.is_some(), "{text} {error}"),
        }
    }

    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = peek(&bytes, openai::LOOKS, 8);
    }
}
