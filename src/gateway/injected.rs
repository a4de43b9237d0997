//! Faults to order, in front of a provider: what an attempt meets in place of its request being sent, or on top of it.
//! What comes of them is an ordinary failure and goes the way of all failures.

use super::{
    answer,
    ended::Ended,
    failure::Failure,
    send::{Limits, interrupted},
    watch::Guard,
};
use crate::http1::answer::Head;
use crate::plan::Dice;
use crate::resources::{
    Millis,
    provider::inject::{Fault, Faults, WHOLE},
};
use crate::upstream::Upstream;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use std::{
    fmt,
    time::{Duration, Instant},
};

/// What one attempt meets.
pub(super) struct Injected {
    fault: Option<Fault>,
    latency: Option<Millis>,
    ttft: Option<Millis>,
    /// Its answer is cut off once it has begun.
    pub cut: bool,
    /// When its request went out.
    sent: Instant,
}

/// Draws what an attempt meets; `None`: nothing.
pub(super) fn drawn(faults: &Faults, dice: &mut Dice) -> Option<Box<Injected>> {
    let ball = |dice: &mut Dice| dice.below(u64::from(WHOLE)) as u32;
    let fault = faults.drawn(ball(dice));
    let reaches = fault.is_none();
    let injected = Injected {
        fault,
        latency: faults.latency,
        ttft: faults.ttft.filter(|_| reaches),
        cut: reaches && ball(dice) < faults.cut,
        sent: Instant::now(),
    };
    let met =
        injected.fault.is_some() || injected.cut || injected.latency.or(injected.ttft).is_some();
    met.then(|| Box::new(injected))
}

impl Injected {
    /// In place of the request being sent, or before it is.
    pub async fn before(
        &mut self,
        upstream: &Upstream,
        watch: &Guard,
        limits: &Limits,
    ) -> Result<(), Ended> {
        watch.within(Some(limits.answer));
        if let Some(latency) = self.latency {
            self.wait(latency.std(), upstream, watch).await?;
        }
        let name = &upstream.name;
        match self.fault {
            None => {
                self.sent = Instant::now();
                Ok(())
            }
            Some(Fault::Status(status, wait)) => Err(answered(upstream, status, wait).into()),
            Some(Fault::Connect) => Err(Failure::connect(format!(
                "cannot connect to provider `{name}`: connection refused (injected)"
            ))
            .into()),
            Some(Fault::Reset) => Err(Failure::upstream(format!(
                "provider `{name}` broke the connection: reset (injected)"
            ))
            .into()),
            // Longer than any timer: the request's own ends it.
            Some(Fault::Timeout) => {
                self.wait(Duration::from_secs(86_400), upstream, watch)
                    .await
            }
        }
    }

    /// Before the first content is handed on.
    pub async fn behind(&self, upstream: &Upstream, watch: &Guard) -> Result<(), Ended> {
        let left = self.ttft.map_or(Duration::ZERO, |ttft| {
            ttft.std().saturating_sub(self.sent.elapsed())
        });
        match left.is_zero() {
            true => Ok(()),
            false => self.wait(left, upstream, watch).await,
        }
    }

    /// Waits as long, or until the attempt's time is over.
    async fn wait(&self, time: Duration, upstream: &Upstream, watch: &Guard) -> Result<(), Ended> {
        let slept = watch.run(tokio::time::sleep(time)).await;
        slept.map_err(|fired| {
            interrupted(fired, watch, || {
                Failure::slow(format!(
                    "provider `{}` did not answer in time (injected)",
                    upstream.name
                ))
            })
        })
    }
}

/// As it is noted in the attempt.
impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = self.latency.map(|time| format!("latency={time}"));
        let fault = self.fault.map(|fault| fault.to_string());
        let ttft = self.ttft.map(|time| format!("ttft={time}"));
        let cut = self.cut.then(|| "cut".to_owned());
        let all = [latency, fault, ttft, cut];
        f.write_str(&all.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

/// An error answer that the provider never gave, read as one that it gave.
fn answered(upstream: &Upstream, status: u16, wait: Option<Millis>) -> Failure {
    let message = format!(
        "an error in place of an answer of provider `{}` (injected)",
        upstream.name
    );
    let body = json!({"error": {"message": message, "type": "injected_error"}}).to_string();
    let wait = wait.map(|wait| wait.0.to_string());
    let wait = wait.as_deref().map(|wait| ("retry-after-ms", wait));
    let head = Head {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
        headers: wait.into_iter().collect(),
    };
    answer::refused(upstream, &head, Bytes::from(body), false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn met(faults: &str, times: usize) -> Vec<String> {
        let faults: Faults = faults.parse().unwrap();
        let mut dice = Dice::new(7);
        let drawn = (0..times).filter_map(|_| drawn(&faults, &mut dice));
        drawn.map(|injected| injected.to_string()).collect()
    }

    #[test]
    fn an_attempt_meets_what_was_ordered() {
        assert_eq!(met("429:100%,ttft=8s,cut:100%", 2), ["429", "429"]);
        assert_eq!(
            met("latency=2s,ttft=8s,cut:100%", 1),
            ["latency=2s,ttft=8s,cut"]
        );
        assert_eq!(met("latency=2s,reset:100%", 1), ["latency=2s,reset"]);
        // Six standard deviations of 3,000 in 10,000.
        let some = met("503:30%", 10_000).len();
        assert!((2_725..=3_275).contains(&some), "{some}");
    }
}
