//! Sums over rows: by hour, key, provider and model. Laid down with each block of rows, so that totals need not read
//! them. Pure; must not know where it is kept.

use super::Row;
use crate::catalog::CostStatus;
use crate::chat::Usage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const HOUR: i64 = 3_600_000;

/// What the requests of a sum have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// When the hour begins, in milliseconds since 1970.
    #[serde(rename = "h")]
    pub hour: i64,
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model that answered, or was tried last.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Group {
    fn holds(&self, row: &Row) -> bool {
        self.hour == hour(row)
            && self.key == row.key
            && self.provider == row.provider
            && self.model == row.model
    }
}

/// How much it comes to. Nothing overflows: what is too much stays at the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    #[serde(rename = "n")]
    pub requests: u64,
    #[serde(rename = "e")]
    pub errors: u64,
    #[serde(rename = "u")]
    pub usage: Usage,
    /// Picodollars of the requests that have a cost.
    #[serde(rename = "c")]
    pub cost_pico: i64,
    /// Requests that used tokens whose price is not known.
    #[serde(rename = "x")]
    pub unpriced: u64,
}

impl Figures {
    fn of(row: &Row) -> Figures {
        let used = row.usage != Usage::default();
        Figures {
            requests: 1,
            errors: row.is_error().into(),
            usage: row.usage,
            cost_pico: row.cost_pico.unwrap_or(0),
            unpriced: (used && row.cost_status == CostStatus::Unpriced).into(),
        }
    }

    fn add(&mut self, more: &Figures) {
        let sum = |one: u64, other: u64| one.saturating_add(other);
        *self = Figures {
            requests: sum(self.requests, more.requests),
            errors: sum(self.errors, more.errors),
            usage: self.usage.plus(&more.usage),
            cost_pico: self.cost_pico.saturating_add(more.cost_pico),
            unpriced: sum(self.unpriced, more.unpriced),
        };
    }
}

/// One group and what it comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    #[serde(rename = "g")]
    pub group: Group,
    #[serde(rename = "f")]
    pub figures: Figures,
}

/// When the hour of a row begins.
fn hour(row: &Row) -> i64 {
    row.at.0.div_euclid(HOUR).saturating_mul(HOUR)
}

/// The sums of a block: few rows, and fewer groups.
pub fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Sum> {
    let mut sums: Vec<Sum> = Vec::new();
    for row in rows {
        let figures = Figures::of(row);
        // Rows that follow each other are often alike.
        match sums.iter_mut().rev().find(|sum| sum.group.holds(row)) {
            Some(sum) => sum.figures.add(&figures),
            None => sums.push(Sum {
                group: Group {
                    hour: hour(row),
                    key: row.key.clone(),
                    provider: row.provider.clone(),
                    model: row.model.clone(),
                },
                figures,
            }),
        }
    }
    sums
}

/// The sums of many blocks.
#[derive(Clone, Debug, Default)]
pub struct Totals(BTreeMap<Group, Figures>);

impl Totals {
    /// Takes sums in.
    pub fn add(&mut self, sums: impl IntoIterator<Item = Sum>) {
        for sum in sums {
            self.0.entry(sum.group).or_default().add(&sum.figures);
        }
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.0.len()
    }

    /// In the order of their groups: by time first.
    pub fn list(&self) -> Vec<Sum> {
        let sum = |(group, figures): (&Group, &Figures)| Sum {
            group: group.clone(),
            figures: *figures,
        };
        self.0.iter().map(sum).collect()
    }
}

/// Which hours are wanted: those that have begun before `until` and end after `since`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hours {
    pub since: Option<i64>,
    pub until: Option<i64>,
}

impl Hours {
    pub fn hold(&self, sum: &Sum) -> bool {
        self.overlap(sum.group.hour, sum.group.hour.saturating_add(HOUR - 1))
    }

    /// Whether some of a time from its first to its last millisecond is wanted.
    pub fn overlap(&self, first: i64, last: i64) -> bool {
        let begin = |time: i64| time.div_euclid(HOUR).saturating_mul(HOUR);
        self.since.is_none_or(|since| last >= begin(since))
            && self.until.is_none_or(|until| begin(first) < until)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::resources::Stamp;

    fn row(at: i64, key: &str, cost: Option<i64>, status: u16) -> Row {
        Row {
            at: Stamp(at),
            key: Some(key.into()),
            status,
            cost_pico: cost,
            usage: Usage {
                input: 3,
                output: 4,
                ..Usage::default()
            },
            ..Row::default()
        }
    }

    #[test]
    fn rows_of_one_group_are_added_up() {
        let rows = [
            row(HOUR + 1, "a", Some(5), 200),
            row(HOUR + 2, "b", None, 500),
            row(2 * HOUR - 1, "a", Some(6), 404),
            row(2 * HOUR, "a", Some(7), 200),
        ];
        let sums = of(rows.iter());
        let found: Vec<_> = sums
            .iter()
            .map(|sum| {
                let figures = &sum.figures;
                let tokens = (figures.usage.input, figures.usage.output);
                let key = sum.group.key.as_deref().unwrap();
                let requests = (figures.requests, figures.errors, figures.unpriced);
                (
                    sum.group.hour / HOUR,
                    key,
                    requests,
                    tokens,
                    figures.cost_pico,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (1, "a", (2, 1, 2), (6, 8), 11),
                (1, "b", (1, 1, 1), (3, 4), 0),
                (2, "a", (1, 0, 1), (3, 4), 7),
            ]
        );
        let mut totals = Totals::default();
        totals.add(sums.clone());
        totals.add(sums.clone());
        assert_eq!((totals.groups(), totals.list()[0].figures.requests), (3, 4));
        let shown = serde_json::to_string(&sums).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Sum>>(&shown).unwrap(), sums);
    }

    #[test]
    fn hours_are_taken_whole() {
        let hours = Hours {
            since: Some(HOUR + 5),
            until: Some(2 * HOUR + 5),
        };
        let sum = |hour: i64| Sum {
            group: Group {
                hour: hour * HOUR,
                ..Group::default()
            },
            ..Sum::default()
        };
        let held = |hour| hours.hold(&sum(hour));
        assert_eq!([0, 1, 2, 3].map(held), [false, true, true, false]);
        assert!(Hours::default().hold(&sum(0)));
    }

    #[test]
    fn nothing_overflows() {
        let most = Figures {
            requests: u64::MAX,
            errors: u64::MAX,
            cost_pico: i64::MAX,
            ..Figures::default()
        };
        let mut sum = most;
        sum.add(&most);
        assert_eq!(sum, most);
        of([row(i64::MIN, "a", None, 200), row(i64::MAX, "a", None, 200)].iter());
    }
}
