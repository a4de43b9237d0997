//! What is said of vendors, and what their rows make of a request. The providers here are never called.

use super::home::Home;
use serde_json::{Value, json};

#[test]
fn the_list_of_vendors_says_what_could_not_be_checked() {
    let home = Home::new();
    let _serving = home.serve();
    let listed = home.run(&["provider", "vendors"]).out;
    let of = |name: &str| {
        let mut lines = listed.lines();
        let line = lines.find(|line| line.split_whitespace().next() == Some(name));
        let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
        words.join(" ")
    };
    for (name, line) in [
        ("NAME", "NAME VARIABLE WANTS EVIDENCE"),
        ("openai", "openai OPENAI_API_KEY - measured"),
        ("vertex", "vertex - region,project measured"),
        (
            "databricks",
            "databricks DATABRICKS_TOKEN base_url documented",
        ),
        ("hyperbolic", "hyperbolic HYPERBOLIC_API_KEY - unchecked"),
    ] {
        assert_eq!(of(name), line);
    }
    assert!(listed.lines().all(|line| line.len() <= 80), "{listed}");
    let wide = home.run(&["provider", "vendors", "-o", "wide"]).out;
    let heads: Vec<&str> = wide.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(
        heads,
        [
            "VENDOR",
            "FORMATS",
            "STREAMING",
            "TOOLS",
            "STRUCTURED",
            "EMBEDDINGS",
            "MODELS-LIST",
            "ALSO",
            "EVIDENCE",
            "DOCS"
        ]
    );
    let document = home.run(&["provider", "vendors", "-o", "json"]).out;
    let document: Value = serde_json::from_str(&document).unwrap();
    let items = document["items"].as_array().unwrap();
    let snowflake = items.iter().find(|item| item["name"] == "snowflake");
    assert_eq!(
        snowflake.unwrap(),
        &json!({
            "name": "snowflake", "title": "Snowflake Cortex", "env": "SNOWFLAKE_TOKEN", "machine": null, "local": false,
            "base_url": "https://{account}.snowflakecomputing.com/api/v2/cortex/v1",
            "wants": ["account"], "regions": [], "catalog": "", "lists_models": false,
            "formats": ["openai-chat", "anthropic-messages"], "chat_formats": ["openai-chat", "anthropic-messages"],
            "other_formats": [], "streaming": "documented", "tools": "documented",
            "structured": "schema, documented", "embeddings": false, "evidence": "documented",
            "docs": "https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api",
        })
    );
}

#[test]
fn a_translation_is_in_its_vendors_words() {
    let home = Home::new();
    let _serving = home.serve();
    let asked = json!({
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"seed": 7, "maxOutputTokens": 9, "responseLogprobs": true, "logprobs": 2},
    });
    std::fs::write(home.path("project/body.json"), asked.to_string()).unwrap();
    for (vendor, sent, dropped) in [
        (
            "mistral",
            json!({"random_seed": 7, "max_tokens": 9, "logprobs": true, "top_logprobs": 2}),
            json!([]),
        ),
        (
            "groq",
            json!({"seed": 7, "max_completion_tokens": 9}),
            json!(["generationConfig.responseLogprobs"]),
        ),
        (
            "together",
            json!({"seed": 7, "max_tokens": 9, "logprobs": true, "top_logprobs": 2}),
            json!([]),
        ),
    ] {
        let made = home.run(&[
            "provider",
            "create",
            vendor,
            "--vendor",
            vendor,
            "--passthrough",
            "--verify=false",
        ]);
        assert_eq!(made.code, Some(0), "{}", made.err);
        let to = format!("{vendor}/m");
        let check = ["request", "check", "-f", "body.json", "--format", "gemini"];
        let ran = home.run(&[&check[..], &["--to", &to, "-o", "json"]].concat());
        let answer: Value = serde_json::from_str(&ran.out).unwrap();
        let mut body = answer["sent"].clone();
        for name in ["model", "messages"] {
            body.as_object_mut().unwrap().remove(name);
        }
        assert_eq!((&body, &answer["dropped"]), (&sent, &dropped), "{vendor}");
    }
}

#[test]
fn a_cloud_without_a_credential_is_asked_for_one_with_the_machines_own_named() {
    let home = Home::new();
    let _serving = home.serve();
    let create = |flags: &str| {
        let flags: Vec<&str> = flags.split(' ').collect();
        let ran = home.run(&[&["--no-input", "provider", "create", "p"], &flags[..]].concat());
        (ran.code, ran.err)
    };
    for (flags, variable, machine) in [
        ("--vendor vertex --project p --region r", "VAR", "google"),
        (
            "--vendor bedrock --region r",
            "AWS_BEARER_TOKEN_BEDROCK",
            "aws",
        ),
        (
            "--vendor azure --account a",
            "AZURE_OPENAI_API_KEY",
            "azure",
        ),
    ] {
        let vendor = flags.split(' ').nth(1).unwrap();
        assert_eq!(
            create(flags),
            (
                Some(2),
                format!(
                    "error: vendor `{vendor}` wants a credential, and none was given\n  fix: add --credential-env {variable}, --credential-stdin, --credential-file FILE, --credential-ref env:{variable}, --credential-ref {machine}, or --passthrough\n"
                )
            )
        );
    }
}
