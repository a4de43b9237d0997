//! Chance that can be repeated: what comes depends on the seed and on what it is for, never on time or threads.

/// Numbers drawn in turn.
pub struct Dice(u64);

impl Dice {
    /// The dice for one purpose: equal words, equal throws.
    pub fn of(words: &[u64]) -> Dice {
        let mut dice = Dice(0x5157_6f72_6d21);
        for word in words {
            dice.0 = dice
                .0
                .wrapping_add(*word)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            dice.next();
        }
        dice
    }
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
    /// True this many times in a thousand.
    pub fn permille(&mut self, times: u64) -> bool {
        self.below(1000) < times
    }
    /// Puts items in another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
    /// An item by weight.
    pub fn weighted<'a, T>(&mut self, items: &'a [(u64, T)]) -> &'a T {
        let mut at = self.below(items.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in items {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return item,
            }
        }
        &items[0].1
    }
}
