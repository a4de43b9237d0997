//! What folding comes to: lines, each with its figures and its course.

use super::ask::METRICS;
use super::{Figures, Metric};

/// The lines that were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// In the order asked for.
    pub lines: Vec<Line>,
    /// What is in no line of its own, and how many lines that would be: at least, where there were too many to tell.
    pub others: Option<(u64, Line)>,
    pub total: Line,
    /// When the points of courses begin, in milliseconds.
    pub points: Vec<i64>,
    /// The earliest request there still is in the log.
    pub oldest: Option<i64>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What its requests have in common, column by column; `None`: nothing there.
    pub of: Vec<Option<String>>,
    pub figures: Figures,
    /// Its course, point by point.
    pub course: Vec<Point>,
}

/// A part of the time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    pub requests: u64,
    pub errors: u64,
    pub tokens: u64,
    pub cost_pico: i128,
}

impl Point {
    fn add(&mut self, figures: &Figures) {
        self.requests = self.requests.saturating_add(figures.requests);
        self.errors = self.errors.saturating_add(figures.errors);
        self.tokens = self.tokens.saturating_add(figures.tokens());
        self.cost_pico = self.cost_pico.saturating_add(figures.cost_pico);
    }
}

/// A line while there is more to add to it, of whatever requests.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    figures: Figures,
    course: Vec<Point>,
}

impl Sum {
    /// Adds figures, to its course in the one of so many points.
    pub fn add(&mut self, figures: &Figures, point: Option<usize>, points: usize) {
        self.figures.add(figures);
        if let Some(at) = point {
            self.course.resize(points, Point::default());
            if let Some(point) = self.course.get_mut(at) {
                point.add(figures);
            }
        }
    }

    /// Adds another, point by point.
    pub fn merge(&mut self, more: &Sum) {
        self.figures.add(&more.figures);
        if self.course.len() < more.course.len() {
            self.course.resize(more.course.len(), Point::default());
        }
        for (point, more) in self.course.iter_mut().zip(&more.course) {
            point.requests = point.requests.saturating_add(more.requests);
            point.errors = point.errors.saturating_add(more.errors);
            point.tokens = point.tokens.saturating_add(more.tokens);
            point.cost_pico = point.cost_pico.saturating_add(more.cost_pico);
        }
    }

    pub fn requests(&self) -> u64 {
        self.figures.requests
    }

    /// What it weighs where lines are ordered: by the metric, then by spend, requests and so on.
    pub fn weight(&self, sort: Metric) -> [i128; 1 + METRICS.len()] {
        let figures = &self.figures;
        let of = |metric: Metric| match metric {
            Metric::Spend => figures.cost_pico,
            Metric::Requests => figures.requests.into(),
            Metric::Tokens => figures.tokens().into(),
            Metric::Errors => figures.errors.into(),
            Metric::Latency => figures.latency.percentile(950).unwrap_or(0).into(),
        };
        std::array::from_fn(|at| match at.checked_sub(1) {
            None => of(sort),
            Some(at) => of(METRICS[at].1),
        })
    }

    /// The line it is, of requests that have this in common.
    pub fn line(self, of: Vec<Option<String>>) -> Line {
        Line {
            of,
            figures: self.figures,
            course: self.course,
        }
    }
}
