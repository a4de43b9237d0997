//! A route: which callers' requests go to which targets, and by which strategy.

mod all_rest;
pub mod condition;
mod passthrough;
mod retry_on;
mod rule;
mod strategy;
mod target;

pub use all_rest::AllRest;
pub use retry_on::RetryOn;
pub use rule::Rule;
pub use strategy::{StickyBy, Strategy};
pub use target::Target;

use super::{
    Column, Field, Kind, KindId, LABELS, Millis, Resource, Shape, column, field, is_default, wide,
    yes,
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

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
    /// A condition in CEL; empty: always. Where it does not hold the route is as if it were not there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: String,
    #[serde(default)]
    pub strategy: Strategy,
    /// By tier; the strategy where a tier has none of its own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tier_strategies: Vec<Strategy>,
    /// What `sticky` keeps at one target.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sticky_by: StickyBy,
    /// The first whose condition holds gives the targets.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: Vec<Rule>,
    /// Where no rule holds. May be empty where there are rules.
    #[serde(default)]
    pub targets: Vec<Target>,
    #[serde(default = "retry_on_default")]
    pub retry_on: Vec<RetryOn>,
    /// Further rounds over the targets once all have failed.
    #[serde(default = "retries_default")]
    pub retries: u32,
    /// Only what fails sooner than this moves on; the caller gets what was slow to fail.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retry_if_under: Option<Millis>,
    /// Requests that go out for one of a caller's, at most.
    #[serde(default, skip_serializing_if = "is_default")]
    pub max_attempts: Option<u32>,
    /// How long a request may wait for the first of its targets that has capacity again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wait_for_capacity: Option<Millis>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub when_all_rest: AllRest,
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
    /// Makes draws repeatable in tests: same seed, same picks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub seed: Option<u64>,
    /// Off: kept and not enforced, as if it were not there.
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
}

pub(crate) fn retries_default() -> u32 {
    2
}
pub(crate) fn retry_on_default() -> Vec<RetryOn> {
    RetryOn::DEFAULT.into()
}

/// The longest wait for capacity: callers have gone by then.
const WAIT_MOST: Millis = Millis::secs(300);

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
        "NAME",
        "",
        "fallback (default), split, round-robin, weighted-round-robin, least-latency, least-busy, least-cost or sticky",
    ),
    field(
        "tier_strategies",
        "tier-strategies",
        Shape::Texts,
        "LIST",
        "",
        "Strategies of the tiers in order, where they differ from --strategy",
    ),
    field(
        "sticky_by",
        "sticky-by",
        Shape::Text,
        "WHAT",
        "",
        "What sticky keeps at one target: session (default), key, user, prompt or header:NAME",
    ),
    field(
        "when",
        "when",
        Shape::Text,
        "CONDITION",
        "",
        "Take a request only where this holds (CEL), such as 'stream && !tools'; see gw explain route.when",
    ),
    field(
        "rules",
        "rule",
        Shape::Rules,
        "CONDITION => TARGET, …",
        "",
        "Other targets where a condition holds (CEL); repeatable, the first that holds counts; see gw explain route.rules",
    ),
    field(
        "targets",
        "to",
        Shape::Targets,
        "PROVIDER[/MODEL][=WEIGHT]",
        "target",
        "Target; repeatable. With fallback each is the next in line, with others all share a tier",
    ),
    field(
        "retry_on",
        "retry-on",
        Shape::Texts,
        "LIST",
        "",
        "What moves on to the next target: connect,timeout,429,5xx,credential (the default), 404,context,content,own-key, statuses such as 408, 503, 4xx",
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
        "retry_if_under",
        "retry-if-under",
        Shape::Duration,
        "TIME",
        "",
        "Move on only from what fails sooner than this; slow failures are returned",
    ),
    field(
        "max_attempts",
        "max-attempts",
        Shape::Number,
        "N",
        "",
        "Send at most this many requests upstream for one of a caller's (default: no bound)",
    ),
    field(
        "wait_for_capacity",
        "wait-for-capacity",
        Shape::Duration,
        "TIME",
        "",
        "Wait this long for a target to be free when all are at their limits (default: none; at most 5m)",
    ),
    field(
        "when_all_rest",
        "when-all-rest",
        Shape::Text,
        "try|fail",
        "",
        "try: when every target rests, the one soonest free is tried; fail: 503 (default try)",
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
        "Make draws repeatable",
    ),
    LABELS,
];

const COLUMNS: &[Column] = &[
    column("NAME", "name"),
    column("KEYS", "keys"),
    column("TARGETS", "targets"),
    column("REQUESTS", "status.usage.requests"),
    column("TOKENS", "status.usage.tokens"),
    column("SPEND", "status.usage.spend"),
    column("ACTIVE", "enabled"),
    column("AGE", "created"),
    wide("STRATEGY", "strategy"),
    wide("USERS", "users"),
    wide("PATH", "path"),
    wide("WHEN", "when"),
    wide("RULES", "status.rules"),
    wide("RETRY-ON", "retry_on"),
    wide("RETRIES", "retries"),
    wide("PRIORITY", "priority"),
];

pub static KIND: Kind = Kind {
    id: KindId::Route,
    name: "route",
    plural: "routes",
    aliases: &["rt"],
    about: "Which targets serve which callers, and by which strategy",
    fields: FIELDS,
    columns: COLUMNS,
    statuses: &["targets", "rules", "usage"],
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
        let of_rules = items("rules").filter_map(|rule| rule.get("targets")?.as_array());
        let targets = items("targets").chain(of_rules.flatten());
        let providers = targets.filter_map(|target| text("provider", target.get("provider")));
        let through = items("passthrough").filter_map(|name| text("provider", Some(name)));
        keys.chain(users).chain(providers).chain(through).collect()
    },
    claims: |_| Vec::new(),
    loose_names: false,
};

impl Route {
    /// The targets of its rules, then its own.
    pub fn every_target(&self) -> impl Iterator<Item = &Target> {
        let of_rules = self.rules.iter().flat_map(|rule| &rule.targets);
        of_rules.chain(&self.targets)
    }

    /// Whether it is for this key of this user. Bound to a path alone it takes everybody.
    pub fn admits(&self, key: &str, user: &str) -> bool {
        (self.keys.is_empty() || self.keys.iter().any(|it| it == key))
            && (self.users.is_empty() || self.users.iter().any(|it| it == user))
    }

    fn bounds(&self) -> Result<()> {
        if self.max_attempts == Some(0) {
            return Err(
                Error::invalid("`max_attempts` is 0, so that nothing would ever be sent")
                    .param("max_attempts")
                    .hint("1 tries one target once; leave it out for no bound"),
            );
        }
        match self.wait_for_capacity {
            Some(wait) if wait > WAIT_MOST => Err(Error::invalid(format!(
                "`wait_for_capacity` is at most {WAIT_MOST}"
            ))
            .param("wait_for_capacity")
            .hint("callers have given up by then")),
            _ => Ok(()),
        }
    }
}

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
            ("retry_if_under", self.retry_if_under),
            ("wait_for_capacity", self.wait_for_capacity),
        ])?;
        self.bounds()?;
        if self.targets.is_empty() && self.rules.is_empty() {
            return Err(Error::invalid("the route has no target")
                .param("targets")
                .hint("add one with --to PROVIDER[/MODEL]"));
        }
        if !self.when.is_empty() {
            condition::read(&self.when).map_err(|error| told("when", error).param("when"))?;
        }
        let numbered = !self.tier_strategies.is_empty();
        settle(&mut self.targets, self.strategy, numbered, "targets")?;
        for (at, rule) in self.rules.iter_mut().enumerate() {
            condition::read(&rule.when).map_err(|error| {
                told(&format!("rule {}", at + 1), error).param(format!("rules[{at}].when"))
            })?;
            let field = format!("rules[{at}].targets");
            if rule.targets.is_empty() {
                return Err(Error::invalid("the rule has no target")
                    .param(field)
                    .hint("say where its requests go, such as `CONDITION => PROVIDER/MODEL`"));
            }
            let strategy = rule.strategy.unwrap_or(self.strategy);
            settle(&mut rule.targets, strategy, numbered, &field)?;
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
        Ok(())
    }
}

/// The error with which of the conditions it is about: a route may have many.
fn told(which: &str, mut error: Error) -> Error {
    error.message = format!("{which}, {}", error.message);
    error
}

/// Checks a list of targets that is not empty, and puts it in the order of its tiers.
fn settle(targets: &mut [Target], strategy: Strategy, numbered: bool, field: &str) -> Result<()> {
    if !targets.is_empty() && targets.iter().all(|target| target.weight == 0) {
        return Err(
            Error::invalid("every target has weight 0, so none would be picked")
                .param(field)
                .hint("give one a weight of at least 1"),
        );
    }
    // Fallback means "in this order": numbers left here would come into force under another strategy.
    if strategy == Strategy::Fallback && !numbered {
        targets.sort_by_key(|target| target.tier);
        targets.iter_mut().for_each(|target| target.tier = 0);
    }
    Ok(())
}
