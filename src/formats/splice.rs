//! Replacing exactly the spans gw owns in a JSON body, every other byte untouched.

use super::peek::Peek;
use std::ops::Range;

/// The body with `model` set (replaced, or inserted where absent) unless there is none to set, and, when `include_usage`,
/// with `stream_options.include_usage` set to true. Everything else is copied byte for byte.
pub fn splice(body: &[u8], peek: &Peek<'_>, model: Option<&str>, include_usage: bool) -> Vec<u8> {
    // Strings always serialise, so there is no other case.
    let model = model.map(|model| serde_json::to_string(model).unwrap_or_default());
    let mut edits: Vec<(Range<usize>, String)> = Vec::with_capacity(3);
    let mut insert = String::new();
    match (model, &peek.model_span) {
        (Some(model), Some(span)) => edits.push((span.clone(), model)),
        (Some(model), None) => insert = format!("\"model\":{model},"),
        (None, _) => {}
    }
    if include_usage && !peek.include_usage {
        match (&peek.stream_options_span, &peek.include_usage_span) {
            (_, Some(span)) => edits.push((span.clone(), "true".to_owned())),
            (Some(span), None) => edits.push(into_options(body, span)),
            (None, None) => insert.push_str("\"stream_options\":{\"include_usage\":true},"),
        }
    }
    if !insert.is_empty() {
        if peek.members == 0 {
            insert.pop();
        }
        edits.push((peek.open..peek.open, insert));
    }
    apply(body, edits)
}

/// The edit that puts `include_usage` into a `stream_options` without one.
fn into_options(body: &[u8], span: &Range<usize>) -> (Range<usize>, String) {
    let value = body.get(span.clone()).unwrap_or_default();
    match value.strip_prefix(b"{") {
        Some(rest) => {
            let comma = if rest.trim_ascii_start().starts_with(b"}") {
                ""
            } else {
                ","
            };
            (
                span.start + 1..span.start + 1,
                format!("\"include_usage\":true{comma}"),
            )
        }
        None => (span.clone(), "{\"include_usage\":true}".to_owned()),
    }
}

fn apply(body: &[u8], mut edits: Vec<(Range<usize>, String)>) -> Vec<u8> {
    edits.sort_by_key(|(span, _)| span.start);
    let mut out =
        Vec::with_capacity(body.len() + edits.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut from = 0;
    for (span, text) in edits {
        out.extend_from_slice(body.get(from..span.start).unwrap_or_default());
        out.extend_from_slice(text.as_bytes());
        from = span.end;
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::formats::{openai::LOOKS, peek::peek};
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn spliced(body: &str, model: &str, usage: bool) -> String {
        String::from_utf8(splice(
            body.as_bytes(),
            &peek(body.as_bytes(), LOOKS, 64).unwrap(),
            Some(model),
            usage,
        ))
        .unwrap()
    }

    #[test]
    fn only_the_owned_spans_change() {
        for (body, usage, want) in [
            (r#"{"model":"a","x":1}"#, false, r#"{"model":"M","x":1}"#),
            (
                "{ \"x\" : 1.50 ,\n \"model\" : \"\\u0061\" }\n",
                false,
                "{ \"x\" : 1.50 ,\n \"model\" : \"M\" }\n",
            ),
            ("{}", false, r#"{"model":"M"}"#),
            (
                " { } ",
                true,
                " {\"model\":\"M\",\"stream_options\":{\"include_usage\":true} } ",
            ),
            (r#"{"a":-0}"#, false, r#"{"model":"M","a":-0}"#),
            (
                r#"{"stream":true,"model":"a"}"#,
                true,
                r#"{"stream_options":{"include_usage":true},"stream":true,"model":"M"}"#,
            ),
            (
                r#"{"model":"a","stream_options":{}}"#,
                true,
                r#"{"model":"M","stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream_options":{ "x":1},"model":"a"}"#,
                true,
                r#"{"stream_options":{"include_usage":true, "x":1},"model":"M"}"#,
            ),
            (
                r#"{"stream_options":{"include_usage":false},"model":"a"}"#,
                true,
                r#"{"stream_options":{"include_usage":true},"model":"M"}"#,
            ),
            (
                r#"{"stream_options":null}"#,
                true,
                r#"{"model":"M","stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream_options":{"include_usage":true}}"#,
                true,
                r#"{"model":"M","stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"n":123456789012345678901234567890,"f":1e400,"s":"\ud800\/","model":"a"}"#,
                true,
                "{\"stream_options\":{\"include_usage\":true},\"n\":123456789012345678901234567890,\"f\":1e400,\"s\":\"\\ud800\\/\",\"model\":\"M\"}",
            ),
        ] {
            assert_eq!(spliced(body, "M", usage), want);
        }
        assert_eq!(
            spliced(r#"{"model":"a"}"#, "q\"\\\n", false),
            r#"{"model":"q\"\\\n"}"#
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect()))
            ]
        })
    }

    proptest! {
        #[test]
        fn parsing_what_was_spliced_gives_the_same_but_for_the_owned(
            members in proptest::collection::vec(("[a-z]{1,3}\"?", value()), 0..6),
            model in proptest::option::of("[^\\p{Cc}]{0,8}"),
            options in proptest::option::of(prop_oneof![Just(json!(null)), Just(json!({})), Just(json!({"include_usage": false})), Just(json!({"include_usage": true, "other": [1]})), Just(json!({"other": {}}))]),
            at in any::<proptest::sample::Index>(),
            new in ".{0,12}",
            usage in any::<bool>(),
            pretty in any::<bool>(),
        ) {
            let mut members = members;
            if let Some(model) = model {
                members.insert(at.index(members.len() + 1), ("model".to_owned(), Value::from(model)));
            }
            if let Some(options) = options {
                members.insert(at.index(members.len() + 1), ("stream_options".to_owned(), options));
            }
            let before = Value::Object(members.into_iter().collect::<Map<_, _>>());
            let body = if pretty { serde_json::to_vec_pretty(&before).unwrap() } else { serde_json::to_vec(&before).unwrap() };
            let peeked = peek(&body, LOOKS, 64).unwrap();
            let out = splice(&body, &peeked, Some(&new), usage);
            let after: Value = serde_json::from_slice(&out).unwrap();
            let mut want = serde_json::from_slice::<Value>(&body).unwrap();
            want["model"] = Value::from(new.as_str());
            if usage {
                if want.get("stream_options").is_none_or(Value::is_null) {
                    want["stream_options"] = json!({});
                }
                want["stream_options"]["include_usage"] = json!(true);
            }
            prop_assert_eq!(after, want);
            // Peeking again finds what was written.
            let again = peek(&out, LOOKS, 64).ok();
            if !new.chars().any(char::is_control) {
                prop_assert_eq!(again.unwrap().model.unwrap(), new);
            }
            if let Some(span) = &peeked.model_span && !usage {
                prop_assert!(out.starts_with(&body[..span.start]) && out.ends_with(&body[span.end..]));
            }
        }
    }
}
