//! The order in which a request comes to its targets: the plan's first, then those whose rest is over, the same again after a
//! wait where that may help, and in the end those that rest. What becomes of one try is `attempt`'s.

use super::{
    answer::Answer,
    attempt::{Attempts, Open},
    ended::Ended,
    exchange::Exchange,
    failures::Failures,
    record::Record,
    waiting::{self, Waiting},
    watch::Guard,
};
use crate::chat::Op;
use crate::plan::{self, Plan, retry};
use crate::resources::route::{self, AllRest};
use std::time::{Duration, Instant};

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
    let mut attempts = Attempts {
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

impl Attempts<'_> {
    // By reference: what a future is given by value it holds twice.
    async fn run(&mut self) -> Result<Answer, Ended> {
        let due = Some(self.record.started());
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
            // Where none is left that may answer there is nothing to wait for.
            let goes_on = match self.waiting().filter(|_| !open.is_empty()) {
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
            false => Err(std::mem::take(&mut self.failures).report().into()),
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
}
