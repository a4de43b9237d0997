//! Each agent that is installed does one task: straight at the simulator, through gw where the upstream speaks the
//! agent's own format, and through gw where it speaks another one. The file must come out the same each time; where the
//! format is the same the upstream must be sent the same requests but for what gw owns.

use crate::compare::{self, Request};
use crate::harness::{Gateway, clients, skip};
use crate::roster::{self, Agent, Format, Place};
use crate::run::Stage;
use gw::mock::{Mock, Settings};
use std::path::PathBuf;

/// The model that routes ask upstream, whatever the agent asked for.
const UPSTREAM: &str = "upstream-model";

/// A simulator that leads an agent through its task, and where the agent runs.
struct Bench<'a> {
    agent: &'a Agent,
    program: PathBuf,
    stage: Stage,
    mock: Mock,
}

impl Bench<'_> {
    /// `None`, and the test skipped, where the agent is not installed. An agent that makes several calls at once runs
    /// them side by side, and puts what came of them in any order: runs that are compared make one after the other.
    fn of(agent: &Agent, at_once: bool) -> Option<Bench<'_>> {
        let Some(program) = agent.program(&clients::place()) else {
            skip::skip(&format!(
                "{} is not installed; run scripts/setup-tests.sh",
                agent.name
            ));
            return None;
        };
        let stage = Stage::new();
        let (home, work) = (stage.home(), stage.work());
        let place = Place {
            home: &home,
            work: &work,
            url: "",
            key: "",
        };
        let mock = Mock::start(Settings {
            play: Some(serde_json::from_value(agent.script(&place, at_once)).unwrap()),
            expect_credential: agent.own_credential.map(str::to_owned),
            ..Settings::default()
        });
        Some(Bench {
            agent,
            program,
            stage,
            mock: mock.unwrap(),
        })
    }

    /// One run at this address: the requests that came to the simulator.
    #[track_caller]
    fn run(&self, url: &str, key: &str, how: &str) -> Vec<Request> {
        self.said(url, key, how);
        compare::requests(&self.mock.requests())
    }

    /// The same: what the agent wrote to stderr.
    #[track_caller]
    fn said(&self, url: &str, key: &str, how: &str) -> String {
        self.mock.forget();
        self.stage.run(self.agent, &self.program, url, key, how)
    }

    #[track_caller]
    fn direct(&self) -> Vec<Request> {
        self.run(&self.mock.url(), "sk-direct", "direct")
    }

    /// A gateway before an upstream of this format, and a key for it.
    #[track_caller]
    fn gateway(&self, upstream: Format) -> (Gateway, String) {
        let gateway = Gateway::start();
        let (vendor, base) = upstream.vendor();
        let base = format!("{}{base}", self.mock.url());
        gateway.provider("up", vendor, &base, "sk-upstream");
        gateway.ok(&["provider", "set", "up", "--formats", upstream.name()]);
        let to = format!("up/{UPSTREAM}");
        let key = gateway.key_with_route("agent", &["--to", &to, "--retries", "0"]);
        (gateway, key)
    }

    #[track_caller]
    fn through(&self, upstream: Format) -> Vec<Request> {
        let (gateway, key) = self.gateway(upstream);
        self.run(&gateway.url, &key, &format!("before {upstream:?}"))
    }

    /// Own format: the same requests. Direct runs before and after, so that what time alone changes is told apart.
    #[track_caller]
    fn same_format(&self) {
        let before = self.direct();
        let through = self.through(self.agent.format);
        let after = self.direct();
        let own = |request: &Request| Request {
            text: self.agent.format.without_owned(
                &request.text,
                self.agent.model,
                UPSTREAM,
                before[0].text.contains("\"stream_options\""),
            ),
        };
        let through: Vec<Request> = through.iter().map(own).collect();
        if let Some(difference) = compare::difference([&before, &after], &through) {
            panic!("{} through gw: {difference}", self.agent.name);
        }
    }

    /// Another format: the upstream was spoken to in it, as often.
    #[track_caller]
    fn other_format(&self, upstream: Format) {
        let requests = self.through(upstream);
        let path = upstream.path();
        assert!(!requests.is_empty());
        for request in &requests {
            assert!(request.text.contains(path), "{path}: {}", request.text);
        }
    }
}

impl Format {
    /// Its name to gw.
    fn name(self) -> &'static str {
        match self {
            Format::Chat => "openai-chat",
            Format::Responses => "openai-responses",
            Format::Messages => "anthropic-messages",
            Format::Gemini => "gemini",
        }
    }

    /// A vendor that speaks it, and what its address ends in.
    fn vendor(self) -> (&'static str, &'static str) {
        match self {
            Format::Chat | Format::Responses => ("openai", "/v1"),
            Format::Messages => ("anthropic-compatible", "/v1"),
            Format::Gemini => ("gemini-compatible", ""),
        }
    }

    /// What its requests' paths have and others' have not.
    fn path(self) -> &'static str {
        match self {
            Format::Chat => "/chat/completions",
            Format::Responses => "/responses",
            Format::Messages => "/messages",
            Format::Gemini => ":streamGenerateContent",
        }
    }

    /// A request with the spans that gw owns as the agent had them.
    fn without_owned(self, text: &str, asked: &str, upstream: &str, usage: bool) -> String {
        let text = match self {
            Format::Gemini => text.replacen(
                &format!("/models/{upstream}:"),
                &format!("/models/{asked}:"),
                1,
            ),
            _ => ["\"model\":\"", "\"model\": \""]
                .iter()
                .fold(text.to_owned(), |text, member| {
                    text.replacen(
                        &format!("{member}{upstream}\""),
                        &format!("{member}{asked}\""),
                        1,
                    )
                }),
        };
        match usage {
            true => text,
            false => text.replacen("\"stream_options\":{\"include_usage\":true},", "", 1),
        }
    }
}

#[track_caller]
fn same_format(agent: &Agent) {
    if let Some(bench) = Bench::of(agent, false) {
        bench.same_format();
    }
}

#[track_caller]
fn other_formats(agent: &Agent) {
    if let Some(bench) = Bench::of(agent, true) {
        for upstream in Format::ALL {
            if *upstream != agent.format {
                bench.other_format(*upstream);
            }
        }
    }
}

#[test]
fn aider_edits_through_gw_with_the_same_requests() {
    same_format(&roster::AIDER);
}

#[test]
fn aider_edits_on_upstreams_of_other_formats() {
    other_formats(&roster::AIDER);
}

#[test]
fn claude_code_edits_through_gw_with_the_same_requests() {
    same_format(&roster::CLAUDE_CODE);
}

#[test]
fn claude_code_edits_on_upstreams_of_other_formats() {
    other_formats(&roster::CLAUDE_CODE);
}

#[test]
fn claude_code_keeps_the_credential_of_a_subscription() {
    let Some(bench) = Bench::of(&roster::CLAUDE_CODE_SUBSCRIBED, true) else {
        return;
    };
    let gateway = Gateway::start();
    let base = format!("{}/v1", bench.mock.url());
    gateway.ok(&[
        "provider",
        "create",
        "up",
        "--vendor",
        "anthropic-compatible",
        "--base-url",
        &base,
        "--passthrough",
    ]);
    let key = gateway.key_with_route("agent", &["--to", "up", "--retries", "0"]);
    let requests = bench.run(&gateway.url, &key, "with a subscription");
    assert!(!requests.is_empty());
    for request in bench.mock.requests() {
        let credentials =
            ["authorization", "x-api-key", "x-gw-key"].map(|name| request.header(name));
        assert_eq!(credentials, [Some("***"), None, None], "{}", request.path);
    }
}

#[test]
fn copilot_cli_edits_through_gw_with_the_same_requests() {
    same_format(&roster::COPILOT_CLI);
}

#[test]
fn copilot_cli_edits_on_upstreams_of_other_formats() {
    other_formats(&roster::COPILOT_CLI);
}

#[test]
fn opencode_edits_through_gw_with_the_same_requests() {
    same_format(&roster::OPENCODE);
}

#[test]
fn opencode_with_its_adapter_for_messages_edits_through_gw_with_the_same_requests() {
    same_format(&roster::OPENCODE_MESSAGES);
}

#[test]
fn opencode_with_its_adapter_for_responses_edits_through_gw_with_the_same_requests() {
    same_format(&roster::OPENCODE_RESPONSES);
}

#[test]
fn opencode_with_its_adapter_for_gemini_edits_through_gw_with_the_same_requests() {
    same_format(&roster::OPENCODE_GEMINI);
}

#[test]
fn opencode_edits_on_upstreams_of_other_formats() {
    other_formats(&roster::OPENCODE);
}

#[test]
fn codex_edits_through_gw_with_the_same_requests() {
    same_format(&roster::CODEX);
}

#[test]
fn codex_edits_on_upstreams_of_other_formats() {
    other_formats(&roster::CODEX);
}

#[test]
fn codex_goes_on_at_once_where_there_are_no_websockets() {
    let Some(bench) = Bench::of(&roster::CODEX_BUILT_IN, true) else {
        return;
    };
    let (gateway, key) = bench.gateway(Format::Responses);
    let said = bench.said(&gateway.url, &key, "with openai_base_url");
    assert!(!said.contains("Reconnecting"), "{said}");
}

#[test]
fn gemini_cli_edits_through_gw_with_the_same_requests() {
    same_format(&roster::GEMINI_CLI);
}

#[test]
fn gemini_cli_edits_on_upstreams_of_other_formats() {
    other_formats(&roster::GEMINI_CLI);
}
