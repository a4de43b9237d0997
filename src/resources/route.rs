//! A route: which callers' requests go to which targets, and by which strategy.

use super::{
    Column, Field, Kind, KindId, LABELS, Millis, Resource, Shape, column, field, is_default, wide,
    yes,
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, str::FromStr};

/// How targets of one tier are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// In the order given; each target its own tier.
    #[default]
    Fallback,
    /// Random by weight on every request.
    Split,
}

/// A provider and, unless the caller's model is used as asked, a model there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub provider: String,
    /// The upstream id or a model record's name; absent: what the caller asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Share within its tier; 0 keeps it and never picks it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u32,
    /// Of a split: 0 is tried first. With fallback the order says it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tier: u32,
}

/// What makes the next target be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryOn {
    #[serde(rename = "connect")]
    Connect,
    #[serde(rename = "timeout")]
    Timeout,
    #[serde(rename = "429")]
    Capacity,
    #[serde(rename = "5xx")]
    Upstream,
    #[serde(rename = "credential")]
    Credential,
    /// The model does not exist there (404).
    #[serde(rename = "404")]
    NotFound,
    /// The prompt does not fit the model's context window.
    #[serde(rename = "context")]
    Context,
    /// The provider refuses the key that the caller brought.
    #[serde(rename = "own-key")]
    OwnKey,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    #[serde(default, skip_serializing_if = "is_default")]
    pub keys: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub users: Vec<String>,
    /// `/openai`: requests below this path are taken, whatever key sends them.
    #[serde(default, skip_serializing_if = "is_default")]
    pub path: String,
    /// Among equally specific routes the lowest number decides.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: u32,
    #[serde(default)]
    pub strategy: Strategy,
    pub targets: Vec<Target>,
    #[serde(default = "retry_on_default")]
    pub retry_on: Vec<RetryOn>,
    /// Further rounds over the targets once all have failed.
    #[serde(default = "retries_default")]
    pub retries: u32,
    #[serde(default, skip_serializing_if = "is_default")]
    pub connect_timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub first_byte_timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub idle_timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub answer_timeout: Option<Millis>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub total_timeout: Option<Millis>,
    /// Providers that may be asked below `/passthrough/PROVIDER` for whatever they have; empty: none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub passthrough: Vec<String>,
    /// With which methods; GET where none is named.
    #[serde(default, skip_serializing_if = "is_default")]
    pub passthrough_methods: Vec<String>,
    /// Below which paths of theirs; `/`: any.
    #[serde(default, skip_serializing_if = "is_default")]
    pub passthrough_paths: Vec<String>,
    /// Makes a split repeatable in tests: same seed, same picks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub seed: Option<u64>,
    /// Off: kept and not enforced, as if it were not there.
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
}

fn one() -> u32 {
    1
}
fn is_one(weight: &u32) -> bool {
    *weight == 1
}
pub(crate) fn retries_default() -> u32 {
    2
}
pub(crate) fn retry_on_default() -> Vec<RetryOn> {
    vec![
        RetryOn::Connect,
        RetryOn::Timeout,
        RetryOn::Capacity,
        RetryOn::Upstream,
        RetryOn::Credential,
    ]
}

const FIELDS: &[Field] = &[
    field(
        "keys",
        "key",
        Shape::Only,
        "KEY",
        "key",
        "Key whose requests it takes; repeatable",
    ),
    field(
        "users",
        "user",
        Shape::Only,
        "USER",
        "user",
        "User whose requests it takes; repeatable",
    ),
    field(
        "path",
        "path",
        Shape::Text,
        "/PATH",
        "",
        "Path below which it takes every request",
    ),
    field(
        "priority",
        "priority",
        Shape::Number,
        "N",
        "",
        "Lower decides among equally specific routes (default 0)",
    ),
    field(
        "strategy",
        "strategy",
        Shape::Text,
        "fallback|split",
        "",
        "fallback: in order; split: by weight (default fallback)",
    ),
    field(
        "targets",
        "to",
        Shape::Targets,
        "PROVIDER[/MODEL][=WEIGHT]",
        "target",
        "Target; repeatable. With fallback each is the next in line, with split all share a tier",
    ),
    field(
        "retry_on",
        "retry-on",
        Shape::Texts,
        "LIST",
        "",
        "What moves on to the next target: connect,timeout,429,5xx,credential,404,context,own-key",
    ),
    field(
        "retries",
        "retries",
        Shape::Number,
        "N",
        "",
        "Further rounds once every target has failed (default 2)",
    ),
    field(
        "connect_timeout",
        "connect-timeout",
        Shape::Duration,
        "TIME",
        "",
        "Move on when not connected after this long",
    ),
    field(
        "first_byte_timeout",
        "first-byte-timeout",
        Shape::Duration,
        "TIME",
        "",
        "Move on when no content came after this long",
    ),
    field(
        "idle_timeout",
        "idle-timeout",
        Shape::Duration,
        "TIME",
        "",
        "End a stream silent for this long",
    ),
    field(
        "answer_timeout",
        "answer-timeout",
        Shape::Duration,
        "TIME",
        "",
        "Move on when a whole answer, not streamed, took longer than this",
    ),
    field(
        "total_timeout",
        "total-timeout",
        Shape::Duration,
        "TIME",
        "",
        "End the request after this long (default: none)",
    ),
    field(
        "passthrough",
        "passthrough",
        Shape::Texts,
        "PROVIDER",
        "provider",
        "Provider that may be asked below /passthrough/PROVIDER; repeatable (default: none)",
    ),
    field(
        "passthrough_methods",
        "passthrough-methods",
        Shape::Texts,
        "LIST",
        "",
        "With these methods (default GET)",
    ),
    field(
        "passthrough_paths",
        "passthrough-paths",
        Shape::Texts,
        "/PATH",
        "",
        "Below these paths of the provider; / is all of them; repeatable",
    ),
    field(
        "seed",
        "seed",
        Shape::Number,
        "N",
        "",
        "Make a split repeatable",
    ),
    LABELS,
];

const COLUMNS: &[Column] = &[
    column("NAME", "name"),
    column("KEYS", "keys"),
    column("USERS", "users"),
    column("PATH", "path"),
    column("STRATEGY", "strategy"),
    column("TARGETS", "targets"),
    column("ACTIVE", "enabled"),
    column("AGE", "created"),
    wide("RETRY-ON", "retry_on"),
    wide("RETRIES", "retries"),
    wide("PRIORITY", "priority"),
];

pub static KIND: Kind = Kind {
    id: KindId::Route,
    name: "route",
    plural: "routes",
    aliases: &["rt"],
    about: "Which targets serve which callers: fallback and split",
    fields: FIELDS,
    columns: COLUMNS,
    statuses: &["targets"],
    check: super::check::<Route>,
    refs: |spec| {
        // Read as JSON and not as a `Route`: this runs over every route on every change.
        let items = |field: &str| {
            spec.get(field)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let text = |kind, value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .map(|name| (kind, name.to_owned()))
        };
        let keys = items("keys").filter_map(|key| text("key", Some(key)));
        let users = items("users").filter_map(|user| text("user", Some(user)));
        let providers =
            items("targets").filter_map(|target| text("provider", target.get("provider")));
        let through = items("passthrough").filter_map(|name| text("provider", Some(name)));
        keys.chain(users).chain(providers).chain(through).collect()
    },
    claims: |_| Vec::new(),
    loose_names: false,
};

impl Resource for Route {
    const KIND: &'static str = "route";
    fn validate(&mut self) -> Result<()> {
        if self.keys.is_empty() && self.users.is_empty() && self.path.is_empty() {
            return Err(Error::invalid("the route is bound to nothing")
                .hint("bind it with --key NAME, --user NAME or --path /PATH"));
        }
        super::duration::more_than_nothing(&[
            ("connect_timeout", self.connect_timeout),
            ("first_byte_timeout", self.first_byte_timeout),
            ("idle_timeout", self.idle_timeout),
            ("answer_timeout", self.answer_timeout),
            ("total_timeout", self.total_timeout),
        ])?;
        if self.targets.is_empty() {
            return Err(Error::invalid("the route has no target")
                .param("targets")
                .hint("add one with --to PROVIDER[/MODEL]"));
        }
        if self.targets.iter().all(|target| target.weight == 0) {
            return Err(
                Error::invalid("every target has weight 0, so none would be picked")
                    .param("targets")
                    .hint("give one a weight of at least 1"),
            );
        }
        self.validate_passthrough()?;
        if !self.path.is_empty() {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
            let path = self.path.trim_end_matches('/').to_owned();
            let reserved = ["/v1", "/healthz", "/readyz", "/api"]
                .iter()
                .any(|taken| path == *taken || path.starts_with(&format!("{taken}/")));
            if !path.starts_with('/')
                || path.contains("//")
                || path.contains("..")
                || !path.chars().all(plain)
                || reserved
            {
                return Err(Error::invalid(format!(
                    "path `{}` cannot be used",
                    self.path.escape_debug()
                ))
                .param("path")
                .hint("use something like /openai; /v1, /api, /healthz and /readyz are gw's own"));
            }
            self.path = path;
        }
        // Fallback means "in this order": numbers left here would come into force under another strategy.
        if self.strategy == Strategy::Fallback {
            self.targets.sort_by_key(|target| target.tier);
            self.targets.iter_mut().for_each(|target| target.tier = 0);
        }
        Ok(())
    }
}

impl Route {
    fn validate_passthrough(&mut self) -> Result<()> {
        let (methods, paths) = (&mut self.passthrough_methods, &mut self.passthrough_paths);
        methods.iter_mut().for_each(|it| it.make_ascii_uppercase());
        if let Some(odd) = methods.iter().find(|it| !METHODS.contains(&it.as_str())) {
            return Err(Error::invalid(format!(
                "`{}` is not a method that is let through",
                odd.escape_debug()
            ))
            .param("passthrough_methods")
            .hint(format!("there are {}", METHODS.join(", "))));
        }
        let odd = |path: &&String| {
            !path.starts_with('/')
                || path.contains(['%', '?', '#', '\\'])
                || path.chars().any(char::is_control)
                || path.contains("//")
                || path.split('/').any(|it| it == "." || it == "..")
        };
        if let Some(odd) = paths.iter().find(odd) {
            return Err(Error::invalid(format!(
                "`{}` is not a path of a provider",
                odd.escape_debug()
            ))
            .param("passthrough_paths")
            .hint("write it from its first slash on, such as /v1/fine_tuning"));
        }
        match (self.passthrough.is_empty(), paths.is_empty()) {
            (false, true) => Err(Error::invalid("the route lets nothing through")
                .param("passthrough_paths")
                .hint("say below which paths with --passthrough-paths /PATH (/ is all of them)")),
            (true, false) => Err(Error::invalid("the route lets through to no provider")
                .param("passthrough")
                .hint("name one with --passthrough PROVIDER")),
            (true, true) => Ok(()),
            (false, false) => {
                if methods.is_empty() {
                    methods.push("GET".to_owned());
                }
                Ok(())
            }
        }
    }
}

/// Methods that can be let through.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl FromStr for Target {
    type Err = Error;
    /// `PROVIDER[/MODEL][=WEIGHT]`: the weight comes last because `@` and `:` occur inside model ids.
    fn from_str(text: &str) -> Result<Target> {
        let bad = || {
            Error::invalid(format!("`{}` is not a target", text.escape_debug()))
                .hint("write it as PROVIDER[/MODEL][=WEIGHT], such as openai/gpt-4o=3")
        };
        let (path, weight) = match text.rsplit_once('=') {
            Some((path, weight)) => (path, weight.parse().map_err(|_| bad())?),
            None => (text, 1),
        };
        let (provider, model) = match path.split_once('/') {
            Some((provider, model)) => (provider, Some(model)),
            None => (path, None),
        };
        match provider.is_empty() || model.is_some_and(str::is_empty) {
            true => Err(bad()),
            false => Ok(Target {
                provider: provider.into(),
                model: model.map(Into::into),
                weight,
                tier: 0,
            }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.provider)?;
        if let Some(model) = &self.model {
            write!(f, "/{model}")?;
        }
        if self.weight != 1 {
            write!(f, "={}", self.weight)?;
        }
        Ok(())
    }
}
