//! `gw`: a gateway for AI APIs in one binary. This page is the table of contents, a sentence a room;
//! `docs/architecture.md` walks one request and one command through them.
// They panic where the reader has gone; `stdio` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

/// REST over the resource kinds, logs and health: generic handlers, no per-kind code.
pub mod admin;
/// The one reader of `Authorization: Bearer …`.
pub mod bearer;
/// Models known offline: windows, capabilities, prices; cost from usage.
pub mod catalog;
/// The neutral model every format is translated through: data and folding, nothing else.
pub mod chat;
/// The command line: tree, verbs, printers, completion. Talks to the gateway only through `client`.
pub mod cli;
/// The admin API from the other side; gives back the same [`error::Error`].
pub mod client;
/// How far the wall clock can be trusted.
pub mod clock;
/// `gw.toml`, environment and flags: where to listen and where state is; nothing about resources.
pub mod config;
/// Numbers in decimal digits.
pub mod digits;
/// One error type and the one table from its kinds to exit codes, HTTP statuses and wire types.
pub mod error;
/// Conditions in CEL: read once with every mistake named, evaluated in bounded time.
pub mod expression;
/// One folder a wire format, and what all of them share: SSE framing, peeking, splicing.
pub mod formats;
/// The data plane, one file a stage: listen, caller, attempt, relay, record.
pub mod gateway;
/// A fast seeded hash for bounded tables.
pub mod hash;
/// HTTP/1.1 as bytes, both sides of the data plane: bodies' framing, heads read and written. Pure.
pub mod http1;
/// A map made of many at once and changed a little afterwards.
pub mod layers;
/// What is going on now: one owner of all live figures, bounded and off the request path.
pub mod live;
/// An upstream simulator: both formats, embeddings, and faults on request.
pub mod mock;
/// File systems of a test's own.
#[cfg(all(test, target_os = "linux"))]
#[path = "../tests/harness/mount.rs"]
mod mount;
/// Telling somebody of limits that fill up and of targets that fail: commands and signed requests, bounded.
pub mod notify;
/// One thing done to each of many, spread over the cores.
pub mod parallel;
/// Pure planning: snapshot + caller + request -> ordered attempts, and why the rest was left out.
pub mod plan;
/// One file a resource kind: the record, its flags, its columns; the KINDS table.
pub mod resources;
/// Lines of the process's own log that strangers could bring about at will, at most one a while.
pub mod seldom;
/// The composition root: config -> store -> snapshot -> listeners -> graceful stop.
pub mod serve;
/// Words as a shell takes them.
pub mod shell;
/// How a test says that it cannot run here.
#[cfg(test)]
#[path = "../tests/harness/skip.rs"]
mod skip;
/// Memory that is free, given back to the system by threads that rest.
pub mod spare;
/// The one place that writes to standard output and standard error.
pub mod stdio;
/// Where state rests: records, the audit log, request logs, secrets.
pub mod store;
/// Finished requests as spans for an OpenTelemetry collector, in bounded batches.
pub mod telemetry;
/// PEM files, and the certificate this gateway answers with, followed as its files change.
pub mod tls;
/// A provider made ready to be called: address, headers, TLS and signing in, one builder for all who call.
pub mod upstream;
/// Upstream companies and servers gw knows out of the box: a row each.
pub mod vendors;
/// Text from strangers made visible, so that it cannot steer the terminal it is shown on.
pub mod visible;
/// Waiting in tests.
#[cfg(test)]
#[path = "../tests/harness/wait.rs"]
mod wait;
