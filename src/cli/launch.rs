//! The doors to rooms the command line hands over to whole: serving and the simulator.

use super::{endpoint, files, remote::Remote};
use crate::client::Client;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::mock;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use std::{net::SocketAddr, process::ExitCode, time::Duration};

/// Runs the gateway until it is told to stop. Seed files are read here, before anything is opened, so that a
/// mistake in one costs nothing.
pub(super) fn serve(config: Config) -> Result<ExitCode> {
    let items = files::read(&config.seed.iter().collect::<Vec<_>>())?;
    let seed = super::apply::bodies(&items);
    let client = endpoint::client(None, &config);
    crate::serve::run(config, seed).map_err(|error| match client {
        Ok(client) => whose(error, client),
        Err(_) => error,
    })
}

/// How long a gateway may take to say that a port is its own.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a port is taken: by the user's own gateway, if that one says so.
fn whose(error: Error, client: Client) -> Error {
    let taken = error
        .param
        .as_deref()
        .filter(|_| error.kind == Kind::Conflict);
    let Some(address) = taken.and_then(|text| text.parse::<SocketAddr>().ok()) else {
        return error;
    };
    let Some(status) = status(client) else {
        return error;
    };
    let urls_of = ["http", "https"].map(|scheme| format!("{scheme}://{address}"));
    let urls = status["urls"].as_array().map_or(&[][..], Vec::as_slice);
    match (status["pid"].as_u64(), urls.iter().any(|own| urls_of.iter().any(|url| own == url))) {
        (Some(pid), true) => Error::new(
            Kind::Conflict,
            format!("cannot listen on `{address}`: your gateway with pid {pid} does"),
        )
        .param(address.to_string())
        .hint(format!("use that one (see `gw status`), stop it with `kill {pid}`, or choose another port with --listen 127.0.0.1:0")),
        _ => error,
    }
}

fn status(client: Client) -> Option<serde_json::Value> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let remote = Remote::new(client.timeout(PATIENCE), false);
    runtime.block_on(remote.status()).ok()
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
