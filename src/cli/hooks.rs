//! The doors to rooms the command line hands over to whole: serving and the simulator.

use super::files;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mock;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use std::process::ExitCode;

/// Runs the gateway until it is told to stop. Seed files are read here, before anything is opened, so that a
/// mistake in one costs nothing.
pub(super) fn serve(config: Config) -> Result<ExitCode> {
    let mut items = files::read(&config.seed.iter().collect::<Vec<_>>())?;
    files::resolve(&mut items)?;
<<<<<<< HEAD
    let seed = super::apply::bodies(&items)?;
=======
    let seed = items.iter().map(files::Item::json).collect::<Result<_>>()?;
>>>>>>> cli
    crate::serve::run(config, seed)
}

/// `gw mock`, as the simulator declares it.
pub(super) fn mock_command() -> Command {
<<<<<<< HEAD
    mock::Args::augment_args(Command::new("mock")).about("Run an upstream simulator on a port")
=======
    mock::Args::augment_args(Command::new("mock"))
>>>>>>> cli
}

/// Runs the simulator.
pub(super) fn mock(matches: &ArgMatches) -> Result<ExitCode> {
<<<<<<< HEAD
    let args = mock::Args::from_arg_matches(matches).map_err(|error| Error::invalid(error.to_string()))?;
    Ok(mock::run(args))
=======
    let args = mock::Args::from_arg_matches(matches).map_err(|error| Error::invalid(error.to_string().trim_end().to_owned()))?;
    Ok(mock::run(args))
}

/// `gw quickstart`.
pub(super) fn quickstart_command() -> Command {
    Command::new("quickstart").about("Run a gateway in memory, send a first request and take a tour")
}

/// Runs the quickstart.
pub(super) fn quickstart(_matches: &ArgMatches) -> Result<ExitCode> {
    Err(Error::internal("this build has no quickstart").hint("start with `gw serve`"))
>>>>>>> cli
}
