//! Lists of models and single ones, in the shape each client expects: what this key may call, with context windows.
//! <https://platform.openai.com/docs/api-reference/models>, <https://docs.anthropic.com/en/api/models-list>,
//! <https://ai.google.dev/api/models>; Codex has one of its own.

use super::{Serving, spoken::by_headers};
use crate::chat::Op;
use crate::error::{Error, Result};
use crate::formats::{Api, entry};
use crate::http1::fields::Fields;
use crate::plan::{Caller, Facts, direct};
use crate::resources::Stamp;
use serde_json::{Value, json};
use std::{borrow::Cow, collections::BTreeMap, ops::Bound};

/// One model that the caller may call.
struct Model {
    /// The provider's name.
    owner: String,
    /// Its id there.
    upstream: String,
    /// Its name as people read it; empty: none.
    title: String,
    /// When it came out, in seconds since 1970; 0: not known.
    released: i64,
    facts: Facts,
    /// Whether it may answer chats, as far as is known.
    chats: bool,
}

/// By the name that callers use.
type Found = BTreeMap<String, Model>;

/// What clients of these read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Openai,
    Anthropic,
    Google,
    Codex,
}

/// A request for models, by its head.
pub struct Asked<'a> {
    /// The path, as it is behind a route's.
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a Fields,
}

/// What a path asks for: the list (empty), or one model by its id as it stands in the path.
pub fn id(path: &str) -> Option<&str> {
    let below = GOOGLE.iter().chain(&["/v1"]);
    let mut below = below.filter_map(|version| path.strip_prefix(version));
    match below.next().unwrap_or(path).strip_prefix("/models")? {
        "" => Some(""),
        rest => rest.strip_prefix('/').filter(|id| !id.is_empty()),
    }
}

/// Versions of Google's API that are no one else's.
const GOOGLE: [&str; 2] = ["/v1beta", "/v1alpha"];

impl Asked<'_> {
    /// The answer to a path that [`id`] knows.
    pub fn answer(&self, serving: &Serving, caller: &Caller) -> Result<Value> {
        let found = found(serving, caller);
        match id(self.path) {
            Some(id) if !id.is_empty() => self.one(&found, &entry::decoded(id)),
            _ => self.list(&found),
        }
    }

    /// Told by the path, else by what only one kind of client sends.
    fn shape(&self) -> Shape {
        match by_headers(self.headers) {
            _ if GOOGLE.iter().any(|start| self.path.starts_with(start)) => Shape::Google,
            Some(Api::Anthropic) => Shape::Anthropic,
            Some(Api::Google) => Shape::Google,
            _ if self.parameter("client_version").is_some() => Shape::Codex,
            _ if self.parameter("key").is_some() => Shape::Google,
            _ => Shape::Openai,
        }
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// How many are wanted at once, where it says; never more than [`LONGEST_PAGE`].
    fn wanted(&self, name: &'static str) -> Result<usize> {
        match self.parameter(name) {
            None => Ok(LONGEST_PAGE),
            Some(text) => match text.parse::<usize>() {
                Ok(1..) => Ok(text.parse().unwrap_or(LONGEST_PAGE).min(LONGEST_PAGE)),
                _ => Err(Error::invalid(format!("`{name}` must be a number from 1"))
                    .param(name)
                    .hint(format!("ask for up to {LONGEST_PAGE} models at once"))),
            },
        }
    }

    fn list(&self, found: &Found) -> Result<Value> {
        let shape = self.shape();
        let rows = |page: &[(&String, &Model)]| -> Vec<Value> {
            let page = page.iter();
            page.map(|(name, model)| shown(name, model, shape))
                .collect()
        };
        Ok(match shape {
            Shape::Openai => {
                let data = found.iter().map(|(name, model)| shown(name, model, shape));
                json!({"object": "list", "data": data.collect::<Vec<_>>()})
            }
            // It goes by these instead of what it knows of its models, prompts included; an empty list leaves it all that.
            Shape::Codex => json!({"models": []}),
            Shape::Anthropic => {
                let after = self.parameter("after_id");
                let (page, more) = match self.parameter("before_id") {
                    Some(before) => last_before(found, &before, self.wanted("limit")?),
                    None => first_after(found, after.as_deref(), self.wanted("limit")?),
                };
                let (first, last) = (page.first(), page.last());
                json!({"data": rows(&page), "has_more": more,
                    "first_id": first.map(|(name, _)| name), "last_id": last.map(|(name, _)| name)})
            }
            Shape::Google => {
                let after = self
                    .parameter("pageToken")
                    .filter(|after| !after.is_empty());
                let (page, more) = first_after(found, after.as_deref(), self.wanted("pageSize")?);
                let mut list = json!({"models": rows(&page)});
                if let (true, Some((last, _))) = (more, page.last()) {
                    list["nextPageToken"] = last.as_str().into();
                }
                list
            }
        })
    }

    /// One of them, by a name of the list, or by the id that one provider alone knows it by.
    fn one(&self, found: &Found, id: &str) -> Result<Value> {
        let model = found.get(id).or_else(|| {
            let mut named = found.values().filter(|model| model.upstream == id);
            named.next().filter(|_| named.next().is_none())
        });
        let model = model.ok_or_else(|| {
            let shown = id.escape_debug();
            Error::not_found(format!("this key may call no model `{shown}`"))
                .param("model")
                .hint("list what this key may call with GET /v1/models")
        })?;
        Ok(shown(id, model, self.shape()))
    }
}

/// As long as Anthropic's and Google's pages may be.
const LONGEST_PAGE: usize = 1_000;

type Page<'a> = (Vec<(&'a String, &'a Model)>, bool);

/// So many behind this name, and whether there are more.
fn first_after<'a>(found: &'a Found, after: Option<&str>, most: usize) -> Page<'a> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = found.range::<str, _>((from, Bound::Unbounded));
    let page = rest.by_ref().take(most).collect();
    (page, rest.next().is_some())
}

/// So many before this name, and whether there are more.
fn last_before<'a>(found: &'a Found, before: &str, most: usize) -> Page<'a> {
    let mut rest = found
        .range::<str, _>((Bound::Unbounded, Bound::Excluded(before)))
        .rev();
    let mut page: Vec<_> = rest.by_ref().take(most).collect();
    page.reverse();
    (page, rest.next().is_some())
}

/// Seconds since 1970 as Anthropic's clients read them.
fn day(seconds: i64) -> String {
    let day = Stamp(seconds.saturating_mul(1_000)).rfc3339();
    day.split('T').next().unwrap_or(&day).to_owned() + "T00:00:00Z"
}

fn shown(name: &str, model: &Model, shape: Shape) -> Value {
    let (window, most) = (model.facts.context_window, model.facts.max_output);
    let title = match model.title.as_str() {
        "" => name,
        title => title,
    };
    let about = || format!("{} at provider {}", model.upstream, model.owner);
    match shape {
        Shape::Anthropic => {
            json!({"type": "model", "id": name, "display_name": title, "description": about(),
                "created_at": day(model.released),
                "max_input_tokens": window, "max_tokens": most})
        }
        Shape::Google => {
            let methods: &[&str] = match model.chats {
                true => &["generateContent", "countTokens"],
                false => &[],
            };
            let mut shown = json!({"name": format!("models/{name}"), "baseModelId": name, "version": "", "displayName": title,
                "description": about(), "supportedGenerationMethods": methods});
            // Its clients expect numbers or nothing.
            for (limit, tokens) in [("inputTokenLimit", window), ("outputTokenLimit", most)] {
                if let Some(tokens) = tokens {
                    shown[limit] = tokens.into();
                }
            }
            shown
        }
        Shape::Openai | Shape::Codex => {
            json!({"id": name, "object": "model", "created": model.released, "owned_by": model.owner, "context_window": window, "max_output_tokens": most})
        }
    }
}

/// Behind a route the names are its targets' (any name works there: `model` is a hint); without one, what the key's
/// `direct` globs allow.
fn found(serving: &Serving, caller: &Caller) -> Found {
    let snapshot = &serving.snapshot;
    let mut found = Found::new();
    let mut add = |name: String, provider: usize, upstream: &str| {
        let facts = snapshot.facts(provider, upstream);
        let entry = &snapshot.providers[provider];
        if facts.enabled && entry.spec.enabled && entry.active_in(&caller.environment) {
            let record = entry.record(upstream);
            let model = Model {
                owner: entry.name.to_string(),
                upstream: upstream.to_owned(),
                title: record.map_or_else(String::new, |record| record.display_name.clone()),
                released: record
                    .and_then(|record| Stamp::parse(&record.released).ok())
                    .map_or(0, |day| day.0 / 1_000),
                facts,
                chats: entry.ops.contains(&Op::Chat),
            };
            found.insert(name, model);
        }
    };
    let open_paths = snapshot.paths().iter().filter(|route| route.admits(caller));
    for target in snapshot
        .routes_of(caller)
        .chain(open_paths)
        .flat_map(|route| route.pools().flat_map(|pool| &pool.targets))
    {
        let Some(provider) = snapshot.provider(&target.provider_name) else {
            continue;
        };
        match &target.model {
            Some(model) => add(model.to_string(), provider, model),
            None => snapshot
                .known_models(provider)
                .into_iter()
                .for_each(|model| add(model.clone(), provider, &model)),
        }
    }
    if !caller.direct.is_empty() {
        for provider in snapshot.provider_indexes() {
            for model in snapshot.known_models(provider) {
                let name = format!("{}/{model}", snapshot.providers[provider].name);
                if direct::allows(snapshot, caller, provider, &model) {
                    add(name, provider, &model);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_out_of_paths() {
        for (path, found) in [
            ("/v1/models", Some("")),
            ("/models", Some("")),
            ("/v1/models/", None),
            ("/v1/modelsx", None),
            ("/v1/models/a/b", Some("a/b")),
            ("/models/a", Some("a")),
            ("/v1beta/models", Some("")),
            ("/v1alpha/models/a", Some("a")),
            ("/v1beta/modelsx", None),
        ] {
            assert_eq!(id(path), found, "{path}");
        }
    }
}
