//! One owner of records: two desks over one store, changes planned again, credentials whose name the record decides.

use super::doubles::{Book, Gateway, Safe, eventually, furnished, over};
use gw::store::records::Records;
use gw::store::secret::Secret;
use gw::store::vault::Vault;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

async fn two() -> (Gateway, Gateway) {
    let one = furnished().await;
    let other = over(one.book.clone(), one.safe.clone()).await;
    (one, other)
}

/// Waits until a desk has in force what its store has.
async fn caught_up(gateway: &Gateway) {
    let behind = || gateway.desk.in_force().records.revision < gateway.book.state().revision;
    eventually("the desk has in force what its store has", || !behind()).await;
}

#[tokio::test]
async fn what_one_writer_does_the_other_serves() {
    let (one, other) = two().await;
    one.ok("POST", "/users", json!({"name": "bob"})).await;
    one.ok(
        "PATCH",
        "/providers/up",
        json!({"credential_value": "sk-second"}),
    )
    .await;
    caught_up(&other).await;
    assert_eq!(other.names("user"), ["ann", "bob"]);
    assert_eq!(
        other.ok("GET", "/users/bob", Value::Null).await["version"],
        1
    );
    let seen = other.seen.lock().unwrap();
    let credential = seen.credentials["up"]
        .as_ref()
        .unwrap()
        .secret
        .as_ref()
        .unwrap();
    assert_eq!(
        (seen.revision, credential.expose()),
        (other.book.state().revision, "sk-second")
    );
}

#[tokio::test]
async fn references_never_dangle_where_two_writers_meet() {
    for round in 0..40 {
        let (one, other) = two().await;
        one.ok("POST", "/users", json!({"name": "gone"})).await;
        // One takes the user away, the other makes a key for it: whoever is second is planned on what the first left.
        let (deleted, created) = tokio::join!(
            one.call("DELETE", "/users/gone", Value::Null),
            other.call("POST", "/keys", json!({"name": "k", "user": "gone"})),
        );
        let outcome = (deleted.status, created.status);
        assert!(
            matches!(outcome, (200, 404) | (409, 201)),
            "round {round}: {outcome:?} {} {}",
            deleted.json,
            created.json
        );
        for record in one.book.state().iter() {
            for (kind, name) in record.refs() {
                assert!(
                    one.book.state().get(&kind, &name).is_some(),
                    "{kind} {name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let (one, other) = two().await;
    let writes = (0..40).map(|n| {
        let gateway = if n % 2 == 0 { &one } else { &other };
        gateway.ok("POST", "/users", json!({"name": format!("u{n}")}))
    });
    futures_util::future::join_all(writes).await;
    caught_up(&one).await;
    caught_up(&other).await;
    assert_eq!(one.names("user").len(), 41);
    assert_eq!(one.names("user"), other.names("user"));
}

/// Every credential in the vault, and the one in force.
fn credentials(gateway: &Gateway) -> (Vec<String>, String) {
    let seen = gateway.seen.lock().unwrap();
    let now = seen.credentials["up"]
        .as_ref()
        .unwrap()
        .secret
        .as_ref()
        .unwrap();
    let held = gateway.safe.secrets().into_values().collect();
    (held, now.expose().to_owned())
}

#[tokio::test]
async fn a_crash_between_vault_and_record_leaves_the_old_credential_or_the_new_one() {
    let gateway = furnished().await;
    let (book, safe): (Arc<Book>, Arc<Safe>) = (gateway.book.clone(), gateway.safe.clone());
    let restart = || over(book.clone(), safe.clone());
    // Killed after the vault had the new one and before the record said so: the record decides.
    safe.set("provider/up@unused", &Secret::new("sk-unused".into()))
        .unwrap();
    safe.set("provider/never@1", &Secret::new("sk-never".into()))
        .unwrap();
    let after = restart().await;
    assert_eq!(
        credentials(&after),
        (vec!["sk-upstream".to_owned()], "sk-upstream".to_owned())
    );
    // The store refuses: the old one is in force and nothing of the new one stays.
    book.full.store(true, Ordering::SeqCst);
    let new = json!({"credential_value": "sk-new"});
    after
        .refused(507, "PATCH", "/providers/up", new.clone())
        .await;
    assert_eq!(
        credentials(&after),
        (vec!["sk-upstream".to_owned()], "sk-upstream".to_owned())
    );
    // Killed after the record said so and before the old one was taken out.
    book.full.store(false, Ordering::SeqCst);
    let old = safe.secrets().into_keys().next().unwrap();
    after.ok("PATCH", "/providers/up", new).await;
    safe.set(&old, &Secret::new("sk-upstream".into())).unwrap();
    let after = restart().await;
    assert_eq!(
        credentials(&after),
        (vec!["sk-new".to_owned()], "sk-new".to_owned())
    );
}

#[tokio::test]
async fn nothing_is_cleaned_up_after_records_that_may_not_be_the_newest() {
    let gateway = furnished().await;
    gateway
        .safe
        .set("provider/lost@1", &Secret::new("sk-lost".into()))
        .unwrap();
    gateway.book.mended.store(true, Ordering::SeqCst);
    let after = over(gateway.book.clone(), gateway.safe.clone()).await;
    assert_eq!(after.safe.holds("lost").as_deref(), Some("sk-lost"));
    gateway.book.mended.store(false, Ordering::SeqCst);
    let after = over(gateway.book.clone(), gateway.safe.clone()).await;
    assert_eq!(after.safe.holds("lost"), None);
}

#[tokio::test]
async fn a_credential_named_as_before_versions_is_still_found() {
    let gateway = furnished().await;
    let state = gateway.book.state();
    let record = state.get("provider", "up").unwrap();
    let mut old = (*record).clone();
    let entry = old.system.remove("credential_entry").unwrap();
    let change = gw::store::records::Change::Put {
        expected: old.version,
        record: old,
    };
    gateway
        .book
        .commit(&Default::default(), state.revision, &[change])
        .unwrap();
    gateway.safe.delete(entry.as_str().unwrap()).unwrap();
    gateway
        .safe
        .set("provider/up", &Secret::new("sk-upstream".into()))
        .unwrap();
    let after = over(gateway.book.clone(), gateway.safe.clone()).await;
    assert_eq!(credentials(&after).1, "sk-upstream");
    after
        .ok(
            "PATCH",
            "/providers/up",
            json!({"credential_value": "sk-2"}),
        )
        .await;
    assert_eq!(
        credentials(&after),
        (vec!["sk-2".to_owned()], "sk-2".to_owned())
    );
}

#[tokio::test]
async fn two_writers_of_one_credential_leave_one_whole_change() {
    for _ in 0..20 {
        let (one, other) = two().await;
        let rekey = |secret: &str| json!({"credential_value": secret});
        let (first, second) = tokio::join!(
            one.call("PATCH", "/providers/up", rekey("sk-one")),
            other.call("PATCH", "/providers/up", rekey("sk-other")),
        );
        assert_eq!((first.status, second.status), (200, 200));
        caught_up(&one).await;
        caught_up(&other).await;
        // What one record says, both serve, and nothing else is left.
        let held = credentials(&one);
        assert_eq!(held, credentials(&other));
        assert_eq!(held.0, [held.1]);
    }
}
