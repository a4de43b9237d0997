//! What models are that callers name themselves. Worked out for the first request that names one at a provider, and remembered
//! with the provider: a name goes through its records, the catalogue and prices, and all of these stay as they are until the
//! next change. Must not know how it is worked out.

use super::Facts;
use crate::hash::Seeded;
use arc_swap::ArcSwap;
use rpds::HashTrieMapSync;
use std::sync::Arc;

/// Names remembered at most: callers choose them.
const MOST: usize = 1_024;

/// A model as a provider has it.
#[derive(Clone, Debug)]
pub struct Meant {
    /// Its id upstream.
    pub model: Arc<str>,
    pub facts: Facts,
}

/// The names that one provider was asked for.
#[derive(Debug, Default)]
pub struct Asked(ArcSwap<Names>);

type Names = HashTrieMapSync<Arc<str>, Arc<Meant>, Seeded>;

impl Asked {
    /// What is meant by a name; `work_out`: where nobody has asked for it lately.
    pub fn meant(&self, name: &str, work_out: impl FnOnce() -> Meant) -> Arc<Meant> {
        let known = self.0.load();
        if let Some(meant) = known.get(name) {
            return meant.clone();
        }
        let meant = Arc::new(work_out());
        // Of two that come at once one is forgotten, and worked out again.
        let more = match known.size() < MOST {
            true => known.insert(name.into(), meant.clone()),
            false => Names::default().insert(name.into(), meant.clone()),
        };
        self.0.store(Arc::new(more));
        meant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Overlay;

    #[test]
    fn a_name_is_worked_out_once_and_no_more_are_kept_than_may_be() {
        let asked = Asked::default();
        let worked_out = std::cell::Cell::new(0);
        let meant = |name: &str| {
            asked.meant(name, || {
                worked_out.set(worked_out.get() + 1);
                Meant {
                    model: name.into(),
                    facts: Overlay::default().facts(None, "", name),
                }
            })
        };
        let first = meant("a");
        assert!(Arc::ptr_eq(&first, &meant("a")));
        assert_eq!((&*first.model, worked_out.get()), ("a", 1));
        for at in 0..3 * MOST {
            meant(&at.to_string());
            assert!(asked.0.load().size() <= MOST);
        }
        assert_eq!(&*meant("7").model, "7");
    }
}
