//! Trying targets until one answers: send, wait for the first content (the commit point), and on failure
//! retry, move on or stop as the plan's verdict says. Nothing of a failed attempt reaches the caller.

use super::{
    answer::{Answer, first_content, refusal, reply, whole},
    ended::Ended,
    exchange::Exchange,
    failure::Failure,
    headers,
    record::Record,
    send::{body, interrupted, request, send, way},
    stream::{Mode, Stream, Ticket},
    watch::{Fired, Guard},
};
use crate::plan::{
    Choice, Moment, Plan,
    health::Entry,
    retry::{self, Class},
};
use crate::upstream::{Conversion, Upstream};
use http::{HeaderMap, header};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Tries the plan's targets in order, then again after a wait where that may help.
pub async fn run(
    exchange: &Exchange<'_>,
    plan: &Plan,
    record: &mut Record,
    watch: &Guard,
) -> Result<Answer, Ended> {
    let spec = plan.route.as_ref().map(|route| &route.spec);
    let retries = spec.map_or(2, |spec| spec.retries);
    let default_triggers;
    let triggers = match spec {
        Some(spec) => &spec.retry_on,
        None => {
            default_triggers = crate::resources::route::retry_on_default();
            &default_triggers
        }
    };
    if let Some(limit) = spec.and_then(|spec| spec.total_timeout) {
        watch.cap(limit.std().saturating_sub(record.elapsed()));
    }
    let shared = &exchange.worker.shared;
    // Each with the time from which it may be tried.
    let mut open: Vec<(&Choice, Instant)> = Vec::with_capacity(plan.attempts.len());
    let start = Instant::now();
    open.extend(own_key_stays(exchange, plan).map(|choice| (choice, start)));
    let mut failures = Failures::default();
    for round in 0..=retries {
        if round > 0
            && !wait(exchange, round, &open, watch)
                .await
                .map_err(Ended::Interrupted)?
        {
            break;
        }
        let now = Instant::now();
        let mut again = Vec::new();
        for (at, &(choice, due)) in open.iter().enumerate() {
            if due > now {
                again.push((choice, due));
                continue;
            }
            let more = open[at + 1..].iter().any(|(_, due)| *due <= now);
            let upstream = &exchange.serving.upstreams[choice.provider];
            let Some(mut entry) = choice.state.enter(shared.moment(now), !more) else {
                again.push((choice, due));
                continue;
            };
            record.attempt(&upstream.name, &choice.model, choice.facts.prices);
            let failure = match attempt(exchange, plan, upstream, choice, watch).await {
                Ok(answer) => {
                    entry.worked(shared.moment(Instant::now()));
                    upstream.standing.worked();
                    record.attempt_ok(200);
                    return Ok(answer);
                }
                Err(Ended::Failed(failure)) => failure,
                Err(ended) => return Err(ended),
            };
            note_health(entry, upstream, &failure, shared.moment(Instant::now()));
            let over = watch.capped();
            let moves_on = failure.class.moves_on(triggers) && !over;
            let next = match (moves_on, more, failure.class.may_pass() && round < retries) {
                _ if over => "stopped: the request's time in total is over",
                (false, ..) => "stopped: not a failure the route moves on from",
                (true, true, _) => "moved on to the next target",
                (true, false, true) => "no target left, waiting to try again",
                (true, false, false) => "no target left",
            };
            record.attempt_failed(&failure, next);
            match moves_on {
                false if over && matches!(failure.class, Class::Timeout | Class::Slow) => {
                    return Err(Ended::Interrupted(Fired::Deadline));
                }
                false => return Err(Ended::Failed(failure)),
                true if failure.class.may_pass() => again.push((
                    choice,
                    Instant::now() + failure.retry_after.unwrap_or_default().min(LONGEST),
                )),
                true => {}
            }
            failures.add(failure);
        }
        open = again;
        if open.is_empty() {
            break;
        }
    }
    Err(Ended::Failed(failures.report()))
}

/// Further than any wait goes; keeps times within what clocks can hold.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Waits before another round. `false`: the wait would be too long, or longer than the request may take.
async fn wait(
    exchange: &Exchange<'_>,
    round: u32,
    open: &[(&Choice, Instant)],
    watch: &Guard,
) -> Result<bool, Fired> {
    let now = Instant::now();
    let asked = open
        .iter()
        .map(|(_, due)| due.saturating_duration_since(now))
        .min();
    let wait = retry::wait(round, asked, &mut exchange.worker.dice.borrow_mut());
    match wait.filter(|wait| watch.left().is_none_or(|left| *wait < left)) {
        None => Ok(false),
        Some(wait) => {
            watch.within(None);
            watch.run(tokio::time::sleep(wait)).await.map(|()| true)
        }
    }
}

/// The targets in order. A caller's own provider key is for one provider: others that would be handed it too
/// are left out.
fn own_key_stays<'a>(
    exchange: &'a Exchange<'_>,
    plan: &'a Plan,
) -> impl Iterator<Item = &'a Choice> {
    let passes = |choice: &Choice| {
        exchange
            .serving
            .upstreams
            .get(choice.provider)
            .filter(|upstream| upstream.sign_in.is_own_key())
    };
    let first = plan
        .attempts
        .iter()
        .find_map(passes)
        .map(|upstream| &upstream.origin);
    plan.attempts
        .iter()
        .filter(move |choice| passes(choice).is_none_or(|upstream| Some(&upstream.origin) == first))
}

/// The failures so far, and which of them the caller is told.
#[derive(Default)]
struct Failures {
    /// The first target that could not carry the request.
    unfit: Option<Failure>,
    /// The last that was about neither this nor capacity.
    other: Option<Failure>,
    /// The last about capacity, a 429 before a 503 or 529.
    capacity: Option<Failure>,
    shortest: Option<Duration>,
}

impl Failures {
    fn add(&mut self, failure: Failure) {
        if failure.class == Class::Unfit {
            self.unfit.get_or_insert(failure);
            return;
        }
        if failure.class != Class::Capacity {
            self.other = Some(failure);
            return;
        }
        self.shortest = match (self.shortest, failure.retry_after) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if failure.status == Some(429)
            || self
                .capacity
                .as_ref()
                .is_none_or(|known| known.status != Some(429))
        {
            self.capacity = Some(failure);
        }
    }

    /// "Come back later" only where all that could carry the request said so, and then after the shortest wait;
    /// what the request would have to be like only where none could.
    fn report(self) -> Failure {
        match (self.other, self.capacity) {
            (Some(other), _) => other,
            (None, Some(capacity)) => Failure {
                retry_after: self.shortest,
                ..capacity
            },
            (None, None) => self
                .unfit
                .unwrap_or_else(|| Failure::upstream("no attempt was made".into())),
        }
    }
}

fn note_health(mut entry: Entry, upstream: &Upstream, failure: &Failure, now: Moment) {
    match failure.class {
        Class::Capacity => entry.cool(failure.retry_after.map(|wait| wait.as_millis() as u64), now),
        Class::Upstream | Class::Timeout | Class::Slow => entry.failed(now),
        Class::Connect => {
            upstream.standing.failed(failure.fault.message.clone());
            entry.failed(now);
        }
        Class::Credential => {
            tracing::warn!(
                provider = &*upstream.name,
                status = failure.status,
                "provider refused gw's credential"
            );
            upstream.standing.failed(match failure.status {
                Some(status) => format!("it refused the credential (HTTP {status})"),
                None => failure.fault.message.clone(),
            });
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

/// One attempt at one target.
async fn attempt(
    exchange: &Exchange<'_>,
    plan: &Plan,
    upstream: &Arc<Upstream>,
    choice: &Choice,
    watch: &Guard,
) -> Result<Answer, Ended> {
    let timers = match &plan.route {
        Some(route) => upstream.timers.of_route(&route.spec),
        None => upstream.timers,
    };
    let (connect_limit, first_limit) = (timers.connect, timers.first_content);
    let idle_limit = timers.idle;

    let way = way(exchange, upstream).map_err(Ended::Failed)?;
    let conversion = way.conversion;
    let body = body(exchange, upstream, choice, way).map_err(Ended::Failed)?;
    let request = || request(exchange, upstream, choice, way, body.clone());
    let late = |what: &str| Failure::slow(format!("provider `{}` {what}", upstream.name));

    let (response, sender) = send(
        exchange,
        upstream,
        request,
        watch,
        connect_limit,
        first_limit,
    )
    .await?;
    let ticket = Ticket {
        sender,
        upstream: upstream.clone(),
        pool: exchange.worker.pool.clone(),
    };
    let (head, incoming) = response.into_parts();
    if !head.status.is_success() {
        let failure = watch
            .run(refusal(head, incoming, upstream, exchange.format, ticket))
            .await
            .map_err(|fired| interrupted(fired, watch, late("sent an error and stalled")))?;
        return Err(Ended::Failed(failure));
    }
    let mut passed = HeaderMap::new();
    headers::forward_response(&head.headers, &mut passed);
    let is = |kind: &str| {
        head.headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim_start().get(..kind.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(kind))
    };
    if head
        .headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| value != "identity")
    {
        return Err(Ended::Failed(Failure::upstream(format!(
            "provider `{}` compressed its answer though it was asked not to",
            upstream.name
        ))));
    }
    if exchange.peek.stream {
        if !is("text/event-stream") {
            return Err(Ended::Failed(Failure::upstream(format!(
                "provider `{}` was asked for a stream and answered with something else",
                upstream.name
            ))));
        }
        let mode = match &conversion {
            Conversion::Same => Mode::Same {
                format: exchange.format,
                hide_usage: exchange.asks_usage(upstream),
            },
            Conversion::Translate { into, from } => Mode::Translate {
                reader: into.reader(),
                writer: from.writer(&exchange.context(choice)),
                events: Vec::new(),
            },
        };
        let mut stream = Box::new(Stream::new(incoming, mode, ticket, idle_limit));
        watch
            .run(first_content(&mut stream))
            .await
            .map_err(|fired| interrupted(fired, watch, late("sent no content in time")))?
            .map_err(Ended::Failed)?;
        return Ok(Answer::Stream {
            headers: passed,
            stream,
        });
    }
    if !is("application/json") {
        return Err(Ended::Failed(Failure::upstream(format!(
            "provider `{}` answered with something that is not JSON",
            upstream.name
        ))));
    }
    let bytes = watch
        .run(whole(
            incoming,
            exchange.worker.shared.settings.max_reply,
            || watch.within(Some(idle_limit)),
        ))
        .await
        .map_err(|fired| interrupted(fired, watch, late("stopped in the middle of its answer")))?
        .map_err(|why| {
            Ended::Failed(Failure::upstream(format!(
                "provider `{}` {why}",
                upstream.name
            )))
        })?;
    ticket.give_back();
    let (bytes, seen) = reply(exchange, &conversion, choice, bytes).map_err(Ended::Failed)?;
    Ok(Answer::Whole {
        headers: passed,
        bytes,
        seen,
    })
}
