//! What a caller chooses to call things is bounded, in what gw answers and in what it keeps.

use crate::kit::{FORMATS, chat, plan};
use serde_json::json;

#[test]
fn a_model_name_of_more_than_256_bytes_is_refused_and_a_long_one_shown_in_part() {
    let bench = plan().at("team", &["m/mock"]).at("asked", &["m"]).start();
    for (path, anthropic) in FORMATS {
        for (name, status) in [
            ("m".repeat(256), 200),
            ("\u{e9}".repeat(128), 200),
            ("m".repeat(257), 400),
            ("\u{e9}".repeat(129), 400),
            ("m".repeat(1 << 20), 400),
        ] {
            let answer = bench.post(&format!("/team{path}"), &chat(&name, "hello", false));
            assert_eq!(answer.status, status, "{path}: {answer:?}");
            if status == 400 {
                let error = &answer.json()["error"];
                let message = "`model` is longer than 256 bytes (fix: send the model's name alone)";
                assert_eq!(error["message"], message);
                assert!(anthropic || error["param"] == "model", "{error}");
                assert_eq!(bench.row(&answer)["requested_model"], json!(null));
            }
        }
    }
    let long = format!("mock-{}", "x".repeat(200));
    let answer = bench.post("/asked/v1/chat/completions", &chat(&long, "hello", false));
    assert_eq!(
        answer.header("x-gw-model"),
        Some(&long[..128]),
        "{answer:?}"
    );
    let model = bench.row(&answer)["model"].as_str().unwrap().to_owned();
    assert!(model.starts_with(&long[..127]), "{model}");
}

#[test]
fn names_of_fields_that_are_left_out_are_shown_in_part() {
    let bench = plan().at("team", &["a/mock"]).start();
    let mut body = chat("mock", "hello", false);
    body["x".repeat(1 << 20)] = json!(1);
    body["caf\u{e9}"] = json!(1);
    let answer = bench.post("/team/v1/chat/completions", &body);
    let want = format!("{}, caf\\u{{e9}}", "x".repeat(64));
    assert_eq!(
        (answer.status, answer.header("x-gw-dropped")),
        (200, Some(want.as_str())),
        "{answer:?}"
    );
    for at in 0..1000 {
        body[format!("{at:0>60}")] = json!(1);
    }
    let answer = bench.post("/team/v1/chat/completions", &body);
    let header = answer.header("x-gw-dropped").unwrap();
    assert!(header.len() < 2200 && header.ends_with(" more"), "{header}");
    assert!(bench.row(&answer)["dropped"].to_string().len() < 8 << 10);
}
