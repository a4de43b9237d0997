//! Traces for an OpenTelemetry collector: a finished request becomes spans away from the request's path, in batches over OTLP/HTTP
//! with JSON. Bounded: what a slow collector has no room for is left out and counted. By hand and not with OpenTelemetry's own
//! crates, since rows are finished facts: nothing of an SDK (samplers, context, processors) is needed for them, and that one
//! costs most of a minute to build.

pub mod context;
mod spans;

use crate::live::scene::Export;
use crate::seldom::Seldom;
use crate::store::journal::Row;
use crate::upstream::fetch::fetch;
use bytes::Bytes;
use context::Context;
use http::{HeaderName, HeaderValue, Method, Request, header};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Requests that wait to be sent at most.
const WAITING: usize = 2_048;
/// Requests in one batch at most, and how long one is waited for.
const BATCH: usize = 256;
const PAUSE: Duration = Duration::from_secs(1);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries of one batch, and the pause behind the first, which doubles.
const TRIES: u32 = 3;

/// The vendor of a provider, by its name.
pub type Vendor = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A request that has ended, and where its caller's trace stood.
struct Finished {
    row: Row,
    context: Option<Context>,
}

enum Job {
    Finished(Box<Finished>),
    /// Everything so far is to be sent now.
    Flush(oneshot::Sender<()>),
}

/// The way to the collector.
pub struct Traces {
    queue: mpsc::Sender<Job>,
    counts: Arc<Counts>,
    /// Globs of providers that are told which trace they are part of.
    propagate: Vec<String>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

/// Where and how spans are sent.
pub struct Settings {
    /// The base of OTLP over HTTP.
    pub endpoint: String,
    pub service: String,
    pub propagate: Vec<String>,
    /// Further headers, as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value,name=value`.
    pub headers: String,
}

impl Traces {
    /// The queue, and what sends: to be run on another thread than requests.
    pub fn new(settings: Settings) -> (Arc<Traces>, impl FnOnce(Vendor) -> Sender) {
        let (queue, jobs) = mpsc::channel(WAITING);
        let counts = Arc::new(Counts::default());
        let traces = Traces {
            queue,
            counts: counts.clone(),
            propagate: settings.propagate.clone(),
        };
        let sender = move |vendor| Sender {
            jobs,
            counts,
            vendor,
            url: format!("{}/v1/traces", settings.endpoint.trim_end_matches('/')),
            service: settings.service,
            headers: headers(&settings.headers),
            silent: Seldom::default(),
        };
        (Arc::new(traces), sender)
    }

    /// Takes a finished request in, without waiting. What the caller's trace does not record is not recorded here.
    pub fn finished(&self, row: &Row, context: Option<Context>) {
        if context.is_some_and(|context| !context.sampled) {
            return;
        }
        let finished = Finished {
            row: row.clone(),
            context,
        };
        if self
            .queue
            .try_send(Job::Finished(Box::new(finished)))
            .is_err()
        {
            let spans = 1 + row.attempts.len() as u64;
            self.counts.dropped.fetch_add(spans, Relaxed);
        }
    }

    /// Whether this provider is told which trace it is part of.
    pub fn tells(&self, provider: &str) -> bool {
        !self.propagate.is_empty() && crate::resources::glob::any(&self.propagate, provider)
    }

    /// Sends what is there, and waits for it, but not for long.
    pub async fn flush(&self, within: Duration) {
        let (done, sent) = oneshot::channel();
        let flushed = async {
            if self.queue.send(Job::Flush(done)).await.is_ok() {
                let _ = sent.await;
            }
        };
        let _ = tokio::time::timeout(within, flushed).await;
    }

    pub fn export(&self) -> Export {
        Export {
            sent: self.counts.sent.load(Relaxed),
            failed: self.counts.failed.load(Relaxed),
            dropped: self.counts.dropped.load(Relaxed),
        }
    }
}

/// `name=value,name=value`, values percent-encoded: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>
fn headers(text: &str) -> Vec<(HeaderName, HeaderValue)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let read = |(name, value): (&str, &str)| {
        let value = percent_encoding::percent_decode_str(value.trim())
            .decode_utf8()
            .ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        // Most likely a key.
        value.set_sensitive(true);
        Some((HeaderName::try_from(name.trim()).ok()?, value))
    };
    pairs.filter_map(read).collect()
}

/// What sends.
pub struct Sender {
    jobs: mpsc::Receiver<Job>,
    counts: Arc<Counts>,
    vendor: Vendor,
    url: String,
    service: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    silent: Seldom,
}

impl Sender {
    /// Sends batches until nobody has any more.
    pub async fn run(mut self) {
        loop {
            let (mut batch, mut flushed) = (Vec::new(), Vec::new());
            let mut open = self.take(None, &mut batch, &mut flushed).await;
            let end = tokio::time::Instant::now() + PAUSE;
            while open
                && flushed.is_empty()
                && batch.len() < BATCH
                && tokio::time::Instant::now() < end
            {
                open = self.take(Some(end), &mut batch, &mut flushed).await;
            }
            self.send(batch).await;
            for done in flushed {
                let _ = done.send(());
            }
            if !open {
                return;
            }
        }
    }

    /// One more; `false`: there will be none.
    async fn take(
        &mut self,
        end: Option<tokio::time::Instant>,
        batch: &mut Vec<Finished>,
        flushed: &mut Vec<oneshot::Sender<()>>,
    ) -> bool {
        let job = match end {
            None => self.jobs.recv().await,
            Some(end) => match tokio::time::timeout_at(end, self.jobs.recv()).await {
                Ok(job) => job,
                Err(_) => return true,
            },
        };
        match job {
            Some(Job::Finished(finished)) => batch.push(*finished),
            Some(Job::Flush(done)) => flushed.push(done),
            None => return false,
        }
        true
    }

    async fn send(&self, batch: Vec<Finished>) {
        if batch.is_empty() {
            return;
        }
        let vendor = |provider: &str| (self.vendor)(provider);
        let spans = batch
            .iter()
            .flat_map(|it| spans::of(&it.row, it.context.as_ref(), &vendor));
        let spans: Vec<serde_json::Value> = spans.collect();
        let many = spans.len() as u64;
        let body = Bytes::from(spans::request(&self.service, spans).to_string());
        let (mut pause, mut left) = (PAUSE, TRIES);
        let outcome = loop {
            left -= 1;
            match self.post(body.clone()).await {
                Ok(()) => break Ok(()),
                Err((true, _)) if left > 0 => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err((_, why)) => break Err(why),
            }
        };
        match outcome {
            Ok(()) => _ = self.counts.sent.fetch_add(many, Relaxed),
            Err(why) => {
                self.counts.failed.fetch_add(many, Relaxed);
                if let Some(times) = self.silent.due() {
                    tracing::warn!(why, times, "spans could not be sent to the collector");
                }
            }
        }
    }

    /// Whether another try may do better, and why it failed.
    async fn post(&self, body: Bytes) -> Result<(), (bool, String)> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("gw/", env!("CARGO_PKG_VERSION")),
            );
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(body)
            .map_err(|_| (false, "it is no address for HTTP".to_owned()))?;
        let (status, _) = fetch(request, PATIENCE).await.map_err(|why| (true, why))?;
        match status.as_u16() {
            200..300 => Ok(()),
            // <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>
            code @ (429 | 502 | 503 | 504) => Err((true, format!("it answered with HTTP {code}"))),
            code => Err((false, format!("it answered with HTTP {code}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            endpoint: "http://127.0.0.1:9/".into(),
            service: "gw".into(),
            propagate: vec!["local-*".into()],
            headers: "x-key=a%20b,bad name=c,,y=d".into(),
        }
    }

    #[tokio::test]
    async fn what_finds_no_room_is_counted_and_what_is_not_recorded_is_not() {
        let (traces, sender) = Traces::new(settings());
        let sender = sender(Arc::new(|_| None));
        for _ in 0..WAITING + 5 {
            traces.finished(&Row::default(), None);
        }
        let context = Context {
            trace: 1,
            parent: 1,
            sampled: false,
        };
        traces.finished(&Row::default(), Some(context));
        assert_eq!(
            traces.export(),
            Export {
                sent: 0,
                failed: 0,
                dropped: 5
            }
        );
        assert_eq!(sender.url, "http://127.0.0.1:9/v1/traces");
        let shown: Vec<(&str, &[u8])> = sender
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(shown, [("x-key", &b"a b"[..]), ("y", b"d")]);
        assert!(traces.tells("local-1") && !traces.tells("openai"));
    }
}
