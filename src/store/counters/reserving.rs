//! Reserving and settling over several accounts at once: all or nothing. All their locks are held together, taken in one order
//! for everybody, so that a request that is refused at the last has taken nothing from anybody even for a moment.

use super::ledger::Ledger;
use super::{Account, Amounts, Refusal, Reserved, Second};
use std::sync::{Arc, MutexGuard};

/// Ledgers that are held, and whose they are.
type Held<'a> = (&'a Arc<Account>, MutexGuard<'a, Ledger>);

/// Calls `then` with the ledgers of all accounts, in the order of the accounts; each account once.
fn locked<T>(accounts: &[&Arc<Account>], then: impl FnOnce(&mut [Held<'_>]) -> T) -> T {
    let order = |account: &&Arc<Account>| (account.subject().kind, Arc::as_ptr(account));
    let sorted = accounts
        .windows(2)
        .all(|two| order(&two[0]) < order(&two[1]));
    let mut own;
    let accounts = match sorted {
        true => accounts,
        false => {
            own = accounts.to_vec();
            own.sort_by_key(order);
            own.dedup_by_key(|account| order(account));
            &own
        }
    };
    let mut ledgers = Vec::with_capacity(accounts.len());
    ledgers.extend(accounts.iter().map(|it| (*it, it.ledger())));
    then(&mut ledgers)
}

/// Reserves on all accounts or on none.
pub fn reserve(
    accounts: &[&Arc<Account>],
    asked: Amounts,
    now: Second,
) -> Result<Reserved, Box<Refusal>> {
    locked(accounts, |ledgers| {
        let (refused, shadowed) = in_the_way(ledgers, &asked, now);
        if refused || shadowed {
            for (_, ledger) in &mut *ledgers {
                ledger.note_refused(&asked);
            }
        }
        if let Some(refusal) = refused.then(|| longest(ledgers, &asked)).flatten() {
            return Err(Box::new(refusal));
        }
        let shadowed = match shadowed {
            true => refusals(ledgers, &asked, true).collect(),
            false => Vec::new(),
        };
        Ok(take(ledgers, asked, now, shadowed))
    })
}

/// The same where nothing is in the way; else nothing changes.
pub fn try_reserve(accounts: &[&Arc<Account>], asked: Amounts, now: Second) -> Option<Reserved> {
    locked(accounts, |ledgers| {
        let free = in_the_way(ledgers, &asked, now) == (false, false);
        free.then(|| take(ledgers, asked, now, Vec::new()))
    })
}

/// Whether a limit is in the way, and whether one in shadow is.
fn in_the_way(ledgers: &mut [Held<'_>], asked: &Amounts, now: Second) -> (bool, bool) {
    let (mut refused, mut shadowed) = (false, false);
    for (account, ledger) in ledgers {
        account.touch(now);
        ledger.advance(now);
        refused |= ledger.over(asked, false).next().is_some();
        shadowed |= ledger.over(asked, true).next().is_some();
    }
    (refused, shadowed)
}

/// Reserves, whatever is in the way.
fn take(ledgers: &mut [Held<'_>], asked: Amounts, now: Second, shadowed: Vec<Refusal>) -> Reserved {
    // One second for all: the latest that any of them was told.
    let at = ledgers.iter().map(|(_, ledger)| ledger.now()).max();
    let at = at.unwrap_or(now);
    for (account, ledger) in ledgers {
        ledger.advance(at);
        ledger.reserve(&asked);
        account.note();
    }
    Reserved {
        amounts: asked,
        at,
        shadowed,
    }
}

fn refusals<'a>(
    ledgers: &'a [Held<'_>],
    asked: &'a Amounts,
    shadow: bool,
) -> impl Iterator<Item = Refusal> + 'a {
    ledgers.iter().flat_map(move |(account, ledger)| {
        let over = ledger.over(asked, shadow);
        over.map(move |limit| ledger.refusal(account.subject(), limit, asked))
    })
}

/// The refusal that is in the way longest, the first of those that are so equally long.
fn longest(ledgers: &[Held<'_>], asked: &Amounts) -> Option<Refusal> {
    let lasts = |it: &Refusal| it.retry_after.unwrap_or(u32::MAX);
    refusals(ledgers, asked, false).reduce(|longest, other| match lasts(&other) > lasts(&longest) {
        true => other,
        false => longest,
    })
}

/// Puts what was used in the place of what was reserved.
pub fn settle(accounts: &[&Arc<Account>], reserved: &Reserved, used: &Amounts, now: Second) {
    for account in accounts {
        let mut ledger = account.ledger();
        ledger.advance(now);
        ledger.settle(&reserved.amounts, reserved.at, used);
        drop(ledger);
        account.note();
    }
}
