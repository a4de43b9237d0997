//! Marks and usage of OpenAI replies.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn mark(data: &str) -> (Mark, Seen) {
    let mut seen = Seen::default();
    (observe("", data.as_bytes(), &mut seen), seen)
}

#[test]
fn each_event_is_marked() {
    for (data, want) in [
        (
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            Mark::Setup,
        ),
        (
            r#"{"choices":[{"delta":{"role":"assistant","content":null,"refusal":null}}],"usage":null}"#,
            Mark::Setup,
        ),
        (r#"{"choices":[{"delta":{}}]}"#, Mark::Setup),
        (
            r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
            Mark::Setup,
        ),
        ("", Mark::Setup),
        (r#"{"choices":[{"delta":{"content":"Hi"}}]}"#, Mark::Content),
        (
            r#"{"choices":[{"delta":{"reasoning_content":"Hm"}}]}"#,
            Mark::Content,
        ),
        (
            r#"{"choices":[{"delta":{"reasoning":"Hm"}}]}"#,
            Mark::Content,
        ),
        (r#"{"choices":[{"delta":{"refusal":"No"}}]}"#, Mark::Content),
        (
            r#"{"choices":[{"delta":{"audio":{"id":"a"}}}]}"#,
            Mark::Content,
        ),
        (
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}"#,
            Mark::Content,
        ),
        (
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            Mark::Content,
        ),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#,
            Mark::Usage,
        ),
        (
            r#"{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":2}}"#,
            Mark::Usage,
        ),
        ("[DONE]", Mark::Done),
        (" [DONE] ", Mark::Done),
        (r#"{"error":{"message":"x"}}"#, Mark::Error),
        (
            r#"{"error":"x","choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            Mark::Error,
        ),
        (r#"{"choices":["#, Mark::Malformed),
        ("hello", Mark::Malformed),
        ("[1]", Mark::Malformed),
        (r#"{"choices":[null]}"#, Mark::Malformed),
    ] {
        assert_eq!(mark(data).0, want, "{data}");
    }
    let mut seen = Seen::default();
    assert_eq!(
        observe(
            "",
            b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}",
            &mut seen
        ),
        Mark::Content
    );
}

#[test]
fn a_stream_is_gathered() {
    let mut seen = Seen::default();
    for data in [
        r#"{"model":"gpt-4o-2024-08-06","choices":[{"delta":{"role":"assistant"}}]}"#,
        r#"{"model":"other","choices":[{"delta":{"content":"Hé"}}]}"#,
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":80,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":20}}}"#,
    ] {
        observe("", data.as_bytes(), &mut seen);
    }
    assert_eq!((seen.finished, seen.text_bytes), (true, 3));
    assert_eq!(
        seen.usage,
        Some(Usage {
            input: 20,
            cache_read: 80,
            output: 30,
            reasoning: 20,
            ..Usage::default()
        })
    );
}

#[test]
fn an_error_event_says_which() {
    let fault = mark(r#"{"error":{"message":"slow","type":"rate_limit_error","code":null}}"#)
        .1
        .fault
        .unwrap();
    assert_eq!((fault.status, fault.message.as_str()), (429, "slow"));
}

#[test]
fn usage_is_believed_only_where_it_can_be() {
    let usage = |usage: &str| {
        mark(&format!(r#"{{"choices":[],"usage":{usage}}}"#))
            .1
            .usage
    };
    for absurd in [
        r#"{"prompt_tokens":-1,"completion_tokens":1}"#,
        r#"{"prompt_tokens":1000000000000000000,"completion_tokens":1}"#,
        r#"{"prompt_tokens":1e18,"completion_tokens":1}"#,
        r#"{"prompt_tokens":"5","completion_tokens":1}"#,
        r#"{"prompt_tokens":5,"completion_tokens":1.5}"#,
        r#"{"completion_tokens":5}"#,
        "{}",
        "null",
        "7",
        "[]",
    ] {
        assert_eq!(usage(absurd), None, "{absurd}");
    }
    // Details beyond their total are cut to it.
    let seen = usage(
        r#"{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":9}}"#,
    )
    .unwrap();
    assert_eq!((seen.input, seen.cache_read), (0, 5));
    // Reasoning beside the completion tokens, as the total shows.
    let seen = usage(r#"{"prompt_tokens":10,"completion_tokens":9,"total_tokens":22,"completion_tokens_details":{"reasoning_tokens":3}}"#).unwrap();
    assert_eq!((seen.output, seen.reasoning, seen.total()), (9, 3, 22));
    // Reasoning beyond a completion it is a part of (seen at OpenRouter).
    let seen = usage(r#"{"prompt_tokens":21,"completion_tokens":16,"total_tokens":37,"completion_tokens_details":{"reasoning_tokens":21}}"#).unwrap();
    assert_eq!((seen.output, seen.reasoning, seen.total()), (0, 16, 37));
    assert_eq!(
        usage(r#"{"prompt_tokens":10,"completion_tokens":1,"prompt_cache_hit_tokens":4}"#)
            .unwrap()
            .cache_read,
        4
    );
}

#[test]
fn whole_replies_give_usage() {
    let mut seen = Seen::default();
    observe_reply(br#"{"model":"m","choices":[{"message":{"role":"assistant","content":"four"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#, &mut seen);
    assert_eq!(
        (seen.usage.unwrap().total(), seen.finished, seen.text_bytes),
        (7, true, 0)
    );
    for body in [
        r#"{"object":"list","data":[{"embedding":[0.1,0.2]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}"#,
        r#"{"usage":{"prompt_tokens":8,"total_tokens":8},"model":"e","data":[{"embedding":[0.1]}]}"#,
        "{\"data\":[ ] , \"usage\":{\"prompt_tokens\":8},\"model\":\"e\" }\n",
    ] {
        let mut seen = Seen::default();
        observe_embeddings(body.as_bytes(), &mut seen);
        assert_eq!(
            seen.usage.unwrap(),
            Usage {
                input: 8,
                ..Usage::default()
            },
            "{body}"
        );
    }
    let mut seen = Seen::default();
    observe_embeddings(b"", &mut seen);
    observe_reply(b"<html>", &mut seen);
    assert_eq!(seen.usage, None);
}

#[test]
fn usage_at_the_end_is_found_without_reading_the_rest() {
    let usage = r#""usage":{"prompt_tokens":5,"completion_tokens":2}"#;
    let choices = r#""choices":[{"message":{"content":"say \"usage\":{\"prompt_tokens\":9}"},"finish_reason":"stop"}]"#;
    for (body, found) in [
        (format!(r#"{{"model":"m",{choices},{usage}}}"#), true),
        (
            format!(r#"{{"model":"m",{choices},{usage} , "system_fingerprint":"f" }} "#),
            true,
        ),
        // Somebody else's usage, deeper down, or behind something that is not plain: read in full.
        (
            format!(
                r#"{{"model":"m",{usage},{choices},"x_other":{{"usage":{{"prompt_tokens":7,"completion_tokens":7}}}}}}"#
            ),
            false,
        ),
        (format!(r#"{{"model":"m",{usage},{choices}}}"#), false),
    ] {
        assert_eq!(usage_at_end(body.as_bytes()).is_some(), found, "{body}");
        let mut seen = Seen::default();
        observe_reply(body.as_bytes(), &mut seen);
        assert_eq!(
            (
                seen.usage.map(|usage| (usage.input, usage.output)),
                seen.finished
            ),
            (Some((5, 2)), true),
            "{body}"
        );
    }
}
