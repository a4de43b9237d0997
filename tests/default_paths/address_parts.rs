//! Vendors whose address is another one for each customer: what of it a provider must say, may not say, and what comes
//! of it. The providers here are never called.

use super::home::{Home, Ran};

fn create(home: &Home, flags: &str) -> Ran {
    let made = ["provider", "create", "p", "--passthrough", "--verify=false"];
    let flags: Vec<&str> = flags.split(' ').collect();
    home.run(&[&made, &flags[..]].concat())
}

fn refused(error: &str, fix: &str) -> Ran {
    Ran {
        code: Some(2),
        out: String::new(),
        err: format!("error: {error}\n  fix: {fix}\n"),
    }
}

/// The address of a request for `model`, whose body is of `format`.
fn url(home: &Home, format: &str, model: &str) -> String {
    let body = r#"{"model":"m","max_tokens":9,"messages":[],"contents":[]}"#;
    std::fs::write(home.path("project/body.json"), body).unwrap();
    let to = format!("p/{model}");
    let check = ["request", "check", "-f", "body.json", "--to", &to];
    let ran = home.run(&[&check[..], &["--format", format, "-o", "value=.url"]].concat());
    assert_eq!(ran.code, Some(0), "{format} {model}: {}", ran.err);
    ran.out.trim_end().to_owned()
}

#[test]
fn what_an_address_wants_is_asked_for_by_its_flag() {
    let home = Home::new();
    let _serving = home.serve();
    for (flags, error, fix) in [
        (
            "--vendor azure",
            "vendor `azure` has an account in its address, and none is given",
            "give it with --account, for https://{account}.openai.azure.com",
        ),
        (
            "--vendor vertex --project p",
            "vendor `vertex` has a region in its address, and none is given",
            "give it with --region, for https://{region}-aiplatform.googleapis.com",
        ),
        (
            "--vendor vertex --region global",
            "vendor `vertex` has a project in its address, and none is given",
            "give it with --project, for /v1/projects/{project}/locations/{region}/publishers/anthropic/models/{model}:rawPredict",
        ),
        (
            "--vendor vertex --region global --base-url https://example.com",
            "vendor `vertex` has a project in its address, and none is given",
            "give it with --project, for /v1/projects/{project}/locations/{region}/publishers/anthropic/models/{model}:rawPredict",
        ),
        (
            "--vendor azure --account mine --region eu",
            "vendor `azure` has no place for a region in its address",
            "leave out --region",
        ),
        (
            "--vendor openai --account mine",
            "vendor `openai` has no place for an account in its address",
            "leave out --account",
        ),
        (
            "--vendor mistral --region mars",
            "vendor `mistral` has no region `mars` that gw knows",
            "there is eu, us; without --region it is at https://api.mistral.ai/v1",
        ),
        (
            "--vendor claude-aws --region us-west-2",
            "vendor `claude-aws` has an account in its address, and none is given",
            "give it with --account, for the header anthropic-workspace-id",
        ),
        (
            "--vendor bedrock --project p",
            "vendor `bedrock` has a region in its address, and none is given",
            "give it with --region, for https://bedrock-runtime.{region}.amazonaws.com",
        ),
        (
            "--vendor openai-compatible",
            "vendor `openai-compatible` has no address of its own",
            "give one with --base-url URL",
        ),
    ] {
        assert_eq!(create(&home, flags), refused(error, fix), "{flags}");
    }
    assert_eq!(home.run(&["provider", "get", "-o", "name"]).out, "");
}

#[test]
fn no_value_leads_to_another_host_or_path() {
    let home = Home::new();
    let _serving = home.serve();
    for value in [
        "evil.example/",
        "evil.example#",
        "evil.example?",
        "evil.example:80",
        "a@evil.example",
        "a/../b",
        "%2e",
        "..",
        ".",
        "-a",
        "a-",
        "a b",
        "{region}",
        "\u{e4}",
        "a\\b",
    ] {
        for (part, others, inner) in [
            ("account", ["--vendor", "azure"].as_slice(), "-_."),
            ("region", &["--vendor", "vertex", "--project", "p"], "-_"),
            ("project", &["--vendor", "vertex", "--region", "r"], "-_"),
        ] {
            let flag = format!("--{part}={value}");
            let made = ["provider", "create", "p", "--passthrough", &flag];
            assert_eq!(
                home.run(&[&made[..], others].concat()),
                refused(
                    &format!("{part} `{}` is not a plain name", value.escape_debug()),
                    &format!("letters and digits, and between them any of `{inner}`")
                ),
            );
        }
    }
    assert_eq!(
        create(&home, "--vendor vertex --project p --region a.b").code,
        Some(2)
    );
}

#[test]
fn requests_go_where_the_parts_say() {
    let home = Home::new();
    let _serving = home.serve();
    for (flags, format, model, at) in [
        (
            "--vendor azure --account mine",
            "openai-chat",
            "my model",
            "https://mine.openai.azure.com/openai/deployments/my%20model/chat/completions?api-version=2024-10-21",
        ),
        (
            "--vendor azure --base-url https://mine.cognitiveservices.azure.com",
            "openai-chat",
            "m",
            "https://mine.cognitiveservices.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21",
        ),
        (
            "--vendor vertex --region europe-west1 --project p-1",
            "gemini",
            "gemini-3-flash",
            "https://europe-west1-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west1/publishers/google/models/gemini-3-flash:generateContent",
        ),
        (
            "--vendor vertex --region global --project p-1",
            "gemini",
            "gemini-3-flash",
            "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/publishers/google/models/gemini-3-flash:generateContent",
        ),
        (
            "--vendor vertex --region eu --project p-1",
            "gemini",
            "gemini-3-flash",
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p-1/locations/eu/publishers/google/models/gemini-3-flash:generateContent",
        ),
        (
            "--vendor vertex --region global --project p-1",
            "anthropic-messages",
            "claude-sonnet-5",
            "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/publishers/anthropic/models/claude-sonnet-5:rawPredict",
        ),
        (
            "--vendor vertex --region global --project p-1",
            "openai-chat",
            "claude-sonnet-5",
            "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/publishers/anthropic/models/claude-sonnet-5:rawPredict",
        ),
        (
            "--vendor vertex --region global --project p-1",
            "gemini",
            "claude-sonnet-5",
            "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/publishers/anthropic/models/claude-sonnet-5:rawPredict",
        ),
        (
            "--vendor vertex --region global --project p-1",
            "openai-chat",
            "gemini-3-flash",
            "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/publishers/google/models/gemini-3-flash:generateContent",
        ),
        (
            "--vendor vertex --region global --project p-1",
            "openai-chat",
            "meta/llama-5-maas",
            "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/endpoints/openapi/chat/completions",
        ),
        (
            "--vendor vertex --region global --project p-1",
            "anthropic-messages",
            "meta/llama-5-maas",
            "https://aiplatform.googleapis.com/v1/projects/p-1/locations/global/endpoints/openapi/chat/completions",
        ),
        (
            "--vendor bedrock --region eu-central-1",
            "anthropic-messages",
            "eu.anthropic.claude-sonnet-5-v1:0",
            "https://bedrock-runtime.eu-central-1.amazonaws.com/model/eu.anthropic.claude-sonnet-5-v1%3A0/invoke",
        ),
        (
            "--vendor bedrock --region eu-central-1",
            "openai-chat",
            "openai.gpt-oss-120b-1:0",
            "https://bedrock-runtime.eu-central-1.amazonaws.com/openai/v1/chat/completions",
        ),
        (
            "--vendor bedrock --region cn-north-1",
            "openai-chat",
            "anthropic.claude-sonnet-5-v1:0",
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/anthropic.claude-sonnet-5-v1%3A0/invoke",
        ),
        (
            "--vendor bedrock-mantle --region us-east-1",
            "anthropic-messages",
            "anthropic.claude-sonnet-5",
            "https://bedrock-mantle.us-east-1.api.aws/anthropic/v1/messages",
        ),
        (
            "--vendor claude-aws --region us-west-2 --account wrkspc_1",
            "openai-chat",
            "claude-sonnet-5",
            "https://aws-external-anthropic.us-west-2.api.aws/v1/messages",
        ),
        (
            "--vendor foundry-anthropic --account mine",
            "anthropic-messages",
            "claude-sonnet-5",
            "https://mine.services.ai.azure.com/anthropic/v1/messages",
        ),
        (
            "--vendor azure-v1 --account mine",
            "openai-responses",
            "gpt-6",
            "https://mine.openai.azure.com/openai/v1/responses",
        ),
        (
            "--vendor snowflake --account org-name.eu-central-1",
            "anthropic-messages",
            "claude-sonnet-5",
            "https://org-name.eu-central-1.snowflakecomputing.com/api/v2/cortex/v1/messages",
        ),
        (
            "--vendor snowflake --account org-name",
            "anthropic-messages",
            "llama4-maverick",
            "https://org-name.snowflakecomputing.com/api/v2/cortex/v1/chat/completions",
        ),
        (
            "--vendor cloudflare --account 0123abcd",
            "openai-chat",
            "@cf/meta/llama-4",
            "https://api.cloudflare.com/client/v4/accounts/0123abcd/ai/v1/chat/completions",
        ),
        (
            "--vendor databricks --base-url https://dbc-1.cloud.databricks.com/serving-endpoints",
            "anthropic-messages",
            "claude",
            "https://dbc-1.cloud.databricks.com/serving-endpoints/anthropic/v1/messages",
        ),
        (
            "--vendor zai",
            "anthropic-messages",
            "glm-5",
            "https://api.z.ai/api/anthropic/v1/messages",
        ),
        (
            "--vendor zai --region cn",
            "openai-chat",
            "glm-5",
            "https://open.bigmodel.cn/api/paas/v4/chat/completions",
        ),
        (
            "--vendor vertex --region r --project p --base-url http://127.0.0.1:9/x",
            "gemini",
            "gemini-3-flash",
            "http://127.0.0.1:9/x/v1/projects/p/locations/r/publishers/google/models/gemini-3-flash:generateContent",
        ),
    ] {
        let made = create(&home, flags);
        assert_eq!(made.code, Some(0), "{flags}: {}", made.err);
        assert_eq!(url(&home, format, model), at, "{flags}");
        let base = home.run(&["provider", "get", "p", "-o", "value=.status.base_url"]);
        let host = |url: &str| url.split('/').nth(2).map(str::to_owned);
        assert_eq!(host(base.out.trim_end()), host(at), "{flags}");
        let gone = home.run(&["provider", "delete", "p", "-y"]);
        assert_eq!(gone.code, Some(0), "{}", gone.err);
    }
}
