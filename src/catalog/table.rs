//! The table of models: `models.tsv`, read once where it is needed, and how a model's name finds its row.
//!
//! A line `@vendor other…` begins a vendor and names the vendors whose models it serves as well. Every other line is a model:
//! id, context window, longest answer, release date, day it ends, what it can do (and, behind `!`, what it cannot), prices as `BUCKET[@TIER][@above-TOKENS]=USD`,
//! the names it answers to (`=` equal to, `^` beginning with, `*` containing), and where prices, limits and dates come
//! from. A line `#source` says what a letter there stands for.

use super::Prices;
use crate::resources::model::Capabilities;
use crate::resources::price::Price;
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, LazyLock, OnceLock},
};

const TEXT: &str = include_str!("models.tsv");

/// Every vendor; the models of one are read when one of them is first asked for.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(TEXT));

/// Where facts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    letter: char,
    pub name: &'static str,
    pub version: &'static str,
    /// The day of its data, such as `2026-10-30`.
    pub date: &'static str,
    pub licence: &'static str,
    pub url: &'static str,
}

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let lines = TEXT.lines().take_while(|line| line.starts_with('#'));
    let source = |line: &'static str| {
        let mut fields = line.strip_prefix("#source\t")?.split('\t');
        Some(Source {
            letter: fields.next()?.chars().next()?,
            name: fields.next()?,
            version: fields.next()?,
            date: fields.next()?,
            licence: fields.next()?,
            url: fields.next()?,
        })
    };
    lines.filter_map(source).collect()
});

/// Where the catalogue comes from.
pub fn sources() -> &'static [Source] {
    &SOURCES
}

/// What the catalogue knows of a model.
#[derive(Debug)]
pub struct Known {
    /// The catalogue's id of the model.
    pub id: &'static str,
    pub context_window: Option<u64>,
    pub max_output: Option<u64>,
    /// The day it was released, such as `2026-03-05`.
    pub released: Option<&'static str>,
    /// The day its vendor stops serving it, or `deprecated` where no day is known.
    pub ends: Option<&'static str>,
    /// What it can do; `None`: not known.
    pub can: Option<Capabilities>,
    /// What it is said not to do. What is in neither is not known.
    pub cannot: Capabilities,
    /// Letters of where it comes from, by kind of fact, with `/` between them.
    from: &'static str,
    priced: &'static str,
    prices: OnceLock<Arc<Prices>>,
}

impl PartialEq for Known {
    /// Rows are compared by what they say.
    fn eq(&self, other: &Known) -> bool {
        (self.id, self.priced, self.from) == (other.id, other.priced, other.from)
    }
}

impl Known {
    /// What it costs, as far as that is known.
    pub fn prices(&self) -> &Arc<Prices> {
        self.prices.get_or_init(|| {
            let price =
                |word: &str| Price::read(word.split_once('=')?.0, word.split_once('=')?.1).ok();
            Arc::new(self.priced.split(' ').filter_map(price).collect())
        })
    }

    /// The model this is a dated version of, where its name says so.
    pub fn snapshot_of(&self) -> Option<&'static str> {
        undated(self.id)
    }

    /// Where its prices, its limits and capabilities, and its dates come from.
    pub fn sources(&self) -> [Vec<&'static Source>; 3] {
        let mut kinds = self.from.split('/');
        let letters = |kind: &str| {
            let known = |letter: char| SOURCES.iter().find(|source| source.letter == letter);
            kind.chars().filter_map(known).collect()
        };
        [(); 3].map(|()| kinds.next().map(letters).unwrap_or_default())
    }

    /// The same in words, with the date of each.
    pub(super) fn told(&self) -> Value {
        let words = |sources: &Vec<&Source>| {
            let words: Vec<String> = sources
                .iter()
                .map(|source| format!("{} {}", source.name, source.date))
                .collect();
            words.join(", ")
        };
        let named = ["prices", "limits", "dates"].iter().zip(self.sources());
        let told: Map<String, Value> = named
            .filter(|(_, sources)| !sources.is_empty())
            .map(|(kind, sources)| ((*kind).to_owned(), words(&sources).into()))
            .collect();
        Value::Object(told)
    }
}

#[derive(Default)]
struct Vendor {
    others: Vec<&'static str>,
    lines: &'static str,
    models: OnceLock<Models>,
}

/// The models of a vendor.
#[derive(Default)]
struct Models {
    rows: Vec<Known>,
    /// Names and ids, by index of the row.
    equal: HashMap<&'static str, usize>,
    begin: Vec<(&'static str, usize)>,
    contain: Vec<(&'static str, usize)>,
}

/// Vendors by catalogue id.
pub(super) struct Table(HashMap<&'static str, Vendor>);

impl Table {
    fn new(text: &'static str) -> Table {
        let sections = text.split("\n@").skip(1);
        let vendor = |section: &'static str| {
            let (head, lines) = section.split_once('\n').unwrap_or((section, ""));
            let mut words = head.split(' ');
            let name = words.next().unwrap_or_default();
            let vendor = Vendor {
                others: words.collect(),
                lines,
                models: OnceLock::new(),
            };
            (name, vendor)
        };
        Table(sections.map(vendor).collect())
    }

    /// The row a model's name stands for at a vendor.
    pub fn find(&self, vendor: &str, model: &str) -> Option<&Known> {
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
            .is_some_and(|vendor| vendor.models().equal.contains_key(model))
    }

    pub fn all(&self, vendor: &str) -> &[Known] {
        self.0
            .get(vendor)
            .map(|vendor| vendor.models().rows.as_slice())
            .unwrap_or_default()
    }

    fn find_near<'a>(&'a self, vendor: &'a Vendor, model: &str) -> Option<&'a Known> {
        self.find_exact(vendor, model)
            .or_else(|| self.find_exact(vendor, undated(model)?))
    }

    fn find_exact<'a>(&'a self, vendor: &'a Vendor, model: &str) -> Option<&'a Known> {
        vendor.models().find(model).or_else(|| {
            vendor
                .others
                .iter()
                .find_map(|other| self.0.get(other)?.models().find(model))
        })
    }
}

impl Vendor {
    fn models(&self) -> &Models {
        self.models.get_or_init(|| {
            let mut models = Models::default();
            self.lines.lines().for_each(|line| models.add(line));
            models
        })
    }
}

impl Models {
    fn add(&mut self, line: &'static str) {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let id = next();
        let (window, most) = (next().parse().ok(), next().parse().ok());
        let (released, ends) = (some(next()), some(next()));
        let words = next();
        let row = Known {
            id,
            context_window: window,
            max_output: most,
            released,
            ends,
            can: some(words).map(|words| Capabilities::of(words.split(','))),
            cannot: Capabilities::of(words.split(',').filter_map(|word| word.strip_prefix('!'))),
            priced: next(),
            prices: OnceLock::new(),
            from: "",
        };
        let index = self.rows.len();
        for rule in next().split(' ') {
            match rule.split_at_checked(1) {
                Some(("=", name)) => drop(self.equal.entry(name).or_insert(index)),
                Some(("^", name)) => self.begin.push((name, index)),
                Some(("*", name)) => self.contain.push((name, index)),
                _ => {}
            }
        }
        let from = next();
        self.rows.push(Known { from, ..row });
    }

    fn find(&self, model: &str) -> Option<&Known> {
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
    use super::super::{all, find};
    use super::*;
    use crate::chat::Bucket;
    use proptest::prelude::*;

    #[test]
    fn well_known_models_are_known() {
        let price = |vendor, model, bucket| find(vendor, model).unwrap().prices().get(bucket);
        let known = find("openai", "gpt-4o").unwrap();
        assert_eq!(
            (known.id, known.context_window, known.max_output),
            ("gpt-4o", Some(128_000), Some(16_384))
        );
        assert_eq!(known.released, Some("2024-05-13"));
        assert!(known.can.is_some_and(|can| can.tools && can.images));
        for (vendor, model, bucket, want) in [
            ("openai", "gpt-4o", Bucket::Input, Some(2_500_000)),
            ("openai", "gpt-4o", Bucket::Output, Some(10_000_000)),
            ("openai", "gpt-4o", Bucket::CacheRead, Some(1_250_000)),
            ("openai", "gpt-4o", Bucket::CacheWrite5m, None),
            (
                "anthropic",
                "claude-sonnet-4",
                Bucket::CacheWrite5m,
                Some(3_750_000),
            ),
            (
                "anthropic",
                "claude-sonnet-4",
                Bucket::CacheWrite1h,
                Some(6_000_000),
            ),
            (
                "openai",
                "text-embedding-3-small",
                Bucket::Input,
                Some(20_000),
            ),
            (
                "openai",
                "whisper-1",
                Bucket::Seconds,
                Some(360_000_000_000),
            ),
        ] {
            assert_eq!(price(vendor, model, bucket), want, "{model} {bucket:?}");
        }
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
                find(vendor, model).map(|known| known.id),
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
        let lines = TEXT.lines().filter(|line| !line.starts_with(['@', '#']));
        let rows = TABLE.0.values().flat_map(|vendor| &vendor.models().rows);
        assert_eq!(rows.count(), lines.clone().count());
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields.len(), 9, "{line}");
            let number = |field: &str| field.is_empty() || field.parse::<u64>().is_ok();
            assert!(fields[1..3].iter().all(|field| number(field)), "{line}");
            let words: Vec<&str> = fields[5]
                .split(',')
                .map(|word| word.trim_start_matches('!'))
                .filter(|word| !word.is_empty())
                .collect();
            assert_eq!(
                Capabilities::of(words.iter().copied()).words().len(),
                words.len()
            );
            for price in fields[6].split(' ').filter(|word| !word.is_empty()) {
                let (of, dollars) = price.split_once('=').unwrap();
                let read = Price::read(of, dollars).unwrap();
                assert_eq!(format!("{}={}", read.of, read.dollars()), price);
            }
            let known = |letter| SOURCES.iter().any(|source| source.letter == letter);
            assert!(
                fields[8]
                    .chars()
                    .all(|letter| letter == '/' || known(letter)),
                "{line}"
            );
        }
    }

    #[test]
    fn every_fact_says_where_it_is_from_and_how_old_it_is() {
        assert!(sources().len() > 2);
        for source in sources() {
            let date = source.date.parse::<jiff::civil::Date>();
            assert!(
                date.is_ok() && source.url.starts_with("https://"),
                "{source:?}"
            );
            assert!(!source.licence.is_empty() && !source.version.is_empty());
        }
        for vendor in TABLE.0.values() {
            for known in &vendor.models().rows {
                let [prices, limits, dates] = known.sources().map(|list| !list.is_empty());
                assert!(prices || known.prices().list().is_empty(), "{}", known.id);
                let limited = known.context_window.or(known.max_output).is_some();
                assert!(limits || !limited && known.can.is_none(), "{}", known.id);
                assert!(
                    dates || known.released.or(known.ends).is_none(),
                    "{}",
                    known.id
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_name_is_looked_up_without_a_panic(model in ".{0,20}", end in "(-[0-9]{4}-[0-9]{2}-[0-9]{2}|@[0-9]{8}|-latest)?") {
            let _ = find("azure", &format!("{model}{end}"));
        }
    }
}
