//! Traces: from settings to the sender, and what it needs to know of providers.

use crate::config::Telemetry;
use crate::gateway::Shared;
use crate::telemetry::{Sender, Settings, Traces, Vendor};
use std::{sync::Arc, time::Duration};

/// How long a stop waits for what has not been sent.
const LAST: Duration = Duration::from_secs(2);

/// The sender in the making; `None`: nobody wants traces.
pub type Spans = Option<Box<dyn FnOnce(Vendor) -> Sender>>;

/// Has finished requests queued for the collector, where there is one.
pub fn open(telemetry: &Telemetry, shared: &mut Shared) -> Spans {
    let endpoint = telemetry
        .otlp_endpoint
        .clone()
        .filter(|it| !it.is_empty())?;
    let (traces, sender) = Traces::new(Settings {
        endpoint,
        service: telemetry.service_name.clone(),
        propagate: telemetry.propagate.clone(),
        headers: std::env::var("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default(),
    });
    shared.traces = Some(traces);
    Some(Box::new(sender))
}

/// Sends from here on.
pub fn start(shared: &Arc<Shared>, spans: Spans) {
    let Some(sender) = spans else { return };
    let serving = Arc::downgrade(shared);
    let vendor: Vendor = Arc::new(move |provider| {
        let shared = serving.upgrade()?;
        let serving = shared.serving.load();
        let place = serving.snapshot.provider(provider)?;
        Some(serving.snapshot.providers.get(place)?.spec.vendor.clone())
    });
    tokio::spawn(sender(vendor).run());
}

/// Sends what is left.
pub async fn close(shared: &Shared) {
    if let Some(traces) = &shared.traces {
        traces.flush(LAST).await;
    }
}
