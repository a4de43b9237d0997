//! Embeddings from one format into the other, whole bodies compared, and back.

#![allow(clippy::unwrap_used)]

use crate::error::Error;
use crate::formats::{Embeds, FORMATS, Format, ReplyContext, Seen, named, spelling};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const OPENAI: &str = "openai-embeddings";
const COHERE: &str = "cohere-embed";

fn row(name: &str) -> (&'static Format, &'static dyn Embeds) {
    let format = named(name).unwrap();
    (format, format.embeds.unwrap())
}

/// What an upstream is sent, and what is listed.
fn sent(from: &str, to: &str, body: &Value) -> Result<(Value, Vec<String>), Error> {
    let (caller, from) = row(from);
    let embed = from.read_request(body.to_string().as_bytes());
    let written = embed.and_then(|embed| row(to).1.write_request(&embed, "theirs"));
    let written = spelling::in_words_of(caller, written)?;
    Ok((
        serde_json::from_slice(&written.body).unwrap(),
        written.dropped,
    ))
}

/// What a caller gets of an upstream's answer to this request.
fn shown(from: &str, to: &str, request: &Value, answer: &Value) -> Value {
    let mut seen = Seen::default();
    let read = row(to)
        .1
        .read_reply(answer.to_string().as_bytes(), &mut seen);
    let context = ReplyContext {
        request_id: "req-1".into(),
        model: "shown".into(),
        request: request.to_string().into(),
        ..ReplyContext::default()
    };
    serde_json::from_slice(&row(from).1.write_reply(&read.unwrap(), &context)).unwrap()
}

#[test]
fn requests_say_the_same_in_both() {
    let asked = json!({"model": "m", "input": ["one", "two"], "encoding_format": "base64", "dimensions": 256, "user": "u", "quantum": 1});
    let (body, dropped) = sent(OPENAI, COHERE, &asked).unwrap();
    let expected = json!({"model": "theirs", "texts": ["one", "two"], "input_type": "search_document", "embedding_types": ["float"], "output_dimension": 256});
    assert_eq!(body, expected);
    assert_eq!(dropped, ["quantum", "input_type (adapted)", "user"]);
    let asked = json!({"model": "m", "input": "one", "input_type": "query"});
    let (body, dropped) = sent(OPENAI, COHERE, &asked).unwrap();
    assert_eq!(
        (&body["texts"], &body["input_type"], dropped),
        (&json!(["one"]), &json!("search_query"), vec![])
    );
    let asked = json!({"model": "m", "texts": ["one"], "input_type": "search_query", "embedding_types": ["float", "base64"], "output_dimension": 256, "truncate": "NONE"});
    let (body, dropped) = sent(COHERE, OPENAI, &asked).unwrap();
    let expected =
        json!({"model": "theirs", "input": ["one"], "encoding_format": "float", "dimensions": 256});
    assert_eq!(body, expected);
    assert_eq!(dropped, ["truncate", "input_type"]);
    // As texts, whichever way they were given.
    let asked = json!({"model": "m", "inputs": [{"content": [{"type": "text", "text": "one"}]}], "input_type": "clustering"});
    let (body, _) = sent(COHERE, OPENAI, &asked).unwrap();
    assert_eq!(body["input"], json!(["one"]));
}

#[test]
fn what_cannot_be_carried_is_refused_by_its_name() {
    for (from, to, body, field) in [
        (OPENAI, COHERE, json!({"input": [1, 2]}), "input"),
        (OPENAI, COHERE, json!({"input": [[1, 2], [3]]}), "input"),
        (OPENAI, COHERE, json!({"input": 3}), "input"),
        (OPENAI, COHERE, json!({"input": ["a", 3]}), "input[1]"),
        (OPENAI, COHERE, json!({}), "input"),
        (
            OPENAI,
            COHERE,
            json!({"input": "a", "encoding_format": "int8"}),
            "encoding_format",
        ),
        (COHERE, OPENAI, json!({"texts": ["a"]}), "input_type"),
        (COHERE, OPENAI, json!({"input_type": "image"}), "texts"),
        (
            COHERE,
            OPENAI,
            json!({"texts": ["a"], "input_type": "search_query", "embedding_types": ["float", "int8"]}),
            "embedding_types",
        ),
        (
            COHERE,
            OPENAI,
            json!({"images": ["data:image/png;base64,AAAA"], "input_type": "image"}),
            "images",
        ),
        (
            COHERE,
            OPENAI,
            json!({"texts": ["a"], "input_type": "poetry"}),
            "input_type",
        ),
    ] {
        let error = sent(from, to, &body).unwrap_err();
        assert_eq!(error.param.as_deref(), Some(field), "{from}: {body}");
    }
}

#[test]
fn vectors_come_as_they_were_asked_for() {
    let cohere = json!({"id": "e", "embeddings": {"float": [[0.5, -1.25], [1.0, 2.0]]}, "texts": ["a", "b"], "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7}}, "response_type": "embeddings_by_type"});
    let usage = json!({"prompt_tokens": 7, "total_tokens": 7});
    let one = |index: u64, embedding: Value| json!({"object": "embedding", "index": index, "embedding": embedding});
    for (asked, first, second) in [
        (json!({}), json!([0.5, -1.25]), json!([1.0, 2.0])),
        (
            json!({"encoding_format": "base64"}),
            json!("AAAAPwAAoL8="),
            json!("AACAPwAAAEA="),
        ),
    ] {
        let expected = json!({"object": "list", "data": [one(0, first), one(1, second)], "model": "shown", "usage": usage});
        assert_eq!(shown(OPENAI, COHERE, &asked, &cohere), expected);
    }
    // In the order of the inputs, however they came and were spelt.
    let openai = json!({"object": "list", "data": [one(1, json!([1.0, 2.0])), one(0, json!("AAAAPwAAoL8="))], "model": "theirs", "usage": usage});
    let asked = json!({"texts": ["a", "b"], "embedding_types": ["base64", "float"]});
    let expected = json!({"id": "req-1", "embeddings": {"float": [[0.5, -1.25], [1.0, 2.0]], "base64": ["AAAAPwAAoL8=", "AACAPwAAAEA="]},
        "texts": ["a", "b"], "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7}}, "response_type": "embeddings_by_type"});
    assert_eq!(shown(COHERE, OPENAI, &asked, &openai), expected);
}

#[test]
fn an_error_in_place_of_vectors_is_one() {
    for (name, body) in [
        (OPENAI, json!({"error": {"message": "x"}})),
        (COHERE, json!({"id": "e", "message": "x"})),
        (COHERE, json!({"error": "x"})),
    ] {
        let (format, embeds) = row(name);
        let (mut seen, mut observed) = (Seen::default(), Seen::default());
        let body = body.to_string();
        assert!(
            embeds.read_reply(body.as_bytes(), &mut seen).is_err(),
            "{name}"
        );
        (format.observe_reply)(body.as_bytes(), &mut observed);
        for seen in [seen, observed] {
            assert_eq!(seen.fault.unwrap().message, "x", "{name}");
        }
    }
}

const KEYS: [&str; 8] = [
    "input",
    "texts",
    "images",
    "inputs",
    "data",
    "embeddings",
    "input_type",
    "embedding_types",
];
const VALUES: [&str; 8] = [
    "null",
    "[]",
    "[{}]",
    "[[]]",
    "[1]",
    "{\"float\":[]}",
    "\"x\"",
    "-1",
];

proptest! {
    #[test]
    fn readers_survive_anything(body in any::<String>(), key in select(&KEYS[..]), value in select(&VALUES[..])) {
        for format in FORMATS {
            let Some(embeds) = format.embeds else {
                continue;
            };
            for body in [&body, &format!("{{\"{key}\":{value}}}")] {
                _ = embeds.read_request(body.as_bytes());
                _ = embeds.read_reply(body.as_bytes(), &mut Seen::default());
            }
        }
    }
}
