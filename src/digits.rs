//! A number in decimal digits, without the machinery of formatting, which takes ten times as long.

/// Such a number.
pub struct Digits {
    digits: [u8; 20],
    from: usize,
}

impl Digits {
    #[inline]
    pub fn of(mut number: u64) -> Digits {
        // 18,446,744,073,709,551,615 has 20 digits. Two at a time: dividing is most of it.
        let mut digits = [0; 20];
        let mut from = digits.len();
        let mut put = |two: u64| {
            from -= 2;
            digits[from] = b'0' + (two / 10) as u8;
            digits[from + 1] = b'0' + (two % 10) as u8;
        };
        while number >= 100 {
            put(number % 100);
            number /= 100;
        }
        put(number);
        let zero = usize::from(number < 10);
        Digits {
            digits,
            from: from + zero,
        }
    }

    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.from..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_digits() {
        let powers = (0..20).map(|power| 10_u64.pow(power));
        let edges = powers.flat_map(|power| [power - 1, power, power + 1]);
        for number in edges.chain([42, 1_234_567_890, u64::MAX]) {
            assert_eq!(Digits::of(number).as_bytes(), number.to_string().as_bytes());
        }
    }
}
