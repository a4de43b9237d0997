//! When a reply is complete: every choice that was asked for, or has begun, has said why it ends. Must not know how a
//! format spells either.

/// How far the choices of one reply are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finish {
    /// How many choices were asked for; 0 where nobody said.
    asked: u32,
    /// A bit for each choice that has begun, and for each that has ended.
    begun: u128,
    ended: u128,
}

impl Finish {
    /// A reply of which so many choices were asked for.
    pub fn of(asked: u32) -> Finish {
        Finish {
            // More than anybody serves; each has a bit of its own.
            asked: asked.min(u128::BITS),
            ..Finish::default()
        }
    }

    /// Choice `index` says something; `ended`: its last word.
    pub fn note(&mut self, index: u64, ended: bool) {
        let bit = 1 << index.min(u64::from(u128::BITS) - 1);
        self.begun |= bit;
        if ended {
            self.ended |= bit;
        }
    }

    /// Takes in what a piece of the reply says.
    pub fn join(&mut self, piece: Finish) {
        self.begun |= piece.begun;
        self.ended |= piece.ended;
    }

    /// Whether there is any choice.
    pub fn any_begun(&self) -> bool {
        self.begun != 0
    }

    /// Whether any choice has ended.
    pub fn any_ended(&self) -> bool {
        self.ended != 0
    }

    /// Whether nothing is missing.
    pub fn complete(&self) -> bool {
        self.ended != 0
            && self.begun & !self.ended == 0
            && (self.asked <= 1 || self.ended.count_ones() >= self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_must_have_ended() {
        let complete = |asked: u32, notes: &[(u64, bool)]| {
            let mut finish = Finish::of(asked);
            for (index, ended) in notes {
                finish.note(*index, *ended);
            }
            finish.complete()
        };
        assert!(!complete(0, &[]));
        assert!(!complete(1, &[(0, false)]));
        assert!(complete(1, &[(0, false), (0, true)]));
        assert!(!complete(0, &[(0, true), (1, false)]));
        assert!(complete(0, &[(0, true), (1, false), (1, true)]));
        // The third has not even begun.
        assert!(!complete(3, &[(0, true), (1, true)]));
        assert!(complete(3, &[(0, true), (2, true), (1, true)]));
        assert!(complete(
            200,
            &(0..200).map(|index| (index, true)).collect::<Vec<_>>()
        ));
    }
}
