//! The failures of one request's attempts so far, and which of them the caller is told.

use super::failure::Failure;
use crate::plan::retry::Class;
use std::time::Duration;

/// What has failed so far.
#[derive(Default)]
pub struct Failures {
    /// The first target that could not carry the request.
    unfit: Option<Failure>,
    /// The last that was about neither this nor capacity.
    other: Option<Failure>,
    /// The last about capacity, a provider's 429 before a 503 or 529 and before gw's own limits.
    capacity: Option<Failure>,
    shortest: Option<Duration>,
}

impl Failures {
    pub fn add(&mut self, failure: Failure) {
        match failure.class {
            Class::Unfit => drop(self.unfit.get_or_insert(failure)),
            Class::Capacity | Class::Limit => self.add_capacity(failure),
            _ => self.other = Some(failure),
        }
    }

    fn add_capacity(&mut self, failure: Failure) {
        self.shortest = match (self.shortest, failure.retry_after) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let known = self.capacity.as_ref().map(|known| known.status);
        if failure.status == Some(429) || known != Some(Some(429)) {
            self.capacity = Some(failure);
        }
    }

    /// Whether nothing has failed yet.
    pub fn is_empty(&self) -> bool {
        self.unfit.is_none() && self.other.is_none() && self.capacity.is_none()
    }

    /// Whether nothing but capacity has been missing so far.
    pub fn is_about_capacity(&self) -> bool {
        self.other.is_none() && (self.unfit.is_none() || self.capacity.is_some())
    }

    /// "Come back later" only where all that could carry the request said so, and then after the shortest wait;
    /// what the request would have to be like only where none could.
    pub fn report(self) -> Failure {
        match (self.other, self.capacity, self.unfit) {
            (Some(other), ..) => other,
            (None, Some(capacity), _) => Failure {
                retry_after: self.shortest,
                ..capacity
            },
            (None, None, Some(unfit)) => unfit,
            (None, None, None) => Failure::upstream("no attempt was made".into()),
        }
    }
}
