//! A number in decimal digits, without the machinery of formatting.

/// Such a number.
pub(super) struct Digits {
    digits: [u8; 20],
    from: usize,
}

impl Digits {
    pub fn of(mut number: u64) -> Digits {
        let mut digits = [b'0'; 20];
        let mut from = digits.len() - 1;
        while number > 9 {
            digits[from] = b'0' + (number % 10) as u8;
            number /= 10;
            from -= 1;
        }
        digits[from] = b'0' + number as u8;
        Digits { digits, from }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(Digits::of(number).as_bytes(), number.to_string().as_bytes());
        }
    }
}
