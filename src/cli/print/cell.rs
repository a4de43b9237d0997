//! One table cell: `-` for nothing, ages relative, lists joined, and nothing in it that could steer a terminal.

use super::clean;
use crate::resources::Stamp;
use serde_json::Value;

/// The time ages are counted from.
pub(crate) type Now = Stamp;

/// Columns that hold a point in time, shown relative to now.
const TIMES: [&str; 6] = [
    "created",
    "updated",
    "expires",
    "status.last_used",
    "status.checked",
    "status.revoked",
];

/// The column that holds dollars, and those that hold large numbers: rounded in tables.
const SPEND: &str = "status.usage.spend";
const COUNTS: [&str; 4] = [
    "status.usage.requests",
    "status.usage.tokens",
    "status.usage.input",
    "status.usage.output",
];

/// The cell of a column with this head and path.
pub(crate) fn cell(head: &str, path: &str, value: Option<&Value>, now: Now) -> String {
    match value {
        Some(Value::Bool(on)) if head == "STATUS" => {
            (if *on { "enabled" } else { "disabled" }).into()
        }
        Some(Value::Array(words)) if head == "CAPS" => first_of(words),
        Some(Value::Bool(on)) => (if *on { "yes" } else { "no" }).into(),
        Some(Value::String(time)) if TIMES.contains(&path) => {
            Stamp::parse(time).map_or_else(|_| clean(time), |time| relative(time, now))
        }
        Some(Value::String(dollars)) if path == SPEND => amount(dollars),
        Some(Value::Number(count)) if COUNTS.contains(&path) => {
            count.as_u64().map_or_else(|| count.to_string(), short)
        }
        Some(value) => match clean(&text(value)) {
            shown if shown.is_empty() => "-".into(),
            shown => shown,
        },
        None => "-".into(),
    }
}

/// The first few of many words, and how many more there are: `tools,images,schema+5`.
fn first_of(words: &[Value]) -> String {
    const FEW: usize = 3;
    let (few, more) = words.split_at(words.len().min(FEW));
    let few: Vec<String> = few.iter().map(|word| clean(&text(word))).collect();
    match (few.is_empty(), more.len()) {
        (true, _) => "-".into(),
        (false, 0) => few.join(","),
        (false, more) => format!("{}+{more}", few.join(",")),
    }
}

/// A value as plain text: no quotes, lists joined by commas, targets and rules as they are written in flags.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Object(map) => {
            let named = |name: &str| map.get(name).and_then(Value::as_str);
            match (named("provider"), named("when"), map.get("targets")) {
                (Some(provider), ..) => target(provider, map),
                (None, Some(when), Some(targets)) => format!("{when} => {}", text(targets)),
                _ => map
                    .iter()
                    .map(|(key, value)| format!("{key}={}", text(value)))
                    .collect::<Vec<_>>()
                    .join(","),
            }
        }
        other => other.to_string(),
    }
}

fn target(provider: &str, map: &serde_json::Map<String, Value>) -> String {
    let mut shown = provider.to_owned();
    if let Some(model) = map.get("model").and_then(Value::as_str) {
        shown.push('/');
        shown.push_str(model);
    }
    match map.get("weight").and_then(Value::as_u64) {
        None | Some(1) => shown,
        Some(weight) => format!("{shown}={weight}"),
    }
}

/// `3m`, `2h`, `5d`; times to come as `in 5d`.
fn relative(time: Stamp, now: Now) -> String {
    let gap = now.0.abs_diff(time.0) / 1000;
    let (count, unit) = match gap {
        0..=119 => (gap, "s"),
        120..=7_199 => (gap / 60, "m"),
        7_200..=172_799 => (gap / 3_600, "h"),
        _ => (gap / 86_400, "d"),
    };
    match time.0 > now.0 && gap > 0 {
        true => format!("in {count}{unit}"),
        false => format!("{count}{unit}"),
    }
}

/// The time until then: `in 5d`; `now` where it is over.
pub(crate) fn until(time: Stamp, now: Now) -> String {
    match time > now {
        true => relative(time, now),
        false => "now".into(),
    }
}

/// A number in five characters: `1234`, `12.3k`, `4.5M`.
pub(crate) fn short(count: u64) -> String {
    let units = [(1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P")];
    if count < 10_000 {
        return count.to_string();
    }
    // What rounding would make a thousand of is one of the next unit.
    let unit = units
        .iter()
        .find(|(unit, _)| (count as f64) < unit * 999.5)
        .unwrap_or(&units[4]);
    let shown = count as f64 / unit.0;
    match shown < 99.95 {
        true => format!("{shown:.1}{}", unit.1),
        false => format!("{shown:.0}{}", unit.1),
    }
}

/// Picodollars in dollars, to the precision the amount deserves.
pub(crate) fn money(pico: i64) -> String {
    rounded(pico as f64 / 1e12)
}

/// Dollars as the admin API writes them, rounded for people.
pub(crate) fn amount(dollars: &str) -> String {
    dollars.parse().map_or_else(|_| clean(dollars), rounded)
}

fn rounded(dollars: f64) -> String {
    match dollars.abs() {
        0.0 => "$0".into(),
        small if small < 0.01 => format!("${}", format!("{dollars:.6}").trim_end_matches('0')),
        small if small < 1.0 => format!("${dollars:.4}"),
        _ => format!("${dollars:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ages() {
        let now = Stamp(1_000_000_000_000);
        for (before, shown) in [
            (0, "0s"),
            (90_000, "90s"),
            (180_000, "3m"),
            (7_200_000, "2h"),
            (172_800_000, "2d"),
            (-432_000_000, "in 5d"),
        ] {
            assert_eq!(relative(Stamp(now.0 - before), now), shown);
        }
    }

    #[test]
    fn cells_never_steer_the_terminal() {
        let nasty = json!("a\u{1b}[31mred\nline\u{7}");
        assert_eq!(
            cell("X", "x", Some(&nasty), Stamp(0)),
            "a\\u001b[31mred line\\u0007"
        );
        assert_eq!(cell("X", "x", Some(&json!("")), Stamp(0)), "-");
    }

    #[test]
    fn of_many_capabilities_a_few_are_shown() {
        for (words, shown) in [
            (json!([]), "-"),
            (json!(["tools", "images"]), "tools,images"),
            (
                json!(["tools", "images", "schema", "pdf", "audio"]),
                "tools,images,schema+2",
            ),
        ] {
            assert_eq!(
                cell("CAPS", "status.capabilities", Some(&words), Stamp(0)),
                shown
            );
        }
    }

    #[test]
    fn large_numbers_are_short() {
        for (count, shown) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0k"),
            (99_949, "99.9k"),
            (99_950, "100k"),
            (999_499, "999k"),
            (999_500, "1.0M"),
            (1_234_567, "1.2M"),
            (u64::MAX, "18447P"),
        ] {
            assert_eq!(short(count), shown);
        }
        let used = |path: &str, value: Value| cell("", path, Some(&value), Stamp(0));
        assert_eq!(used("status.usage.tokens", json!(1_234_567)), "1.2M");
        assert_eq!(
            used("status.usage.spend", json!("12345.678901")),
            "$12345.68"
        );
        assert_eq!(used("status.usage.spend", json!(null)), "-");
    }

    #[test]
    fn amounts() {
        for (pico, shown) in [
            (0, "$0"),
            (75_000_000, "$0.000075"),
            (12_500_000_000, "$0.0125"),
            (3_456_000_000_000, "$3.46"),
        ] {
            assert_eq!(money(pico), shown);
        }
    }
}
