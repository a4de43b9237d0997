//! Counters in memory: the accounts of this process.

use super::books::{Books, Page};
use super::ledger::Ledger;
use super::{
    Account, Amounts, Answer, Clock, Counters, Health, Kind, Refusal, Reserved, SESSIONS, Second,
    Standing, Subject, reserving,
};
use crate::resources::limit::Limit;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Accounts by whose they are. Requests do not look here, but for the account of a session.
type Accounts = HashMap<Subject, Arc<Account>>;

/// Counters that end with the process.
pub struct Memory {
    clock: Clock,
    accounts: Mutex<Accounts>,
    sessions: Mutex<Accounts>,
    /// The most sessions.
    most: usize,
    /// Where what is counted is noted to be kept.
    books: Option<Arc<Books>>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new(Clock::system(), SESSIONS, None)
    }
}

fn lock(accounts: &Mutex<Accounts>) -> MutexGuard<'_, Accounts> {
    accounts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub(super) fn new(clock: Clock, most_sessions: usize, books: Option<Arc<Books>>) -> Memory {
        Memory {
            clock,
            accounts: Mutex::default(),
            sessions: Mutex::default(),
            most: most_sessions.max(1),
            books,
        }
    }

    /// Takes an account as it was kept.
    pub(super) fn adopt(&self, account: Account) {
        let mut accounts = lock(self.of(account.subject()));
        if account.subject().kind == Kind::Session && accounts.len() >= self.most {
            make_room(&mut accounts, self.most);
        }
        accounts.insert(account.subject().clone(), Arc::new(account));
    }

    fn of(&self, subject: &Subject) -> &Mutex<Accounts> {
        match subject.kind {
            Kind::Session => &self.sessions,
            _ => &self.accounts,
        }
    }
}

/// Takes away the sessions that were used longest ago, a good part at once so that it is seldom. Those that hold something
/// stay.
fn make_room(sessions: &mut Accounts, most: usize) {
    let mut idle: Vec<(Second, Subject)> = sessions
        .values()
        .filter(|account| account.ledger().idle())
        .map(|account| (account.last(), account.subject().clone()))
        .collect();
    idle.sort_unstable();
    let too_many = sessions.len().saturating_sub(most - most / 8);
    for (_, subject) in idle.iter().take(too_many) {
        sessions.remove(subject);
    }
}

impl Counters for Memory {
    fn now(&self) -> Second {
        self.clock.now()
    }

    fn account(&self, subject: &Subject, limits: &[Limit], version: u64) -> Arc<Account> {
        let mut accounts = lock(self.of(subject));
        let known = accounts.get(subject).cloned();
        let account = known.unwrap_or_else(|| {
            if subject.kind == Kind::Session && accounts.len() >= self.most {
                make_room(&mut accounts, self.most);
            }
            let page = self.books.as_ref().map(Page::new);
            let account = Account::new(subject.clone(), Ledger::default(), page);
            let account = Arc::new(account);
            accounts.insert(subject.clone(), account.clone());
            account
        });
        drop(accounts);
        account.limit(limits, version, self.now());
        account
    }

    fn reserve(
        &self,
        accounts: &[&Arc<Account>],
        asked: Amounts,
        now: Second,
    ) -> Answer<Result<Reserved, Box<Refusal>>> {
        Answer::ready(reserving::reserve(accounts, asked, now))
    }

    fn try_reserve(
        &self,
        accounts: &[&Arc<Account>],
        asked: Amounts,
        now: Second,
    ) -> Answer<Option<Reserved>> {
        Answer::ready(reserving::try_reserve(accounts, asked, now))
    }

    fn settle(&self, accounts: &[&Arc<Account>], reserved: &Reserved, used: Amounts, now: Second) {
        reserving::settle(accounts, reserved, &used, now);
    }

    fn standings(&self, account: &Arc<Account>, now: Second) -> Answer<Vec<Standing>> {
        let mut ledger = account.ledger();
        ledger.advance(now);
        Answer::ready(ledger.standings())
    }

    fn accounts(&self) -> Vec<Arc<Account>> {
        let of = |accounts| lock(accounts).values().cloned().collect::<Vec<_>>();
        [&self.accounts, &self.sessions].map(of).concat()
    }

    fn reset(&self, account: &Arc<Account>, limit: Option<&Limit>) {
        account.ledger().reset(limit);
        account.note();
    }

    fn retain(&self, keep: &dyn Fn(&Subject) -> bool) {
        for accounts in [&self.accounts, &self.sessions] {
            lock(accounts).retain(|subject, _| keep(subject));
        }
    }

    fn health(&self) -> Health {
        let there = [&self.accounts, &self.sessions].map(|accounts| lock(accounts).len() as u64);
        Health {
            accounts: there.iter().sum(),
            ..Health::default()
        }
    }

    fn close(&self) {}
}
