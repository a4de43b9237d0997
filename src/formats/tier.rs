//! The tier of service as an answer says it. Must not know which member of which format that is.

use super::{Seen, lenient::Text};
use crate::chat::Tier;
use serde::{Deserialize, Deserializer};

/// What a member says that names the tier; anything but text says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Served(pub Option<Tier>);

impl Served {
    /// What is said last holds.
    pub fn note(self, seen: &mut Seen) {
        if let Some(tier) = self.0 {
            seen.tier = tier;
        }
    }

    /// The dearer word: what is not standard, where both say something.
    pub fn or(self, other: Served) -> Served {
        match self.0 {
            None | Some(Tier::Standard) if other.0.is_some() => other,
            _ => self,
        }
    }
}

impl<'de> Deserialize<'de> for Served {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Served, D::Error> {
        let word = Text::deserialize(from)?;
        Ok(Served(Tier::said(word.as_str())))
    }
}
