//! What every command gets: the global options, the gateway, and the two ways of speaking: data on
//! standard output, talk on standard error.

use super::{
    endpoint,
    print::{Format, Look},
    progress::{self, Progress},
    remote::Remote,
};
use crate::error::{Error, Result};
use crate::resources::Millis;
use clap::ArgMatches;
use serde_json::Value;
use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

/// The global options, parsed.
pub(crate) struct Context {
    pub look: Look,
    pub quiet: bool,
    pub verbose: u8,
    /// Prompts are forbidden: by option, or because nobody sits there.
    pub no_input: bool,
    /// Limit of one call to the gateway.
    pub timeout: Duration,
    admin_url: Option<String>,
}

impl Context {
    pub fn new(matches: &ArgMatches) -> Result<Context> {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let format = text("output").map_or(Ok(Format::Table), |format| format.parse())?;
        let timeout: Millis = text("timeout").unwrap_or_else(|| "30s".into()).parse()?;
        Ok(Context {
            look: Look {
                format,
                headers: true,
                labels: false,
            },
            quiet: matches.get_flag("quiet"),
            verbose: matches.get_count("verbose"),
            no_input: matches.get_flag("no_input")
                || !std::io::stdin().is_terminal()
                || !std::io::stderr().is_terminal(),
            timeout: timeout.std(),
            admin_url: text("admin_url").filter(|url| !url.is_empty()),
        })
    }

    /// The gateway's admin API.
    pub fn remote(&self) -> Result<Remote> {
        self.remote_within(self.timeout)
    }

    /// The same with another limit a call.
    pub fn remote_within(&self, timeout: Duration) -> Result<Remote> {
        let (place, token) = endpoint::find(self.admin_url.as_deref())?;
        Remote::new(place, token, timeout, self.verbose > 0)
    }

    /// Writes data to standard output.
    pub fn data(&self, text: &str) {
        write_out(text.as_bytes());
    }

    /// Says something about what happened, on standard error; silent with `-q`.
    pub fn talk(&self, text: &str) {
        if !self.quiet {
            progress::beside(|| eprintln!("{text}"));
        }
    }

    /// Says something only with `-v`.
    pub fn talk_verbose(&self, text: &str) {
        if self.verbose > 0 {
            progress::beside(|| eprintln!("{text}"));
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
        eprint!("{question}? [y/N] ");
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

/// Writes to standard output; a reader that went away (`gw logs | head`) ends the process quietly, as
/// SIGPIPE would.
pub(crate) fn write_out(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let written = progress::beside(|| out.write_all(bytes).and_then(|()| out.flush()));
    if let Err(error) = written {
        progress::clear();
        let code = if error.kind() == std::io::ErrorKind::BrokenPipe {
            141
        } else {
            1
        };
        std::process::exit(code);
    }
}
