//! The metrics: one table of families, each with its labels and where its samples come from. Names are Prometheus's
//! (<https://prometheus.io/docs/practices/naming/>); where OpenTelemetry has a name for the same thing it stands beside.
//! Labels are names of records and words of gw; a model that callers alone know is `other`.

use super::{
    CLASSES, Coarse, OUTCOMES, STATUSES, TOKENS,
    scene::{Export, Scene},
    view::Target,
};
use prometheus_client::metrics::MetricType::{self, Counter, Gauge, Histogram, Info};

/// What a sample is worth.
pub enum Value {
    Count(u64),
    Amount(f64),
    Times(Coarse),
    Info,
}

/// Values in the order of the family's labels.
pub type Labels = Vec<String>;

/// One family of metrics.
pub struct Family {
    /// Without unit and `_total`.
    pub name: &'static str,
    pub kind: MetricType,
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    /// What OpenTelemetry calls it; empty: it does not.
    pub otel: &'static str,
    pub samples: fn(&Scene, &mut dyn FnMut(Labels, Value)),
}

impl Family {
    /// The name that samples have, but for what histograms append.
    pub fn exposed(&self) -> String {
        let unit = match self.unit {
            "" => String::new(),
            unit => format!("_{unit}"),
        };
        let end = match self.kind {
            Counter => "_total",
            Info => "_info",
            _ => "",
        };
        format!("{}{unit}{end}", self.name)
    }

    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Counter => "counter",
            Histogram => "histogram",
            Info => "info",
            _ => "gauge",
        }
    }
}

const SERIES: &[&str] = &["route", "provider", "model"];

/// The series' labels, and one more.
fn series(names: &[String; 3], more: &[&str]) -> Labels {
    let more = more.iter().map(|value| (*value).to_owned());
    names.iter().cloned().chain(more).collect()
}

const fn family(
    name: &'static str,
    kind: MetricType,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    samples: fn(&Scene, &mut dyn FnMut(Labels, Value)),
) -> Family {
    Family {
        name,
        kind,
        unit,
        labels,
        help,
        otel: "",
        samples,
    }
}

const fn also(family: Family, otel: &'static str) -> Family {
    Family { otel, ..family }
}

/// Every family.
pub static FAMILIES: &[Family] = &[
    family(
        "gw_build",
        Info,
        "",
        &["version"],
        "The release that runs",
        |_, put| {
            put(vec![env!("CARGO_PKG_VERSION").into()], Value::Info);
        },
    ),
    family(
        "gw_requests",
        Counter,
        "",
        &["route", "provider", "model", "status_class", "outcome"],
        "Requests that ended, refused ones included",
        |scene, put| {
            for (names, cell) in &scene.series {
                for (status, outcomes) in STATUSES.iter().zip(&cell.requests) {
                    for (outcome, count) in OUTCOMES
                        .iter()
                        .zip(outcomes)
                        .filter(|(_, count)| **count > 0)
                    {
                        put(series(names, &[status, outcome]), Value::Count(*count));
                    }
                }
            }
        },
    ),
    family(
        "gw_responses",
        Counter,
        "",
        &["status"],
        "Requests that ended, by the status their callers got; 499: the caller hung up",
        |scene, put| {
            for (status, count) in &scene.statuses {
                put(vec![status.to_string()], Value::Count(*count));
            }
        },
    ),
    also(
        family(
            "gw_request_duration",
            Histogram,
            "seconds",
            SERIES,
            "From taking a request to the end of its answer",
            |scene, put| {
                for (names, cell) in scene
                    .series
                    .iter()
                    .filter(|(_, cell)| cell.duration.count() > 0)
                {
                    put(series(names, &[]), Value::Times(cell.duration));
                }
            },
        ),
        "gen_ai.client.operation.duration",
    ),
    also(
        family(
            "gw_time_to_first_content",
            Histogram,
            "seconds",
            SERIES,
            "From taking a request to the first content of its answer",
            |scene, put| {
                for (names, cell) in scene
                    .series
                    .iter()
                    .filter(|(_, cell)| cell.first.count() > 0)
                {
                    put(series(names, &[]), Value::Times(cell.first));
                }
            },
        ),
        "gen_ai.client.operation.time_to_first_chunk",
    ),
    also(
        family(
            "gw_tokens",
            Counter,
            "",
            &["route", "provider", "model", "bucket"],
            "Tokens in disjoint buckets: input (uncached), cache_read, cache_write, output, reasoning",
            |scene, put| {
                for (names, cell) in &scene.series {
                    for ((bucket, _), count) in TOKENS
                        .iter()
                        .zip(cell.tokens)
                        .filter(|(_, count)| *count > 0)
                    {
                        put(series(names, &[bucket]), Value::Count(count));
                    }
                }
            },
        ),
        "gen_ai.client.inference.usage.*",
    ),
    family(
        "gw_cost",
        Counter,
        "dollars",
        SERIES,
        "What requests cost, where prices are known",
        |scene, put| {
            for (names, cell) in scene
                .series
                .iter()
                .filter(|(_, cell)| cell.sum.cost_pico > 0)
            {
                put(
                    series(names, &[]),
                    Value::Amount(cell.sum.cost_pico as f64 / 1e12),
                );
            }
        },
    ),
    family(
        "gw_requests_unpriced",
        Counter,
        "",
        SERIES,
        "Requests that used tokens whose price is not known",
        |scene, put| {
            for (names, cell) in scene
                .series
                .iter()
                .filter(|(_, cell)| cell.sum.unpriced > 0)
            {
                put(series(names, &[]), Value::Count(cell.sum.unpriced));
            }
        },
    ),
    family(
        "gw_attempts",
        Counter,
        "",
        &["route", "provider", "model", "class"],
        "Attempts at targets by what came of them; `ok` or the class of failure",
        |scene, put| {
            for (names, cell) in &scene.series {
                for (class, count) in CLASSES
                    .iter()
                    .zip(cell.attempts)
                    .filter(|(_, count)| *count > 0)
                {
                    put(series(names, &[class]), Value::Count(count));
                }
            }
        },
    ),
    family(
        "gw_requests_in_flight",
        Gauge,
        "",
        &[],
        "Requests running now",
        |scene, put| {
            put(vec![], Value::Count(scene.in_flight));
        },
    ),
    family(
        "gw_requests_waiting",
        Gauge,
        "",
        &[],
        "Requests that wait for a target to be free",
        |scene, put| {
            put(vec![], Value::Count(scene.waiting));
        },
    ),
    family(
        "gw_held",
        Gauge,
        "bytes",
        &[],
        "Bytes of requests and answers held now",
        |scene, put| {
            put(vec![], Value::Count(scene.held_bytes));
        },
    ),
    family(
        "gw_connections",
        Gauge,
        "",
        &[],
        "Callers' connections open now",
        |scene, put| {
            put(vec![], Value::Count(scene.connections));
        },
    ),
    family(
        "gw_workers",
        Gauge,
        "",
        &[],
        "Threads that serve requests",
        |scene, put| {
            put(vec![], Value::Count(scene.workers));
        },
    ),
    family(
        "gw_target_up",
        Gauge,
        "",
        &["provider", "model"],
        "1: requests are sent to this target of a route; model is empty where it is taken as asked",
        |scene, put| {
            for target in &scene.targets {
                let up = matches!(target.state.as_str(), "healthy" | "some_rest" | "injecting");
                put(of_target(target), Value::Count(up.into()));
            }
        },
    ),
    family(
        "gw_target_state",
        Gauge,
        "",
        &["provider", "model", "state"],
        "1 for the state the target is in: healthy, cooling, suspended, failing_checks, credential_refused, injecting, some_rest, out",
        |scene, put| {
            for target in &scene.targets {
                let mut labels = of_target(target);
                labels.push(target.state.clone());
                put(labels, Value::Count(1));
            }
        },
    ),
    family(
        "gw_target_in_flight",
        Gauge,
        "",
        &["provider", "model"],
        "Attempts under way at this target of a route",
        |scene, put| {
            for target in &scene.targets {
                put(of_target(target), Value::Count(target.in_flight));
            }
        },
    ),
    family(
        "gw_provider_state",
        Gauge,
        "",
        &["provider", "state"],
        "1 for the state the provider is in: ok, unverified, failed, refused, failing, injecting, resting",
        |scene, put| {
            for (provider, state) in &scene.providers {
                put(vec![provider.clone(), state.clone()], Value::Count(1));
            }
        },
    ),
    family(
        "gw_limit_refusals",
        Counter,
        "",
        &["metric", "mode"],
        "Requests refused by limits (`enforced`), and those that shadow limits would have refused (`shadow`)",
        |scene, put| {
            for (metric, counts) in &scene.refused {
                for (mode, count) in ["enforced", "shadow"].iter().zip(counts) {
                    put(vec![(*metric).into(), (*mode).into()], Value::Count(*count));
                }
            }
        },
    ),
    family(
        "gw_log_rows_written",
        Counter,
        "",
        &[],
        "Rows of the request log that were written",
        |scene, put| {
            put(vec![], Value::Count(scene.log.written));
        },
    ),
    family(
        "gw_log_rows_dropped",
        Counter,
        "",
        &[],
        "Rows that the log had no room or time for",
        |scene, put| {
            put(vec![], Value::Count(scene.log.rows_dropped));
        },
    ),
    family(
        "gw_log_content_dropped",
        Counter,
        "",
        &[],
        "Requests whose content the log had no room or time for",
        |scene, put| {
            put(vec![], Value::Count(scene.log.content_dropped));
        },
    ),
    family(
        "gw_log_removed",
        Counter,
        "bytes",
        &[],
        "Bytes of the log's files that went by age and size, or because the disk ran low",
        |scene, put| {
            put(
                vec![],
                Value::Count(
                    scene
                        .log
                        .removed_bytes
                        .saturating_add(scene.log.purged_bytes),
                ),
            );
        },
    ),
    family(
        "gw_log_degraded",
        Gauge,
        "",
        &[],
        "1: rows are not being stored now",
        |scene, put| {
            put(vec![], Value::Count(scene.log.degraded.is_some().into()));
        },
    ),
    family(
        "gw_spans_exported",
        Counter,
        "",
        &["result"],
        "Spans for the OpenTelemetry collector: sent, failed, dropped",
        |scene, put| {
            exported(&scene.spans, put);
        },
    ),
    family(
        "gw_notices",
        Counter,
        "",
        &["result"],
        "Notices for --notify: sent, failed, dropped",
        |scene, put| {
            exported(&scene.notices, put);
        },
    ),
    family(
        "process_cpu",
        Counter,
        "seconds",
        &[],
        "User and system time of this process",
        |scene, put| {
            put(vec![], Value::Amount(scene.process.cpu_seconds));
        },
    ),
    family(
        "process_resident_memory",
        Gauge,
        "bytes",
        &[],
        "Resident memory of this process",
        |scene, put| {
            put(vec![], Value::Count(scene.process.resident_bytes));
        },
    ),
    family(
        "process_open_fds",
        Gauge,
        "",
        &[],
        "Open file descriptors of this process",
        |scene, put| {
            put(vec![], Value::Count(scene.process.open_files));
        },
    ),
    family(
        "process_max_fds",
        Gauge,
        "",
        &[],
        "File descriptors this process may open",
        |scene, put| {
            put(vec![], Value::Count(scene.process.most_files));
        },
    ),
    family(
        "process_threads",
        Gauge,
        "",
        &[],
        "Threads of this process",
        |scene, put| {
            put(vec![], Value::Count(scene.process.threads));
        },
    ),
    family(
        "process_start_time",
        Gauge,
        "seconds",
        &[],
        "Unix time at which this process started",
        |scene, put| {
            put(vec![], Value::Amount(scene.process.started_ms as f64 / 1e3));
        },
    ),
];

fn of_target(target: &Target) -> Labels {
    vec![
        target.provider.clone(),
        target.model.clone().unwrap_or_default(),
    ]
}

fn exported(export: &Export, put: &mut dyn FnMut(Labels, Value)) {
    for (result, count) in [
        ("sent", export.sent),
        ("failed", export.failed),
        ("dropped", export.dropped),
    ] {
        put(vec![result.into()], Value::Count(count));
    }
}

/// The page's table of families, as documentation has it.
#[cfg(test)]
pub fn table() -> String {
    let mut out =
        String::from("| metric | kind | labels | what | OpenTelemetry |\n|---|---|---|---|---|\n");
    for family in FAMILIES {
        let labels: Vec<String> = family
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let otel = match family.otel {
            "" => String::new(),
            name => format!("`{name}`"),
        };
        out.push_str(&format!(
            "| `{}` | {} | {} | {} | {otel} |\n",
            family.exposed(),
            family.kind_name(),
            labels.join(", "),
            family.help
        ));
    }
    out
}
