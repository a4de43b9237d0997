//! The shape of the answer: what `-o json` and the admin API give. Must not know how it comes about.

use crate::plan::health::Load;
use crate::resources::route::{RetryOn, Strategy};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where a request would go, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    pub key: String,
    pub user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment: String,
    /// Whether requests of this key are let in.
    pub admitted: bool,
    pub requested_model: Option<String>,
    pub asked: Asked,
    /// The routes that could decide, in the order they are looked at.
    pub candidates: Vec<Candidate>,
    /// What they let through to providers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passthrough: Vec<Through>,
    /// Of the route that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What planning reads of the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// The caller's format, such as `openai-chat`.
    pub format: &'static str,
    /// The path, where it is below one that a route is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    pub stream: bool,
    /// `tools`, `images`, `schema`.
    pub needs: Vec<&'static str>,
    /// Estimated tokens of the prompt's text.
    pub tokens: u64,
    /// There is more to the prompt than its text.
    pub media: bool,
}

/// A route that could decide.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    pub route: String,
    /// `path`, `key` or `user`.
    pub bound_by: &'static str,
    pub priority: u32,
    pub decides: bool,
    pub why: String,
}

/// What a route lets through to providers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Through {
    pub route: String,
    pub providers: Vec<String>,
    pub methods: Vec<String>,
    pub paths: Vec<String>,
}

/// Whether a route decides, and why or why not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    pub route: String,
    pub decides: bool,
    pub why: String,
}

/// What becomes of the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    Refused { refused: Refused },
    Planned(Box<Planned>),
}

/// It is answered by the gateway, and no provider is asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    pub status: u16,
    pub message: String,
    pub fix: Option<String>,
}

/// It is tried at these targets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// `None`: the key may call it directly, or it goes where something is kept.
    pub route: Option<String>,
    /// It goes where something is kept, whatever the routes say.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
    pub strategy: Option<Strategy>,
    /// In this order.
    pub attempts: Vec<Attempt>,
    pub excluded: Vec<Excluded>,
    /// What makes it move on from one to the next.
    pub retry_on: Vec<RetryOn>,
    /// Further rounds over the targets once all have failed.
    pub retries: u32,
    /// How often each target came first of as many draws as were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<BTreeMap<String, u32>>,
}

/// A target that will be tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    pub provider: String,
    pub model: String,
    pub tier: u32,
    pub weight: u32,
    /// What is to be known of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What is under way there and how soon it answers; of targets that name their model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// How long it gets for what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timers: Option<Timers>,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Timers {
    pub connect_ms: u64,
    /// Until the first content of a stream.
    pub first_content_ms: u64,
    /// Between two events of a stream.
    pub idle_ms: u64,
    /// Until the end of an answer that is not a stream.
    pub answer_ms: u64,
    /// For all attempts together; absent: as long as they take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u64>,
}

/// A target that will not be tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Excluded {
    pub provider: String,
    pub model: Option<String>,
    pub why: String,
}
