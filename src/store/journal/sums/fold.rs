//! Folding sums into the lines that are asked for: filtered, grouped, in the asker's days, bounded.

use super::ask::MOST;
use super::folded::{Folded, Sum};
use super::{
    Ask, By, FIELDS, Field, Figures, Group, Names, SLOT, Sums, calendar, group, pack, slot,
};
use crate::store::journal::filter::labelled;
use crate::store::journal::{Row, Status};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Lines kept apart; what comes after is put together.
const LINES: usize = 100_000;

/// Names a filter asks for, as bits of what it asks of them.
const WANTED: [Field; 7] = [
    Field::Key,
    Field::User,
    Field::Route,
    Field::Provider,
    Field::Session,
    Field::Agent,
    // Of models: asked for, or answered.
    Field::Model,
];

/// Hours, days or months between two lines that are told though nothing happened in them, at most.
const EMPTY: usize = 2_000;

/// A line's place in one column: a name's number, a status, or when a time begins. 0 of a name is none.
type Place = [i64; MOST];

/// Folding under way.
pub struct Fold<'a> {
    ask: &'a Ask,
    names: Names,
    /// Which fields are asked for at all: names in others are not looked at.
    needed: [bool; FIELDS],
    /// By number, which of [`WANTED`] a name is asked for in.
    marks: Vec<u8>,
    /// Labels by the number of their text.
    labels: HashMap<u32, Option<BTreeMap<String, String>>>,
    /// When the time of a column that a slot lies in begins.
    begins: HashMap<(usize, i64), i64>,
    lines: HashMap<Place, Sum>,
    others: Sum,
    /// The slots that courses are told of: the first, and how many. And in how many points.
    span: (i64, i64),
    points: usize,
    pub oldest: Option<i64>,
}

impl<'a> Fold<'a> {
    /// Begins; `first` and `last` are the times of what there is, for courses without a beginning or an end.
    pub fn new(ask: &'a Ask, first: i64, last: i64) -> Fold<'a> {
        let since = ask.filter.since.map_or(first, |since| since.0);
        let until = ask
            .filter
            .until
            .map_or(last, |until| until.0.saturating_sub(1));
        let (since, until) = (slot(since), slot(until.max(since)));
        let slots = until.saturating_sub(since).saturating_add(1);
        Fold {
            ask,
            names: Names::default(),
            needed: needed(ask),
            marks: Vec::new(),
            labels: HashMap::new(),
            begins: HashMap::new(),
            lines: HashMap::new(),
            others: Sum::default(),
            span: (since, slots),
            points: ask.points.min(usize::try_from(slots).unwrap_or(usize::MAX)),
            oldest: None,
        }
    }

    /// What is asked.
    pub fn ask(&self) -> &'a Ask {
        self.ask
    }

    /// Takes packed sums in, of the slots that `only` says. `None`: they are in no form known here.
    pub fn take_packed(&mut self, bytes: &[u8], only: impl Fn(i64) -> bool) -> Option<()> {
        let mut numbers: Vec<u32> = Vec::new();
        pack::unpack(bytes, |names, group, figures| {
            numbers.resize(names.len(), 0);
            if only(group.slot) {
                self.take(*group, figures, &mut numbers, |number| {
                    names.get(number).copied()
                });
            }
        })
    }

    /// Takes sums in, of the slots that `only` says.
    pub fn take_sums(&mut self, sums: &Sums, only: impl Fn(i64) -> bool) {
        let mut numbers = vec![0; sums.names.list().len()];
        for (group, figures) in &sums.groups {
            if only(group.slot) {
                self.take(*group, figures, &mut numbers, |number| {
                    sums.names.list.get(number).map(|name| &**name)
                });
            }
        }
    }

    /// Takes a row in, where it is within the time asked for.
    pub fn take_row(&mut self, row: &Row) {
        if !self.ask.holds(row.at.0) {
            return;
        }
        let group = group(&mut self.names, row);
        let mut figures = Figures::default();
        figures.take(row);
        self.sort_in(group, &figures);
    }

    /// `numbers`: what numbers the names of these sums have here, found as they are met.
    fn take<'n>(
        &mut self,
        mut group: Group,
        figures: &Figures,
        numbers: &mut [u32],
        name: impl Fn(usize) -> Option<&'n str>,
    ) {
        for (number, needed) in group.names.iter_mut().zip(self.needed) {
            if *number == 0 || !needed {
                *number = 0;
                continue;
            }
            let there = *number as usize - 1;
            let Some(known) = numbers.get_mut(there) else {
                *number = 0;
                continue;
            };
            if *known == 0 {
                *known = name(there).map_or(0, |name| self.names.number(name));
            }
            *number = *known;
        }
        self.sort_in(group, figures);
    }

    /// Takes the figures of a group, whose names are numbered as here.
    fn sort_in(&mut self, group: Group, figures: &Figures) {
        if !self.wanted(&group) {
            return;
        }
        let points = self.points;
        let (first, slots) = self.span;
        let point = (points > 0).then(|| {
            let into = i128::from(group.slot.saturating_sub(first).clamp(0, slots - 1));
            let at = into * points as i128 / i128::from(slots);
            usize::try_from(at).unwrap_or_default()
        });
        let mut place = [0; MOST];
        for (column, by) in self.ask.by.iter().enumerate().take(MOST) {
            place[column] = self.place(column, by, &group);
        }
        let full = self.lines.len() >= LINES;
        match self.lines.get_mut(&place) {
            Some(line) => line.add(figures, point, points),
            None if full => self.others.add(figures, point, points),
            None => {
                let line = self.lines.entry(place).or_default();
                line.add(figures, point, points);
            }
        }
    }

    fn wanted(&mut self, group: &Group) -> bool {
        let filter = &self.ask.filter;
        let lists = [
            &filter.key,
            &filter.user,
            &filter.route,
            &filter.provider,
            &filter.session,
            &filter.agent,
            &filter.model,
        ];
        let status = |wanted: &Status| match *wanted {
            Status::Ok => !group.error,
            Status::Error => group.error,
            Status::Http(low, high) => (low..=high).contains(&group.status),
        };
        if !(filter.status.is_empty() || filter.status.iter().any(status)) {
            return false;
        }
        if lists.iter().any(|list| !list.is_empty()) {
            // Names that came since.
            for name in self.names.list().skip(self.marks.len()) {
                let marks = lists.iter().enumerate();
                let marks = marks.filter(|(_, list)| list.iter().any(|wanted| wanted == name));
                self.marks
                    .push(marks.fold(0, |bits, (at, _)| bits | 1 << at));
            }
            let marked = |field: Field, at: usize| {
                let number = (group.name(field) as usize).checked_sub(1);
                let marks = number.and_then(|number| self.marks.get(number));
                marks.is_some_and(|marks| marks & 1 << at != 0)
            };
            for (at, (field, list)) in WANTED.iter().zip(lists).enumerate() {
                let asked = *field == Field::Model && marked(Field::Asked, at);
                if !list.is_empty() && !marked(*field, at) && !asked {
                    return false;
                }
            }
        }
        if self.ask.filter.label.is_empty() {
            return true;
        }
        let (ask, labels) = (self.ask, self.labels(group));
        labelled(&ask.filter.label, |name| {
            labels?.get(name).map(String::as_str)
        })
    }

    fn labels(&mut self, group: &Group) -> Option<&BTreeMap<String, String>> {
        let number = group.name(Field::Labels);
        let text = self.names.name(number).cloned();
        let known = self
            .labels
            .entry(number)
            .or_insert_with(|| text.and_then(|text| serde_json::from_str(&text).ok()));
        known.as_ref()
    }

    /// Where a group belongs in a column.
    fn place(&mut self, column: usize, by: &By, group: &Group) -> i64 {
        match by {
            By::Field(field) => group.name(*field).into(),
            By::Status => group.status.into(),
            By::Label(name) => {
                let value = self.labels(group).and_then(|labels| labels.get(name));
                let value = value.cloned();
                value.map_or(0, |value| self.names.number(&value).into())
            }
            By::Hour | By::Day | By::Month => {
                let zone = &self.ask.zone;
                let begin = || calendar::begin(by, group.slot.saturating_mul(SLOT), zone);
                *self
                    .begins
                    .entry((column, group.slot))
                    .or_insert_with(begin)
            }
        }
    }

    /// What a place is called.
    fn called(&self, by: &By, place: i64) -> Option<String> {
        match by {
            By::Field(_) | By::Label(_) => {
                let name = u32::try_from(place).ok().and_then(|it| self.names.name(it));
                name.map(|name| name.to_string())
            }
            By::Status => Some(place.to_string()),
            By::Hour | By::Day | By::Month => Some(calendar::called(by, place, &self.ask.zone)),
        }
    }

    /// Where lines are times and nothing else, those in which nothing happened get a line, too.
    fn fill(&mut self) {
        let [by] = self.ask.by.as_slice() else { return };
        let (first, last) = (self.lines.keys().min(), self.lines.keys().max());
        let (true, Some(first), Some(last)) = (by.is_time(), first, last) else {
            return;
        };
        let (mut time, last) = (first[0], last[0]);
        let mut empty = Vec::new();
        while time < last && empty.len() < EMPTY {
            let next = calendar::next(by, time, &self.ask.zone);
            if next <= time {
                break;
            }
            time = next;
            let mut place = [0; MOST];
            place[0] = time;
            empty.push(place);
        }
        for place in empty {
            self.lines.entry(place).or_default();
        }
    }

    /// The lines in order: times as they go by where they come first, else what is most first; where all is equal, by
    /// name, so that the order is always the same.
    pub fn end(mut self) -> Folded {
        let timely = self.ask.by.first().is_some_and(By::is_time);
        self.fill();
        let mut others = std::mem::take(&mut self.others);
        let mut total = others.clone();
        self.lines.values().for_each(|sum| total.merge(sum));
        let mut lines: Vec<_> = std::mem::take(&mut self.lines)
            .into_iter()
            .map(|(place, sum)| {
                let time = if timely { place[0] } else { 0 };
                let columns = self.ask.by.iter().zip(place);
                let of: Vec<_> = columns.map(|(by, place)| self.called(by, place)).collect();
                ((time, Reverse(sum.weight(self.ask.sort)), of), sum)
            })
            .collect();
        lines.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let rest = lines.split_off(self.ask.lines.min(lines.len()));
        let count = rest.len() as u64 + u64::from(others.requests() > 0);
        rest.iter().for_each(|(_, sum)| others.merge(sum));
        let (first, slots) = self.span;
        let begin = |at: usize| {
            // The first slot that goes into this point.
            let passed = (i128::from(slots) * at as i128 + self.points as i128 - 1)
                .div_euclid(self.points as i128);
            first
                .saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
                .saturating_mul(SLOT)
        };
        Folded {
            points: (0..self.points).map(begin).collect(),
            others: (count > 0).then(|| (count, others.line(Vec::new()))),
            total: total.line(Vec::new()),
            oldest: self.oldest,
            lines: lines
                .into_iter()
                .map(|((_, _, of), sum)| sum.line(of))
                .collect(),
        }
    }
}

/// The fields that a question is about.
fn needed(ask: &Ask) -> [bool; FIELDS] {
    let filter = &ask.filter;
    let mut needed = [false; FIELDS];
    let mut need = |field: Field, asked: bool| needed[field as usize] |= asked;
    for by in &ask.by {
        match by {
            By::Field(field) => need(*field, true),
            By::Label(_) => need(Field::Labels, true),
            By::Status | By::Hour | By::Day | By::Month => {}
        }
    }
    need(Field::Key, !filter.key.is_empty());
    need(Field::User, !filter.user.is_empty());
    need(Field::Route, !filter.route.is_empty());
    need(Field::Provider, !filter.provider.is_empty());
    need(Field::Model, !filter.model.is_empty());
    need(Field::Asked, !filter.model.is_empty());
    need(Field::Session, !filter.session.is_empty());
    need(Field::Agent, !filter.agent.is_empty());
    need(Field::Labels, !filter.label.is_empty());
    needed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::Line;
    use super::*;
    use crate::resources::Stamp;

    fn row(at: &str, model: &str, cost: i64) -> Row {
        Row {
            at: Stamp::parse(at).unwrap(),
            model: Some(model.into()),
            cost_pico: Some(cost),
            status: 200,
            labels: Some(std::sync::Arc::new(
                [("team".to_owned(), format!("t{model}"))].into(),
            )),
            ..Row::default()
        }
    }

    fn folded(rows: &[Row], words: &[(&str, &str)]) -> Folded {
        let mut ask = Ask::default();
        for (word, value) in words {
            let known =
                ask.take(word, value).unwrap() || ask.filter.take(word, value, Stamp(0)).unwrap();
            assert!(known, "{word}");
        }
        let times = || rows.iter().map(|row| row.at.0);
        let mut fold = Fold::new(&ask, times().min().unwrap(), times().max().unwrap());
        fold.take_packed(&Sums::of(rows.iter()).pack(), |_| true)
            .unwrap();
        let packed = fold.end();
        let mut fold = Fold::new(&ask, times().min().unwrap(), times().max().unwrap());
        rows.iter().for_each(|row| fold.take_row(row));
        assert_eq!(fold.end(), packed, "{words:?}");
        packed
    }

    fn told(folded: &Folded) -> Vec<(String, i128)> {
        let line = |line: &Line| {
            let of = line.of.iter().map(|of| of.as_deref().unwrap_or("-"));
            (of.collect::<Vec<_>>().join(" "), line.figures.cost_pico)
        };
        folded.lines.iter().map(line).collect()
    }

    #[test]
    fn days_and_months_are_the_zones_own() {
        let rows = [
            row("2026-10-24T21:50:00Z", "a", 1),
            row("2026-10-24T22:10:00Z", "a", 10),
            row("2026-10-25T22:50:00Z", "a", 100),
            row("2026-10-31T23:10:00Z", "a", 1000),
        ];
        let lines = |by: &str, tz: &str| told(&folded(&rows, &[("by", by), ("tz", tz)]));
        let of = |list: &[(&str, i128)]| -> Vec<(String, i128)> {
            list.iter()
                .map(|(of, cost)| ((*of).to_owned(), *cost))
                .collect()
        };
        assert_eq!(
            lines("day", "UTC"),
            of(&[
                ("2026-10-24", 11),
                ("2026-10-25", 100),
                ("2026-10-26", 0),
                ("2026-10-27", 0),
                ("2026-10-28", 0),
                ("2026-10-29", 0),
                ("2026-10-30", 0),
                ("2026-10-31", 1000)
            ])
        );
        let days = |tz: &str| -> Vec<(String, i128)> {
            let all = lines("day", tz).into_iter();
            all.filter(|(_, cost)| *cost > 0).collect()
        };
        assert_eq!(
            days("+02:00"),
            of(&[
                ("2026-10-24", 1),
                ("2026-10-25", 10),
                ("2026-10-26", 100),
                ("2026-11-01", 1000),
            ])
        );
        assert_eq!(
            lines("month", "+02:00"),
            of(&[("2026-10", 111), ("2026-11", 1000)])
        );
        // Nepal's clocks are five hours and three quarters ahead.
        assert_eq!(
            lines("hour", "+05:45")[..2],
            of(&[
                ("2026-10-25T03:00+05:45", 11),
                ("2026-10-25T04:00+05:45", 0)
            ])
        );
        if jiff::tz::TimeZone::get("Europe/Berlin").is_ok() {
            // The day the clocks are put back there has 25 hours.
            assert_eq!(
                days("Europe/Berlin"),
                of(&[("2026-10-24", 1), ("2026-10-25", 110), ("2026-11-01", 1000)])
            );
        }
    }

    #[test]
    fn lines_are_filtered_ordered_and_bounded() {
        let rows = [
            row("2026-10-24T10:00:00Z", "a", 1),
            row("2026-10-24T11:00:00Z", "b", 10),
            row("2026-10-24T12:00:00Z", "c", 5),
            row("2026-10-24T12:10:00Z", "c", 4),
        ];
        let all = folded(&rows, &[("by", "model"), ("limit", "1"), ("points", "4")]);
        assert_eq!(told(&all), [("b".into(), 10)]);
        let (count, others) = all.others.unwrap();
        assert_eq!((count, others.figures.cost_pico), (2, 10));
        assert_eq!(all.total.figures.requests, 4);
        let course: Vec<u64> = all
            .total
            .course
            .iter()
            .map(|point| point.requests)
            .collect();
        assert_eq!(course, [1, 1, 0, 2], "nine slots in four points");
        let begins: Vec<String> = all.points.iter().map(|at| Stamp(*at).rfc3339()).collect();
        assert_eq!(begins[1], "2026-10-24T10:45:00.000Z");
        for (words, wanted) in [
            (vec![("model", "a,c")], "tc ta"),
            (vec![("label", "team=tb")], "tb"),
            (
                vec![("label", "team"), ("since", "2026-10-24T12:05:00Z")],
                "tc",
            ),
            (vec![("status", "error")], ""),
            (vec![("key", "k")], ""),
        ] {
            let words: Vec<_> = [("by", "label:team")].into_iter().chain(words).collect();
            // Sums know quarters of an hour: the odd minutes are the reader's business.
            let rows: Vec<Row> = match words.iter().any(|(word, _)| *word == "since") {
                true => rows[3..].to_vec(),
                false => rows.to_vec(),
            };
            let found = told(&folded(&rows, &words));
            let found: Vec<&str> = found.iter().map(|(of, _)| of.as_str()).collect();
            assert_eq!(found.join(" "), wanted, "{words:?}");
        }
        let by_requests = folded(&rows, &[("by", "model"), ("sort", "requests")]);
        assert_eq!(told(&by_requests)[0].0, "c");
    }
}
