//! `[limits]`: what is taken in and how long is waited; `[logs]`: how long request logs are kept.

use super::Size;
use crate::resources::{Millis, key::LogContent};
use serde::{Deserialize, Serialize};

/// Bounds on everything that comes from outside. 0 switches a count or size bound off, never a timer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// From accepting a connection to its first byte.
    pub first_byte: Millis,
    /// From the first byte to the end of the headers.
    pub header_timeout: Millis,
    /// A kept-alive connection without a request.
    pub idle: Millis,
    /// Between two reads of a request body.
    pub body_stall: Millis,
    /// A whole request body of at most 1 MiB; larger ones need [`Limits::body_rate`].
    pub body_total: Millis,
    /// Bytes a second below which a large body is refused.
    pub body_rate: Size,
    /// A caller that does not read its answer.
    pub write_stall: Millis,
    /// A silent stream gets a comment or ping this often.
    pub ping: Millis,
    pub max_header_bytes: Size,
    /// One header line.
    pub max_header_line: Size,
    pub max_headers: u32,
    pub max_url: Size,
    pub max_body: Size,
    /// A body that is handed on as it comes: forms, and what goes to `/passthrough`.
    pub max_upload: Size,
    pub admin_max_body: Size,
    /// What `apply` sends: many records at once.
    pub admin_max_apply: Size,
    pub json_depth: u32,
    pub admin_json_depth: u32,
    pub max_connections: u32,
    /// Connections of one address other than this machine's own.
    pub max_connections_per_ip: u32,
    pub admin_max_connections: u32,
    pub max_in_flight: u32,
    pub max_in_flight_per_key: u32,
    pub max_in_flight_bytes: Size,
    /// Defaults of the upstream timers; providers and routes override them.
    pub upstream_connect: Millis,
    pub upstream_first_byte: Millis,
    pub upstream_idle: Millis,
    pub upstream_answer: Millis,
    /// A whole upstream answer that is not a stream.
    pub upstream_max_body: Size,
    /// Models in a provider's list.
    pub upstream_max_models: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            first_byte: Millis::secs(5),
            header_timeout: Millis::secs(10),
            idle: Millis::secs(300),
            body_stall: Millis::secs(30),
            body_total: Millis::secs(120),
            body_rate: Size::kib(64),
            write_stall: Millis::secs(30),
            ping: Millis::secs(15),
            max_header_bytes: Size::kib(32),
            max_header_line: Size::kib(8),
            max_headers: 64,
            max_url: Size::kib(8),
            max_body: Size::mib(32),
            max_upload: Size::mib(256),
            admin_max_body: Size::mib(1),
            admin_max_apply: Size::mib(64),
            json_depth: 100,
            admin_json_depth: 32,
            max_connections: 10_000,
            max_connections_per_ip: 256,
            admin_max_connections: 64,
            max_in_flight: 2_000,
            max_in_flight_per_key: 1_000,
            max_in_flight_bytes: Size::mib(256),
            upstream_connect: Millis::secs(10),
            upstream_first_byte: Millis::secs(120),
            upstream_idle: Millis::secs(60),
            upstream_answer: Millis::secs(600),
            upstream_max_body: Size::mib(64),
            upstream_max_models: 5_000,
        }
    }
}

/// `[logs]`: request logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// Request and response content: `full`, `metadata` or `off`.
    pub content: LogContent,
    /// Rows and content together. 0: a share of the disk.
    pub max_bytes: Size,
    /// Of that, content; rows have the rest. 0: half.
    pub content_max_bytes: Size,
    pub max_age: Millis,
    /// Content goes with its rows at the latest.
    pub content_max_age: Millis,
    /// What is taken out of bodies and errors: names of patterns, or regular expressions.
    pub redact: Vec<String>,
}

impl Default for Logs {
    fn default() -> Logs {
        Logs {
            content: LogContent::Full,
            max_bytes: Size(2 << 30),
            content_max_bytes: Size(0),
            max_age: Millis::secs(90 * 86_400),
            content_max_age: Millis::secs(30 * 86_400),
            redact: Vec::new(),
        }
    }
}
