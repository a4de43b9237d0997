//! A user: a person or service that owns keys.

use super::{
    Column, DISPLAY_NAME, Field, Kind, KindId, LABELS, Resource, Shape, column, field, is_default,
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
    LABELS,
];

const COLUMNS: &[Column] = &[
    column("NAME", "name"),
    column("KEYS", "status.keys"),
    column("STATUS", "enabled"),
    column("AGE", "created"),
    column("LAST-USED", "status.last_used"),
    wide("EMAIL", "email"),
    wide("TEAM", "team"),
];

pub static KIND: Kind = Kind {
    id: KindId::User,
    name: "user",
    plural: "users",
    aliases: &[],
    about: "People and services that own keys",
    fields: FIELDS,
    columns: COLUMNS,
    statuses: &["keys", "last_used"],
    check: super::check::<User>,
    refs: |_| Vec::new(),
    claims: |_| Vec::new(),
    loose_names: false,
};

impl Resource for User {
    const KIND: &'static str = "user";
    fn validate(&mut self) -> Result<()> {
        Ok(())
    }
}
