//! Repeatable randomness: SplitMix64 (Steele, Lea, Flood 2014). Same seed, same picks.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }
    /// Independent dice for the `turn`-th request of a seeded route.
    pub fn seeded(seed: u64, turn: u64) -> Dice {
        let mut dice = Dice(seed ^ turn.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        dice.next();
        dice
    }
    /// The next 64 random bits.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// A number below `limit` (0 for 0), by multiply-shift.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}
