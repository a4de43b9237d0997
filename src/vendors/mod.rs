//! Upstream companies and servers gw knows out of the box. A compatible vendor is one row; quirks are
//! values in the row. Nobody asks "which vendor am I".

use crate::formats::{self, FormatId, Passes, Quirks};

/// One row of [`VENDORS`].
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// As in `--vendor openai`.
    pub id: &'static str,
    pub title: &'static str,
    /// The vendor's own page its row was written from; empty: gw itself.
    pub docs: &'static str,
    /// How what the row says was come by.
    pub evidence: Evidence,
    /// Ends before the endpoint path; empty: the provider must give one.
    /// As paths and values of headers it may hold `{region}`, `{project}` and `{account}`, which the provider gives.
    pub base_url: &'static str,
    /// Base URLs of regions (globs) that are elsewhere than the rest.
    pub regions: &'static [(&'static str, &'static str)],
    /// The formats it speaks, in order of preference for translation.
    pub endpoints: &'static [Endpoint],
    pub auth: Auth,
    /// The variable its own SDK reads the credential from, for hints and `quickstart`.
    pub env: &'static str,
    /// Where models are listed, behind the base URL; empty: it cannot say.
    pub models: &'static str,
    /// Query parameters every request carries unless the provider record overrides them.
    pub query: &'static [(&'static str, &'static str)],
    /// Headers every request carries unless the caller or the provider record gives them.
    pub headers: &'static [(&'static str, &'static str)],
    /// What passes beside what its formats let pass.
    pub passes: Passes,
    /// The id of this vendor in the price catalogue; empty: none.
    pub catalog: &'static str,
    /// Globs of the ids of two parts that begin with the vendor's own name (`openrouter/auto`).
    pub own_names: &'static [&'static str],
    pub features: Features,
    /// Runs on the user's machine or network and needs no credential by default.
    pub local: bool,
    /// Where its dialect differs.
    pub quirks: Quirks,
}

/// Where a vendor takes requests of one format.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    pub format: FormatId,
    /// Behind the base URL. `{model}` is replaced by the percent-encoded upstream model.
    pub path: &'static str,
    /// The same for streams; empty: no other.
    pub streams: &'static str,
    /// Whether the paths stand behind the host, and not behind the whole base URL.
    pub from_host: bool,
    /// Globs of the models it is for; empty: all that no endpoint in front of it is for.
    pub models: &'static [&'static str],
    /// How it takes its credential here; `None`: as everywhere.
    pub auth: Option<Auth>,
}

/// An endpoint behind the vendor's base URL, with nothing special about it.
pub const fn at(format: FormatId, path: &'static str) -> Endpoint {
    Endpoint {
        format,
        path,
        streams: "",
        from_host: false,
        models: &[],
        auth: None,
    }
}

/// Where Google takes its own format, behind its host. <https://ai.google.dev/api/generate-content>
pub const GEMINI: Endpoint = Endpoint {
    streams: "/v1beta/models/{model}:streamGenerateContent?alt=sse",
    ..at(FormatId::Gemini, "/v1beta/models/{model}:generateContent")
};

/// Where Bedrock takes Anthropic's format, behind its host.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html>
pub const INVOKE: Endpoint = Endpoint {
    streams: "/model/{model}/invoke-with-response-stream",
    ..at(FormatId::AnthropicBedrock, "/model/{model}/invoke")
};

/// Where it takes its own format for the models of all makers.
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
pub const CONVERSE: Endpoint = Endpoint {
    streams: "/model/{model}/converse-stream",
    ..at(FormatId::BedrockConverse, "/model/{model}/converse")
};

/// Where Vertex AI takes it, behind what says project and place.
/// <https://docs.anthropic.com/en/api/claude-on-vertex-ai>
pub const RAW_PREDICT: Endpoint = Endpoint {
    streams: "/publishers/anthropic/models/{model}:streamRawPredict",
    ..at(
        FormatId::AnthropicVertex,
        "/publishers/anthropic/models/{model}:rawPredict",
    )
};

/// Where Vertex AI counts in it.
pub const RAW_PREDICT_COUNT: Endpoint = at(
    FormatId::AnthropicVertexCount,
    "/publishers/anthropic/models/count-tokens:rawPredict",
);

/// Where servers that are compatible with a format's maker take it, behind a base URL as that maker's own is.
pub fn usual(format: FormatId) -> Endpoint {
    match format {
        FormatId::OpenaiChat => at(format, "/chat/completions"),
        FormatId::OpenaiResponses => at(format, "/responses"),
        FormatId::OpenaiEmbeddings => at(format, "/embeddings"),
        FormatId::AnthropicMessages => at(format, "/messages"),
        // Its version is another one than that at the end of the others' base URLs.
        FormatId::Gemini => Endpoint {
            from_host: true,
            ..GEMINI
        },
        // By the addresses of the clouds that have it in this form.
        FormatId::AnthropicBedrock => Endpoint {
            from_host: true,
            ..INVOKE
        },
        FormatId::BedrockConverse => Endpoint {
            from_host: true,
            ..CONVERSE
        },
        FormatId::AnthropicVertex => RAW_PREDICT,
        FormatId::AnthropicVertexCount => RAW_PREDICT_COUNT,
        FormatId::CohereChat => Endpoint {
            from_host: true,
            ..at(format, "/v2/chat")
        },
        FormatId::CohereEmbed => Endpoint {
            from_host: true,
            ..at(format, "/v2/embed")
        },
        FormatId::AnthropicCount => at(format, "/messages/count_tokens"),
        FormatId::GeminiCount => Endpoint {
            from_host: true,
            ..at(format, "/v1beta/models/{model}:countTokens")
        },
        FormatId::ResponsesCount => at(format, "/responses/input_tokens"),
        FormatId::ResponsesCompact => at(format, "/responses/compact"),
        FormatId::OpenaiCompletions => at(format, "/completions"),
        FormatId::OpenaiImages => at(format, "/images/generations"),
        FormatId::OpenaiImageEdits => at(format, "/images/edits"),
        FormatId::OpenaiImageVariations => at(format, "/images/variations"),
        FormatId::OpenaiSpeech => at(format, "/audio/speech"),
        FormatId::OpenaiTranscriptions => at(format, "/audio/transcriptions"),
        FormatId::OpenaiTranslations => at(format, "/audio/translations"),
        FormatId::OpenaiModerations => at(format, "/moderations"),
        FormatId::Rerank => at(format, "/rerank"),
        FormatId::Files => at(format, "/files"),
        FormatId::OpenaiBatches => at(format, "/batches"),
        FormatId::AnthropicBatches => at(format, "/messages/batches"),
        FormatId::CohereRerank => Endpoint {
            from_host: true,
            ..at(format, "/v2/rerank")
        },
        // Whatever is asked for stands behind the base.
        FormatId::Passthrough => at(format, "/"),
    }
}

/// How a vendor takes its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// The credential alone in this header.
    Header(&'static str),
    /// `Bearer …` in this header, where `Authorization` is another's.
    BearerIn(&'static str),
    /// A key, the same in each of these headers; or a token of Microsoft Entra as `Authorization: Bearer …`.
    /// Anthropic's models on Microsoft Foundry.
    Headers(&'static [&'static str]),
    /// A key in this header, or a token of Microsoft Entra as `Authorization: Bearer …`. Azure OpenAI.
    Entra(&'static str),
    /// Requests signed for this service of AWS (SigV4) with access keys, or an API key as `Authorization: Bearer …`.
    Aws(&'static str),
    /// An OAuth token of Google Cloud as `Authorization: Bearer …`.
    Google,
}

impl Auth {
    /// The headers it puts a credential in, all lower case.
    pub fn headers(self) -> Vec<&'static str> {
        match self {
            Auth::Bearer | Auth::Aws(_) | Auth::Google => vec!["authorization"],
            Auth::Header(name) | Auth::BearerIn(name) => vec![name],
            Auth::Headers(names) => names.iter().copied().chain(["authorization"]).collect(),
            Auth::Entra(name) => vec![name, "authorization"],
        }
    }

    /// What tokens of Microsoft Entra are asked for: <https://learn.microsoft.com/azure/ai-foundry/openai/how-to/managed-identity>,
    /// <https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/lib/foundry.md>
    pub fn scope(self) -> &'static str {
        match self {
            Auth::Headers(_) => "https://ai.azure.com/.default",
            _ => "https://cognitiveservices.azure.com/.default",
        }
    }

    /// How records refer to the identity of the gateway's own machine where this sign-in can use one.
    pub fn machine(self) -> Option<&'static str> {
        match self {
            Auth::Bearer | Auth::Header(_) | Auth::BearerIn(_) => None,
            Auth::Headers(_) | Auth::Entra(_) => Some("azure"),
            Auth::Aws(_) => Some("aws"),
            Auth::Google => Some("google"),
        }
    }
}

mod describe;
mod known;
mod parts;
mod table;

pub use describe::describe;
pub use known::{Evidence, Features, Structured};
pub use parts::{Part, Parts};
pub use table::VENDORS;

/// The vendor with this id.
pub fn vendor(id: &str) -> crate::error::Result<&'static Vendor> {
    VENDORS
        .iter()
        .find(|vendor| vendor.id == id)
        .ok_or_else(|| {
            crate::error::Error::invalid(format!(
                "`{}` is not a vendor gw knows",
                id.escape_debug()
            ))
            .param("vendor")
            .hint("list them with `gw provider vendors`, or use openai-compatible with --base-url")
        })
}

/// Refuses what is no format's name.
pub fn check_formats<'a>(names: impl IntoIterator<Item = &'a str>) -> crate::error::Result<()> {
    let mut unknown = names
        .into_iter()
        .filter(|name| formats::named(name).is_none());
    let Some(name) = unknown.next() else {
        return Ok(());
    };
    let known: Vec<&str> = formats::FORMATS.iter().map(|format| format.name).collect();
    Err(crate::error::Error::invalid(format!(
        "`{}` is not a format gw knows",
        name.escape_debug()
    ))
    .param("formats")
    .hint(format!("there are {}", known.join(", "))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_and_found() {
        let ids: HashSet<_> = VENDORS.iter().map(|vendor| vendor.id).collect();
        assert_eq!(ids.len(), VENDORS.len());
        for row in VENDORS {
            assert!(std::ptr::eq(vendor(row.id).unwrap(), row));
            assert!(
                row.id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{}",
                row.id
            );
        }
        assert_eq!(
            vendor("open\nai").unwrap_err().message,
            "`open\\nai` is not a vendor gw knows"
        );
    }

    #[test]
    fn every_address_is_whole() {
        for row in VENDORS {
            assert!(
                !row.endpoints.is_empty() && !row.title.is_empty(),
                "{}",
                row.id
            );
            assert!(
                row.models.is_empty() || row.models.starts_with('/'),
                "{}",
                row.id
            );
            let base = if row.base_url.is_empty() {
                "https://example.com"
            } else {
                row.base_url
            };
            assert!(!base.ends_with('/'), "{}", row.id);
            for Endpoint { format, path, .. } in row.endpoints {
                assert!(path.starts_with('/'), "{} {format:?}", row.id);
                let parts = Parts {
                    region: "r",
                    project: "p",
                    account: "a",
                };
                let url = parts.fill(&format!("{base}{path}")).unwrap();
                let url = url::Url::parse(&url.replace("{model}", "m")).unwrap();
                assert!(
                    url.query().is_none() && url.host_str().is_some(),
                    "{}",
                    row.id
                );
                assert_eq!(
                    row.endpoints
                        .iter()
                        .filter(|other| other.format == *format)
                        .count(),
                    1,
                    "{} {format:?}",
                    row.id
                );
            }
            // A stored credential travels encrypted unless it stays on this machine.
            let loopback = base.starts_with("http://127.0.0.1:");
            assert_eq!(
                loopback,
                row.local && !row.base_url.is_empty(),
                "{}",
                row.id
            );
            assert!(loopback || base.starts_with("https://"), "{}", row.id);
        }
    }

    #[test]
    fn every_row_says_where_it_is_from() {
        for row in VENDORS {
            assert_eq!(row.docs.is_empty(), row.id == "mock", "{}", row.id);
            assert!(
                row.docs.is_empty() || row.docs.starts_with("https://"),
                "{}",
                row.id
            );
            let chats = row
                .endpoints
                .iter()
                .any(|endpoint| formats::format(endpoint.format).op == crate::chat::Op::Chat);
            assert_eq!(row.features.streaming.is_some(), chats, "{}", row.id);
        }
    }

    #[test]
    fn headers_and_variables_are_well_formed() {
        for row in VENDORS {
            let own = row.auth.headers();
            for name in row.headers.iter().map(|(name, _)| *name).chain(own) {
                assert!(
                    http::HeaderName::from_bytes(name.as_bytes())
                        .is_ok_and(|header| header.as_str() == name),
                    "{} {name}",
                    row.id
                );
            }
            assert!(
                row.env
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'),
                "{}",
                row.id
            );
        }
    }
}
