//! The request's record: a guard that writes exactly one log row, also when the request is dropped because
//! the caller hung up. Nothing here waits: the row goes to the journal's queue.

use super::{
    Shared,
    failure::Failure,
    kept::Home,
    limit::{self, Limited, Tab},
    said::Said,
};
use crate::catalog::{self, Prices};
use crate::chat::{Op, Usage, UsageSource, estimate};
use crate::formats::Api;
use crate::formats::{Seen, peek::Peek, sniff};
use crate::http1::{fields::Fields, lines::Lines};
use crate::plan::{Caller, Moment};
use crate::resources::{Stamp, key::LogContent};
use crate::store::counters::{Amounts, Refusal};
use crate::store::journal::{Attempt, Outcome, Row};
use crate::telemetry::context::{self, Context};
use bytes::Bytes;
use http::HeaderValue;
use std::{
    cell::Cell,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// One request's log row in the making.
pub struct Record {
    pub row: Row,
    /// What the log has beside the row.
    said: Said,
    level: LogContent,
    prices: Option<Arc<Prices>>,
    /// What it costs, once somebody has asked: whoever changes what that goes by forgets it.
    cost: Cell<Option<catalog::Cost>>,
    started: Instant,
    shared: Arc<Shared>,
    /// The last attempt in the row runs.
    running: bool,
    /// The caller, once it counts among its running requests.
    caller: Option<Arc<Caller>>,
    /// What the log says beside what a refused caller was told.
    aside: Option<&'static str>,
    /// Bytes of the request that are text.
    text_bytes: u64,
    finished: bool,
    /// Where its caller's trace stood, where somebody wants traces.
    trace: Option<Box<Context>>,
    /// Nothing is used by it, and nothing is to be paid: it only counts.
    free: bool,
    /// What it uses is not the text in it, so that only the provider can say.
    untold: bool,
    /// What the answer carries in place of text.
    carried: Option<Box<Carried>>,
    /// Since when it waits for a target to be free.
    waiting: Option<Instant>,
    /// What it has reserved, where limits look at it.
    tab: Option<Box<Tab>>,
}

struct Carried {
    kind: Option<String>,
    bytes: u64,
}

/// What the log has in place of a body.
fn told(kind: Option<&str>, bytes: Option<u64>) -> Vec<u8> {
    let told = serde_json::json!({"content_type": kind, "bytes": bytes});
    told.to_string().into_bytes()
}

/// Whether a body of the log is what it has in place of one.
pub fn is_told(body: &str) -> bool {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let members = body.as_object();
    members.is_some_and(|it| {
        it.len() == 2 && it.contains_key("content_type") && it.contains_key("bytes")
    })
}

impl Record {
    /// Begins the record of a request that has just been taken.
    pub fn begin(shared: Arc<Shared>, id: String, at: Stamp) -> Record {
        shared.traffic.in_flight.fetch_add(1, Ordering::Relaxed);
        shared.traffic.requests.fetch_add(1, Ordering::Relaxed);
        let level = shared.settings.log_content;
        let row = Row {
            id,
            at,
            ..Row::default()
        };
        Record {
            row,
            said: Said::default(),
            level,
            prices: None,
            cost: Cell::new(None),
            started: Instant::now(),
            shared,
            running: false,
            caller: None,
            aside: None,
            text_bytes: 0,
            finished: false,
            trace: None,
            free: false,
            untold: false,
            carried: None,
            waiting: None,
            tab: None,
        }
    }

    /// What it has reserved.
    pub fn tab(&mut self) -> &mut Tab {
        self.tab.get_or_insert_default()
    }

    /// Its target gave no answer: what was reserved for it there is given back.
    pub fn target_left(&mut self) {
        if let Some(tab) = &mut self.tab {
            tab.left(&*self.shared.counters);
        }
    }

    /// A limit does not let it through: it gives back what it has reserved.
    pub fn refused_by(&mut self, refusal: &Refusal) -> Limited {
        let counters = &*self.shared.counters;
        if let Some(tab) = &mut self.tab {
            tab.give_back(counters);
        }
        let limited = Limited::of(refusal, counters.now());
        self.row.limit = Some(limited.name.clone());
        self.shared.live.refused(refusal.limit.metric, false);
        limited
    }

    /// A limit in shadow would have refused it.
    pub fn shadowed_by(&mut self, refusal: &Refusal, name: String) {
        self.row.shadowed.push(name);
        self.shared.live.refused(refusal.limit.metric, true);
    }

    /// Puts how its caller's limits stand into the headers of its answer.
    pub fn tell_limits(&self, api: Api, headers: &mut Lines) {
        let allowance = self.caller.as_ref().and_then(|it| it.allowance.as_ref());
        let Some(allowance) = allowance.filter(|_| !self.free) else {
            return;
        };
        let counters = &*self.shared.counters;
        let now = counters.now();
        let reserved = self.tab.as_ref().and_then(|tab| tab.accounts());
        let unreserved;
        let found = match reserved {
            Some(accounts) => accounts,
            None => {
                unreserved = allowance.accounts(counters, self.row.session.as_deref());
                &unreserved
            }
        };
        let standings = found
            .iter()
            .filter_map(|account| counters.standings(account, now).now());
        let standings: Vec<_> = standings.flatten().collect();
        limit::tell(&standings, now, api, headers);
    }

    /// Whose request it is. The stricter of the key's and the gateway's content setting holds.
    pub fn caller(&mut self, caller: &Arc<Caller>) {
        caller.running.fetch_add(1, Ordering::Relaxed);
        self.caller = Some(caller.clone());
        self.belongs_to(caller);
    }

    /// Where its caller's trace stands, where that matters.
    pub fn traced(&mut self, headers: &Fields) {
        if self.shared.traces.is_some() {
            self.trace = Context::read(headers).map(Box::new);
        }
    }

    /// What a provider is told of the attempt that runs, where it is told of traces.
    pub fn traceparent(&self, provider: &str) -> Option<HeaderValue> {
        self.shared
            .traces
            .as_ref()
            .filter(|traces| traces.tells(provider))?;
        let attempt = self.row.attempts.len() + usize::from(!self.running);
        let told = context::traceparent(&self.row.id, self.trace.as_deref(), attempt);
        HeaderValue::try_from(told).ok()
    }

    /// Whose key a request presented that is not let in; `why`: what the log says and the caller is not told.
    pub fn refused(&mut self, caller: &Caller, why: Option<&'static str>) {
        self.belongs_to(caller);
        self.aside = why;
    }

    fn belongs_to(&mut self, caller: &Caller) {
        self.row.key = Some(caller.key.clone());
        self.row.user = Some(caller.user.clone());
        self.row.environment = (!caller.environment.is_empty()).then(|| caller.environment.clone());
        self.row.labels = (!caller.labels.is_empty()).then(|| caller.labels.clone());
        self.level = self.level.max(caller.log_content);
    }

    /// What the request's body says, and how much of it is text.
    pub fn asked(&mut self, peek: &Peek<'_>, op: Op) {
        self.free = op == Op::Count;
        self.untold = matches!(op, Op::Forward(_) | Op::Keep(_));
        self.row.stream = peek.stream;
        self.row.requested_model = peek.model.as_deref().map(Arc::from);
        self.text_bytes = peek.text_bytes;
    }

    /// The request's body, kept for the log where wanted.
    pub fn request(&mut self, body: &Bytes) {
        if self.level == LogContent::Full {
            self.said.request(body.clone());
        }
    }

    /// The answer comes piece by piece, while the request's body is needed no longer: how many bytes of it are kept until
    /// the row is written.
    pub fn request_kept(&mut self) -> usize {
        self.said.keep_request()
    }

    /// A piece of the answer as the caller gets it.
    pub fn response(&mut self, piece: &Bytes) {
        if self.level != LogContent::Full {
            return;
        }
        match &mut self.carried {
            Some(carried) => carried.bytes += piece.len() as u64,
            None => self.said.piece(piece, self.shared.settings.content_kept),
        }
    }

    /// The answer is what its label says, handed on as it comes. Of what is no text the log has kind and length.
    pub fn carried(&mut self, kind: Option<&str>) {
        self.row.stream = kind.is_some_and(|kind| sniff::labelled(kind, "text/event-stream"));
        if !kind.is_some_and(sniff::is_text) {
            self.carried = Some(Box::new(Carried {
                kind: kind.map(str::to_owned),
                bytes: 0,
            }));
        }
    }

    /// The request's body is no JSON: the log has kind and length, where the caller says them.
    pub fn brought(&mut self, kind: Option<&HeaderValue>, bytes: Option<u64>) {
        if self.level == LogContent::Full && (kind.is_some() || bytes.is_some()) {
            let kind = kind.and_then(|kind| kind.to_str().ok());
            self.said.request(told(kind, bytes).into());
        }
    }

    /// When the request was taken.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Now, as planning counts it.
    pub fn moment(&self) -> Moment {
        self.shared.moment(Instant::now())
    }

    /// How often a silent stream is to be pinged.
    pub fn ping(&self) -> Duration {
        self.shared.settings.ping
    }

    /// Since the request was taken.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn elapsed_ms(&self) -> u64 {
        self.ms_at(Instant::now())
    }

    fn ms_at(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.started).as_millis() as u64
    }

    /// The request waits for a target to be free.
    pub fn waits(&mut self) {
        self.waiting = Some(Instant::now());
    }

    /// It waits no longer.
    pub fn waited_enough(&mut self) {
        if let Some(since) = self.waiting.take() {
            self.row.waited_ms += since.elapsed().as_millis() as u64;
        }
    }

    /// How long it has waited so.
    pub fn waited(&self) -> Duration {
        Duration::from_millis(self.row.waited_ms)
    }

    /// Which target it came to in the end, where that is not the last that was tried.
    pub fn came_to(&mut self, provider: Arc<str>, model: Arc<str>) {
        self.row.provider = Some(provider);
        // Mostly it is the one asked for: then they share a text, which whoever writes the row need not free.
        if self.row.requested_model.as_deref() == Some(&*model) {
            self.row.requested_model = Some(model.clone());
        }
        // Of a provider itself no model is asked.
        self.row.model = Some(model).filter(|model| !model.is_empty());
    }

    /// An attempt starts now.
    pub fn attempt(
        &mut self,
        provider: &Arc<str>,
        model: &Arc<str>,
        prices: &Arc<Prices>,
        now: Instant,
    ) {
        self.prices = Some(prices.clone());
        self.cost.set(None);
        // There is nearly always one.
        self.row.attempts.reserve_exact(1);
        self.running = true;
        self.row.attempts.push(Attempt {
            provider: provider.clone(),
            model: model.clone(),
            start_ms: self.ms_at(now),
            duration_ms: 0,
            status: None,
            class: "cancelled".into(),
            retry_after: None,
            reason: None,
            injected: None,
        });
    }

    fn running(&mut self) -> Option<&mut Attempt> {
        let last = self.row.attempts.last_mut();
        last.filter(|_| self.running)
    }

    /// What is injected into the running attempt.
    pub fn injected(&mut self, what: String) {
        if let Some(attempt) = self.running() {
            attempt.injected = Some(what);
        }
    }

    /// The running attempt answered now.
    pub fn attempt_ok(&mut self, status: u16, now: Instant) {
        let now = self.ms_at(now);
        self.row.ttft_ms.get_or_insert(now);
        if let Some(attempt) = self.running() {
            attempt.status = Some(status);
            attempt.class = "ok".into();
        }
        self.close_attempt(now);
    }

    /// The running attempt failed; `next` says what follows from it.
    pub fn attempt_failed(&mut self, failure: &Failure, next: &str) {
        let full = self.level == LogContent::Full;
        if let Some(attempt) = self.running() {
            attempt.status = failure.status;
            attempt.class = failure.class.name().into();
            attempt.retry_after = failure
                .retry_after
                .map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
            let message = &failure.fault.message;
            // What a provider sent is content, as an answer is.
            let begins = failure.begins.as_deref().filter(|_| full);
            attempt.reason = Some(match begins {
                Some(begins) => format!("{message}; it begins: {begins}; {next}"),
                None => format!("{message}; {next}"),
            });
        }
        self.close_attempt(self.elapsed_ms());
    }

    /// The running attempt is ended by the gateway's own doing.
    pub fn attempt_cut(&mut self, reason: &str) {
        if let Some(attempt) = self.running() {
            attempt.reason = Some(format!("stopped: {reason}"));
        }
    }

    /// The attempt that had answered did not get to the end of its stream: it must not look like success.
    pub fn attempt_broke(&mut self, class: &'static str, reason: &str) {
        let now = self.elapsed_ms();
        if let Some(attempt) = self.row.attempts.last_mut() {
            attempt.duration_ms = now.saturating_sub(attempt.start_ms);
            attempt.class = class.into();
            attempt.reason = Some(format!("{reason}; stopped: the answer had begun"));
        }
    }

    fn close_attempt(&mut self, now: u64) {
        if let Some(attempt) = self.running() {
            attempt.duration_ms = now.saturating_sub(attempt.start_ms);
            let (provider, model) = (attempt.provider.clone(), attempt.model.clone());
            self.running = false;
            self.came_to(provider, model);
        }
    }

    /// Notes an answer that the provider keeps as this caller's.
    pub fn kept(&self, seen: &Seen) {
        if let (Some(id), Some(caller)) = (&seen.id, &self.caller)
            && let Some(provider) = &self.row.provider
        {
            let home = Home {
                provider: provider.clone(),
                model: self.row.model.clone().unwrap_or_default(),
            };
            self.shared.kept.note(caller, id, home);
        }
    }

    /// What the answer said about usage; estimated from what was sent where it said nothing.
    pub fn usage(&mut self, seen: &Seen) {
        self.cost.set(None);
        match seen.usage {
            Some(usage) => {
                self.row.usage = usage;
                self.row.tier = seen.tier;
                self.row.usage_source = UsageSource::Reported;
            }
            None if self.free => self.row.usage_source = UsageSource::Estimated,
            None if self.untold => {}
            None => {
                self.row.usage = Usage {
                    input: estimate(self.text_bytes),
                    output: estimate(seen.text_bytes),
                    ..Usage::default()
                };
                self.row.usage_source = UsageSource::Estimated;
            }
        }
    }

    /// Marks reported usage as partial: the answer was cut short.
    pub fn partial(&mut self, seen: &Seen) {
        self.usage(seen);
        // What a provider says at the start counts only the prompt; the text that came is known better.
        if !seen.finished && !self.untold {
            self.row.usage.output = self.row.usage.output.max(estimate(seen.text_bytes));
            self.row.usage_source = UsageSource::Estimated;
            self.cost.set(None);
        }
    }

    /// What it costs, once what it used is known; `None`: nothing is to be paid, or it is not known.
    pub fn priced(&self) -> Option<catalog::Cost> {
        let known = !self.free && self.row.usage_source != UsageSource::None;
        known.then(|| self.cost())
    }

    /// What it used, as limits count it.
    fn used(&self) -> Amounts {
        let usage = &self.row.usage;
        let pico = self.row.cost_pico.and_then(|pico| u64::try_from(pico).ok());
        Amounts {
            requests: 1,
            input: usage.prompt(),
            output: usage.completion(),
            pico: pico.unwrap_or(0),
            parallel: 0,
        }
    }

    /// Cost so far, for the answer's header.
    pub fn cost(&self) -> catalog::Cost {
        if self.free || self.row.usage_source == UsageSource::None {
            return catalog::Cost::default();
        }
        if let Some(cost) = self.cost.get() {
            return cost;
        }
        let (row, prices) = (&self.row, self.prices.as_deref());
        let cost = prices.map_or_else(catalog::Cost::default, |prices| {
            catalog::cost(&row.usage, row.tier, row.usage_source, prices)
        });
        self.cost.set(Some(cost));
        cost
    }

    /// How it ended. Only the first word counts.
    pub fn finish(&mut self, status: u16, outcome: Outcome) {
        if !self.finished {
            self.finished = true;
            // One that still runs ends with its request, and counts in what the caller is told.
            if self.running {
                self.close_attempt(self.elapsed_ms());
            }
            self.row.status = status;
            self.row.outcome = outcome;
        }
    }

    /// What the caller was told.
    pub fn error(&mut self, message: &str) {
        let mut message = message.to_owned();
        if let Some(aside) = self.aside {
            message.push_str(&format!(" [{aside}]"));
        }
        self.row.error = Some(message);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.shared
            .traffic
            .in_flight
            .fetch_sub(1, Ordering::Relaxed);
        if let Some(caller) = &self.caller {
            caller.running.fetch_sub(1, Ordering::Relaxed);
        }
        let now = self.elapsed_ms();
        self.close_attempt(now);
        self.waited_enough();
        self.finish(499, Outcome::ClientClosed);
        if self.row.outcome == Outcome::ClientClosed
            && self.row.usage_source == UsageSource::None
            && !self.row.attempts.is_empty()
        {
            self.usage(&Seen::default());
        }
        if self.row.usage_source != UsageSource::None {
            let cost = self.cost();
            self.row.cost_status = cost.status;
            self.row.cost_pico = cost.pico.and_then(|pico| i64::try_from(pico).ok());
            self.row.unpriced = cost.unpriced;
        }
        if let Some(tab) = self.tab.take() {
            tab.settle(&*self.shared.counters, self.used());
        }
        self.row.latency_ms = now;
        self.shared.live.note(&self.row);
        if let Some(traces) = &self.shared.traces {
            traces.finished(&self.row, self.trace.take().map(|context| *context));
        }
        let row = std::mem::take(&mut self.row);
        match self.level {
            LogContent::Off => {}
            LogContent::Metadata => self.shared.journal.push(row, None),
            LogContent::Full => {
                if let Some(carried) = self.carried.take() {
                    let told = told(carried.kind.as_deref(), Some(carried.bytes));
                    self.said.piece(&told.into(), usize::MAX);
                }
                let said = std::mem::take(&mut self.said);
                self.shared.journal.push(row, Some(said.content()));
            }
        }
    }
}
