//! Events of another API inside of Amazon's messages: `chunk`, with the event in base64, as Bedrock streams what its
//! InvokeModel passes on: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html>.
//! A failure is an exception of Amazon's there, and an `error` event here.

use super::eventstream::{self, Message, Sort};
use super::{fault, fault::aws};
use crate::chat::Fault;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type", default)]
    kind: String,
}

/// The event in a message; its name stands in its data. `None`: it is no event.
pub fn read<'a>(message: Message<'a>) -> Option<(&'a str, Cow<'a, [u8]>)> {
    match message.kind {
        Sort::Event if message.name == "chunk" => {
            let chunk: Chunk<'_> = serde_json::from_slice(message.payload).ok()?;
            Some(("", Cow::Owned(BASE64.decode(&*chunk.bytes).ok()?)))
        }
        Sort::Event => None,
        Sort::Exception => Some(failed(message.name, message.payload)),
        Sort::Error => Some(failed(message.name, &message.error())),
    }
}

fn failed<'a>(exception: &str, said: &[u8]) -> (&'a str, Cow<'a, [u8]>) {
    let fault = fault::fault_named(exception, said);
    ("error", Cow::Owned(fault::write_anthropic(&fault)))
}

/// What an event is called by its data.
pub fn kind(data: &[u8]) -> String {
    serde_json::from_slice::<Typed>(data).map_or_else(|_| String::new(), |typed| typed.kind)
}

/// Writes an event as a message.
pub fn write(name: &str, data: &[u8], out: &mut Vec<u8>) {
    if data.trim_ascii().is_empty() {
        return;
    }
    if name == "error" {
        return out.extend(exception(&fault::fault_inside(data)));
    }
    let chunk = serde_json::json!({"bytes": BASE64.encode(data)});
    out.extend(eventstream::event("chunk", chunk.to_string().as_bytes()));
}

/// An error as the last message of a stream.
pub fn exception(fault: &Fault) -> Vec<u8> {
    let body = fault::write_message(fault);
    eventstream::exception(aws::in_stream(fault.status), &body)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_event_comes_out_as_it_went_in() {
        let data = br#"{"type":"message_stop"}"#;
        let mut frame = Vec::new();
        write("message_stop", data, &mut frame);
        let (name, back) = read(eventstream::message(&frame).unwrap()).unwrap();
        assert_eq!((name, &*back), ("", &data[..]));
        assert_eq!(kind(&back), "message_stop");
    }

    #[test]
    fn an_error_is_an_exception() {
        let fault = Fault {
            status: 429,
            kind: "rate_limit_error".into(),
            message: "slowly".into(),
            code: None,
            param: None,
        };
        let mut frame = Vec::new();
        write("error", &fault::write_anthropic(&fault), &mut frame);
        let message = eventstream::message(&frame).unwrap();
        assert_eq!(
            (message.kind, message.name),
            (Sort::Exception, "throttlingException")
        );
        let (name, data) = read(message).unwrap();
        let back = fault::fault_inside(&data);
        assert_eq!(
            (name, back.status, &*back.message),
            ("error", 429, "slowly")
        );
    }
}
