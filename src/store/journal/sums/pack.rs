//! Sums as bytes, small: names once, numbers as varints. The first byte says which form it is; what an earlier release
//! wrote (JSON) is none of these, and the rows are read in its place.

use super::{COUNTED, FIELDS, Figures, Group, Sums};
use crate::store::varint::{Bytes, put, put_text, unzigzag, zigzag};

/// The form written here.
const FORM: u8 = 2;
/// Bit of a group's flags.
const ERROR: u64 = 1;

impl Sums {
    /// As bytes, in the order of the groups.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        put(&mut out, self.names.list().len() as u128);
        for name in self.names.list() {
            put_text(&mut out, name);
        }
        let mut groups: Vec<(&Group, &Figures)> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|(group, _)| **group);
        put(&mut out, groups.len() as u128);
        for (group, figures) in groups {
            put(&mut out, zigzag(group.slot.into()));
            put(&mut out, group.status.into());
            put(&mut out, if group.error { ERROR.into() } else { 0 });
            group
                .names
                .iter()
                .for_each(|name| put(&mut out, (*name).into()));
            pack_figures(&mut out, figures);
        }
        out
    }
}

fn pack_figures(out: &mut Vec<u8>, figures: &Figures) {
    for number in [
        figures.requests,
        figures.errors,
        figures.unpriced,
        figures.estimated,
    ] {
        put(out, number.into());
    }
    let used = figures.counts.iter().enumerate();
    let mask = used.fold(0_u64, |mask, (at, count)| {
        mask | u64::from(*count > 0) << at
    });
    put(out, mask.into());
    let used = figures.counts.iter().filter(|count| **count > 0);
    used.for_each(|count| put(out, (*count).into()));
    put(out, zigzag(figures.cost_pico));
    put(out, zigzag(figures.estimated_pico));
    for times in [&figures.latency, &figures.ttft] {
        let (sum, buckets) = times.parts();
        put(out, sum.into());
        put(out, buckets.len() as u128);
        let mut before = 0;
        for (bucket, count) in buckets {
            put(out, (bucket - before).into());
            put(out, (*count).into());
            before = *bucket;
        }
    }
}

/// Reads packed sums group by group; the figures are lent, so that nothing is allocated for each. `None`: these are
/// not sums in a form known here, of which nothing was taken; or they end too early, which their checksum rules out.
pub fn unpack<'a>(
    bytes: &'a [u8],
    mut take: impl FnMut(&[&'a str], &Group, &Figures),
) -> Option<()> {
    let (form, rest) = bytes.split_first()?;
    if *form != FORM {
        return None;
    }
    let mut bytes = Bytes(rest);
    let count: usize = bytes.whole()?;
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(bytes.text()?);
    }
    let count: usize = bytes.whole()?;
    let mut figures = Figures::default();
    let mut buckets = Vec::new();
    for _ in 0..count {
        let mut group = Group {
            slot: i64::try_from(unzigzag(bytes.number()?)).ok()?,
            status: bytes.whole()?,
            error: bytes.whole::<u64>()? & ERROR != 0,
            names: [0; FIELDS],
        };
        for name in &mut group.names {
            *name = bytes.whole()?;
        }
        unpack_figures(&mut bytes, &mut figures, &mut buckets)?;
        take(&names, &group, &figures);
    }
    Some(())
}

fn unpack_figures(
    bytes: &mut Bytes<'_>,
    figures: &mut Figures,
    buckets: &mut Vec<(u16, u64)>,
) -> Option<()> {
    figures.requests = bytes.whole()?;
    figures.errors = bytes.whole()?;
    figures.unpriced = bytes.whole()?;
    figures.estimated = bytes.whole()?;
    let mask: u64 = bytes.whole()?;
    figures.counts = [0; COUNTED.len()];
    for at in (0..u64::BITS).filter(|at| mask & 1 << at != 0) {
        let count = bytes.whole()?;
        // What a later release counts besides is passed over.
        if let Some(known) = figures.counts.get_mut(at as usize) {
            *known = count;
        }
    }
    figures.cost_pico = unzigzag(bytes.number()?);
    figures.estimated_pico = unzigzag(bytes.number()?);
    for times in [&mut figures.latency, &mut figures.ttft] {
        let sum = bytes.whole()?;
        let count: usize = bytes.whole()?;
        buckets.clear();
        let mut at = 0_u16;
        for _ in 0..count {
            at = at.checked_add(bytes.whole()?)?;
            buckets.push((at, bytes.whole()?));
        }
        times.restore(sum, buckets.iter().copied());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::super::contract::row;
    use super::*;
    use crate::store::journal::Row;
    use proptest::prelude::*;

    fn unpacked(bytes: &[u8]) -> Option<Vec<(Vec<String>, Group, Figures)>> {
        let mut all = Vec::new();
        unpack(bytes, |names, group, figures| {
            let names = group.names.iter().map(|name| match name {
                0 => String::new(),
                at => names[*at as usize - 1].to_owned(),
            });
            all.push((names.collect(), *group, figures.clone()));
        })?;
        Some(all)
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let rows: Vec<Row> = (0..300).map(row).collect();
        let sums = Sums::of(rows.iter());
        let bytes = sums.pack();
        let found = unpacked(&bytes).unwrap();
        assert_eq!(found.len(), sums.groups());
        for (_, group, figures) in &found {
            assert_eq!(sums.groups.get(group), Some(figures));
        }
        let empty = Sums::default().pack();
        assert_eq!(unpacked(&empty), Some(Vec::new()));
        assert_eq!(unpacked(b"[]"), None, "an earlier release's");
        assert_eq!(unpacked(b""), None);
        for end in 0..bytes.len() {
            assert_eq!(unpacked(&bytes[..end]), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(number: i128) {
            let mut out = Vec::new();
            put(&mut out, zigzag(number));
            prop_assert_eq!(Bytes(&out).number().map(unzigzag), Some(number));
        }

        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(first) = bytes.first_mut() { *first = FORM }
            let _ = unpacked(&bytes);
        }
    }
}
