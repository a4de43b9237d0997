//! `gw serve … -- CMD`: runs a command beside the gateway with the client variables set, hands it gw's standard
//! input, and passes signals on to it and to what it started.
//!
//! On a terminal the command stays in gw's process group: the keys that send signals reach it directly, job control
//! stops and continues both, and a shell as the command gets the terminal as it would from `env`. Elsewhere it has a
//! group of its own, so that a signal for gw can be passed to all of it and to nobody else.

use super::{new_keys::NewKey, ready::Ready, signals::Signals};
use crate::config::Config;
use crate::error::{Error, Kind};
use std::{
    io::IsTerminal,
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::process::{Child, Command};

/// Longest a command is given to end by itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a signal that the command has answered may still be unheard of behind the command's end. The two come by
/// different ways, in no order.
const SETTLES: Duration = Duration::from_millis(50);

/// Why a command did not start, and the exit code a shell gives for that.
pub struct Failed {
    pub error: Error,
    pub code: u8,
}

/// A command that runs.
pub struct Running {
    child: Child,
    /// It is in gw's own process group, on a terminal.
    shares: bool,
    #[cfg(unix)]
    modes: Option<rustix::termios::Termios>,
}

/// Starts the command, if there is one.
pub fn start(
    config: &Config,
    ready: &Ready,
    key: Option<&NewKey>,
) -> Result<Option<Running>, Failed> {
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
    if let Some(trusted) = config.trusted() {
        command.env("GW_TLS_CA", trusted);
    }
    if let Some(key) = key {
        for name in ["GW_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"] {
            command.env(name, key.secret.expose());
        }
    }
    if config.server.exit_on_stdin_close {
        // gw reads it; two readers would each get a part.
        command.stdin(Stdio::null());
    }
    let shares = std::io::stdin().is_terminal() && !config.server.exit_on_stdin_close;
    #[cfg(unix)]
    if !shares {
        command.process_group(0);
    }
    match command.kill_on_drop(true).spawn() {
        Ok(child) => Ok(Some(Running {
            child,
            shares,
            #[cfg(unix)]
            modes: shares
                .then(|| rustix::termios::tcgetattr(std::io::stdin()).ok())
                .flatten(),
        })),
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

impl Running {
    /// Waits for its end; the exit code as a shell gives it.
    pub async fn ended(&mut self) -> u8 {
        match self.child.wait().await {
            Ok(status) => {
                let code = code(&status);
                if status.code().is_none() {
                    self.restore_terminal();
                }
                code
            }
            Err(_) => 1,
        }
    }

    /// Waits, behind the command's end, for signals that were the command's to answer.
    pub async fn settled(&self) {
        if self.shares {
            tokio::time::sleep(SETTLES).await;
        }
    }

    /// Whether a signal is the command's to answer: Ctrl-C and Ctrl-\ on a terminal have reached it already, and
    /// what a shell or an interpreter makes of them is not the end of it.
    pub fn answers(&self, signal: i32) -> bool {
        const INT: i32 = 2;
        const QUIT: i32 = 3;
        self.shares && matches!(signal, INT | QUIT)
    }

    /// Passes a signal on while requests are still served, so that the command can tidy up; after `grace`, or at a
    /// second signal, kills it.
    #[cfg(unix)]
    pub async fn end(&mut self, signal: i32, grace: Duration, signals: &mut Signals) {
        use rustix::process::{
            Pid, Signal, getpgrp, getpid, kill_current_process_group, kill_process,
            kill_process_group,
        };
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let Some(pid) = pid.filter(|_| matches!(self.child.try_wait(), Ok(None))) else {
            return;
        };
        let signal = Signal::from_named_raw(signal).unwrap_or(Signal::TERM);
        let _ = match self.shares {
            false => kill_process_group(pid, signal),
            // As `kill %1` of a shell does it. This process hears it, too, and that one is not a second signal.
            true if getpgrp() == getpid() => {
                let sent = kill_current_process_group(signal);
                signals.next().await;
                sent
            }
            // The group is that of a script, which is none of gw's business.
            true => kill_process(pid, signal),
        };
        tokio::select! {
            _ = self.ended() => return,
            () = tokio::time::sleep(grace.min(PATIENCE)) => {}
            _ = signals.next() => {}
        }
        let _ = match self.shares {
            false => kill_process_group(pid, Signal::KILL),
            true => kill_process(pid, Signal::KILL),
        };
        self.ended().await;
    }

    #[cfg(not(unix))]
    pub async fn end(&mut self, _signal: i32, _grace: Duration, _signals: &mut Signals) {
        let _ = self.child.kill().await;
    }

    /// A command that died of a signal left the terminal as it had made it.
    fn restore_terminal(&self) {
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            use rustix::termios::{OptionalActions, tcgetpgrp, tcsetattr};
            let stdin = std::io::stdin();
            // Who is not in the foreground would be stopped for trying.
            if tcgetpgrp(&stdin).is_ok_and(|group| group == rustix::process::getpgrp()) {
                let _ = tcsetattr(&stdin, OptionalActions::Now, modes);
            }
        }
    }
}

#[cfg(unix)]
fn code(status: &ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    match status.code() {
        Some(code) => code as u8,
        None => status.signal().map_or(1, super::signals::exit_code),
    }
}

#[cfg(not(unix))]
fn code(status: &ExitStatus) -> u8 {
    status.code().unwrap_or(1) as u8
}
