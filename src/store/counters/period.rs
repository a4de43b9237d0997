//! Calendar windows: the minute, hour, day and month that a second lies in, in UTC, and what was used in the one that runs.

use super::{Amounts, Second};
use crate::resources::limit::Span;

/// Every calendar window there is, shortest first.
pub const SPANS: [Span; 4] = [Span::Minute, Span::Hour, Span::Day, Span::Month];

const DAY: u32 = 86_400;

/// What was used in the calendar window that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    pub begin: Second,
    /// The first second after it.
    pub end: Second,
    pub used: Amounts,
}

impl Period {
    /// The one that `at` lies in, with nothing used.
    pub fn at(span: Span, at: Second) -> Period {
        let (begin, end) = match span {
            Span::Month => month(at),
            span => {
                let length = u32::try_from(span.seconds()).unwrap_or(DAY);
                let begin = at - at % length;
                (begin, begin.saturating_add(length))
            }
        };
        Period {
            begin,
            end,
            used: Amounts::default(),
        }
    }

    /// Whether a second counts in it. One that is over by then does not come back.
    pub fn has(&self, at: Second) -> bool {
        (self.begin..self.end).contains(&at)
    }
}

/// The first second of the month, and of the next. Days become a date as Howard Hinnant's `civil_from_days` has it:
/// years begin in March, so that the day that is not always there is their last.
fn month(at: Second) -> (Second, Second) {
    let days = at / DAY;
    // Days since 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From March on.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5;
    let year = era * 400 + year_of_era + u32::from(month >= 10);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        // February.
        11 if leap => 29,
        11 => 28,
        // April, June, September, November.
        1 | 3 | 6 | 8 => 30,
        _ => 31,
    };
    let begin = (days - day) * DAY;
    (begin, begin.saturating_add(length * DAY))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use jiff::{Timestamp, ToSpan};

    #[test]
    fn months_are_those_of_the_calendar() {
        let second =
            |at: jiff::Zoned| u32::try_from(at.timestamp().as_second().max(0)).unwrap_or(u32::MAX);
        // Every day for 136 years, at odd times of it.
        for day in 0..u32::MAX / DAY {
            let at = day * DAY + day % DAY;
            let zoned = Timestamp::from_second(i64::from(at))
                .unwrap()
                .to_zoned(jiff::tz::TimeZone::UTC);
            let begin = zoned.first_of_month().unwrap().start_of_day().unwrap();
            let end = begin.checked_add(1.month()).unwrap();
            assert_eq!(month(at), (second(begin), second(end)), "{zoned}");
        }
    }

    #[test]
    fn a_second_lies_in_one_window_of_each_length() {
        for at in [0, 59, 60, 1_795_000_000, u32::MAX] {
            for span in SPANS {
                let period = Period::at(span, at);
                assert!(period.has(at) || at == u32::MAX, "{span:?} {at}");
                if period.end < u32::MAX {
                    assert_eq!(Period::at(span, period.end).begin, period.end);
                    assert_eq!(Period::at(span, period.end - 1), period);
                }
            }
        }
    }
}
