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
    /// The rules of the deciding route that were looked at: the last of them gives the targets where its condition holds,
    /// else the route's own targets do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
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
    /// The condition under which it takes requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

/// A condition, and how it is with it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Condition {
    /// As it is written.
    pub condition: String,
    pub holds: bool,
    /// Why it cannot be said, which counts as no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What it asks about, and what that is for this request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// A rule of the deciding route.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Counted from 1.
    pub rule: usize,
    #[serde(flatten)]
    pub when: Condition,
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
    Refused {
        refused: Refused,
        /// The targets of the deciding route that cannot take it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        excluded: Vec<Excluded>,
    },
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
    /// Which of the route's rules gives the targets, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    pub strategy: Option<Strategy>,
    /// The strategies of the tiers, where they are not the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// What keeps requests like this one at one target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// In this order.
    pub attempts: Vec<Attempt>,
    pub excluded: Vec<Excluded>,
    /// What makes it move on from one to the next.
    pub retry_on: Vec<RetryOn>,
    /// Further rounds over the targets once all have failed.
    pub retries: u32,
    /// Only failures that came within this time (ms) make it move on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_if_under_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// So long (ms) it waits for the first that is free, where all rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_for_capacity_ms: Option<u64>,
    /// How often each target came first of as many draws as were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<BTreeMap<String, u32>>,
}

/// Targets that are tried before the next tier's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tier {
    pub tier: u32,
    pub strategy: Strategy,
}

/// What keeps requests together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sticky {
    /// As the route says: `session`, `key`, `user`, `prompt`, `header:NAME`.
    pub asked: String,
    /// What it comes to: where a request names no session, for one, it is its key.
    pub by: String,
    /// Its value; absent of a prompt, which may be long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A target that will be tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    pub provider: String,
    pub model: String,
    pub tier: u32,
    pub weight: u32,
    /// For which share of many such requests it comes first of its tier, from 0 to 1, if nothing else changes.
    pub share: f64,
    /// What this request would cost there, by its estimate and the catalogue's prices; absent: no price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_pico: Option<i64>,
    /// What is to be known of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What is under way there and how soon it answers.
    pub load: Load,
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
