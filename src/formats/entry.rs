//! Where callers of each format send requests, and what the path alone says of one. Must not know headers or bodies.

use super::{FORMATS, Format};
use std::borrow::Cow;

/// A path of a format. Requests are `POST`ed there.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `{model}` stands for the model's name, percent-encoded or not: it may hold slashes. In front of it `*` stands for
    /// one segment, whatever it is.
    pub path: &'static str,
    pub streams: Streams,
}

/// Whether an answer is streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// Where the body asks for it.
    Asked,
    Always,
    Never,
}

/// What a path says of a request.
#[derive(Clone)]
pub struct Called<'a> {
    pub format: &'static Format,
    /// The model, where the path names it.
    pub model: Option<Cow<'a, str>>,
    pub streams: Streams,
}

/// An entry whose model and streaming the body says.
pub const fn in_body(path: &'static str) -> Entry {
    Entry {
        path,
        streams: Streams::Asked,
    }
}

/// An entry whose model the body says, if anything does, and that is answered whole.
pub const fn whole(path: &'static str) -> Entry {
    Entry {
        path,
        streams: Streams::Never,
    }
}

/// An entry whose path names the model and says whether the answer is streamed.
pub const fn in_path(path: &'static str, streams: Streams) -> Entry {
    Entry { path, streams }
}

/// The format that is asked for at this path.
pub fn called(path: &str) -> Option<Called<'_>> {
    called_below("", path)
}

/// The same of a path that lacks its beginning.
pub fn called_below<'a>(start: &str, path: &'a str) -> Option<Called<'a>> {
    FORMATS.iter().find_map(|format| {
        format.entries.iter().find_map(|entry| {
            let model = model(path, entry.path.strip_prefix(start)?)?;
            Some(Called {
                format,
                model,
                streams: entry.streams,
            })
        })
    })
}

/// Where Azure has OpenAI's API: the model, where the path names its deployment, and the path as it is elsewhere behind
/// `/v1` or with it. <https://learn.microsoft.com/azure/ai-foundry/openai/reference>,
/// <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>
pub fn on_azure(path: &str) -> Option<(Option<Cow<'_, str>>, &str)> {
    let rest = path.strip_prefix("/openai")?;
    let Some(deployed) = rest.strip_prefix("/deployments/") else {
        return (rest.len() > 1 && rest.starts_with('/')).then_some((None, rest));
    };
    let end = deployed.find('/').filter(|end| *end > 0)?;
    let (model, rest) = deployed.split_at(end);
    Some((Some(decoded(model)), rest))
}

/// The model in a path that fits the pattern; the inner `None`: the pattern has none.
fn model<'a>(path: &'a str, pattern: &str) -> Option<Option<Cow<'a, str>>> {
    // Every request comes by here. Up to what stands for something a pattern is compared as it is.
    let stands = |byte| matches!(byte, b'{' | b'*');
    let plain = pattern.bytes().position(stands).unwrap_or(pattern.len());
    if !path.as_bytes().starts_with(&pattern.as_bytes()[..plain]) {
        return None;
    }
    if plain == pattern.len() {
        return (path.len() == plain).then_some(None);
    }
    match pattern.split_once("{model}") {
        None => (behind(path, pattern)?.is_empty()).then_some(None),
        Some((start, end)) => {
            let name = behind(path, start)?.strip_suffix(end)?;
            (!name.is_empty()).then(|| Some(decoded(name)))
        }
    }
}

/// What follows a beginning in which `*` stands for one segment.
fn behind<'a>(path: &'a str, start: &str) -> Option<&'a str> {
    let mut pieces = start.split('*');
    let mut rest = path.strip_prefix(pieces.next()?)?;
    for piece in pieces {
        let segment = rest.find('/').unwrap_or(rest.len());
        rest = rest.get(segment..)?.strip_prefix(piece)?;
    }
    Some(rest)
}

/// A name as it is behind the percent-encoding of a path. What is no encoding stays.
pub fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn azure_has_the_same_paths_behind_its_own() {
        for (path, found) in [
            (
                "/openai/deployments/my%20own/chat/completions",
                Some((Some("my own"), "/chat/completions")),
            ),
            ("/openai/v1/responses", Some((None, "/v1/responses"))),
            ("/openai/models", Some((None, "/models"))),
            ("/openai/deployments//embeddings", None),
            ("/openai/deployments/d", None),
            ("/openai", None),
            ("/openaiv1/responses", None),
            ("/v1/responses", None),
        ] {
            let told = on_azure(path);
            let told = told.as_ref().map(|(model, rest)| (model.as_deref(), *rest));
            assert_eq!(told, found, "{path}");
        }
    }

    #[test]
    fn names_come_out_of_paths() {
        let pattern = "/v1beta/models/{model}:generateContent";
        for (path, name) in [
            ("/v1beta/models/gemini-3:generateContent", Some("gemini-3")),
            ("/v1beta/models/a/b:generateContent", Some("a/b")),
            ("/v1beta/models/a%2Fb%20c:generateContent", Some("a/b c")),
            ("/v1beta/models/a:b:generateContent", Some("a:b")),
            ("/v1beta/models/:generateContent", None),
            ("/v1beta/models/a:countTokens", None),
        ] {
            let found = model(path, pattern).flatten();
            assert_eq!(found.as_deref(), name, "{path}");
        }
        let hosted = "/v1/projects/*/locations/*/models/{model}:rawPredict";
        for (path, name) in [
            (
                "/v1/projects/p-1/locations/eu/models/c@1:rawPredict",
                Some("c@1"),
            ),
            ("/v1/projects/p/x/locations/eu/models/c:rawPredict", None),
            ("/v1/projects/p/locations/models/c:rawPredict", None),
            ("/v1/projects/p", None),
        ] {
            let found = model(path, hosted).flatten();
            assert_eq!(found.as_deref(), name, "{path}");
        }
        for (text, plain) in [
            ("a%2fb", "a/b"),
            ("%", "%"),
            ("%zz%4", "%zz%4"),
            ("%C3%A4", "ä"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decoded(text), plain);
        }
    }

    #[test]
    fn every_entry_leads_to_its_own_format() {
        for format in FORMATS {
            for entry in format.entries {
                let path = entry.path.replace("{model}", "m").replace('*', "p");
                let found = called(&path).unwrap();
                assert_eq!((found.format.id, found.streams), (format.id, entry.streams));
                assert_eq!(found.model.is_some(), entry.path.contains("{model}"));
            }
        }
        assert!(called("/v1/models").is_none() && called("").is_none());
    }
}
