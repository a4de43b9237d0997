//! Real traffic through the codecs. What reaches the clients at the other end of a gateway is held in
//! tests/conformance.rs; here is what can only be seen from inside. The recordings lie beside the project; without them
//! these tests say that they skip.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod counted;
mod observed;
mod replies;
mod requests;
mod spliced;

use crate::formats::{Codec, FORMATS, Format};
use serde_json::Value;
use std::path::PathBuf;

/// The exchanges, in the order of the file.
pub(crate) fn exchanges() -> Option<Vec<Value>> {
    lines("exchanges.jsonl")
}

/// What a file of the recordings holds, in its order.
fn lines(file: &str) -> Option<Vec<Value>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings");
    let folder = std::env::var_os("GW_RECORDINGS").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        crate::skip::absent(&format!(
            "no recordings at `{}`; GW_RECORDINGS says where they are",
            folder.display()
        ));
        return None;
    };
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).expect("recordings are JSON lines"))
            .collect(),
    )
}

/// What a provider answered; of a binary stream the messages as events.
fn answered(exchange: &Value) -> Option<String> {
    if let Some(body) = exchange["response_body"].as_str() {
        return Some(body.to_owned());
    }
    let each = exchange["response_events"].as_array()?.iter().map(|event| {
        let headers = &event["headers"];
        let name = headers[":event-type"].as_str();
        let name = name
            .or(headers[":exception-type"].as_str())
            .unwrap_or_default();
        format!("event: {name}\ndata: {}\n\n", event["payload"])
    });
    Some(each.collect())
}

/// The formats that translate.
fn translating() -> impl Iterator<Item = (&'static Format, &'static dyn Codec)> {
    FORMATS
        .into_iter()
        .filter_map(|format| Some((format, format.codec?)))
}

/// The format that an exchange was recorded in.
fn of_format(exchange: &Value) -> Option<&'static Format> {
    let api = match exchange["api"].as_str()? {
        "cohere" => "cohere-chat",
        api => api,
    };
    FORMATS.into_iter().find(|format| api == format.name)
}

/// The same, where it translates.
fn spoken(exchange: &Value) -> Option<(&'static Format, &'static dyn Codec)> {
    let format = of_format(exchange)?;
    Some((format, format.codec?))
}
