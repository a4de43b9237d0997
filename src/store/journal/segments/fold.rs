//! Sums of the log's files: of a whole file where all of it is asked for, of blocks at the edges, and of rows where a
//! block lies across one or has no sums.

use super::super::Matcher;
use super::super::sums::{Ask, Fold, Folded, slot};
use super::file::{self, Block, Segment, Totals};
use super::frame::Reader;
use super::{Shared, read};

/// What the sums of everything come to.
pub fn fold(shared: &Shared, ask: &Ask) -> Folded {
    let segments = read::rows(shared);
    let times = segments.iter().filter_map(|segment| {
        segment.summary(|all| (all.rows > 0).then_some((all.since, all.until)))
    });
    let (mut first, mut last) = (None, None);
    for (since, until) in times {
        first = Some(first.map_or(since, |first: i64| first.min(since)));
        last = last.max(Some(until));
    }
    let mut fold = Fold::new(ask, first.unwrap_or_default(), last.unwrap_or_default());
    fold.oldest = first;
    let matcher = Matcher::new(&ask.filter);
    for segment in segments {
        if segment.summary(|all| matcher.may_match(all))
            && let Some(mut reader) = read::reader(shared, &segment)
        {
            of_segment(shared, &segment, &mut reader, &matcher, &mut fold);
        }
    }
    fold.end()
}

fn of_segment(
    shared: &Shared,
    segment: &Segment,
    reader: &mut Reader,
    matcher: &Matcher,
    fold: &mut Fold<'_>,
) {
    let ask = fold.ask();
    let within = |edge: i64| {
        let begin = edge.saturating_mul(super::super::sums::SLOT);
        (begin, begin.saturating_add(super::super::sums::SLOT - 1))
    };
    // The slots that the beginning and the end of what is asked for lie within.
    let filter = &ask.filter;
    let edges = [
        filter.since.map(|since| slot(since.0)),
        filter.until.map(|until| slot(until.0)),
    ];
    let edges: Vec<i64> = edges
        .into_iter()
        .flatten()
        .filter(|edge| {
            let (first, last) = within(*edge);
            ask.overlaps(first, last) && !ask.contains(first, last)
        })
        .collect();
    let cut = |slot: i64| edges.contains(&slot);
    let whole = |slot: i64| {
        let (first, last) = within(slot);
        ask.contains(first, last)
    };
    let totals = match ask.fine() {
        true => None,
        false => segment.totals(reader),
    };
    let taken = match totals {
        Some(Totals::Kept(sums)) => {
            fold.take_sums(&sums, whole);
            true
        }
        Some(Totals::Packed(packed)) => fold.take_packed(&packed, whole).is_some(),
        None => false,
    };
    let wanted = |slot: i64| !taken || cut(slot);
    if taken && edges.is_empty() {
        return;
    }
    for block in segment.blocks(reader) {
        let all = &block.summary;
        let edge = |edge: &i64| {
            let (first, last) = within(*edge);
            all.since <= last && first <= all.until
        };
        if !matcher.may_match(all) || taken && !edges.iter().any(edge) {
            continue;
        }
        if ask.contains(all.since, all.until)
            && sums(segment, reader, &block)
                .and_then(|packed| fold.take_packed(&packed, wanted))
                .is_some()
        {
            continue;
        }
        for (_, row) in read::rows_of(shared, segment, reader, &block) {
            if wanted(slot(row.at.0)) {
                fold.take_row(&row);
            }
        }
    }
}

/// The packed sums of a block, with new prices where there are some.
fn sums(segment: &Segment, reader: &mut Reader, block: &Block) -> Option<Vec<u8>> {
    match segment.prices().filter(|prices| prices.holds(block.at)) {
        Some(prices) => prices.sums(block.at),
        None => file::block_sums(reader, block),
    }
}
