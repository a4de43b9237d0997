//! What is in a frame: when it was written, then a record for each account with something new. An account's first record in a
//! file is the whole of it, further ones say what was counted since.

use crate::resources::Stamp;
use crate::store::counters::ledger::{Change, Image};
use crate::store::counters::period::{Period, SPANS};
use crate::store::counters::{Amounts, Kind, Second, Subject};
use crate::store::varint::{Bytes, put, put_text, unzigzag, zigzag};

/// When a frame was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// By the clock of the counters.
    pub at: Second,
    /// Seconds by the monotonic clock.
    pub monotonic: u64,
    /// Within which run of the machine.
    pub run: u32,
}

/// One record of a frame.
#[derive(Debug, PartialEq)]
pub enum Record {
    Whole {
        number: u32,
        subject: Subject,
        image: Box<Image>,
    },
    Changed {
        number: u32,
        held: Amounts,
        changes: Vec<Change>,
    },
}

const WHOLE: u8 = 1;
const CHANGED: u8 = 2;

pub fn put_written(out: &mut Vec<u8>, written: &Written) {
    put(out, written.at.into());
    put(out, written.monotonic.into());
    put(out, written.run.into());
}

fn put_amounts(out: &mut Vec<u8>, amounts: &Amounts) {
    for number in [
        amounts.requests,
        amounts.input,
        amounts.output,
        amounts.pico,
    ] {
        put(out, number.into());
    }
}

fn amounts(bytes: &mut Bytes<'_>) -> Option<Amounts> {
    Some(Amounts {
        requests: bytes.whole()?,
        input: bytes.whole()?,
        output: bytes.whole()?,
        pico: bytes.whole()?,
        parallel: 0,
    })
}

pub fn put_changed(out: &mut Vec<u8>, number: u32, held: &Amounts, changes: &[Change], at: Second) {
    out.push(CHANGED);
    put(out, number.into());
    put_amounts(out, held);
    put(out, changes.len() as u128);
    for change in changes {
        put(out, zigzag(i128::from(at) - i128::from(change.at)));
        put(out, zigzag(change.requests.into()));
        put(out, change.input.into());
        put(out, change.output.into());
        put(out, change.pico.into());
    }
}

fn kind_number(kind: Kind) -> u128 {
    let at = Kind::ALL.iter().position(|(known, _)| *known == kind);
    at.unwrap_or_default() as u128
}

fn kind(bytes: &mut Bytes<'_>) -> Option<Kind> {
    Some(Kind::ALL.get(bytes.whole::<usize>()?)?.0)
}

pub fn put_whole(out: &mut Vec<u8>, number: u32, subject: &Subject, image: &Image) {
    out.push(WHOLE);
    put(out, number.into());
    put(out, kind_number(subject.kind));
    put_text(out, &subject.name);
    put(out, zigzag(subject.made.0.into()));
    put(out, u128::from(subject.of.is_some()));
    if let Some((kind, name)) = &subject.of {
        put(out, kind_number(*kind));
        put_text(out, name);
    }
    put(out, image.now.into());
    put_amounts(out, &image.held);
    put_amounts(out, &image.total);
    for period in &image.periods {
        put(out, period.begin.into());
        put_amounts(out, &period.used);
    }
    for (horizon, cells) in &image.trails {
        put(out, (*horizon).into());
        put(out, cells.len() as u128);
        let mut before = 0;
        for (second, [first, other]) in cells {
            put(out, u128::from(second - before));
            put(out, (*first).into());
            put(out, (*other).into());
            before = *second;
        }
    }
}

fn whole(bytes: &mut Bytes<'_>) -> Option<Record> {
    let number = bytes.whole()?;
    let of_kind = kind(bytes)?;
    let name = bytes.text()?.into();
    let made = Stamp(i64::try_from(unzigzag(bytes.number()?)).ok()?);
    let of = match bytes.whole::<u8>()? {
        0 => None,
        _ => Some((kind(bytes)?, bytes.text()?.into())),
    };
    let mut image = Image {
        now: bytes.whole()?,
        held: amounts(bytes)?,
        total: amounts(bytes)?,
        ..Image::default()
    };
    for (period, span) in image.periods.iter_mut().zip(SPANS) {
        *period = Period::at(span, bytes.whole()?);
        period.used = amounts(bytes)?;
    }
    for (horizon, cells) in &mut image.trails {
        *horizon = bytes.whole()?;
        let mut second: Second = 0;
        for _ in 0..bytes.whole::<usize>()? {
            second = second.checked_add(bytes.whole()?)?;
            cells.push((second, [bytes.whole()?, bytes.whole()?]));
        }
    }
    Some(Record::Whole {
        number,
        subject: Subject {
            kind: of_kind,
            name,
            made,
            of,
        },
        image: Box::new(image),
    })
}

fn changed(bytes: &mut Bytes<'_>, at: Second) -> Option<Record> {
    let number = bytes.whole()?;
    let held = amounts(bytes)?;
    let mut changes = Vec::new();
    for _ in 0..bytes.whole::<usize>()? {
        let before = unzigzag(bytes.number()?);
        changes.push(Change {
            at: Second::try_from(i128::from(at) - before).ok()?,
            requests: i64::try_from(unzigzag(bytes.number()?)).ok()?,
            input: bytes.whole()?,
            output: bytes.whole()?,
            pico: bytes.whole()?,
        });
    }
    Some(Record::Changed {
        number,
        held,
        changes,
    })
}

/// Reads a frame, record by record. `None`: it is not one, from some record on.
pub fn unpack(payload: &[u8], mut take: impl FnMut(&Written, Record)) -> Option<()> {
    let mut bytes = Bytes(payload);
    let written = Written {
        at: bytes.whole()?,
        monotonic: bytes.whole()?,
        run: bytes.whole()?,
    };
    while let Some((tag, rest)) = bytes.0.split_first() {
        bytes.0 = rest;
        let record = match *tag {
            WHOLE => whole(&mut bytes)?,
            CHANGED => changed(&mut bytes, written.at)?,
            _ => return None,
        };
        take(&written, record);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let used = |number| Amounts {
            requests: number,
            input: number * 1_000,
            output: u64::MAX - number,
            pico: number << 40,
            parallel: 0,
        };
        let now = 1_795_000_123;
        let image = Image {
            now,
            held: used(1),
            total: used(2),
            periods: SPANS.map(|span| Period {
                used: used(3),
                ..Period::at(span, now)
            }),
            trails: [
                (
                    3_600,
                    vec![(now - 3_000, [1, 2]), (now, [3, u64::from(u32::MAX)])],
                ),
                (60, Vec::new()),
                (0, vec![(u32::MAX, [u64::MAX, 0])]),
            ],
        };
        let key = Subject::new(Kind::Key, "ci", Stamp(-5));
        let session = key.session("a session, ünïcode");
        let changes = vec![
            Change {
                at: now - 300,
                requests: -1,
                input: 5,
                output: 6,
                pico: 7,
            },
            Change {
                at: now,
                requests: 2,
                ..Change::default()
            },
        ];
        let written = Written {
            at: now,
            monotonic: 99,
            run: 7,
        };
        let mut out = Vec::new();
        put_written(&mut out, &written);
        put_whole(&mut out, 0, &key, &image);
        put_changed(&mut out, u32::MAX, &used(4), &changes, now);
        put_whole(&mut out, 9, &session, &Image::default());
        let mut seen = Vec::new();
        unpack(&out, |at, record| seen.push((*at, record))).unwrap();
        let empty = Image {
            periods: SPANS.map(|span| Period::at(span, 0)),
            ..Image::default()
        };
        let expected = [
            Record::Whole {
                number: 0,
                subject: key,
                image: Box::new(image),
            },
            Record::Changed {
                number: u32::MAX,
                held: used(4),
                changes,
            },
            Record::Whole {
                number: 9,
                subject: session,
                image: Box::new(empty),
            },
        ];
        assert_eq!(seen, expected.map(|record| (written, record)));
        // Too short is no harm.
        for length in 0..out.len() {
            let _ = unpack(&out[..length], |_, _| ());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let _ = unpack(&bytes, |_, _| ());
        }
    }
}
