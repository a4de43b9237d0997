//! Limits of what is taken in, and timers. Defaults are those of the limits table in the documentation.

use crate::plan::session;
use crate::upstream::Timers;
use std::time::Duration;

/// Everything about the data plane that can be configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A connection must send its first byte within this.
    pub first_byte: Duration,
    /// A request's head must be complete within this of its first byte.
    pub header: Duration,
    /// Idle keep-alive connections are closed after this.
    pub idle: Duration,
    /// Longest pause between two pieces of a request body.
    pub body_stall: Duration,
    /// A body of at most 1 MiB must be whole within this; what is beyond must keep up `body_rate`.
    pub body_total: Duration,
    /// Bytes a second; 0: any.
    pub body_rate: u64,
    /// Longest pause of a caller that does not read its answer.
    pub write_stall: Duration,
    pub max_head_bytes: usize,
    pub max_header_bytes: usize,
    pub max_headers: usize,
    pub max_uri_bytes: usize,
    pub max_body: usize,
    /// Largest body that is handed on as it comes.
    pub max_upload: usize,
    pub json_depth: usize,
    pub max_connections: usize,
    /// A connection whose file descriptor has this number or a higher one leaves too few for everything else.
    pub max_descriptor: usize,
    /// Of one address other than this machine's own.
    pub max_connections_per_ip: usize,
    pub max_in_flight: usize,
    /// Requests of one key running at once.
    pub max_in_flight_per_key: usize,
    pub max_in_flight_bytes: usize,
    /// Largest whole reply taken from an upstream.
    pub max_reply: usize,
    /// Response content kept for the log, per request.
    pub content_kept: usize,
    /// What keys may at most have logged.
    pub log_content: crate::resources::key::LogContent,
    /// Upstream timers where neither route nor provider sets them.
    pub timers: Timers,
    /// A silent stream gets a comment or ping this often.
    pub ping: Duration,
    /// Headers that name a request's conversation and agent.
    pub sessions: session::Names,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            first_byte: Duration::from_secs(5),
            header: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            body_stall: Duration::from_secs(30),
            body_total: Duration::from_secs(120),
            body_rate: 64 << 10,
            write_stall: Duration::from_secs(30),
            max_head_bytes: 32 << 10,
            max_header_bytes: 8 << 10,
            max_headers: 64,
            max_uri_bytes: 8 << 10,
            max_body: 32 << 20,
            max_upload: 256 << 20,
            json_depth: 100,
            max_connections: 10_000,
            max_descriptor: usize::MAX,
            max_connections_per_ip: 256,
            max_in_flight: 2_000,
            max_in_flight_per_key: 1_000,
            max_in_flight_bytes: 256 << 20,
            max_reply: 64 << 20,
            content_kept: 1 << 20,
            log_content: crate::resources::key::LogContent::Full,
            timers: Timers::default(),
            ping: Duration::from_secs(15),
            sessions: session::Names::default(),
        }
    }
}
