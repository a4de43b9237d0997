//! `gw mock`: the simulator as a command. Every flag is an item of the script that all requests get.

use super::{Settings, fault::Script};
use crate::error::{Error, Kind};
use crate::stdio::{self, Undelivered};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run an upstream simulator of OpenAI, Anthropic, Gemini, Cohere and Bedrock, with faults on request.
///
/// By its paths it is OpenAI's chats, Responses, embeddings, completions, images, audio, moderations, files and batches,
/// Anthropic's messages, Gemini, Cohere's chats, embeddings and rankings, and what Amazon Bedrock, Vertex AI, Azure OpenAI
/// and Foundry make of these, each with the credential it wants.
///
/// A single request asks for a fault with the header `x-mock: status=429,retry-after=2` or by its model's name:
/// `mock-429`, `mock-slow-800`, `mock-drop-after-3`. What was seen is at /_mock/requests and /_mock/closed.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4010")]
    pub listen: SocketAddr,
    /// Write the chosen address to this file once it listens, as {"url":…,"pid":…}
    #[arg(long, value_name = "FILE", alias = "port-file")]
    pub ready_file: Option<PathBuf>,
    /// Print the address to stdout once it listens
    #[arg(long)]
    pub print_ready: bool,
    /// Answer with this status and an error
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(300..600))]
    pub status: Option<u16>,
    /// Send this Retry-After with errors
    #[arg(long, value_name = "SECONDS")]
    pub retry_after: Option<String>,
    /// Fail the first N requests of each model, with --status or 500
    #[arg(long, value_name = "N")]
    pub fail_first: Option<u64>,
    /// Wait before the head of the answer
    #[arg(long, value_name = "TIME")]
    pub delay_headers: Option<String>,
    /// Wait after the head, before the first event
    #[arg(long, value_name = "TIME")]
    pub delay_first: Option<String>,
    /// Wait between events
    #[arg(long, value_name = "TIME")]
    pub pace: Option<String>,
    /// Text events in a stream
    #[arg(long, value_name = "N")]
    pub events: Option<usize>,
    /// Reset the connection after N events
    #[arg(long, value_name = "N")]
    pub reset_after: Option<usize>,
    /// Reset the connection inside the status line
    #[arg(long)]
    pub reset_in_header: bool,
    /// Close cleanly after N events, without the end mark
    #[arg(long, value_name = "N")]
    pub close_after: Option<usize>,
    /// Send nothing more after N events
    #[arg(long, value_name = "N")]
    pub stall_after: Option<usize>,
    /// Send an event that is not JSON after N events
    #[arg(long, value_name = "N")]
    pub malformed_after: Option<usize>,
    /// Send an error event after N events; 0: first
    #[arg(long, value_name = "N")]
    pub error_after: Option<usize>,
    /// Any items of a script, as in the x-mock header; may be repeated
    #[arg(long, value_name = "ITEMS")]
    pub fault: Vec<String>,
    /// Play the conversations of this file (JSON or TOML) to requests that belong to them
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// Answer plain requests with a fixed body of this size and remember nothing: for measurements
    #[arg(long, value_name = "BYTES")]
    pub plain_bytes: Option<usize>,
    /// Refuse callers that do not present the value of this environment variable
    #[arg(long, value_name = "VARIABLE")]
    pub expect_credential_env: Option<String>,
    /// Models to list, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub models: Vec<String>,
}

impl Args {
    /// What the flags say.
    pub fn settings(&self) -> crate::error::Result<Settings> {
        let mut script = Script::default();
        let invalid = |message: String| Error::invalid(message).hint("see `gw mock --help`");
        for items in &self.fault {
            script.add(items).map_err(invalid)?;
        }
        let text = [
            ("retry-after", &self.retry_after),
            ("delay-headers", &self.delay_headers),
            ("delay-first", &self.delay_first),
            ("pace", &self.pace),
        ];
        for (name, value) in text {
            value
                .as_deref()
                .map_or(Ok(()), |value| script.set(name, value))
                .map_err(invalid)?;
        }
        script.status = self.status.or(script.status);
        script.fail_first = self.fail_first.or(script.fail_first);
        script.events = self.events.or(script.events);
        script.reset_after = self.reset_after.or(script.reset_after);
        script.reset_in_header |= self.reset_in_header;
        script.close_after = self.close_after.or(script.close_after);
        script.stall_after = self.stall_after.or(script.stall_after);
        script.malformed_after = self.malformed_after.or(script.malformed_after);
        script.error_after = self.error_after.or(script.error_after);
        let mut settings = Settings {
            script,
            plain_bytes: self.plain_bytes,
            ..Settings::default()
        };
        if let Some(file) = &self.script {
            let play = super::Play::open(file)
                .map_err(|why| invalid(format!("`{}` {why}", file.display())))?;
            settings.play = Some(play);
        }
        if let Some(variable) = &self.expect_credential_env {
            let value = std::env::var(variable).map_err(|error| {
                let why = match error {
                    std::env::VarError::NotPresent => "is not set",
                    std::env::VarError::NotUnicode(_) => "is not text",
                };
                invalid(format!("the environment variable `{variable}` {why}"))
            })?;
            settings.expect_credential = Some(value);
        }
        if !self.models.is_empty() {
            settings.models = self.models.clone();
        }
        Ok(settings)
    }
}

/// Runs `gw mock` until it is told to stop.
pub fn run(args: Args) -> ExitCode {
    match try_run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            stdio::say(format_args!("error: {error}"));
            if let Some(hint) = &error.hint {
                stdio::say(format_args!("  fix: {hint}"));
            }
            ExitCode::from(error.kind.row().exit)
        }
    }
}

/// The same, leaving it to the caller to show the error.
pub fn try_run(args: &Args) -> crate::error::Result<()> {
    let settings = args.settings()?;
    let io =
        |what: String| move |cause: std::io::Error| Error::new(Kind::Conflict, what).cause(cause);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(io("the runtime does not start".into()))?;
    runtime.block_on(async {
        let taken = io(format!("`{}` cannot be listened on", args.listen));
        let listener = tokio::net::TcpListener::bind(args.listen)
            .await
            .map_err(|cause| taken(cause).hint("choose another with --listen"))?;
        let url = format!(
            "http://{}",
            listener
                .local_addr()
                .map_err(io("the listener has no address".into()))?
        );
        if let Some(file) = &args.ready_file {
            write_ready(file, &url)
                .map_err(io(format!("`{}` cannot be written", file.display())))?;
        }
        if args.print_ready {
            stdio::data(format!("{url}\n").as_bytes()).map_err(Undelivered::into_error)?;
        } else {
            stdio::say(format_args!(
                "gw mock listens on {url} (a simulator: its answers are made up)"
            ));
        }
        super::serve(listener, settings, stopped()).await;
        Ok(())
    })
}

/// Written beside and renamed, so that who waits for the file finds it whole.
fn write_ready(file: &std::path::Path, url: &str) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(
        &beside,
        format!(
            "{}\n",
            serde_json::json!({"url": url, "pid": std::process::id()})
        ),
    )?;
    std::fs::rename(beside, file)
}

/// Ctrl-C, or SIGTERM where there is such a thing.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
