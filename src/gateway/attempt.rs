//! Trying one target: send, read up to the first content (the commit point), and on failure say what follows, as the plan's
//! verdict is. Nothing of a failed attempt reaches the caller, and every request that goes out is an attempt in the record.
//! Which target comes next is for `rounds`.

use super::{
    answer::{Answer, Came, Reading, Reply},
    ended::Ended,
    exchange::Exchange,
    failure::Failure,
    failures::Failures,
    injected, limit, prepare,
    record::Record,
    send::{self, send},
    watch::{Fired, Guard},
};
use crate::formats::Dropped;
use crate::plan::{Choice, Moment, Plan, health::Entry, retry::Class};
use crate::resources::{
    Millis,
    route::{RetryOn, Route},
};
use crate::upstream::Upstream;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A target that may still answer.
pub(super) struct Open<'a> {
    pub choice: &'a Choice,
    /// When it may be tried. `None`: not again.
    pub due: Option<Instant>,
    /// It is to be tried now.
    pub turn: bool,
    pub tried: bool,
}

/// What all attempts of one request go by.
pub(super) struct Attempts<'a> {
    pub exchange: &'a Exchange<'a>,
    pub plan: &'a Plan,
    /// What the route says of failures; `None`: there is no route.
    pub spec: Option<&'a Route>,
    pub record: &'a mut Record,
    pub watch: &'a Guard,
    pub retries: u32,
    /// Requests that have gone out.
    pub made: u32,
    /// Targets that have not been tried.
    pub untried: usize,
    pub failures: Failures,
}

/// Further than any wait goes; keeps times within what clocks can hold.
const LONGEST: Duration = Duration::from_secs(3_600);

impl Attempts<'_> {
    fn triggers(&self) -> &[RetryOn] {
        self.spec.map_or(&RetryOn::DEFAULT, |spec| &spec.retry_on)
    }

    pub(super) fn now(&self) -> Moment {
        self.exchange.worker.shared.moment(Instant::now())
    }

    /// Whether the route allows no more attempts.
    pub(super) fn exhausted(&self) -> bool {
        self.spec
            .and_then(|spec| spec.max_attempts)
            .is_some_and(|most| self.made >= most)
    }

    /// Tries one target. `None`: it gave no answer, and the request goes on.
    pub(super) async fn at(
        &mut self,
        target: &mut Open<'_>,
        more: bool,
        round: u32,
    ) -> Result<Option<Answer>, Ended> {
        let choice = target.choice;
        let exchange = self.exchange;
        let upstream = &exchange.serving.upstreams[choice.provider];
        let shared = &exchange.worker.shared;
        let began = Instant::now();
        let moment = shared.moment(began);
        if round > 0 && target.tried && !choice.state.repeat(moment, true) {
            target.due = None;
            return Ok(None);
        }
        let Some(mut entry) = choice.state.enter(moment, !more) else {
            return Ok(None);
        };
        self.untried -= usize::from(!std::mem::replace(&mut target.tried, true));
        let mut begins = (false, began);
        // In one place: each has room of its own in the future.
        let tried = loop {
            let tried = self.once(upstream, choice, begins, more).await;
            match &tried {
                Err(Ended::Failed(failure))
                    if !begins.0
                        && failure.kept_connection
                        && failure.moves_on(self.triggers())
                        && !self.watch.capped()
                        && !exchange.goes_once()
                        && !self.exhausted() =>
                {
                    self.record
                        .attempt_failed(failure, "tried again over a new connection");
                    begins = (true, Instant::now());
                }
                _ => break tried,
            }
        };
        let mut failure = match tried {
            Ok((came, dropped)) => {
                upstream.standing.worked();
                let answered = Instant::now();
                self.record.attempt_ok(came.status.as_u16(), answered);
                let now = shared.moment(answered);
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
        failure.target = Some((upstream.name.clone(), choice.model.clone()));
        note(entry, upstream, &failure, self.now());
        self.follow(target, failure, (more, round), began.elapsed())?;
        Ok(None)
    }

    /// What follows from a failure that took so long: an end, or that the target may be tried again at some time or not
    /// at all. `more`: there are others to try in this `round`.
    fn follow(
        &mut self,
        target: &mut Open<'_>,
        failure: Failure,
        (more, round): (bool, u32),
        took: Duration,
    ) -> Result<(), Ended> {
        let (over, spent) = (self.watch.capped(), self.exchange.is_spent());
        let class = failure.class;
        let under = self.spec.and_then(|spec| spec.retry_if_under);
        let late = under
            .filter(|limit| took >= limit.std() && !matches!(class, Class::Unfit | Class::Limit));
        let stops = !failure.moves_on(self.triggers()) || over || spent || late.is_some();
        let again = !stops && class.may_pass() && !failure.not_again;
        let exhausted = self.exhausted();
        let repeats = again && !more && round < self.retries;
        let waits = again && !more && self.waits_for(&failure);
        let next = match () {
            () if over => "stopped: the request's time in total is over",
            () if spent => "stopped: the body has gone out, and goes once",
            () if late.is_some() => "",
            () if stops => "stopped: not a failure the route moves on from",
            () if exhausted => "stopped: the route allows no more attempts",
            () if more => "moved on to the next target",
            () if waits => "no target left, waiting for capacity",
            () if repeats && !target.choice.state.repeat(self.now(), false) => {
                "no target left, and this one has been tried again often enough"
            }
            () if repeats => "no target left, waiting to try again",
            () if self.untried > 0 => "no target left but such as rest",
            () => "no target left",
        };
        match late {
            None => self.record.attempt_failed(&failure, next),
            Some(limit) => {
                let took = Millis(took.as_millis() as u64);
                let next = format!(
                    "stopped: it took {took}, and the route moves on only from what fails within {limit}"
                );
                self.record.attempt_failed(&failure, &next);
            }
        }
        if over && matches!(class, Class::Timeout | Class::Slow) {
            return Err(Ended::Interrupted(Fired::Deadline));
        }
        if stops {
            return Err(failure.into());
        }
        let wait = failure.retry_after.unwrap_or_default().min(LONGEST);
        target.due = again.then(|| Instant::now() + wait);
        self.failures.add(failure);
        match exhausted {
            true => Err(std::mem::take(&mut self.failures).report().into()),
            false => Ok(()),
        }
    }

    /// Whether the route has the request wait for what this target asked for.
    fn waits_for(&self, failure: &Failure) -> bool {
        let limit = self.spec.and_then(|spec| spec.wait_for_capacity);
        let asked = failure.retry_after.unwrap_or_default() + self.record.waited();
        failure.class == Class::Capacity && limit.is_some_and(|limit| asked < limit.std())
    }

    /// One request to one target, whether over a fresh connection and when, and its answer. What one in vain took of the room is there for the next.
    async fn once(
        &mut self,
        upstream: &Arc<Upstream>,
        choice: &Choice,
        begins: (bool, Instant),
        more: bool,
    ) -> Result<(Came, Dropped), Ended> {
        let came_to = self.asked(upstream, choice, begins, more).await;
        if came_to.is_err() {
            self.exchange.held.attempt_failed();
            self.record.target_left();
        }
        came_to
    }

    async fn asked(
        &mut self,
        upstream: &Arc<Upstream>,
        choice: &Choice,
        (fresh, now): (bool, Instant),
        more: bool,
    ) -> Result<(Came, Dropped), Ended> {
        let (exchange, watch) = (self.exchange, self.watch);
        self.record
            .attempt(&upstream.name, &choice.model, &choice.facts.prices, now);
        watch.tried_at(&upstream.name, &choice.model);
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
        let told = self.record.traceparent(&upstream.name);
        let (request, dropped) = prepare::request(exchange, upstream, choice, way, told)?;
        if limit::has_limits(exchange, choice) {
            // In a box: requests that nothing limits must not carry its room about.
            Box::pin(limit::enter(exchange, choice, self.record)).await?;
        }
        self.made += 1;
        let upload = request.payload.upload().cloned();
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
        let (head, arriving) = match upload {
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
            past_filters: more && !self.exhausted() && self.triggers().contains(&RetryOn::Content),
        };
        let came = reading.read(head, arriving).await?;
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
        Class::Caller | Class::Context | Class::Content if failure.status.is_some() => {
            upstream.standing.worked();
            entry.worked(now);
        }
        // Says nothing of the target.
        Class::Unfit
        | Class::Limit
        | Class::OwnKey
        | Class::Caller
        | Class::NotFound
        | Class::Context
        | Class::Content => {}
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
