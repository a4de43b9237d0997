//! Every setting of `gw.toml` once: its section, its key, how it is written in the environment, and
//! what it is for. The environment layer and the documentation follow from [`SETTINGS`].

/// How a setting is written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Text,
    /// Split at commas.
    List,
    Bool,
    Number,
}

/// Whose word counts for a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Also a `gw.toml` that merely lies in the working directory, whoever put it there.
    Found,
    /// Only what the user named: it decides where credentials and tokens are sent or rest, which guards are
    /// lifted, or which files are written.
    Given,
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    pub section: &'static str,
    pub key: &'static str,
    pub shape: Shape,
    pub trust: Trust,
    /// A short variable for the common ones, beside `GW_SECTION__KEY`.
    pub env: &'static str,
    pub help: &'static str,
}

impl Setting {
    /// `GW_SECTION__KEY`.
    pub fn variable(&self) -> String {
        format!(
            "GW_{}__{}",
            self.section.to_ascii_uppercase(),
            self.key.to_ascii_uppercase()
        )
    }
}

macro_rules! settings {
    ($($section:ident . $key:ident $shape:ident $trust:ident $env:literal $help:literal)*) => {
        /// Every setting.
        pub static SETTINGS: &[Setting] =
            &[$(Setting { section: stringify!($section), key: stringify!($key), shape: Shape::$shape, trust: Trust::$trust, env: $env, help: $help }),*];
    };
}

settings! {
    server.listen                   List   Found "GW_LISTEN"          "Where callers connect; port 0 picks one"
    server.admin_listen             List   Given "GW_ADMIN_LISTEN"    "Where this command line connects: unix:PATH or ADDR"
    server.data_dir                 Text   Given "GW_DATA_DIR"        "Directory that holds state"
    server.in_memory                Bool   Found "GW_IN_MEMORY"       "State and secrets live and die with the process"
    server.ready_file               Text   Given ""                   "Written once every listener accepts"
    server.print_ready              Bool   Found ""                   "Print the same line on stdout"
    server.exit_on_stdin_close      Bool   Found ""                   "Stop when standard input closes"
    server.shutdown_grace           Text   Found ""                   "How long running requests may take to finish"
    server.threads                  Number Found ""                   "Worker threads (0: one per core)"
    server.allow_public             Bool   Given ""                   "Let the proxy listen beyond loopback"
    server.allow_public_admin       Bool   Given ""                   "Let the admin API listen beyond loopback"
    server.tls_cert                 Text   Given "GW_TLS_CERT"        "Certificate and chain (PEM): proxy and admin API on TCP speak TLS"
    server.tls_key                  Text   Given "GW_TLS_KEY"         "The certificate's private key (PEM)"
    server.session_headers          List   Found ""                   "Headers that name a request's conversation, the first that is there (default: those of coding agents)"
    server.agent_headers            List   Found ""                   "Headers that name the agent within it"
    server.tls_ca                   Text   Given "GW_TLS_CA"          "Authorities commands trust beside the system's (PEM)"
    secrets.store                   Text   Given "GW_SECRETS"         "auto, keyring, sealed or memory"
    secrets.master_key_file         Text   Given "GW_MASTER_KEY_FILE" "Key of the sealed file"
    log.level                       Text   Found "GW_LOG"             "error, warn, info, debug, trace, or a filter"
    log.format                      Text   Found "GW_LOG_FORMAT"      "auto, text or json"
    logs.content                    Text   Found "GW_LOG_CONTENT"     "full, metadata or off"
    logs.max_bytes                  Text   Found ""                   "Most disk request logs may take"
    logs.content_max_bytes          Text   Found ""                   "Of that, content (0: half); rows have the rest"
    logs.max_age                    Text   Found ""                   "How long rows of request logs are kept"
    logs.content_max_age            Text   Found ""                   "How long content is kept, at most as its row"
    logs.redact                     List   Found ""                   "Patterns taken out of bodies and errors: email, card, keys, or regular expressions"
    metrics.listen                  Text   Found "GW_METRICS_LISTEN"  "Where scrapers find /metrics without a token: ADDR"
    metrics.allow_public            Bool   Given ""                   "Let that listen beyond loopback"
    telemetry.otlp_endpoint         Text   Given "OTEL_EXPORTER_OTLP_ENDPOINT" "Collector that gets traces, OTLP over HTTP"
    telemetry.service_name          Text   Given "OTEL_SERVICE_NAME"  "What this gateway is called in traces"
    telemetry.propagate             List   Given ""                   "Providers (globs) told of the trace they are part of"
    notify.to                       List   Given ""                   "Commands and https://… told of limits and failing targets"
    notify.at                       List   Given ""                   "Percent of a limit at which they are told"
    notify.secret                   Text   Given ""                   "Signs what goes to https://…: env:NAME or file:/PATH"
    limits.first_byte               Text   Found ""                   "From accepting a connection to its first byte"
    limits.header_timeout           Text   Found ""                   "From the first byte to the end of the headers"
    limits.idle                     Text   Found ""                   "A kept-alive connection without a request"
    limits.body_stall               Text   Found ""                   "Between two reads of a request body"
    limits.body_total               Text   Found ""                   "A whole request body of at most 1 MiB"
    limits.body_rate                Text   Found ""                   "Bytes a second a larger body must keep up"
    limits.write_stall              Text   Found ""                   "A caller that does not read its answer"
    limits.ping                     Text   Found ""                   "A silent stream gets a comment or ping this often"
    limits.max_header_bytes         Text   Found ""                   "All headers of a request"
    limits.max_header_line          Text   Found ""                   "One header of a request"
    limits.max_headers              Number Found ""                   "Headers of a request"
    limits.max_url                  Text   Found ""                   "The request's URL"
    limits.max_body                 Text   Found ""                   "The request's body"
    limits.max_upload               Text   Found ""                   "A body handed on as it comes: forms, `/passthrough`"
    limits.admin_max_body           Text   Found ""                   "A body sent to the admin API"
    limits.admin_max_apply          Text   Found ""                   "The records sent by one apply"
    limits.json_depth               Number Found ""                   "Nesting of JSON in requests"
    limits.admin_json_depth         Number Found ""                   "Nesting of JSON sent to the admin API"
    limits.max_connections          Number Found ""                   "Connections in all"
    limits.max_connections_per_ip   Number Found ""                   "Connections of one address other than this machine"
    limits.admin_max_connections    Number Found ""                   "Connections to the admin API"
    limits.max_in_flight            Number Found ""                   "Requests running at once"
    limits.max_in_flight_per_key    Number Found ""                   "Requests of one key running at once"
    limits.max_in_flight_bytes      Text   Found ""                   "Request bytes held at once"
    limits.upstream_connect         Text   Found ""                   "Connecting to a provider"
    limits.upstream_first_byte      Text   Found ""                   "Waiting for a provider's first content"
    limits.upstream_idle            Text   Found ""                   "Silence within a provider's stream"
    limits.upstream_answer          Text   Found ""                   "A provider's whole answer that is not a stream"
    limits.upstream_max_body        Text   Found ""                   "A provider's answer that is not a stream"
    limits.upstream_max_models      Number Found ""                   "Models in a provider's list"
}
