//! Whose account it is.

use crate::resources::Stamp;
use std::fmt;
use std::sync::Arc;

/// What kind of thing has an account; also the order in which accounts are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Key,
    User,
    Session,
    Provider,
    Model,
}

impl Kind {
    pub const ALL: [(Kind, &'static str); 5] = [
        (Kind::Key, "key"),
        (Kind::User, "user"),
        (Kind::Session, "session"),
        (Kind::Provider, "provider"),
        (Kind::Model, "model"),
    ];

    pub fn name(self) -> &'static str {
        Kind::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }
}

/// Whose account it is. Another thing of an old name was made at another time, and starts empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    pub kind: Kind,
    /// A record's name, or what the caller calls the session.
    pub name: Arc<str>,
    /// When the record was made; of a session the one that it is of.
    pub made: Stamp,
    /// The record a session is of: a key or a user.
    pub of: Option<(Kind, Arc<str>)>,
}

impl Subject {
    /// A record's.
    pub fn new(kind: Kind, name: impl Into<Arc<str>>, made: Stamp) -> Subject {
        Subject {
            kind,
            name: name.into(),
            made,
            of: None,
        }
    }

    /// A session of this key or user.
    pub fn session(&self, id: &str) -> Subject {
        Subject {
            kind: Kind::Session,
            name: id.into(),
            made: self.made,
            of: Some((self.kind, self.name.clone())),
        }
    }

    /// The record that it stands and falls with: its own, or the one a session is of.
    pub fn record(&self) -> (Kind, &str) {
        match &self.of {
            Some((kind, name)) => (*kind, name),
            None => (self.kind, &self.name),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind.name(), self.name)?;
        match &self.of {
            Some((kind, name)) => write!(f, " of {} `{name}`", kind.name()),
            None => Ok(()),
        }
    }
}
