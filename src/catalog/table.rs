//! The price table: `prices.tsv`, parsed once on first use, and how a model's name finds its row.
//!
//! A line `@vendor other…` begins a vendor and names the vendors whose models it serves as well. Every other
//! line is a model: id, context window, prices (input, output, cache read, cache write 5 min, 1 h) in
//! picodollars per token, and the names it answers to: `=` equal to, `^` beginning with, `*` containing.

use super::Prices;
use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

/// Every model, parsed in about a millisecond.
pub(super) static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::parse(include_str!("prices.tsv")));

/// A model.
pub(super) struct Row {
    pub id: &'static str,
    pub context_window: Option<u64>,
    pub prices: Prices,
}

#[derive(Default)]
struct Vendor {
    others: Vec<&'static str>,
    rows: Vec<Row>,
    /// Names and ids, by index of the row.
    equal: HashMap<&'static str, usize>,
    begin: Vec<(&'static str, usize)>,
    contain: Vec<(&'static str, usize)>,
}

/// Vendors by catalogue id.
pub(super) struct Table(HashMap<&'static str, Vendor>);

impl Table {
    /// Lines that do not parse are left out; a test holds that there are none.
    fn parse(text: &'static str) -> Table {
        let mut vendors: HashMap<&'static str, Vendor> = HashMap::new();
        let mut current = Vendor::default();
        let mut name = "";
        for line in text.lines() {
            if let Some(head) = line.strip_prefix('@') {
                vendors.insert(name, std::mem::take(&mut current));
                let mut words = head.split(' ');
                name = words.next().unwrap_or_default();
                current.others = words.collect();
            } else if !line.starts_with('#') {
                current.add(line);
            }
        }
        vendors.insert(name, current);
        vendors.remove("");
        Table(vendors)
    }

    /// The row a model's name stands for at a vendor.
    pub fn find(&self, vendor: &str, model: &str) -> Option<&Row> {
        let vendor = self.0.get(vendor)?;
        let model: Cow<'_, str> = if model.bytes().any(|byte| byte.is_ascii_uppercase()) {
            model.to_ascii_lowercase().into()
        } else {
            model.into()
        };
        self.find_near(vendor, &model).or_else(|| {
            // `ft:base:organisation:name:id`: the vendor's own price of tuned models has been looked for above.
            let base = model.strip_prefix("ft:")?.split(':').next()?;
            self.find_near(vendor, base)
        })
    }

    /// Whether a row of the vendor's has exactly this name.
    pub fn has(&self, vendor: &str, model: &str) -> bool {
        self.0
            .get(vendor)
            .is_some_and(|vendor| vendor.equal.contains_key(model))
    }

    pub fn all(&self, vendor: &str) -> &[Row] {
        self.0
            .get(vendor)
            .map(|vendor| vendor.rows.as_slice())
            .unwrap_or_default()
    }

    fn find_near<'a>(&'a self, vendor: &'a Vendor, model: &str) -> Option<&'a Row> {
        self.find_exact(vendor, model)
            .or_else(|| self.find_exact(vendor, undated(model)?))
    }

    fn find_exact<'a>(&'a self, vendor: &'a Vendor, model: &str) -> Option<&'a Row> {
        vendor.find(model).or_else(|| {
            vendor
                .others
                .iter()
                .find_map(|other| self.0.get(other)?.find(model))
        })
    }
}

impl Vendor {
    fn add(&mut self, line: &'static str) {
        let mut fields = line.split('\t');
        let Some(id) = fields.next() else { return };
        let mut number = || fields.next().and_then(|field| field.parse::<u64>().ok());
        let context_window = number();
        let prices = Prices {
            input: number(),
            output: number(),
            cache_read: number(),
            cache_write_5m: number(),
            cache_write_1h: number(),
        };
        let index = self.rows.len();
        for rule in fields.next().unwrap_or_default().split(' ') {
            match rule.split_at_checked(1) {
                Some(("=", name)) => drop(self.equal.entry(name).or_insert(index)),
                Some(("^", name)) => self.begin.push((name, index)),
                Some(("*", name)) => self.contain.push((name, index)),
                _ => {}
            }
        }
        self.rows.push(Row {
            id,
            context_window,
            prices,
        });
    }

    fn find(&self, model: &str) -> Option<&Row> {
        let index = self.equal.get(model).copied();
        let index = index.or_else(|| {
            self.begin
                .iter()
                .filter(|(name, _)| model.starts_with(name))
                .max_by_key(|(name, _)| name.len())
                .map(|(_, index)| *index)
        });
        let index = index.or_else(|| {
            self.contain
                .iter()
                .find(|(name, _)| model.contains(name))
                .map(|(_, index)| *index)
        });
        self.rows.get(index?)
    }
}

/// The name without its snapshot: `-2024-08-06`, `-20250514`, `@20250514` or `-latest`.
pub(super) fn undated(model: &str) -> Option<&str> {
    let shapes: [&[u8]; 4] = [b"-dddd-dd-dd", b"-dddddddd", b"@dddddddd", b"-latest"];
    shapes.iter().find_map(|shape| {
        let at = model.len().checked_sub(shape.len())?;
        let (base, end) = model.split_at_checked(at)?;
        let fits = if *shape == b"-latest" {
            end == "-latest"
        } else {
            end.bytes().zip(*shape).all(|(byte, want)| {
                if *want == b'd' {
                    byte.is_ascii_digit()
                } else {
                    byte == *want
                }
            })
        };
        (fits && !base.is_empty()).then_some(base)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Prices, all, find};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn well_known_models_are_known() {
        let known = find("openai", "gpt-4o").unwrap();
        assert_eq!(
            (known.id.as_str(), known.context_window),
            ("gpt-4o", Some(128_000))
        );
        assert_eq!(
            known.prices,
            Prices {
                input: Some(2_500_000),
                output: Some(10_000_000),
                cache_read: Some(1_250_000),
                ..Prices::default()
            }
        );
        let known = find("anthropic", "claude-sonnet-4-20250514").unwrap();
        assert_eq!(known.id, "claude-sonnet-4-0");
        assert_eq!(
            known.prices.cache_write_5m.zip(known.prices.cache_write_1h),
            Some((3_750_000, 6_000_000))
        );
        assert_eq!(
            find("openai", "text-embedding-3-small")
                .unwrap()
                .prices
                .input,
            Some(20_000)
        );
    }

    #[test]
    fn names_are_found_in_their_many_forms() {
        for (vendor, model, id) in [
            ("openai", "gpt-4o-2024-11-20", "gpt-4o"),
            ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
            ("openai", "GPT-4o-mini", "gpt-4o-mini"),
            ("openai", "gpt-4.1-2031-01-01", "gpt-4.1"),
            (
                "openai",
                "ft:gpt-4o-mini-2024-07-18:org::abc",
                "ft:gpt-4o-mini",
            ),
            ("openai", "ft:gpt-4.1-2025-04-14:org::abc", "gpt-4.1"),
            (
                "anthropic",
                "claude-sonnet-4-5-20250929",
                "claude-sonnet-4-5",
            ),
            ("anthropic", "claude-opus-5-20311231", "claude-opus-5"),
            ("azure", "gpt-4o", "gpt-4o"),
        ] {
            assert_eq!(
                find(vendor, model).map(|known| known.id).as_deref(),
                Some(id),
                "{vendor} {model}"
            );
        }
        for (vendor, model) in [
            ("openai", "no-such-model"),
            ("openai", ""),
            ("openai", "-latest"),
            ("", "gpt-4o"),
            ("nobody", "gpt-4o"),
            ("openai", "ft:"),
        ] {
            assert_eq!(find(vendor, model), None, "{vendor} {model}");
        }
    }

    #[test]
    fn every_vendors_catalogue_is_in_the_table() {
        for vendor in crate::vendors::VENDORS
            .iter()
            .filter(|vendor| !vendor.catalog.is_empty())
        {
            let known = all(vendor.catalog);
            assert!(
                known.len() > 5 && known.is_sorted_by(|a, b| a.id <= b.id),
                "{}",
                vendor.id
            );
        }
        let lines = include_str!("prices.tsv")
            .lines()
            .filter(|line| !line.starts_with(['@', '#']));
        assert_eq!(
            TABLE
                .0
                .values()
                .map(|vendor| vendor.rows.len())
                .sum::<usize>(),
            lines.clone().count()
        );
        assert!(lines.clone().all(|line| {
            line.split('\t').count() == 8
                && line
                    .split('\t')
                    .skip(1)
                    .take(6)
                    .all(|field| field.is_empty() || field.parse::<u64>().is_ok())
        }));
    }

    proptest! {
        #[test]
        fn any_name_is_looked_up_without_a_panic(model in ".{0,20}", end in "(-[0-9]{4}-[0-9]{2}-[0-9]{2}|@[0-9]{8}|-latest)?") {
            let _ = find("azure", &format!("{model}{end}"));
        }
    }
}
