//! What is sent: flags, a prompt and a key become one HTTP request.

use crate::cli::{context::Context, credential};
use crate::error::{Error, Result};
use clap::ArgMatches;
use serde_json::{Map, Value, json};
use std::io::Read;
use std::path::PathBuf;

/// One request, ready to be sent as often as wanted.
pub(super) struct Ask {
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
    pub stream: bool,
    /// Wiped when dropped; never shown.
    pub key: Option<credential::Text>,
    /// Anthropic's format rather than OpenAI's.
    pub anthropic: bool,
    /// Streams of its format say when they are over.
    pub marked: bool,
    /// Trusted beside the system's authorities.
    pub trusted: Option<PathBuf>,
}

impl Ask {
    pub async fn new(context: &Context, matches: &ArgMatches) -> Result<Ask> {
        let text = |id: &str| matches.get_one::<String>(id).map(String::as_str);
        let path = text("path").unwrap_or("/v1/chat/completions");
        if !path.starts_with('/') {
            return Err(
                Error::invalid(format!("`{}` is not a path", path.escape_debug()))
                    .param("--path")
                    .hint("write it as /v1/chat/completions"),
            );
        }
        let body = body(matches, is_anthropic(path))?;
        Ask::to(context, matches, path, body).await
    }

    /// This body, sent to this path.
    pub async fn to(
        context: &Context,
        matches: &ArgMatches,
        path: &str,
        body: Value,
    ) -> Result<Ask> {
        let text = |id: &str| matches.get_one::<String>(id).map(String::as_str);
        let anthropic = is_anthropic(path);
        let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        let key = match text("key_file") {
            Some(file) => Some(credential::file_value(file)?),
            None => std::env::var_os("GW_API_KEY")
                .map(|_| credential::variable_value("GW_API_KEY"))
                .transpose()?,
        };
        let headers = matches
            .try_get_many::<String>("header")
            .ok()
            .flatten()
            .into_iter()
            .flatten()
            .map(|text| header(text))
            .collect::<Result<_>>()?;
        let base = match text("url") {
            Some(url) if !url.is_empty() => url.to_owned(),
            _ => {
                let status = context.remote()?.status().await?;
                let url = status.get("url").and_then(Value::as_str).map(String::from);
                url.ok_or_else(|| {
                    Error::internal("the gateway did not say where it listens")
                        .hint("name it with --url")
                })?
            }
        };
        let url = join(&base, path)?;
        let trusted = match url.starts_with("https:") {
            true => context.config()?.trusted(),
            false => None,
        };
        Ok(Ask {
            url,
            trusted,
            headers,
            body,
            stream,
            key,
            anthropic,
            marked: anthropic || path.trim_end_matches('/').ends_with("/chat/completions"),
        })
    }
}

/// The gateway's URL with or without `/v1`, and a path.
fn join(base: &str, path: &str) -> Result<String> {
    let bad = || {
        Error::invalid(format!(
            "`{}` is not the URL of a gateway",
            base.escape_debug()
        ))
        .param("--url")
        .hint("write it as http://HOST:PORT or https://HOST:PORT")
    };
    let url = url::Url::parse(base).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad());
    }
    Ok(format!(
        "{}{path}",
        base.trim_end_matches('/').trim_end_matches("/v1")
    ))
}

/// Whether Anthropic's format is spoken at a path.
fn is_anthropic(path: &str) -> bool {
    path.trim_end_matches('/').ends_with("/messages")
}

fn body(matches: &ArgMatches, anthropic: bool) -> Result<Value> {
    let text = |id: &str| matches.get_one::<String>(id).map(String::as_str);
    let mut body = match text("data") {
        Some(source) => match data(source)? {
            Value::Object(map) => map,
            _ => return Err(Error::invalid("the body is not a JSON object").param("--data")),
        },
        None => prompt(text("prompt"), text("system"), anthropic)?,
    };
    if let Some(model) = text("model") {
        body.insert("model".into(), json!(model));
    }
    match (matches.get_one::<u64>("max_tokens"), anthropic) {
        (Some(most), _) => body.insert("max_tokens".into(), json!(most)),
        // Anthropic's format demands one.
        (None, true) if !body.contains_key("max_tokens") => {
            body.insert("max_tokens".into(), json!(1024))
        }
        _ => None,
    };
    if matches.get_flag("stream") {
        body.insert("stream".into(), json!(true));
        // Otherwise a stream says nothing about tokens.
        if !anthropic && text("data").is_none() {
            body.insert("stream_options".into(), json!({"include_usage": true}));
        }
    }
    Ok(Value::Object(body))
}

pub(super) fn prompt(
    prompt: Option<&str>,
    system: Option<&str>,
    anthropic: bool,
) -> Result<Map<String, Value>> {
    let prompt = match prompt {
        None => {
            return Err(Error::invalid("nothing to send was given")
                .hint("give a prompt, - for standard input, or --data"));
        }
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| {
                    Error::invalid("cannot read standard input as text").cause(error)
                })?;
            match text.trim_end_matches('\n') {
                "" => {
                    return Err(Error::invalid("standard input is empty")
                        .hint("write the prompt to it, or give it as an argument"));
                }
                text => text.to_owned(),
            }
        }
        Some(text) => text.to_owned(),
    };
    let mut messages = vec![json!({"role": "user", "content": prompt})];
    let mut body = Map::new();
    match system {
        Some(system) if anthropic => {
            body.insert("system".into(), json!(system));
        }
        Some(system) => messages.insert(0, json!({"role": "system", "content": system})),
        None => {}
    }
    body.insert("messages".into(), json!(messages));
    Ok(body)
}

/// The text of `JSON`, `@FILE` or `-`.
pub(crate) fn text(source: &str) -> Result<String> {
    Ok(match source.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| {
            Error::invalid(format!("cannot read `{file}`"))
                .cause(error)
                .param("--data")
        })?,
        None if source == "-" => std::io::read_to_string(std::io::stdin())
            .map_err(|error| Error::invalid("cannot read standard input as text").cause(error))?,
        None => source.to_owned(),
    })
}

/// The same, read.
fn data(source: &str) -> Result<Value> {
    serde_json::from_str(&text(source)?).map_err(|error| {
        Error::invalid("the body is not JSON")
            .cause(error)
            .param("--data")
            .hint("write JSON, @FILE, or - for standard input")
    })
}

/// `NAME:VALUE`. Credentials come from elsewhere: arguments are visible to everyone on the machine.
pub(crate) fn header(text: &str) -> Result<(String, String)> {
    let bad = |why: &str| {
        Error::invalid(format!("the header {why}"))
            .param("--header")
            .hint("write it as NAME:VALUE")
    };
    let (name, value) = text.split_once(':').ok_or_else(|| bad("has no colon"))?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    if http::HeaderName::try_from(name.as_str()).is_err()
        || http::HeaderValue::try_from(value).is_err()
    {
        return Err(bad("is not valid"));
    }
    if [
        "authorization",
        "x-api-key",
        "x-goog-api-key",
        "api-key",
        "x-gw-key",
    ]
    .contains(&name.as_str())
    {
        return Err(Error::invalid(format!(
            "`{name}` cannot be given on the command line, which others can see"
        ))
        .param("--header")
        .hint("put the key in a file and use --key-file, or set GW_API_KEY"));
    }
    Ok((name, value.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn sent(line: &[&str], anthropic: bool) -> Value {
        let matches = crate::cli::command()
            .try_get_matches_from([&["gw", "request"], line].concat())
            .unwrap();
        body(matches.subcommand_matches("request").unwrap(), anthropic).unwrap()
    }

    #[test]
    fn flags_become_bodies() {
        assert_eq!(
            sent(
                &[
                    "hi there",
                    "-m",
                    "gpt-4o",
                    "-s",
                    "be brief",
                    "--stream",
                    "--max-tokens",
                    "5"
                ],
                false
            ),
            json!({"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi there"}], "model": "gpt-4o", "max_tokens": 5, "stream": true, "stream_options": {"include_usage": true}})
        );
        assert_eq!(
            sent(&["hi", "-s", "x"], true),
            json!({"system": "x", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1024})
        );
        assert_eq!(
            sent(
                &["--data", r#"{"input":"a","model":"b"}"#, "-m", "c"],
                false
            ),
            json!({"input": "a", "model": "c"})
        );
    }

    #[test]
    fn credentials_are_no_headers() {
        assert_eq!(
            header("X-Team: search").unwrap(),
            ("x-team".into(), "search".into())
        );
        let error = header("Authorization: Bearer sk-secret").unwrap_err();
        assert!(!format!("{error:?}").contains("sk-secret"));
        assert!(
            header("nothing").is_err() && header("a b:c").is_err() && header("a:b\nc").is_err()
        );
    }

    #[test]
    fn urls_with_and_without_v1() {
        for base in [
            "http://h:1",
            "http://h:1/",
            "http://h:1/v1",
            "http://h:1/v1/",
        ] {
            assert_eq!(
                join(base, "/v1/messages").unwrap(),
                "http://h:1/v1/messages"
            );
        }
        assert!(join("h:1", "/x").is_err() && join("unix:/x", "/x").is_err());
    }
}
