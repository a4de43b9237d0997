//! Deleting with `--cascade` never lets in whom a record kept out, and says before what it takes along.

use super::doubles::{Gateway, gateway};
use serde_json::{Value, json};

/// Two users with a key each, two providers, and one route.
async fn with_route(route: Value) -> Gateway {
    let gateway = gateway().await;
    for (user, key) in [("ann", "a"), ("bob", "b")] {
        gateway.ok("POST", "/users", json!({"name": user})).await;
        gateway
            .ok("POST", "/keys", json!({"name": key, "user": user}))
            .await;
    }
    for name in ["p", "q"] {
        let provider = json!({"name": name, "vendor": "openai-compatible", "base_url": "http://127.0.0.1:1/v1"});
        gateway.ok("POST", "/providers", provider).await;
    }
    gateway.ok("POST", "/routes", route).await;
    gateway
}

fn route(more: Value) -> Value {
    let mut route = json!({"name": "r", "targets": [{"provider": "p"}]});
    route
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    route
}

#[tokio::test]
async fn a_list_of_keys_or_users_that_becomes_empty_takes_its_route_along() {
    let on_path = json!({"path": "/open"});
    for (bound, deleted, action) in [
        // The only key, the only user: open to everybody, or to everybody of the user, without it.
        (json!({"keys": ["a"]}), "/keys/a", "deleted"),
        (json!({"users": ["ann"]}), "/users/ann", "deleted"),
        (
            json!({"keys": ["a"], "users": ["ann"]}),
            "/keys/a",
            "deleted",
        ),
        (
            json!({"keys": ["a", "b"], "users": ["ann"]}),
            "/users/ann",
            "deleted",
        ),
        (json!({"keys": ["a", "b"]}), "/keys/a", "unbound"),
        (json!({"users": ["ann", "bob"]}), "/users/ann", "unbound"),
        (
            json!({"keys": ["a"], "path": "/open"}),
            "/keys/a",
            "deleted",
        ),
        (
            json!({"users": ["ann"], "path": "/open"}),
            "/users/ann",
            "deleted",
        ),
        (
            json!({"keys": ["a"], "users": ["bob", "ann"], "path": "/open"}),
            "/users/ann",
            "deleted",
        ),
        (
            json!({"keys": ["a", "b"], "path": "/open"}),
            "/keys/a",
            "unbound",
        ),
        (on_path, "/keys/a", ""),
    ] {
        let gateway = with_route(route(bound.clone())).await;
        let before = gateway
            .desk
            .in_force()
            .get("route", "r")
            .unwrap()
            .spec
            .clone();
        let planned = gateway
            .ok(
                "DELETE",
                &format!("{deleted}?cascade=true&dry_run=true"),
                Value::Null,
            )
            .await;
        let done = gateway
            .ok("DELETE", &format!("{deleted}?cascade=true"), Value::Null)
            .await;
        assert_eq!(planned["taken"], done["taken"], "{bound}");
        let of_route = |taken: &Value| {
            let mut all = taken.as_array().unwrap().iter();
            all.find(|one| one["kind"] == "route")
                .map_or(String::new(), |one| one["action"].as_str().unwrap().into())
        };
        assert_eq!(of_route(&done["taken"]), action, "{bound}");
        let state = gateway.desk.in_force();
        let after = state.get("route", "r").ok();
        assert_eq!(after.is_some(), action != "deleted", "{bound}");
        // Whatever is left names no more than before, and every list that was there still is.
        for list in ["keys", "users"] {
            let names = |spec: &gw::resources::Spec| {
                let list = spec.get(list).and_then(Value::as_array).cloned();
                list.unwrap_or_default()
            };
            if let Some(after) = &after {
                assert_eq!(
                    names(&before).is_empty(),
                    names(&after.spec).is_empty(),
                    "{bound}"
                );
                assert!(
                    names(&after.spec)
                        .iter()
                        .all(|name| names(&before).contains(name))
                );
            }
        }
    }
}

#[tokio::test]
async fn a_route_left_without_a_target_that_is_ever_picked_goes_too() {
    let weighted = route(
        json!({"keys": ["a"], "targets": [{"provider": "p"}, {"provider": "q", "weight": 0}]}),
    );
    let gateway = with_route(weighted).await;
    let done = gateway
        .ok("DELETE", "/providers/p?cascade=true", Value::Null)
        .await;
    assert_eq!(
        done["taken"],
        json!([{"kind": "route", "name": "r", "action": "deleted"}])
    );
    // One that can still be picked stays.
    let two = route(
        json!({"keys": ["a"], "targets": [{"provider": "p"}, {"provider": "q", "weight": 3}]}),
    );
    let gateway = with_route(two).await;
    let done = gateway
        .ok("DELETE", "/providers/p?cascade=true", Value::Null)
        .await;
    assert_eq!(
        done["taken"],
        json!([{"kind": "route", "name": "r", "action": "unbound"}])
    );
    let left = gateway.ok("GET", "/routes/r", Value::Null).await;
    assert_eq!(left["targets"], json!([{"provider": "q", "weight": 3}]));
}
