//! How what a row says was come by, and what is known of a vendor's features.

/// How a fact was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The vendor's documentation or its own client says so, and recorded traffic shows it.
    Measured,
    /// The vendor's documentation or its own client says so.
    Documented,
    /// Other software does it so: it could not be checked.
    Unchecked,
}

impl Evidence {
    pub fn word(self) -> &'static str {
        match self {
            Evidence::Measured => "measured",
            Evidence::Documented => "documented",
            Evidence::Unchecked => "unchecked",
        }
    }
}

/// What a vendor's models can do through it; `None`: nothing of the kind. What an endpoint says is not repeated here.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    pub streaming: Option<Evidence>,
    pub tools: Option<Evidence>,
    pub structured: Option<Structured>,
}

/// Answers in JSON.
#[derive(Clone, Copy, Debug)]
pub struct Structured {
    /// By a schema of the caller's, and not just any object.
    pub schema: bool,
    pub evidence: Evidence,
}

impl Structured {
    pub fn words(self) -> String {
        match (self.evidence, self.schema) {
            (Evidence::Unchecked, _) => self.evidence.word().to_owned(),
            (evidence, true) => format!("schema, {}", evidence.word()),
            (evidence, false) => format!("any object, {}", evidence.word()),
        }
    }
}
