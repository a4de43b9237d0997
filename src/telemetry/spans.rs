//! A finished request as spans in OTLP's JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>): one of the
//! request, and one below it for each attempt. Attributes are those of the GenAI conventions as of November 2026
//! (<https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-spans.md>), and `gw.*`; nothing
//! of the content, and no texts of errors, which may quote it. Pure.

use super::context::{Context, span, trace};
use crate::catalog;
use crate::chat::{Op, UsageSource};
use crate::formats;
use crate::store::journal::{Attempt, Row};
use serde_json::{Value, json};

/// Vendors by the names that the conventions have for them. Others are called by gw's name of the vendor.
const PROVIDERS: &[(&str, &str)] = &[
    ("azure", "azure.ai.openai"),
    ("azure-v1", "azure.ai.openai"),
    ("bedrock", "aws.bedrock"),
    ("bedrock-mantle", "aws.bedrock"),
    ("cohere-openai", "cohere"),
    ("foundry", "azure.ai.inference"),
    ("gemini", "gcp.gemini"),
    ("gemini-openai", "gcp.gemini"),
    ("mistral", "mistral_ai"),
    ("moonshot", "moonshot_ai"),
    ("vertex", "gcp.vertex_ai"),
    ("xai", "x_ai"),
];

/// `SPAN_KIND_SERVER` and `SPAN_KIND_CLIENT`.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// What the conventions call a vendor.
pub fn provider_name(vendor: &str) -> &str {
    let known = PROVIDERS.iter().find(|(id, _)| *id == vendor);
    known.map_or(vendor, |(_, name)| name)
}

fn operation(format: &str) -> &str {
    match formats::named(format).map(|format| format.op) {
        Some(Op::Chat) => "chat",
        Some(Op::Embeddings) => "embeddings",
        Some(Op::Completions) => "text_completion",
        _ => format,
    }
}

/// Attributes, by key; what is nothing is left out.
struct Attributes(Vec<Value>);

impl Attributes {
    fn put(&mut self, key: &str, value: Value) {
        self.0.push(json!({"key": key, "value": value}));
    }
    fn text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.put(key, json!({"stringValue": text}));
        }
    }
    fn number(&mut self, key: &str, number: u64) {
        // Numbers of 64 bits are text in this JSON.
        self.put(key, json!({"intValue": number.to_string()}));
    }
    fn some(&mut self, key: &str, number: u64) {
        if number > 0 {
            self.number(key, number);
        }
    }
}

/// The spans of a request. `vendor`: the vendor of a provider, by its name.
pub fn of(
    row: &Row,
    context: Option<&Context>,
    vendor: &dyn Fn(&str) -> Option<String>,
) -> Vec<Value> {
    let trace = format!("{:032x}", trace(&row.id, context));
    let id = |place: usize| format!("{:016x}", span(&row.id, place));
    let begun = u64::try_from(row.at.0).unwrap_or_default();
    let made = |place: usize,
                parent: Option<String>,
                name: String,
                kind: u8,
                start: u64,
                end: u64| {
        let nano = |ms: u64| (u128::from(ms) * 1_000_000).to_string();
        let mut span = json!({
            "traceId": trace, "spanId": id(place), "name": name, "kind": kind,
            "startTimeUnixNano": nano(start), "endTimeUnixNano": nano(end.max(start)), "flags": 1,
        });
        if let Some(parent) = parent {
            span["parentSpanId"] = parent.into();
        }
        span
    };
    let operation = operation(&row.format);
    let model = row.requested_model.as_deref().or(row.model.as_deref());
    let mut root = made(
        0,
        context.map(|context| format!("{:016x}", context.parent)),
        named(operation, model),
        SERVER,
        begun,
        begun + row.latency_ms,
    );
    let mut about = Attributes(Vec::new());
    about.text("gen_ai.operation.name", Some(operation));
    about.text("gen_ai.request.model", model);
    about.text("gen_ai.conversation.id", row.session.as_deref());
    about.put("gen_ai.request.stream", json!({"boolValue": row.stream}));
    outcome(&mut about, row, vendor);
    about.number("http.response.status_code", row.status.into());
    about.text("gw.request.id", Some(&row.id));
    about.text("gw.route", row.route.as_deref());
    about.text("gw.key", row.key.as_deref());
    about.text("gw.user", row.user.as_deref());
    about.text("gw.agent", row.agent.as_deref());
    about.text("gw.environment", row.environment.as_deref());
    about.text("gw.format", Some(&row.format));
    about.text(
        "gw.outcome",
        serde_json::to_value(row.outcome)
            .ok()
            .as_ref()
            .and_then(Value::as_str),
    );
    about.number("gw.attempts", row.attempts.len() as u64);
    about.some("gw.waited_ms", row.waited_ms);
    if let Some(pico) = row.cost_pico {
        about.text("gw.cost_dollars", Some(&catalog::dollars(pico.into())));
    }
    if row.is_error() {
        let kind = row.status.to_string();
        about.text("error.type", Some(&kind));
        root["status"] = json!({"code": ERROR});
    }
    root["attributes"] = about.0.into();
    let mut spans = vec![root];
    for (at, attempt) in row.attempts.iter().enumerate() {
        let start = begun + attempt.start_ms;
        let model = Some(&*attempt.model);
        let mut span = made(
            at + 1,
            Some(id(0)),
            named(operation, model),
            CLIENT,
            start,
            start + attempt.duration_ms,
        );
        let last = at + 1 == row.attempts.len();
        let (about, failed) = of_attempt(row, attempt, at + 1, last, operation, vendor);
        span["attributes"] = about.0.into();
        if failed {
            span["status"] = json!({"code": ERROR});
        }
        spans.push(span);
    }
    spans
}

fn named(operation: &str, model: Option<&str>) -> String {
    match model.filter(|model| !model.is_empty()) {
        Some(model) => format!("{operation} {model}"),
        None => operation.to_owned(),
    }
}

/// Where the answer came from and what it used.
fn outcome(about: &mut Attributes, row: &Row, vendor: &dyn Fn(&str) -> Option<String>) {
    if let Some(provider) = &row.provider {
        let vendor = vendor(provider).unwrap_or_else(|| provider.to_string());
        about.text("gen_ai.provider.name", Some(provider_name(&vendor)));
    }
    about.text("gen_ai.response.model", row.model.as_deref());
    if row.usage_source != UsageSource::None {
        let usage = &row.usage;
        about.number("gen_ai.usage.input_tokens", usage.prompt());
        about.number("gen_ai.usage.output_tokens", usage.completion());
        about.some("gen_ai.usage.cache_read.input_tokens", usage.cache_read);
        about.some("gen_ai.usage.cache_creation.input_tokens", usage.written());
        about.some("gen_ai.usage.reasoning.output_tokens", usage.reasoning);
        about.some("gen_ai.usage.audio.input_tokens", usage.audio);
        about.some("gen_ai.usage.audio.output_tokens", usage.audio_output);
        about.some("gen_ai.usage.image.input_tokens", usage.image);
    }
    if let Some(ms) = row.ttft_ms.filter(|_| row.stream) {
        let seconds = ms as f64 / 1e3;
        about.put(
            "gen_ai.response.time_to_first_chunk",
            json!({"doubleValue": seconds}),
        );
    }
}

fn of_attempt(
    row: &Row,
    attempt: &Attempt,
    number: usize,
    last: bool,
    operation: &str,
    vendor: &dyn Fn(&str) -> Option<String>,
) -> (Attributes, bool) {
    let mut about = Attributes(Vec::new());
    about.text("gen_ai.operation.name", Some(operation));
    about.text("gen_ai.request.model", Some(&attempt.model));
    about.text("gw.provider", Some(&attempt.provider));
    about.number("gw.attempt", number as u64);
    let ok = attempt.class == "ok";
    if ok && last {
        outcome(&mut about, row, vendor);
    } else {
        let vendor = vendor(&attempt.provider).unwrap_or_else(|| attempt.provider.to_string());
        about.text("gen_ai.provider.name", Some(provider_name(&vendor)));
    }
    about.some(
        "http.response.status_code",
        attempt.status.unwrap_or_default().into(),
    );
    about.some("gw.retry_after_s", attempt.retry_after.unwrap_or_default());
    about.text("gw.injected", attempt.injected.as_deref());
    if !ok {
        about.text("error.type", Some(&attempt.class));
    }
    // That the caller left is no failure of the attempt.
    (about, !ok && attempt.class != "cancelled")
}

/// A whole request to a collector.
pub fn request(service: &str, spans: Vec<Value>) -> Value {
    let text = |key: &str, text: &str| json!({"key": key, "value": {"stringValue": text}});
    let version = env!("CARGO_PKG_VERSION");
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", service), text("service.version", version)]},
        "scopeSpans": [{"scope": {"name": "gw", "version": version}, "spans": spans}],
    }]})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::chat::Usage;
    use crate::resources::Stamp;
    use crate::store::journal::Outcome;

    fn row() -> Row {
        let attempt = |provider: &str, class: &str, status, start_ms| Attempt {
            provider: provider.into(),
            model: "gpt-4o".into(),
            class: class.to_owned().into(),
            status: Some(status),
            start_ms,
            duration_ms: 100,
            reason: Some("secret words of an answer".into()),
            ..Attempt::default()
        };
        Row {
            id: "req_01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
            at: Stamp(1_700_000_000_000),
            key: Some("ci".into()),
            format: "openai-chat".into(),
            requested_model: Some("gpt-4o".into()),
            provider: Some("eu".into()),
            model: Some("gpt-4o".into()),
            status: 200,
            outcome: Outcome::Ok,
            stream: true,
            ttft_ms: Some(150),
            latency_ms: 250,
            usage: Usage {
                input: 5,
                cache_read: 2,
                output: 3,
                ..Usage::default()
            },
            usage_source: UsageSource::Reported,
            cost_pico: Some(1_500_000),
            attempts: vec![
                attempt("us", "capacity", 429, 0),
                attempt("eu", "ok", 200, 120),
            ],
            error: Some("secret words".into()),
            ..Row::default()
        }
    }

    fn value(span: &Value, key: &str) -> Option<Value> {
        let found = span["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["key"] == key)?;
        found["value"].as_object().unwrap().values().next().cloned()
    }

    #[test]
    fn a_request_and_its_attempts() {
        let vendor =
            |provider: &str| Some(if provider == "us" { "openai" } else { "azure" }.to_owned());
        let spans = of(&row(), None, &vendor);
        assert_eq!(spans.len(), 3);
        let root = &spans[0];
        assert_eq!(
            (&root["name"], &root["kind"], root.get("parentSpanId")),
            (&json!("chat gpt-4o"), &json!(2), None)
        );
        assert_eq!(root["startTimeUnixNano"], "1700000000000000000");
        assert_eq!(root["endTimeUnixNano"], "1700000000250000000");
        for (key, wanted) in [
            ("gen_ai.usage.input_tokens", json!("7")),
            ("gen_ai.usage.cache_read.input_tokens", json!("2")),
            ("gen_ai.response.time_to_first_chunk", json!(0.15)),
            ("gw.cost_dollars", json!("0.0000015")),
            ("gen_ai.provider.name", json!("azure.ai.openai")),
            ("gw.attempts", json!("2")),
        ] {
            assert_eq!(value(root, key), Some(wanted), "{key}");
        }
        for (at, class) in [(1, Some("capacity")), (2, None)] {
            assert_eq!(spans[at]["parentSpanId"], root["spanId"]);
            assert_eq!(spans[at]["traceId"], root["traceId"]);
            assert_eq!(value(&spans[at], "error.type"), class.map(Value::from));
            assert_eq!(spans[at].get("status").is_some(), class.is_some());
        }
        assert_eq!(
            value(&spans[1], "gen_ai.provider.name"),
            Some(json!("openai"))
        );
        let text = request("gw", spans).to_string();
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn vendors_are_gws() {
        for (id, _) in PROVIDERS {
            assert!(crate::vendors::vendor(id).is_ok(), "{id}");
        }
    }

    #[test]
    fn the_callers_trace_goes_on() {
        let context = Context {
            trace: 7,
            parent: 9,
            sampled: true,
        };
        let spans = of(&row(), Some(&context), &|_| None);
        assert_eq!(spans[0]["traceId"], format!("{:032x}", 7));
        assert_eq!(spans[0]["parentSpanId"], format!("{:016x}", 9));
        assert_eq!(value(&spans[1], "gen_ai.provider.name"), Some(json!("us")));
    }
}
