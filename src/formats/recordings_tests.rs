//! Peeking, splicing, framing and observing held against recorded traffic, where it is at hand
//! (`GW_RECORDINGS`, or `../shared/recordings` beside the crate); skips elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use bytes::Bytes;
use serde_json::Value;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

fn lines(folder: &Path, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("GW_RECORDINGS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings"),
    };
    let found = folder.join("exchanges.jsonl").is_file();
    if !found {
        crate::skip::absent(&format!(
            "no recordings at `{}`; GW_RECORDINGS says where they are",
            folder.display()
        ));
    }
    found.then_some(folder)
}

fn of_format(record: &Value) -> Option<&'static Format> {
    FORMATS
        .into_iter()
        .find(|format| record["api"] == format.name)
}

#[test]
fn recorded_requests_are_peeked_and_spliced() {
    let Some(folder) = folder() else { return };
    let mut count = 0;
    for record in lines(&folder, "exchanges.jsonl")
        .iter()
        .filter(|record| of_format(record).is_some() && record["request_body"].is_object())
    {
        let want = &record["request_body"];
        let body = serde_json::to_vec(want).unwrap();
        let looks = of_format(record).unwrap().looks;
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

/// What observation gathers of a recorded body, cut into chunks of `size` bytes.
fn observe(format: &Format, body: &str, size: usize) -> (Seen, Vec<Mark>) {
    let mut seen = Seen::default();
    let mut marks = Vec::new();
    if body.trim_start().starts_with(['{', '[']) {
        (format.observe_reply)(body.as_bytes(), &mut seen);
        return (seen, marks);
    }
    let mut frames = sse::Frames::default();
    let mut take = |frame: Bytes| {
        if let Some((name, data)) = sse::event(&frame) {
            marks.push((format.observe)(name, &data, &mut seen));
        }
    };
    for chunk in body.as_bytes().chunks(size) {
        frames.push(Bytes::copy_from_slice(chunk)).unwrap();
        while let Some(frame) = frames.next() {
            take(frame);
        }
    }
    frames.rest().into_iter().for_each(&mut take);
    (seen, marks)
}

#[test]
fn recorded_replies_give_the_usage_their_own_clients_saw() {
    let Some(folder) = folder() else { return };
    let expected: HashMap<String, Value> = lines(&folder, "expected.jsonl")
        .into_iter()
        .map(|line| (line["id"].as_str().unwrap().to_owned(), line))
        .collect();
    let (mut count, mut wrong) = (0, Vec::new());
    for record in lines(&folder, "exchanges.jsonl") {
        let (Some(format), Some(body), Some(id)) = (
            of_format(&record),
            record["response_body"].as_str(),
            record["id"].as_str(),
        ) else {
            continue;
        };
        let status = record["status"].as_u64().unwrap_or(200) as u16;
        if status >= 400 {
            let fault = fault::read_fault(status, body.as_bytes());
            assert!(!fault.message.is_empty() && fault.status == status, "{id}");
            continue;
        }
        let (seen, marks) = observe(format, body, 7);
        assert_eq!(marks, observe(format, body, usize::MAX >> 1).1, "{id}");
        let outcome = &expected
            .get(id)
            .map_or(&Value::Null, |line| &line["outcome"]);
        let want = &outcome["usage"];
        let number = |name: &str| want[name].as_u64().unwrap_or(0);
        if want.is_object() {
            let got = seen.usage.map_or((0, 0, 0), |usage| {
                (usage.prompt(), usage.completion(), usage.cache_read)
            });
            if got
                != (
                    number("in").max(number("prompt_tokens")),
                    number("out"),
                    number("cached"),
                )
            {
                wrong.push(format!("{id} {}: {got:?} is {want}", record["provider"]));
            }
        }
        // Text is counted to estimate usage by: where usage is reported nobody need look.
        if outcome["text"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
            && seen.text_bytes == 0
            && seen.usage.is_none()
        {
            wrong.push(format!("{id}: text unseen"));
        }
        if marks.contains(&Mark::Malformed) || (outcome["finish"].is_string() && !seen.finished) {
            wrong.push(format!(
                "{id} {}: {marks:?} finished {}",
                record["provider"], seen.finished
            ));
        }
        count += 1;
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 500, "{count}");
}
