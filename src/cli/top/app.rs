//! What the dashboard shows, and what keys do to it. Pure: knows neither the terminal nor the gateway.

use super::panel::Panel;
use crate::live::view::View;
use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Stay,
    Leave,
}

/// The dashboard's state.
pub(super) struct App {
    pub address: String,
    pub colour: bool,
    /// `None`: nothing came yet.
    pub view: Option<View>,
    /// The picture stays as it is.
    pub paused: bool,
    pub help: bool,
    pub focus: usize,
    /// By panel: the column it is sorted by, and how far it is scrolled.
    pub sorted: [usize; Panel::ALL.len()],
    pub scrolled: [usize; Panel::ALL.len()],
}

impl App {
    pub fn new(address: &str, colour: bool) -> App {
        App {
            address: address.to_owned(),
            colour,
            view: None,
            paused: false,
            help: false,
            focus: 0,
            sorted: Panel::ALL.map(Panel::first),
            scrolled: [0; Panel::ALL.len()],
        }
    }

    /// A new picture, unless the one there is is to stay.
    pub fn take(&mut self, view: View) {
        if !self.paused || self.view.is_none() {
            self.view = Some(view);
        }
    }

    pub fn focused(&self) -> Panel {
        Panel::ALL[self.focus]
    }

    /// What happened on the terminal. Of a new size only the next picture knows.
    pub fn event(&mut self, event: &Event) -> Flow {
        let Event::Key(key) = event else {
            return Flow::Stay;
        };
        if key.kind == KeyEventKind::Release {
            return Flow::Stay;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let panels = Panel::ALL.len();
        let columns = self.focused().columns().len();
        let (sorted, scrolled) = (&mut self.sorted[self.focus], &mut self.scrolled[self.focus]);
        match key.code {
            KeyCode::Char('c' | 'd') if control => return Flow::Leave,
            _ if self.help => self.help = false,
            KeyCode::Char('q') | KeyCode::Esc => return Flow::Leave,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Tab => self.focus = (self.focus + 1) % panels,
            KeyCode::BackTab => self.focus = (self.focus + panels - 1) % panels,
            KeyCode::Right => *sorted = (*sorted + 1) % columns,
            KeyCode::Left => *sorted = (*sorted + columns - 1) % columns,
            KeyCode::Down => {
                let rows = self
                    .view
                    .as_ref()
                    .map_or(0, |view| Panel::ALL[self.focus].rows(view, 0).len());
                *scrolled = (*scrolled + 1).min(rows.saturating_sub(1));
            }
            KeyCode::Up => *scrolled = scrolled.saturating_sub(1),
            _ => {}
        }
        Flow::Stay
    }
}
