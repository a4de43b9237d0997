//! How callers of each format reach an upstream: as they are or through the neutral model, and the request target.
//! Worked out with the upstream, before any request. Must not know the request.

use super::address::{Address, filled, with_model};
use super::{Access, SignIn, Upstream};
use crate::formats::hosting::{self, Envelope};
use crate::formats::{self, Codec, Embeds, FORMATS, Format, FormatId, Framed, Framing, Passes};
use crate::resources::{glob, provider::Provider};
use crate::vendors::{self, Endpoint, Vendor};
use http::Uri;

/// How callers of one format reach an upstream.
pub struct Way {
    /// What the callers speak.
    from: FormatId,
    /// Globs of the models it is for; empty: all that no way in front of it is for.
    models: &'static [&'static str],
    /// What the upstream is sent.
    pub to: &'static Format,
    pub conversion: Conversion,
    whole: Target,
    /// The target of streams, where it is another.
    streamed: Option<Target>,
    /// Where this endpoint takes its credential otherwise than the rest.
    sign_in: Option<SignIn>,
    /// What of a caller's headers and query goes along; nothing through a translation.
    passes: [Passes; 2],
}

/// What becomes of a request and its answer on the way.
#[derive(Clone, Copy)]
pub enum Conversion {
    /// Both sides speak the same format: bytes are forwarded.
    Same,
    /// Both sides speak the same format in different forms: what stands elsewhere in the other is put there.
    Hosted(&'static Envelope),
    /// Through the neutral model.
    Translate {
        /// The upstream's side.
        into: &'static dyn Codec,
        /// The caller's side.
        from: &'static dyn Codec,
    },
    /// The same of embeddings.
    Embeddings {
        into: &'static dyn Embeds,
        from: &'static dyn Embeds,
    },
}

enum Target {
    Fixed(Uri),
    /// With the model in its path.
    Template {
        path: String,
        from_host: bool,
    },
}

impl Target {
    fn of(path: String, from_host: bool, address: &Address) -> Result<Target, String> {
        Ok(match path.contains("{model}") {
            true => Target::Template { path, from_host },
            false => Target::Fixed(address.target(&path, from_host)?),
        })
    }
}

impl Way {
    /// A way for each format callers can come with; errors are fragments that follow the provider's name.
    pub(super) fn all(
        vendor: &Vendor,
        spec: &Provider,
        access: Option<&Result<Access, String>>,
        address: &Address,
    ) -> Result<Vec<Way>, String> {
        let spoken = spoken(vendor, spec);
        let mut ways = Vec::new();
        for (from, endpoint, conversion) in FORMATS
            .into_iter()
            .flat_map(|from| conversions(&spoken, from))
        {
            let to = formats::format(endpoint.format);
            let target = |path| Target::of(filled(path, spec)?, endpoint.from_host, address);
            ways.push(Way {
                from: from.id,
                models: endpoint.models,
                to,
                conversion,
                whole: target(endpoint.path)?,
                streamed: match endpoint.streams {
                    "" => None,
                    path => Some(target(path)?),
                },
                sign_in: endpoint.auth.map(|auth| SignIn::of(auth, spec, access)),
                passes: match conversion {
                    Conversion::Same | Conversion::Hosted(_) => [to.passes, vendor.passes],
                    Conversion::Translate { .. } | Conversion::Embeddings { .. } => {
                        [Passes::NONE; 2]
                    }
                },
            });
        }
        ways.push(Way::through(vendor));
        Ok(ways)
    }

    /// The way of what is asked of the provider itself: each request says where it goes.
    fn through(vendor: &Vendor) -> Way {
        let to = formats::format(FormatId::Passthrough);
        Way {
            from: to.id,
            models: &[],
            to,
            conversion: Conversion::Same,
            whole: Target::Fixed(Uri::from_static("/")),
            streamed: None,
            sign_in: None,
            passes: [to.passes, vendor.passes],
        }
    }

    /// Whether it is for callers of this format.
    pub(super) fn is_from(&self, format: FormatId) -> bool {
        self.from == format
    }

    /// Whether it is for callers of this format, and for this model.
    pub(super) fn takes(&self, format: FormatId, model: &str) -> bool {
        self.from == format
            && (self.models.is_empty() || self.models.iter().any(|glob| glob::matches(glob, model)))
    }

    /// Whether both sides speak the same format in the same form.
    pub fn is_same(&self) -> bool {
        matches!(self.conversion, Conversion::Same)
    }

    /// Whether both sides speak the same format in different forms.
    pub(super) fn is_hosted(&self) -> bool {
        matches!(self.conversion, Conversion::Hosted(_))
    }

    /// Whether answers are put into another format's words.
    pub fn translates(&self) -> bool {
        matches!(
            self.conversion,
            Conversion::Translate { .. } | Conversion::Embeddings { .. }
        )
    }

    /// Whether the address names the model, so that a body need not.
    pub fn names_model(&self) -> bool {
        matches!(self.whole, Target::Template { .. })
    }

    /// How requests on it are signed in.
    pub(super) fn sign_in<'a>(&'a self, upstream: &'a Upstream) -> &'a SignIn {
        self.sign_in.as_ref().unwrap_or(&upstream.sign_in)
    }

    /// Its own way of signing in, where it has one.
    pub(super) fn own_sign_in(&mut self) -> Option<&mut SignIn> {
        self.sign_in.as_mut()
    }

    /// Whether this header of a caller's goes along.
    pub(super) fn passes(&self, header: &[u8]) -> bool {
        self.passes.iter().any(|list| list.header(header))
    }

    /// The request target for a model, with what of the caller's query goes along; `None` where its name cannot stand in one.
    pub(super) fn target(
        &self,
        address: &Address,
        model: &str,
        query: Option<&str>,
        streams: bool,
    ) -> Option<Uri> {
        let streamed = self.streamed.as_ref().filter(|_| streams);
        let uri = match streamed.unwrap_or(&self.whole) {
            Target::Fixed(uri) => uri.clone(),
            Target::Template { path, from_host } => {
                let path = with_model(path, model);
                address.target(&path, *from_host).ok()?
            }
        };
        // A caller that wants one JSON array gets the upstream's own.
        let uri = match self.to.framed {
            Framed::EventsBy(name, value)
                if self.is_same() && self.to.framing(query) == Framing::Array =>
            {
                without(&uri, (name, value))?
            }
            _ => uri,
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
        // Google's own parameters may be spelt with a `$`.
        let plain = |name: &str| name.strip_prefix('$').unwrap_or(name).to_owned();
        let own = |name: &str| {
            let mut have = pairs(uri.query().unwrap_or_default());
            have.any(|(have, _)| plain(&have) == plain(name))
        };
        let may = pairs(query).filter(|(name, _)| {
            self.passes.iter().any(|list| list.query.contains(&&**name)) && !own(name)
        });
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(may)
            .finish()
    }
}

/// A target without this query parameter.
fn without(uri: &Uri, (name, value): (&str, &str)) -> Option<Uri> {
    let pair = format!("{name}={value}");
    let rest: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|one| *one != pair && !one.is_empty())
        .collect();
    let mark = if rest.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", uri.path(), rest.join("&"))
        .parse()
        .ok()
}

/// Where the provider takes requests: what its record says, else what its vendor does. What stands beside another
/// format goes with it.
fn spoken(vendor: &Vendor, spec: &Provider) -> Vec<Endpoint> {
    let named = spec.formats.iter().filter_map(|name| formats::named(name));
    let mut spoken: Vec<Endpoint> = match spec.formats.is_empty() {
        true => vendor.endpoints.to_vec(),
        false => named
            .map(|format| {
                let mut own = vendor.endpoints.iter().copied();
                own.find(|endpoint| endpoint.format == format.id)
                    .unwrap_or_else(|| vendors::usual(format.id))
            })
            .collect(),
    };
    let said: Vec<&str> = spoken
        .iter()
        .map(|endpoint| formats::format(endpoint.format).name)
        .collect();
    let goes_along = |endpoint: &Endpoint| {
        let own = formats::format(endpoint.format).name;
        let with = formats::count::beside(endpoint.format);
        with.map(|with| said.contains(&with) && !said.contains(&own))
    };
    let more: Vec<Endpoint> = vendor
        .endpoints
        .iter()
        .copied()
        .filter(|endpoint| goes_along(endpoint) == Some(true))
        .collect();
    if spec.formats.is_empty() {
        spoken.retain(|endpoint| {
            formats::count::beside(endpoint.format).is_none_or(|with| said.contains(&with))
        });
    }
    spoken.extend(more);
    spoken
}

/// Whether one format reaches another in some manner.
type Judge<'a> = dyn Fn(&Format) -> Option<Conversion> + 'a;

/// The same format where the provider speaks it, else another form of it, else the first of its own that can be translated
/// to. What is for some models alone is followed by what is for the others.
fn conversions<'a>(
    spoken: &'a [Endpoint],
    from: &'static Format,
) -> Vec<(&'static Format, &'a Endpoint, Conversion)> {
    let alike: Vec<(&Endpoint, &'static Format)> = spoken
        .iter()
        .map(|endpoint| (endpoint, formats::format(endpoint.format)))
        .filter(|(_, to)| to.op == from.op)
        .collect();
    let same = |to: &Format| (to.id == from.id).then_some(Conversion::Same);
    let hosted = |to: &Format| {
        let envelope = to.hosted.map_or(&hosting::OWN, |hosted| hosted.envelope);
        (to.id != from.id && to.spoken() == from.spoken()).then_some(Conversion::Hosted(envelope))
    };
    let translated = |to: &Format| match (to.codec, from.codec) {
        (Some(into), Some(from)) => Some(Conversion::Translate { into, from }),
        _ => Some(Conversion::Embeddings {
            into: to.embeds?,
            from: from.embeds?,
        }),
    };
    let kinds: [&Judge<'_>; 3] = [&same, &hosted, &translated];
    let mut found = Vec::new();
    for kind in kinds {
        for (endpoint, to) in &alike {
            if let Some(conversion) = kind(to) {
                found.push((from, *endpoint, conversion));
                if endpoint.models.is_empty() {
                    return found;
                }
            }
        }
    }
    found
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
                .filter(|format| format.hosted.is_none())
                .filter_map(|format| {
                    let way = upstream.way(format, "a/b c")?;
                    let target = upstream.target(way, "a/b c", None, false).unwrap();
                    let kind = match way.conversion {
                        Conversion::Same => "as it is",
                        Conversion::Hosted(_) => "in another form",
                        Conversion::Translate { .. } | Conversion::Embeddings { .. } => {
                            "translated"
                        }
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
                "openai-responses as it is to openai-responses /b/responses",
                "openai-embeddings as it is to openai-embeddings /b/embeddings",
                "anthropic-messages translated to openai-chat /b/chat/completions",
                "gemini translated to openai-chat /b/chat/completions",
                "cohere-chat translated to openai-chat /b/chat/completions",
                "bedrock-converse translated to openai-chat /b/chat/completions",
                "cohere-embed translated to openai-embeddings /b/embeddings",
                "openai-responses-input-tokens as it is to openai-responses-input-tokens /b/responses/input_tokens",
                "openai-responses-compact as it is to openai-responses-compact /b/responses/compact",
                "openai-completions as it is to openai-completions /b/completions",
                "openai-images as it is to openai-images /b/images/generations",
                "openai-image-edits as it is to openai-image-edits /b/images/edits",
                "openai-image-variations as it is to openai-image-variations /b/images/variations",
                "openai-speech as it is to openai-speech /b/audio/speech",
                "openai-transcriptions as it is to openai-transcriptions /b/audio/transcriptions",
                "openai-translations as it is to openai-translations /b/audio/translations",
                "openai-moderations as it is to openai-moderations /b/moderations",
                "files as it is to files /b/files",
                "openai-batches as it is to openai-batches /b/batches",
            ]
        );
        assert_eq!(
            ways("anthropic"),
            [
                "openai-chat translated to anthropic-messages /b/messages",
                "openai-responses translated to anthropic-messages /b/messages",
                "anthropic-messages as it is to anthropic-messages /b/messages",
                "gemini translated to anthropic-messages /b/messages",
                "cohere-chat translated to anthropic-messages /b/messages",
                "bedrock-converse translated to anthropic-messages /b/messages",
                "anthropic-count-tokens as it is to anthropic-count-tokens /b/messages/count_tokens",
                "files as it is to files /b/files",
                "anthropic-batches as it is to anthropic-batches /b/messages/batches",
            ]
        );
        assert_eq!(
            ways("gemini"),
            [
                "openai-chat translated to gemini /b/v1beta/models/a%2Fb%20c:generateContent",
                "openai-responses translated to gemini /b/v1beta/models/a%2Fb%20c:generateContent",
                "openai-embeddings as it is to openai-embeddings /b/v1beta/openai/embeddings",
                "anthropic-messages translated to gemini /b/v1beta/models/a%2Fb%20c:generateContent",
                "gemini as it is to gemini /b/v1beta/models/a%2Fb%20c:generateContent",
                "cohere-chat translated to gemini /b/v1beta/models/a%2Fb%20c:generateContent",
                "bedrock-converse translated to gemini /b/v1beta/models/a%2Fb%20c:generateContent",
                "cohere-embed translated to openai-embeddings /b/v1beta/openai/embeddings",
                "gemini-count-tokens as it is to gemini-count-tokens /b/v1beta/models/a%2Fb%20c:countTokens",
            ]
        );
        let streamed = build("gemini-compatible");
        let way = streamed
            .way(formats::format(FormatId::Gemini), "m")
            .unwrap();
        let target = |query| {
            let uri = streamed.target(way, "m", Some(query), true);
            uri.unwrap().to_string()
        };
        assert_eq!(
            target("alt=json&key=secret&prettyPrint=false&$alt=json%3Benum-encoding%3Dint"),
            "/b/v1beta/models/m:streamGenerateContent?alt=json&prettyPrint=false&%24alt=json%3Benum-encoding%3Dint"
        );
        assert_eq!(
            target("alt=sse&alt=sse&key=secret"),
            "/b/v1beta/models/m:streamGenerateContent?alt=sse"
        );
        assert_eq!(target(""), "/b/v1beta/models/m:streamGenerateContent");
        assert_eq!(
            ways("azure")[0],
            "openai-chat as it is to openai-chat /b/openai/deployments/a%2Fb%20c/chat/completions?api-version=2024-10-21"
        );
    }

    #[test]
    fn forms_of_one_format_reach_each_other_without_a_translation() {
        let spec: Provider = serde_json::from_value(json!({
            "vendor": "openai-compatible", "base_url": "http://127.0.0.1:1/b",
            "formats": ["anthropic-bedrock", "openai-chat"],
        }))
        .unwrap();
        let upstream = Upstream::build("up".into(), &spec, None, Timers::default()).unwrap();
        let way = |format| {
            let way = upstream.way(formats::format(format), "a:1").unwrap();
            let target = |streams| upstream.target(way, "a:1", Some("beta=true"), streams);
            let kind = match way.conversion {
                Conversion::Same => "as it is",
                Conversion::Hosted(_) => "in another form",
                Conversion::Translate { .. } | Conversion::Embeddings { .. } => "translated",
            };
            format!(
                "{kind}: {} {}",
                target(false).unwrap(),
                target(true).unwrap()
            )
        };
        let (whole, streamed) = (
            "/model/a%3A1/invoke",
            "/model/a%3A1/invoke-with-response-stream",
        );
        for (from, kind) in [
            (FormatId::AnthropicMessages, "in another form"),
            (FormatId::AnthropicBedrock, "as it is"),
            (FormatId::AnthropicVertex, "in another form"),
            (FormatId::Gemini, "translated"),
        ] {
            assert_eq!(way(from), format!("{kind}: {whole} {streamed}"));
        }
        assert_eq!(
            way(FormatId::OpenaiChat),
            "as it is: /b/chat/completions /b/chat/completions"
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
            let way = upstream.way(formats::format(format), "m").unwrap();
            upstream
                .target(way, "m", Some(query), false)
                .unwrap()
                .to_string()
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
