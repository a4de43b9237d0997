//! Columns: in numbers, what each row of a file can be asked for by, so that a query reads only blocks that have rows it
//! wants. Kept in memory while the file is written, and then a frame a column at its end. Must not know what a file is.

use super::super::filter::Status;
use super::super::sums::{Field, Group, Names};
use super::super::{Filter, Row};
use crate::hash::Seeded;
use std::collections::HashMap;

/// Columns of a file. The numbers are on disk.
pub const COLUMNS: usize = 9;

/// What of a row's group a column has; the last column is how it ended.
const FIELDS: [Field; COLUMNS - 1] = [
    Field::Key,
    Field::User,
    Field::Provider,
    Field::Route,
    Field::Session,
    Field::Agent,
    Field::Model,
    Field::Asked,
];

/// The same of a row itself.
fn names(row: &Row) -> [Option<&str>; COLUMNS - 1] {
    [
        row.key.as_deref(),
        row.user.as_deref(),
        row.provider.as_deref(),
        row.route.as_deref(),
        row.session.as_deref(),
        row.agent.as_deref(),
        row.model.as_deref(),
        row.requested_model.as_deref(),
    ]
}

const MODEL: usize = 6;
const ASKED: usize = 7;
const STATUS: usize = 8;
/// Added to the status of a row that is an error.
const ERROR: u32 = 1 << 16;

/// How a row ended.
fn ended(status: u16, error: bool) -> u32 {
    u32::from(status) | if error { ERROR } else { 0 }
}

/// Stands for a name: another one with the same number costs a look at a row, and nothing else.
fn term(name: &str) -> u32 {
    crc32fast::hash(name.as_bytes())
}

/// One column: the different values, and for each row the number of its value, counted from 1; 0 is none.
#[derive(Clone, Debug, Default, PartialEq)]
struct Column {
    terms: Vec<u32>,
    codes: Vec<u32>,
    known: HashMap<u32, u32, Seeded>,
}

impl Column {
    fn add(&mut self, term: Option<u32>) {
        let code = term.map_or(0, |term| self.code(term));
        self.codes.push(code);
    }

    /// The number of a value, which it gets if it has none.
    fn code(&mut self, term: u32) -> u32 {
        *self.known.entry(term).or_insert_with(|| {
            self.terms.push(term);
            self.terms.len() as u32
        })
    }

    fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + 4 * self.terms.len() + 2 * self.codes.len());
        out.extend_from_slice(&(self.terms.len() as u32).to_le_bytes());
        for term in &self.terms {
            out.extend_from_slice(&term.to_le_bytes());
        }
        match width(self.terms.len()) {
            // Nearly always, and then a good deal faster than slices of one byte.
            1 => out.extend(self.codes.iter().map(|code| *code as u8)),
            width => {
                for code in &self.codes {
                    out.extend_from_slice(&code.to_le_bytes()[..width]);
                }
            }
        }
        out
    }
}

/// Bytes of a code where there are so many values.
fn width(terms: usize) -> usize {
    match terms {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    }
}

/// The values and codes of a packed column.
fn unpack(
    bytes: &[u8],
) -> Option<(
    impl Iterator<Item = u32> + '_,
    impl Iterator<Item = u32> + '_,
)> {
    let number = |bytes: &[u8]| {
        let mut four = [0; 4];
        four[..bytes.len()].copy_from_slice(bytes);
        u32::from_le_bytes(four)
    };
    let count = number(bytes.get(..4)?) as usize;
    let (terms, codes) = bytes[4..].split_at_checked(count.checked_mul(4)?)?;
    Some((
        terms.chunks_exact(4).map(number),
        codes.chunks_exact(width(count)).map(number),
    ))
}

/// The columns of a file that is being written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns([Column; COLUMNS]);

impl Columns {
    /// Takes the next row in.
    pub fn add(&mut self, row: &Row) {
        for (column, name) in self.0.iter_mut().zip(names(row)) {
            column.add(name.map(term));
        }
        self.0[STATUS].add(Some(ended(row.status, row.is_error())));
    }

    /// Takes the next rows in, of which these are the groups: each name is looked up once for all of them.
    pub fn append(&mut self, names: &Names, rows: &[Group]) {
        // By the number of a name, its number in each column.
        let mut codes = vec![[0; COLUMNS - 1]; names.list().len()];
        let [of_names @ .., of_ends] = &mut self.0;
        for (at, (column, field)) in of_names.iter_mut().zip(FIELDS).enumerate() {
            column.codes.reserve(rows.len());
            for row in rows {
                let number = row.name(field);
                let known = codes.get_mut((number as usize).wrapping_sub(1));
                let code = match (known, names.name(number)) {
                    (Some(known), Some(name)) => {
                        if known[at] == 0 {
                            known[at] = column.code(term(name));
                        }
                        known[at]
                    }
                    _ => 0,
                };
                column.codes.push(code);
            }
        }
        for row in rows {
            of_ends.add(Some(ended(row.status, row.error)));
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.0[STATUS].codes.len()
    }

    /// Each column as bytes.
    pub fn pack(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.0.iter().map(Column::pack)
    }

    /// What [`Columns::pack`] wrote; nothing where a column is missing, or they are not of so many rows.
    pub fn unpack(packed: &[Vec<u8>], rows: usize) -> Option<Columns> {
        let mut columns = Columns::default();
        if packed.len() != COLUMNS {
            return None;
        }
        for (column, bytes) in columns.0.iter_mut().zip(packed) {
            let (terms, codes) = unpack(bytes)?;
            column.terms = terms.collect();
            column.codes = codes.collect();
            let numbered = column.terms.iter().zip(1_u32..);
            column.known = numbered.map(|(term, code)| (*term, code)).collect();
            if column.codes.len() != rows {
                return None;
            }
        }
        Some(columns)
    }

    /// The rows that may be wanted.
    pub fn choose(&self, wanted: &Wanted) -> Chosen {
        wanted
            .rows(self.rows(), |at, condition, chosen| {
                let column = &self.0[at];
                mark(
                    column.terms.iter().copied(),
                    column.codes.iter().copied(),
                    condition,
                    chosen,
                );
                Some(())
            })
            .unwrap_or_default()
    }
}

/// Marks the rows whose value fits.
fn mark(
    terms: impl Iterator<Item = u32>,
    codes: impl Iterator<Item = u32>,
    condition: &Condition,
    chosen: &mut Chosen,
) {
    let mut any = false;
    let fits: Vec<bool> = std::iter::once(false)
        .chain(terms.map(|term| condition.fits(term)))
        .inspect(|fits| any |= fits)
        .collect();
    if !any {
        return;
    }
    for (row, code) in codes.enumerate() {
        if fits.get(code as usize).is_some_and(|fits| *fits) {
            chosen.set(row);
        }
    }
}

/// What is asked of one or more columns, any of which may have it.
struct Condition {
    columns: Vec<usize>,
    terms: Vec<u32>,
    statuses: Vec<Status>,
}

impl Condition {
    fn fits(&self, term: u32) -> bool {
        let (error, status) = (term & ERROR != 0, (term & 0xffff) as u16);
        self.terms.contains(&term)
            || self.statuses.iter().any(|wanted| match *wanted {
                Status::Ok => !error,
                Status::Error => error,
                Status::Http(low, high) => (low..=high).contains(&status),
            })
    }
}

/// What a filter asks of columns.
pub struct Wanted(Vec<Condition>);

impl Wanted {
    pub fn of(filter: &Filter) -> Wanted {
        let names: [(&[usize], &Vec<String>); 7] = [
            (&[0], &filter.key),
            (&[1], &filter.user),
            (&[2], &filter.provider),
            (&[3], &filter.route),
            (&[4], &filter.session),
            (&[5], &filter.agent),
            (&[MODEL, ASKED], &filter.model),
        ];
        let named = names
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(columns, names)| Condition {
                columns: columns.to_vec(),
                terms: names.iter().map(|name| term(name)).collect(),
                statuses: Vec::new(),
            });
        let ended = (!filter.status.is_empty()).then(|| Condition {
            columns: vec![STATUS],
            terms: Vec::new(),
            statuses: filter.status.clone(),
        });
        Wanted(named.chain(ended).collect())
    }

    /// Whether every row may be wanted, as far as columns tell.
    pub fn everything(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows, of so many, that meet every condition; `read` gives the bytes of a column. Nothing where one of them
    /// cannot be read.
    pub fn choose(
        &self,
        rows: usize,
        mut read: impl FnMut(usize) -> Option<Vec<u8>>,
    ) -> Option<Chosen> {
        self.rows(rows, |at, condition, chosen| {
            let bytes = read(at)?;
            let (terms, codes) = unpack(&bytes)?;
            mark(terms, codes, condition, chosen);
            Some(())
        })
    }

    fn rows(
        &self,
        rows: usize,
        mut of_column: impl FnMut(usize, &Condition, &mut Chosen) -> Option<()>,
    ) -> Option<Chosen> {
        let mut all: Option<Chosen> = None;
        for condition in &self.0 {
            let mut some = Chosen::none(rows);
            for at in &condition.columns {
                of_column(*at, condition, &mut some)?;
            }
            if let Some(all) = &all {
                some.keep(all);
            }
            if some.is_empty() {
                return Some(some);
            }
            all = Some(some);
        }
        Some(all.unwrap_or_else(|| Chosen::all(rows)))
    }
}

/// Some rows of a file, by their position in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chosen(Vec<u64>);

impl Chosen {
    fn none(rows: usize) -> Chosen {
        Chosen(vec![0; rows.div_ceil(64)])
    }

    fn all(rows: usize) -> Chosen {
        Chosen(vec![u64::MAX; rows.div_ceil(64)])
    }

    fn set(&mut self, row: usize) {
        if let Some(word) = self.0.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    fn keep(&mut self, others: &Chosen) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word &= other;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether one of `count` rows from `first` on is among them.
    pub fn any(&self, first: u64, count: u64) -> bool {
        (first..first.saturating_add(count)).any(|row| {
            let word = usize::try_from(row / 64).ok().and_then(|at| self.0.get(at));
            word.is_some_and(|word| word >> (row % 64) & 1 == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::super::Matcher;
    use super::super::super::sums::Sums;
    use super::*;
    use crate::resources::Stamp;
    use proptest::prelude::*;

    fn row(seed: u32) -> Row {
        let name = |what: &str, of: u32| Some(format!("{what}{}", seed / 7 % of).into());
        Row {
            key: name("k", 5),
            user: name("u", 3).filter(|_| !seed.is_multiple_of(3)),
            provider: name("p", 2),
            route: Some(format!("r{}", seed % 4).into()),
            session: Some(format!("s{seed}")).filter(|_| seed.is_multiple_of(2)),
            model: Some(format!("m{}", seed % 3).into()),
            requested_model: Some(format!("m{}", seed % 5).into()),
            status: [200, 200, 429, 503][seed as usize % 4],
            ..Row::default()
        }
    }

    proptest! {
        /// Of names alone, columns say what reading the rows says: while written, packed and unpacked.
        #[test]
        fn the_rows_chosen_are_those_that_match(seeds in proptest::collection::vec(0_u32..600, 0..400), words in 0_usize..64) {
            let rows: Vec<Row> = seeds.iter().map(|seed| row(*seed)).collect();
            let mut filter = Filter::default();
            let all = [("key", "k1,k2"), ("user", "u1"), ("route", "r2"), ("model", "m4,m1"), ("status", "error"), ("session", "s4,s8,s12")];
            for (at, (word, value)) in all.into_iter().enumerate() {
                if words >> at & 1 == 1 {
                    filter.take(word, value, Stamp(0)).unwrap();
                }
            }
            let (matcher, wanted) = (Matcher::new(&filter), Wanted::of(&filter));
            let mut columns = Columns::default();
            for half in rows.chunks(150) {
                let mut sums = Sums::default();
                let groups: Vec<Group> = half.iter().map(|row| sums.take(row)).collect();
                columns.append(sums.names(), &groups);
            }
            let mut one_by_one = Columns::default();
            rows.iter().for_each(|row| one_by_one.add(row));
            prop_assert_eq!(&columns, &one_by_one);
            let packed: Vec<Vec<u8>> = columns.pack().collect();
            prop_assert_eq!(Columns::unpack(&packed, rows.len()), Some(columns.clone()));
            let written = columns.choose(&wanted);
            let read = wanted.choose(rows.len(), |at| packed.get(at).cloned()).unwrap();
            for (at, row) in (0_u64..).zip(&rows) {
                prop_assert_eq!(written.any(at, 1), matcher.matches(row));
                prop_assert_eq!(read.any(at, 1), matcher.matches(row));
            }
        }
    }

    #[test]
    fn what_cannot_be_read_chooses_nothing() {
        let filter = Filter {
            key: vec!["k".into()],
            ..Filter::default()
        };
        let wanted = Wanted::of(&filter);
        for bytes in [vec![], vec![1, 0, 0], vec![255; 8]] {
            assert_eq!(wanted.choose(1, |_| Some(bytes.clone())), None);
        }
        assert_eq!(wanted.choose(1, |_| None), None);
        assert_eq!(Columns::unpack(&[], 0), None);
    }
}
