//! The resource kinds: what a record of each holds, how its fields are set from the command line and
//! which columns its table has. [`KINDS`] is the one list; REST, storage, printing and completion follow
//! from it. No store, no HTTP here.

pub mod address;
mod check;
pub mod duration;
pub mod glob;
pub mod key;
pub mod limit;
pub mod model;
pub mod name;
pub mod price;
pub mod provider;
pub mod record;
pub mod route;
pub mod user;

pub(crate) use check::check;
pub use check::{acceptable, mistakes};
pub use duration::Millis;
pub use record::{Record, Spec, Stamp};

use crate::error::{Error, Result, nearest};
use serde::{Serialize, de::DeserializeOwned};

impl KindId {
    /// The field that carries a record's secret to the gateway, beside the spec and never stored as it is; `None`: the
    /// kind has no secret.
    pub fn secret_field(self) -> Option<&'static str> {
        match self {
            KindId::Key => Some("secret"),
            KindId::Provider => Some("credential_value"),
            KindId::User | KindId::Model | KindId::Route => None,
        }
    }
}

/// A resource kind: one row of [`KINDS`].
pub struct Kind {
    pub id: KindId,
    /// Singular, as in `gw user` and in files (`[[user]]`).
    pub name: &'static str,
    /// Plural, as in the REST path `/api/v1/users`.
    pub plural: &'static str,
    pub aliases: &'static [&'static str],
    pub about: &'static str,
    /// The settable fields, in the order they are shown.
    pub fields: &'static [Field],
    /// Table columns, in order; `wide` ones only with `-o wide`.
    pub columns: &'static [Column],
    /// What the server may say in `status`.
    pub statuses: &'static [&'static str],
    /// Parses, checks and normalises a spec: the same function for the CLI and the server.
    pub check: fn(Spec) -> Result<Spec>,
    /// The records a spec refers to, as (kind, name).
    pub refs: fn(&Spec) -> Vec<(&'static str, String)>,
    /// What a record has that no other record may have, such as the digest of a key's secret.
    pub claims: fn(&Record) -> Vec<String>,
    /// Whether names may hold `/`, `:` and other marks of upstream model ids.
    pub loose_names: bool,
}

/// How a field's value is written on the command line and shaped in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A string.
    Text,
    /// `true` or `false`; the flag takes an optional value.
    Bool,
    /// A non-negative integer.
    Number,
    /// A decimal number kept as text, exact.
    Decimal,
    /// A duration such as `30s` or `90d`, JSON string.
    Duration,
    /// A point in time: RFC 3339, or a duration from now on the command line.
    Time,
    /// A list of strings; the flag is repeatable and splits at commas.
    Texts,
    /// A list such as [`Shape::Texts`] that lets in only what it names; an empty one lets in everything.
    Only,
    /// String to string; the flag is repeatable `K=V`, and `K-` takes a key away in `set`.
    Map,
    /// Route targets: `PROVIDER[/MODEL][=WEIGHT]`, repeatable.
    Targets,
    /// A route's rules: `CONDITION => TARGET, …`, repeatable.
    Rules,
    /// Limits as [`limit`] spells them, repeatable.
    Limits,
}

/// One settable field of a kind.
pub struct Field {
    /// Name in JSON and TOML (`snake_case`).
    pub name: &'static str,
    /// Long flag without dashes; empty where the field has no flag of its own.
    pub flag: &'static str,
    pub shape: Shape,
    /// Value name in help, such as `USER`.
    pub value: &'static str,
    /// The kind whose names complete this field, or empty.
    pub completes: &'static str,
    pub help: &'static str,
}

/// One column of a kind's table. `path` is looked up in the record as the admin API shows it.
pub struct Column {
    pub head: &'static str,
    pub path: &'static str,
    pub wide: bool,
}

macro_rules! kinds {
    ($($id:ident $module:ident)*) => {
        /// Which kind, for what differs from kind to kind: a new one does not compile until each place has an answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum KindId {
            $($id),*
        }

        /// Every resource kind, in the order their references need.
        pub static KINDS: [&Kind; [$(KindId::$id),*].len()] = [$(&$module::KIND),*];
    };
}

kinds! {
    User user
    Key key
    Provider provider
    Model model
    Route route
}

/// The kind called so: singular, plural or alias.
pub fn kind(word: &str) -> Result<&'static Kind> {
    KINDS
        .iter()
        .copied()
        .find(|kind| kind.name == word || kind.plural == word || kind.aliases.contains(&word))
        .ok_or_else(|| {
            let known = KINDS.iter().flat_map(|kind| [kind.name, kind.plural]);
            Error::invalid(format!("`{}` is not a resource kind", word.escape_debug())).hint(
                match nearest(word, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("one of: {}", KINDS.map(|kind| kind.name).join(", ")),
                },
            )
        })
}

/// What every kind's typed spec offers beyond serde.
pub(crate) trait Resource: Serialize + DeserializeOwned {
    const KIND: &'static str;
    /// Checks what types cannot say and fills in what can be derived.
    fn validate(&mut self) -> Result<()>;
}

pub(crate) const fn field(
    name: &'static str,
    flag: &'static str,
    shape: Shape,
    value: &'static str,
    completes: &'static str,
    help: &'static str,
) -> Field {
    Field {
        name,
        flag,
        shape,
        value,
        completes,
        help,
    }
}
pub(crate) const fn column(head: &'static str, path: &'static str) -> Column {
    Column {
        head,
        path,
        wide: false,
    }
}
pub(crate) const fn wide(head: &'static str, path: &'static str) -> Column {
    Column {
        head,
        path,
        wide: true,
    }
}

/// Fields every kind has.
pub(crate) const LABELS: Field = field(
    "labels",
    "label",
    Shape::Map,
    "K=V",
    "",
    "Label, to select by; repeatable",
);

/// What kinds have that people name otherwise than commands do.
pub(crate) const DISPLAY_NAME: Field = field(
    "display_name",
    "display-name",
    Shape::Text,
    "TEXT",
    "",
    "Name shown to people",
);

/// What kinds have whose use is counted.
pub(crate) const LIMITS: Field = field(
    "limits",
    "limit",
    Shape::Limits,
    "LIMIT",
    "",
    "How much of what in which time: tokens=100000/hour, requests=60/minute, parallel=4, spend=10/month; repeatable; behind `:shadow` noted and not refused",
);
pub(crate) const SESSION_LIMITS: Field = field(
    "session_limits",
    "session-limit",
    Shape::Limits,
    "LIMIT",
    "",
    "The same for each of its sessions by itself, such as requests=200/total or spend=5/total; repeatable",
);

pub(crate) const UNPRICED: Field = field(
    "unpriced",
    "unpriced",
    Shape::Text,
    "allow|refuse",
    "",
    "Under a limit on spend: whether models without a known price may be called (default allow)",
);

/// `serde(default)` for `enabled`.
pub(crate) fn yes() -> bool {
    true
}
/// `skip_serializing_if` for defaults, so that records stay small and exports readable.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
