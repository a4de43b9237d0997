//! What `gw doctor` finds: how bad, about what, and what to do.

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Ok,
    Warn,
    Fail,
}

/// One line of `gw doctor`.
pub(super) struct Finding {
    pub mark: Mark,
    pub about: &'static str,
    pub says: String,
    /// What to do about it.
    pub fix: Option<String>,
}

impl Mark {
    pub fn name(self) -> &'static str {
        match self {
            Mark::Ok => "ok",
            Mark::Warn => "warn",
            Mark::Fail => "fail",
        }
    }
}

pub(super) fn finding(mark: Mark, about: &'static str, says: impl Into<String>) -> Finding {
    Finding {
        mark,
        about,
        says: says.into(),
        fix: None,
    }
}

impl Finding {
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Finding {
        self.fix = Some(fix.into());
        self
    }
}
