//! Live figures as they are told once a second: what the admin interface sends and `gw top` shows.

use super::{
    cell::Sum,
    recent::{HOUR, MINUTE},
    totals::Totals,
};
use crate::store::journal::sums::Histogram;
use serde::{Deserialize, Serialize};

/// Seconds of history that are told.
pub const HISTORY: usize = 300;
/// Names told of each kind: the busiest, the oldest, the worst.
const NAMES: usize = 50;

/// One second's picture. Times are milliseconds, money is picodollars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// When it was taken, and since when is counted; RFC 3339.
    pub at: String,
    pub since: String,
    pub last_second: Figures,
    pub last_minute: Figures,
    pub last_hour: Figures,
    /// Spent since midnight UTC.
    pub today_pico: u64,
    /// Of requests that ended in the last minute.
    pub latency: Percentiles,
    pub first_content: Percentiles,
    /// The last seconds one by one, the newest last.
    pub history: Vec<Figures>,
    pub in_flight: u64,
    /// Of them, waiting for a target to be free.
    pub waiting: u64,
    pub connections: u64,
    /// Attempts that failed in the last minute, by class.
    pub failures: Vec<Count>,
    /// Requests refused by limits since the start, by metric.
    pub refused: Vec<Count>,
    pub keys: Vec<Busy>,
    /// By `PROVIDER/MODEL`.
    pub models: Vec<Busy>,
    pub targets: Vec<Target>,
    /// The oldest first.
    pub running: Vec<Run>,
    pub log: Log,
}

/// Requests and what they came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    pub requests: u64,
    pub errors: u64,
    pub input: u64,
    pub output: u64,
    pub cost_pico: u64,
    pub unpriced: u64,
}

impl From<&Sum> for Figures {
    fn from(sum: &Sum) -> Figures {
        Figures {
            requests: sum.requests,
            errors: sum.errors,
            input: sum.input,
            output: sum.output,
            cost_pico: sum.cost_pico,
            unpriced: sum.unpriced,
        }
    }
}

/// Absent where nothing ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Percentiles {
    pub p50: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
}

/// How often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Count {
    pub name: String,
    pub count: u64,
}

/// Who was busy in the last minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Busy {
    pub name: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// How a target is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    pub provider: String,
    /// Absent: as asked.
    pub model: Option<String>,
    /// In a word, as `gw route status` has it, and in words.
    pub state: String,
    pub detail: String,
    pub in_flight: u64,
    pub first_content_ms: Option<u64>,
    /// Names of the routes it is a target of.
    pub routes: Vec<String>,
}

/// A request that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    pub key: String,
    pub user: String,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub age_ms: u64,
}

/// How the request log is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    pub written: u64,
    pub rows_dropped: u64,
    pub content_dropped: u64,
    pub degraded: Option<String>,
}

impl View {
    /// What the sums say; the rest is for whoever knows it.
    pub fn of(totals: &Totals) -> View {
        let figures = |seconds| Figures::from(&totals.recent.last(seconds));
        let percentiles = |times: &Histogram| Percentiles {
            p50: times.percentile(500),
            p95: times.percentile(950),
            p99: times.percentile(990),
        };
        let busy = |busy: &super::recent::Busy| -> Vec<Busy> {
            let list = busy.list(NAMES).into_iter();
            list.map(|(name, sum)| Busy {
                name,
                figures: Figures::from(&sum),
            })
            .collect()
        };
        let (latency, first) = totals.recent.times();
        let failures = totals.failures.list(NAMES).into_iter();
        View {
            last_second: figures(1),
            last_minute: figures(MINUTE),
            last_hour: figures(HOUR),
            today_pico: totals.today(),
            latency: percentiles(&latency),
            first_content: percentiles(&first),
            history: totals.recent.each(HISTORY).map(Figures::from).collect(),
            failures: failures
                .map(|(name, sum)| Count {
                    name,
                    count: sum.requests,
                })
                .collect(),
            keys: busy(&totals.keys),
            models: busy(&totals.models),
            ..View::default()
        }
    }

    /// Takes in which requests run, the oldest first, and how many that are in all.
    pub fn runs(&mut self, running: Vec<super::Running>) {
        let told = running.into_iter().take(NAMES).map(|one| {
            let (provider, model) = one.target.unzip();
            Run {
                key: one.key.to_string(),
                user: one.user.to_string(),
                provider: provider.map(|name| name.to_string()),
                model: model.map(|name| name.to_string()),
                age_ms: one.age_ms,
            }
        });
        self.running = told.collect();
    }
}
