//! `gw top`: what is going on in the gateway, every second on the terminal, or once as text or data.

mod app;
mod draw;
mod figures;
mod panel;
mod screen;

use super::{
    context::Context,
    print::{Format, colour_on},
};
use crate::client::Lines;
use crate::error::{Error, Kind, Result};
use crate::live::view::View;
use app::{App, Flow};
use clap::ArgMatches;
use ratatui::crossterm::event::{self, Event};
use serde_json::Value;
use std::io::IsTerminal;

/// Columns where nobody says.
const COLUMNS: u16 = 80;

/// Runs `gw top`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let data = !matches!(context.look.format, Format::Table | Format::Wide);
    if matches.get_flag("once") || data {
        return once(context).await;
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Error::invalid("there is no terminal to show this on")
            .hint("ask for one picture as text with `gw top --once`, or as data with -o json"));
    }
    let address = context.address()?.to_string();
    let frames = context.remote()?.follow_live().await?;
    show(App::new(&address, colour_on(&std::io::stdout())), frames).await
}

async fn once(context: &Context) -> Result<()> {
    let live = context.remote()?.live().await?;
    match context.look.format {
        Format::Table | Format::Wide => {
            let mut app = App::new(&context.address()?.to_string(), false);
            app.take(view(live)?);
            let width = ratatui::crossterm::terminal::size().map_or(COLUMNS, |(width, _)| width);
            context.data(&draw::text(&app, width.clamp(COLUMNS, 200)));
        }
        _ => context.data(&context.look.found(&live)?),
    }
    Ok(())
}

fn view(live: Value) -> Result<View> {
    serde_json::from_value(live).map_err(|error| {
        Error::internal("the gateway's figures are not understood")
            .cause(error)
            .hint("is it of another release? `gw status` says")
    })
}

/// Shows frames until somebody wants to go.
async fn show(mut app: App, mut frames: Lines) -> Result<()> {
    let mut keys = events()?;
    let mut ended = Ended::listen()?;
    let mut screen = screen::open()?;
    let left = loop {
        if let Err(error) = screen.draw(|frame| draw::draw(frame, &app)) {
            break Err(Error::internal("the terminal cannot be drawn on").cause(error));
        }
        tokio::select! {
            frame = frames.next() => match frame {
                Ok(Some(live)) => match view(live) {
                    Ok(view) => app.take(view),
                    Err(error) => break Err(error),
                },
                Ok(None) => break Err(Error::new(Kind::NoGateway, "the gateway closed the connection")
                    .hint("see whether it still runs with `gw status`")),
                Err(error) => break Err(error),
            },
            Some(event) = keys.recv() => if app.event(&event) == Flow::Leave {
                break Ok(());
            },
            () = ended.came() => break Ok(()),
        }
    };
    drop(screen);
    left
}

/// What the terminal says, read on a thread of its own: reading cannot be called off.
fn events() -> Result<tokio::sync::mpsc::Receiver<Event>> {
    let (send, receive) = tokio::sync::mpsc::channel(16);
    let read = move || {
        while let Ok(event) = event::read() {
            if send.blocking_send(event).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("gw-keys".into())
        .spawn(read)
        .map_err(|error| Error::internal("the keyboard cannot be read").cause(error))?;
    Ok(receive)
}

/// SIGTERM and the end of the terminal.
struct Ended {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

impl Ended {
    fn listen() -> Result<Ended> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let listen = |kind| {
                signal(kind)
                    .map_err(|error| Error::internal("signals cannot be listened for").cause(error))
            };
            Ok(Ended {
                signals: [
                    listen(SignalKind::interrupt())?,
                    listen(SignalKind::terminate())?,
                    listen(SignalKind::hangup())?,
                ],
            })
        }
        #[cfg(not(unix))]
        Ok(Ended {})
    }

    async fn came(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate, hangup] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
