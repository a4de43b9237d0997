//! Dated versions of a model, shown under it.

use super::upstream;
use crate::catalog;
use crate::cli::context::name_of;
use serde_json::{Value, json};

/// Dated versions folded into their provider's model, which lists them as `snapshots`; those whose model is not
/// among the results stay.
pub(super) fn grouped(items: Vec<Value>) -> Vec<Value> {
    let parents: Vec<Option<usize>> = items.iter().map(|item| parent(item, &items)).collect();
    let mut snapshots: Vec<Vec<Value>> = vec![Vec::new(); items.len()];
    for (item, parent) in items.iter().zip(&parents) {
        if let Some(list) = parent.and_then(|at| snapshots.get_mut(at)) {
            list.push(name_of(item).into());
        }
    }
    let kept = items.into_iter().zip(parents).zip(snapshots);
    kept.filter(|((_, parent), _)| parent.is_none())
        .map(|((mut item, _), list)| {
            if !list.is_empty() {
                item["snapshots"] = list.into();
            }
            item
        })
        .collect()
}

/// Where among `items` the model is that this one is a dated version of: as its record or the catalogue says, else by its
/// id.
fn parent(item: &Value, items: &[Value]) -> Option<usize> {
    let base = of(item).or_else(|| catalog::base(upstream(item)))?;
    items.iter().position(|other| {
        let called = [upstream(other), name_of(other)];
        other.get("provider") == item.get("provider")
            && called.contains(&base)
            && name_of(other) != name_of(item)
            // A version of a version is folded no further than one that is shown.
            && of(other).is_none()
            && catalog::base(upstream(other)).is_none()
    })
}

/// The model it is said to be a version of.
fn of(item: &Value) -> Option<&str> {
    let status = item.get("status");
    let said = item
        .get("snapshot_of")
        .or_else(|| status?.get("snapshot_of"));
    said?.as_str().filter(|text| !text.is_empty())
}

/// Tables have the number of snapshots behind the name: `gpt-4o (+2)`.
pub(super) fn counted(mut items: Vec<Value>) -> Vec<Value> {
    for item in &mut items {
        let list = item.get("snapshots").and_then(Value::as_array);
        if let Some(count) = list.map(Vec::len) {
            item["name"] = json!(format!("{} (+{count})", name_of(item)));
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_fold_into_their_model() {
        let items = vec![
            json!({"name": "a"}),
            json!({"name": "a-2024-08-06"}),
            json!({"name": "old", "snapshot_of": "a"}),
            json!({"name": "p/a-20250514", "provider": "p", "status": {"upstream_id": "a-20250514"}}),
            json!({"name": "b-1", "snapshot_of": "b"}),
            json!({"name": "c-latest"}),
            json!({"name": "q/d", "provider": "q", "status": {"upstream_id": "d"}}),
            json!({"name": "q/dd", "provider": "q", "status": {"upstream_id": "dd", "snapshot_of": "d"}}),
        ];
        let found = grouped(items.clone());
        let mut d = items[6].clone();
        d["snapshots"] = json!(["q/dd"]);
        assert_eq!(
            found,
            vec![
                json!({"name": "a", "snapshots": ["a-2024-08-06", "old"]}),
                items[3].clone(),
                items[4].clone(),
                items[5].clone(),
                d,
            ]
        );
        assert_eq!(name_of(&counted(found)[0]), "a (+2)");
    }
}
