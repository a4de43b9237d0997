//! What a route does where every target of a request rests.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllRest {
    /// The one soonest free is tried.
    #[default]
    Try,
    /// The request is refused, and told when the first is free.
    Fail,
}
