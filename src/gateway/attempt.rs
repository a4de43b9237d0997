//! Trying targets until one answers: send, read up to the first content (the commit point), and on failure
//! retry, move on or stop as the plan's verdict says. Nothing of a failed attempt reaches the caller, and every
//! request that goes out is an attempt in the record.

use super::{
    answer::{Answer, Came, Reading, Reply},
    ended::Ended,
    exchange::Exchange,
    failure::Failure,
    failures::Failures,
    injected, prepare,
    record::Record,
    send::{self, send},
    watch::{Fired, Guard},
};
use crate::chat::Op;
use crate::formats::Dropped;
use crate::plan::{
    Choice, Moment, Plan,
    health::Entry,
    retry::{self, Class},
};
use crate::resources::route::{self, RetryOn};
use crate::upstream::Upstream;
use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

/// A target that may still answer.
struct Open<'a> {
    choice: &'a Choice,
    /// When it may be tried. `None`: not again.
    due: Option<Instant>,
}

/// What all attempts of one request go by.
struct Attempts<'a> {
    exchange: &'a Exchange<'a>,
    plan: &'a Plan,
    record: &'a mut Record,
    watch: &'a Guard,
    retries: u32,
    triggers: Cow<'a, [RetryOn]>,
    failures: Failures,
}

/// Tries the plan's targets in order, then again after a wait where that may help.
pub async fn run(
    exchange: &Exchange<'_>,
    plan: &Plan,
    record: &mut Record,
    watch: &Guard,
) -> Result<Answer, Ended> {
    let spec = plan.route.as_ref().map(|route| &route.spec);
    if let Some(limit) = spec.and_then(|spec| spec.total_timeout) {
        watch.cap(limit.std().saturating_sub(record.elapsed()));
    }
    exchange.held.settle();
    let attempts = Attempts {
        exchange,
        plan,
        record,
        watch,
        // A count that does not come is estimated, and not waited for.
        retries: match exchange.format.op {
            Op::Count => 0,
            // What a call of a provider does is not known here, nor whether it may be done twice.
            _ if exchange.errand.is_some() => 0,
            _ => spec.map_or(route::retries_default(), |spec| spec.retries),
        },
        triggers: match spec {
            Some(spec) => Cow::Borrowed(&spec.retry_on),
            None => Cow::Owned(route::retry_on_default()),
        },
        failures: Failures::default(),
    };
    attempts.run().await
}

/// Further than any wait goes; keeps times within what clocks can hold.
const LONGEST: Duration = Duration::from_secs(3_600);

impl Attempts<'_> {
    async fn run(mut self) -> Result<Answer, Ended> {
        let due = Some(Instant::now());
        let open = |choice| Open { choice, due };
        let mut open: Vec<Open<'_>> = self.plan.attempts.iter().map(open).collect();
        for round in 0..=self.retries {
            if round > 0 && !self.wait(round, &open).await? {
                break;
            }
            let now = Instant::now();
            let is_due = |target: &Open<'_>| target.due.is_some_and(|due| due <= now);
            for at in 0..open.len() {
                let more = open[at + 1..].iter().any(is_due);
                if is_due(&open[at])
                    && let Some(answer) = self.at(&mut open[at], more, round).await?
                {
                    return Ok(answer);
                }
            }
            if open.iter().all(|target| target.due.is_none()) {
                break;
            }
        }
        Err(self.failures.report().into())
    }

    /// Waits before another round. `false`: the wait would be too long, or longer than the request may take.
    async fn wait(&mut self, round: u32, open: &[Open<'_>]) -> Result<bool, Ended> {
        let now = Instant::now();
        let asked = open
            .iter()
            .filter_map(|target| target.due)
            .map(|due| due.saturating_duration_since(now))
            .min();
        let wait = retry::wait(round, asked, &mut self.exchange.worker.dice.borrow_mut());
        let within = |wait: &Duration| self.watch.left().is_none_or(|left| *wait < left);
        let Some(wait) = wait.filter(within) else {
            return Ok(false);
        };
        self.watch.within(None);
        match self.watch.run(tokio::time::sleep(wait)).await {
            Ok(()) => Ok(true),
            Err(fired) => Err(Ended::Interrupted(fired)),
        }
    }

    /// Tries one target. `None`: it gave no answer, and the request goes on.
    async fn at(
        &mut self,
        target: &mut Open<'_>,
        more: bool,
        round: u32,
    ) -> Result<Option<Answer>, Ended> {
        let choice = target.choice;
        let exchange = self.exchange;
        let upstream = &exchange.serving.upstreams[choice.provider];
        let shared = &exchange.worker.shared;
        let Some(mut entry) = choice.state.enter(shared.moment(Instant::now()), !more) else {
            return Ok(None);
        };
        let mut tried = self.once(upstream, choice, false).await;
        if let Err(Ended::Failed(failure)) = &tried
            && failure.kept_connection
            && failure.class.moves_on(&self.triggers)
            && !self.watch.capped()
            && !exchange.goes_once()
        {
            self.record
                .attempt_failed(failure, "tried again over a new connection");
            tried = self.once(upstream, choice, true).await;
        }
        let failure = match tried {
            Ok((came, dropped)) => {
                upstream.standing.worked();
                self.record.attempt_ok(came.status.as_u16());
                let now = shared.moment(Instant::now());
                entry.answered(now);
                if let Reply::Whole { .. } = came.reply {
                    entry.worked(now);
                }
                return Ok(Some(Answer {
                    came,
                    dropped,
                    entry,
                }));
            }
            Err(Ended::Failed(mut failure)) => {
                failure.clean(&upstream.sign_in.hidden(exchange.own_key()));
                failure
            }
            Err(ended) => {
                if let Ended::Refused(error) = &ended {
                    self.record.attempt_cut(&error.message);
                }
                return Err(ended);
            }
        };
        let now = shared.moment(Instant::now());
        note(entry, upstream, &failure, now);
        self.follow(target, failure, more, round)?;
        Ok(None)
    }

    /// What follows from a failure: an end, or that the target may be tried again at some time or not at all.
    fn follow(
        &mut self,
        target: &mut Open<'_>,
        failure: Failure,
        more: bool,
        round: u32,
    ) -> Result<(), Ended> {
        let (over, spent) = (self.watch.capped(), self.exchange.is_spent());
        let moves_on = failure.class.moves_on(&self.triggers) && !over && !spent;
        let again = moves_on && failure.class.may_pass();
        let next = match () {
            () if over => "stopped: the request's time in total is over",
            () if spent => "stopped: the body has gone out, and goes once",
            () if !moves_on => "stopped: not a failure the route moves on from",
            () if more => "moved on to the next target",
            () if again && round < self.retries => "no target left, waiting to try again",
            () => "no target left",
        };
        self.record.attempt_failed(&failure, next);
        if over && matches!(failure.class, Class::Timeout | Class::Slow) {
            return Err(Ended::Interrupted(Fired::Deadline));
        }
        if !moves_on {
            return Err(failure.into());
        }
        let wait = failure.retry_after.unwrap_or_default().min(LONGEST);
        target.due = again.then(|| Instant::now() + wait);
        self.failures.add(failure);
        Ok(())
    }

    /// One request to one target, and its answer. What one in vain took of the room is there for the next.
    async fn once(
        &mut self,
        upstream: &Arc<Upstream>,
        choice: &Choice,
        fresh: bool,
    ) -> Result<(Came, Dropped), Ended> {
        let came_to = self.asked(upstream, choice, fresh).await;
        if came_to.is_err() {
            self.exchange.held.attempt_failed();
        }
        came_to
    }

    async fn asked(
        &mut self,
        upstream: &Arc<Upstream>,
        choice: &Choice,
        fresh: bool,
    ) -> Result<(Came, Dropped), Ended> {
        let (exchange, watch) = (self.exchange, self.watch);
        self.record
            .attempt(&upstream.name, &choice.model, choice.facts.prices);
        let timers = match &self.plan.route {
            Some(route) => upstream.timers.of_route(&route.spec),
            None => upstream.timers,
        };
        let limits = send::Limits {
            connect: timers.connect,
            idle: timers.idle,
            answer: match exchange.peek.stream {
                true => timers.first_content,
                false => timers.answer,
            },
        };
        let way = prepare::way(exchange, upstream, choice)?;
        let (request, dropped) = prepare::request(exchange, upstream, choice, way)?;
        let upload = request.body().upload().cloned();
        let fresh = fresh || exchange.goes_once();
        let dice = &exchange.worker.dice;
        let mut injected = upstream
            .faults(exchange.now)
            .and_then(|faults| injected::drawn(faults, &mut dice.borrow_mut()));
        if let Some(injected) = &mut injected {
            self.record.injected(injected.to_string());
            // In boxes: requests that meet nothing must not carry their room about.
            Box::pin(injected.before(upstream, watch, &limits)).await?;
        }
        let sent = send(exchange.worker, upstream, request, watch, &limits, fresh).await;
        let (response, ticket) = match upload {
            None => sent?,
            Some(upload) => upload.judged(sent, watch, &upstream.name)?,
        };
        let reading = Reading {
            exchange,
            upstream,
            choice,
            way,
            watch,
            idle: timers.idle,
            cut: injected.as_ref().is_some_and(|injected| injected.cut),
        };
        let came = reading.read(response, ticket).await?;
        if let Some(injected) = &injected {
            Box::pin(injected.behind(upstream, watch)).await?;
        }
        Ok((came, dropped))
    }
}

/// Notes what a failure says of the target.
fn note(mut entry: Entry, upstream: &Upstream, failure: &Failure, now: Moment) {
    match failure.class {
        Class::Capacity => entry.cool(failure.retry_after.map(|wait| wait.as_millis() as u64), now),
        // Closed between two requests, as servers may.
        Class::Upstream if failure.kept_connection => {}
        Class::Upstream | Class::Timeout | Class::Slow => entry.failed(now),
        Class::Connect => {
            upstream.standing.failed(failure.fault.message.clone());
            entry.failed(now);
        }
        Class::Credential => {
            credential(upstream, failure);
            entry.failed(now);
        }
        // It answers, and it is the request that it does not like.
        Class::Caller | Class::Context if failure.status.is_some() => {
            upstream.standing.worked();
            entry.worked(now);
        }
        // Says nothing of the target.
        Class::Unfit | Class::OwnKey | Class::Caller | Class::NotFound | Class::Context => {}
    }
}

/// Notes that a provider refused gw's credential, or that there was none to send.
fn credential(upstream: &Upstream, failure: &Failure) {
    let provider = &*upstream.name;
    match failure.status {
        Some(status) => {
            if let 401 | 403 = status {
                upstream.refused_credential();
            }
            if let Some(times) = upstream.standing.refused(status) {
                tracing::warn!(
                    provider,
                    status,
                    times,
                    "provider refuses gw's credential; replace it with `gw provider rekey`"
                );
            }
        }
        None => {
            let why = failure.fault.message.clone();
            if let Some(times) = upstream.standing.without_credential(why) {
                tracing::warn!(
                    provider,
                    times,
                    "the credential of a provider is not available; see `gw status`"
                );
            }
        }
    }
}
