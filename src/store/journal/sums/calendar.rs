//! Hours, days and months as a zone has them.

use super::By;
use jiff::{Timestamp, Zoned, tz::TimeZone};

/// When the hour, day or month of a time begins.
pub fn begin(by: &By, ms: i64, zone: &TimeZone) -> i64 {
    let time = at(ms, zone);
    let begun = match by {
        By::Month => time.first_of_month().and_then(|day| day.start_of_day()),
        By::Day => time.start_of_day(),
        _ => {
            let past = i64::from(time.minute()) * 60_000
                + i64::from(time.second()) * 1_000
                + i64::from(time.millisecond());
            return time.timestamp().as_millisecond() - past;
        }
    };
    begun.map_or(0, |begun| begun.timestamp().as_millisecond())
}

/// When the one after that which begins then begins.
pub fn next(by: &By, begun: i64, zone: &TimeZone) -> i64 {
    // Further on than the next begins, and not as far as the one after it.
    let step = match by {
        By::Month => 32 * 24 * 3_600_000,
        By::Day => 26 * 3_600_000,
        _ => 3_600_000,
    };
    begin(by, begun.saturating_add(step), zone)
}

/// What the one is called that begins then.
pub fn called(by: &By, begun: i64, zone: &TimeZone) -> String {
    let form = match by {
        By::Month => "%Y-%m",
        By::Day => "%Y-%m-%d",
        _ => "%Y-%m-%dT%H:%M%:z",
    };
    at(begun, zone).strftime(form).to_string()
}

/// A time in a zone; what is beyond all calendars is their end.
fn at(ms: i64, zone: &TimeZone) -> Zoned {
    let most = Timestamp::MAX.as_millisecond() - 26 * 3_600_000;
    let least = Timestamp::MIN.as_millisecond() + 26 * 3_600_000;
    let time = Timestamp::from_millisecond(ms.clamp(least, most)).unwrap_or_default();
    time.to_zoned(zone.clone())
}
