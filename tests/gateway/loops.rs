//! A gateway that is its own provider, directly or through another one, says so and sends nothing round.

use crate::harness::http;
use crate::kit::{Bench, chat, plan};

/// A gateway whose key `k` is served by the simulator, and its route `/round` to come by what [`leads`] plants.
fn bench() -> Bench {
    plan().start()
}

/// Makes `/round` of one gateway lead to `/round` of another.
fn leads(from: &Bench, to: &Bench) {
    from.gateway
        .provider("other", "openai-compatible", &to.url("/round/v1"), &to.key);
    from.gateway.ok(&[
        "route", "create", "round", "--path", "/round", "--to", "other/m",
    ]);
}

#[test]
fn a_gateway_that_is_its_own_provider_is_noticed_and_refused_with_508() {
    let bench = bench();
    leads(&bench, &bench);
    for (path, kind) in [
        ("/round/v1/chat/completions", "error"),
        ("/round/v1/messages", "error"),
    ] {
        let answer = bench.post(path, &chat("m", "x", false));
        assert_eq!(answer.status, 508, "{answer:?}");
        let said = answer.json()[kind]["message"].to_string();
        assert!(
            said.contains("the request has come back: this gateway is its own provider"),
            "{said}"
        );
    }
    // One request went in and one came round each time.
    let refused = bench
        .rows()
        .iter()
        .filter(|row| row["status"] == 508)
        .count();
    assert_eq!(refused, 4);
}

#[test]
fn a_loop_through_another_gateway_is_noticed_where_it_closes() {
    let (one, two) = (bench(), bench());
    leads(&one, &two);
    leads(&two, &one);
    let answer = one.post("/round", &chat("m", "x", false));
    assert_eq!(answer.status, 508, "{answer:?}");
    assert_eq!(one.rows().len(), 2);
    assert_eq!(two.rows().len(), 1);
}

#[test]
fn gateways_in_a_row_are_no_loop_and_other_proxies_are_not_told_on() {
    let (one, two) = (bench(), bench());
    one.gateway
        .provider("two", "openai-compatible", &two.url("/v1"), &two.key);
    one.gateway
        .ok(&["route", "create", "row", "--path", "/row", "--to", "two/m"]);
    let bearer = format!("Bearer {}", one.key);
    let ask = |via: &str| {
        let headers = [("authorization", bearer.as_str()), ("via", via)];
        http::post(
            &one.url("/row/v1/chat/completions"),
            &headers,
            &chat("m", "x", false),
        )
        .status
    };
    assert_eq!(ask("1.1 proxy.example"), 200);
    let requests = two.mock.requests();
    let via = requests[0].header("via").unwrap();
    assert_eq!(via.matches("1.1 gw-").count(), 2, "{via}");
    assert!(!via.contains("proxy.example"), "{via}");
    let five: Vec<String> = (0..5).map(|at| format!("1.1 gw-{at:016x}")).collect();
    assert_eq!(ask(&five.join(", ")), 508);
}
