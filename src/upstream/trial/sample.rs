//! One small real request of a model, streamed and read as serving reads it: does it work, how soon does it begin, and
//! what does it use.

use super::{Reading, State, TOKEN_WAIT, Token, Trial, run, said, token};
use crate::chat::{Tier, Usage};
use crate::formats::{Codec, Framed, Framing, Mark, Seen, frames::Frames};
use crate::upstream::{Upstream, call::Heard};
use std::time::Duration;

/// What came of it.
#[derive(Debug)]
pub struct Sample {
    pub trial: Trial,
    /// Until the first content.
    pub first_content_ms: Option<u64>,
    /// As the provider says.
    pub usage: Option<Usage>,
    /// The tier of service it says it was given at.
    pub tier: Tier,
}

/// Asks a model for one token. `model`: the id the provider knows it by.
pub async fn sample(upstream: &Upstream, model: &str) -> Sample {
    let Token { codec, way, ask } = match token(upstream, model, true) {
        Ok(token) => token,
        Err(trial) => {
            return Sample {
                trial,
                first_content_ms: None,
                usage: None,
                tier: Tier::Standard,
            };
        }
    };
    let framing = match way.to.framed {
        Framed::As(framing) => framing,
        Framed::EventsBy(..) => Framing::Array,
    };
    let mut told = Told::default();
    let trial = run(upstream, ask, TOKEN_WAIT, |status, heard| match status {
        200..=299 => {
            told = read(codec, framing, heard);
            told.reading()
        }
        _ => said(status, heard.said()),
    })
    .await;
    Sample {
        trial,
        first_content_ms: told.first.map(|at| at.as_millis() as u64),
        usage: told.seen.usage,
        tier: told.seen.tier,
    }
}

/// What a stream said.
#[derive(Default)]
struct Told {
    seen: Seen,
    first: Option<Duration>,
    /// The end mark came.
    done: bool,
    broken: bool,
}

impl Told {
    fn reading(&self) -> Reading {
        let failed = |message: String| (State::Failed, None, message);
        match &self.seen.fault {
            Some(fault) => failed(format!("it answered with an error: {}", fault.message)),
            None if self.broken => failed("it sent an event that is not one of its format".into()),
            None if self.done || self.seen.finished => {
                (State::Verified, None, "ok, the model answered".into())
            }
            None if self.first.is_some() => {
                failed("its stream ended before it was complete".into())
            }
            None => failed("it was asked for a stream and answered with something else".into()),
        }
    }
}

fn read(codec: &dyn Codec, framing: Framing, heard: &Heard) -> Told {
    let (mut frames, mut reader) = (Frames::of(framing), codec.reader());
    let mut told = Told {
        seen: Seen::expecting(1),
        ..Told::default()
    };
    let Some(body) = &heard.body else { return told };
    let mut frame = |frames: &Frames, bytes: &[u8], at: Duration| {
        let Some((name, data)) = frames.read(bytes) else {
            return;
        };
        // What comes behind the end is nobody's.
        if told.done {
            return;
        }
        match reader.read(name, &data, &mut told.seen, &mut Vec::new()) {
            Mark::Content => drop(told.first.get_or_insert(at)),
            Mark::Done => told.done = true,
            Mark::Malformed => told.broken = true,
            Mark::Setup | Mark::Usage | Mark::Error => {}
        }
    };
    let (mut from, mut last) = (0, Duration::ZERO);
    for (end, at) in &heard.pace {
        if frames.push(body.slice(from..*end)).is_err() {
            break;
        }
        (from, last) = (*end, *at);
        while let Some(bytes) = frames.next() {
            frame(&frames, &bytes, *at);
        }
    }
    if let Some(bytes) = frames.rest() {
        frame(&frames, &bytes, last);
    }
    told
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::formats;
    use http::StatusCode;

    fn told(pieces: &[&str]) -> (Reading, Option<u64>, Option<u64>) {
        let mut pace = Vec::new();
        let mut body = String::new();
        for (at, piece) in pieces.iter().enumerate() {
            body.push_str(piece);
            pace.push((body.len(), Duration::from_millis(10 * (at as u64 + 1))));
        }
        let heard = Heard {
            status: StatusCode::OK,
            body: Some(body.into()),
            pace,
        };
        let codec = formats::named("openai-chat").unwrap().codec.unwrap();
        let told = read(codec, Framing::Events, &heard);
        let first = told.first.map(|at| at.as_millis() as u64);
        (
            told.reading(),
            first,
            told.seen.usage.map(|usage| usage.output),
        )
    }

    #[test]
    fn a_stream_is_read_with_the_time_of_its_first_content() {
        let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
        let word = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"length\"}]}\n\n";
        let used = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";
        let (reading, first, output) = told(&[role, &word[..20], &word[20..], used]);
        assert_eq!(
            (reading.0, first, output),
            (State::Verified, Some(30), Some(1))
        );
        for (pieces, message) in [
            (
                &[role][..],
                "it was asked for a stream and answered with something else",
            ),
            (
                &["<html>"],
                "it was asked for a stream and answered with something else",
            ),
            (
                &["data: {\"error\":{\"message\":\"no\"}}\n\n"],
                "it answered with an error: no",
            ),
            (
                &["data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n"],
                "its stream ended before it was complete",
            ),
        ] {
            let (reading, ..) = told(pieces);
            assert_eq!((reading.0, reading.2.as_str()), (State::Failed, message));
        }
    }
}
