//! What one request has reserved and still owes. Must not know why.

use super::sizes::Sizes;
use crate::store::counters::{Account, Amounts, Counters, Reserved};
use std::sync::Arc;

/// Reserved in these accounts.
pub(super) struct Held {
    pub accounts: Vec<Arc<Account>>,
    pub reserved: Reserved,
}

impl Held {
    fn settle(&self, counters: &dyn Counters, used: Amounts) {
        let accounts: Vec<&Arc<Account>> = self.accounts.iter().collect();
        counters.settle(&accounts, &self.reserved, used, counters.now());
    }
}

/// What a request has reserved.
#[derive(Default)]
pub struct Tab {
    pub(super) sizes: Option<Sizes>,
    /// Of its key, user and session.
    pub(super) caller: Option<Held>,
    /// Beside it, in the same accounts, where that was in another second.
    pub(super) money: Option<Reserved>,
    /// Of the provider and model that is being tried.
    pub(super) target: Option<Held>,
}

impl Tab {
    /// The request came to this.
    pub fn settle(mut self, counters: &dyn Counters, used: Amounts) {
        if let Some(target) = self.target.take() {
            target.settle(counters, used);
        }
        self.settle_caller(counters, used);
    }

    /// A target gave no answer: it has been asked, and no more.
    pub fn left(&mut self, counters: &dyn Counters) {
        if let Some(target) = self.target.take() {
            let asked = Amounts {
                requests: 1,
                ..Amounts::default()
            };
            target.settle(counters, asked);
        }
    }

    /// The request is refused: it never was.
    pub fn give_back(&mut self, counters: &dyn Counters) {
        self.settle_caller(counters, Amounts::default());
    }

    fn settle_caller(&mut self, counters: &dyn Counters, mut used: Amounts) {
        let Some(mut held) = self.caller.take() else {
            return;
        };
        let before = used;
        if let Some(money) = self.money.take() {
            used.pico = 0;
            held.settle(counters, used);
            held.reserved = money;
            used = Amounts {
                pico: before.pico,
                ..Amounts::default()
            };
        }
        held.settle(counters, used);
    }

    /// The accounts of its caller, once it has reserved there.
    pub fn accounts(&self) -> Option<&[Arc<Account>]> {
        self.caller.as_ref().map(|held| &*held.accounts)
    }
}
