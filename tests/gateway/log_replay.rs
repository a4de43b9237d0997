//! `gw logs replay`: the logged request again, as it was or to other models, answers side by side; and what it refuses.

use crate::harness::Ran;
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

fn replay(bench: &Bench, args: &[&str]) -> Ran {
    let args = [&["logs", "replay"], args].concat();
    let mut command = bench.gateway.command(&args);
    command.env("GW_API_KEY", &bench.key);
    Ran::of(command, None, &args)
}

#[test]
fn it_is_sent_again_to_other_models_and_laid_side_by_side() {
    let bench = plan().start();
    for (path, stream) in [
        ("/v1/chat/completions", false),
        ("/v1/chat/completions", true),
        ("/v1/messages", true),
    ] {
        let asked = bench.post(path, &chat("gpt-4o-mini", "what is new?", stream));
        let id = bench.row(&asked)["id"].as_str().unwrap().to_owned();
        let all = replay(&bench, &[&id, "--model", "gpt-4o,mock-500", "-o", "json"]).json();
        assert_eq!(all["request_id"], json!(id));
        let answers = all["answers"].as_array().unwrap();
        let of = |name: &str| {
            answers
                .iter()
                .map(|it| it[name].clone())
                .collect::<Vec<Value>>()
        };
        assert_eq!(
            of("asked"),
            [json!("logged"), json!("gpt-4o"), json!("mock-500")]
        );
        assert_eq!(of("status"), [json!(200), json!(200), json!(500)], "{all}");
        assert_eq!(answers[1]["target"], json!("m/gpt-4o"));
        // The simulator's answers are alike.
        let text = answers[0]["text"].as_str().unwrap();
        assert!(!text.is_empty() && !text.contains("data:"), "{all}");
        assert_eq!(answers[1]["text"], answers[0]["text"], "{all}");
        assert_eq!(
            (&answers[1]["input"], &answers[1]["output"]),
            (&answers[0]["input"], &answers[0]["output"]),
            "{all}"
        );
        assert!(
            answers[2]["text"].as_str().unwrap().starts_with("error: "),
            "{all}"
        );
        let again = answers[1]["request_id"].as_str().unwrap();
        let sent = bench
            .gateway
            .cli(&["logs", "get", again, "--bodies", "-o", "json"])
            .json();
        let body: Value =
            serde_json::from_str(sent["content"]["request"]["text"].as_str().unwrap()).unwrap();
        assert_eq!(
            body,
            chat("gpt-4o", "what is new?", stream),
            "nothing but the model is otherwise"
        );
        let shown = replay(&bench, &[&id]).success();
        let heads = [
            "target",
            "status",
            "input",
            "output",
            "cost",
            "latency",
            "ttft",
            "logged",
            "gpt-4o-mini",
        ];
        assert!(heads.iter().all(|head| shown.contains(head)), "{shown}");
        assert!(
            shown.lines().all(|line| line.chars().count() <= 80),
            "{shown}"
        );
    }
}

#[test]
fn what_was_not_kept_or_makes_something_is_not_sent() {
    let bench = plan()
        .key("bare", json!({"log_content": "metadata"}))
        .route(
            "all",
            json!({"users": ["u"], "targets": [{"provider": "m"}]}),
        )
        .start();
    let asked = bench.gateway.post(
        "/v1/chat/completions",
        bench.secret("bare"),
        &chat("gpt-4o-mini", "x", false),
    );
    let id = bench.row(&asked)["id"].as_str().unwrap().to_owned();
    let before = bench.mock.requests().len();
    let refused = replay(&bench, &[&id]);
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("was not kept"),
        "{}",
        refused.stderr
    );
    let unknown = replay(&bench, &["req_nothing"]);
    assert_eq!(unknown.code, Some(3), "{}", unknown.stderr);
    let kept = bench.post("/v1/chat/completions", &chat("gpt-4o-mini", "x", false));
    let id = bench.row(&kept)["id"].as_str().unwrap().to_owned();
    let pathless = replay(&bench, &[&id, "--route", "all"]);
    assert!(
        pathless.stderr.contains("not bound to a path"),
        "{}",
        pathless.stderr
    );
    assert_eq!(bench.mock.requests().len(), before + 1);
}
