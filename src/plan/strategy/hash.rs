//! The hash that sticky picks go by: the same in every process, release and machine, so that several gateways agree.
//! Nothing is kept secret by it.

/// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>) over the parts with an end mark behind each.
pub(in crate::plan) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let part = |hash, part: &[u8]| step(part.iter().fold(hash, step), &0xff);
    mix(parts.into_iter().fold(0xcbf2_9ce4_8422_2325, part))
}

/// Spreads what differs in a few bits over all of them (the end of SplitMix64).
pub(super) fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_changes_and_parts_are_told_apart() {
        assert_eq!(of([&b"a"[..], b"b"]), of([&b"a"[..], b"b"]));
        assert_ne!(of([&b"ab"[..]]), of([&b"a"[..], b"b"]));
        // What gateways of other releases compute.
        assert_eq!(of([&b"session"[..], b"abc"]), 1_315_113_951_480_002_015);
    }
}
