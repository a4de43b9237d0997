//! Many records at once: all or none, repeatable, owned, pruned; and exported in the same form.

use super::doubles::{furnished, gateway};
use gw::resources::{Record, kind};
use gw::store::records::Records;
use proptest::prelude::*;
use serde_json::{Value, json};

fn files() -> Value {
    json!([
        {"kind": "route", "name": "main", "keys": ["ci"], "targets": [{"provider": "up", "model": "gpt-4o"}]},
        {"kind": "key", "name": "ci", "user": "ann"},
        {"kind": "user", "name": "ann"},
        {"kind": "provider", "name": "up", "vendor": "openai", "credential_value": "sk-upstream"},
        {"kind": "model", "name": "up/gpt-4o", "provider": "up"},
    ])
}

#[tokio::test]
async fn twice_is_once_and_order_does_not_matter() {
    let gateway = gateway().await;
    let first = gateway
        .ok("POST", "/apply", json!({"items": files()}))
        .await;
    assert_eq!(
        (&first["created"], &first["unchanged"]),
        (&json!(5), &json!(0)),
        "{first}"
    );
    assert!(
        first["items"][1]["secret"]
            .as_str()
            .unwrap()
            .starts_with("sk-gw-")
    );
    assert_eq!(
        gateway.desk.in_force().records.revision,
        1,
        "one transaction"
    );
    let second = gateway
        .ok("POST", "/apply", json!({"items": files()}))
        .await;
    assert_eq!(
        (&second["created"], &second["unchanged"]),
        (&json!(0), &json!(5)),
        "{second}"
    );
    assert!(!second.to_string().contains("secret"));
    assert_eq!(
        gateway.desk.in_force().records.revision,
        1,
        "nothing changed"
    );
}

#[tokio::test]
async fn one_bad_item_and_nothing_happens() {
    let gateway = gateway().await;
    for bad in [
        json!({"kind": "route", "name": "r", "keys": ["nope"], "targets": [{"provider": "up"}]}),
        json!({"kind": "user", "name": "ann"}),
        json!({"kind": "user", "name": "x", "no_such": 1}),
        json!({"kind": "thing", "name": "x"}),
        json!({"name": "x"}),
        json!(7),
    ] {
        let mut items = files();
        items.as_array_mut().unwrap().push(bad.clone());
        let answer = gateway
            .call("POST", "/apply", json!({"items": items}))
            .await;
        assert!(matches!(answer.status, 400 | 404), "{bad}: {}", answer.json);
    }
    gateway
        .refused(400, "POST", "/apply", json!({"items": [], "prune": true}))
        .await;
    gateway
        .refused(400, "POST", "/apply", json!({"items": [], "colour": "red"}))
        .await;
    gateway
        .refused(400, "POST", "/apply", json!({"items": {}}))
        .await;
    let dry = gateway
        .ok("POST", "/apply", json!({"items": files(), "dry_run": true}))
        .await;
    assert_eq!(dry["created"], 5);
    assert_eq!(
        (
            gateway.desk.in_force().records.revision,
            gateway.safe.holds("up")
        ),
        (0, None)
    );
}

#[tokio::test]
async fn owners_prune_their_own_and_no_others() {
    let gateway = furnished().await;
    let items = |names: &[&str]| {
        Value::from(
            names
                .iter()
                .map(|name| json!({"kind": "user", "name": name}))
                .collect::<Vec<_>>(),
        )
    };
    gateway
        .ok(
            "POST",
            "/apply",
            json!({"items": items(&["a", "b"]), "owner": "one"}),
        )
        .await;
    gateway
        .ok(
            "POST",
            "/apply",
            json!({"items": items(&["c"]), "owner": "two"}),
        )
        .await;
    let taken = gateway
        .refused(
            409,
            "POST",
            "/apply",
            json!({"items": items(&["c"]), "owner": "one"}),
        )
        .await;
    assert!(
        taken["message"].as_str().unwrap().contains("`two`"),
        "{taken}"
    );
    let pruned = gateway
        .ok(
            "POST",
            "/apply",
            json!({"items": items(&["a"]), "owner": "one", "prune": true}),
        )
        .await;
    assert_eq!(
        (&pruned["unchanged"], &pruned["pruned"]),
        (&json!(1), &json!(1)),
        "{pruned}"
    );
    assert_eq!(gateway.names("user"), ["a", "ann", "c"]);
    gateway
        .ok(
            "POST",
            "/apply",
            json!({"items": items(&["c"]), "owner": "one", "force_conflicts": true}),
        )
        .await;
    // Somebody else refers to it: it stays, and the error says who.
    gateway
        .ok("POST", "/keys", json!({"name": "k", "user": "a"}))
        .await;
    let refused = gateway
        .refused(
            409,
            "POST",
            "/apply",
            json!({"items": [], "owner": "one", "prune": true}),
        )
        .await;
    assert!(
        refused["message"].as_str().unwrap().contains("key `k`"),
        "{refused}"
    );
}

#[tokio::test]
async fn exports_come_back_unchanged() {
    let gateway = furnished().await;
    let exported = gateway.ok("GET", "/export", Value::Null).await;
    let again = gateway
        .ok("POST", "/apply", json!({"items": exported["items"]}))
        .await;
    assert_eq!(again["unchanged"], 4, "{again}");
    // Elsewhere the secret is missing, and the error says of what.
    let other = super::doubles::gateway().await;
    let refused = other
        .refused(400, "POST", "/apply", json!({"items": exported["items"]}))
        .await;
    assert!(
        refused["message"].as_str().unwrap().contains("`up`"),
        "{refused}"
    );
}

/// Records over so few names that references often hold, often dangle, and records often come twice.
fn item() -> impl Strategy<Value = Value> {
    let name = || prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        name().prop_map(|name| json!({"kind": "user", "name": name})),
        (name(), name()).prop_map(|(name, user)| json!({"kind": "key", "name": name, "user": user})),
        name().prop_map(|name| json!({"kind": "provider", "name": name, "vendor": "openai", "credential": "passthrough"})),
        (name(), name()).prop_map(|(name, provider)| json!({"kind": "model", "name": name, "provider": provider})),
        (name(), name(), name()).prop_map(|(name, key, provider)| json!({"kind": "route", "name": name, "keys": [key], "targets": [{"provider": provider}]})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is applied and deleted: all of it or none, and no reference ever dangles.
    #[test]
    fn references_never_dangle(batches in prop::collection::vec((prop::collection::vec(item(), 1..8), any::<bool>(), 0usize..15), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let gateway = gateway().await;
            let all = |gateway: &super::doubles::Gateway| gateway.desk.in_force().records.iter().map(|it| (*it).clone()).collect::<Vec<Record>>();
            for (items, cascade, at) in batches {
                let (before, revision) = (all(&gateway), gateway.desk.in_force().records.revision);
                let answer = gateway.call("POST", "/apply", json!({"items": items})).await;
                if answer.status != 200 {
                    prop_assert!(matches!(answer.status, 400 | 404 | 409), "{}", answer.json);
                    prop_assert_eq!((&before, revision), (&all(&gateway), gateway.desk.in_force().records.revision));
                }
                let path = format!("/{}/{}?cascade={cascade}", ["users", "keys", "providers", "models", "routes"][at % 5], ["a", "b", "c"][at / 5]);
                let before = all(&gateway);
                if gateway.call("DELETE", &path, Value::Null).await.status != 200 {
                    prop_assert_eq!(&before, &all(&gateway));
                }
                let records = all(&gateway);
                for record in &records {
                    for (to, name) in (kind(&record.kind).unwrap().refs)(&record.spec) {
                        prop_assert!(records.iter().any(|one| one.kind == to && one.name == name), "{} {} names {to} {name}", record.kind, record.name);
                    }
                }
                let stored: Vec<Record> = gateway.book.state().iter().map(|it| (*it).clone()).collect();
                prop_assert_eq!(&records, &stored);
                prop_assert_eq!(&records, &gateway.seen.lock().unwrap().records);
            }
            Ok(())
        })?;
    }
}
