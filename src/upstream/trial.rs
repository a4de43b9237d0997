//! The smallest things a provider can be asked: its list of models, one token of a model. Made by the builder
//! that serving uses, so that what is tried is what is used.

mod sample;

pub use sample::{Sample, sample};

use super::{
    Ask, Content, Unsigned, Upstream, Way,
    call::{Heard, call},
    listing::{self, Listed},
};
use crate::chat::{Chat, Message, Part, Role};
use crate::formats::{self, Codec, Framed, Framing, Seen, Target, fault::read_fault};
use bytes::Bytes;
use http::{Method, StatusCode};
use std::time::{Duration, Instant};

/// How long a list of models may take, and one token of a model: local servers load it first.
const LIST_WAIT: Duration = Duration::from_secs(10);
const TOKEN_WAIT: Duration = Duration::from_secs(25);
/// The longest answer read: lists of models with descriptions are below 1 MiB.
const LONGEST: usize = 8 << 20;

/// Characters kept of what an upstream says with an error: it is shown, and kept while it is so.
const WORDS: usize = 500;

/// What a trial came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Verified,
    /// The vendor cannot say without a real request, or the callers bring the credential.
    Unverified,
    Refused,
    Unreachable,
    Failed,
}

/// How a trial went.
#[derive(Debug)]
pub struct Trial {
    pub state: State,
    /// The upstream's, where it answered.
    pub status: Option<u16>,
    /// What it lists, where it was asked to and did.
    pub models: Option<Vec<String>>,
    pub ms: u64,
    pub message: String,
}

impl Trial {
    /// Nothing was sent.
    pub fn unsent(state: State, message: String) -> Trial {
        Trial {
            state,
            status: None,
            models: None,
            ms: 0,
            message,
        }
    }
}

/// Asks for its list of models, of which there may be `most`.
pub async fn list(upstream: &Upstream, most: usize) -> Trial {
    match upstream.models() {
        None => match upstream.obtain().await {
            Ok(()) => Trial::unsent(
                State::Unverified,
                "this vendor cannot list models: try one with -m MODEL".into(),
            ),
            Err(why) => no_credential(&why),
        },
        Some(target) => {
            let ask = ask(Method::GET, target, Bytes::new());
            run(upstream, ask, LIST_WAIT, |status, heard| {
                listed(status, heard.body.as_deref(), most)
            })
            .await
        }
    }
}

/// Asks a model for one token. `model`: the id the provider knows it by.
pub async fn one_token(upstream: &Upstream, model: &str) -> Trial {
    let Token { codec, ask, .. } = match token(upstream, model, false) {
        Ok(token) => token,
        Err(trial) => return trial,
    };
    let answered = |status: u16, heard: &Heard| {
        let body = heard.said();
        if !matches!(status, 200..=299) {
            return said(status, body);
        }
        let mut seen = Seen::default();
        let failed = |message: String| (State::Failed, None, message);
        match (codec.read_reply(body, &mut seen), seen.fault) {
            (Ok(_), _) => (State::Verified, None, "ok, the model answered".into()),
            (Err(_), Some(fault)) => {
                failed(format!("it answered with an error: {}", fault.message))
            }
            (Err(_), None) => failed("it answered with something that is not a reply".into()),
        }
    };
    run(upstream, ask, TOKEN_WAIT, answered).await
}

/// A request for one token.
struct Token<'a> {
    codec: &'static dyn Codec,
    way: &'a Way,
    ask: Ask<'a>,
}

/// The request for one token of a model, or why there is none.
fn token<'a>(upstream: &'a Upstream, model: &str, stream: bool) -> Result<Token<'a>, Trial> {
    let spoken = upstream.vendor.endpoints.iter().find_map(|endpoint| {
        let format = formats::format(endpoint.format);
        let way = upstream.way(format, model).filter(|way| way.is_same())?;
        let target = upstream.target(way, model, None, stream)?;
        Some((format.codec?, way, target))
    });
    let (codec, way, target) = spoken.ok_or_else(|| {
        Trial::unsent(
            State::Unverified,
            "this vendor has no chat to try a model with".into(),
        )
    })?;
    let chat = Chat {
        model: model.to_owned(),
        stream,
        messages: vec![Message {
            role: Role::User,
            parts: vec![Part::text("Hi")],
            id: None,
        }],
        max_tokens: Some(1),
        ..Chat::default()
    };
    let written = codec.write_request(
        &chat,
        &Target {
            model,
            quirks: &upstream.quirks,
            takes: crate::catalog::takes(model),
        },
    );
    let written = written.map_err(|error| Trial::unsent(State::Failed, error.message))?;
    let plain = ask(Method::POST, target, written.body.into());
    let ask = Ask {
        accept: match way.to.framed {
            _ if !stream => plain.accept,
            Framed::As(framing) => framing.label(),
            Framed::EventsBy(..) => Framing::Events.label(),
        },
        way: Some(way),
        ..plain
    };
    Ok(Token { codec, way, ask })
}

/// Asks for what costs nothing, to see whether it is well: this path from the root of its host, else its list of models,
/// else whether anything answers at its address. A trial that says nothing of it is [`State::Unverified`].
pub async fn check(upstream: &Upstream, path: Option<&str>, wait: Duration) -> Trial {
    let get = |target| ask(Method::GET, target, Bytes::new());
    if let Some(target) = path.and_then(|path| path.parse().ok()) {
        return run(upstream, get(target), wait, |status, heard| match status {
            200..=299 => (State::Verified, None, "ok".into()),
            _ => busy(status).unwrap_or_else(|| said(status, heard.said())),
        })
        .await;
    }
    if let Some(target) = upstream.models() {
        return run(upstream, get(target), wait, |status, heard| {
            busy(status).unwrap_or_else(|| listed(status, heard.body.as_deref(), usize::MAX))
        })
        .await;
    }
    let Some(target) = upstream.below("", None) else {
        return Trial::unsent(State::Unverified, "there is nothing to ask it for".into());
    };
    let answers = |status: u16| format!("it answers (HTTP {status})");
    let trial = run(upstream, get(target), wait, |status, heard| match status {
        500.. => said(status, heard.said()),
        _ => (State::Verified, None, answers(status)),
    })
    .await;
    match (trial.state, trial.status) {
        // Nobody said that there is anything to be had there.
        (State::Refused, Some(status)) => Trial {
            state: State::Verified,
            message: answers(status),
            ..trial
        },
        _ => trial,
    }
}

/// "Too many requests" is an answer: it says nothing against who gives it.
fn busy(status: u16) -> Option<Reading> {
    (status == 429).then(|| {
        (
            State::Unverified,
            None,
            "it answered with HTTP 429, which says nothing of its health".into(),
        )
    })
}

fn ask(method: Method, target: http::Uri, body: Bytes) -> Ask<'static> {
    Ask {
        content: match method {
            Method::GET => Content::Unsaid,
            _ => Content::Json,
        },
        method,
        target,
        accept: "application/json",
        body,
        way: None,
        caller: None,
        own_key: None,
        betas: None,
        more: None,
    }
}

type Reading = (State, Option<Vec<String>>, String);

async fn run(
    upstream: &Upstream,
    ask: Ask<'_>,
    wait: Duration,
    mut read: impl FnMut(u16, &Heard) -> Reading,
) -> Trial {
    if let Err(why) = upstream.obtain().await {
        return no_credential(&why);
    }
    let request = match upstream.request(ask) {
        Ok(request) => request,
        Err(Unsigned::NoOwnKey | Unsigned::BadOwnKey | Unsigned::OwnAccessKeys) => {
            return Trial::unsent(
                State::Unverified,
                "callers bring the credential, so there is none to try".into(),
            );
        }
        Err(Unsigned::Unavailable(why)) => return no_credential(&why),
    };
    let begun = Instant::now();
    let answer = tokio::time::timeout(wait, call(upstream, request, LONGEST)).await;
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, (state, models, message)) = match answer {
        Err(_) => (
            None,
            unreachable(format!("no answer within {} s", wait.as_secs())),
        ),
        Ok(Err(why)) => (None, unreachable(format!("it cannot be reached: {why}"))),
        Ok(Ok(heard)) => {
            let status = heard.status;
            let signed = upstream.sign_in.signs();
            let reading = match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if signed => (
                    State::Refused,
                    None,
                    format!("it refused the credential (HTTP {})", status.as_u16()),
                ),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
                    State::Refused,
                    None,
                    format!("it wants a credential (HTTP {})", status.as_u16()),
                ),
                _ => read(status.as_u16(), &heard),
            };
            (Some(status.as_u16()), reading)
        }
    };
    Trial {
        state,
        status,
        models,
        ms,
        message: upstream.sign_in.hidden(None).scrub(&message).into_owned(),
    }
}

fn no_credential(why: &str) -> Trial {
    Trial::unsent(
        State::Refused,
        format!("its credential cannot be had: {why}"),
    )
}

fn unreachable(message: String) -> Reading {
    (State::Unreachable, None, message)
}

/// What an upstream says with an error, in its own words as far as it has some.
fn said(status: u16, body: &[u8]) -> Reading {
    let message = match read_fault(status, body).message {
        words if words.is_empty() => format!("it answered with HTTP {status}"),
        words => {
            let words: String = words.chars().take(WORDS).collect();
            format!("it answered with HTTP {status}: {words}")
        }
    };
    (State::Failed, None, message)
}

/// `most`: models in a list.
fn listed(status: u16, body: Option<&[u8]>, most: usize) -> Reading {
    let told = |models, message: String| (State::Verified, models, message);
    match (status, body) {
        (200..=299, None) => told(
            None,
            format!("its list of models is longer than {} MiB", LONGEST >> 20),
        ),
        (200..=299, Some(body)) => match listing::ids(body, most) {
            Listed::Models(models) => told(Some(models), "ok".into()),
            Listed::TooMany => told(
                None,
                format!("it lists more than {most} models, see limits.upstream_max_models"),
            ),
            Listed::NoList => (
                State::Failed,
                None,
                "it answered with something that is not a list of models".into(),
            ),
        },
        (404 | 405 | 501, _) => (
            State::Unverified,
            None,
            "it cannot list models: try one with -m MODEL".into(),
        ),
        _ => said(status, body.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Access, Timers};
    use super::*;
    use crate::resources::provider::Provider;
    use crate::store::secret::Secret;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn upstream(port: u16) -> Upstream {
        let spec: Provider = serde_json::from_value(json!({
            "vendor": "anthropic", "base_url": format!("http://127.0.0.1:{port}/v1"),
            "credential": "managed", "headers": {"x-version": "1"},
        }))
        .unwrap();
        let access = Ok(Access::secret(Some(Secret::new("s3cret".into()))));
        Upstream::build("up".into(), &spec, Some(&access), Timers::default()).unwrap()
    }

    /// Answers one request with these bytes; gives back what it was sent.
    async fn answer_with(answer: &'static str) -> (Upstream, tokio::task::JoinHandle<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                seen.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(seen).unwrap()
        });
        (upstream(port), served)
    }

    #[tokio::test]
    async fn verified_refused_redirected() {
        let (up, served) = answer_with("HTTP/1.1 200 OK\r\ncontent-length: 36\r\n\r\n{\"data\":[{\"id\":\"b\"},{\"id\":\"a\"},{}]} ").await;
        let trial = list(&up, 5_000).await;
        assert_eq!(
            (trial.state, trial.models),
            (State::Verified, Some(vec!["a".to_owned(), "b".to_owned()]))
        );
        let seen = served.await.unwrap().to_ascii_lowercase();
        assert!(
            seen.starts_with("get /v1/models?limit=1000 http/1.1")
                && seen.contains("x-api-key: s3cret")
                && seen.contains("x-version: 1")
                && seen.contains("anthropic-version: 2023-06-01"),
            "{seen}"
        );
        for (answer, state, status) in [
            (
                "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
                State::Refused,
                401,
            ),
            (
                "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
                State::Failed,
                307,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
                State::Failed,
                200,
            ),
        ] {
            let (up, _served) = answer_with(answer).await;
            let trial = list(&up, 5_000).await;
            assert_eq!((trial.state, trial.status), (state, Some(status)));
        }
    }

    #[tokio::test]
    async fn nobody_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let trial = list(&upstream(port), 5_000).await;
        assert_eq!(
            (trial.state, trial.message.as_str()),
            (
                State::Unreachable,
                "it cannot be reached: connection refused"
            )
        );
    }
}
