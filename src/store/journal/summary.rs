//! What is known of a set of rows without reading them; kept for each block and for a whole segment.

use super::Row;
use serde::{Deserialize, Serialize};

/// What is known of a set of rows without reading them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    #[serde(rename = "n")]
    pub rows: u64,
    /// Smallest and largest id.
    #[serde(rename = "i")]
    pub first: String,
    #[serde(rename = "j")]
    pub last: String,
    /// Earliest and latest time, both inclusive.
    #[serde(rename = "a")]
    pub since: i64,
    #[serde(rename = "b")]
    pub until: i64,
    /// A bit for each hundred of statuses.
    #[serde(rename = "c")]
    classes: u16,
    /// How many of the rows are errors. Absent in summaries of earlier releases, which looked at statuses alone.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    errors: Option<u64>,
}

/// The bits of the hundreds from one status to another.
fn classes(low: u16, high: u16) -> u16 {
    (low / 100..=high / 100).fold(0, |bits, hundred| bits | 1 << hundred.min(15))
}

impl Summary {
    /// Takes a row in.
    pub fn add(&mut self, row: &Row) {
        let errors = if self.rows == 0 { Some(0) } else { self.errors };
        self.errors = errors.map(|errors| errors + u64::from(row.is_error()));
        self.widen(&row.id, &row.id, row.at.0, row.at.0, 1);
        self.classes |= classes(row.status, row.status);
    }

    /// Takes another summary in.
    pub fn merge(&mut self, other: &Summary) {
        if other.rows == 0 {
            return;
        }
        let errors = if self.rows == 0 { Some(0) } else { self.errors };
        self.errors = errors.zip(other.errors).map(|(one, more)| one + more);
        self.widen(
            &other.first,
            &other.last,
            other.since,
            other.until,
            other.rows,
        );
        self.classes |= other.classes;
    }

    /// Takes in when a row was and which, and nothing else of it.
    pub fn add_place(&mut self, row: &Row) {
        self.widen(&row.id, &row.id, row.at.0, row.at.0, 1);
    }

    fn widen(&mut self, first: &str, last: &str, since: i64, until: i64, rows: u64) {
        let empty = self.rows == 0;
        if empty || first < self.first.as_str() {
            first.clone_into(&mut self.first);
        }
        if empty || last > self.last.as_str() {
            last.clone_into(&mut self.last);
        }
        self.since = if empty { since } else { self.since.min(since) };
        self.until = if empty { until } else { self.until.max(until) };
        self.rows += rows;
    }

    pub fn may_hold_statuses(&self, low: u16, high: u16) -> bool {
        self.classes & classes(low, high) != 0
    }

    pub fn may_hold_errors(&self) -> bool {
        self.errors.is_none_or(|errors| errors > 0)
    }

    pub fn may_hold_ok(&self) -> bool {
        match self.errors {
            Some(errors) => errors < self.rows,
            None => self.may_hold_statuses(0, 399),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::journal::Outcome;

    #[test]
    fn what_an_earlier_release_did_not_count_may_be_there() {
        let old: Summary =
            serde_json::from_str(r#"{"n":2,"i":"a","j":"b","a":1,"b":2,"c":4,"t":[]}"#).unwrap();
        assert!(old.may_hold_errors() && old.may_hold_ok());
        let mut new = Summary::default();
        new.add(&Row {
            status: 200,
            ..Row::default()
        });
        assert!(!new.may_hold_errors() && new.may_hold_ok());
        let mut both = old.clone();
        both.merge(&new);
        assert!(both.may_hold_errors() && both.may_hold_ok());
        new.add(&Row {
            status: 200,
            outcome: Outcome::FailedAfterCommit,
            ..Row::default()
        });
        let mut all = Summary::default();
        all.merge(&new);
        assert_eq!((all.errors, all.rows), (Some(1), 2));
        assert!(all.may_hold_errors() && all.may_hold_ok());
        let shown = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&shown).unwrap(), all);
    }
}
