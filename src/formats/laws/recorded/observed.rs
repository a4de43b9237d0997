//! What is observed of recorded answers: the usage, the end and the faults that their own clients saw.

use super::{answered, exchanges, lines, of_format};
use crate::formats::{Format, Mark, Seen, alike::Alike, fault, sse};
use bytes::Bytes;
use serde_json::Value;
use std::collections::HashMap;

/// What observation gathers of a recorded body, cut into chunks of `size` bytes.
fn observe(format: &Format, body: &str, size: usize) -> (Seen, Vec<Mark>) {
    let mut seen = Seen::default();
    let mut marks = Vec::new();
    if body.trim_start().starts_with(['{', '[']) {
        (format.observe_reply)(body.as_bytes(), &mut seen);
        return (seen, marks);
    }
    let mut frames = sse::Frames::default();
    let (mut alike, mut known) = (Alike::default(), Seen::default());
    let mut take = |frame: Bytes| {
        if let Some((name, data)) = sse::event(&frame) {
            marks.push((format.observe)(name, &data, &mut seen));
            // As streams are looked at, which do not read again what is like something else.
            let mark = alike.observe(format.observe, name, &data, &mut known);
            assert_eq!((Some(&mark), &known), (marks.last(), &seen));
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
    let (Some(exchanges), Some(expected)) = (exchanges(), lines("expected.jsonl")) else {
        return;
    };
    let expected: HashMap<String, Value> = expected
        .into_iter()
        .map(|line| (line["id"].as_str().unwrap().to_owned(), line))
        .collect();
    let (mut count, mut wrong) = (0, Vec::new());
    for record in exchanges {
        let (Some(format), Some(body), Some(id)) =
            (of_format(&record), answered(&record), record["id"].as_str())
        else {
            continue;
        };
        let status = record["status"].as_u64().unwrap_or(200) as u16;
        if status >= 400 {
            let fault = fault::read_fault(status, body.as_bytes());
            assert!(!fault.message.is_empty() && fault.status == status, "{id}");
            continue;
        }
        let (seen, marks) = observe(format, &body, 7);
        assert_eq!(marks, observe(format, &body, usize::MAX >> 1).1, "{id}");
        let outcome = &expected
            .get(id)
            .map_or(&Value::Null, |line| &line["outcome"]);
        let want = &outcome["usage"];
        let number = |name: &str| want[name].as_u64().unwrap_or(0);
        // A prompt that only the total counts is read out of it, which its client did not.
        let derived = id == "31758e55008bc039";
        if want.is_object() && !derived {
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
        let whole = seen.finished || seen.fault.is_some();
        if marks.contains(&Mark::Malformed) || (outcome["finish"].is_string() && !whole) {
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
