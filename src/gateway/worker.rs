//! What the requests of one worker share, and no other thread touches. Must not know what is done with it.

use super::{Shared, crowd::Crowd, pool::Pool, watch::Watches};
use crate::plan::Dice;
use std::{cell::RefCell, rc::Rc, sync::Arc};

/// What one worker's requests share.
pub struct Worker {
    pub shared: Arc<Shared>,
    pub pool: Rc<Pool>,
    pub watches: Rc<Watches>,
    pub crowd: Crowd,
    pub dice: RefCell<Dice>,
    ids: RefCell<ulid::Generator>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, seed: u64) -> Worker {
        Worker {
            pool: Rc::default(),
            watches: Rc::default(),
            crowd: Crowd::default(),
            dice: RefCell::new(Dice::new(seed)),
            ids: RefCell::new(ulid::Generator::new()),
            shared,
        }
    }

    /// A time-ordered request id.
    pub fn next_id(&self) -> String {
        // The generator only fails when one millisecond's 80 random bits overflow; a plain one then does.
        let id = self
            .ids
            .borrow_mut()
            .generate()
            .unwrap_or_else(|_| ulid::Ulid::new());
        format!("req_{id}")
    }
}
