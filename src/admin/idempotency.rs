//! `Idempotency-Key`: a create sent twice makes one record and gets one answer. Kept in memory for a day,
//! bounded; answers may hold a new key's secret, so that a client whose connection broke still gets it.

use crate::error::{Error, Kind, Result};
use crate::store::secret::Secret;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
const MOST: usize = 4096;

/// An answer given before: status and JSON text.
#[derive(Debug)]
pub struct Done {
    pub status: u16,
    pub body: Secret,
}

/// The place of one idempotency key, held while its first request runs.
pub type Slot = Arc<tokio::sync::Mutex<Option<Done>>>;

struct Entry {
    at: Instant,
    request: [u8; 32],
    slot: Slot,
}

/// What was done under which key.
#[derive(Default)]
pub struct IdempotencyKeys(Mutex<HashMap<String, Entry>>);

impl IdempotencyKeys {
    /// The slot of this key. The same key for another request is a mistake of the client's.
    pub fn slot(&self, key: &str, path: &str, body: &[u8]) -> Result<Slot> {
        if key.is_empty() || key.len() > 255 {
            return Err(
                Error::invalid("`Idempotency-Key` is empty or longer than 255 characters")
                    .param("Idempotency-Key"),
            );
        }
        let request: [u8; 32] = Sha256::new()
            .chain_update(path)
            .chain_update([0])
            .chain_update(body)
            .finalize()
            .into();
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.at.elapsed() < KEPT);
        if let Some(entry) = entries.get(key) {
            return match entry.request == request {
                true => Ok(entry.slot.clone()),
                false => Err(Error::new(
                    Kind::Conflict,
                    "this `Idempotency-Key` was used for another request",
                )
                .param("Idempotency-Key")
                .hint("use a new one")),
            };
        }
        if entries.len() >= MOST
            && let Some(oldest) = entries
                .iter()
                .min_by_key(|(_, entry)| entry.at)
                .map(|(key, _)| key.clone())
        {
            entries.remove(&oldest);
        }
        let slot = Slot::default();
        entries.insert(
            key.to_owned(),
            Entry {
                at: Instant::now(),
                request,
                slot: slot.clone(),
            },
        );
        Ok(slot)
    }

    /// Whether this is still the place of the key: the request it was for may have failed while others waited for it.
    pub fn holds(&self, key: &str, slot: &Slot) -> bool {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(key)
            .is_some_and(|entry| Arc::ptr_eq(&entry.slot, slot))
    }

    /// Forgets a key whose request failed: it may be sent again, mended.
    pub fn forget(&self, key: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn one_slot_a_key_and_bounded() {
        let once = IdempotencyKeys::default();
        let first = once.slot("a", "/x", b"1").unwrap();
        assert!(Arc::ptr_eq(&first, &once.slot("a", "/x", b"1").unwrap()));
        assert_eq!(once.slot("a", "/x", b"2").unwrap_err().kind, Kind::Conflict);
        assert_eq!(once.slot("a", "/y", b"1").unwrap_err().kind, Kind::Conflict);
        // Who waited for a request that failed does not take its place, which is nobody's any more.
        assert!(once.holds("a", &first));
        once.forget("a");
        assert!(!once.holds("a", &first));
        let again = once.slot("a", "/x", b"1").unwrap();
        assert!(once.holds("a", &again) && !once.holds("a", &first));
        for n in 0..MOST + 10 {
            once.slot(&format!("k{n}"), "/x", b"").unwrap();
        }
        assert!(once.0.lock().unwrap().len() <= MOST);
        assert!(once.slot("", "/x", b"").is_err());
    }
}
