//! The data plane from outside: the real binary, the simulator as upstream, and bare sockets for what no HTTP
//! library would send.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod after_the_finish;
mod arriving;
mod authorisation;
mod azure_paths;
mod blame;
mod bounded_names;
mod budgets;
mod capacity;
mod changing;
mod cloud_sign_in;
mod cohere;
mod committed;
mod compressed_bodies;
mod content_fallback;
mod context;
mod converse;
mod counting;
mod credential_marks;
mod credentials;
#[cfg(target_os = "linux")]
mod crowds;
mod error_formats;
mod explaining;
mod fallback;
mod flapping;
mod game_day;
mod gemini_credentials;
mod gemini_streams;
mod hangup;
mod hangup_rows;
#[path = "../harness/mod.rs"]
mod harness;
mod health_checks;
mod hosted_forms;
mod http2_offers;
mod idle_connections;
mod kept_objects;
mod kit;
mod large_answers;
mod large_events;
mod leaks;
mod limits;
mod listener;
mod load;
mod log_files;
mod log_listing;
mod log_names;
#[cfg(target_os = "linux")]
mod log_order;
#[cfg(target_os = "linux")]
mod log_packing;
mod log_redaction;
mod log_replay;
mod log_search;
mod log_wrong_answers;
mod loops;
mod made_objects;
mod metrics;
mod model_lists;
mod model_names;
mod not_reading;
mod notices;
mod other_endpoints;
mod passing;
mod passthrough;
mod readings;
mod refused_heads;
mod refusing;
#[cfg(unix)]
mod reloading;
mod repeating;
mod request_ids;
mod responses;
mod responses_items;
#[cfg(target_os = "linux")]
mod resting;
mod retry_budget;
mod retry_on;
mod revoking;
mod room;
mod route_status;
mod route_testing;
mod rules;
mod seals;
mod sessions;
mod shares;
#[cfg(unix)]
mod signed_upstreams;
mod splitting;
mod standin;
mod steering;
mod stopping;
mod suspending;
mod told_streams;
mod tracing;
mod translated_requests;
mod unread_bodies;
mod uploads;
mod upstream_bytes;
mod upstream_heads;
mod usage;
mod vendors;
mod waiting;
mod websockets;
mod wire_head;
mod wire_limits;
mod without_model;
mod write_latency;
