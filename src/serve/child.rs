//! `gw serve … -- CMD`: runs a command beside the gateway with the client variables set.

use super::announce::Ready;
use crate::config::Config;
use crate::error::{Error, Kind};
use tokio::process::{Child, Command};

/// Why a command did not start, and the exit code a shell gives for that.
pub struct Failed {
    pub error: Error,
    pub code: u8,
}

/// Starts the command, if there is one. `key`: the secret of a key the seed made.
pub fn start(
    config: &Config,
    ready: &Ready,
    key: Option<&String>,
) -> Result<Option<Child>, Failed> {
    let Some((program, arguments)) = config.command.split_first() else {
        return Ok(None);
    };
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(url) = ready.urls.first() {
        command
            .env("GW_URL", url)
            .env("OPENAI_BASE_URL", format!("{url}/v1"))
            .env("ANTHROPIC_BASE_URL", url);
    }
    if let Some(admin) = ready.admins.first() {
        command.env("GW_ADMIN_URL", admin);
    }
    if let Some(key) = key {
        command
            .env("GW_API_KEY", key)
            .env("OPENAI_API_KEY", key)
            .env("ANTHROPIC_API_KEY", key);
    }
    match command.kill_on_drop(true).spawn() {
        Ok(child) => Ok(Some(child)),
        Err(error) => {
            let (kind, code) = if error.kind() == std::io::ErrorKind::NotFound {
                (Kind::NotFound, 127)
            } else {
                (Kind::Invalid, 126)
            };
            let error = Error::new(kind, format!("`{}` cannot be run", program.escape_debug()))
                .cause(error)
                .hint("check the command after `--`");
            Err(Failed { error, code })
        }
    }
}
