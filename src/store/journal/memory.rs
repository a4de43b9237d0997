//! The request log of a gateway without a disk: a bounded ring.

use super::cursor::{Cursor, MAX_LIMIT, Order};
use super::follow::Followers;
use super::sums::{Ask, Fold, Folded};
use super::{
    Body, Content, Filter, Following, Health, Journal, Matcher, Page, Redaction, Repricing, Row,
    Tally,
};
use crate::error::Result;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps the newest rows, and of those the newest bodies that fit.
pub struct Memory {
    max_rows: usize,
    max_content: usize,
    ring: Mutex<Ring>,
    followers: Followers,
    redaction: Redaction,
}

#[derive(Default)]
struct Ring {
    rows: VecDeque<Arc<Row>>,
    /// Rows whose content is no longer there, or never was for lack of room.
    without: HashMap<String, Body>,
    contents: VecDeque<(Arc<Row>, Content)>,
    content_bytes: usize,
    health: Health,
    closed: bool,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new(10_000, 32 << 20)
    }
}

impl Memory {
    /// At most so many rows, and so many bytes of content.
    pub fn new(max_rows: usize, max_content: usize) -> Memory {
        Memory {
            max_rows: max_rows.max(1),
            max_content,
            ring: Mutex::default(),
            followers: Followers::default(),
            redaction: Redaction::default(),
        }
    }

    /// The same, keeping nothing of what is to be taken out.
    pub fn redacting(self, redaction: Redaction) -> Memory {
        Memory { redaction, ..self }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for Memory {
    fn push(&self, mut row: Row, mut content: Option<Content>) {
        row.bound();
        let mut redacted = 0;
        if !self.redaction.is_empty() {
            let stream = row.stream;
            redacted = self.redaction.row(&mut row)
                + content
                    .as_mut()
                    .map_or(0, |content| self.redaction.content(content, stream));
        }
        let row = Arc::new(row);
        let mut ring = self.ring();
        if ring.closed {
            ring.health.rows_dropped += 1;
            ring.health.content_dropped += u64::from(content.is_some());
            return;
        }
        ring.health.written += 1;
        ring.health.redacted += redacted;
        ring.rows.push_back(row.clone());
        if ring.rows.len() > self.max_rows {
            ring.forget_row();
        }
        match content {
            Some(content) if content.size() <= self.max_content => {
                ring.content_bytes += content.size();
                ring.contents.push_back((row.clone(), content));
                while ring.content_bytes > self.max_content {
                    ring.forget_content();
                }
            }
            Some(_) => {
                ring.health.content_dropped += 1;
                ring.without.insert(row.id.clone(), Body::LeftOut);
            }
            None => {}
        }
        drop(ring);
        self.followers.send(&row);
    }

    fn query(
        &self,
        filter: &Filter,
        order: Order,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page> {
        let matcher = Matcher::new(filter);
        let limit = limit.clamp(1, MAX_LIMIT);
        let cursor = cursor.map(|text| Cursor::parse(text, order));
        // Copied out, so that a reader holds nothing up.
        let (mut rows, contents) = {
            let ring = self.ring();
            let rows: Vec<Arc<Row>> = ring.rows.iter().cloned().collect();
            let contents: HashMap<String, Content> = match matcher.wants_text() {
                true => ring
                    .contents
                    .iter()
                    .map(|(row, content)| (row.id.clone(), content.clone()))
                    .collect(),
                false => HashMap::new(),
            };
            (rows, contents)
        };
        rows.sort_unstable_by(|one, other| match order {
            Order::NewestFirst => other.id.cmp(&one.id),
            Order::OldestFirst => one.id.cmp(&other.id),
        });
        let mut found = rows.iter().filter(|row| {
            cursor.as_ref().is_none_or(|cursor| cursor.allows(&row.id))
                && matcher.matches_with(row, contents.get(&row.id))
        });
        let page: Vec<Row> = found
            .by_ref()
            .take(limit)
            .map(|row| Row::clone(row))
            .collect();
        let cursor = found
            .next()
            .and(page.last())
            .map(|row| Cursor::after(&row.id));
        Ok(Page { rows: page, cursor })
    }

    fn find(&self, id: &str) -> Result<Option<(Row, Body)>> {
        let ring = self.ring();
        let Some(row) = ring.rows.iter().rev().find(|row| row.id == id) else {
            return Ok(None);
        };
        let content = ring
            .contents
            .iter()
            .find(|(owner, _)| Arc::ptr_eq(owner, row))
            .map(|(_, content)| Body::Kept(content.clone()));
        let body = content.or_else(|| ring.without.get(id).cloned());
        Ok(Some((Row::clone(row), body.unwrap_or(Body::None))))
    }

    fn fold(&self, ask: &Ask) -> Result<Folded> {
        let rows: Vec<Arc<Row>> = self.ring().rows.iter().cloned().collect();
        let times = || rows.iter().map(|row| row.at.0);
        let (first, last) = (times().min(), times().max());
        let mut fold = Fold::new(ask, first.unwrap_or_default(), last.unwrap_or_default());
        fold.oldest = first;
        rows.iter().for_each(|row| fold.take_row(row));
        Ok(fold.end())
    }

    fn reprice(&self, wanted: &Repricing<'_>) -> Result<Tally> {
        let matcher = Matcher::new(&Filter {
            text: String::new(),
            ..wanted.filter.clone()
        });
        let mut tally = Tally::default();
        let mut ring = self.ring();
        // Content is held by the row it belongs to.
        let mut changed = HashMap::new();
        for row in ring.rows.iter_mut().filter(|row| matcher.matches(row)) {
            let price = wanted.of(row, &mut tally);
            if let (Some(price), Some((at, who))) = (price, &wanted.by) {
                let mut new = Row::clone(row);
                Repricing::lay(&mut new, price, *at, who);
                let new = Arc::new(new);
                changed.insert(new.id.clone(), new.clone());
                *row = new;
            }
        }
        for (owner, _) in &mut ring.contents {
            if let Some(new) = changed.get(&owner.id) {
                *owner = new.clone();
            }
        }
        Ok(tally)
    }

    fn follow(&self) -> Following {
        self.followers.subscribe()
    }

    fn newest(&self) -> Option<String> {
        self.ring().rows.iter().map(|row| row.id.clone()).max()
    }

    fn health(&self) -> Health {
        self.ring().health.clone()
    }

    fn close(&self) {
        self.ring().closed = true;
        self.followers.close();
    }
}

impl Ring {
    /// The oldest row goes, with its content if that is still there.
    fn forget_row(&mut self) {
        let Some(row) = self.rows.pop_front() else {
            return;
        };
        self.health.removed_rows += 1;
        let oldest = self.contents.front();
        if oldest.is_some_and(|(owner, _)| Arc::ptr_eq(&row, owner)) {
            self.forget_content();
        }
        self.without.remove(&row.id);
    }

    /// The oldest content goes.
    fn forget_content(&mut self) {
        if let Some((row, content)) = self.contents.pop_front() {
            let size = content.size();
            self.content_bytes -= size;
            self.health.removed_content += 1;
            self.health.removed_bytes += size as u64;
            self.without.insert(row.id.clone(), Body::Removed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::contract::{self, body, row};
    use super::*;

    #[test]
    fn keeps_the_contract() {
        contract::suite(|| Memory::new(100_000, 64 << 20));
    }

    #[test]
    fn is_bounded_in_rows_and_in_content() {
        let log = Memory::new(10, 100);
        for number in 0..50 {
            log.push(row(number), Some(body(&[7; 30])));
        }
        assert_eq!(
            log.query(&Filter::default(), Order::NewestFirst, 1000, None)
                .unwrap()
                .rows
                .len(),
            10
        );
        let with_content = |number: u64| {
            log.get(&row(number).id)
                .unwrap()
                .is_some_and(|(_, content)| content.is_some())
        };
        assert!(with_content(49) && with_content(47) && !with_content(45));
        log.push(row(50), Some(body(&[7; 101])));
        assert_eq!(log.health().content_dropped, 1);
    }
}
