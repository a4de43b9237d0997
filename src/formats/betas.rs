//! Which of Anthropic's features in beta a cloud takes that hosts its models: one it does not know makes the whole request
//! a 400 there, and clients name all they have with every request. What is not in this table is not named to a cloud, and
//! the caller is told. No cloud publishes a list; these are what clients and gateways found to be taken:
//! <https://github.com/BerriAI/litellm/blob/main/litellm/anthropic_beta_headers_config.json>,
//! <https://github.com/anthropics/claude-agent-sdk-typescript/issues/307>, <https://github.com/envoyproxy/ai-gateway/issues/2411>.

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Whatever is named passes.
    Maker,
    Bedrock,
    Vertex,
    /// Counting takes fewer than answering.
    VertexCount,
}

/// One feature, and who takes it.
struct Row {
    name: &'static str,
    /// What the clouds call it, where that is something else.
    called: Option<&'static str>,
    hosts: &'static [Host],
}

const BOTH: &[Host] = &[Host::Bedrock, Host::Vertex];
const ALL: &[Host] = &[Host::Bedrock, Host::Vertex, Host::VertexCount];

const fn row(name: &'static str, hosts: &'static [Host]) -> Row {
    Row {
        name,
        called: None,
        hosts,
    }
}

static TAKEN: &[Row] = &[
    Row {
        called: Some("tool-search-tool-2025-10-19"),
        ..row("advanced-tool-use-2025-11-20", BOTH)
    },
    row("compact-2026-01-12", BOTH),
    row("computer-use-2025-01-24", BOTH),
    row("computer-use-2025-11-24", BOTH),
    row("context-1m-2025-08-07", BOTH),
    row("context-management-2025-06-27", ALL),
    row("dangerous-tool-use-2026-09-03", BOTH),
    row("effort-2025-11-24", &[Host::Bedrock]),
    row("fine-grained-tool-streaming-2025-05-14", &[Host::Bedrock]),
    row("interleaved-thinking-2025-05-14", ALL),
    row("per-turn-control-2026-07-01", &[Host::Vertex]),
    row("thinking-binding-controls-2026-08-01", BOTH),
    row("thinking-display-updates-2026-08-18", BOTH),
    row("tool-search-tool-2025-10-19", BOTH),
    row("web-search-2025-03-05", &[Host::Vertex]),
];

/// What a host is to be told of a feature; `None`: nothing, it does not take it.
pub fn named(host: Host, feature: &str) -> Option<&str> {
    if host == Host::Maker {
        return Some(feature);
    }
    let row = TAKEN.iter().find(|row| row.name == feature)?;
    row.hosts
        .contains(&host)
        .then(|| row.called.unwrap_or(row.name))
}
