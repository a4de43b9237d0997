//! How the process behaves and where things are: `gw.toml`, the environment and flags become one
//! [`Config`]. Nothing about users, keys, providers, models or routes: those are resources.

mod admin;
mod contradictions;
mod file;
mod layer;
mod layers;
mod limits;
mod log_filter;
mod outward;
mod places;
mod settings;
mod size;

pub use admin::Address;
pub use layer::Layer;
pub use layers::load;
pub use limits::{Limits, Logs};
pub use outward::{Metrics, Notify, Telemetry, is_web};
pub use places::{Found, data_dir_default, found_files, private_dir};
pub use settings::{SETTINGS, Setting, Shape, Trust};
pub use size::Size;

use crate::resources::{Millis, key::LogContent};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Everything `gw serve` needs to know before it starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub server: Server,
    pub secrets: Secrets,
    pub log: Log,
    pub limits: Limits,
    pub logs: Logs,
    pub metrics: Metrics,
    pub telemetry: Telemetry,
    pub notify: Notify,
    /// The files that were read, the later over the earlier.
    pub files: Vec<PathBuf>,
    /// What a file that was found may not decide and was passed over, as a line for people.
    pub ignored: Option<String>,
    /// Settings that a flag or variable contradicts, each as a line for people.
    pub overruled: Vec<String>,
    /// Resource files applied before the gateway reports ready; `-` is standard input.
    pub seed: Vec<String>,
    /// A file a key goes here for the secrets made at the start.
    pub output_dir: Option<PathBuf>,
    /// The ready file, and what is printed like it, hold the secrets made at the start.
    pub ready_secrets: bool,
    /// Development mode: in memory, with a simulator, the providers of the environment, and a user and key `dev`.
    pub dev: bool,
    /// Makes the simulator a provider `mock` inside the gateway.
    pub mock: bool,
    /// Run this once ready, stop when it ends, exit with its code.
    pub command: Vec<String>,
}

/// `[server]`: listeners, state, life cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    pub listen: Vec<String>,
    /// `unix:PATH` or `ADDR`; empty: the default, see [`Config::admin`].
    pub admin_listen: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    pub in_memory: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_file: Option<PathBuf>,
    pub print_ready: bool,
    pub exit_on_stdin_close: bool,
    pub shutdown_grace: Millis,
    /// 0: one per core.
    pub threads: usize,
    /// Allows the proxy to listen beyond loopback.
    pub allow_public: bool,
    /// Allows the admin API to listen beyond loopback.
    pub allow_public_admin: bool,
    /// The certificate and its chain, PEM: the proxy and the admin API on TCP then speak TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Headers that name the conversation a request is part of, and the agent within it; empty: those of the tools that gw
    /// knows.
    pub session_headers: Vec<String>,
    pub agent_headers: Vec<String>,
    /// Authorities that this command line trusts beside the system's, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca: Option<PathBuf>,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: vec!["127.0.0.1:4000".into()],
            admin_listen: Vec::new(),
            data_dir: None,
            in_memory: false,
            ready_file: None,
            print_ready: false,
            exit_on_stdin_close: false,
            shutdown_grace: Millis::secs(30),
            threads: 0,
            session_headers: Vec::new(),
            agent_headers: Vec::new(),
            allow_public: false,
            allow_public_admin: false,
            tls_cert: None,
            tls_key: None,
            tls_ca: None,
        }
    }
}

/// `[secrets]`: where credentials rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    pub store: SecretStore,
    /// Holds the key of the sealed file; absent: made beside it on first use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_key_file: Option<PathBuf>,
}

/// Which secret store is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretStore {
    /// The operating system's where there is one, else the sealed file; chosen once and recorded.
    #[default]
    Auto,
    Keyring,
    Sealed,
    Memory,
}

/// `[log]`: the process's own log on stderr.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `gw=debug,info`.
    pub level: String,
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            level: "info".into(),
            format: LogFormat::Auto,
        }
    }
}

/// How the process's own log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

impl Config {
    /// The directory that holds state; not used with `in_memory`.
    pub fn data_dir(&self) -> PathBuf {
        let dir = self
            .server
            .data_dir
            .clone()
            .unwrap_or_else(data_dir_default);
        // Others are told of it, and they may be elsewhere.
        std::path::absolute(&dir).unwrap_or(dir)
    }

    /// Worker threads: as asked, or one per core.
    pub fn threads(&self) -> usize {
        match self.server.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            asked => asked,
        }
    }

    /// `http` or `https`: what is spoken on TCP.
    pub fn scheme(&self) -> &'static str {
        match self.server.tls_cert {
            Some(_) => "https",
            None => "http",
        }
    }

    /// What commands trust beside the system's authorities: what they were told to, else this gateway's own
    /// certificate. Absolute, as it is handed on to whoever may be in another directory.
    pub fn trusted(&self) -> Option<PathBuf> {
        let server = &self.server;
        let path = server.tls_ca.as_ref().or(server.tls_cert.as_ref())?;
        Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
    }

    /// How much of requests and answers the log keeps unless a key says less.
    pub fn log_content(&self) -> LogContent {
        self.logs.content
    }
}
