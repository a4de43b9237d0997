//! The verbs every kind has: one handler each, for all kinds.

pub(crate) mod chosen;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod get;
pub(crate) mod pages;
pub(crate) mod set;
pub(crate) mod toggle;

use crate::error::{Error, Kind, Result};
use crate::resources;
use clap::ArgMatches;

/// The one name given, checked as the gateway will check it.
pub(crate) fn name(kind: &'static resources::Kind, matches: &ArgMatches) -> Result<String> {
    let name = matches
        .get_one::<String>("name")
        .cloned()
        .unwrap_or_default();
    resources::name::check(kind, &name)?;
    Ok(name)
}

/// The names given; `KIND/NAME`, as `-o name` prints them, is taken too.
pub(crate) fn names(kind: &'static resources::Kind, matches: &ArgMatches) -> Result<Vec<String>> {
    let given = matches.get_many::<String>("name").into_iter().flatten();
    given.map(|name| plain(kind, name)).collect()
}

/// A name, or `KIND/NAME`.
fn plain(kind: &'static resources::Kind, name: &str) -> Result<String> {
    let name = match name.split_once('/') {
        Some((of, rest)) if of == kind.name => rest,
        _ => name,
    };
    resources::name::check(kind, name)?;
    Ok(name.to_owned())
}

/// Collects what went wrong with some of several: each is said at once, and the end is one error.
pub(crate) struct Several {
    total: usize,
    failed: Vec<Error>,
}

impl Several {
    pub fn new(total: usize) -> Several {
        Several {
            total,
            failed: Vec::new(),
        }
    }

    /// Keeps an error for the end; a missing gateway ends everything at once.
    pub fn note(&mut self, error: Error) -> Result<()> {
        match error.kind {
            Kind::NoGateway => Err(error),
            _ => {
                self.failed.push(error);
                Ok(())
            }
        }
    }

    /// The one error as it was; with several, all are said and the end is "some failed".
    pub fn end(mut self) -> Result<()> {
        match self.failed.len() {
            0 => Ok(()),
            1 if self.total == 1 => Err(self.failed.swap_remove(0)),
            count => {
                for error in &self.failed {
                    super::print::complain(error);
                }
                Err(
                    Error::new(Kind::Partial, format!("{count} of {} failed", self.total))
                        .hint("the errors are above; the others are done"),
                )
            }
        }
    }
}
