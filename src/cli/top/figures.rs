//! Numbers short enough for a dashboard. What is not known is `-`, never 0.

/// `7`, `1.2k`, `34k`, `5.6M`.
pub(super) fn short(number: f64) -> String {
    let (number, unit) = match number {
        number if number >= 999.5e6 => (number / 1e9, "G"),
        number if number >= 999.5e3 => (number / 1e6, "M"),
        number if number >= 999.5 => (number / 1e3, "k"),
        number => (number, ""),
    };
    // One digit behind the point, where there are not two before it, and not for whole numbers.
    match number >= 9.95 || (unit.is_empty() && number.fract() == 0.0) {
        true => format!("{number:.0}{unit}"),
        false => format!("{number:.1}{unit}"),
    }
}

/// Milliseconds: `812 ms`, `2.1 s`, `3m20s`.
pub(super) fn time(ms: Option<u64>) -> String {
    match ms.map(|ms| ms as f64) {
        None => "-".into(),
        Some(ms) if ms < 999.5 => format!("{ms:.0} ms"),
        Some(ms) if ms < 99_950.0 => format!("{:.1} s", ms / 1e3),
        Some(ms) => {
            let seconds = (ms / 1e3).round() as u64;
            match seconds {
                0..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
                _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
            }
        }
    }
}

/// Dollars: `$12.34`, `$0.0012`; `-` where nothing was priced, and `+` behind what is not all of it.
pub(super) fn money(pico: u64, unpriced: u64) -> String {
    let dollars = pico as f64 / 1e12;
    let more = if unpriced > 0 { "+" } else { "" };
    match dollars {
        0.0 if unpriced > 0 => "-".into(),
        0.0 => "$0".into(),
        dollars if dollars < 0.000_1 => format!("<$0.0001{more}"),
        dollars if dollars < 1.0 => format!("${dollars:.4}{more}"),
        dollars if dollars < 1_000.0 => format!("${dollars:.2}{more}"),
        dollars => format!("${}{more}", short(dollars)),
    }
}

/// A share in percent; `-` of nothing.
pub(super) fn share(part: u64, of: u64) -> String {
    match (part, of) {
        (_, 0) => "-".into(),
        (0, _) => "0 %".into(),
        (part, of) => {
            let percent = part as f64 / of as f64 * 100.0;
            match percent < 9.95 {
                true => format!("{percent:.1} %"),
                false => format!("{percent:.0} %"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let told = [
            0.0, 0.25, 7.0, 9.96, 42.4, 999.0, 999.6, 1_240.0, 34_000.0, 999_600.0, 5.6e6, 2e9,
        ]
        .map(short);
        assert_eq!(
            told,
            [
                "0", "0.2", "7", "10", "42", "999", "1.0k", "1.2k", "34k", "1.0M", "5.6M", "2.0G"
            ]
        );
        let told = [
            None,
            Some(0),
            Some(812),
            Some(2_140),
            Some(99_960),
            Some(3_661_000),
        ]
        .map(time);
        assert_eq!(told, ["-", "0 ms", "812 ms", "2.1 s", "1m40s", "1h01m"]);
        let told = [
            (0, 0),
            (0, 3),
            (5, 0),
            (1_200_000_000, 0),
            (12_340_000_000_000, 1),
            (5_000_000_000_000_000, 0),
        ]
        .map(|(pico, unpriced)| money(pico, unpriced));
        assert_eq!(told, ["$0", "-", "<$0.0001", "$0.0012", "$12.34+", "$5.0k"]);
        assert_eq!(
            [(0, 0), (0, 5), (1, 200), (1, 2)].map(|(part, of)| share(part, of)),
            ["-", "0 %", "0.5 %", "50 %"]
        );
    }
}
