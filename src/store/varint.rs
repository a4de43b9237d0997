//! Numbers and texts as bytes, small: seven bits a byte, the lowest first.

pub fn put(out: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Its length before it.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put(out, text.len() as u128);
    out.extend_from_slice(text.as_bytes());
}

/// Small negative numbers are short, too.
pub fn zigzag(number: i128) -> u128 {
    ((number << 1) ^ (number >> 127)) as u128
}

pub fn unzigzag(number: u128) -> i128 {
    (number >> 1) as i128 ^ -((number & 1) as i128)
}

/// Reads what was put. `None`: it ends too early, or is not what was put.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn number(&mut self) -> Option<u128> {
        // Most are a byte or two, and there are very many: what a word holds is read as one.
        let mut low = 0_u64;
        for (at, byte) in self.0.iter().take(9).enumerate() {
            low |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.0 = self.0.get(at + 1..)?;
                return Some(low.into());
            }
        }
        self.long()
    }

    fn long(&mut self) -> Option<u128> {
        let (mut number, mut shift) = (0_u128, 0_u32);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u128::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    pub fn whole<T: TryFrom<u128>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let length: usize = self.whole()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_read(number: u128, signed in -(1i128 << 126)..1i128 << 126, text in ".{0,20}") {
            let mut out = Vec::new();
            put(&mut out, number);
            put(&mut out, zigzag(signed));
            put_text(&mut out, &text);
            let mut bytes = Bytes(&out);
            prop_assert_eq!(bytes.number(), Some(number));
            prop_assert_eq!(bytes.number().map(unzigzag), Some(signed));
            prop_assert_eq!(bytes.text(), Some(&*text));
            prop_assert_eq!(bytes.number(), None);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let mut read = Bytes(&bytes);
            while read.number().is_some() {}
            let _ = Bytes(&bytes).text();
        }
    }
}
