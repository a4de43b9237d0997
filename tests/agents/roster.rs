//! The agents that are run, a row each: where the program is, what a user sets so that it calls a gateway, what it is
//! asked to do, and what a model answers it. It knows nothing of gw: to an agent a gateway is an address and a key.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file that is to be changed, before and after.
pub const BEFORE: &str = "hello world\nsecond line\n";
pub const AFTER: &str = "goodbye world\nsecond line\n";
const TASK: &str = "Change hello.txt so that it says goodbye to the world.";

/// The formats an agent speaks and an upstream may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Chat,
    Responses,
    Messages,
    Gemini,
}

impl Format {
    pub const ALL: &[Format] = &[
        Format::Chat,
        Format::Responses,
        Format::Messages,
        Format::Gemini,
    ];
}

/// What an agent is told of the gateway, and where it lives.
pub struct Place<'a> {
    /// Its home, empty before [`Agent::settings`].
    pub home: &'a Path,
    /// Where it works; `hello.txt` is in it.
    pub work: &'a Path,
    /// The gateway's address, without a path.
    pub url: &'a str,
    pub key: &'a str,
}

pub struct Agent {
    pub name: &'static str,
    /// The format it speaks.
    pub format: Format,
    /// The model it asks for.
    pub model: &'static str,
    /// What it signs in with upstream, where that is its own.
    pub own_credential: Option<&'static str>,
    /// Below the test environment.
    program: fn(&Path) -> PathBuf,
    /// Files and variables, as docs/agents.md tells its readers.
    settings: fn(&Place<'_>, &mut Command),
    args: &'static [&'static str],
    /// What the model calls, as lines of the simulator's script: two to look, then one to change the file. None where the
    /// agent edits by text alone.
    calls: Option<fn(&Place<'_>) -> [Value; 3]>,
    /// What the model says in the end.
    says: &'static str,
}

pub const AIDER: Agent = Agent {
    name: "aider",
    format: Format::Chat,
    model: "agent-model",
    own_credential: None,
    program: |env| env.join("agents/python/bin/aider"),
    settings: |place, command| {
        command
            .env("OPENAI_API_BASE", format!("{}/v1", place.url))
            .env("OPENAI_API_KEY", place.key)
            // Prices and windows of models come with it and from the network otherwise.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        let caches = place.home.join(".aider/caches");
        write(
            &caches.join("model_prices_and_context_window.json"),
            &json!({"none": {}}).to_string(),
        );
    },
    args: &[
        "--model=openai/agent-model",
        "--edit-format=diff",
        "--no-git",
        "--yes-always",
        "--no-pretty",
        "--no-check-update",
        "--no-show-release-notes",
        "--no-show-model-warnings",
        "--no-suggest-shell-commands",
        "--analytics-disable",
        "--message",
        TASK,
        "hello.txt",
    ],
    // It offers no tools: edits are blocks of text.
    calls: None,
    says: "I change the greeting.\n\nhello.txt\n```\n<<<<<<< SEARCH\nhello world\n=======\ngoodbye world\n>>>>>>> REPLACE\n```\n",
};

pub const CLAUDE_CODE: Agent = Agent {
    name: "claude-code",
    format: Format::Messages,
    model: "claude-sonnet-4-5",
    own_credential: None,
    program: |env| package(env, "@anthropic-ai/claude-code-PLATFORM", "claude"),
    settings: |place, command| {
        command
            .env("ANTHROPIC_BASE_URL", place.url)
            .env("ANTHROPIC_AUTH_TOKEN", place.key)
            .env("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1")
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("CLAUDE_CODE_TMPDIR", place.home.join("tmp"))
            .env("DISABLE_AUTOUPDATER", "1");
    },
    args: &[
        "--print",
        TASK,
        "--model=claude-sonnet-4-5",
        "--allowedTools=Read,Edit",
    ],
    calls: Some(|place| {
        let file = place.work.join("hello.txt");
        [
            json!({"name": "Read", "arguments": {"file_path": file, "limit": 1}}),
            json!({"name": "Read", "arguments": {"file_path": file}}),
            json!({"name": "Edit", "arguments": {"file_path": file, "old_string": "hello world", "new_string": "goodbye world"}}),
        ]
    }),
    says: "Done.",
};

/// What Claude Code signs in with where it is used with a subscription.
const SUBSCRIPTION: &str = "sk-ant-oat01-a-callers-own-and-nobody-elses";

/// The same with a credential of its own, and the gateway's key beside it.
pub const CLAUDE_CODE_SUBSCRIBED: Agent = Agent {
    name: "claude-code with a subscription",
    own_credential: Some(SUBSCRIPTION),
    settings: |place, command| {
        command
            .env("ANTHROPIC_BASE_URL", place.url)
            .env("CLAUDE_CODE_OAUTH_TOKEN", SUBSCRIPTION)
            .env(
                "ANTHROPIC_CUSTOM_HEADERS",
                format!("x-gw-key: {}", place.key),
            )
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("CLAUDE_CODE_TMPDIR", place.home.join("tmp"))
            .env("DISABLE_AUTOUPDATER", "1");
    },
    ..CLAUDE_CODE
};

pub const CODEX: Agent = Agent {
    name: "codex",
    format: Format::Responses,
    // One of those it has facts of: only these get the tool with a grammar.
    model: "gpt-5.5",
    own_credential: None,
    program: |env| {
        let vendor = env.join("agents/node_modules/@openai/codex/vendor");
        let mut builds = std::fs::read_dir(&vendor).into_iter().flatten().flatten();
        builds
            .next()
            .map_or(vendor, |build| build.path().join("bin/codex"))
    },
    settings: |place, command| {
        let provider = r#"model_provider = "gw"

[model_providers.gw]
name = "gw"
base_url = "URL/v1"
env_key = "GW_KEY"
wire_api = "responses"
"#;
        codex(provider, place);
        command.env("GW_KEY", place.key);
    },
    args: &[
        "exec",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        TASK,
    ],
    calls: Some(|_| {
        [
            json!({"name": "exec_command", "arguments": {"cmd": "cat hello.txt"}}),
            json!({"name": "exec_command", "arguments": {"cmd": "ls"}}),
            json!({"name": "apply_patch", "input": "*** Begin Patch\n*** Update File: hello.txt\n@@\n-hello world\n+goodbye world\n second line\n*** End Patch\n"}),
        ]
    }),
    says: "Done.",
};

/// The same with OpenAI's own provider led elsewhere: it tries WebSockets first.
pub const CODEX_BUILT_IN: Agent = Agent {
    name: "codex with openai_base_url",
    settings: |place, command| {
        codex("openai_base_url = \"URL/v1\"\n", place);
        command.env("CODEX_API_KEY", place.key);
    },
    ..CODEX
};

fn codex(provider: &str, place: &Place<'_>) {
    let config = format!(
        r#"model = "gpt-5.5"
# A tool that only OpenAI's own models have.
web_search = "disabled"
{}
[features]
plugins = false

[analytics]
enabled = false
"#,
        provider.replace("URL", place.url)
    );
    write(&place.home.join(".codex/config.toml"), &config);
}

pub const COPILOT_CLI: Agent = Agent {
    name: "copilot-cli",
    format: Format::Chat,
    model: "agent-model",
    own_credential: None,
    program: |env| package(env, "@github/copilot-PLATFORM", "copilot"),
    settings: |place, command| {
        command
            .env("COPILOT_PROVIDER_BASE_URL", format!("{}/v1", place.url))
            .env("COPILOT_PROVIDER_API_KEY", place.key)
            .env("COPILOT_MODEL", "agent-model")
            .env("COPILOT_OFFLINE", "true");
    },
    args: &["--prompt", TASK, "--allow-all-tools", "--no-color"],
    calls: Some(|place| {
        let file = place.work.join("hello.txt");
        [
            json!({"name": "view", "arguments": {"path": file}}),
            json!({"name": "view", "arguments": {"path": place.work}}),
            json!({"name": "edit", "arguments": {"path": file, "old_str": "hello world", "new_str": "goodbye world"}}),
        ]
    }),
    says: "Done.",
};

pub const GEMINI_CLI: Agent = Agent {
    name: "gemini-cli",
    format: Format::Gemini,
    model: "gemini-2.5-flash",
    own_credential: None,
    program: |env| env.join("agents/node_modules/@google/gemini-cli/bundle/gemini.js"),
    settings: |place, command| {
        let settings = json!({
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false},
            "privacy": {"usageStatisticsEnabled": false},
            "telemetry": {"enabled": false},
        });
        write(
            &place.home.join(".gemini/settings.json"),
            &settings.to_string(),
        );
        command
            .env("GOOGLE_GEMINI_BASE_URL", place.url)
            .env("GEMINI_API_KEY", place.key)
            .env("GEMINI_CLI_TRUST_WORKSPACE", "true");
    },
    args: &["--model=gemini-2.5-flash", "--yolo", "--prompt", TASK],
    calls: Some(|_| {
        [
            json!({"name": "read_file", "arguments": {"file_path": "hello.txt"}}),
            json!({"name": "list_directory", "arguments": {"dir_path": "."}}),
            json!({"name": "replace", "arguments": {
                "file_path": "hello.txt",
                "instruction": "Say goodbye.",
                "old_string": "hello world",
                "new_string": "goodbye world",
            }}),
        ]
    }),
    says: "Done.",
};

pub const OPENCODE: Agent = Agent {
    name: "opencode",
    format: Format::Chat,
    model: "agent-model",
    own_credential: None,
    program: |env| package(env, "opencode-PLATFORM", "bin/opencode"),
    settings: |place, command| opencode("@ai-sdk/openai-compatible", "/v1", place, command),
    args: &["run", TASK],
    calls: Some(|_| {
        [
            json!({"name": "read", "arguments": {"filePath": "hello.txt"}}),
            json!({"name": "glob", "arguments": {"pattern": "*.txt"}}),
            json!({"name": "edit", "arguments": {"filePath": "hello.txt", "oldString": "hello world", "newString": "goodbye world"}}),
        ]
    }),
    says: "Done.",
};

/// The same through its adapter for another format.
pub const OPENCODE_MESSAGES: Agent = Agent {
    name: "opencode with @ai-sdk/anthropic",
    format: Format::Messages,
    settings: |place, command| opencode("@ai-sdk/anthropic", "/v1", place, command),
    ..OPENCODE
};

pub const OPENCODE_RESPONSES: Agent = Agent {
    name: "opencode with @ai-sdk/openai",
    format: Format::Responses,
    settings: |place, command| opencode("@ai-sdk/openai", "/v1", place, command),
    ..OPENCODE
};

pub const OPENCODE_GEMINI: Agent = Agent {
    name: "opencode with @ai-sdk/google",
    format: Format::Gemini,
    settings: |place, command| opencode("@ai-sdk/google", "/v1beta", place, command),
    ..OPENCODE
};

fn opencode(adapter: &str, version: &str, place: &Place<'_>, command: &mut Command) {
    let config = json!({
        "autoupdate": false,
        "share": "disabled",
        "model": "gw/agent-model",
        "small_model": "gw/agent-model",
        "provider": {"gw": {
            "npm": adapter,
            "options": {"baseURL": format!("{}{version}", place.url), "apiKey": "{env:GW_KEY}"},
            "models": {"agent-model": {"limit": {"context": 200_000, "output": 8_192}}},
        }},
    });
    write(
        &place.home.join(".config/opencode/opencode.json"),
        &config.to_string(),
    );
    command
        .env("GW_KEY", place.key)
        .env("OPENCODE_DISABLE_MODELS_FETCH", "1")
        // It would fetch what its plugins need, of which there are none here.
        .env("npm_config_registry", "http://127.0.0.1:9");
}

impl Agent {
    /// Its program, where it is installed.
    pub fn program(&self, environment: &Path) -> Option<PathBuf> {
        Some((self.program)(environment)).filter(|program| program.is_file())
    }

    /// It with its task, in an environment that holds nothing but what it needs.
    pub fn command(&self, program: &Path, place: &Place<'_>) -> Command {
        let mut command = if program.extension().is_some_and(|kind| kind == "js") {
            let mut node = Command::new("node");
            node.arg(program);
            node
        } else {
            Command::new(program)
        };
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", place.home)
            .env("TMPDIR", place.home.join("tmp"))
            .current_dir(place.work)
            .args(self.args);
        (self.settings)(place, &mut command);
        command
    }

    /// How the model leads it through the task, as the simulator's script: looking at once or one by one. What it asks
    /// on the side, with no tools or other ones, gets a plain text.
    pub fn script(&self, place: &Place<'_>, at_once: bool) -> Value {
        let mut turns = Vec::new();
        if let Some(calls) = self.calls {
            let [first, second, edit] = calls(place);
            let think = "I look first.";
            match at_once {
                true => turns.push(json!({"think": think, "calls": [first, second]})),
                false => turns.extend([
                    json!({"think": think, "calls": [first]}),
                    json!({"calls": [second]}),
                ]),
            }
            turns.push(json!({"text": "I have seen it.", "calls": [edit]}));
        }
        turns.push(json!({"text": self.says}));
        json!({"conversations": [{"when": {"text": TASK}, "turns": turns}], "default": "Greeting"})
    }
}

/// A file of a package that has one build for each platform.
fn package(environment: &Path, name: &str, file: &str) -> PathBuf {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    environment
        .join("agents/node_modules")
        .join(name.replace("PLATFORM", &format!("{system}-{machine}")))
        .join(file)
}

fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}
