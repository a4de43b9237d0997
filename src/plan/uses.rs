//! Which routes a model is a target of, and which lists of targets have none left now. For whoever switches models on and
//! off; looks, and changes nothing.

use super::{
    Snapshot,
    pool::{Pool, Target},
};

/// What routes make of a model.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Active routes with a target that names it, by name.
    pub named: Vec<String>,
    /// Active routes with a target of its provider that takes the model as asked, and none that names it.
    pub as_asked: Vec<String>,
    /// Of both: those that refuse requests since no target is left; `ROUTE rule N` where it is a rule's list.
    pub without_target: Vec<String>,
}

/// What the active routes make of `model` (its id upstream) of this provider.
pub fn of(snapshot: &Snapshot, provider: &str, model: &str) -> Uses {
    let mut uses = Uses::default();
    let Some(place) = snapshot.provider(provider) else {
        return uses;
    };
    let tried = |target: &&Target| target.weight > 0 && target.provider() == Some(place);
    for route in snapshot.active_routes() {
        let targets = || route.pools().flat_map(|pool| &pool.targets).filter(tried);
        let names = |target: &Target| target.model.as_deref() == Some(model);
        match () {
            () if targets().any(names) => uses.named.push(route.name.to_string()),
            () if targets().any(|it| it.model.is_none()) => {
                uses.as_asked.push(route.name.to_string());
            }
            () => continue,
        }
        let lists = route.rules.iter().enumerate();
        let lists = lists
            .map(|(rule, pool)| (format!("{} rule {}", route.name, rule + 1), pool))
            .chain([(route.name.to_string(), &route.own)]);
        let meant = |target: &Target| tried(&target) && names(target);
        let empty =
            lists.filter(|(_, pool)| pool.targets.iter().any(meant) && left(snapshot, pool) == 0);
        uses.without_target.extend(empty.map(|(name, _)| name));
    }
    uses
}

/// How many targets of a list somebody could be sent to, as far as records say.
fn left(snapshot: &Snapshot, pool: &Pool) -> usize {
    let on = |target: &&Target| {
        let provider = target.provider().and_then(|at| snapshot.providers.get(at));
        target.weight > 0 && target.is_enabled() && provider.is_some_and(|it| it.spec.enabled)
    };
    pool.targets.iter().filter(on).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::testing;
    use serde_json::json;

    #[test]
    fn routes_are_told_by_how_they_name_a_model() {
        let snapshot = testing::snapshot(json!([
            {"kind": "provider", "name": "p"}, {"kind": "provider", "name": "q"},
            {"kind": "model", "name": "alias", "provider": "p", "upstream_id": "m", "enabled": false},
            {"kind": "route", "name": "alone", "path": "/alone", "targets": [{"provider": "p", "model": "alias"}]},
            {"kind": "route", "name": "both", "path": "/both", "targets": [{"provider": "p", "model": "m"}, {"provider": "q"}],
                "rules": [{"when": "stream", "targets": [{"provider": "p", "model": "m"}]}]},
            {"kind": "route", "name": "asked", "path": "/asked", "targets": [{"provider": "p"}]},
            {"kind": "route", "name": "off", "path": "/off", "enabled": false, "targets": [{"provider": "p", "model": "m"}]},
            {"kind": "route", "name": "other", "path": "/other", "targets": [{"provider": "q", "model": "m"}, {"provider": "p", "model": "m", "weight": 0}]},
        ]));
        let words = |list: &[&str]| {
            list.iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(&snapshot, "p", "m"),
            Uses {
                named: words(&["alone", "both"]),
                as_asked: words(&["asked"]),
                without_target: words(&["alone", "both rule 1"]),
            }
        );
        assert_eq!(of(&snapshot, "q", "m").without_target, words(&[]));
        assert_eq!(of(&snapshot, "nobody", "m"), Uses::default());
    }
}
