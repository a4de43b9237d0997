//! Records of gw's own lie in the store with the others and are nobody's to see or to change.

use super::doubles::{gateway, over};
use gw::resources::Record;
use gw::store::records::{Actor, Change, Commit, OWN_KIND, Records};
use serde_json::{Value, json};

#[tokio::test]
async fn a_record_of_gws_own_is_in_no_list_export_or_history_and_cannot_be_applied() {
    let before = gateway().await;
    let record: Record = serde_json::from_value(json!({
        "kind": OWN_KIND, "name": "check", "version": 0, "created": 0, "updated": 0, "spec": {},
        "system": {"check": "abc"},
    }))
    .unwrap();
    let change = Change::Put {
        expected: 0,
        record,
    };
    let done = before.book.commit(&Actor::default(), 0, &[change]).unwrap();
    assert!(matches!(done, Commit::Done(_)));
    let gateway = over(before.book.clone(), before.safe.clone()).await;
    gateway.ok("POST", "/users", json!({"name": "ann"})).await;

    let exported = gateway.ok("GET", "/export", Value::Null).await;
    assert_eq!(
        exported["items"],
        json!([{"kind": "user", "name": "ann", "enabled": true}])
    );
    let history = gateway.ok("GET", "/history", Value::Null).await;
    let told: Vec<(&Value, &Value)> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (&entry["revision"], &entry["changes"][0]["kind"]))
        .collect();
    assert_eq!(told, [(&json!(2), &json!("user"))], "{history}");
    let status = gateway.ok("GET", "/status", Value::Null).await;
    assert_eq!(
        status["records"],
        json!({"users": 1, "keys": 0, "providers": 0, "models": 0, "routes": 0})
    );
    for plural in [OWN_KIND, "gateways"] {
        let path = format!("/{plural}/check");
        gateway.refused(404, "GET", &path, Value::Null).await;
    }
    let item = json!({"kind": OWN_KIND, "name": "check"});
    let refused = gateway
        .refused(400, "POST", "/apply", json!({"items": [item]}))
        .await;
    assert_eq!(refused["message"], "`gateway` is not a resource kind");
}
