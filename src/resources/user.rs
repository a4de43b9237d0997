//! A user: a person or service that owns keys.

use super::{
    Column, DISPLAY_NAME, Field, Kind, KindId, LABELS, LIMITS, Resource, SESSION_LIMITS, Shape,
    UNPRICED, column, field, is_default,
    limit::{Limit, Unpriced},
    wide, yes,
};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    #[serde(default, skip_serializing_if = "is_default")]
    pub display_name: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub email: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub team: String,
    /// Of all its keys together.
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

const FIELDS: &[Field] = &[
    DISPLAY_NAME,
    field(
        "email",
        "email",
        Shape::Text,
        "ADDRESS",
        "",
        "Where to reach them",
    ),
    field(
        "team",
        "team",
        Shape::Text,
        "TEAM",
        "",
        "Team or cost centre",
    ),
    LIMITS,
    SESSION_LIMITS,
    UNPRICED,
    LABELS,
];

const COLUMNS: &[Column] = &[
    column("NAME", "name"),
    column("KEYS", "status.keys"),
    column("REQUESTS", "status.usage.requests"),
    column("TOKENS", "status.usage.tokens"),
    column("SPEND", "status.usage.spend"),
    column("STATUS", "enabled"),
    column("AGE", "created"),
    column("LAST-USED", "status.last_used"),
    wide("EMAIL", "email"),
    wide("TEAM", "team"),
    wide("LIMITS", "limits"),
];

pub static KIND: Kind = Kind {
    id: KindId::User,
    name: "user",
    plural: "users",
    aliases: &[],
    about: "People and services that own keys",
    fields: FIELDS,
    columns: COLUMNS,
    statuses: &["keys", "usage", "last_used"],
    check: super::check::<User>,
    refs: |_| Vec::new(),
    claims: |_| Vec::new(),
    loose_names: false,
};

impl Resource for User {
    const KIND: &'static str = "user";
    fn validate(&mut self) -> Result<()> {
        Limit::check_all(&self.limits, "limits")?;
        Limit::check_all(&self.session_limits, "session_limits")
    }
}
