//! A key: what callers present. The secret itself is shown once and never stored; the server keeps a
//! keyed digest, a prefix and the last four characters in the record's `system` part.

use super::{
    Column, Field, Kind, KindId, LABELS, LIMITS, Record, Resource, SESSION_LIMITS, Shape, Stamp,
    UNPRICED, column, field, is_default,
    limit::{Limit, Unpriced},
    wide, yes,
};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much of a request's content the log keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogContent {
    /// Request and response bodies.
    #[default]
    Full,
    /// The row only.
    Metadata,
    /// No row at all.
    Off,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The owning user's name.
    pub user: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub environment: String,
    /// RFC 3339; absent: never.
    #[serde(default, skip_serializing_if = "is_default")]
    pub expires: Option<String>,
    /// Globs of models (`openai/*`, `gpt-4o`) the key may call where no route takes the request.
    #[serde(default, skip_serializing_if = "is_default")]
    pub direct: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub log_content: LogContent,
    #[serde(default, skip_serializing_if = "is_default")]
    pub limits: Vec<Limit>,
    /// Limits of each of its sessions by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub session_limits: Vec<Limit>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub unpriced: Unpriced,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
}

/// The `system` part of a key record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeySystem {
    /// Hex of the keyed digest of the secret (32 bytes).
    pub digest: String,
    /// First characters of the secret, such as `sk-gw-Ab12`.
    pub prefix: String,
    pub last4: String,
    /// Digests of secrets rotated out, newest last, each good until the time given. At most [`GRACE_SECRETS`].
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "one_or_many"
    )]
    pub previous: Vec<(String, Stamp)>,
    /// When it was revoked: final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Stamp>,
}

/// Rotated-out secrets of one key that may be good at a time.
pub const GRACE_SECRETS: usize = 4;

impl KeySystem {
    /// The server's part of a key record; empty where it cannot be read.
    pub fn of<S>(record: &Record<S>) -> KeySystem {
        KeySystem::deserialize(&record.system).unwrap_or_default()
    }

    /// Every digest callers may be known by, and until when where it was rotated out.
    pub fn digests(&self) -> impl Iterator<Item = (&str, Option<Stamp>)> {
        let previous = self.previous.iter();
        std::iter::once((self.digest.as_str(), None))
            .chain(previous.map(|(digest, until)| (digest.as_str(), Some(*until))))
            .filter(|(digest, _)| !digest.is_empty())
    }
}

/// One pair is what keys had before they kept several.
fn one_or_many<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Vec<(String, Stamp)>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Previous {
        Many(Vec<(String, Stamp)>),
        One(String, Stamp),
    }
    Ok(match Previous::deserialize(from)? {
        Previous::Many(pairs) => pairs,
        Previous::One(digest, until) => vec![(digest, until)],
    })
}

const FIELDS: &[Field] = &[
    field(
        "user",
        "user",
        Shape::Text,
        "USER",
        "user",
        "The user it belongs to",
    ),
    field(
        "environment",
        "environment",
        Shape::Text,
        "ENV",
        "",
        "Environment its requests run in, such as staging",
    ),
    field(
        "expires",
        "expires",
        Shape::Time,
        "TIME",
        "",
        "When it stops working: 90d, 2030-01-01 (UTC), or never",
    ),
    field(
        "direct",
        "direct",
        Shape::Texts,
        "GLOBS",
        "",
        "Models it may call where no route takes the request, such as 'openai/*'",
    ),
    field(
        "log_content",
        "log-content",
        Shape::Text,
        "full|metadata|off",
        "",
        "How much of its requests the log keeps",
    ),
    LIMITS,
    SESSION_LIMITS,
    UNPRICED,
    LABELS,
];

const COLUMNS: &[Column] = &[
    column("NAME", "name"),
    column("USER", "user"),
    column("ROUTE", "status.routes"),
    column("REQUESTS", "status.usage.requests"),
    column("TOKENS", "status.usage.tokens"),
    column("SPEND", "status.usage.spend"),
    column("STATUS", "status.state"),
    column("AGE", "created"),
    wide("LAST-USED", "status.last_used"),
    wide("PREFIX", "status.prefix"),
    wide("IN", "status.usage.input"),
    wide("OUT", "status.usage.output"),
    wide("ENVIRONMENT", "environment"),
    wide("EXPIRES", "expires"),
    wide("DIRECT", "direct"),
    wide("LIMITS", "limits"),
];

pub static KIND: Kind = Kind {
    id: KindId::Key,
    name: "key",
    plural: "keys",
    aliases: &[],
    about: "Gateway API keys: issue, rotate, revoke",
    fields: FIELDS,
    columns: COLUMNS,
    statuses: &[
        "state",
        "prefix",
        "last4",
        "routes",
        "revoked",
        "previous_until",
        "last_used",
        "usage",
    ],
    check: super::check::<Key>,
    refs: |spec| {
        spec.get("user")
            .and_then(|user| user.as_str())
            .map(|user| ("user", user.to_owned()))
            .into_iter()
            .collect()
    },
    claims: |record| {
        let system = KeySystem::of(record);
        system
            .digests()
            .map(|(digest, _)| digest.to_owned())
            .collect()
    },
    loose_names: false,
};

impl Resource for Key {
    const KIND: &'static str = "key";
    fn validate(&mut self) -> Result<()> {
        if self.user.is_empty() {
            return Err(
                Error::invalid("a key belongs to a user, and `user` is empty")
                    .param("user")
                    .hint("give one with --user NAME"),
            );
        }
        if let Some(expires) = &mut self.expires {
            *expires = Stamp::parse(expires)
                .map_err(|error| error.param("expires"))?
                .rfc3339();
        }
        Limit::check_all(&self.limits, "limits")?;
        Limit::check_all(&self.session_limits, "session_limits")
    }
}
