//! Recorded requests are peeked at right, and splicing changes what gw owns of them and nothing else.

use super::{exchanges, of_format};
use crate::formats::{peek, splice};
use serde_json::Value;

#[test]
fn recorded_requests_are_peeked_and_spliced() {
    let Some(exchanges) = exchanges() else { return };
    let mut count = 0;
    for record in &exchanges {
        let (Some(format), true) = (of_format(record), record["request_body"].is_object()) else {
            continue;
        };
        let want = &record["request_body"];
        let body = serde_json::to_vec(want).unwrap();
        let looks = format.looks;
        let peeked = peek::peek(&body, looks, 128)
            .unwrap_or_else(|error| panic!("{}: {error}", record["id"]));
        assert_eq!(
            peeked.model.as_deref(),
            want["model"].as_str(),
            "{}",
            record["id"]
        );
        assert_eq!(peeked.stream, want["stream"] == true, "{}", record["id"]);
        let tools = want["tools"]
            .as_array()
            .or(want["toolConfig"]["tools"].as_array())
            .is_some_and(|tools| !tools.is_empty())
            || want["functions"].is_array();
        assert_eq!(peeked.tools, tools, "{}", record["id"]);
        let usage = peeked.stream && record["api"] == "openai-chat";
        let mut changed: Value =
            serde_json::from_slice(&splice::splice(&body, &peeked, Some("other"), usage)).unwrap();
        assert_eq!(changed["model"], "other");
        if usage {
            assert_eq!(changed["stream_options"]["include_usage"], true);
            changed["stream_options"] = want["stream_options"].clone();
        }
        let mut want = want.clone();
        want["model"] = "other".into();
        if usage && want["stream_options"].is_null() {
            want["stream_options"] = Value::Null;
        }
        assert_eq!(changed, want, "{}", record["id"]);
        count += 1;
    }
    assert!(count > 500, "{count}");
}
