//! The one error type. The message is written where the error happens, hints are added on the way up,
//! and it is rendered once at the edge: as text or JSON by the CLI, as a wire error by the gateway.

use std::{fmt, time::Duration};

/// What went wrong, as far as callers can act on it. Everything that depends on the kind is in [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input is wrong: flags, file syntax, a refused value.
    Invalid,
    /// No valid credential was presented.
    Unauthenticated,
    /// The credential is good but does not allow this.
    Forbidden,
    /// The named thing does not exist.
    NotFound,
    /// It exists already, or something still refers to it.
    Conflict,
    /// It changed since it was read (`If-Match` did not hold).
    Stale,
    /// The body or a field is larger than accepted.
    TooLarge,
    /// The body is in a form that is not taken.
    Unsupported,
    /// A limit was hit; try again later.
    RateLimited,
    /// The caller went away before the answer was complete.
    ClientClosed,
    /// A defect of gw's own.
    Internal,
    /// The provider failed or answered with something that is not an answer.
    Upstream,
    /// Nothing can serve this now.
    Unavailable,
    /// A timer ran out.
    Timeout,
    /// The disk is full or the store cannot be written.
    StorageFull,
    /// A request came back to the gateway that had sent it on.
    Loop,
    /// CLI: no gateway answers at the admin address.
    NoGateway,
    /// CLI: some of several failed.
    Partial,
    /// CLI: an expectation of `gw request` did not hold.
    Expectation,
}

/// One row of [`TABLE`].
#[derive(Debug)]
pub struct Row {
    pub kind: Kind,
    /// Stable machine-readable name, used in JSON errors.
    pub code: &'static str,
    /// HTTP status on the admin API and towards callers.
    pub status: u16,
    /// Exit code of the CLI.
    pub exit: u8,
    /// `error.type` in the OpenAI shape: <https://platform.openai.com/docs/guides/error-codes>.
    pub openai: &'static str,
    /// `error.type` in the Anthropic shape: <https://docs.anthropic.com/en/api/errors>.
    pub anthropic: &'static str,
}

macro_rules! table {
    ($($kind:ident $code:literal $status:literal $exit:literal $openai:literal $anthropic:literal)*) => {
        /// Kind -> exit code, HTTP status, per-format error type. The only place that knows.
        pub static TABLE: &[Row] = &[$(Row { kind: Kind::$kind, code: $code, status: $status, exit: $exit, openai: $openai, anthropic: $anthropic }),*];
    };
}

table! {
    Invalid         "invalid"         400 2  "invalid_request_error" "invalid_request_error"
    Unauthenticated "unauthenticated" 401 4  "authentication_error"  "authentication_error"
    Forbidden       "forbidden"       403 4  "permission_error"      "permission_error"
    NotFound        "not_found"       404 3  "not_found_error"       "not_found_error"
    Conflict        "conflict"        409 5  "invalid_request_error" "invalid_request_error"
    Stale           "stale"           412 5  "invalid_request_error" "invalid_request_error"
    TooLarge        "too_large"       413 2  "invalid_request_error" "request_too_large"
    Unsupported     "unsupported"     415 2  "invalid_request_error" "invalid_request_error"
    RateLimited     "rate_limited"    429 9  "rate_limit_error"      "rate_limit_error"
    ClientClosed    "client_closed"   499 1  "api_error"             "api_error"
    Internal        "internal"        500 1  "server_error"          "api_error"
    Upstream        "upstream"        502 9  "api_error"             "api_error"
    Unavailable     "unavailable"     503 9  "service_unavailable"   "overloaded_error"
    Timeout         "timeout"         504 7  "timeout_error"         "timeout_error"
    StorageFull     "storage_full"    507 1  "server_error"          "api_error"
    Loop            "loop_detected"   508 1  "api_error"             "api_error"
    NoGateway       "no_gateway"      502 6  "api_error"             "api_error"
    Partial         "partial"         500 8  "api_error"             "api_error"
    Expectation     "expectation"     500 10 "api_error"             "api_error"
}

impl Kind {
    /// The kind's row in [`TABLE`].
    pub fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.kind == self)
            .unwrap_or(&TABLE[10])
    }

    /// The kind with this `code`, as it comes back over the admin API.
    pub fn from_code(code: &str) -> Option<Kind> {
        TABLE
            .iter()
            .find(|row| row.code == code)
            .map(|row| row.kind)
    }

    /// The kind that best describes an HTTP status.
    pub fn from_status(status: u16) -> Kind {
        match TABLE.iter().find(|row| row.status == status) {
            Some(row) => row.kind,
            None if status >= 500 => Kind::Upstream,
            None => Kind::Invalid,
        }
    }
}

/// What went wrong (a lowercase fragment, names in backticks) and what to do next.
pub struct Error {
    pub kind: Kind,
    pub message: String,
    /// What to do next: a command, or a sentence. Never holds secrets.
    pub hint: Option<String>,
    /// The offending field or parameter, where there is one.
    pub param: Option<String>,
    /// When to come back, where that is known and will help.
    pub come_back: Option<Duration>,
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error {
            kind,
            message: message.into(),
            hint: None,
            param: None,
            come_back: None,
            cause: None,
        }
    }
    /// Shorthand for the most frequent kind.
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::new(Kind::Invalid, message)
    }
    pub fn not_found(message: impl Into<String>) -> Error {
        Error::new(Kind::NotFound, message)
    }
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(Kind::Internal, message)
    }
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }
    pub fn param(mut self, param: impl Into<String>) -> Error {
        self.param = Some(param.into());
        self
    }
    pub fn come_back(mut self, wait: Duration) -> Error {
        self.come_back = Some(wait);
        self
    }
    pub fn cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.cause = Some(cause.into());
        self
    }
}

/// The known word that was probably meant, for "did you mean": the closest, where it is close at all.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = 1 + word.chars().count() / 4;
    known
        .into_iter()
        .map(|other| (strsim::osa_distance(word, other), other))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(cause) = &self.cause {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.kind.row().code)?;
        match &self.hint {
            Some(hint) => write!(f, " (fix: {hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_nearby() {
        let known = ["email", "team", "labels", "enabled"];
        for (word, meant) in [
            ("emial", Some("email")),
            ("mail", Some("email")),
            ("label", Some("labels")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
