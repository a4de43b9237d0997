//! What a change made of a record, as the answer to it shows it.

use super::call::Call;
use super::draft::Outcome;
use super::show;
use crate::resources::Record;
use crate::store::secret::Secret;
use serde_json::Value;
use std::sync::Arc;

/// A record as a change left it, or would.
pub(super) struct Made {
    pub outcome: Outcome,
    /// Shown in this one answer.
    pub secret: Option<Secret>,
    pub record: Arc<Record>,
}

impl Made {
    pub fn show(&self, call: &Call, dry_run: bool) -> Value {
        let state = call.desk.in_force();
        let mut value = show::Show::new(&call.desk, &state).record(&self.record);
        value["result"] = self.outcome.name().into();
        match &self.secret {
            _ if dry_run => value["dry_run"] = true.into(),
            Some(secret) => value["secret"] = secret.expose().into(),
            None => {}
        }
        value
    }
}
