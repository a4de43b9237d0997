//! The doors to rooms the command line hands over to whole: serving, the simulator, the quickstart.

use crate::config::Config;
use crate::error::{Error, Result};
use clap::{ArgMatches, Command};
use std::process::ExitCode;

/// Runs the gateway until it is told to stop.
pub(super) fn serve(config: Config) -> Result<ExitCode> {
    drop(config);
    Err(Error::internal("this build cannot serve").hint("build it with the serve module"))
}

/// `gw mock`, as the simulator declares it.
pub(super) fn mock_command() -> Command {
    Command::new("mock").about("Run an upstream simulator on a port").disable_help_subcommand(true)
}

/// Runs the simulator.
pub(super) fn mock(_matches: &ArgMatches) -> Result<ExitCode> {
    Err(Error::internal("this build has no simulator").hint("build it with the mock module"))
}

/// `gw quickstart`.
pub(super) fn quickstart_command() -> Command {
    Command::new("quickstart").about("Run a gateway in memory, send a first request and take a tour")
}

/// Runs the quickstart.
pub(super) fn quickstart(_matches: &ArgMatches) -> Result<ExitCode> {
    Err(Error::internal("this build has no quickstart").hint("start with `gw serve`"))
}
