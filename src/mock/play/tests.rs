//! One file of conversations, played through every format.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::Play;
use crate::mock::tests::{exchange, json_of};
use crate::mock::{Mock, Settings};
use serde_json::{Value, json};

/// Reads a file, edits it, and says so.
fn task() -> Play {
    serde_json::from_value(json!({"default": "A title", "conversations": [
        {"when": {"text": "mend the greeting"}, "turns": [
            {"think": "Look first.", "calls": [{"name": "read", "arguments": {"path": "a.txt"}}, {"name": "list"}]},
            {"text": "Now the edit.", "calls": [{"name": "patch", "input": "*** Begin Patch\n"}]},
            {"text": "Done."}
        ]},
        {"turns": [{"text": "First."}, {"text": "Second."}]}
    ]}))
    .unwrap()
}

fn start() -> Mock {
    let settings = Settings {
        play: Some(task()),
        ..Settings::default()
    };
    Mock::start(settings).unwrap()
}

const NAMES: [&str; 3] = ["read", "list", "patch"];
const FREE: &str = "{\"input\":\"*** Begin Patch\\n\"}";

fn parameters(name: &str) -> Value {
    let property = if name == "patch" { "input" } else { "path" };
    json!({"type": "object", "properties": {property: {"type": "string"}}})
}

/// What a reply says: its texts, and its calls' ids, names and arguments.
type Told = (String, Vec<(String, String, String)>);

/// What all three turns say in a format; `free`: the arguments of the free-text tool in it.
fn whole(ids: [&str; 3], free: &str) -> Vec<Told> {
    let call = |id: &str, name: &str, arguments: &str| {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    };
    vec![
        (
            String::new(),
            vec![
                call(ids[0], "read", "{\"path\":\"a.txt\"}"),
                call(ids[1], "list", "{}"),
            ],
        ),
        ("Now the edit.".into(), vec![call(ids[2], "patch", free)]),
        ("Done.".into(), Vec::new()),
    ]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Plays until an answer without calls: `read` tells an answer, `more` puts it and the results into the request.
fn play(
    path: &str,
    mut body: Value,
    read: impl Fn(&Value) -> Told,
    more: impl Fn(&mut Value, &Value, &Told),
) -> Vec<Told> {
    let mock = start();
    let mut all = Vec::new();
    while all.len() < 9 {
        let answer = json_of(&exchange(&mock, path, "", &body).0);
        let told = read(&answer);
        let over = told.1.is_empty();
        more(&mut body, &answer, &told);
        all.push(told);
        if over {
            break;
        }
    }
    all
}

fn push(list: &mut Value, item: Value) {
    list.as_array_mut().unwrap().push(item);
}

#[test]
fn one_file_plays_through_chat() {
    let tools: Vec<Value> = NAMES.iter().map(|name| json!({"type": "function", "function": {"name": name, "parameters": parameters(name)}})).collect();
    let body = json!({"model": "mock", "tools": tools, "messages": [{"role": "user", "content": "Please mend the greeting, call read"}]});
    let read = |answer: &Value| {
        let message = &answer["choices"][0]["message"];
        let calls = message["tool_calls"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let calls = calls.iter().map(|call| {
            (
                text(&call["id"]),
                text(&call["function"]["name"]),
                text(&call["function"]["arguments"]),
            )
        });
        (text(&message["content"]), calls.collect())
    };
    let more = |body: &mut Value, answer: &Value, told: &Told| {
        push(
            &mut body["messages"],
            answer["choices"][0]["message"].clone(),
        );
        for (id, ..) in &told.1 {
            push(
                &mut body["messages"],
                json!({"role": "tool", "tool_call_id": id, "content": "ok"}),
            );
        }
    };
    let ids = ["call_mock_0", "call_mock_1", "call_mock_2"];
    assert_eq!(
        play("/v1/chat/completions", body, read, more),
        whole(ids, FREE)
    );
}

#[test]
fn one_file_plays_through_responses() {
    let tool = |name: &str| match name {
        "patch" => json!({"type": "custom", "name": name}),
        _ => json!({"type": "function", "name": name, "parameters": parameters(name)}),
    };
    let tools: Vec<Value> = NAMES.into_iter().map(tool).collect();
    let body = json!({"model": "mock", "tools": tools, "store": false, "input": [{"role": "user", "content": "Please mend the greeting"}]});
    let read = |answer: &Value| {
        let mut told = Told::default();
        for item in answer["output"].as_array().unwrap() {
            match item["type"].as_str().unwrap() {
                "message" => told.0 = text(&item["content"][0]["text"]),
                "reasoning" => assert_eq!(item["summary"][0]["text"], "Look first."),
                kind => {
                    let field = if kind == "custom_tool_call" {
                        "input"
                    } else {
                        "arguments"
                    };
                    told.1.push((
                        text(&item["call_id"]),
                        text(&item["name"]),
                        text(&item[field]),
                    ));
                }
            }
        }
        told
    };
    let more = |body: &mut Value, answer: &Value, _: &Told| {
        for item in answer["output"].as_array().unwrap() {
            if item["type"] == "reasoning" {
                continue;
            }
            push(&mut body["input"], item.clone());
            // Parallel calls each with its own output right behind.
            if item["type"] != "message" {
                let kind = format!("{}_output", text(&item["type"]));
                push(
                    &mut body["input"],
                    json!({"type": kind, "call_id": item["call_id"], "output": "ok"}),
                );
            }
        }
    };
    let ids = ["call_mock_0", "call_mock_1", "call_mock_2"];
    assert_eq!(
        play("/v1/responses", body, read, more),
        whole(ids, "*** Begin Patch\n")
    );
}

#[test]
fn one_file_plays_through_messages() {
    let tools: Vec<Value> = NAMES
        .iter()
        .map(|name| json!({"name": name, "input_schema": parameters(name)}))
        .collect();
    let body = json!({"model": "mock", "max_tokens": 1000, "tools": tools, "messages": [{"role": "user", "content": "Please mend the greeting"}]});
    let read = |answer: &Value| {
        let mut told = Told::default();
        for block in answer["content"].as_array().unwrap() {
            match block["type"].as_str().unwrap() {
                "text" => told.0 = text(&block["text"]),
                "tool_use" => told.1.push((
                    text(&block["id"]),
                    text(&block["name"]),
                    block["input"].to_string(),
                )),
                _ => assert_eq!(block["thinking"], "Look first."),
            }
        }
        told
    };
    let more = |body: &mut Value, answer: &Value, told: &Told| {
        push(
            &mut body["messages"],
            json!({"role": "assistant", "content": answer["content"]}),
        );
        let results: Vec<Value> = told
            .1
            .iter()
            .map(|(id, ..)| json!({"type": "tool_result", "tool_use_id": id, "content": "ok"}))
            .collect();
        push(
            &mut body["messages"],
            json!({"role": "user", "content": results}),
        );
    };
    let ids = ["toolu_mock_0", "toolu_mock_1", "toolu_mock_2"];
    assert_eq!(play("/v1/messages", body, read, more), whole(ids, FREE));
}

#[test]
fn one_file_plays_through_gemini() {
    let tools: Vec<Value> = NAMES
        .iter()
        .map(|name| json!({"name": name, "parametersJsonSchema": parameters(name)}))
        .collect();
    let body = json!({"tools": [{"functionDeclarations": tools}], "contents": [
        {"role": "user", "parts": [{"text": "Where we are: here."}]}, {"role": "model", "parts": [{"text": "Got it."}]},
        {"role": "user", "parts": [{"text": "Please mend the greeting"}]}]});
    let read = |answer: &Value| {
        let mut told = Told::default();
        for part in answer["candidates"][0]["content"]["parts"]
            .as_array()
            .unwrap()
        {
            let call = &part["functionCall"];
            if call.is_object() {
                told.1
                    .push((String::new(), text(&call["name"]), call["args"].to_string()));
            } else if part["thought"] != true {
                told.0 = text(&part["text"]);
            }
        }
        told
    };
    let more = |body: &mut Value, answer: &Value, told: &Told| {
        push(
            &mut body["contents"],
            answer["candidates"][0]["content"].clone(),
        );
        let results: Vec<Value> = told.1.iter().map(|(_, name, _)| json!({"functionResponse": {"name": name, "response": {"output": "ok"}}})).collect();
        push(
            &mut body["contents"],
            json!({"role": "user", "parts": results}),
        );
    };
    assert_eq!(
        play("/v1beta/models/mock:generateContent", body, read, more),
        whole([""; 3], FREE)
    );
}

#[test]
fn side_requests_get_the_plain_answer_and_text_turns_need_no_tools() {
    let mock = start();
    let said = |body: &Value| {
        text(
            &json_of(&exchange(&mock, "/v1/chat/completions", "", body).0)["choices"][0]["message"]
                ["content"],
        )
    };
    let mut body = json!({"model": "mock", "messages": [{"role": "user", "content": "A word."}]});
    for turn in ["First.", "Second.", "A title"] {
        assert_eq!(said(&body), turn);
        push(
            &mut body["messages"],
            json!({"role": "assistant", "content": turn}),
        );
        push(
            &mut body["messages"],
            json!({"role": "user", "content": "And?"}),
        );
    }
    let schema = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}});
    body["response_format"] = schema;
    assert_eq!(said(&body), "{\"n\":1}");
}

#[test]
fn a_call_that_is_demanded_is_made_beside_the_script() {
    let mock = Mock::start(Settings {
        play: Some(serde_json::from_value(json!({"conversations": []})).unwrap()),
        ..Settings::default()
    })
    .unwrap();
    let tools: Value = ["title", "other"]
        .map(|name| json!({"type": "function", "function": {"name": name, "parameters": parameters("path")}}))
        .into();
    let called = |choice: Value| {
        let body = json!({"model": "mock", "messages": [{"role": "user", "content": "call title"}], "tools": tools, "tool_choice": choice});
        let answer = json_of(&exchange(&mock, "/v1/chat/completions", "", &body).0);
        answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"].clone()
    };
    assert_eq!(called(json!("auto")), Value::Null);
    assert_eq!(called(json!("required")), "title");
    let other = json!({"type": "function", "function": {"name": "other"}});
    assert_eq!(called(other), "other");
}

#[test]
fn what_is_played_again_is_the_same_to_the_last_id() {
    let mock = start();
    let body = json!({"model": "mock", "input": "A word.", "stream": true});
    let first = exchange(&mock, "/v1/responses", "", &body);
    mock.forget();
    assert_eq!(exchange(&mock, "/v1/responses", "", &body), first);
}

#[test]
fn files_are_read_as_toml_too_and_mistakes_are_named() {
    let directory = std::env::temp_dir().join(format!("gw-play-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = |name: &str, text: &str| {
        let file = directory.join(name);
        std::fs::write(&file, text).unwrap();
        Play::open(&file)
    };
    let toml = "default = 'A title'\n[[conversations]]\nwhen.tools = ['read']\n[[conversations.turns]]\ntext = 'Hi.'\n[[conversations.turns.calls]]\nname = 'read'\narguments = { path = 'a.txt' }\n";
    let json = json!({"default": "A title", "conversations": [{"when": {"tools": ["read"]}, "turns": [{"text": "Hi.", "calls": [{"name": "read", "arguments": {"path": "a.txt"}}]}]}]});
    assert_eq!(file("a.toml", toml), file("a.json", &json.to_string()));
    assert!(
        file("b.json", "{\"conversations\": [{\"turn\": []}]}")
            .unwrap_err()
            .contains("`turn`")
    );
    assert!(
        Play::open(&directory.join("none.json"))
            .unwrap_err()
            .starts_with("cannot be read: ")
    );
    std::fs::remove_dir_all(&directory).unwrap();
}
