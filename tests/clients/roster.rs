//! Every client that is run against gw, here or in tests/sdk.rs: what it is, what it speaks, how it is told another
//! address, and what of it is run. docs/clients.md is written from these rows.

use crate::harness::clients;
use std::path::PathBuf;

/// What a client does.
#[derive(Clone, Copy, PartialEq)]
pub enum Case {
    Plain,
    Stream,
    /// A stream of an answer in a schema, growing part by part.
    Parts,
    /// One tool, its result, another tool, the answer.
    Tools,
    ToolsStreamed,
    Structured,
}

/// Everything a client of models does.
const ALL: &[Case] = &[
    Case::Plain,
    Case::Stream,
    Case::Tools,
    Case::ToolsStreamed,
    Case::Structured,
];

/// Where its packages are.
#[derive(Clone, Copy)]
pub enum Environment {
    /// With the official clients of Python.
    Python,
    /// With frameworks that want the same clients below them.
    Frameworks(&'static str),
    /// With the coding agents.
    Agents,
    Node,
    /// What this version sends, by Python's own HTTP client: there is no Java here.
    Requests(&'static str),
}

/// A package of a client, and the format it speaks.
pub struct Package {
    pub name: &'static str,
    /// The names of gw's formats.
    pub speaks: &'static [&'static str],
    /// How it is told gw's address and key.
    pub told: &'static str,
}

pub struct Client {
    pub name: &'static str,
    /// The package of the framework itself.
    pub core: &'static str,
    /// In `tests/sdk/frameworks`.
    pub program: &'static str,
    pub environment: Environment,
    pub cases: &'static [Case],
    pub packages: &'static [Package],
}

/// A client that tests/sdk.rs runs.
pub struct Official {
    pub environment: Environment,
    pub package: &'static str,
    /// Which of the package's clients; empty: the usual one.
    pub class: &'static str,
    /// In words.
    pub speaks: &'static str,
    pub told: &'static str,
}

/// The makers' own clients.
pub const OFFICIAL: &[Official] = &[
    Official {
        environment: Environment::Python,
        package: "openai",
        class: "",
        speaks: "Chat Completions, Responses, embeddings, completions, images, audio, moderations, files, batches",
        told: r#"OpenAI(base_url="http://127.0.0.1:4000/v1", api_key=key)"#,
    },
    Official {
        environment: Environment::Node,
        package: "openai",
        class: "",
        speaks: "Chat Completions, Responses",
        told: r#"new OpenAI({ baseURL: "http://127.0.0.1:4000/v1", apiKey })"#,
    },
    Official {
        environment: Environment::Python,
        package: "anthropic",
        class: "",
        speaks: "Messages",
        told: r#"Anthropic(base_url="http://127.0.0.1:4000", api_key=key)"#,
    },
    Official {
        environment: Environment::Node,
        package: "@anthropic-ai/sdk",
        class: "",
        speaks: "Messages",
        told: r#"new Anthropic({ baseURL: "http://127.0.0.1:4000", apiKey })"#,
    },
    Official {
        environment: Environment::Python,
        package: "google-genai",
        class: "",
        speaks: "Gemini",
        told: r#"genai.Client(api_key=key, http_options={"base_url": "http://127.0.0.1:4000"})"#,
    },
    Official {
        environment: Environment::Node,
        package: "@google/genai",
        class: "",
        speaks: "Gemini",
        told: r#"new GoogleGenAI({ apiKey, httpOptions: { baseUrl: "http://127.0.0.1:4000" } })"#,
    },
    Official {
        environment: Environment::Python,
        package: "openai",
        class: "AzureOpenAI",
        speaks: "Chat Completions by deployment",
        told: r#"AzureOpenAI(azure_endpoint="http://127.0.0.1:4000", api_version="2024-10-21", api_key=key)"#,
    },
    Official {
        environment: Environment::Python,
        package: "anthropic",
        class: "AnthropicBedrock",
        speaks: "Messages as InvokeModel",
        told: r#"AnthropicBedrock(base_url="http://127.0.0.1:4000", api_key=key)"#,
    },
    Official {
        environment: Environment::Python,
        package: "anthropic",
        class: "AnthropicVertex",
        speaks: "Messages as rawPredict",
        told: r#"AnthropicVertex(base_url="http://127.0.0.1:4000/v1", access_token=key, project_id="p", region="global")"#,
    },
    Official {
        environment: Environment::Python,
        package: "anthropic",
        class: "AnthropicFoundry",
        speaks: "Messages",
        told: r#"AnthropicFoundry(base_url="http://127.0.0.1:4000", api_key=key)"#,
    },
    Official {
        environment: Environment::Python,
        package: "google-genai",
        class: "Vertex AI",
        speaks: "Gemini on Vertex AI's paths",
        told: r#"genai.Client(vertexai=True, project="p", location="global", credentials=Credentials(token=key), http_options={"base_url": "http://127.0.0.1:4000"})"#,
    },
    Official {
        environment: Environment::Python,
        package: "boto3",
        class: "",
        speaks: "Converse, InvokeModel",
        told: r#"boto3.client("bedrock-runtime", endpoint_url="https://127.0.0.1:4000"), AWS_BEARER_TOKEN_BEDROCK=key"#,
    },
    Official {
        environment: Environment::Python,
        package: "cohere",
        class: "",
        speaks: "Cohere's chat, embed, rerank",
        told: r#"cohere.ClientV2(api_key=key, base_url="http://127.0.0.1:4000")"#,
    },
];

/// In the order of the page.
pub const CLIENTS: &[&Client] = &[
    &LANGCHAIN,
    &LLAMA_INDEX,
    &LITELLM,
    &VERCEL_AI,
    &PYDANTIC_AI,
    &INSTRUCTOR,
    &OPENAI_AGENTS,
    &HAYSTACK,
    &LLM,
    &AIDER,
    &DSPY,
    &SPRING_AI,
];

const OPENAI: &[&str] = &["openai-chat", "openai-responses"];
const ANTHROPIC: &[&str] = &["anthropic-messages"];
const BOTH: &[&str] = &["openai-chat", "openai-responses", "anthropic-messages"];

pub const LANGCHAIN: Client = Client {
    name: "LangChain",
    core: "langchain",
    program: "langchain_.py",
    environment: Environment::Frameworks("current"),
    cases: ALL,
    packages: &[
        Package {
            name: "langchain-openai",
            speaks: OPENAI,
            told: r#"ChatOpenAI(base_url="http://127.0.0.1:4000/v1", api_key=key)"#,
        },
        Package {
            name: "langchain-anthropic",
            speaks: ANTHROPIC,
            told: r#"ChatAnthropic(base_url="http://127.0.0.1:4000", api_key=key)"#,
        },
    ],
};

pub const LLAMA_INDEX: Client = Client {
    name: "LlamaIndex",
    core: "llama-index-core",
    program: "llama_index_.py",
    environment: Environment::Frameworks("earlier"),
    cases: ALL,
    packages: &[
        Package {
            name: "llama-index-llms-openai",
            speaks: OPENAI,
            told: r#"OpenAI(api_base="http://127.0.0.1:4000/v1", api_key=key)"#,
        },
        Package {
            name: "llama-index-llms-anthropic",
            speaks: ANTHROPIC,
            told: r#"Anthropic(base_url="http://127.0.0.1:4000", api_key=key)"#,
        },
    ],
};

pub const LITELLM: Client = Client {
    name: "LiteLLM",
    core: "litellm",
    program: "litellm_.py",
    environment: Environment::Frameworks("earlier"),
    cases: ALL,
    packages: &[Package {
        name: "litellm",
        speaks: BOTH,
        told: r#"completion("openai/MODEL", api_base="http://127.0.0.1:4000/v1", api_key=key)"#,
    }],
};

pub const VERCEL_AI: Client = Client {
    name: "Vercel AI SDK",
    core: "ai",
    program: "vercel_ai.mjs",
    environment: Environment::Node,
    cases: ALL,
    packages: &[
        Package {
            name: "@ai-sdk/openai",
            speaks: OPENAI,
            told: r#"createOpenAI({ baseURL: "http://127.0.0.1:4000/v1", apiKey })"#,
        },
        Package {
            name: "@ai-sdk/anthropic",
            speaks: ANTHROPIC,
            told: r#"createAnthropic({ baseURL: "http://127.0.0.1:4000/v1", apiKey })"#,
        },
        Package {
            name: "@ai-sdk/openai-compatible",
            speaks: &["openai-chat"],
            told: r#"createOpenAICompatible({ name: "gw", baseURL: "http://127.0.0.1:4000/v1", apiKey })"#,
        },
    ],
};

pub const PYDANTIC_AI: Client = Client {
    name: "pydantic-ai",
    core: "pydantic-ai-slim",
    program: "pydantic_ai_.py",
    environment: Environment::Frameworks("current"),
    cases: ALL,
    packages: &[Package {
        name: "pydantic-ai-slim",
        speaks: BOTH,
        told: r#"OpenAIProvider(base_url="http://127.0.0.1:4000/v1", api_key=key)"#,
    }],
};

pub const INSTRUCTOR: Client = Client {
    name: "instructor",
    core: "instructor",
    program: "instructor_.py",
    environment: Environment::Frameworks("earlier"),
    // Loops of tools are left to the client below it.
    cases: &[Case::Plain, Case::Parts, Case::Structured],
    packages: &[Package {
        name: "instructor",
        speaks: BOTH,
        told: "from_openai(client)",
    }],
};

pub const OPENAI_AGENTS: Client = Client {
    name: "OpenAI Agents SDK",
    core: "openai-agents",
    program: "openai_agents.py",
    environment: Environment::Frameworks("current"),
    cases: ALL,
    packages: &[Package {
        name: "openai-agents",
        speaks: OPENAI,
        told: r#"OpenAIResponsesModel(model, AsyncOpenAI(base_url="http://127.0.0.1:4000/v1", api_key=key))"#,
    }],
};

pub const HAYSTACK: Client = Client {
    name: "Haystack",
    core: "haystack-ai",
    program: "haystack_.py",
    environment: Environment::Frameworks("current"),
    cases: ALL,
    packages: &[
        Package {
            name: "haystack-ai",
            speaks: OPENAI,
            told: r#"OpenAIChatGenerator(api_base_url="http://127.0.0.1:4000/v1", api_key=Secret.from_token(key))"#,
        },
        Package {
            name: "anthropic-haystack",
            speaks: ANTHROPIC,
            told: "ANTHROPIC_BASE_URL=http://127.0.0.1:4000",
        },
    ],
};

pub const LLM: Client = Client {
    name: "llm",
    core: "llm",
    program: "llm_.py",
    environment: Environment::Frameworks("llm"),
    cases: ALL,
    packages: &[
        Package {
            name: "llm",
            speaks: OPENAI,
            told: "api_base: http://127.0.0.1:4000/v1",
        },
        Package {
            name: "llm-anthropic",
            speaks: ANTHROPIC,
            told: "ANTHROPIC_BASE_URL=http://127.0.0.1:4000",
        },
    ],
};

pub const AIDER: Client = Client {
    name: "aider",
    core: "aider-chat",
    program: "aider_.py",
    environment: Environment::Agents,
    // It offers no tools and asks for no schemas.
    cases: &[Case::Plain, Case::Stream],
    packages: &[Package {
        name: "aider-chat",
        speaks: &["openai-chat", "anthropic-messages"],
        told: "OPENAI_API_BASE=http://127.0.0.1:4000/v1",
    }],
};

pub const DSPY: Client = Client {
    name: "DSPy",
    core: "dspy",
    program: "dspy_.py",
    environment: Environment::Frameworks("earlier"),
    cases: ALL,
    packages: &[Package {
        name: "dspy",
        speaks: BOTH,
        told: r#"dspy.LM("openai/MODEL", api_base="http://127.0.0.1:4000/v1", api_key=key)"#,
    }],
};

pub const SPRING_AI: Client = Client {
    name: "Spring AI",
    core: "spring-ai",
    program: "spring.py",
    environment: Environment::Requests("1.1"),
    cases: ALL,
    packages: &[Package {
        name: "spring-ai",
        speaks: &["openai-chat", "anthropic-messages"],
        told: "spring.ai.openai.base-url=http://127.0.0.1:4000",
    }],
};

impl Case {
    /// As the programs call it.
    pub fn name(self) -> &'static str {
        match self {
            Case::Plain => "plain",
            Case::Stream | Case::Parts => "stream",
            Case::Tools => "tools",
            Case::ToolsStreamed => "tools streamed",
            Case::Structured => "structured",
        }
    }
}

impl Environment {
    /// Where it is, once it is installed.
    pub fn place(self) -> Option<PathBuf> {
        let (place, done) = match self {
            Environment::Python | Environment::Requests(_) => ("python".into(), "python".into()),
            Environment::Frameworks(name) => {
                (format!("frameworks/{name}"), format!("frameworks/{name}"))
            }
            Environment::Agents => ("agents/python".into(), "agents".into()),
            Environment::Node => ("node".into(), "node".into()),
        };
        let all = clients::place();
        let place = all.join(place);
        (all.join(format!("{done}.done")).exists() && place.exists()).then_some(place)
    }

    /// The version of one of its packages, as it is pinned.
    pub fn pinned(self, package: &str) -> String {
        let list = match self {
            Environment::Requests(version) => return format!("{version} (its requests alone)"),
            Environment::Python => "sdk/python/requirements.txt".to_owned(),
            Environment::Frameworks(name) => format!("sdk/frameworks/{name}.txt"),
            Environment::Agents => "agents/requirements.txt".to_owned(),
            Environment::Node => "sdk/node/package.json".to_owned(),
        };
        let text = std::fs::read_to_string(clients::root().join("tests").join(&list)).unwrap();
        let version = match self {
            Environment::Node => {
                serde_json::from_str::<serde_json::Value>(&text).unwrap()["dependencies"][package]
                    .as_str()
                    .map(str::to_owned)
            }
            _ => text
                .lines()
                .filter_map(|line| line.split_once("=="))
                .find(|(name, _)| *name == package)
                .map(|(_, version)| version.split(' ').next().unwrap().to_owned()),
        };
        version.unwrap_or_else(|| panic!("{package} is not in {list}"))
    }

    /// The version that is installed.
    pub fn installed(self, package: &str) -> Option<String> {
        let place = self.place()?;
        if let Environment::Requests(_) = self {
            return None;
        }
        if let Environment::Node = self {
            let file = place
                .join("node_modules")
                .join(package)
                .join("package.json");
            let text = std::fs::read_to_string(file).ok()?;
            let package: serde_json::Value = serde_json::from_str(&text).unwrap();
            return package["version"].as_str().map(str::to_owned);
        }
        let start = format!("{}-", package.replace('-', "_"));
        let python = std::fs::read_dir(place.join("lib"))
            .ok()?
            .flatten()
            .next()?;
        let packages = std::fs::read_dir(python.path().join("site-packages")).ok()?;
        packages.flatten().find_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_suffix(".dist-info")?.strip_prefix(&start)?;
            Some(version.to_owned())
        })
    }
}
