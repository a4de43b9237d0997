//! What records used lately, as their lists tell it, kept for a while. Must not know where it is read.

use crate::catalog::{Pico, dollars};
use crate::store::journal::sums::Figures;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is known of money: `None` where nothing is, which is not nothing.
pub fn spend(cost: Pico, unpriced: u64) -> Option<String> {
    (cost != 0 || unpriced == 0).then(|| dollars(cost))
}

/// What the records of a kind used since a time, by their names.
pub struct Used {
    /// As it was asked.
    pub since: String,
    pub of: HashMap<String, Figures>,
}

impl Used {
    /// What one of them used.
    pub fn show(&self, name: &str) -> Value {
        let nothing = Figures::default();
        let figures = self.of.get(name).unwrap_or(&nothing);
        let usage = figures.usage();
        json!({
            "since": self.since,
            "requests": figures.requests,
            "tokens": usage.total(),
            "input": usage.prompt(),
            "output": usage.completion(),
            "spend": spend(figures.cost_pico, figures.unpriced),
            "unpriced": figures.unpriced,
        })
    }
}

/// What was told of use lately. Lists are asked for often: one that took long is told again for a while, so that they
/// take a small share of the machine however long the log is.
#[derive(Default)]
pub struct Recent(Mutex<HashMap<(u8, String), Kept>>);

struct Kept {
    at: Instant,
    took: Duration,
    used: Arc<Used>,
}

/// An answer is told again for so many times as long as it took.
const AGAIN: u32 = 20;
/// Answers kept; what is asked with is the callers' choice.
const KEPT: usize = 32;

impl Recent {
    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<(u8, String), Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn still(&self, key: &(u8, String)) -> Option<Arc<Used>> {
        let kept = self.kept();
        let known = kept.get(key)?;
        (known.at.elapsed() < known.took.saturating_mul(AGAIN)).then(|| known.used.clone())
    }

    /// Keeps an answer that was begun then.
    pub fn keep(&self, key: (u8, String), begun: Instant, used: Arc<Used>) {
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        let fresh = Kept {
            at: Instant::now(),
            took: begun.elapsed(),
            used,
        };
        kept.insert(key, fresh);
    }
}
