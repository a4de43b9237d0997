//! What every command gets: the global options, the gateway, and the two ways of speaking: data on
//! standard output, talk on standard error.

use super::{
    endpoint,
    print::{Format, Look},
    progress::{self, Progress},
    remote::Remote,
};
use crate::config::{self, Address, Config, Layer};
use crate::error::{Error, Result};
use crate::resources::Millis;
use crate::stdio::{self, Undelivered};
use clap::{ArgMatches, parser::ValueSource};
use serde_json::Value;
use std::{io::IsTerminal, path::PathBuf, sync::OnceLock, time::Duration};

/// The global options, parsed.
pub(crate) struct Context {
    pub look: Look,
    pub quiet: bool,
    pub verbose: u8,
    /// Prompts are forbidden: by option, or because nobody sits there.
    pub no_input: bool,
    /// Limit of one call to the gateway.
    pub timeout: Duration,
    /// Whether that limit was asked for.
    timeout_given: bool,
    admin_url: Option<String>,
    config_file: Option<PathBuf>,
    /// Read when a command first needs it.
    config: OnceLock<Config>,
}

impl Context {
    pub fn new(matches: &ArgMatches, format: Format) -> Result<Context> {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let timeout: Millis = text("timeout").unwrap_or_else(|| "30s".into()).parse()?;
        Ok(Context {
            look: Look {
                format,
                asked: matches.value_source("output") == Some(ValueSource::CommandLine),
                headers: true,
                labels: false,
            },
            quiet: matches.get_flag("quiet"),
            verbose: matches.get_count("verbose"),
            no_input: matches.get_flag("no_input")
                || !std::io::stdin().is_terminal()
                || !std::io::stderr().is_terminal(),
            timeout: timeout.std(),
            timeout_given: matches.contains_id("timeout"),
            admin_url: text("admin_url").filter(|url| !url.is_empty()),
            config_file: text("config").map(PathBuf::from),
            config: OnceLock::new(),
        })
    }

    /// The configuration `gw serve` would have here.
    pub fn config(&self) -> Result<&Config> {
        if let Some(config) = self.config.get() {
            return Ok(config);
        }
        let file = self.config_file.clone();
        let config = config::load(file, std::env::vars_os(), Layer::default())?;
        if let Some(ignored) = &config.ignored {
            self.talk(ignored);
        }
        Ok(self.config.get_or_init(|| config))
    }

    /// The gateway's admin address.
    pub fn address(&self) -> Result<Address> {
        endpoint::address(self.admin_url.as_deref(), self.config()?)
    }

    /// The gateway's admin API.
    pub fn remote(&self) -> Result<Remote> {
        self.remote_within(self.timeout)
    }

    /// The same for a call that has many records to work through: five minutes, unless it was said how long.
    pub fn remote_for_many(&self) -> Result<Remote> {
        self.remote_within(match self.timeout_given {
            true => self.timeout,
            false => Duration::from_secs(300),
        })
    }

    /// The same with another limit a call.
    pub fn remote_within(&self, timeout: Duration) -> Result<Remote> {
        let client = endpoint::client(self.admin_url.as_deref(), self.config()?)?;
        Ok(Remote::new(client.timeout(timeout), self.verbose > 0))
    }

    /// Writes data to standard output.
    pub fn data(&self, text: &str) {
        write_out(text.as_bytes());
    }

    /// Says something about what happened, on standard error; silent with `-q`.
    pub fn talk(&self, text: &str) {
        if !self.quiet {
            progress::beside(|| stdio::say(text));
        }
    }

    /// Says something only with `-v`.
    pub fn talk_verbose(&self, text: &str) {
        if self.verbose > 0 {
            progress::beside(|| stdio::say(text));
        }
    }

    /// Shows that `what` is being done until the answer is dropped: of `total` steps, or nobody knows how many.
    /// Nothing where output is for programs, or with `-q`.
    pub fn progress(&self, what: &str, total: Option<u64>) -> Progress {
        let for_people = matches!(self.look.format, Format::Table | Format::Wide);
        Progress::start(for_people && !self.quiet, what, total)
    }

    /// Prints records of one kind as a list, or the one record itself where one was asked for by name.
    pub fn show(
        &self,
        kind: &'static crate::resources::Kind,
        items: &[Value],
        single: bool,
    ) -> Result<()> {
        let text = self.look.records(kind, items, single)?;
        self.data(&text);
        Ok(())
    }

    /// What a change did: `user/alice created`, or the record in the format asked for; nothing with `-q`.
    pub fn changed(
        &self,
        kind: &'static crate::resources::Kind,
        record: &Value,
        what: &str,
    ) -> Result<()> {
        match (&self.look.format, self.quiet) {
            (Format::Table | Format::Wide, true) => {}
            (Format::Table | Format::Wide, false) => {
                self.data(&format!("{}/{} {what}\n", kind.name, name_of(record)))
            }
            _ => self.show(kind, std::slice::from_ref(record), true)?,
        }
        Ok(())
    }

    /// Asks a yes-or-no question; without a terminal it is an error that names the flag.
    pub fn confirm(&self, question: &str) -> Result<()> {
        if self.no_input {
            return Err(Error::invalid(format!(
                "{question} needs a yes, and nobody can be asked here"
            ))
            .hint("add --yes"));
        }
        stdio::ask(format_args!("{question}? [y/N] "));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map_err(|error| {
            Error::invalid("cannot read the answer")
                .cause(error)
                .hint("add --yes")
        })?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Error::invalid("not done: the answer was not yes")
                .hint("add --yes to go on without being asked")),
        }
    }
}

/// A shown record's name.
pub(crate) fn name_of(record: &Value) -> &str {
    record.get("name").and_then(Value::as_str).unwrap_or("-")
}

/// Writes data to standard output, or ends the process: quietly where the reader went away (`gw logs | head`),
/// as SIGPIPE would, with an error where the data is lost.
pub(crate) fn write_out(bytes: &[u8]) {
    if let Err(undelivered) = progress::beside(|| stdio::data(bytes)) {
        progress::clear();
        std::process::exit(i32::from(lost(undelivered)));
    }
}

/// The exit code for data that did not get out; says why where that is a failure.
pub(crate) fn lost(undelivered: Undelivered) -> u8 {
    match undelivered {
        Undelivered::ReaderGone => stdio::READER_GONE,
        Undelivered::Failed(error) => {
            super::print::complain(&error);
            error.kind.row().exit
        }
    }
}
