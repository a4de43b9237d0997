//! `gw serve` and what comes with it.

use super::{flag, many, option};
use clap::{Arg, Command, ValueHint};

pub(super) fn commands() -> Vec<Command> {
    vec![
        serve(),
        crate::cli::quickstart::command(),
        crate::cli::launch::mock_command(),
    ]
}

fn serve() -> Command {
    Command::new("serve")
        .about("Run the gateway")
        .after_help("Every setting can also come from gw.toml or a variable GW_SECTION__KEY; flags win.\nWith -- COMMAND the gateway runs as long as COMMAND, which finds it in OPENAI_BASE_URL and so on.")
        .args([
            many("listen", "listen", "ADDR", "Where callers connect; port 0 picks one (default 127.0.0.1:4000) [GW_LISTEN]"),
            many("admin_listen", "admin-listen", "unix:PATH|ADDR", "Where this command line connects [GW_ADMIN_LISTEN]"),
            option("data_dir", "data-dir", "DIR", "Directory that holds state [GW_DATA_DIR]").value_hint(ValueHint::DirPath),
            flag("in_memory", "in-memory", "State and secrets live and die with the process").conflicts_with("data_dir"),
            many("file", "filename", "FILE", "Apply this before reporting ready; repeatable").short('f').value_hint(ValueHint::FilePath),
            option("output_dir", "output-dir", "DIR", "Write the secret of each key made by -f or --dev to DIR/KEY.key; never overwrites").value_hint(ValueHint::DirPath),
            flag("dev", "dev", "In memory, with a simulator, every provider whose key is in the environment, and a user and key `dev`").conflicts_with("data_dir"),
            flag("mock", "mock", "Add a provider `mock` that answers without a network"),
            option("ready_file", "ready-file", "FILE", "Written once every listener accepts: JSON with the addresses").value_hint(ValueHint::FilePath),
            flag("print_ready", "print-ready", "Print the same line on stdout"),
            flag("ready_secrets", "ready-secrets", "Put the secrets of keys made by -f or --dev into that line"),
            flag("exit_on_stdin_close", "exit-on-stdin-close", "Stop when standard input closes"),
            option("secrets", "secrets", "STORE", "Where credentials rest [GW_SECRETS]").value_parser(["auto", "keyring", "sealed", "memory"]),
            option("master_key_file", "master-key-file", "FILE", "Key of the sealed file [GW_MASTER_KEY_FILE]").value_hint(ValueHint::FilePath),
            option("log_content", "log-content", "WHAT", "Content kept in request logs [GW_LOG_CONTENT]").value_parser(["full", "metadata", "off"]),
            option("log_level", "log-level", "LEVEL", "error, warn, info, debug, trace, or a filter [GW_LOG]"),
            option("log_format", "log-format", "FORMAT", "How the process's own log is written [GW_LOG_FORMAT]").value_parser(["auto", "text", "json"]),
            option("metrics_listen", "metrics-listen", "ADDR", "Where scrapers find /metrics, without a token; nothing else is there [GW_METRICS_LISTEN]"),
            many("notify", "notify", "COMMAND|URL", "Tell this of limits that fill up, targets that fail and credentials that are refused; repeatable"),
            many("notify_at", "notify-at", "PERCENT", "Percent of a limit at which it is told; repeatable (default 80, 100)"),
            option("notify_secret", "notify-secret", "env:NAME|file:/PATH", "Where the secret is that signs what goes to a URL"),
            option("shutdown_grace", "shutdown-grace", "TIME", "How long running requests may take to finish (default 30s)"),
            option("threads", "threads", "N", "Worker threads (default: one per core)").value_parser(clap::value_parser!(u32)),
            option("tls_cert", "tls-cert", "FILE", "Speak TLS on TCP, with this certificate and chain (PEM); followed as it changes [GW_TLS_CERT]").value_hint(ValueHint::FilePath),
            option("tls_key", "tls-key", "FILE", "The certificate's private key (PEM) [GW_TLS_KEY]").value_hint(ValueHint::FilePath),
            flag("allow_public", "allow-public", "Let the proxy listen beyond loopback"),
            flag("allow_public_admin", "allow-public-admin", "Let the admin API listen beyond loopback"),
        ])
        .arg(Arg::new("command").value_name("COMMAND").last(true).num_args(0..).value_hint(ValueHint::CommandWithArguments).help("Run this once ready; stop when it ends"))
}
