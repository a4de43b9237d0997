//! One header of a head, of requests and answers alike (RFC 9110 section 5).

/// Whether a header's name may have it (RFC 9110 section 5.6.2).
pub(super) const fn is_token(byte: u8) -> bool {
    SMALL[byte as usize] != 0
}

/// Puts the name that a line begins with into small letters. Where it ends.
pub(super) fn name(line: &mut [u8]) -> usize {
    let mut length = 0;
    for byte in line {
        let small = SMALL[usize::from(*byte)];
        if small == 0 {
            break;
        }
        *byte = small;
        length += 1;
    }
    length
}

/// Whether a header's value may have it (RFC 9110 section 5.5).
pub(super) const fn is_text(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

/// Whether a header's value may be this. Eight bytes at a time: most values are too short for vectors, and read byte by byte
/// they cost more than all else that is done with them.
pub(super) fn is_all_text(value: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let others = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word;
        // A borrow can only spoil bytes behind one that is found. A tab looks like what may not be.
        (below(word, 0x20) | below(word ^ (ONES * 0x7f), 1)) & HIGH
    };
    let plain = |last| {
        let words = value.as_chunks::<8>().0.iter();
        words.fold(others(last), |any, word| any | others(word)) == 0
    };
    value.last_chunk::<8>().is_some_and(plain) || value.iter().all(|byte| is_text(*byte))
}

/// What a name's bytes are in small letters; 0: no name has it. A look at a table, since every byte of every name is asked for.
static SMALL: [u8; 256] = {
    let others = b"!#$%&'*+-.^_`|~";
    let (mut table, mut byte) = ([0; 256], 0);
    while byte < table.len() {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = others[at];
        at += 1;
    }
    table
};

/// A value without the white space around it (RFC 9110 section 5.6.3).
pub(super) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// The options of a `Connection` header, or of another list of words.
pub(super) fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_have_what_the_library_takes() {
        for byte in 0..=u8::MAX {
            let name = http::HeaderName::from_bytes(&[byte]);
            assert_eq!(is_token(byte), name.is_ok(), "{byte}");
            let mut line = [byte, b':'];
            let length = super::name(&mut line);
            assert_eq!(
                name.ok().map(|name| name.as_str().as_bytes().to_vec()),
                (length == 1).then(|| line[..1].to_vec())
            );
            let value = http::HeaderValue::from_bytes(&[byte]);
            assert_eq!(is_text(byte), value.is_ok(), "{byte}");
        }
    }

    #[test]
    fn a_value_is_text_where_each_byte_is() {
        for byte in 0..=u8::MAX {
            for length in [1, 7, 8, 9, 24] {
                for at in 0..length {
                    let mut value = vec![b'~'; length];
                    value[at] = byte;
                    assert_eq!(is_all_text(&value), is_text(byte), "{value:?}");
                }
            }
        }
    }

    #[test]
    fn blanks_around_a_value_are_none_of_it() {
        for (value, expected) in [("", ""), (" \t", ""), ("\ta b ", "a b"), ("a", "a")] {
            assert_eq!(trimmed(value.as_bytes()), expected.as_bytes());
        }
        let all: Vec<&[u8]> = words(b"close, Keep-Alive,,\tx ").collect();
        assert_eq!(all, [&b"close"[..], b"Keep-Alive", b"", b"x"]);
    }
}
