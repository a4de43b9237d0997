//! What every store of records keeps, as one suite: each backend passes it through a function that opens it.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::{Actor, Change, Commit, Memory, Records, Sled};
use crate::error::Kind;
use crate::resources::Record;
use serde_json::json;

fn record(kind: &str, name: &str, text: &str) -> Record {
    serde_json::from_value(json!({"kind": kind, "name": name, "version": 77, "created": 1, "updated": 2, "spec": {"display": text}, "system": {"hash": "h"}}))
        .unwrap()
}
fn put(expected: u64, name: &str, text: &str) -> Change {
    Change::Put {
        expected,
        record: record("user", name, text),
    }
}
fn delete(expected: u64, name: &str) -> Change {
    Change::Delete {
        expected,
        kind: String::from("user"),
        name: name.to_owned(),
    }
}
fn actor(request: &str) -> Actor {
    Actor {
        who: String::from("uid 1000"),
        request: request.to_owned(),
    }
}
/// Commits on what is there now; the new revision.
fn commit(store: &dyn Records, actor: &Actor, changes: &[Change]) -> crate::error::Result<u64> {
    match store.commit(actor, store.state().revision, changes)? {
        Commit::Done(state) => Ok(state.revision),
        Commit::Moved(state) => panic!("nobody else writes: {state:?}"),
    }
}
/// Names, versions and texts, in order of name.
fn seen(store: &dyn Records) -> (u64, Vec<(String, u64, String)>) {
    let state = store.state();
    let text = |record: &Record| record.spec["display"].as_str().unwrap().to_owned();
    (
        state.revision,
        state
            .iter()
            .map(|record| (record.name.clone(), record.version, text(&record)))
            .collect(),
    )
}
fn row(name: &str, version: u64, text: &str) -> (String, u64, String) {
    (name.to_owned(), version, text.to_owned())
}

/// The suite. `open` gives an empty store.
pub fn suite(open: &dyn Fn() -> Box<dyn Records>) {
    versions_grow_and_are_checked(&*open());
    all_or_nothing(&*open());
    changes_of_one_transaction_see_each_other(&*open());
    history_is_newest_first(&*open());
    a_change_made_for_an_older_state_is_not_committed(&*open());
    what_happened_since_is_told(&*open());
    large_values_are_refused(&*open());
}

fn versions_grow_and_are_checked(store: &dyn Records) {
    assert_eq!(seen(store), (0, vec![]));
    assert_eq!(commit(store, &actor("a"), &[]).unwrap(), 0);
    assert_eq!(
        commit(store, &actor("a"), &[put(0, "ann", "one")]).unwrap(),
        1
    );
    assert_eq!(
        commit(store, &actor("b"), &[put(1, "ann", "two")]).unwrap(),
        2
    );
    assert_eq!(seen(store), (2, vec![row("ann", 2, "two")]));
    for (stale, says) in [
        (put(0, "ann", "x"), "exists already"),
        (put(1, "ann", "x"), "version 2"),
        (put(3, "ann", "x"), "version 2"),
        (delete(1, "ann"), "version 2"),
    ] {
        let error = commit(store, &actor("c"), &[stale]).unwrap_err();
        assert_eq!(error.kind, Kind::Stale);
        assert!(
            error.message.contains(says) && error.hint.is_some(),
            "{error:?}"
        );
    }
    for absent in [put(1, "bob", "x"), delete(1, "bob"), delete(0, "bob")] {
        assert_eq!(
            commit(store, &actor("d"), &[absent]).unwrap_err().kind,
            Kind::Stale
        );
    }
    assert_eq!(seen(store), (2, vec![row("ann", 2, "two")]));
    assert_eq!(commit(store, &actor("e"), &[delete(2, "ann")]).unwrap(), 3);
    assert_eq!(seen(store), (3, vec![]));
    assert_eq!(
        commit(store, &actor("f"), &[put(0, "ann", "again")]).unwrap(),
        4
    );
    let loaded = store
        .state()
        .iter()
        .map(|it| (*it).clone())
        .collect::<Vec<_>>();
    assert_eq!(
        loaded,
        [Record {
            version: 1,
            ..record("user", "ann", "again")
        }]
    );
}

fn all_or_nothing(store: &dyn Records) {
    commit(
        store,
        &actor("a"),
        &[put(0, "ann", "one"), put(0, "bob", "one")],
    )
    .unwrap();
    let before = seen(store);
    let refused = commit(
        store,
        &actor("b"),
        &[put(1, "ann", "two"), put(0, "new", "x"), delete(9, "bob")],
    );
    assert_eq!(refused.unwrap_err().kind, Kind::Stale);
    assert_eq!(seen(store), before);
    assert_eq!(store.history(9).unwrap().len(), 1);
}

fn changes_of_one_transaction_see_each_other(store: &dyn Records) {
    commit(
        store,
        &actor("a"),
        &[
            put(0, "ann", "one"),
            put(1, "ann", "two"),
            put(0, "bob", "x"),
            delete(1, "bob"),
        ],
    )
    .unwrap();
    assert_eq!(seen(store), (1, vec![row("ann", 2, "two")]));
}

fn a_change_made_for_an_older_state_is_not_committed(store: &dyn Records) {
    commit(store, &actor("a"), &[put(0, "ann", "one")]).unwrap();
    let base = store.state();
    commit(store, &actor("b"), &[put(0, "bob", "one")]).unwrap();
    let newest = store.state();
    // It touches nothing the other change did; what it was checked against is another matter.
    let moved = store
        .commit(&actor("c"), base.revision, &[delete(1, "ann")])
        .unwrap();
    assert_eq!(moved, Commit::Moved(newest.clone()));
    assert_eq!(store.state(), newest);
    assert_eq!(base.revision, 1, "a state held on to stays as it is");
    assert_eq!(base.len(), 1);
    let ahead = store.commit(&actor("d"), 9, &[delete(1, "ann")]).unwrap();
    assert_eq!(ahead, Commit::Moved(newest));
}

fn what_happened_since_is_told(store: &dyn Records) {
    let mut watch = store.watch();
    assert!(!watch.has_changed().unwrap());
    for name in ["ann", "bob", "cid"] {
        commit(store, &actor(name), &[put(0, name, "one")]).unwrap();
    }
    assert!(watch.has_changed().unwrap());
    assert_eq!(*watch.borrow_and_update(), 3);
    let since = |revision| {
        let entries = store.changes_since(revision).unwrap().unwrap();
        let told = entries
            .iter()
            .map(|entry| (entry.revision, entry.actor.request.clone()));
        told.collect::<Vec<_>>()
    };
    let told = |revision: u64, name: &str| (revision, name.to_owned());
    assert_eq!(since(1), [told(2, "bob"), told(3, "cid")]);
    assert_eq!(since(3), []);
    assert_eq!(since(0).len(), 3);
}

fn history_is_newest_first(store: &dyn Records) {
    for number in 0..5 {
        commit(
            store,
            &actor(&format!("request {number}")),
            &[put(number, "ann", "text")],
        )
        .unwrap();
    }
    let history = store.history(3).unwrap();
    assert_eq!(
        history
            .iter()
            .map(|entry| entry.revision)
            .collect::<Vec<_>>(),
        [5, 4, 3]
    );
    assert_eq!(history[0].actor, actor("request 4"));
    assert!(history[0].at.0 > 0);
    // As stored, version included: this is what a store is rebuilt from.
    assert_eq!(
        history[0].changes,
        [Change::Put {
            expected: 4,
            record: Record {
                version: 5,
                ..record("user", "ann", "text")
            }
        }]
    );
    assert_eq!(store.history(99).unwrap().len(), 5);
    assert_eq!(store.history(0).unwrap(), []);
}

fn large_values_are_refused(store: &dyn Records) {
    commit(
        store,
        &actor("a"),
        &[put(0, "ann", "one"), put(0, "big", &"x".repeat(7_000))],
    )
    .unwrap();
    let before = seen(store);
    let error = commit(
        store,
        &actor("b"),
        &[put(1, "ann", "two"), put(1, "big", &"x".repeat(8_192))],
    )
    .unwrap_err();
    assert_eq!(error.kind, Kind::TooLarge);
    assert!(
        error.message.contains("user `big`") && error.message.contains("8192"),
        "{error}"
    );
    assert_eq!(seen(store), before);
    assert_eq!(
        commit(store, &actor("c"), &[put(1, "ann", "two")]).unwrap(),
        2
    );
}

#[test]
fn memory_keeps_the_contract() {
    suite(&|| Box::new(Memory::new()));
}

#[test]
fn sled_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    suite(&|| {
        count.set(count.get() + 1);
        Box::new(Sled::open(&dir.path().join(count.get().to_string())).unwrap())
    });
}

#[test]
fn sled_keeps_everything_over_a_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let before = {
        let store = Sled::open(dir.path()).unwrap();
        for number in 0..20 {
            commit(
                &store,
                &actor("a"),
                &[put(0, &format!("user-{number}"), "text")],
            )
            .unwrap();
        }
        commit(
            &store,
            &actor("b"),
            &[delete(1, "user-3"), put(1, "user-4", "changed")],
        )
        .unwrap();
        (seen(&store), store.history(99).unwrap())
    };
    let store = Sled::open(dir.path()).unwrap();
    assert_eq!((seen(&store), store.history(99).unwrap()), before);
    assert_eq!(store.notice(), None);
    assert!(
        store.describe().contains("revision 21, 19 records"),
        "{}",
        store.describe()
    );
    assert_eq!(
        commit(&store, &actor("c"), &[put(2, "user-4", "again")]).unwrap(),
        22
    );
}
