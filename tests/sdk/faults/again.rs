//! What clients do by themselves after an error: come again, after how long, or not at all. Both languages do the same.

use super::place;
use super::table::{ROWS, Row};
use serde_json::{Value, json};

/// A row without another target, called by a client that may come again once.
pub struct Again {
    row: &'static str,
    /// Whether it does.
    comes: bool,
    /// What it waits at least, in milliseconds.
    waits: i64,
}

const fn again(row: &'static str, comes: bool, waits: i64) -> Again {
    Again { row, comes, waits }
}

pub const AGAIN: &[Again] = &[
    again("f07-408", true, 0),
    again("f07-504", true, 0),
    // As long as it was told to.
    again("f16", true, 2_000),
    again("f17-wait", true, 2_000),
    again("f17-529", true, 0),
    again("f18-always", true, 0),
    again("f01", true, 0),
    again("f34-401", true, 0),
    again("f35", false, 0),
];

impl Again {
    pub fn row(&self) -> &'static Row {
        ROWS.iter().find(|row| row.name() == self.row).unwrap()
    }

    /// Whether a client comes again after what this row tells it.
    pub fn of(row: &Row) -> Option<bool> {
        let same = |again: &&Again| again.row == row.name();
        AGAIN.iter().find(same).map(|again| again.comes)
    }

    pub fn model(&self, client: &str) -> String {
        format!("{}-{client}-again", self.row)
    }

    pub fn written(&self, client: &str) -> Value {
        json!({
            "client": client, "model": self.model(client), "stream": false, "asks": "",
            "route": place::route(self.row(), client, false), "times": 1, "retries": 1,
        })
    }

    /// How often it called.
    pub fn calls(&self) -> usize {
        1 + usize::from(self.comes)
    }

    /// What is wrong with what was logged of it.
    pub fn wrong(&self, logged: &[Value]) -> Option<String> {
        let mut times: Vec<i64> = logged
            .iter()
            .filter_map(|row| row["at"].as_str()?.parse::<jiff::Timestamp>().ok())
            .map(jiff::Timestamp::as_millisecond)
            .collect();
        times.sort_unstable();
        let waited = times
            .last()
            .zip(times.first())
            .map_or(0, |(last, first)| last - first);
        match times.len() == self.calls() && (!self.comes || waited >= self.waits) {
            true => None,
            false => Some(format!(
                "called {} times over {waited} ms; must be {} with {} ms between",
                times.len(),
                self.calls(),
                self.waits
            )),
        }
    }
}
