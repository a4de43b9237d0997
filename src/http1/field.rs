//! One header of a head, of requests and answers alike (RFC 9110 section 5).

/// Whether a header's name may have it (RFC 9110 section 5.6.2).
pub(super) const fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether a header's value may have it (RFC 9110 section 5.5).
pub(super) const fn is_text(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

/// A look at a table, since every byte of every name is asked for.
const TOKEN: [bool; 256] = {
    let others = b"!#$%&'*+-.^_`|~";
    let (mut table, mut byte) = ([false; 256], 0);
    while byte < table.len() {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
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
            let value = http::HeaderValue::from_bytes(&[byte]);
            assert_eq!(is_text(byte), value.is_ok(), "{byte}");
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
