//! Sums over rows, by quarter of an hour and by everything that rows have in common. Laid down with each block of rows
//! and, without sessions and agents, with each file, so that what was used is told without reading rows. Pure; must
//! not know where it is kept.

mod ask;
mod calendar;
mod fold;
mod folded;
mod histogram;
mod pack;

pub use ask::{Ask, By, METRICS, Metric, WORDS};
pub use fold::Fold;
pub use folded::{Folded, Line, Point};
pub use histogram::Histogram;

use super::Row;
use crate::catalog::CostStatus;
use crate::chat::Usage;
use crate::hash::Seeded;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Milliseconds of a slot: a quarter of an hour, since every zone's clock is that far from UTC or a multiple of it.
pub const SLOT: i64 = 900_000;

/// The slot of a time.
pub fn slot(at: i64) -> i64 {
    at.div_euclid(SLOT)
}

/// What rows can have in common, beside time and status. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Field {
    Key = 0,
    User = 1,
    Environment = 2,
    Route = 3,
    Provider = 4,
    /// The model that answered, or was tried last.
    Model = 5,
    /// The model asked for.
    Asked = 6,
    /// All labels together, as JSON.
    Labels = 7,
    Session = 8,
    Agent = 9,
}

pub const FIELDS: usize = 10;

/// What the requests of a sum have in common: names are numbers, of a table beside it; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    pub slot: i64,
    pub status: u16,
    pub error: bool,
    names: [u32; FIELDS],
}

impl Group {
    /// The number of its name in this field.
    pub fn name(&self, field: Field) -> u32 {
        self.names[field as usize]
    }

    /// The same without those that have too many values to be summed over long.
    fn coarse(mut self) -> Group {
        self.names[Field::Session as usize] = 0;
        self.names[Field::Agent as usize] = 0;
        self
    }
}

/// A name, and what it is of a usage.
type Part = (&'static str, fn(&Usage) -> u64);

/// What is counted of usage, in the order it has on disk: new ones come last.
pub const COUNTED: [Part; 16] = [
    ("input", |usage| usage.input),
    ("cache_read", |usage| usage.cache_read),
    ("cache_write_5m", |usage| usage.cache_write_5m),
    ("cache_write_1h", |usage| usage.cache_write_1h),
    ("cache_write", |usage| usage.cache_write),
    ("output", |usage| usage.output),
    ("reasoning", |usage| usage.reasoning),
    ("audio", |usage| usage.audio),
    ("image", |usage| usage.image),
    ("audio_output", |usage| usage.audio_output),
    ("image_output", |usage| usage.image_output),
    ("searches", |usage| usage.searches),
    ("seconds", |usage| usage.seconds),
    ("search_units", |usage| usage.search_units),
    ("audio_cached", |usage| usage.audio_cached),
    ("other_models", |usage| usage.other_models),
];

/// The first of [`COUNTED`] are tokens, of which none is part of another.
const TOKENS: usize = 7;

/// How much it comes to. Nothing overflows: what is too much stays at the most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub requests: u64,
    pub errors: u64,
    /// Requests that used something whose price is not known: they are in no cost.
    pub unpriced: u64,
    /// Requests whose cost is of estimated usage.
    pub estimated: u64,
    /// Usage, as [`COUNTED`] has it.
    pub counts: [u64; COUNTED.len()],
    /// Picodollars of the requests that have a cost, and of these what is estimated.
    pub cost_pico: i128,
    pub estimated_pico: i128,
    pub latency: Histogram,
    /// To the first content.
    pub ttft: Histogram,
}

impl Figures {
    fn take(&mut self, row: &Row) {
        let cost = i128::from(row.cost_pico.unwrap_or(0));
        let used = row.usage != Usage::default();
        let estimated = row.cost_pico.is_some() && row.cost_status == CostStatus::Estimated;
        self.requests = self.requests.saturating_add(1);
        self.errors = self.errors.saturating_add(row.is_error().into());
        let unpriced = used && row.cost_pico.is_none();
        self.unpriced = self.unpriced.saturating_add(unpriced.into());
        self.estimated = self.estimated.saturating_add(estimated.into());
        for (count, (_, of)) in self.counts.iter_mut().zip(&COUNTED) {
            *count = count.saturating_add(of(&row.usage));
        }
        self.cost_pico = self.cost_pico.saturating_add(cost);
        if estimated {
            self.estimated_pico = self.estimated_pico.saturating_add(cost);
        }
        self.latency.add(row.latency_ms);
        if let Some(ttft) = row.ttft_ms {
            self.ttft.add(ttft);
        }
    }

    /// Takes others in.
    pub fn add(&mut self, more: &Figures) {
        self.requests = self.requests.saturating_add(more.requests);
        self.errors = self.errors.saturating_add(more.errors);
        self.unpriced = self.unpriced.saturating_add(more.unpriced);
        self.estimated = self.estimated.saturating_add(more.estimated);
        for (count, more) in self.counts.iter_mut().zip(&more.counts) {
            *count = count.saturating_add(*more);
        }
        self.cost_pico = self.cost_pico.saturating_add(more.cost_pico);
        self.estimated_pico = self.estimated_pico.saturating_add(more.estimated_pico);
        self.latency.merge(&more.latency);
        self.ttft.merge(&more.ttft);
    }

    /// All tokens together, as [`Usage::total`] counts them.
    pub fn tokens(&self) -> u64 {
        let tokens = self.counts.iter().take(TOKENS);
        tokens.fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Usage of one name in [`COUNTED`].
    fn counted(&self, wanted: &str) -> u64 {
        let found = COUNTED.iter().zip(&self.counts);
        found
            .filter(|((name, _), _)| *name == wanted)
            .map(|(_, count)| *count)
            .sum()
    }

    /// Usage again, of all requests together.
    pub fn usage(&self) -> Usage {
        let of = |name: &str| self.counted(name);
        Usage {
            input: of("input"),
            cache_read: of("cache_read"),
            cache_write_5m: of("cache_write_5m"),
            cache_write_1h: of("cache_write_1h"),
            cache_write: of("cache_write"),
            output: of("output"),
            reasoning: of("reasoning"),
            audio: of("audio"),
            audio_cached: of("audio_cached"),
            other_models: of("other_models"),
            image: of("image"),
            audio_output: of("audio_output"),
            image_output: of("image_output"),
            searches: of("searches"),
            seconds: of("seconds"),
            search_units: of("search_units"),
            // What is billed in place of what was counted is in the cost.
            billed: None,
        }
    }
}

/// Labels as rows have them.
type Labels = Arc<BTreeMap<String, String>>;

/// Names by number, from 1; 0 is none.
#[derive(Clone, Debug, Default)]
pub struct Names {
    list: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32, Seeded>,
    /// What each field had last: rows share their names, and mostly the next one has the same.
    last: [Option<(Arc<str>, u32)>; FIELDS],
    last_labels: Option<(Labels, u32)>,
}

impl Names {
    /// The number of a name, which it gets if it has none.
    pub fn number(&mut self, name: &str) -> u32 {
        match self.numbers.get(name) {
            Some(number) => *number,
            None => self.add(name.into()),
        }
    }

    fn add(&mut self, name: Arc<str>) -> u32 {
        self.list.push(name.clone());
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name, number);
        number
    }

    /// The number of a name that is shared.
    fn shared(&mut self, name: &Arc<str>) -> u32 {
        match self.numbers.get(name) {
            Some(number) => *number,
            None => self.add(name.clone()),
        }
    }

    /// The number of the name in a field of a row.
    fn of(&mut self, field: Field, name: Option<&Arc<str>>) -> u32 {
        let Some(name) = name else { return 0 };
        if let Some((last, number)) = &self.last[field as usize]
            && Arc::ptr_eq(last, name)
        {
            return *number;
        }
        let number = self.shared(name);
        self.last[field as usize] = Some((name.clone(), number));
        number
    }

    /// The number of all labels together, as JSON.
    fn of_labels(&mut self, labels: Option<&Labels>) -> u32 {
        let Some(labels) = labels.filter(|labels| !labels.is_empty()) else {
            return 0;
        };
        if let Some((last, number)) = &self.last_labels
            && Arc::ptr_eq(last, labels)
        {
            return *number;
        }
        let text = serde_json::to_string(&**labels);
        let number = text.map_or(0, |text| self.number(&text));
        self.last_labels = Some((labels.clone(), number));
        number
    }

    /// The name of a number.
    pub fn name(&self, number: u32) -> Option<&Arc<str>> {
        self.list.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// All of them, in the order of their numbers.
    pub fn list(&self) -> impl ExactSizeIterator<Item = &str> {
        self.list.iter().map(|name| &**name)
    }
}

/// Sums of some rows.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    names: Names,
    groups: HashMap<Group, Figures, Seeded>,
}

impl Sums {
    /// The sums of these rows.
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Sums {
        let mut sums = Sums::default();
        rows.for_each(|row| _ = sums.take(row));
        sums
    }

    /// Takes a row in, and says what its group is.
    pub fn take(&mut self, row: &Row) -> Group {
        let group = group(&mut self.names, row);
        self.groups.entry(group).or_default().take(row);
        group
    }

    /// What its groups are named by.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Takes in what these come to without sessions and agents: for sums over long.
    pub fn add_coarse(&mut self, more: &Sums) {
        // By their numbers there, the numbers of names here.
        let mut numbers = vec![0; more.names.list.len()];
        for (group, figures) in &more.groups {
            let mut group = group.coarse();
            for name in group.names.iter_mut().filter(|name| **name > 0) {
                let known = numbers.get_mut(*name as usize - 1);
                *name = match (known, more.names.name(*name)) {
                    (Some(known), Some(text)) => {
                        if *known == 0 {
                            *known = self.names.shared(text);
                        }
                        *known
                    }
                    _ => 0,
                };
            }
            self.groups.entry(group).or_default().add(figures);
        }
    }

    /// What [`Sums::pack`] made; `None`: something else did.
    pub fn unpack(bytes: &[u8]) -> Option<Sums> {
        let mut sums = Sums::default();
        pack::unpack(bytes, |names, group, figures| {
            // The same numbers, as they are given in the same order.
            if sums.names.list.is_empty() {
                names.iter().for_each(|name| {
                    sums.names.number(name);
                });
            }
            sums.groups.entry(*group).or_default().add(figures);
        })?;
        Some(sums)
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }
}

/// What a row's group is.
fn group(names: &mut Names, row: &Row) -> Group {
    let environment = row.environment.as_ref().filter(|name| !name.is_empty());
    let chosen = |names: &mut Names, name: &Option<String>| {
        let name = name.as_deref();
        name.map_or(0, |name| names.number(name))
    };
    Group {
        slot: slot(row.at.0),
        status: row.status,
        error: row.is_error(),
        // In the order of their numbers.
        names: [
            names.of(Field::Key, row.key.as_ref()),
            names.of(Field::User, row.user.as_ref()),
            names.of(Field::Environment, environment),
            names.of(Field::Route, row.route.as_ref()),
            names.of(Field::Provider, row.provider.as_ref()),
            names.of(Field::Model, row.model.as_ref()),
            names.of(Field::Asked, row.requested_model.as_ref()),
            names.of_labels(row.labels.as_ref()),
            chosen(names, &row.session),
            chosen(names, &row.agent),
        ],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::resources::Stamp;

    fn row(at: i64, key: &str, cost: Option<i64>, status: u16) -> Row {
        Row {
            at: Stamp(at),
            key: Some(key.into()),
            session: Some(format!("s{at}")),
            status,
            cost_pico: cost,
            cost_status: match cost {
                Some(5) => CostStatus::Estimated,
                Some(_) => CostStatus::Calculated,
                None => CostStatus::Unpriced,
            },
            usage: Usage {
                input: 3,
                output: 4,
                ..Usage::default()
            },
            latency_ms: 10,
            ..Row::default()
        }
    }

    #[test]
    fn rows_of_one_group_are_added_up() {
        let rows = [
            row(SLOT + 1, "a", Some(5), 200),
            row(SLOT + 2, "b", None, 500),
            row(2 * SLOT - 1, "a", Some(6), 200),
            row(2 * SLOT, "a", Some(7), 200),
        ];
        let fine = Sums::of(rows.iter());
        assert_eq!(fine.groups(), 4, "each is a session of its own");
        let mut file = Sums::default();
        file.add_coarse(&fine);
        let mut found: Vec<_> = file
            .groups
            .iter()
            .map(|(group, figures)| {
                let key = file.names.name(group.name(Field::Key)).unwrap();
                let requests = (figures.requests, figures.errors, figures.unpriced);
                let cost = (figures.cost_pico, figures.estimated_pico);
                (
                    group.slot,
                    key.to_string(),
                    requests,
                    figures.usage().total(),
                    cost,
                )
            })
            .collect();
        found.sort();
        assert_eq!(
            found,
            [
                (1, "a".into(), (2, 0, 0), 14, (11, 5)),
                (1, "b".into(), (1, 1, 1), 7, (0, 0)),
                (2, "a".into(), (1, 0, 0), 7, (7, 0)),
            ]
        );
        file.add_coarse(&fine);
        assert_eq!(file.groups(), 3);
        assert!(file.names.list().all(|name| name.len() == 1), "no sessions");
    }

    #[test]
    fn nothing_overflows() {
        let most = Figures {
            requests: u64::MAX,
            cost_pico: i128::MAX,
            counts: [u64::MAX; COUNTED.len()],
            ..Figures::default()
        };
        let mut sum = most.clone();
        sum.add(&most);
        assert_eq!(sum, most);
        Sums::of([row(i64::MIN, "a", None, 200), row(i64::MAX, "a", None, 200)].iter());
    }

    #[test]
    fn usage_is_counted_whole() {
        let all = Usage::all_different();
        let mut figures = Figures::default();
        figures.take(&Row {
            usage: all,
            ..Row::default()
        });
        assert_eq!(figures.usage(), all);
        assert_eq!(figures.tokens(), all.total());
        assert_eq!(figures.counts, std::array::from_fn(|at| at as u64 + 1));
    }
}
