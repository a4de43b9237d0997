//! An estimate of what a secret that somebody thought up is worth, in bits: on the safe side, so that
//! `password1password1...` is told from the output of a random generator.

/// Bits by the alphabet the characters come from, counting only characters that the ones before do not
/// give away: repeats of what stood earlier, runs (`aaaaa`) and sequences (`12345`) add nothing.
pub fn bits(text: &[u8]) -> f64 {
    let has = |class: fn(&u8) -> bool| text.iter().any(class);
    let hex = text
        .iter()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
        || text
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let mut alphabet = 0u32;
    for (class, size) in [
        (
            (|byte: &u8| byte.is_ascii_lowercase()) as fn(&u8) -> bool,
            26,
        ),
        (|byte: &u8| byte.is_ascii_uppercase(), 26),
        (|byte: &u8| byte.is_ascii_digit(), 10),
        (|byte: &u8| byte.is_ascii_punctuation(), 8),
    ] {
        alphabet += if has(class) { size } else { 0 };
    }
    let all_hex = hex && alphabet > 10;
    // Letters of one case without a digit are words until proven otherwise: English carries some 2 bits a letter.
    let mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let words = !has(u8::is_ascii_digit) && !mixed;
    let each = if words {
        2.0
    } else if all_hex {
        4.0
    } else {
        f64::from(alphabet.max(2)).log2()
    };
    f64::from(u32::try_from(surprising(text)).unwrap_or(u32::MAX)) * each
}

/// How many characters are no continuation of an earlier stretch of five or of a steady step of five.
fn surprising(text: &[u8]) -> usize {
    const STRETCH: usize = 5;
    let mut count = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let repeated = (0..at)
            .map(|from| {
                text[from..]
                    .iter()
                    .zip(rest)
                    .take_while(|(a, b)| a == b)
                    .count()
            })
            .max()
            .unwrap_or(0);
        let step = |step: i16| {
            1 + rest
                .windows(2)
                .take_while(|pair| i16::from(pair[1]) - i16::from(pair[0]) == step)
                .count()
        };
        let known = repeated.max(step(1)).max(step(-1)).max(step(0));
        count += 1;
        at += if known >= STRETCH { known } else { 1 };
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_runs_and_sequences_add_nothing() {
        assert_eq!(surprising(b""), 0);
        assert_eq!(surprising(b"aaaaaaaaaa"), 1);
        assert_eq!(surprising(b"abcdefghij"), 1);
        assert_eq!(surprising(b"9876543210"), 1);
        assert_eq!(surprising(b"x7Kq2x7Kq2x7Kq2"), 6);
        assert_eq!(surprising(b"x7Kq2Zm9"), 8);
    }

    #[test]
    fn the_alphabet_counts() {
        assert_eq!(bits(b"9f86d081884c7d65"), 64.0);
        assert!(bits(b"x7Kq2Zm9Lw4Vt8Rb") > 90.0);
        assert!(bits(b"correct-horse-battery-staple") < 60.0);
        assert!(bits(b"7291845036172849") < 64.0);
        assert_eq!(bits(b""), 0.0);
    }
}
