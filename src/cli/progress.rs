//! What a command that takes longer than a moment shows while it works: one line on standard error, only where
//! somebody can see it, gone when the work is over however it ends. It never holds anything that is not said
//! elsewhere too.

use super::print::clean;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::{
        Mutex, PoisonError,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

/// The line now on the terminal, which whoever else writes there takes away for that moment.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Between two turns of the spinner.
const TICK: Duration = Duration::from_millis(120);
/// How long work may take before anything is shown of it: what is over sooner only flickers.
const PATIENCE: Duration = Duration::from_millis(250);

/// One piece of work in progress; dropped, its line is gone.
pub(crate) struct Progress(Option<Line>);

struct Line {
    bar: ProgressBar,
    /// Closed with the line, so that one not yet shown never is.
    _open: Sender<()>,
}

impl Progress {
    /// Begins to show `what` is being done: as a bar of `total` steps, or as a spinner where nobody knows how many.
    /// Shows nothing unless `wanted` and standard error is a terminal that can move its cursor.
    pub fn start(wanted: bool, what: &str, total: Option<u64>) -> Progress {
        if !wanted || !std::io::stderr().is_terminal() || dumb() {
            return Progress(None);
        }
        // No colours, so that there is nothing for NO_COLOR to turn off.
        let look = match total {
            Some(_) => "{spinner} {msg} {bar:24} {pos}/{len}",
            None => "{spinner} {msg} {elapsed}",
        };
        let style =
            ProgressStyle::with_template(look).unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden())
            .with_style(style)
            .with_message(clean(what));
        *shown() = Some(bar.clone());
        let (open, closed) = channel();
        let late = bar.clone();
        std::thread::spawn(move || {
            if closed.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let there = shown();
                // Taken away in the very last moment: then it stays away.
                if there.is_some() {
                    late.set_draw_target(ProgressDrawTarget::stderr());
                    late.enable_steady_tick(TICK);
                }
            }
        });
        Progress(Some(Line { bar, _open: open }))
    }

    /// So many more steps are done.
    pub fn step(&self, count: u64) {
        if let Some(line) = &self.0 {
            line.bar.inc(count);
        }
    }

    /// Changes what is said to be going on.
    pub fn say(&self, what: &str) {
        if let Some(line) = &self.0 {
            line.bar.set_message(clean(what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            let mut there = shown();
            *there = None;
            line.bar.finish_and_clear();
        }
    }
}

/// Writes something else to the terminal: the line is taken away before and comes back after.
pub(crate) fn beside<T>(write: impl FnOnce() -> T) -> T {
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Takes the line away for good, for a process that ends without unwinding.
pub(crate) fn clear() {
    if let Some(bar) = shown().take() {
        bar.finish_and_clear();
    }
}

fn shown() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the terminal says that it cannot move its cursor.
fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
