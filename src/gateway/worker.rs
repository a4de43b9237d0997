//! What the requests of one worker share, and no other thread touches. Must not know what is done with it.

use super::{Shared, crowd::Crowd, date::Date, pool::Pool, transport::Spare, watch::Watches};
use crate::plan::Dice;
use crate::resources::Stamp;
use std::{cell::RefCell, rc::Rc, sync::Arc};

/// What one worker's requests share.
pub struct Worker {
    pub shared: Arc<Shared>,
    pub pool: Rc<Pool>,
    pub watches: Rc<Watches>,
    pub crowd: Crowd,
    pub date: Date,
    pub spare: Rc<Spare>,
    pub dice: RefCell<Dice>,
    /// Of its own: what ids take must not change where requests go.
    id_dice: RefCell<Dice>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>, seed: u64) -> Worker {
        Worker {
            pool: Rc::default(),
            watches: Rc::default(),
            crowd: Crowd::default(),
            date: Date::default(),
            spare: Rc::default(),
            dice: RefCell::new(Dice::new(seed)),
            id_dice: RefCell::new(Dice::new(seed ^ u64::MAX)),
            shared,
        }
    }

    /// A request id behind all that were given so far.
    pub fn next_id(&self) -> String {
        self.id_at(Stamp::now())
    }

    /// The same for a request that was taken now.
    pub fn id_at(&self, now: Stamp) -> String {
        let random = self.id_dice.borrow_mut().next();
        self.shared.traffic.ids.next(now.0, random)
    }
}
