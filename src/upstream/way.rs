//! How callers of each format reach an upstream: as they are or through the neutral model, and the request target.
//! Worked out with the upstream, before any request. Must not know the request.

use super::address::{Address, with_model};
use crate::formats::{self, Codec, FORMATS, Format, FormatId, Passes};
use crate::vendors::Vendor;
use http::Uri;

/// How callers of one format reach an upstream.
pub struct Way {
    /// What the callers speak.
    from: FormatId,
    /// What the upstream is sent.
    pub to: &'static Format,
    pub conversion: Conversion,
    target: Target,
    /// What of a caller's headers and query goes along; nothing through a translation.
    passes: [Passes; 2],
}

/// What becomes of a request and its answer on the way.
#[derive(Clone, Copy)]
pub enum Conversion {
    /// Both sides speak the same format: bytes are forwarded.
    Same,
    /// Through the neutral model.
    Translate {
        /// The upstream's side.
        into: &'static dyn Codec,
        /// The caller's side.
        from: &'static dyn Codec,
    },
}

enum Target {
    Fixed(Uri),
    /// The path behind the base URL, with the model in it.
    Template(&'static str),
}

impl Way {
    /// A way for each format callers can come with; errors are fragments that follow the provider's name.
    pub(super) fn all(vendor: &Vendor, address: &Address) -> Result<Vec<Way>, String> {
        let mut ways = Vec::new();
        for from in FORMATS {
            let Some((to, conversion)) = conversion(vendor, from) else {
                continue;
            };
            let Some((_, path)) = vendor.endpoints.iter().find(|(id, _)| *id == to.id) else {
                continue;
            };
            let target = match path.contains("{model}") {
                true => Target::Template(path),
                false => Target::Fixed(address.target(path)?),
            };
            ways.push(Way {
                from: from.id,
                to,
                conversion,
                target,
                passes: match conversion {
                    Conversion::Same => [to.passes, vendor.passes],
                    Conversion::Translate { .. } => [Passes::NONE; 2],
                },
            });
        }
        Ok(ways)
    }

    /// Whether it is for callers of this format.
    pub(super) fn takes(&self, format: FormatId) -> bool {
        self.from == format
    }

    /// Whether both sides speak the same format.
    pub fn is_same(&self) -> bool {
        matches!(self.conversion, Conversion::Same)
    }

    /// Whether the address names the model, so that a body need not.
    pub fn names_model(&self) -> bool {
        matches!(self.target, Target::Template(_))
    }

    /// Whether this header of a caller's goes along.
    pub(super) fn passes(&self, header: &str) -> bool {
        self.passes.iter().any(|list| list.header(header))
    }

    /// The request target for a model, with what of the caller's query goes along; `None` where its name cannot stand in one.
    pub(super) fn target(
        &self,
        address: &Address,
        model: &str,
        query: Option<&str>,
    ) -> Option<Uri> {
        let uri = match &self.target {
            Target::Fixed(uri) => uri.clone(),
            Target::Template(path) => address.target(&with_model(path, model)).ok()?,
        };
        match query.map(|query| self.passing(&uri, query)) {
            Some(more) if !more.is_empty() => {
                let mark = if uri.query().is_some() { '&' } else { '?' };
                format!("{uri}{mark}{more}").parse().ok()
            }
            _ => Some(uri),
        }
    }

    /// What of the caller's query may pass: parameters of the allow-lists that the target does not carry already.
    fn passing(&self, uri: &Uri, query: &str) -> String {
        let pairs = |query| url::form_urlencoded::parse(str::as_bytes(query));
        let own =
            |name: &str| pairs(uri.query().unwrap_or_default()).any(|(have, _)| have == *name);
        let may = pairs(query).filter(|(name, _)| {
            self.passes.iter().any(|list| list.query.contains(&&**name)) && !own(name)
        });
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(may)
            .finish()
    }
}

/// The same format where the vendor speaks it, else the first of its own that can be translated to.
fn conversion(vendor: &Vendor, from: &'static Format) -> Option<(&'static Format, Conversion)> {
    let mut spoken = vendor
        .endpoints
        .iter()
        .map(|(id, _)| formats::format(*id))
        .filter(|format| format.op == from.op);
    if spoken.clone().any(|format| format.id == from.id) {
        return Some((from, Conversion::Same));
    }
    let codec = from.codec?;
    spoken.find_map(|to| {
        let into = to.codec?;
        Some((to, Conversion::Translate { into, from: codec }))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Timers, Upstream};
    use super::*;
    use crate::resources::provider::Provider;
    use serde_json::json;

    #[test]
    fn every_way_is_known_before_a_request() {
        let build = |vendor: &str| {
            let spec: Provider = serde_json::from_value(
                json!({"vendor": vendor, "base_url": "http://127.0.0.1:1/b"}),
            )
            .unwrap();
            Upstream::build("up".into(), &spec, None, Timers::default()).unwrap()
        };
        let ways = |vendor: &str| -> Vec<String> {
            let upstream = build(vendor);
            FORMATS
                .iter()
                .filter_map(|format| {
                    let way = upstream.way(format)?;
                    let target = upstream.target(way, "a/b c", None).unwrap();
                    let kind = if way.is_same() {
                        "as it is"
                    } else {
                        "translated"
                    };
                    Some(format!(
                        "{} {kind} to {} {target}",
                        format.name, way.to.name
                    ))
                })
                .collect()
        };
        assert_eq!(
            ways("openai"),
            [
                "openai-chat as it is to openai-chat /b/chat/completions",
                "openai-embeddings as it is to openai-embeddings /b/embeddings",
                "anthropic-messages translated to openai-chat /b/chat/completions",
            ]
        );
        assert_eq!(
            ways("anthropic"),
            [
                "openai-chat translated to anthropic-messages /b/messages",
                "anthropic-messages as it is to anthropic-messages /b/messages",
            ]
        );
        assert_eq!(
            ways("azure")[0],
            "openai-chat as it is to openai-chat /b/openai/deployments/a%2Fb%20c/chat/completions?api-version=2024-10-21"
        );
    }

    #[test]
    fn harmless_query_parameters_go_along_where_the_format_is_the_same() {
        let build = |vendor: &str| {
            let spec: Provider = serde_json::from_value(json!({
                "vendor": vendor, "base_url": "http://127.0.0.1:1", "query": {"q": "1 2"},
            }))
            .unwrap();
            Upstream::build("up".into(), &spec, None, Timers::default()).unwrap()
        };
        let target = |vendor: &str, format: FormatId, query: &str| {
            let upstream = build(vendor);
            let way = upstream.way(formats::format(format)).unwrap();
            upstream.target(way, "m", Some(query)).unwrap().to_string()
        };
        let messages = FormatId::AnthropicMessages;
        assert_eq!(
            target("anthropic", messages, "beta=true&key=secret&q=2"),
            "/messages?q=1+2&beta=true"
        );
        assert_eq!(target("anthropic", messages, ""), "/messages?q=1+2");
        assert_eq!(
            target("openai", messages, "beta=true"),
            "/chat/completions?q=1+2"
        );
    }
}
