//! Speech out of texts, texts out of sound. <https://platform.openai.com/docs/api-reference/audio>

use super::{bytes, needed, wanted};
use crate::mock::GREETING;
use crate::mock::ask::{Ask, Refusal, Wire};
use crate::mock::form::{self, Field};
use crate::mock::reply::{Reply, id};
use crate::mock::script::Script;
use crate::mock::spoil;
use crate::mock::stream::{Frame, Style};
use base64::Engine as _;
use serde_json::{Value, json};

/// A text spoken: bytes, or events with bytes in them.
pub fn spoken(body: &Value, script: &Script) -> Result<Reply, Refusal> {
    needed(body, "model")?;
    let input = needed(body, "input")?;
    if body["voice"].is_null() {
        return Err(Refusal::new(
            "Missing required parameter: 'voice'.",
            "voice",
        ));
    }
    let (kind, begin): (_, &[u8]) = match body["response_format"].as_str().unwrap_or("mp3") {
        "mp3" => ("audio/mpeg", b"ID3"),
        "opus" => ("audio/opus", b"OggS"),
        "aac" => ("audio/aac", b"\xff\xf1"),
        "flac" => ("audio/flac", b"fLaC"),
        "wav" => ("audio/wav", b"RIFF"),
        "pcm" => ("audio/pcm", b""),
        _ => {
            return Err(Refusal::new(
                "Invalid value for 'response_format'.",
                "response_format",
            ));
        }
    };
    let sound = bytes(begin, 100 * input.len(), script);
    let extra = vec![id(Wire::Openai).to_owned()];
    if body["stream_format"] != "sse" {
        let reply = Reply::Whole {
            status: 200,
            content_type: kind,
            extra,
            body: sound,
        };
        return Ok(reply);
    }
    let engine = base64::engine::general_purpose::STANDARD;
    let mut frames: Vec<Frame> = sound
        .chunks(sound.len().div_ceil(4).max(1))
        .map(|piece| json!({"type": "speech.audio.delta", "audio": engine.encode(piece)}))
        .map(|event| Frame::data(&event, true))
        .collect();
    let (text, tokens) = (input.len().div_ceil(4), sound.len().div_ceil(100));
    let usage =
        json!({"input_tokens": text, "output_tokens": tokens, "total_tokens": text + tokens});
    frames.push(Frame::data(
        &json!({"type": "speech.audio.done", "usage": usage}),
        false,
    ));
    Ok(streamed(frames, script, extra))
}

/// What was heard, as it was said.
pub fn transcribed(fields: &[Field<'_>], script: &Script) -> Result<Reply, Refusal> {
    let heard = heard(fields)?;
    let model = wanted(fields, "model")?;
    let extra = vec![id(Wire::Openai).to_owned()];
    let usage = usage(model, &heard);
    if form::text(fields, "stream") == Some("true") {
        let mut frames: Vec<Frame> = heard
            .text
            .split_inclusive(' ')
            .map(|piece| {
                Frame::data(
                    &json!({"type": "transcript.text.delta", "delta": piece}),
                    true,
                )
            })
            .collect();
        let done = json!({"type": "transcript.text.done", "text": heard.text, "usage": usage});
        frames.push(Frame::data(&done, false));
        return Ok(streamed(frames, script, extra));
    }
    let body = match form::text(fields, "response_format").unwrap_or("json") {
        "text" => return Ok(plain(format!("{}\n", heard.text), extra)),
        "srt" => {
            return Ok(plain(
                format!("1\n00:00:00,000 --> 00:00:01,000\n{}\n\n", heard.text),
                extra,
            ));
        }
        "vtt" => {
            return Ok(plain(
                format!(
                    "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{}\n\n",
                    heard.text
                ),
                extra,
            ));
        }
        "verbose_json" => {
            let segment = json!({"id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": heard.text, "tokens": [1],
                "temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.0});
            json!({"task": "transcribe", "language": "english", "duration": 1.0, "text": heard.text, "segments": [segment], "usage": usage})
        }
        "json" => json!({"text": heard.text, "usage": usage}),
        _ => {
            return Err(Refusal::new(
                "Invalid value for 'response_format'.",
                "response_format",
            ));
        }
    };
    Ok(spoil::answer(
        &Ask::default(),
        Wire::Openai,
        body,
        script,
        extra,
    ))
}

/// What was heard, in English.
pub fn translated(fields: &[Field<'_>], script: &Script) -> Result<Reply, Refusal> {
    let heard = heard(fields)?;
    wanted(fields, "model")?;
    let extra = vec![id(Wire::Openai).to_owned()];
    match form::text(fields, "response_format").unwrap_or("json") {
        "json" => {
            let body = json!({"text": heard.text});
            Ok(spoil::answer(
                &Ask::default(),
                Wire::Openai,
                body,
                script,
                extra,
            ))
        }
        _ => Ok(plain(format!("{}\n", heard.text), extra)),
    }
}

struct Heard {
    text: String,
    bytes: usize,
}

fn heard(fields: &[Field<'_>]) -> Result<Heard, Refusal> {
    let missing = || Refusal::new("Missing required parameter: 'file'.", "file");
    let file = form::file(fields, "file").ok_or_else(missing)?;
    let (name, bytes) = (file.file.unwrap_or_default(), file.data.len());
    Ok(Heard {
        text: format!("{GREETING} It heard {name}, {bytes} bytes."),
        bytes,
    })
}

/// Older models are paid by the second, newer ones by the token.
fn usage(model: &str, heard: &Heard) -> Value {
    if model.starts_with("whisper") {
        return json!({"type": "duration", "seconds": 1});
    }
    let (sound, text) = (heard.bytes.div_ceil(1000), heard.text.len().div_ceil(4));
    json!({"type": "tokens", "input_tokens": sound, "input_token_details": {"text_tokens": 0, "audio_tokens": sound},
        "output_tokens": text, "total_tokens": sound + text})
}

fn plain(text: String, extra: Vec<String>) -> Reply {
    Reply::Whole {
        status: 200,
        content_type: "text/plain; charset=utf-8",
        extra,
        body: text.into_bytes(),
    }
}

fn streamed(frames: Vec<Frame>, script: &Script, extra: Vec<String>) -> Reply {
    let style = Style::Events(script.sse);
    let frames = spoil::frames(frames, style, &Ask::default(), script);
    Reply::Stream {
        extra,
        style,
        frames,
    }
}
