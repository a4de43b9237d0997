//! `gw mock`: the simulator as a command. Most flags are items of the script that all requests get.

use super::script::{Script, flags::Flags};
use super::{Deaf, Settings};
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
/// `mock-429`, `mock-slow-800`, `mock-drop-after-3`; every flag below the general ones is such an item. What was seen is at
/// /_mock/requests and /_mock/closed. `POST /_mock/script` with items as its body says from now on another script, with
/// `?model=NAME` for that model alone; it is taken from this machine only.
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
    /// Answer over TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Accept no connection and let the queue be full: who connects waits
    #[arg(long)]
    pub hang_connect: bool,
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
    /// The items of a script, a flag each.
    #[command(flatten)]
    pub items: Flags,
}

impl Args {
    /// What the flags say.
    pub fn settings(&self) -> crate::error::Result<Settings> {
        let mut script = Script::default();
        let invalid = |message: String| Error::invalid(message).hint("see `gw mock --help`");
        for items in &self.fault {
            script.add(items).map_err(invalid)?;
        }
        self.items.add_to(&mut script).map_err(invalid)?;
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
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            settings.tls = Some(super::tls(certificate, key).map_err(invalid)?);
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
        let taken = |cause| taken(cause).hint("choose another with --listen");
        let (listening, address) = match args.hang_connect {
            true => {
                let deaf = Deaf::start(args.listen).map_err(taken)?;
                let address = deaf.address();
                (Err(deaf), address)
            }
            false => {
                let listener = tokio::net::TcpListener::bind(args.listen).await;
                let listener = listener.map_err(taken)?;
                let address = listener
                    .local_addr()
                    .map_err(io("the listener has no address".into()))?;
                (Ok(listener), address)
            }
        };
        let scheme = if settings.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let url = format!("{scheme}://{address}");
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
        match listening {
            Ok(listener) => super::serve(listener, settings, stopped()).await,
            Err(_deaf) => stopped().await,
        }
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
