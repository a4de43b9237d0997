//! What becomes of requests, point by point of "Which route takes a request" in the documentation.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::testing::{digest, snapshot};
use super::*;
use crate::chat::Op;
use serde_json::{Value, json};
use std::sync::LazyLock;

static NONE: LazyLock<Fields> = LazyLock::new(Fields::default);

/// A request of key `k` for a chat with `m`, unless said otherwise.
fn ask() -> Ask<'static> {
    Ask {
        model: Some("m"),
        tokens: 10,
        ..Ask::of_head("/v1/chat/completions", &NONE, 0)
    }
}

/// `ROUTE: PROVIDER/MODEL, … (not PROVIDER/MODEL: why; …)`, or `STATUS message`.
fn outcome(snapshot: &Snapshot, key: &str, ask: &Ask<'_>) -> String {
    let caller = snapshot.caller_named(key).unwrap();
    let name = |provider: usize| &snapshot.providers[provider].name;
    match plan(
        snapshot,
        Context {
            caller,
            ask: *ask,
            now: Moment::after_beginning(Duration::ZERO),
            dice: &mut Dice::new(1),
            turn: Turn::Next,
        },
    ) {
        Err(error) => format!("{} {}", error.kind.row().status, error.message),
        Ok(plan) => {
            let route = plan.route.as_ref().map_or("direct", |route| &*route.name);
            let attempts: Vec<String> = plan
                .attempts
                .iter()
                .map(|choice| format!("{}/{}", name(choice.provider), choice.model))
                .collect();
            let excluded: Vec<String> = plan
                .excluded
                .iter()
                .map(|out| {
                    format!(
                        "{}/{}: {}",
                        out.provider,
                        out.model.as_deref().unwrap_or("*"),
                        out.why
                    )
                })
                .collect();
            let not = if excluded.is_empty() {
                String::new()
            } else {
                format!(" (not {})", excluded.join("; "))
            };
            format!("{route}: {}{not}", attempts.join(", "))
        }
    }
}

/// Users `ann` and `bob`, keys `k` and `k2` of ann and `kb` of bob, providers `a` to `d`, and these.
fn snapshot_with(more: Value) -> Snapshot {
    let mut items = json!([
        {"kind": "user", "name": "ann"},
        {"kind": "user", "name": "bob"},
        {"kind": "key", "name": "k"},
        {"kind": "key", "name": "k2"},
        {"kind": "key", "name": "kb", "user": "bob"},
        {"kind": "provider", "name": "a"},
        {"kind": "provider", "name": "b"},
        {"kind": "provider", "name": "c", "vendor": "chat"},
        {"kind": "provider", "name": "d", "vendor": "openai"},
    ]);
    items
        .as_array_mut()
        .unwrap()
        .extend(more.as_array().unwrap().iter().cloned());
    snapshot(items)
}

/// A route to `a/NAME`, bound as the rest says.
fn route(name: &str, binding: Value) -> Value {
    let mut route =
        json!({"kind": "route", "name": name, "targets": [{"provider": "a", "model": name}]});
    route
        .as_object_mut()
        .unwrap()
        .extend(binding.as_object().unwrap().clone());
    route
}

#[test]
fn who_is_let_in() {
    let snapshot = snapshot(json!([
        {"kind": "user", "name": "ann"},
        {"kind": "user", "name": "eve", "enabled": false},
        {"kind": "key", "name": "good"},
        {"kind": "key", "name": "disabled", "enabled": false},
        {"kind": "key", "name": "of-disabled", "user": "eve"},
        {"kind": "key", "name": "of-nobody", "user": "gone"},
        {"kind": "key", "name": "revoked", "system": {"revoked": 5}},
        {"kind": "key", "name": "dated", "expires": "1970-01-01T00:00:01Z"},
    ]));
    let admitted = |name: &str, now: i64| {
        snapshot
            .caller(&digest(name), now)
            .is_some_and(|caller| caller.admitted(now))
    };
    for (name, expected) in [
        ("good", true),
        ("disabled", false),
        ("of-disabled", false),
        ("of-nobody", false),
        ("revoked", false),
        ("unknown", false),
        ("dated", true),
    ] {
        assert_eq!(admitted(name, 999), expected, "{name}");
    }
    assert!(!admitted("dated", 1_000), "expired to the millisecond");
}

#[test]
fn the_most_specific_route_decides() {
    let all = json!([
        route("path", json!({"path": "/x"})),
        route(
            "path-key",
            json!({"path": "/x", "keys": ["k2"], "priority": 9})
        ),
        route("deep", json!({"path": "/x/y", "users": ["ann"]})),
        route("key", json!({"keys": ["k"], "priority": 9})),
        route("user", json!({"users": ["ann", "bob"]})),
        route("user-late", json!({"users": ["ann"], "priority": 1})),
        route(
            "a-key-of-ann",
            json!({"keys": ["k2", "kb"], "users": ["ann"]})
        ),
        route("inactive", json!({"keys": ["k"], "enabled": false})),
    ]);
    let snapshot = snapshot_with(all);
    for (key, path, expected) in [
        ("k", None, "key"),
        ("k2", None, "a-key-of-ann"),
        ("kb", None, "user"),
        ("k", Some("/x/v1/chat/completions"), "path"),
        ("k", Some("/x"), "path"),
        ("k", Some("/x/y"), "deep"),
        ("kb", Some("/x/y"), "path"),
        ("k2", Some("/x"), "path-key"),
        ("k", Some("/xy"), "key"),
        ("k", Some("/other"), "key"),
    ] {
        let asked = Ask { path, ..ask() };
        assert_eq!(
            outcome(&snapshot, key, &asked),
            format!("{expected}: a/{expected}"),
            "{key} {path:?}"
        );
    }
}

#[test]
fn equally_specific_routes_go_by_priority_and_then_by_name() {
    for (routes, expected) in [
        (
            json!([
                route("b", json!({"keys": ["k"]})),
                route("c", json!({"keys": ["k"]}))
            ]),
            "b",
        ),
        (
            json!([
                route("c", json!({"keys": ["k"]})),
                route("b", json!({"keys": ["k"]}))
            ]),
            "b",
        ),
        (
            json!([
                route("b", json!({"keys": ["k"], "priority": 2})),
                route("c", json!({"keys": ["k"], "priority": 1}))
            ]),
            "c",
        ),
        (
            json!([
                route("b", json!({"keys": ["k"], "enabled": false})),
                route("c", json!({"keys": ["k"]}))
            ]),
            "c",
        ),
        (
            json!([
                route("b", json!({"path": "/x", "priority": 1})),
                route("c", json!({"path": "/x"}))
            ]),
            "c",
        ),
    ] {
        assert_eq!(
            outcome(
                &snapshot_with(routes.clone()),
                "k",
                &Ask {
                    path: Some("/x"),
                    ..ask()
                }
            ),
            format!("{expected}: a/{expected}"),
            "{routes}"
        );
    }
}

#[test]
fn the_model_asked_for_is_a_hint() {
    let snapshot = snapshot_with(json!([
        {"kind": "model", "name": "small", "provider": "b", "upstream_id": "b-small-2"},
        {"kind": "route", "name": "r", "keys": ["k"], "targets": [{"provider": "a", "model": "fixed"}, {"provider": "b"}]},
        {"kind": "route", "name": "s", "keys": ["k2"], "targets": [{"provider": "b", "model": "small"}]},
        {"kind": "route", "name": "t", "keys": ["kb"], "targets": [{"provider": "b"}]},
    ]));
    for (key, model, expected) in [
        ("k", Some("x"), "r: a/fixed, b/x"),
        ("k", Some("b/x"), "r: a/fixed, b/x"),
        ("k", Some("a/x"), "r: a/fixed, b/a/x"),
        ("k", Some("small"), "r: a/fixed, b/b-small-2"),
        (
            "k",
            None,
            "r: a/fixed (not b/*: takes the model as asked, and the request names none)",
        ),
        ("k2", None, "s: b/b-small-2"),
        (
            "kb",
            None,
            "400 the request names no model, and route `t` supplies none",
        ),
    ] {
        assert_eq!(
            outcome(&snapshot, key, &Ask { model, ..ask() }),
            expected,
            "{key} {model:?}"
        );
    }
}

/// An estimate alone refuses nobody: it has to be far over the window, and all there is to the prompt.
#[test]
fn an_estimate_rules_out_only_by_a_clear_margin_and_never_with_media() {
    let snapshot = snapshot(json!([
        {"kind": "user", "name": "ann"},
        {"kind": "key", "name": "k"},
        {"kind": "provider", "name": "t"},
        {"kind": "model", "name": "t/m", "provider": "t", "context_window": 100},
        {"kind": "route", "name": "r", "keys": ["k"], "targets": [{"provider": "t", "model": "m"}]}
    ]));
    let of = |tokens, media| {
        let ask = Ask {
            tokens,
            media,
            ..ask()
        };
        outcome(&snapshot, "k", &ask)
    };
    let out = "400 route `r` has no target left (`t/m`: request does not fit the context window of 100 tokens)";
    assert_eq!(of(101, false), "r: t/m");
    assert_eq!(of(200, false), "r: t/m");
    assert_eq!(of(201, false), out);
    assert_eq!(of(1_000_000, true), "r: t/m");
}

#[test]
fn what_takes_a_target_out() {
    let known = format!(
        "t/o1-mini: model lacks tools by the catalogue ({})",
        crate::catalog::dated()
    );
    let cases = [
        (json!([]), "gone", "gone/m: no such provider"),
        (
            json!([{"kind": "provider", "name": "t", "enabled": false}]),
            "t",
            "t/m: provider is disabled",
        ),
        (
            json!([{"kind": "provider", "name": "t", "environments": ["prod"]}]),
            "t",
            "t/m: provider is not active in the key's environment",
        ),
        (
            json!([{"kind": "provider", "name": "t", "models": ["gpt-*"]}]),
            "t",
            "t/m: provider does not expose the model",
        ),
        (
            json!([{"kind": "provider", "name": "t"}, {"kind": "model", "name": "t/m", "provider": "t", "enabled": false}]),
            "t",
            "t/m: model is disabled",
        ),
        (
            json!([{"kind": "provider", "name": "t"}, {"kind": "model", "name": "t/m", "provider": "t", "context_window": 4}]),
            "t",
            "t/m: request does not fit the context window of 4 tokens",
        ),
        (
            json!([{"kind": "provider", "name": "t"}, {"kind": "model", "name": "t/m", "provider": "t", "capabilities": ["images"]}]),
            "t",
            "t/m: model lacks tools",
        ),
        (
            json!([{"kind": "provider", "name": "t", "vendor": "openai"}, {"kind": "model", "name": "t/m", "provider": "t", "upstream_id": "o1-mini"}]),
            "t",
            &known,
        ),
        (
            json!([{"kind": "provider", "name": "t", "vendor": "unheard-of"}]),
            "t",
            "t/m: no such provider",
        ),
    ];
    for (mut more, target, why) in cases {
        let targets = json!([{"provider": target, "model": "m"}, {"provider": "a", "model": "m", "weight": 1}]);
        more.as_array_mut()
            .unwrap()
            .push(json!({"kind": "route", "name": "r", "keys": ["k"], "targets": targets}));
        more.as_array_mut().unwrap().push(
            json!({"kind": "route", "name": "alone", "keys": ["k2"], "targets": [targets[0]]}),
        );
        let asked = Ask {
            needs: Needs {
                tools: true,
                ..Needs::default()
            },
            ..ask()
        };
        let snapshot = snapshot_with(more);
        assert_eq!(
            outcome(&snapshot, "k", &asked),
            format!("r: a/m (not {why})")
        );
        let quoted = why.replacen(':', "`:", 1);
        // What the request itself rules out is the caller's to change.
        let status = if why.contains("lacks") || why.contains("context") {
            400
        } else {
            503
        };
        assert_eq!(
            outcome(&snapshot, "k2", &asked),
            format!("{status} route `alone` has no target left (`{quoted})")
        );
    }
}

#[test]
fn operations_and_weights_take_targets_out_too() {
    let snapshot = snapshot_with(json!([
        {"kind": "route", "name": "r", "keys": ["k"], "targets": [{"provider": "c", "model": "m"}, {"provider": "b", "model": "m", "weight": 0}, {"provider": "a", "model": "m"}]},
    ]));
    assert_eq!(
        outcome(
            &snapshot,
            "k",
            &Ask {
                op: Op::Embeddings,
                ..ask()
            }
        ),
        "r: a/m (not c/m: provider does not serve this kind of request; b/m: weight is 0)"
    );
    assert_eq!(
        outcome(&snapshot, "k", &ask()),
        "r: c/m, a/m (not b/m: weight is 0)"
    );
}

#[test]
fn calls_without_a_route() {
    let snapshot = snapshot_with(json!([
        {"kind": "provider", "name": "off", "enabled": false},
        {"kind": "provider", "name": "prod", "environments": ["prod"]},
        {"kind": "provider", "name": "listed", "models": ["gpt-4o", "only-here"]},
        {"kind": "model", "name": "a/own", "provider": "a"},
        {"kind": "model", "name": "b/own", "provider": "b"},
        {"kind": "model", "name": "a/bare", "provider": "a"},
        {"kind": "model", "name": "b/bare", "provider": "b", "enabled": false},
        {"kind": "model", "name": "b/gone", "provider": "b", "enabled": false},
        {"kind": "model", "name": "a/d/gpt-4o", "provider": "a"},
        {"kind": "key", "name": "any", "direct": ["*"]},
        {"kind": "key", "name": "of-a", "direct": ["a/*"]},
        {"kind": "key", "name": "of-d", "direct": ["d/*"]},
        {"kind": "key", "name": "bare", "direct": ["own", "*-here"]},
        {"kind": "route", "name": "inactive", "keys": ["any"], "enabled": false, "targets": [{"provider": "a"}]},
    ]));
    for (key, model, expected) in [
        (
            "k",
            "a/m",
            "403 no route takes requests of key `k`, and it may call no model directly",
        ),
        ("any", "a/m", "direct: a/m"),
        ("any", "bare", "direct: a/bare"),
        ("any", "own", "400 several providers serve `own`"),
        (
            "any",
            "unknown",
            "404 no provider serves the model `unknown`",
        ),
        ("any", "off/m", "404 no provider serves the model `off/m`"),
        ("any", "prod/m", "404 no provider serves the model `prod/m`"),
        (
            "any",
            "listed/m",
            "404 `listed/m` cannot be called: provider does not expose the model",
        ),
        (
            "any",
            "gone",
            "404 `gone` cannot be called: model is disabled",
        ),
        ("any", "only-here", "direct: listed/only-here"),
        ("any", "gpt-4o", "400 several providers serve `gpt-4o`"),
        ("of-a", "a/m", "direct: a/m"),
        ("of-a", "own", "direct: a/own"),
        ("of-a", "b/own", "403 key `of-a` may not call `b/own`"),
        ("of-d", "d/gpt-4o", "direct: d/gpt-4o"),
        ("of-d", "gpt-4o", "direct: d/gpt-4o"),
        (
            "of-d",
            "a/d/gpt-4o",
            "403 key `of-d` may not call `a/d/gpt-4o`",
        ),
        ("bare", "a/own", "direct: a/own"),
        ("bare", "only-here", "direct: listed/only-here"),
        ("bare", "gpt-4o", "403 key `bare` may not call `gpt-4o`"),
    ] {
        assert_eq!(
            outcome(
                &snapshot,
                key,
                &Ask {
                    model: Some(model),
                    ..ask()
                }
            ),
            expected,
            "{key} {model}"
        );
    }
    assert_eq!(
        outcome(
            &snapshot,
            "any",
            &Ask {
                model: None,
                ..ask()
            }
        ),
        "400 the request names no model, and no route supplies one"
    );
    let refused = outcome(
        &snapshot,
        "any",
        &Ask {
            model: Some("c/m"),
            op: Op::Embeddings,
            ..ask()
        },
    );
    assert_eq!(
        refused,
        "400 `c/m` cannot be called: provider does not serve this kind of request"
    );
}

#[test]
fn tiers_come_before_weights() {
    let snapshot = snapshot_with(
        json!([{"kind": "route", "name": "r", "keys": ["k"], "strategy": "split", "targets": [
            {"provider": "a", "model": "spare", "tier": 1, "weight": 1000},
            {"provider": "b", "model": "first"},
            {"provider": "c", "model": "last", "tier": 7},
        ]}]),
    );
    (0..50).for_each(|_| {
        assert_eq!(
            outcome(&snapshot, "k", &ask()),
            "r: b/first, a/spare, c/last"
        )
    });
}

#[test]
fn the_seed_is_that_of_the_route_that_decides() {
    let split = |name: &str, more: Value| {
        let mut route = route(name, more);
        route["strategy"] = "split".into();
        route["targets"] =
            json!([{"provider": "a", "model": "x"}, {"provider": "b", "model": "x"}]);
        route
    };
    let routes = json!([
        split("first", json!({"keys": ["k"], "seed": 1})),
        split("path", json!({"path": "/x", "seed": 2}))
    ]);
    let on_path = Ask {
        path: Some("/x"),
        ..ask()
    };
    let draws = |snapshot: &Snapshot, ask: &Ask<'_>| -> Vec<String> {
        (0..20).map(|_| outcome(snapshot, "k", ask)).collect()
    };
    let (one, two) = (snapshot_with(routes.clone()), snapshot_with(routes.clone()));
    // Requests in between that another route takes change nothing.
    let expected = draws(&one, &on_path);
    let mixed: Vec<String> = (0..20)
        .map(|_| {
            outcome(&two, "k", &ask());
            outcome(&two, "k", &on_path)
        })
        .collect();
    assert_eq!(mixed, expected);
    assert!(
        expected.iter().any(|draw| draw == "path: a/x, b/x")
            && expected.iter().any(|draw| draw == "path: b/x, a/x"),
        "{expected:?}"
    );
    // A change of records does not start the sequence again; a change of the seed does.
    let fresh = snapshot_with(routes.clone());
    let first: Vec<String> = (0..10).map(|_| outcome(&fresh, "k", &on_path)).collect();
    let records = testing::records(json!([]));
    assert!(testing::after(&fresh, 2, records).paths().is_empty());
    let mut items = json!([{"kind": "user", "name": "ann"}, {"kind": "key", "name": "k"}, {"kind": "provider", "name": "a"}, {"kind": "provider", "name": "b"}]);
    items
        .as_array_mut()
        .unwrap()
        .extend(routes.as_array().unwrap().iter().cloned());
    let changed = testing::after(&fresh, 2, testing::records(items.clone()));
    let second: Vec<String> = (0..10).map(|_| outcome(&changed, "k", &on_path)).collect();
    assert_eq!([first, second].concat(), expected);
    items[5]["seed"] = 3.into();
    let reseeded = testing::after(&changed, 3, testing::records(items));
    assert_eq!(reseeded.paths()[0].own.turns.count(), 0);
}

#[test]
fn a_condition_that_does_not_hold_makes_a_route_as_if_it_were_not_there() {
    let all = json!([
        route("streams", json!({"keys": ["k"], "when": "stream"})),
        route(
            "others",
            json!({"users": ["ann"], "when": "model == \"m\""})
        ),
    ]);
    let snapshot = snapshot_with(all);
    let stream = Ask {
        stream: true,
        ..ask()
    };
    let neither = Ask {
        model: Some("x"),
        ..ask()
    };
    assert_eq!(outcome(&snapshot, "k", &stream), "streams: a/streams");
    assert_eq!(outcome(&snapshot, "k", &ask()), "others: a/others");
    assert_eq!(
        outcome(&snapshot, "k", &neither),
        "403 no route takes this request of key `k`: the condition of `streams` does not hold"
    );
}

#[test]
fn rules_give_targets_and_a_route_may_have_none_of_its_own() {
    let rules = json!([
        {"when": "stream", "targets": [{"provider": "b", "model": "s"}]},
        {"when": "stream || model == \"m\"", "targets": [{"provider": "d", "model": "r"}, {"provider": "a", "model": "r"}]},
    ]);
    let snapshot = snapshot_with(json!([
        {"kind": "route", "name": "r", "keys": ["k"], "rules": rules},
    ]));
    let stream = Ask {
        stream: true,
        ..ask()
    };
    let neither = Ask {
        model: Some("x"),
        ..ask()
    };
    assert_eq!(outcome(&snapshot, "k", &stream), "r: b/s");
    assert_eq!(outcome(&snapshot, "k", &ask()), "r: d/r, a/r");
    assert_eq!(
        outcome(&snapshot, "k", &neither),
        "403 no rule of route `r` takes this request, and it has no targets of its own"
    );
}

#[test]
fn a_target_that_is_there_twice_is_tried_once() {
    let snapshot = snapshot_with(json!([
        {"kind": "route", "name": "r", "keys": ["k"], "targets": [
            {"provider": "a", "model": "m"}, {"provider": "b"}, {"provider": "a"}, {"provider": "a", "model": "m"}, {"provider": "b", "model": "n"}]},
    ]));
    assert_eq!(
        outcome(&snapshot, "k", &ask()),
        "r: a/m, b/m, b/n (not a/*: the same target comes earlier; a/m: the same target comes earlier)"
    );
}

#[test]
fn a_target_written_several_times_is_tried_once_whichever_has_a_weight() {
    let target = |weight: u32| json!({"provider": "a", "model": "m", "weight": weight});
    let snapshot = snapshot_with(json!([
        {"kind": "route", "name": "r", "keys": ["k"], "targets": [target(0), target(1), target(1), target(0)]},
    ]));
    assert_eq!(
        outcome(&snapshot, "k", &ask()),
        "r: a/m (not a/m: weight is 0; a/m: the same target comes earlier; a/m: weight is 0)"
    );
}
