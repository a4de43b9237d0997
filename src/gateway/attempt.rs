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
    waiting::{self, Waiting},
    watch::{Fired, Guard},
};
use crate::chat::Op;
use crate::formats::Dropped;
use crate::plan::{
    self, Choice, Moment, Plan,
    health::Entry,
    retry::{self, Class},
};
use crate::resources::{
    Millis,
    route::{self, AllRest, RetryOn, Route},
};
use crate::upstream::Upstream;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A target that may still answer.
struct Open<'a> {
    choice: &'a Choice,
    /// When it may be tried. `None`: not again.
    due: Option<Instant>,
    /// It is to be tried now.
    turn: bool,
    tried: bool,
}

/// What all attempts of one request go by.
struct Attempts<'a> {
    exchange: &'a Exchange<'a>,
    plan: &'a Plan,
    /// What the route says of failures; `None`: there is no route.
    spec: Option<&'a Route>,
    record: &'a mut Record,
    watch: &'a Guard,
    retries: u32,
    /// Requests that have gone out.
    made: u32,
    /// Targets that have not been tried.
    untried: usize,
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
        spec,
        record,
        watch,
        // A count that does not come is estimated, and not waited for.
        retries: match exchange.format.op {
            Op::Count => 0,
            // What a call of a provider does is not known here, nor whether it may be done twice.
            _ if exchange.errand.is_some() => 0,
            _ => spec.map_or(route::retries_default(), |spec| spec.retries),
        },
        made: 0,
        untried: plan.attempts.len() + plan.later.len(),
        failures: Failures::default(),
    };
    attempts.run().await
}

/// Further than any wait goes; keeps times within what clocks can hold.
const LONGEST: Duration = Duration::from_secs(3_600);

impl Attempts<'_> {
    async fn run(mut self) -> Result<Answer, Ended> {
        let due = Some(Instant::now());
        let open = |(choice, turn)| Open {
            choice,
            due,
            turn,
            tried: false,
        };
        let now = self.plan.attempts.iter().map(|choice| (choice, true));
        let later = self.plan.later.iter().map(|choice| (choice, false));
        let mut open: Vec<Open<'_>> = now.chain(later).map(open).collect();
        let mut round = 0;
        loop {
            if let Some(answer) = self.each(&mut open, round).await? {
                return Ok(answer);
            }
            open.retain(|target| target.due.is_some());
            if self.let_in(&mut open) {
                continue;
            }
            let goes_on = match self.waiting() {
                Some(waiting) => self.wait_for_capacity(waiting, &mut open).await?,
                None if round < self.retries => {
                    round += 1;
                    self.wait(round, &mut open).await?
                }
                None => false,
            };
            if !goes_on {
                break;
            }
        }
        if let Some(answer) = self.last(&mut open).await? {
            return Ok(answer);
        }
        match self.failures.is_empty() {
            true => Err(plan::all_rest(self.plan).into()),
            false => Err(self.failures.report().into()),
        }
    }

    /// Tries in the end those that rest, the soonest free first: to rest is a preference and no reason to refuse. Not where
    /// nothing but capacity is missing, of which they have said when it is back; and behind another only as often as what has
    /// failed is tried again, so that they are left alone where none is well.
    async fn last(&mut self, open: &mut [Open<'_>]) -> Result<Option<Answer>, Ended> {
        while self.all_rest() == AllRest::Try
            && (self.failures.is_empty() || !self.failures.is_about_capacity())
        {
            let now = self.now();
            let untried = open.iter_mut().filter(|it| !it.tried && it.due.is_some());
            let soonest = untried.min_by_key(|target| target.choice.state.rests_until(now));
            let Some(target) = soonest else {
                break;
            };
            target.due = None;
            if self.made > 0 && !target.choice.state.repeat(now, true) {
                continue;
            }
            if let answer @ Some(_) = self.at(target, false, self.retries).await? {
                return Ok(answer);
            }
        }
        Ok(None)
    }

    /// Gives those their turn that have not been tried, and whose rest is over by now. `false`: there are none.
    fn let_in(&self, open: &mut [Open<'_>]) -> bool {
        let now = self.now();
        let mut any = false;
        for target in open.iter_mut().filter(|target| !target.tried) {
            target.turn = !target.choice.state.rests(now);
            any |= target.turn;
        }
        any
    }

    fn all_rest(&self) -> AllRest {
        self.spec.map_or(AllRest::Try, |spec| spec.when_all_rest)
    }

    fn triggers(&self) -> &[RetryOn] {
        self.spec.map_or(&RetryOn::DEFAULT, |spec| &spec.retry_on)
    }

    /// Tries each target whose turn it is.
    async fn each(&mut self, open: &mut [Open<'_>], round: u32) -> Result<Option<Answer>, Ended> {
        for at in 0..open.len() {
            let more = open[at + 1..].iter().any(|target| target.turn);
            if std::mem::take(&mut open[at].turn)
                && let Some(answer) = self.at(&mut open[at], more, round).await?
            {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn now(&self) -> Moment {
        self.exchange.worker.shared.moment(Instant::now())
    }

    /// Waits before another round. `false`: the wait would be too long, or longer than the request may take, or the
    /// targets have been tried again often enough by others.
    async fn wait(&mut self, round: u32, open: &mut [Open<'_>]) -> Result<bool, Ended> {
        let moment = self.now();
        for target in open.iter_mut().filter(|target| target.tried) {
            if !target.choice.state.repeat(moment, false) {
                target.due = None;
            }
        }
        let now = Instant::now();
        let due = |target: &Open<'_>| match target.tried {
            true => target.due.map(|due| due.saturating_duration_since(now)),
            false => None,
        };
        // What has not been tried is no reason to wait: it comes before, or in the end.
        let Some(asked) = open.iter().filter_map(due).min() else {
            return Ok(false);
        };
        let wait = retry::wait(
            round,
            Some(asked),
            &mut self.exchange.worker.dice.borrow_mut(),
        );
        let within = |wait: &Duration| self.watch.left().is_none_or(|left| *wait < left);
        let Some(wait) = wait.filter(within) else {
            return Ok(false);
        };
        self.sleep(wait).await?;
        let (now, moment) = (Instant::now(), self.now());
        for target in open.iter_mut() {
            target.turn = match target.tried {
                true => target.due.is_some_and(|due| due <= now),
                false => !target.choice.state.rests(moment),
            };
        }
        // Another target comes before one that has failed.
        open.sort_by_key(|target| target.tried);
        Ok(true)
    }

    async fn sleep(&self, wait: Duration) -> Result<(), Ended> {
        self.watch.within(None);
        let slept = self.watch.run(tokio::time::sleep(wait)).await;
        slept.map_err(Ended::Interrupted)
    }

    /// How the request waits for capacity, where its route has it wait and nothing but capacity has been missing.
    fn waiting(&self) -> Option<Waiting> {
        let limit = self.spec?.wait_for_capacity?;
        let exchange = self.exchange;
        let waits = self.failures.is_about_capacity()
            && exchange.format.op != Op::Count
            && exchange.errand.is_none()
            && !exchange.is_spent()
            && !self.exhausted();
        let patience = waiting::patience(exchange.headers);
        let patience = patience.map(|all| all.saturating_sub(self.record.elapsed()));
        let left = limit.std().saturating_sub(self.record.waited());
        let bounds = [Some(left), patience, self.watch.left()];
        let left = bounds.into_iter().flatten().min()?;
        waits.then(|| Waiting::new(&exchange.worker.shared, left))?
    }

    /// Waits until a target is free and it is this request's turn there. `false`: none will be in time.
    async fn wait_for_capacity(
        &mut self,
        waiting: Waiting,
        open: &mut [Open<'_>],
    ) -> Result<bool, Ended> {
        self.record.waits();
        let outcome = loop {
            let (now, moment) = (Instant::now(), self.now());
            let free_in = |target: &Open<'_>| {
                let due = target.due.unwrap_or(now).saturating_duration_since(now);
                target.choice.state.returns_in(moment).max(due)
            };
            let free = |target: &&mut Open<'_>| {
                free_in(target).is_zero() && !target.choice.state.rests(moment)
            };
            let next = match open.iter_mut().find(free) {
                Some(target) if target.choice.state.pass(moment) => {
                    target.turn = true;
                    break Ok(true);
                }
                // It is another's turn there.
                Some(_) => waiting::TURN,
                None => match open.iter().map(free_in).min() {
                    // It is being probed, and that may end at any time.
                    None | Some(Duration::ZERO) => waiting::LOOK,
                    Some(soonest) => soonest,
                },
            };
            let dice = &self.exchange.worker.dice;
            let jitter = dice.borrow_mut().below(waiting::JITTER_MS);
            let Some(pause) = waiting.pause(next, Duration::from_millis(jitter)) else {
                break Ok(false);
            };
            if let Err(ended) = self.sleep(pause).await {
                break Err(ended);
            }
        };
        self.record.waited_enough();
        outcome
    }

    /// Whether the route allows no more attempts.
    fn exhausted(&self) -> bool {
        self.spec
            .and_then(|spec| spec.max_attempts)
            .is_some_and(|most| self.made >= most)
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
        let mut tried = self.once(upstream, choice, false, more).await;
        if let Err(Ended::Failed(failure)) = &tried
            && failure.kept_connection
            && failure.moves_on(self.triggers())
            && !self.watch.capped()
            && !exchange.goes_once()
            && !self.exhausted()
        {
            self.record
                .attempt_failed(failure, "tried again over a new connection");
            tried = self.once(upstream, choice, true, more).await;
        }
        let mut failure = match tried {
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
        let late = under.filter(|limit| took >= limit.std() && class != Class::Unfit);
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

    /// One request to one target, and its answer. What one in vain took of the room is there for the next.
    async fn once(
        &mut self,
        upstream: &Arc<Upstream>,
        choice: &Choice,
        fresh: bool,
        more: bool,
    ) -> Result<(Came, Dropped), Ended> {
        let came_to = self.asked(upstream, choice, fresh, more).await;
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
        more: bool,
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
        self.made += 1;
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
            past_filters: more && !self.exhausted() && self.triggers().contains(&RetryOn::Content),
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
        Class::Caller | Class::Context | Class::Content if failure.status.is_some() => {
            upstream.standing.worked();
            entry.worked(now);
        }
        // Says nothing of the target.
        Class::Unfit
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
