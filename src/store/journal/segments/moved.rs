//! Where the frames of a packed file are: rows go on naming the places that they had before.

/// The places of frames, as they were and as they are, in the order of both.
#[derive(Debug, Default, PartialEq)]
pub struct Moved(Vec<(u64, u64)>);

const PAIR: usize = 16;

impl Moved {
    pub fn note(&mut self, was: u64, is: u64) {
        self.0.push((was, is));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where the frame is that was at this place.
    pub fn of(&self, was: u64) -> Option<u64> {
        let at = self.0.binary_search_by_key(&was, |(was, _)| *was).ok()?;
        self.0.get(at).map(|(_, is)| *is)
    }

    pub fn pack(&self) -> Vec<u8> {
        let pairs = self.0.iter();
        pairs
            .flat_map(|(was, is)| [was.to_le_bytes(), is.to_le_bytes()])
            .flatten()
            .collect()
    }

    pub fn unpack(bytes: &[u8]) -> Option<Moved> {
        let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
        let pairs = bytes.chunks(PAIR).map(|pair| {
            let (was, is) = pair.split_at_checked(PAIR / 2)?;
            Some((number(was)?, number(is)?))
        });
        pairs.collect::<Option<Vec<(u64, u64)>>>().map(Moved)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_found_by_what_they_were() {
        let mut moved = Moved::default();
        for (was, is) in [(8, 8), (5000, 1200), (9000, 1300), (1 << 40, 1 << 39)] {
            moved.note(was, is);
        }
        let packed = moved.pack();
        assert_eq!(Moved::unpack(&packed), Some(moved));
        let moved = Moved::unpack(&packed).unwrap();
        let found = [8, 5000, 9000, 1 << 40, 1200, 0].map(|was| moved.of(was));
        let is = [8, 1200, 1300, 1 << 39].map(Some);
        assert_eq!(found[..4], is);
        assert_eq!(found[4..], [None, None]);
        assert_eq!(Moved::unpack(&packed[..packed.len() - 1]), None);
        assert_eq!(Moved::unpack(&[]), Some(Moved::default()));
    }
}
