//! The envelope around every spec: name, version, times, and what only the server writes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A spec as JSON: exactly the kind's settable fields, normalised by its `check`.
pub type Spec = Map<String, Value>;

/// Milliseconds since 1970-01-01T00:00:00Z. Shown as RFC 3339.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Stamp(pub i64);

impl Stamp {
    pub fn now() -> Stamp {
        Stamp(jiff::Timestamp::now().as_millisecond())
    }
    /// RFC 3339 in UTC with milliseconds, such as `2026-11-21T09:30:00.000Z`.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => format!("{time:.3}"),
            Err(_) => String::from("-"),
        }
    }
    /// Reads RFC 3339, or a date or a date and time without a zone, which are taken to be in UTC: the same on every
    /// machine.
    pub fn parse(text: &str) -> crate::error::Result<Stamp> {
        let utc = || {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            civil
                .to_zoned(jiff::tz::TimeZone::UTC)
                .ok()
                .map(|zoned| zoned.timestamp())
        };
        text.parse::<jiff::Timestamp>()
            .or_else(|error| utc().ok_or(error))
            .map(|time| Stamp(time.as_millisecond()))
            .map_err(|_| {
                crate::error::Error::invalid(format!("`{}` is not a time", text.escape_debug())).hint(
                    "write it as 2030-01-01, 2030-01-01T09:30:00Z, or as a duration such as 90d",
                )
            })
    }
}

/// A stored record: the user's spec in the server's envelope. `S`: the spec, as JSON or as its kind has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record<S = Spec> {
    /// The kind's singular name.
    pub kind: String,
    pub name: String,
    /// Grows by one with every change of this record; never 0 in a store.
    pub version: u64,
    pub created: Stamp,
    pub updated: Stamp,
    pub spec: S,
    /// What only the server writes (key digests, credential fingerprints). Never leaves it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub system: Spec,
}

impl AsRef<Record> for Record {
    fn as_ref(&self) -> &Record {
        self
    }
}

impl Record {
    /// The record as the admin API shows it: flat, `system` left out, `status` as given by the server.
    pub fn show(&self, status: Spec) -> Value {
        let mut shown = json!({"apiVersion": "gw/v1", "kind": self.kind, "name": self.name});
        if let Value::Object(map) = &mut shown {
            map.extend(self.spec.clone());
            map.insert("version".into(), self.version.into());
            map.insert("created".into(), self.created.rfc3339().into());
            map.insert("updated".into(), self.updated.rfc3339().into());
            if !status.is_empty() {
                map.insert("status".into(), Value::Object(status));
            }
        }
        shown
    }

    /// Fields that [`Record::show`] adds around the spec; input may hold them and they are taken off again.
    pub const ENVELOPE: [&str; 7] = [
        "apiVersion",
        "kind",
        "name",
        "version",
        "created",
        "updated",
        "status",
    ];
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_taken_as_people_write_them() {
        for (text, time) in [
            ("2030-01-01", "2030-01-01T00:00:00.000Z"),
            ("2030-01-01 09:30", "2030-01-01T09:30:00.000Z"),
            ("2030-01-01T09:30:00+02:00", "2030-01-01T07:30:00.000Z"),
            ("2030-01-01T09:30:00.5Z", "2030-01-01T09:30:00.500Z"),
        ] {
            assert_eq!(Stamp::parse(text).unwrap().rfc3339(), time, "{text}");
        }
        for text in ["", "soon", "2030-13-01", "01.01.2030", "2030"] {
            assert!(Stamp::parse(text).is_err(), "{text}");
        }
    }
}
