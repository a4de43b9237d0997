//! Pricing rows of the log again: what is asked for, what it comes to, and what is kept of how it was. Pure.

use super::{Filter, Row};
use crate::catalog::CostStatus;
use crate::chat::{Bucket, Usage};
use crate::resources::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a row costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Picodollars; absent: unpriced.
    pub cost_pico: Option<i64>,
    pub cost_status: CostStatus,
    /// What was used that has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpriced: Option<Bucket>,
}

impl Price {
    /// What a row says it costs.
    pub fn of(row: &Row) -> Price {
        Price {
            cost_pico: row.cost_pico,
            cost_status: row.cost_status,
            unpriced: row.unpriced,
        }
    }
}

/// How a row was priced before, and who had it priced again. Its first price, however often that was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repriced {
    #[serde(flatten)]
    pub before: Price,
    pub at: Stamp,
    pub who: String,
}

/// What a row costs as models are priced now; `None`: as it did.
pub type Pricing = dyn Fn(&Row) -> Option<Price> + Send + Sync;

/// What is to be priced again.
pub struct Repricing<'a> {
    /// Of which rows; its text is not looked at.
    pub filter: Filter,
    /// What a row costs now; `None`: as it did.
    pub price: &'a Pricing,
    /// When, and by whom; `None`: nothing is to be changed.
    pub by: Option<(Stamp, String)>,
}

impl Repricing<'_> {
    /// The new price of a row that is wanted, counted in `tally`; `None` where it stays as it is.
    pub fn of(&self, row: &Row, tally: &mut Tally) -> Option<Price> {
        let before = Price::of(row);
        let after = (self.price)(row).unwrap_or(before);
        let name = |name: &Option<Arc<str>>| name.as_deref().map(str::to_owned);
        let key = (name(&row.model), name(&row.provider));
        let used = row.usage != Usage::default();
        tally.0.entry(key).or_default().take(before, after, used);
        (after != before).then_some(after)
    }

    /// Lays a price over a row.
    pub fn lay(row: &mut Row, price: Price, at: Stamp, who: &str) {
        let first = row.repriced.take().map(|earlier| earlier.before);
        row.repriced = Some(Box::new(Repriced {
            before: first.unwrap_or(Price::of(row)),
            at,
            who: who.to_owned(),
        }));
        row.cost_pico = price.cost_pico;
        row.cost_status = price.cost_status;
        row.unpriced = price.unpriced;
    }
}

/// Old and new sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Requests that were looked at, and of these the ones that cost something else now.
    pub requests: u64,
    pub changed: u64,
    /// Picodollars of those that have a cost, and how many used something and have none.
    pub before: i128,
    pub after: i128,
    pub unpriced_before: u64,
    pub unpriced_after: u64,
}

impl Change {
    fn take(&mut self, before: Price, after: Price, used: bool) {
        // As sums count them.
        let unpriced = |price: Price| u64::from(used && price.cost_pico.is_none());
        self.add(&Change {
            requests: 1,
            changed: (before != after).into(),
            before: before.cost_pico.unwrap_or(0).into(),
            after: after.cost_pico.unwrap_or(0).into(),
            unpriced_before: unpriced(before),
            unpriced_after: unpriced(after),
        });
    }

    fn add(&mut self, more: &Change) {
        self.requests += more.requests;
        self.changed += more.changed;
        self.before = self.before.saturating_add(more.before);
        self.after = self.after.saturating_add(more.after);
        self.unpriced_before += more.unpriced_before;
        self.unpriced_after += more.unpriced_after;
    }
}

/// Old and new sums by model and provider. Models and providers, as callers chose them: bounded by the rows there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally(pub BTreeMap<(Option<String>, Option<String>), Change>);

impl Tally {
    /// All together.
    pub fn total(&self) -> Change {
        let mut total = Change::default();
        self.0.values().for_each(|change| total.add(change));
        total
    }
}
