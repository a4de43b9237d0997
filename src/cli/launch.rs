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
    let items = files::read(&config.seed.iter().collect::<Vec<_>>())?;
    let seed = super::apply::bodies(&items);
    crate::serve::run(config, seed)
}

/// `gw mock`, as the simulator declares it.
pub(super) fn mock_command() -> Command {
    mock::Args::augment_args(Command::new("mock")).about("Run an upstream simulator on a port")
}

/// Runs the simulator.
pub(super) fn mock(matches: &ArgMatches) -> Result<ExitCode> {
    let args = mock::Args::from_arg_matches(matches)
        .map_err(|error| Error::invalid(error.to_string().trim_end().to_owned()))?;
    Ok(mock::run(args))
}
