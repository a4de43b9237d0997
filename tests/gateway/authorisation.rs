//! Who may use which route, asked with real requests by every key before and after each change: nothing that is taken
//! away, bound otherwise or turned off lets in a key that was kept out, unless the change says so.

use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

/// What each key gets at `/v1` and below `/team`: the route that serves it, or a refusal's status. Anna has two keys, Bob
/// one: `anna-1 | anna-2 | bob-1`.
fn seen(bench: &Bench) -> String {
    let before = bench.mock.requests().len();
    let (mut keys, mut served) = (Vec::new(), 0);
    for key in ["anna-1", "anna-2", "bob-1"] {
        let cells = ["/v1/chat/completions", "/team/v1/chat/completions"].map(|path| {
            let (secret, body) = (bench.secret(key), chat("mock", "hello", false));
            let answer = bench.gateway.post(path, secret, &body);
            if answer.status != 200 {
                return answer.status.to_string();
            }
            served += 1;
            answer.header("x-gw-route").unwrap().to_owned()
        });
        keys.push(cells.join(" "));
    }
    let upstream = bench.mock.requests().len() - before;
    assert_eq!(upstream, served, "a refused request went upstream");
    keys.join(" | ")
}

/// A gateway with these routes, and what each key gets at first and after each of the commands.
fn check(routes: &[(&str, Value)], first: &str, commands: &[(&str, &str)]) {
    let mut plan = plan()
        .item("user", "anna", json!({}))
        .item("user", "bob", json!({}))
        .key("anna-1", json!({"user": "anna"}))
        .key("anna-2", json!({"user": "anna"}))
        .key("bob-1", json!({"user": "bob"}));
    for (name, spec) in routes {
        let mut spec = spec.clone();
        if spec.get("targets").is_none() {
            spec["targets"] = json!([{"provider": "m"}]);
        }
        plan = plan.route(name, spec);
    }
    let bench = plan.start();
    let mut got = vec![format!("at first: {}", seen(&bench))];
    let mut expected = vec![format!("at first: {first}")];
    for (command, after) in commands {
        bench.gateway.ok(&command.split(' ').collect::<Vec<_>>());
        got.push(format!("{command}: {}", seen(&bench)));
        expected.push(format!("{command}: {after}"));
    }
    assert_eq!(got, expected, "{routes:?}");
}

#[test]
fn a_cascade_that_takes_the_last_key_or_user_of_a_route_opens_it_to_nobody() {
    for (route, first, command, after) in [
        (
            json!({"keys": ["anna-1"]}),
            "r 404 | 403 404 | 403 404",
            "key delete anna-1 --cascade -y",
            "401 404 | 403 404 | 403 404",
        ),
        (
            json!({"users": ["anna"]}),
            "r 404 | r 404 | 403 404",
            "user delete anna --cascade -y",
            "401 404 | 401 404 | 403 404",
        ),
        (
            json!({"path": "/team", "keys": ["anna-1"]}),
            "403 r | 403 403 | 403 403",
            "key delete anna-1 --cascade -y",
            "401 404 | 403 404 | 403 404",
        ),
        (
            json!({"path": "/team", "keys": ["anna-1", "anna-2"]}),
            "403 r | 403 r | 403 403",
            "user delete anna --cascade -y",
            "401 404 | 401 404 | 403 404",
        ),
        (
            json!({"path": "/team", "users": ["anna"]}),
            "403 r | 403 r | 403 403",
            "user delete anna --cascade -y",
            "401 404 | 401 404 | 403 404",
        ),
        (
            json!({"path": "/team", "keys": ["anna-1"], "users": ["anna", "bob"]}),
            "403 r | 403 403 | 403 403",
            "key delete anna-1 --cascade -y",
            "401 404 | 403 404 | 403 404",
        ),
        (
            json!({"path": "/team", "keys": ["anna-1", "bob-1"], "users": ["anna"]}),
            "403 r | 403 403 | 403 403",
            "user delete anna --cascade -y",
            "401 404 | 401 404 | 403 404",
        ),
        (
            json!({"keys": ["anna-1"], "users": ["anna"]}),
            "r 404 | 403 404 | 403 404",
            "delete key/anna-1 --cascade -y",
            "401 404 | 403 404 | 403 404",
        ),
        (
            json!({"path": "/team", "keys": ["anna-1", "bob-1"]}),
            "403 r | 403 403 | 403 r",
            "delete user/anna key/bob-1 --cascade -y",
            "401 404 | 401 404 | 401 404",
        ),
    ] {
        check(&[("r", route)], first, &[(command, after)]);
    }
}

#[test]
fn a_cascade_leaves_a_route_to_the_rest_of_its_keys_and_users_alone() {
    for (route, first, command, after) in [
        (
            json!({"path": "/team", "keys": ["anna-1", "bob-1"]}),
            "403 r | 403 403 | 403 r",
            "key delete anna-1 --cascade -y",
            "401 401 | 403 403 | 403 r",
        ),
        (
            json!({"keys": ["anna-1", "bob-1"]}),
            "r 404 | 403 404 | r 404",
            "user delete anna --cascade -y",
            "401 404 | 401 404 | r 404",
        ),
        (
            json!({"path": "/team", "users": ["anna", "bob"]}),
            "403 r | 403 r | 403 r",
            "user delete bob --cascade -y",
            "403 r | 403 r | 401 401",
        ),
        (
            json!({"path": "/team", "keys": ["anna-1", "bob-1"], "users": ["anna", "bob"]}),
            "403 r | 403 403 | 403 r",
            "user delete bob --cascade -y",
            "403 r | 403 403 | 401 401",
        ),
        (
            json!({"path": "/team"}),
            "403 r | 403 r | 403 r",
            "user delete bob --cascade -y",
            "403 r | 403 r | 401 401",
        ),
        (
            json!({"keys": ["anna-1"], "targets": [{"provider": "a"}, {"provider": "m"}]}),
            "r 404 | 403 404 | 403 404",
            "provider delete a --cascade -y",
            "r 404 | 403 404 | 403 404",
        ),
        (
            json!({"path": "/team", "users": ["anna"], "targets": [{"provider": "a", "weight": 1}, {"provider": "m", "weight": 0}]}),
            "403 r | 403 r | 403 403",
            "provider delete a --cascade -y",
            "403 404 | 403 404 | 403 404",
        ),
    ] {
        check(&[("r", route)], first, &[(command, after)]);
    }
}

#[test]
fn a_cascade_leaves_keys_to_the_other_routes_that_were_theirs() {
    let routes = [
        (
            "own",
            json!({"path": "/team", "keys": ["anna-1"], "targets": [{"provider": "a"}]}),
        ),
        ("team", json!({"path": "/team", "users": ["anna"]})),
        ("bobs", json!({"users": ["bob"]})),
    ];
    check(
        &routes,
        "403 own | 403 team | bobs bobs",
        &[
            (
                "provider delete a --cascade -y",
                "403 team | 403 team | bobs bobs",
            ),
            ("route delete team -y", "403 404 | 403 404 | bobs 404"),
            (
                "provider delete m --cascade -y",
                "403 404 | 403 404 | 403 404",
            ),
        ],
    );
}

#[test]
fn a_route_set_to_other_keys_users_or_paths_takes_those_and_no_others() {
    check(
        &[("r", json!({"keys": ["anna-1"]}))],
        "r 404 | 403 404 | 403 404",
        &[
            ("route set r --key bob-1", "403 404 | 403 404 | r 404"),
            ("route set r --user anna", "403 404 | 403 404 | 403 404"),
            (
                "route set r --key anna-1 --key anna-2",
                "r 404 | r 404 | 403 404",
            ),
            ("route set r --path /team", "403 r | 403 r | 403 403"),
            ("route set r --user bob", "403 403 | 403 403 | 403 403"),
            (
                "route set r --key bob-1 --key anna-1",
                "403 403 | 403 403 | 403 r",
            ),
        ],
    );
}

#[test]
fn a_key_set_to_another_user_has_that_users_routes() {
    check(
        &[
            ("annas", json!({"users": ["anna"]})),
            ("bobs", json!({"path": "/team", "users": ["bob"]})),
            ("both", json!({"keys": ["anna-2"], "users": ["anna"]})),
        ],
        "annas annas | both both | 403 bobs",
        &[
            (
                "key set anna-2 --user bob",
                "annas annas | 403 bobs | 403 bobs",
            ),
            (
                "user delete anna --cascade -y",
                "401 401 | 403 bobs | 403 bobs",
            ),
            (
                "user delete bob --cascade -y",
                "401 404 | 401 404 | 401 404",
            ),
        ],
    );
}

#[test]
fn what_is_disabled_serves_nobody_and_comes_back_as_it_was() {
    check(
        &[
            ("annas", json!({"users": ["anna"]})),
            (
                "team",
                json!({"path": "/team", "keys": ["anna-1", "bob-1"], "targets": [{"provider": "a"}]}),
            ),
        ],
        "annas team | annas annas | 403 team",
        &[
            ("key disable anna-1", "401 401 | annas annas | 403 team"),
            ("key enable anna-1", "annas team | annas annas | 403 team"),
            ("user disable anna", "401 401 | 401 401 | 403 team"),
            ("user enable anna", "annas team | annas annas | 403 team"),
            ("route disable team", "annas 404 | annas 404 | 403 404"),
            ("route enable team", "annas team | annas annas | 403 team"),
            ("provider disable a", "annas 503 | annas annas | 403 503"),
            ("provider enable a", "annas team | annas annas | 403 team"),
            ("key revoke anna-1 -y", "401 401 | annas annas | 403 team"),
        ],
    );
}

/// As a variable that is not set comes out.
#[test]
fn an_empty_key_or_user_opens_no_route() {
    let bench = plan()
        .route(
            "r",
            json!({"path": "/team", "keys": ["k"], "targets": [{"provider": "m"}]}),
        )
        .key("other", json!({}))
        .start();
    for (args, flag, list) in [
        (&["route", "set", "r", "--key", ""][..], "key", "keys"),
        (
            &["route", "set", "r", "--key", "k", "--key", " "],
            "key",
            "keys",
        ),
        (&["route", "set", "r", "--user", ""], "user", "users"),
        (
            &[
                "route", "create", "s", "--path", "/s", "--user=", "--to", "m",
            ],
            "user",
            "users",
        ),
    ] {
        let ran = bench.gateway.cli(args);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr),
            (
                Some(2),
                "",
                format!(
                    "error: --{flag} is empty\n  fix: name one; where everything is meant, say `{list} = []` in a file for `gw apply`\n"
                )
            )
        );
    }
    // The same of what a key or a provider is held to.
    let until = bench.gateway.ok(&[
        "key",
        "set",
        "k",
        "--expires",
        "90d",
        "-o",
        "value=.expires",
    ]);
    for (args, said) in [
        (
            &["key", "set", "k", "--expires", ""][..],
            "--expires is empty",
        ),
        (
            &["provider", "set", "m", "--models", ""],
            "--models is empty",
        ),
        (
            &["provider", "set", "m", "--environments", ""],
            "--environments is empty",
        ),
    ] {
        let ran = bench.gateway.cli(args);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    assert_eq!(
        bench
            .gateway
            .ok(&["key", "get", "k", "-o", "value=.expires"]),
        until
    );
    bench.gateway.ok(&["key", "set", "k", "--expires", "never"]);
    let shown = bench.gateway.cli(&["key", "get", "k", "-o", "json"]).json();
    assert_eq!(shown["expires"], Value::Null, "{shown}");
    assert_eq!(
        bench.gateway.ok(&["route", "get", "-o", "name"]),
        "route/k\nroute/r\n"
    );
    let other = || {
        let body = chat("mock", "hello", false);
        bench
            .gateway
            .post("/team/v1/chat/completions", bench.secret("other"), &body)
            .status
    };
    assert_eq!(other(), 403);
    // What the hint says works.
    let file = bench.gateway.path("open.toml");
    std::fs::write(
        &file,
        "[[route]]\nname = 'r'\npath = '/team'\nkeys = []\ntargets = [{provider = 'm'}]\n",
    )
    .unwrap();
    bench.gateway.ok(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(other(), 200);
}
