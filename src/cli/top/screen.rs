//! The terminal while it is drawn on: its other screen, without line editing; as it was however the program ends.

use crate::error::{Error, Result};
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::Show,
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use std::io::Stdout;
use std::ops::{Deref, DerefMut};
use std::sync::Once;

/// A terminal that is given back when this is dropped.
pub(super) struct Screen(Terminal<CrosstermBackend<Stdout>>);

/// Takes the terminal.
pub(super) fn open() -> Result<Screen> {
    let failed = |error: std::io::Error| {
        give_back();
        Error::internal("the terminal cannot be drawn on").cause(error)
    };
    give_back_on_panic();
    enable_raw_mode().map_err(failed)?;
    execute!(std::io::stdout(), EnterAlternateScreen).map_err(failed)?;
    let terminal = Terminal::new(CrosstermBackend::new(std::io::stdout())).map_err(failed)?;
    Ok(Screen(terminal))
}

/// What a panic says is to be read on the screen that stays.
fn give_back_on_panic() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
    });
}

fn give_back() {
    // Nothing can be done about a terminal that is gone.
    let _ = disable_raw_mode();
    let _ = execute!(std::io::stdout(), LeaveAlternateScreen, Show);
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

impl Deref for Screen {
    type Target = Terminal<CrosstermBackend<Stdout>>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Screen {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
