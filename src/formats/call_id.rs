//! Ids of calls for those who take fewer characters in them than others give.

/// The id as it is where it is of these characters and no longer; else one that is, with a mark of what it was, so that
/// different ones stay different. A call and its result change alike.
pub fn fitting(id: &str, fits: impl Fn(char) -> bool, longest: usize) -> String {
    if !id.is_empty() && id.len() <= longest && id.chars().all(&fits) {
        return id.to_owned();
    }
    let mark = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mark = format!("_{:08x}", mark as u32);
    let clean = id.chars().map(|c| if fits(c) { c } else { '_' });
    let clean: String = clean.take(longest.saturating_sub(mark.len())).collect();
    clean + &mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_ids_stay_different() {
        let plain = |id: &str| fitting(id, |c| c.is_ascii_alphanumeric(), 20);
        assert_eq!(plain("call1"), "call1");
        let long = ["x".repeat(300) + "a", "x".repeat(300) + "b"];
        let short: Vec<String> = long.iter().map(|id| plain(id)).collect();
        assert!(short[0] != short[1] && short.iter().all(|id| id.len() == 20));
        assert_ne!(plain("a.b"), plain("a-b"));
        assert!(!plain("").is_empty() && plain("é").is_ascii());
    }
}
