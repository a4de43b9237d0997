//! What keeps a store's file up to date knows of each account: its number there, and whether anything is new. Noting that is a
//! flag that is set, once between two writes.

use super::Account;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

/// The number of the file that is there when a process starts; those that follow have higher ones.
pub const FIRST: u32 = 1;

/// The accounts that have something new, and where new accounts get their numbers from.
pub struct Books {
    touched: Mutex<Vec<Arc<Account>>>,
    next: AtomicU32,
    /// Told when there is something new where there was nothing.
    told: Box<dyn Fn() + Send + Sync>,
}

impl Books {
    /// `told`: called when there is something new where there was nothing, once between two writes.
    pub fn new(told: impl Fn() + Send + Sync + 'static) -> Books {
        Books {
            touched: Mutex::default(),
            next: AtomicU32::default(),
            told: Box::new(told),
        }
    }

    /// Numbers below this are taken.
    pub fn taken(&self, below: u32) {
        self.next.fetch_max(below, Ordering::Relaxed);
    }

    /// The accounts with something new since the last time.
    pub fn take(&self) -> Vec<Arc<Account>> {
        std::mem::take(&mut *self.touched.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, account: &Arc<Account>) {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.push(account.clone());
        let first = touched.len() == 1;
        drop(touched);
        if first {
            (self.told)();
        }
    }
}

/// An account's page in the books.
pub struct Page {
    books: Arc<Books>,
    /// What it is called in the file.
    pub number: u32,
    /// It is among those touched.
    touched: AtomicBool,
    /// The newest file it was written into as a whole; 0: none.
    pub file: AtomicU32,
}

impl Page {
    pub fn new(books: &Arc<Books>) -> Page {
        let number = books.next.fetch_add(1, Ordering::Relaxed);
        Page::numbered(books, number)
    }

    /// Of an account that the file has, under this number.
    pub fn kept(books: &Arc<Books>, number: u32) -> Page {
        Page {
            file: AtomicU32::new(FIRST),
            ..Page::numbered(books, number)
        }
    }

    fn numbered(books: &Arc<Books>, number: u32) -> Page {
        Page {
            books: books.clone(),
            number,
            touched: AtomicBool::new(false),
            file: AtomicU32::new(0),
        }
    }

    /// There is something new of this account, which is its own.
    pub fn note(&self, account: &Arc<Account>) {
        if !self.touched.swap(true, Ordering::AcqRel) {
            self.books.add(account);
        }
    }

    /// What is new is about to be read: what comes after this is noted again.
    pub fn reading(&self) {
        self.touched.swap(false, Ordering::AcqRel);
    }
}
