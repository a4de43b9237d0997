//! A model: what the user says about one upstream model, over what the built-in catalogue knows.

use super::price::{Price, PriceOf, amount};
use super::{
    Column, DISPLAY_NAME, Field, Kind, KindId, LABELS, LIMITS, Record, Resource, Shape, Spec,
    Stamp, column, field, is_default, limit::Limit, wide, yes,
};
use crate::chat::Bucket;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub provider: String,
    /// The id the provider knows it by; empty: the record's name after `PROVIDER/`, or the whole name.
    #[serde(default, skip_serializing_if = "is_default")]
    pub upstream_id: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub display_name: String,
    /// Tokens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context_window: Option<u64>,
    /// Tokens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_output: Option<u64>,
    /// Dollars per million tokens, decimal text; absent: the catalogue's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub price_input: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub price_output: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub price_cache_read: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub price_cache_write: Option<String>,
    /// Prices of any bucket at any tier: `BUCKET[@TIER][@above-TOKENS]` to dollars, decimal text.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prices: BTreeMap<String, String>,
    /// What it can do, in the words of [`Capabilities`]; empty: not known, so nothing is ruled out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub capabilities: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub released: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub snapshot_of: String,
    /// Of all callers together.
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Vec<Limit>,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
}

/// What a model can do, or a request needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    pub tools: bool,
    /// Takes images.
    pub images: bool,
    /// Answers held to a JSON schema.
    pub schema: bool,
    /// Takes sound.
    pub audio: bool,
    pub video: bool,
    /// Takes PDF documents.
    pub pdf: bool,
    pub reasoning: bool,
    /// Keeps prompts in a cache.
    pub caching: bool,
    /// Searches the web.
    pub search: bool,
    pub embeddings: bool,
    pub rerank: bool,
    pub transcription: bool,
    pub speech: bool,
    /// Makes images.
    pub image_output: bool,
    /// Answers with sound.
    pub audio_output: bool,
}

/// What a model's lists say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Enabled,
    Disabled,
    /// Its provider no longer lists it.
    Gone,
    /// A vendor offers it, and no provider of the user's is meant.
    Offered,
}

impl State {
    pub const ALL: [State; 4] = [State::Enabled, State::Disabled, State::Gone, State::Offered];

    pub fn word(self) -> &'static str {
        match self {
            State::Enabled => "enabled",
            State::Disabled => "disabled",
            State::Gone => "gone",
            State::Offered => "offered",
        }
    }

    /// Whether requests may go there; `None`: there is nowhere to send them.
    pub fn enabled(self) -> Option<bool> {
        match self {
            State::Enabled | State::Gone => Some(true),
            State::Disabled => Some(false),
            State::Offered => None,
        }
    }
}

/// The `system` part of a model's record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSystem {
    /// Since when its provider's list is without it, as far as it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Stamp>,
}

impl ModelSystem {
    /// The server's part of a model's record; empty where it cannot be read.
    pub fn of(record: &Record) -> ModelSystem {
        serde_json::from_value(record.system.clone().into()).unwrap_or_default()
    }

    pub fn written(&self) -> Spec {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(map)) => map,
            _ => Spec::new(),
        }
    }
}

type Capability = (&'static str, fn(&mut Capabilities) -> &mut bool);

/// The word for each in records.
const CAPABILITIES: [Capability; 15] = [
    ("tools", |can| &mut can.tools),
    ("images", |can| &mut can.images),
    ("schema", |can| &mut can.schema),
    ("audio", |can| &mut can.audio),
    ("video", |can| &mut can.video),
    ("pdf", |can| &mut can.pdf),
    ("reasoning", |can| &mut can.reasoning),
    ("caching", |can| &mut can.caching),
    ("search", |can| &mut can.search),
    ("embeddings", |can| &mut can.embeddings),
    ("rerank", |can| &mut can.rerank),
    ("transcription", |can| &mut can.transcription),
    ("speech", |can| &mut can.speech),
    ("image-output", |can| &mut can.image_output),
    ("audio-output", |can| &mut can.audio_output),
];

impl Capabilities {
    /// Those of these words; words that are none count for nothing.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Capabilities {
        let mut can = Capabilities::default();
        for word in words {
            if let Some((_, flag)) = CAPABILITIES.iter().find(|(known, _)| *known == word) {
                *flag(&mut can) = true;
            }
        }
        can
    }

    /// The words for what it can do.
    pub fn words(mut self) -> Vec<&'static str> {
        let can = CAPABILITIES.iter().filter(|(_, flag)| *flag(&mut self));
        can.map(|(word, _)| *word).collect()
    }

    /// Every word there is.
    pub fn known() -> impl Iterator<Item = &'static str> {
        CAPABILITIES.iter().map(|(word, _)| *word)
    }
}

const FIELDS: &[Field] = &[
    field(
        "provider",
        "provider",
        Shape::Text,
        "PROVIDER",
        "provider",
        "The provider that serves it",
    ),
    field(
        "upstream_id",
        "upstream-id",
        Shape::Text,
        "ID",
        "",
        "The id the provider knows it by (default: the name)",
    ),
    DISPLAY_NAME,
    field(
        "context_window",
        "context-window",
        Shape::Number,
        "TOKENS",
        "",
        "Prompt and answer together",
    ),
    field(
        "max_output",
        "max-output",
        Shape::Number,
        "TOKENS",
        "",
        "Longest answer",
    ),
    field(
        "price_input",
        "price-input",
        Shape::Decimal,
        "USD/MTOK",
        "",
        "Price of a million prompt tokens",
    ),
    field(
        "price_output",
        "price-output",
        Shape::Decimal,
        "USD/MTOK",
        "",
        "Price of a million answer tokens",
    ),
    field(
        "price_cache_read",
        "price-cache-read",
        Shape::Decimal,
        "USD/MTOK",
        "",
        "Price of a million tokens read from the prompt cache",
    ),
    field(
        "price_cache_write",
        "price-cache-write",
        Shape::Decimal,
        "USD/MTOK",
        "",
        "Price of a million tokens written to the prompt cache",
    ),
    field(
        "prices",
        "price",
        Shape::Map,
        "BUCKET[@TIER]=USD",
        "",
        "Price of a bucket: per million tokens, thousand searches, hour of sound; repeatable",
    ),
    field(
        "capabilities",
        "capabilities",
        Shape::Texts,
        "LIST",
        "",
        "What it can do: tools, images, schema, audio, reasoning and more",
    ),
    field(
        "released",
        "released",
        Shape::Text,
        "DATE",
        "",
        "Release date",
    ),
    field(
        "snapshot_of",
        "snapshot-of",
        Shape::Text,
        "MODEL",
        "",
        "The model this is a dated version of",
    ),
    LIMITS,
    LABELS,
];

const COLUMNS: &[Column] = &[
    column("NAME", "name"),
    column("PROVIDER", "provider"),
    column("CONTEXT", "status.context_window"),
    column("IN$/M", "status.price_input"),
    column("OUT$/M", "status.price_output"),
    column("CAPS", "status.capabilities"),
    column("STATUS", "status.state"),
    wide("UPSTREAM-ID", "status.upstream_id"),
    wide("MAX-OUT", "status.max_output"),
    wide("CACHED$/M", "status.price_cache_read"),
    wide("SNAPSHOT-OF", "status.snapshot_of"),
    wide("RELEASED", "status.released"),
    wide("PRICE-SOURCE", "status.priced_from"),
    wide("LIMITS", "limits"),
];

pub static KIND: Kind = Kind {
    id: KindId::Model,
    name: "model",
    plural: "models",
    aliases: &[],
    about: "The model catalogue: prices, context windows, on and off",
    fields: FIELDS,
    columns: COLUMNS,
    statuses: &[
        "upstream_id",
        "context_window",
        "max_output",
        "price_input",
        "price_output",
        "price_cache_read",
        "price_cache_write",
        "price_source",
        "priced_from",
        "state",
        "gone",
        "capabilities",
        "released",
        "snapshot_of",
        "routes",
        "routes_as_asked",
        "routes_without_target",
        "prices",
        "ends",
        "sources",
    ],
    check: super::check::<Model>,
    refs: |spec| {
        spec.get("provider")
            .and_then(|provider| provider.as_str())
            .map(|provider| ("provider", provider.to_owned()))
            .into_iter()
            .collect()
    },
    claims: |_| Vec::new(),
    loose_names: true,
};

impl Resource for Model {
    const KIND: &'static str = "model";
    fn validate(&mut self) -> Result<()> {
        if self.provider.is_empty() {
            return Err(
                Error::invalid("a model belongs to a provider, and `provider` is empty")
                    .param("provider")
                    .hint("give one with --provider NAME"),
            );
        }
        for word in &self.capabilities {
            if !Capabilities::known().any(|known| known == word) {
                return Err(Error::invalid(format!(
                    "`{}` is not a capability",
                    word.escape_debug()
                ))
                .param("capabilities")
                .hint(format!(
                    "one of: {}; none at all where it is not known",
                    CAPABILITIES.map(|(word, _)| word).join(", ")
                )));
            }
        }
        for (field, tokens) in [
            ("context_window", self.context_window),
            ("max_output", self.max_output),
        ] {
            if tokens == Some(0) {
                return Err(Error::invalid(format!("`{field}` is 0 tokens"))
                    .param(field)
                    .hint("leave it out where it is not known"));
            }
        }
        for (field, price) in [
            ("price_input", &self.price_input),
            ("price_output", &self.price_output),
            ("price_cache_read", &self.price_cache_read),
            ("price_cache_write", &self.price_cache_write),
        ] {
            if let Some(price) = price
                && !price_ok(price)
            {
                return Err(
                    Error::invalid(format!("`{}` is not a price", price.escape_debug()))
                        .param(field)
                        .hint("write dollars per million tokens, such as 2.50"),
                );
            }
        }
        let mut prices = BTreeMap::new();
        for (of, dollars) in &self.prices {
            let price = Price::read(of, dollars).map_err(|error| error.param("prices"))?;
            prices.insert(price.of.to_string(), dollars.clone());
        }
        self.prices = prices;
        Limit::check_all(&self.limits, "limits")
    }
}

impl Model {
    /// What the record says it can do; `None`: nothing is said. Words of a newer version count for nothing.
    pub fn capabilities(&self) -> Option<Capabilities> {
        if self.capabilities.is_empty() {
            return None;
        }
        Some(Capabilities::of(
            self.capabilities.iter().map(String::as_str),
        ))
    }

    /// What the record says it costs: the four prices with a field of their own, and over them those by name. Writing to a
    /// cache costs the same for every time where one price is said for it.
    pub fn own_prices(&self) -> impl Iterator<Item = Price> {
        let read = |bucket: Bucket, dollars: &Option<String>| {
            let pico = amount(dollars.as_deref()?, bucket.per())?;
            let of = PriceOf::usual(bucket);
            Some(Price { of, pico })
        };
        let four = [
            (Bucket::Input, &self.price_input),
            (Bucket::Output, &self.price_output),
            (Bucket::CacheRead, &self.price_cache_read),
            (Bucket::CacheWrite5m, &self.price_cache_write),
            (Bucket::CacheWrite1h, &self.price_cache_write),
            (Bucket::CacheWrite, &self.price_cache_write),
        ]
        .into_iter()
        .filter_map(move |(bucket, dollars)| read(bucket, dollars));
        let named = self.prices.iter();
        four.chain(named.filter_map(|(of, dollars)| Price::read(of, dollars).ok()))
    }

    /// What lists say of it, by its record.
    pub fn state(&self, record: &Record) -> State {
        match (self.enabled, ModelSystem::of(record).gone) {
            (false, _) => State::Disabled,
            (true, Some(_)) => State::Gone,
            (true, None) => State::Enabled,
        }
    }

    /// The id the provider knows the model by, given the record's name.
    pub fn upstream<'a>(&'a self, name: &'a str) -> &'a str {
        upstream(&self.provider, &self.upstream_id, name)
    }
}

/// The id a provider knows a model by, from what the model's record says and is called.
pub fn upstream<'a>(provider: &str, upstream_id: &'a str, name: &'a str) -> &'a str {
    match upstream_id.is_empty() {
        false => upstream_id,
        true => name
            .strip_prefix(provider)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(name),
    }
}

/// A plain non-negative decimal with at most six digits behind the point and nine before it.
fn price_ok(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most| {
        !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    digits(whole, 9) && digits(part, 6)
}
