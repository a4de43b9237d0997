//! The tables of the dashboard: their columns, what stands in them and in which order. Pure.

use super::figures::{money, share, short, time};
use crate::cli::print::clean;
use crate::live::view::{Busy, Figures, Run, Target, View};
use std::cmp::Ordering;

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    Targets,
    Running,
    Keys,
    Models,
}

impl Panel {
    pub const ALL: [Panel; 4] = [Panel::Targets, Panel::Running, Panel::Keys, Panel::Models];

    pub fn title(self) -> &'static str {
        match self {
            Panel::Targets => "Targets",
            Panel::Running => "Running",
            Panel::Keys => "Keys, last minute",
            Panel::Models => "Models, last minute",
        }
    }

    /// Head, and how wide; names share what is left by these numbers.
    pub fn columns(self) -> &'static [(&'static str, u16)] {
        match self {
            Panel::Targets => &[
                ("TARGET", 20),
                ("STATE", 20),
                ("RUN", 5),
                ("FIRST", 7),
                ("REQ", 5),
                ("ERR", 6),
            ],
            Panel::Running => &[("TARGET", 14), ("KEY", 10), ("AGE", 7)],
            Panel::Keys => &[
                ("KEY", 10),
                ("REQ", 5),
                ("ERR", 6),
                ("TOKENS", 6),
                ("SPEND", 8),
            ],
            Panel::Models => &[
                ("MODEL", 10),
                ("REQ", 5),
                ("ERR", 6),
                ("TOKENS", 6),
                ("SPEND", 8),
            ],
        }
    }

    /// How many of its columns, from the first on, are names: they stand left, numbers right.
    pub fn names(self) -> usize {
        match self {
            Panel::Targets | Panel::Running => 2,
            Panel::Keys | Panel::Models => 1,
        }
    }

    /// The column it is sorted by at first.
    pub fn first(self) -> usize {
        match self {
            Panel::Targets => 1,
            Panel::Running => 2,
            Panel::Keys | Panel::Models => 1,
        }
    }

    /// Its rows, sorted by a column: names upwards, numbers downwards, what is not well first.
    pub fn rows(self, view: &View, by: usize) -> Vec<Shown> {
        let mut rows: Vec<Shown> = match self {
            Panel::Targets => view
                .targets
                .iter()
                .map(|target| of_target(target, view))
                .collect(),
            Panel::Running => view.running.iter().map(running).collect(),
            Panel::Keys => view.keys.iter().map(busy).collect(),
            Panel::Models => view.models.iter().map(busy).collect(),
        };
        rows.sort_by(
            |one, other| match (one.order.get(by), other.order.get(by)) {
                (Some(Order::Up(one)), Some(Order::Up(other))) => one.cmp(other),
                (Some(Order::Down(one)), Some(Order::Down(other))) => other.total_cmp(one),
                _ => Ordering::Equal,
            },
        );
        rows
    }
}

/// How bad a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Plain,
    Good,
    Odd,
    Bad,
}

/// What a cell is sorted by.
#[derive(Clone, Debug, PartialEq)]
enum Order {
    Up(String),
    Down(f64),
}

/// One row as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub cells: Vec<String>,
    /// Of the second cell.
    pub mood: Mood,
    order: Vec<Order>,
}

fn shown(cells: Vec<(String, Order)>, mood: Mood) -> Shown {
    let (cells, order) = cells.into_iter().unzip();
    Shown { cells, mood, order }
}

fn named(name: String) -> (String, Order) {
    (name.clone(), Order::Up(name))
}

fn of_target(target: &Target, view: &View) -> Shown {
    let model = target.model.as_deref();
    let name = format!("{}/{}", target.provider, model.unwrap_or("*"));
    let busy = view.models.iter().find(|busy| match model {
        Some(_) => busy.name == name,
        None => false,
    });
    let all = busy.map(|busy| busy.figures).unwrap_or_default();
    let (mood, rank) = match target.state.as_str() {
        "healthy" => (Mood::Good, 1.0),
        "out" => (Mood::Plain, 0.0),
        "injecting" | "some_rest" => (Mood::Odd, 2.0),
        _ => (Mood::Bad, 3.0),
    };
    let known = busy.is_some();
    let counted = |text: String| if known { text } else { "-".to_owned() };
    shown(
        vec![
            named(clean(&name)),
            (clean(&target.detail), Order::Down(rank)),
            (
                target.in_flight.to_string(),
                Order::Down(target.in_flight as f64),
            ),
            (
                time(target.first_content_ms),
                Order::Down(target.first_content_ms.unwrap_or(0) as f64),
            ),
            (
                counted(short(all.requests as f64)),
                Order::Down(all.requests as f64),
            ),
            (
                counted(share(all.errors, all.requests)),
                Order::Down(part(&all)),
            ),
        ],
        mood,
    )
}

fn part(figures: &Figures) -> f64 {
    figures.errors as f64 / figures.requests.max(1) as f64
}

fn running(run: &Run) -> Shown {
    let target = match (&run.provider, &run.model) {
        (Some(provider), Some(model)) if !model.is_empty() => format!("{provider}/{model}"),
        (Some(provider), _) => provider.clone(),
        _ => "-".into(),
    };
    shown(
        vec![
            named(clean(&target)),
            named(clean(&run.key)),
            (time(Some(run.age_ms)), Order::Down(run.age_ms as f64)),
        ],
        Mood::Plain,
    )
}

fn busy(busy: &Busy) -> Shown {
    let all = &busy.figures;
    let tokens = all.input.saturating_add(all.output) as f64;
    let mood = match all.errors {
        0 => Mood::Plain,
        errors if errors * 10 >= all.requests => Mood::Bad,
        _ => Mood::Odd,
    };
    shown(
        vec![
            named(clean(&busy.name)),
            (short(all.requests as f64), Order::Down(all.requests as f64)),
            (share(all.errors, all.requests), Order::Down(part(all))),
            (short(tokens), Order::Down(tokens)),
            (
                money(all.cost_pico, all.unpriced),
                Order::Down(all.cost_pico as f64),
            ),
        ],
        mood,
    )
}
