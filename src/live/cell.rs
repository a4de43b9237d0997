//! What is counted of each series: requests by how they ended, tokens by bucket, money, times, attempts. Pure.

use super::histogram::Coarse;
use crate::catalog::CostStatus;
use crate::chat::Usage;
use crate::store::journal::{Outcome, Row};

/// Classes of status, by the hundred.
pub const STATUSES: [&str; 6] = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// How requests end, in the words of the log.
pub const OUTCOMES: [&str; 6] = [
    "ok",
    "failed",
    "failed_after_commit",
    "client_closed",
    "revoked",
    "shutdown",
];

/// A bucket's name, and what it is of a usage.
type Bucket = (&'static str, fn(&Usage) -> u64);

/// Disjoint buckets of tokens.
pub const TOKENS: [Bucket; 5] = [
    ("input", |usage| usage.input),
    ("cache_read", |usage| usage.cache_read),
    ("cache_write", Usage::written),
    ("output", |usage| usage.output),
    ("reasoning", |usage| usage.reasoning),
];

/// Of the buckets so many are of the prompt.
#[cfg(test)]
const PROMPT: usize = 3;

/// What attempts come to, in the words of the log.
pub const CLASSES: [&str; 14] = [
    "ok",
    "cancelled",
    "caller",
    "not_found",
    "context",
    "content",
    "unfit",
    "own_key",
    "credential",
    "capacity",
    "upstream",
    "connect",
    "timeout",
    "other",
];

/// The place of an attempt's class in [`CLASSES`].
pub fn class(name: &str) -> usize {
    // Nearly always.
    if let b"ok" = name.as_bytes() {
        return 0;
    }
    let known = CLASSES.iter().position(|class| *class == name);
    known.unwrap_or(CLASSES.len() - 1)
}

fn outcome(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Failed => 1,
        Outcome::FailedAfterCommit => 2,
        Outcome::ClientClosed => 3,
        Outcome::Revoked => 4,
        Outcome::Shutdown => 5,
    }
}

/// The counts of one series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// By [`STATUSES`], then by [`OUTCOMES`].
    pub requests: [[u64; OUTCOMES.len()]; STATUSES.len()],
    pub sum: Sum,
    /// By [`TOKENS`].
    pub tokens: [u64; TOKENS.len()],
    /// By [`CLASSES`]: requests that went out, and targets that were come to.
    pub attempts: [u64; CLASSES.len()],
    pub duration: Coarse,
    /// To the first content.
    pub first: Coarse,
}

/// What requests come to in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub requests: u64,
    pub errors: u64,
    /// Tokens of prompts, cached ones included.
    pub input: u64,
    /// Tokens generated, reasoning included.
    pub output: u64,
    pub cost_pico: u64,
    /// Requests that used tokens whose price is not known.
    pub unpriced: u64,
}

impl Sum {
    /// What a row of the log comes to.
    pub fn of(row: &Row) -> Sum {
        let used = || row.usage != Usage::default();
        Sum {
            requests: 1,
            errors: row.is_error().into(),
            input: row.usage.prompt(),
            output: row.usage.completion(),
            cost_pico: row.cost_pico.map_or(0, i64::unsigned_abs),
            unpriced: (row.cost_status == CostStatus::Unpriced && used()).into(),
        }
    }

    pub fn add(&mut self, more: &Sum) {
        for (count, more) in [
            (&mut self.requests, more.requests),
            (&mut self.errors, more.errors),
            (&mut self.input, more.input),
            (&mut self.output, more.output),
            (&mut self.cost_pico, more.cost_pico),
            (&mut self.unpriced, more.unpriced),
        ] {
            *count = count.saturating_add(more);
        }
    }
}

impl Cell {
    /// Takes in a request that has ended, but for its attempts.
    pub fn note(&mut self, row: &Row, sum: &Sum) {
        let status = match row.status / 100 {
            hundred @ 1..=5 => usize::from(hundred),
            _ => 0,
        };
        self.requests[status][outcome(row.outcome)] += 1;
        self.sum.add(sum);
        for (count, (_, of)) in self.tokens.iter_mut().zip(TOKENS) {
            *count = count.saturating_add(of(&row.usage));
        }
        self.duration.note(row.latency_ms);
        if let Some(ms) = row.ttft_ms {
            self.first.note(ms);
        }
    }

    pub fn add(&mut self, more: &Cell) {
        let counts = self.requests.as_flattened_mut().iter_mut();
        let counts = counts.zip(more.requests.as_flattened());
        let tokens = self.tokens.iter_mut().zip(&more.tokens);
        let attempts = self.attempts.iter_mut().zip(&more.attempts);
        for (count, more) in counts.chain(tokens).chain(attempts) {
            *count = count.saturating_add(*more);
        }
        self.sum.add(&more.sum);
        self.duration.add(&more.duration);
        self.first.add(&more.first);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.sum.requests == 0 && self.attempts.iter().all(|count| *count == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_log() {
        for (at, word) in OUTCOMES.iter().enumerate() {
            let read = serde_json::from_value::<Outcome>((*word).into());
            assert_eq!(read.ok().map(outcome), Some(at), "{word}");
        }
        assert_eq!([class("ok"), class("capacity"), class("?")], [0, 9, 13]);
    }

    #[test]
    fn buckets_of_prompts_and_answers_are_all_tokens() {
        let usage = Usage {
            input: 1,
            cache_read: 2,
            cache_write_5m: 3,
            cache_write_1h: 4,
            cache_write: 5,
            output: 6,
            reasoning: 7,
            ..Usage::default()
        };
        let of = |from: &[Bucket]| from.iter().map(|(_, of)| of(&usage)).sum::<u64>();
        assert_eq!(
            (of(&TOKENS[..PROMPT]), of(&TOKENS[PROMPT..])),
            (usage.prompt(), usage.completion())
        );
    }

    #[test]
    fn what_is_added_up_is_what_was_noted_together() {
        let row = |status, outcome, ms| Row {
            status,
            outcome,
            latency_ms: ms,
            ttft_ms: Some(ms / 2),
            cost_pico: Some(7),
            usage: Usage {
                input: 3,
                output: 4,
                ..Usage::default()
            },
            ..Row::default()
        };
        let rows = [
            row(200, Outcome::Ok, 15),
            row(502, Outcome::Failed, 3_000),
            row(0, Outcome::ClientClosed, 1),
        ];
        let (mut all, mut sum) = (Cell::default(), Cell::default());
        for row in &rows {
            let mut one = Cell::default();
            for cell in [&mut all, &mut one] {
                cell.note(row, &Sum::of(row));
            }
            sum.add(&one);
        }
        assert_eq!(all, sum);
        assert_eq!(
            (all.sum.requests, all.sum.errors, all.sum.cost_pico),
            (3, 2, 21)
        );
        assert_eq!(
            [all.requests[2][0], all.requests[5][1], all.requests[0][3]],
            [1; 3]
        );
        assert!(!all.is_empty() && Cell::default().is_empty());
    }
}
