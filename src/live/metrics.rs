//! The text that scrapers get of the families, in both formats. Must not know what is counted.

use super::{
    BOUNDS,
    families::{FAMILIES, Value},
    scene::Scene,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text},
    metrics::MetricType::{self, Counter},
    registry::{Registry, Unit},
};
use std::fmt;

/// The content type of OpenMetrics, and of the older text format.
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Live, families::table, view::Target};
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
            let told =
                told.filter(|line| **line == format!("# TYPE {name} {}", family.kind_name()));
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
}
