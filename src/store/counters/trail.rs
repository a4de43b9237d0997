//! What was used by second, for windows that roll. Only seconds in which something was used have a place, and seconds in a row
//! share one time stamp: a cell each, and a stamp for each run of them, so that of an hour no more than 3,601 of both
//! together are ever needed.
//!
//! Where that becomes more than it may take, the oldest seconds are put together: those whose age is at least so many times
//! the length of a block share one place, that of the newest of them. So what is old leaves a window late, by a small part
//! of its age ([`FINENESS`]), and never early: windows never count too little. An hour of tokens never comes to that.

use super::Second;
use std::collections::VecDeque;

/// What a second holds, as small as it goes: at most two figures. They stop at the most that fits.
pub trait Cell: Copy + Default {
    fn get(self) -> [u64; 2];
    fn put(value: [u64; 2]) -> Self;
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Input and output tokens.
impl Cell for [u32; 2] {
    fn get(self) -> [u64; 2] {
        self.map(u64::from)
    }
    fn put(value: [u64; 2]) -> [u32; 2] {
        value.map(narrow)
    }
}

impl Cell for u32 {
    fn get(self) -> [u64; 2] {
        [u64::from(self), 0]
    }
    fn put(value: [u64; 2]) -> u32 {
        narrow(value[0])
    }
}

impl Cell for u64 {
    fn get(self) -> [u64; 2] {
        [self, 0]
    }
    fn put(value: [u64; 2]) -> u64 {
        value[0]
    }
}

/// Seconds in a row.
#[derive(Clone, Copy, Debug)]
struct Run {
    begin: Second,
    /// The place of its first cell, counted from the first that ever was, as far as 32 bits go.
    first: u32,
}

/// A window: what was used in the last `length` seconds.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// 0: there is none.
    length: u32,
    /// What comes after this second is inside.
    edge: Second,
    used: [u64; 2],
}

/// The most windows of different length.
pub const WINDOWS: usize = 4;
/// Where seconds are put together, those of one block are at least so many times the block's length old, however many there
/// are: what leaves a window late does so by a thirty-second of its age at most.
pub const FINENESS: u32 = 32;
/// Places that are made at once.
const STEP: usize = 32;

#[derive(Debug)]
pub struct Trail<C> {
    cells: VecDeque<C>,
    runs: VecDeque<Run>,
    /// The place of the cell in front.
    front: u32,
    windows: [Window; WINDOWS],
    /// Bytes.
    most: usize,
}

impl<C: Cell> Default for Trail<C> {
    fn default() -> Trail<C> {
        Trail {
            cells: VecDeque::new(),
            runs: VecDeque::new(),
            front: 0,
            windows: [Window::default(); WINDOWS],
            most: 0,
        }
    }
}

impl<C: Cell> Trail<C> {
    /// Looks back so far from here on, within so many bytes. Without lengths it forgets everything.
    pub fn configure(&mut self, lengths: &[u32], most: usize, now: Second) {
        self.most = most;
        self.windows = [Window::default(); WINDOWS];
        for (window, length) in self.windows.iter_mut().zip(lengths) {
            window.length = *length;
        }
        self.recount(now);
        self.forget();
        if self.bytes() > self.most {
            self.coarsen(now);
        }
    }

    /// The longest time it looks back; 0: it keeps nothing.
    pub fn horizon(&self) -> u32 {
        let lengths = self.windows.iter().map(|window| window.length);
        lengths.max().unwrap_or(0)
    }

    /// Lets go what is older than each window.
    pub fn advance(&mut self, now: Second) {
        let mut moved = false;
        for at in 0..WINDOWS {
            let Window { length, edge, .. } = self.windows[at];
            let to = now.saturating_sub(length);
            if length == 0 || to <= edge {
                continue;
            }
            moved = true;
            let mut gone = [0u64; 2];
            for (second, cell) in self.after(edge) {
                if second > to {
                    break;
                }
                gone = sum(gone, cell.get());
            }
            let window = &mut self.windows[at];
            window.edge = to;
            window.used = [0, 1].map(|at| window.used[at].saturating_sub(gone[at]));
        }
        if moved {
            self.forget();
        }
    }

    /// Makes a place for this second, which no earlier one follows.
    pub fn mark(&mut self, at: Second) {
        let last = self.last();
        if self.horizon() == 0 || last.is_some_and(|last| at <= last) {
            return;
        }
        if last.is_none_or(|last| last.checked_add(1) != Some(at)) {
            make_room(&mut self.runs, &mut self.cells);
            let first = self.front.wrapping_add(self.cells.len() as u32);
            self.runs.push_back(Run { begin: at, first });
        }
        make_room(&mut self.cells, &mut self.runs);
        self.cells.push_back(C::default());
        if self.bytes() > self.most {
            self.coarsen(at);
        }
    }

    /// Counts what is used in this second; where it has no place any more, in the next that has one.
    pub fn add(&mut self, at: Second, more: [u64; 2]) {
        self.change(at, |used| sum(used, more));
    }

    /// Takes back what was counted in this second.
    pub fn take(&mut self, at: Second, less: [u64; 2]) {
        self.change(at, |used| {
            [0, 1].map(|at| used[at].saturating_sub(less[at]))
        });
    }

    fn change(&mut self, at: Second, change: impl Fn([u64; 2]) -> [u64; 2]) {
        let windows = self.windows.iter().filter(|window| window.length > 0);
        // Older than all that is looked at, or nothing is.
        if windows
            .map(|window| window.edge)
            .min()
            .is_none_or(|edge| at <= edge)
        {
            return;
        }
        if self.last().is_none_or(|last| last < at) {
            self.mark(at);
        }
        let Some((second, place)) = self.place(at) else {
            return;
        };
        let Some(cell) = self.cells.get_mut(place) else {
            return;
        };
        let before = cell.get();
        *cell = C::put(change(before));
        let after = cell.get();
        for window in &mut self.windows {
            if window.length > 0 && second > window.edge {
                window.used = [0, 1].map(|at| {
                    let used = window.used[at].saturating_add(after[at]);
                    used.saturating_sub(before[at])
                });
            }
        }
    }

    /// What was used in the last `length` seconds, for a length it was configured with.
    pub fn used(&self, length: u32) -> [u64; 2] {
        let mut windows = self.windows.iter();
        let window = windows.find(|window| window.length == length);
        window.map_or([0; 2], |window| window.used)
    }

    /// When so much of what a window of this length holds has left it; `None`: there is not so much in it.
    pub fn leaves(
        &self,
        length: u32,
        much: u64,
        count: impl Fn([u64; 2]) -> u64,
    ) -> Option<Second> {
        let window = self.windows.iter().find(|window| window.length == length)?;
        let mut gone = 0u64;
        for (second, cell) in self.after(window.edge) {
            gone = gone.saturating_add(count(cell.get()));
            if gone >= much && gone > 0 {
                return Some(second.saturating_add(length));
            }
        }
        None
    }

    /// When all that a window of this length holds has left it; `None`: there is nothing in it. Looked for from the newest
    /// back, since every answer tells it and a busy hour has 3,600 seconds.
    pub fn empties(&self, length: u32, count: impl Fn([u64; 2]) -> u64) -> Option<Second> {
        let window = self.windows.iter().find(|window| window.length == length)?;
        let mut end = self.cells.len();
        for run in self.runs.iter().rev() {
            let first = run.first.wrapping_sub(self.front) as usize;
            for place in (first..end).rev() {
                let second = run.begin + (place - first) as u32;
                if second <= window.edge {
                    return None;
                }
                if count(self.cells.get(place)?.get()) > 0 {
                    return Some(second.saturating_add(length));
                }
            }
            end = first;
        }
        None
    }

    /// Seconds and what was used in them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Second, C)> + '_ {
        self.after(0)
    }

    /// Leaves of each second what this leaves of it; the places stay.
    pub fn clear(&mut self, leave: impl Fn([u64; 2]) -> [u64; 2], now: Second) {
        for cell in &mut self.cells {
            *cell = C::put(leave(cell.get()));
        }
        self.recount(now);
    }

    /// Every second becomes at most this one.
    pub fn clamp(&mut self, most: Second) {
        let mut kept: Vec<(Second, C)> = Vec::with_capacity(self.cells.len());
        for (second, cell) in self.iter() {
            let second = second.min(most);
            match kept.last_mut() {
                Some((last, before)) if *last == second => {
                    *before = C::put(sum(before.get(), cell.get()));
                }
                _ => kept.push((second, cell)),
            }
        }
        self.refill(kept);
        self.recount(most);
    }

    /// What it takes in memory.
    #[cfg(test)]
    pub fn allocated(&self) -> usize {
        self.cells.capacity() * size_of::<C>() + self.runs.capacity() * size_of::<Run>()
    }

    fn bytes(&self) -> usize {
        self.cells.len() * size_of::<C>() + self.runs.len() * size_of::<Run>()
    }

    /// The newest second.
    fn last(&self) -> Option<Second> {
        let run = self.runs.back()?;
        let before = run.first.wrapping_sub(self.front) as usize;
        Some(run.begin + (self.cells.len() - before).saturating_sub(1) as u32)
    }

    /// The first second from this one on that has a place, and the place. Most ask for the newest.
    fn place(&self, at: Second) -> Option<(Second, usize)> {
        let behind = self.runs.partition_point(|run| run.begin <= at);
        if let Some(run) = behind.checked_sub(1).and_then(|it| self.runs.get(it)) {
            let first = run.first.wrapping_sub(self.front) as usize;
            let end = match self.runs.get(behind) {
                Some(next) => next.first.wrapping_sub(self.front) as usize,
                None => self.cells.len(),
            };
            let place = first + (at - run.begin) as usize;
            if place < end {
                return Some((at, place));
            }
        }
        let next = self.runs.get(behind)?;
        Some((next.begin, next.first.wrapping_sub(self.front) as usize))
    }

    /// What comes after this second, oldest first.
    fn after(&self, edge: Second) -> impl Iterator<Item = (Second, C)> + '_ {
        let begin = self.place(edge.saturating_add(1));
        let place = begin.map_or(self.cells.len(), |(_, place)| place);
        // The run it is in: the last that begins no later.
        let begun = |(second, _): (Second, usize)| {
            self.runs
                .partition_point(|run| run.begin <= second)
                .saturating_sub(1)
        };
        let mut run = begin.map_or(0, begun);
        (place..self.cells.len()).filter_map(move |place| {
            let starts = |run: &Run| run.first.wrapping_sub(self.front) as usize;
            while self
                .runs
                .get(run + 1)
                .is_some_and(|next| starts(next) <= place)
            {
                run += 1;
            }
            let inside = self.runs.get(run)?;
            let second = inside.begin + (place - starts(inside)) as u32;
            Some((second, *self.cells.get(place)?))
        })
    }

    /// Counts anew what is in each window.
    fn recount(&mut self, now: Second) {
        for at in 0..WINDOWS {
            let length = self.windows[at].length;
            let edge = now.saturating_sub(length);
            let cells = self.after(edge).filter(|_| length > 0);
            let used = cells.fold([0; 2], |used, (_, cell)| sum(used, cell.get()));
            self.windows[at] = Window { length, edge, used };
        }
    }

    /// Drops what no window looks at.
    fn forget(&mut self) {
        let windows = self.windows.iter().filter(|window| window.length > 0);
        let Some(edge) = windows.map(|window| window.edge).min() else {
            self.refill(Vec::new());
            return;
        };
        while let Some(run) = self.runs.front_mut().filter(|run| run.begin <= edge) {
            run.begin += 1;
            run.first = run.first.wrapping_add(1);
            self.front = self.front.wrapping_add(1);
            self.cells.pop_front();
            let end = self.front.wrapping_add(self.cells.len() as u32);
            let next = self.runs.get(1).map_or(end, |next| next.first);
            if self.runs.front().is_some_and(|run| run.first == next) {
                self.runs.pop_front();
            }
        }
        if self.cells.capacity() > 4 * self.cells.len() + 2 * STEP {
            self.cells.shrink_to(self.cells.len() + STEP);
            self.runs.shrink_to(self.runs.len() + STEP);
        }
    }

    /// Puts the oldest seconds together, as few as need be.
    fn coarsen(&mut self, now: Second) {
        let mut fineness = 4_096;
        loop {
            let kept = self.merged(now, fineness);
            // Room for a while, so that this is seldom. A run for every cell is the most they may come to.
            let enough = kept.len() * (size_of::<C>() + size_of::<Run>()) <= self.most / 8 * 7;
            if enough || fineness <= FINENESS {
                self.refill(kept);
                self.recount(now);
                return;
            }
            fineness /= 2;
        }
    }

    /// The seconds of one block put together, at the newest of them. Blocks begin at multiples of their length, which doubles
    /// with age, so that what is in one block stays in one: nothing is put off twice.
    fn merged(&self, now: Second, fineness: u32) -> Vec<(Second, C)> {
        let mut kept: Vec<(Second, C)> = Vec::new();
        for (second, cell) in self.iter() {
            let length = ((now.saturating_sub(second)) / fineness).max(1);
            let bits = length.ilog2();
            match kept.last_mut() {
                Some((last, before)) if *last >> bits == second >> bits => {
                    *last = second;
                    *before = C::put(sum(before.get(), cell.get()));
                }
                _ => kept.push((second, cell)),
            }
        }
        kept
    }

    /// Has these seconds and no others.
    fn refill(&mut self, kept: Vec<(Second, C)>) {
        let begins = |at: usize| {
            let before = at.checked_sub(1).and_then(|before| kept.get(before));
            before.is_none_or(|(last, _)| last.checked_add(1) != Some(kept[at].0))
        };
        let runs = (0..kept.len()).filter(|at| begins(*at)).map(|at| Run {
            begin: kept[at].0,
            first: self.front.wrapping_add(at as u32),
        });
        // Collected from lists of a known length: no more room than it takes.
        let runs: Vec<Run> = runs.collect();
        self.runs = runs.into_boxed_slice().into_vec().into();
        let cells: Vec<C> = kept.iter().map(|(_, cell)| *cell).collect();
        self.cells = cells.into();
    }

    /// As it was kept.
    pub fn restored(
        (horizon, cells): (u32, Vec<(Second, [u64; 2])>),
        most: usize,
        now: Second,
    ) -> Trail<C> {
        let mut trail = Trail::default();
        let cells = cells
            .into_iter()
            .map(|(second, cell)| (second, C::put(cell)));
        trail.refill(cells.collect());
        trail.configure(&[horizon], most, now);
        trail
    }
}

fn sum(one: [u64; 2], other: [u64; 2]) -> [u64; 2] {
    [
        one[0].saturating_add(other[0]),
        one[1].saturating_add(other[1]),
    ]
}

/// Room for one more, in small steps; what the other has to spare is given back.
fn make_room<A, B>(full: &mut VecDeque<A>, other: &mut VecDeque<B>) {
    if full.len() == full.capacity() {
        full.reserve_exact((full.len() / 4).clamp(4, STEP));
        if other.capacity() > other.len() + STEP {
            other.shrink_to(other.len() + STEP / 2);
        }
    }
}
