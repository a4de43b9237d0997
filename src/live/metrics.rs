//! The metrics: one table of families, each with its labels and where its samples come from, and the text that scrapers get.
//! Names are Prometheus's (<https://prometheus.io/docs/practices/naming/>); where OpenTelemetry has a name for the same thing
//! it stands beside. Labels are names of records and words of gw; a model that callers alone know is `other`.

use super::{
    BOUNDS, CLASSES, Cell, Coarse, OTHER, OUTCOMES, STATUSES, TOKENS, Totals, process::Process,
    view::Target,
};
use crate::store::journal::Health;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::MetricType::{self, Counter, Gauge, Histogram, Info},
    registry::{Registry, Unit},
};
use std::fmt;

/// The content type of OpenMetrics, and of the older text format.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that samples come from.
#[derive(Clone, Debug)]
pub struct Scene {
    /// By route, provider and model.
    pub series: Vec<([String; 3], Cell)>,
    pub statuses: Vec<(u16, u64)>,
    /// By metric of limits: refused, and what shadow limits would have refused.
    pub refused: Vec<(&'static str, [u64; 2])>,
    pub in_flight: u64,
    pub waiting: u64,
    pub held_bytes: u64,
    pub connections: u64,
    pub workers: u64,
    pub targets: Vec<Target>,
    /// Providers by name, and how they are doing in a word.
    pub providers: Vec<(String, String)>,
    pub log: Health,
    pub spans: Export,
    pub notices: Export,
    pub process: Process,
}

/// What went to somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Export {
    pub sent: u64,
    /// Given up after all tries.
    pub failed: u64,
    /// There was no room for.
    pub dropped: u64,
}

impl Scene {
    /// What the sums say; the rest is for whoever knows it.
    pub fn of(totals: &Totals) -> Scene {
        let own = |names: &[Box<str>; 3]| names.each_ref().map(|name| name.to_string());
        let series = totals.series.rows();
        let mut series: Vec<([String; 3], Cell)> = series
            .map(|(names, cell)| (own(names), cell.clone()))
            .collect();
        if !totals.rest.is_empty() {
            series.push(([OTHER; 3].map(str::to_owned), totals.rest.clone()));
        }
        series.sort_by(|(one, _), (other, _)| one.cmp(other));
        Scene {
            series,
            statuses: totals
                .statuses
                .iter()
                .map(|(status, count)| (*status, *count))
                .collect(),
            refused: Vec::new(),
            in_flight: 0,
            waiting: 0,
            held_bytes: 0,
            connections: 0,
            workers: 0,
            targets: Vec::new(),
            providers: Vec::new(),
            log: Health::default(),
            spans: Export::default(),
            notices: Export::default(),
            process: Process::default(),
        }
    }
}

/// What a sample is worth.
enum Value {
    Count(u64),
    Amount(f64),
    Times(Coarse),
    Info,
}

/// Values in the order of the family's labels.
type Labels = Vec<String>;

/// One family of metrics.
pub struct Family {
    /// Without unit and `_total`.
    name: &'static str,
    kind: MetricType,
    unit: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    /// What OpenTelemetry calls it; empty: it does not.
    pub otel: &'static str,
    samples: fn(&Scene, &mut dyn FnMut(Labels, Value)),
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

    pub fn kind(&self) -> &'static str {
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

/// A scene as the encoder asks for it.
#[derive(Debug)]
struct Exposed(Scene);

impl Collector for Exposed {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for family in FAMILIES {
            let mut samples = Vec::new();
            (family.samples)(&self.0, &mut |labels, value| samples.push((labels, value)));
            if samples.is_empty() {
                continue;
            }
            let unit = (!family.unit.is_empty()).then(|| Unit::Other(family.unit.to_owned()));
            let mut metric =
                encoder.encode_descriptor(family.name, family.help, unit.as_ref(), family.kind)?;
            for (values, value) in samples {
                let labels: Vec<(&str, String)> =
                    family.labels.iter().copied().zip(values).collect();
                match (&value, family.labels) {
                    (Value::Info, _) => metric.encode_info(&labels)?,
                    (_, []) => sample(&mut metric, family.kind, &value)?,
                    _ => sample(&mut metric.encode_family(&labels)?, family.kind, &value)?,
                }
            }
        }
        Ok(())
    }
}

fn sample(
    metric: &mut MetricEncoder<'_>,
    kind: MetricType,
    value: &Value,
) -> Result<(), fmt::Error> {
    match (value, kind) {
        (Value::Count(count), Counter) => metric.encode_counter::<NoLabelSet, _, u64>(count, None),
        (Value::Amount(amount), Counter) => {
            metric.encode_counter::<NoLabelSet, _, f64>(amount, None)
        }
        (Value::Count(count), _) => metric.encode_gauge(count),
        (Value::Amount(amount), _) => metric.encode_gauge(amount),
        (Value::Times(times), _) => {
            let bounds = BOUNDS
                .iter()
                .map(|ms| *ms as f64 / 1e3)
                .chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(times.buckets).collect();
            metric.encode_histogram::<NoLabelSet>(
                times.sum_ms as f64 / 1e3,
                times.count(),
                &buckets,
                None,
            )
        }
        (Value::Info, _) => Ok(()),
    }
}

/// The text for a scraper: OpenMetrics where it takes that, else the older format.
pub fn text(scene: Scene, openmetrics: bool) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exposed(scene)));
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = text::encode(&mut out, &registry);
    match openmetrics {
        true => out,
        false => plain(&out),
    }
}

/// The older format says the same with other comments: <https://prometheus.io/docs/instrumenting/exposition_formats/>
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // What the name in comments lacks, by the kind of the family: it is told a line later than needed.
    let mut help = None;
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", _, told] => help = Some(told),
            ["#", "TYPE", name, kind] => {
                let (end, kind) = match kind {
                    "counter" => ("_total", kind),
                    "info" => ("_info", "gauge"),
                    _ => ("", kind),
                };
                let help = help.take().unwrap_or_default();
                out.push_str(&format!(
                    "# HELP {name}{end} {help}\n# TYPE {name}{end} {kind}\n"
                ));
            }
            ["#", ..] => {}
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
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
            family.kind(),
            labels.join(", "),
            family.help
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Live, Sum};
    use super::*;
    use crate::store::journal::{Attempt, Row};
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn scene() -> Scene {
        let live = Live::new(1);
        live.note(&Row {
            route: Some("r".into()),
            provider: Some("p".into()),
            model: Some("a \"quoted\"\nname\\".into()),
            status: 200,
            latency_ms: 30,
            ttft_ms: Some(10),
            cost_pico: Some(1_500_000_000_000),
            usage: crate::chat::Usage {
                input: 3,
                reasoning: 2,
                ..Default::default()
            },
            attempts: vec![Attempt {
                provider: "p".into(),
                model: "a \"quoted\"\nname\\".into(),
                class: "ok".into(),
                ..Attempt::default()
            }],
            ..Row::default()
        });
        live.note(&Row {
            status: 401,
            ..Row::default()
        });
        let mut scene = live.look(1_000, &|_, _| true, Scene::of);
        scene.refused = live.refusals().take(1).collect();
        scene.targets = vec![Target {
            provider: "p".into(),
            state: "healthy".into(),
            ..Target::default()
        }];
        scene.providers = vec![("p".into(), "ok".into())];
        scene.log.degraded = Some("disk full".into());
        scene
    }

    #[test]
    fn each_family_is_said_once_with_its_labels() {
        let open = text(scene(), true);
        for family in FAMILIES {
            let told = open.lines().filter(|line| line.starts_with("# TYPE "));
            let name = family.exposed();
            let name = name.trim_end_matches("_total").trim_end_matches("_info");
            let told = told.filter(|line| **line == format!("# TYPE {name} {}", family.kind()));
            assert_eq!(told.count(), 1, "{name}");
            assert!(!family.help.ends_with('.'), "{name}");
        }
        for line in [
            r#"gw_requests_total{route="r",provider="p",model="a \"quoted\"\nname\\",status_class="2xx",outcome="ok"} 1"#,
            r#"gw_requests_total{route="",provider="",model="",status_class="4xx",outcome="ok"} 1"#,
            r#"gw_responses_total{status="401"} 1"#,
            r#"gw_request_duration_seconds_bucket{le="0.02",route="r",provider="p",model="a \"quoted\"\nname\\"} 0"#,
            r#"gw_request_duration_seconds_bucket{le="0.04",route="r",provider="p",model="a \"quoted\"\nname\\"} 1"#,
            r#"gw_request_duration_seconds_bucket{le="+Inf",route="r",provider="p",model="a \"quoted\"\nname\\"} 1"#,
            r#"gw_request_duration_seconds_sum{route="r",provider="p",model="a \"quoted\"\nname\\"} 0.03"#,
            r#"gw_tokens_total{route="r",provider="p",model="a \"quoted\"\nname\\",bucket="reasoning"} 2"#,
            r#"gw_cost_dollars_total{route="r",provider="p",model="a \"quoted\"\nname\\"} 1.5"#,
            r#"gw_attempts_total{route="r",provider="p",model="a \"quoted\"\nname\\",class="ok"} 1"#,
            r#"gw_target_up{provider="p",model=""} 1"#,
            r#"gw_limit_refusals_total{metric="tokens",mode="enforced"} 0"#,
            "gw_log_degraded 1",
            "# UNIT gw_cost_dollars dollars",
        ] {
            assert!(open.lines().any(|have| have == line), "{line}\n{open}");
        }
        assert!(open.ends_with("# EOF\n"));
    }

    #[test]
    fn the_older_format_passes_the_linter() {
        let text = text(scene(), false);
        assert!(text.contains("# TYPE gw_requests_total counter\n") && !text.contains("EOF"));
        let promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut promtool) = promtool else {
            return crate::skip::skip("promtool is not installed (Debian: prometheus)");
        };
        promtool
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let said = promtool.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert_eq!(said, "");
    }

    #[test]
    fn the_page_has_the_table() {
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/observing.md");
        let written = std::fs::read_to_string(&page).unwrap();
        let (begin, end) = ("<!-- metrics -->\n", "<!-- /metrics -->");
        let (before, rest) = written.split_once(begin).unwrap();
        let (_, after) = rest.split_once(end).unwrap();
        let wanted = format!("{before}{begin}{}{end}{after}", table());
        if std::env::var_os("GW_BLESS").is_some() {
            std::fs::write(&page, &wanted).unwrap();
        } else {
            assert!(
                written == wanted,
                "write it with: GW_BLESS=1 cargo test --lib live::metrics"
            );
        }
    }

    /// What a scrape of so many series costs; run by hand: `cargo test --lib --release live::metrics -- --ignored --nocapture`.
    #[test]
    #[ignore = "measures"]
    fn cost_of_a_thousand_series() {
        let live = Live::new(1);
        for at in 0..1_000 {
            live.note(&Row {
                route: Some("route".into()),
                provider: Some(format!("provider{}", at % 20)),
                model: Some(format!("model-{at}")),
                status: 200,
                ..Row::default()
            });
            live.look(1_000, &|_, _| true, |_| ());
        }
        let begun = std::time::Instant::now();
        let size = (0..20)
            .map(|_| text(live.look(1_000, &|_, _| true, Scene::of), true).len())
            .max();
        println!(
            "{:?} a scrape, {size:?} bytes, {:?}",
            begun.elapsed() / 20,
            Sum::default()
        );
    }
}
