//! The one table of admin paths: the router, the OpenAPI document, what needs a credential and the tests that every
//! path is guarded follow from it.

use crate::resources::{KINDS, Kind, key, model, provider, route, user};

/// The kinds a path is for.
#[derive(Clone, Copy)]
pub enum Kinds {
    /// The path has none.
    None,
    /// `{kinds}` in the path stands for the plural of each.
    Every,
    Only(&'static Kind),
    /// Those whose use is counted.
    Counted,
}

/// The kinds whose use is counted.
static COUNTED: [&Kind; 4] = [&user::KIND, &key::KIND, &provider::KIND, &model::KIND];

/// What a path does; the router says who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    List,
    Create,
    Identify,
    Get,
    Replace,
    Patch,
    Delete,
    Enable,
    Disable,
    Rotate,
    Revoke,
    Test,
    TestRoute,
    RouteStatus,
    Limits,
    ResetLimits,
    Discover,
    Vendors,
    Catalog,
    Prices,
    Sync,
    Estimate,
    Apply,
    Export,
    Explain,
    Check,
    Logs,
    FollowLogs,
    ExportLogs,
    Log,
    Usage,
    Reprice,
    History,
    DbStats,
    DbVerify,
    DbCompact,
    DbBackup,
    Status,
    Live,
    FollowLive,
    Metrics,
    TestNotify,
    Healthz,
    Openapi,
}

/// What a body of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    None,
    /// The record of the path's kind.
    Record,
    /// A JSON object described in words.
    Json,
    /// One that holds a caller's request.
    Request,
    /// One that holds many records.
    Records,
}

/// One row of [`ENDPOINTS`].
pub struct Endpoint {
    pub method: &'static str,
    /// `{kinds}` stands for the plural of each of `kinds`.
    pub path: &'static str,
    pub kinds: Kinds,
    pub input: Input,
    /// Query parameters taken.
    pub query: &'static [&'static str],
    pub summary: &'static str,
    pub action: Action,
}

const LOGS: &[&str] = &[
    "key", "user", "provider", "model", "route", "session", "agent", "status", "label", "since",
    "until", "text", "order", "limit", "cursor",
];
const EXPORT: &[&str] = &[
    "key", "user", "provider", "model", "route", "session", "agent", "status", "label", "since",
    "until", "text", "order", "limit", "cursor", "content",
];
const USAGE: &[&str] = &[
    "by", "tz", "points", "sort", "limit", "key", "user", "provider", "model", "route", "session",
    "agent", "status", "label", "since", "until",
];
const FOLLOW: &[&str] = crate::store::journal::Filter::WORDS;

macro_rules! endpoints {
    ($($method:literal $path:literal $kinds:expr, $input:expr, $query:expr, $action:expr, $summary:literal;)*) => {
        /// Every admin path.
        pub static ENDPOINTS: &[Endpoint] = &[$(Endpoint {
            method: $method, path: $path, kinds: $kinds, input: $input, query: $query, action: $action, summary: $summary,
        }),*];
    };
}

endpoints! {
    "GET" "/api/v1/{kinds}" Kinds::Every, Input::None, &["selector", "limit", "cursor", "since"], Action::List, "List, by name; with `since` (such as 24h) also what each used since then, in `status.usage`";
    "POST" "/api/v1/{kinds}" Kinds::Every, Input::Record, &["dry_run", "verify"], Action::Create, "Create";
    "POST" "/api/v1/identify" Kinds::None, Input::Json, &[], Action::Identify, "Which key a secret (`secret` in the body) belongs to";
    "GET" "/api/v1/{kinds}/{name}" Kinds::Every, Input::None, &["since"], Action::Get, "Read one; with `since` also what it used since then";
    "PUT" "/api/v1/{kinds}/{name}" Kinds::Every, Input::Record, &["dry_run"], Action::Replace, "Replace";
    "PATCH" "/api/v1/{kinds}/{name}" Kinds::Every, Input::Record, &["dry_run"], Action::Patch, "Change fields (RFC 7396 merge patch)";
    "DELETE" "/api/v1/{kinds}/{name}" Kinds::Every, Input::None, &["cascade", "dry_run"], Action::Delete, "Delete, with `cascade` also what refers to it";
    "POST" "/api/v1/{kinds}/{name}/enable" Kinds::Every, Input::None, &[], Action::Enable, "Enable";
    "POST" "/api/v1/{kinds}/{name}/disable" Kinds::Every, Input::None, &[], Action::Disable, "Disable";
    "POST" "/api/v1/{kinds}/{name}/rotate" Kinds::Only(&key::KIND), Input::Json, &[], Action::Rotate, "New secret; the old one stays good for `grace` (in the body)";
    "POST" "/api/v1/{kinds}/{name}/revoke" Kinds::Only(&key::KIND), Input::None, &[], Action::Revoke, "Revoke for ever";
    "POST" "/api/v1/{kinds}/{name}/test" Kinds::Only(&provider::KIND), Input::Json, &[], Action::Test, "Try the credential";
    "POST" "/api/v1/{kinds}/{name}/test" Kinds::Only(&route::KIND), Input::Json, &[], Action::TestRoute, "Send one small real request through each target (`model` in the body for those that take it as asked)";
    "GET" "/api/v1/{kinds}/{name}/status" Kinds::Only(&route::KIND), Input::None, &[], Action::RouteStatus, "How each target is doing, and what it did in the last hour";
    "GET" "/api/v1/{kinds}/{name}/limits" Kinds::Counted, Input::None, &["sessions"], Action::Limits, "How its limits stand: used, reserved, left and when they reset; with `sessions` those of each session too";
    "POST" "/api/v1/{kinds}/{name}/limits/reset" Kinds::Counted, Input::Json, &[], Action::ResetLimits, "Count anew from nothing: all its limits, or one by its name (`limit` in the body, such as tokens/hour; `reason` for the audit log)";
    "POST" "/api/v1/{kinds}/{name}/discover" Kinds::Only(&provider::KIND), Input::Json, &["enable"], Action::Discover, "List the provider's models, with `enable` create records of them";
    "POST" "/api/v1/{kinds}/{name}/sync" Kinds::Only(&provider::KIND), Input::None, &["dry_run"], Action::Sync, "Ask for the provider's models, make records of the new ones and mark those that are gone";
    "GET" "/api/v1/vendors" Kinds::None, Input::None, &[], Action::Vendors, "Vendors gw knows";
    "GET" "/api/v1/catalog" Kinds::None, Input::None, &["vendor"], Action::Catalog, "Models known offline: of the providers beside their records, or of vendors (`vendor`, by id, or `all`)";
    "PUT" "/api/v1/prices" Kinds::None, Input::Records, &["dry_run"], Action::Prices, "Lay newer prices over the built-in ones (`data`: genai-prices' or LiteLLM's published JSON; `null`: go back)";
    "POST" "/api/v1/estimate" Kinds::None, Input::Request, &[], Action::Estimate, "What a request (`body` as text) would cost at `models`, also as a `key`; sends nothing";
    "POST" "/api/v1/apply" Kinds::None, Input::Records, &["dry_run"], Action::Apply, "Make many records so, all or none";
    "GET" "/api/v1/export" Kinds::None, Input::None, &[], Action::Export, "Every record, in the form `apply` takes, without secrets";
    "POST" "/api/v1/explain" Kinds::None, Input::Request, &[], Action::Explain, "Where a request (`path`, `headers`, `body`, or `as_of` a logged one) would go, and why";
    "POST" "/api/v1/check" Kinds::None, Input::Request, &[], Action::Check, "What would become of a request's fields at a provider (`to`, `body` as text, `format`)";
    "GET" "/api/v1/logs" Kinds::None, Input::None, LOGS, Action::Logs, "Request log, newest first unless `order=asc`; goes on while there is a `cursor`";
    "GET" "/api/v1/logs/follow" Kinds::None, Input::None, FOLLOW, Action::FollowLogs, "Requests from now on, as JSON lines; `{\"lost\": 3}` says that so many were left out for a slow reader";
    "GET" "/api/v1/logs/export" Kinds::None, Input::None, EXPORT, Action::ExportLogs, "The whole request log as JSON lines, newest first unless `order=asc`; with `content=true` with bodies";
    "GET" "/api/v1/logs/{name}" Kinds::None, Input::None, &[], Action::Log, "One request with its content, by its id or the beginning of it";
    "GET" "/api/v1/usage" Kinds::None, Input::None, USAGE, Action::Usage, "What was used: requests, tokens, spend, errors and latency, summed `by` model, provider, key, user, route, session, agent, environment, requested_model, status, hour, day, month (in the zone `tz`) and label:NAME; with `points`, its course";
    "POST" "/api/v1/usage/reprice" Kinds::None, Input::Json, &[], Action::Reprice, "Price requests of the log again, as models are priced now (`since`, and where wanted `until`, lists of `model` and `provider`, and `dry_run`): old and new sums by model";
    "GET" "/api/v1/history" Kinds::None, Input::None, &["limit"], Action::History, "Who changed what, newest first";
    "GET" "/api/v1/db" Kinds::None, Input::None, &[], Action::DbStats, "What the stores take, and what retention does next";
    "POST" "/api/v1/db/verify" Kinds::None, Input::None, &[], Action::DbVerify, "Read everything and compare it with its checksums";
    "POST" "/api/v1/db/compact" Kinds::None, Input::None, &[], Action::DbCompact, "Give back what space can be given back";
    "GET" "/api/v1/db/backup" Kinds::None, Input::None, &["logs"], Action::DbBackup, "An archive (tar) to start another gateway from, with `logs` the request logs too";
    "GET" "/api/v1/status" Kinds::None, Input::None, &[], Action::Status, "How the gateway is doing";
    "GET" "/api/v1/live" Kinds::None, Input::None, &[], Action::Live, "What is going on now";
    "GET" "/api/v1/live/follow" Kinds::None, Input::None, &[], Action::FollowLive, "The same every second, as JSON lines";
    "POST" "/api/v1/notify/test" Kinds::None, Input::Json, &[], Action::TestNotify, "Tell everybody who is to be told of limits and failing targets that this is a trial";
    "GET" "/metrics" Kinds::None, Input::None, &[], Action::Metrics, "Metrics for Prometheus (OpenMetrics where `accept` takes it)";
    "GET" "/healthz" Kinds::None, Input::None, &[], Action::Healthz, "Whether the process answers; needs no token";
    "GET" "/openapi.json" Kinds::None, Input::None, &[], Action::Openapi, "This interface as OpenAPI 3.1";
}

/// What a listener for scrapers has, and nothing else.
pub const FIGURES: [Action; 2] = [Action::Metrics, Action::Healthz];

/// The one path that answers without a credential.
pub const OPEN: &str = "/healthz";

/// Each endpoint once for each of its kinds, with its path written out.
pub fn expanded() -> impl Iterator<Item = (&'static Endpoint, Option<&'static Kind>, String)> {
    ENDPOINTS.iter().flat_map(|endpoint| {
        let kinds: Vec<Option<&'static Kind>> = match endpoint.kinds {
            Kinds::None => vec![None],
            Kinds::Every => KINDS.iter().map(|kind| Some(*kind)).collect(),
            Kinds::Only(kind) => vec![Some(kind)],
            Kinds::Counted => COUNTED.iter().map(|kind| Some(*kind)).collect(),
        };
        kinds.into_iter().map(move |kind| {
            let plural = kind.map_or("", |kind| kind.plural);
            (endpoint, kind, endpoint.path.replace("{kinds}", plural))
        })
    })
}
