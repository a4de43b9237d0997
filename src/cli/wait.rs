//! `gw wait`: until the gateway answers, within `--timeout`.

use super::context::Context;
use crate::error::{Error, Kind, Result};
use clap::ArgMatches;
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Runs `gw wait`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let condition = matches
        .get_one::<String>("for")
        .map_or("ready", String::as_str);
    let mut last = None;
    let what = format!("waiting until the gateway is {condition}");
    let progress = context.progress(&what, None);
    let ready = async {
        loop {
            // The token is made on first start, so it is looked for anew every time.
            match context.remote()?.status().await {
                Ok(_) => return Ok(()),
                Err(error)
                    if matches!(
                        error.kind,
                        Kind::NoGateway | Kind::Unavailable | Kind::Timeout
                    ) =>
                {
                    progress.say(&format!("{what} ({error})"));
                    last = Some(error)
                }
                Err(error) if error.kind == Kind::Unauthenticated && last.is_none() => {
                    last = Some(error)
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(context.timeout, ready).await {
        Ok(done) => done,
        Err(_) => {
            let why = last.map(|error| format!(": {error}")).unwrap_or_default();
            let waited = crate::resources::Millis(
                u64::try_from(context.timeout.as_millis()).unwrap_or(u64::MAX),
            );
            Err(Error::new(
                Kind::Timeout,
                format!("not {condition} within {waited}{why}"),
            )
            .hint("see what it says on its own output, or wait longer with --timeout"))
        }
    }
}
