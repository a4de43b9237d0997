//! Pure planning: a snapshot, a caller and what the request asks for become the ordered attempts, and why
//! every other target was left out. No I/O, no async, no clock (time is an argument). The same function
//! serves requests and `gw route explain`.

pub mod asked;
mod bindings;
pub mod caller;
pub mod dice;
pub mod direct;
pub mod explain;
mod fit;
pub mod health;
mod held;
#[cfg(test)]
mod laws;
mod limited;
pub mod moment;
pub mod naming;
pub mod passthrough;
pub mod pool;
mod recorded;
pub mod retry;
pub mod route;
pub mod rules;
pub mod session;
pub mod snapshot;
pub mod status;
mod strategy;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod turns;
pub mod uses;

pub use caller::Caller;
pub use dice::Dice;
pub use health::Health;
pub use limited::{Allowance, Limited};
pub use moment::Moment;
pub use snapshot::{Provider, Snapshot};

pub use crate::catalog::Facts;
use crate::chat::Op;
use crate::error::{Error, Kind, Result};
use crate::http1::fields::Fields;
/// What a request needs of a model.
pub use crate::resources::model::Capabilities as Needs;
use crate::resources::route::AllRest;
use std::{sync::Arc, time::Duration};
use strategy::{Hand, Scene};
use turns::{Rehearsal, Turn};

/// What planning needs to know of a request.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub op: Op,
    /// The name of the format it is in.
    pub format: &'static str,
    /// The body's `model`; a hint once a route is chosen.
    pub model: Option<&'a str>,
    /// The request's path, where it is below none of gw's own.
    pub path: Option<&'a str>,
    /// The whole path.
    pub whole_path: &'a str,
    pub needs: Needs,
    pub stream: bool,
    /// The longest answer it allows, in tokens.
    pub max_output: Option<u64>,
    /// Tokens of the prompt's text, estimated.
    pub tokens: u64,
    /// There is more to the prompt than its text, so that the estimate says little.
    pub media: bool,
    /// The conversation as it is spelt: a JSON list or text; empty where there is none.
    pub turns: &'a str,
    /// The request's headers.
    pub headers: &'a Fields,
    /// Which of them name its conversation.
    pub names: &'a session::Names,
    /// Unix time in milliseconds.
    pub at: i64,
}

impl<'a> Ask<'a> {
    /// What the head of a request says, whatever it asks; its conversation as the usual headers name it.
    pub fn of_head(whole_path: &'a str, headers: &'a Fields, at: i64) -> Ask<'a> {
        Ask {
            op: Op::Chat,
            format: "",
            model: None,
            path: None,
            whole_path,
            needs: Needs::default(),
            stream: false,
            max_output: None,
            tokens: 0,
            media: false,
            turns: "",
            headers,
            names: &session::USUAL,
            at,
        }
    }

    /// The conversation it is part of, where the caller says.
    pub fn session(&self) -> Option<&'a str> {
        self.names.named(self.headers).0
    }

    /// The agent within it that asks.
    pub fn agent(&self) -> Option<&'a str> {
        self.names.named(self.headers).1
    }
}

/// One attempt to be made.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Index into [`Snapshot::providers`].
    pub provider: usize,
    /// The model's id upstream.
    pub model: Arc<str>,
    pub facts: Facts,
    pub tier: u32,
    pub weight: u32,
    /// Its place in the list of targets.
    pub place: usize,
    /// How it is doing, and the way in.
    pub state: health::TargetState,
}

/// A target that will not be tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Excluded {
    pub provider: Arc<str>,
    pub model: Option<Arc<str>>,
    pub why: Why,
}

/// Why a target is out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    NoProvider,
    ProviderDisabled,
    /// Not active in the key's environment.
    Environment,
    /// The provider cannot do what is asked (embeddings at an Anthropic upstream).
    Op,
    /// The target takes the model as asked, and none was asked for.
    NoModel,
    NotExposed,
    ModelDisabled,
    /// What the model lacks: `tools`, `images`, `schema`.
    Lacks(&'static str),
    /// The same by the catalogue.
    KnownToLack(&'static str),
    /// The prompt does not fit; the window in tokens.
    Context(u64),
    WeightZero,
    /// The same target comes earlier.
    Twice,
    /// Cooling down or suspended for this many more milliseconds.
    Resting(u64),
    /// Its provider has failed its active health checks for this many milliseconds.
    Checks(u64),
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::NoProvider => f.write_str("no such provider"),
            Why::ProviderDisabled => f.write_str("provider is disabled"),
            Why::Environment => f.write_str("provider is not active in the key's environment"),
            Why::Op => f.write_str("provider does not serve this kind of request"),
            Why::NoModel => f.write_str("takes the model as asked, and the request names none"),
            Why::NotExposed => f.write_str("provider does not expose the model"),
            Why::ModelDisabled => f.write_str("model is disabled"),
            Why::Lacks(what) => write!(f, "model lacks {what}"),
            Why::KnownToLack(what) => {
                let day = crate::catalog::dated();
                write!(f, "model lacks {what} by the catalogue ({day})")
            }
            Why::Context(window) => write!(
                f,
                "request does not fit the context window of {window} tokens"
            ),
            Why::Twice => f.write_str("the same target comes earlier"),
            Why::WeightZero => f.write_str("weight is 0"),
            Why::Checks(ms) => {
                let seconds = crate::resources::Millis(ms / 1_000 * 1_000);
                write!(f, "failing its health checks for {seconds}")
            }
            Why::Resting(ms) => write!(
                f,
                "resting after failures for another {}",
                crate::resources::Millis(ms.div_ceil(1_000) * 1_000)
            ),
        }
    }
}

/// What a request becomes: the attempts in order, and why every other target was left out.
#[derive(Debug)]
pub struct Plan {
    /// The deciding route; `None` where the key's `direct` globs allowed the call.
    pub route: Option<Arc<route::Route>>,
    /// Which of its rules gave the targets, counted from 0.
    pub rule: Option<usize>,
    pub attempts: Vec<Choice>,
    /// Those that rest now, for when their rest is over or nothing else has answered.
    pub later: Vec<Choice>,
    pub excluded: Vec<Excluded>,
}

/// The plan for what only one provider can do, whatever the routes prefer. `model`: whose it is, or none.
pub fn pinned(snapshot: &Snapshot, provider: usize, model: Arc<str>) -> Plan {
    let health = &snapshot.providers[provider].health;
    Plan {
        route: None,
        rule: None,
        attempts: vec![Choice {
            state: health::TargetState::asked(health, &model),
            provider,
            facts: snapshot.facts(provider, &model),
            model,
            tier: 0,
            weight: 1,
            place: 0,
        }],
        later: Vec::new(),
        excluded: Vec::new(),
    }
}

impl Plan {
    /// Whose key a caller's own is: the provider of the first target written to take one, whether it is to be had now
    /// or not. It goes to that provider's origin and nowhere else.
    pub fn own_key_provider(&self, snapshot: &Snapshot) -> Option<usize> {
        match &self.route {
            Some(route) => {
                let targets = route.pool(self.rule).targets.iter();
                let names = targets.map(|target| &target.provider_name);
                let mut places = names.filter_map(|name| snapshot.provider(name));
                places.find(|place| snapshot.takes_own_key(*place))
            }
            None => {
                let mut places = self.attempts.iter().map(|it| it.provider);
                places.find(|place| snapshot.takes_own_key(*place))
            }
        }
    }
}

/// One request as planning and strategies see it.
pub struct Context<'a> {
    pub caller: &'a Caller,
    pub ask: Ask<'a>,
    pub now: Moment,
    /// For draws of routes without a seed.
    pub dice: &'a mut Dice,
    /// Whose turns are taken.
    pub turn: Turn<'a>,
}

/// Plans one request.
///
/// Errors: 403 where nothing lets the key call anything or no rule takes the request, 404 for an unknown model, 400 where
/// several providers serve it, 503 where a route was chosen and every target is out.
pub fn plan(snapshot: &Snapshot, mut context: Context<'_>) -> Result<Plan> {
    let (caller, ask, now) = (context.caller, context.ask, context.now);
    let Some(route) = route::deciding(snapshot, caller, &ask) else {
        return direct::plan(snapshot, caller, &ask, now);
    };
    let rule = route.rule(caller, &ask);
    let pool = route.pool(rule);
    let (mut attempts, mut excluded) = pool.judge(snapshot, caller, &ask);
    // How long a prompt is is not waited for.
    let waits = route.spec.wait_for_capacity.is_some() && ask.op != Op::Count;
    let spare = route.spec.when_all_rest == AllRest::Try && !waits;
    let later = health::rest(snapshot, &mut attempts, &mut excluded, now, spare);
    order(&route, rule, &mut attempts, &mut context);
    if attempts.is_empty() && (later.is_empty() || !waits) {
        return Err(none_left(&route, &excluded));
    }
    Ok(Plan {
        route: Some(route),
        rule,
        attempts,
        later,
        excluded,
    })
}

/// Puts the attempts in the order of the route's strategies, and takes a turn.
fn order(
    route: &route::Route,
    rule: Option<usize>,
    attempts: &mut [Choice],
    context: &mut Context<'_>,
) {
    let pool = route.pool(rule);
    // A count, or a look at what is kept, is no turn: the request it is about takes one.
    let mut aside = Rehearsal::default();
    let mut beside = Turn::Rehearsed(&mut aside);
    // A turn is used up by every request, whatever its targets come to.
    let counts = pool.counts() || route.spec.seed.is_some();
    let (turn, memory) = match (context.ask.op, &mut context.turn) {
        (Op::Count | Op::Keep(_), Turn::Next) => beside.take(&pool.turns, rule, counts),
        (_, turns) => turns.take(&pool.turns, rule, counts),
    };
    let mut seeded = route.spec.seed.map(|seed| Dice::seeded(seed, turn));
    let mut hand = Hand {
        dice: seeded.as_mut().unwrap_or(context.dice),
        turn,
        memory,
    };
    let scene = scene(route, pool, context.caller, &context.ask, context.now);
    strategy::order(attempts, scene, &mut hand);
}

fn scene<'a>(
    route: &'a route::Route,
    pool: &'a pool::Pool,
    caller: &'a Caller,
    ask: &'a Ask<'a>,
    now: Moment,
) -> Scene<'a> {
    Scene {
        caller,
        ask,
        now,
        pool,
        sticky_by: &route.spec.sticky_by,
    }
}

impl Plan {
    /// Of many requests like this one, if nothing else changed, for which share each attempt would be the first of its tier.
    pub fn shares(&self, caller: &Caller, ask: &Ask<'_>, now: Moment) -> Vec<f64> {
        match &self.route {
            Some(route) => {
                let pool = route.pool(self.rule);
                strategy::shares(&self.attempts, scene(route, pool, caller, ask, now))
            }
            None => vec![1.0; self.attempts.len()],
        }
    }
}

/// Whether a request that has not said its model yet may be served at all. The errors are those of [`plan`].
pub fn possible(snapshot: &Snapshot, caller: &Caller, ask: &Ask<'_>) -> Result<()> {
    for route in route::candidates(snapshot, caller, ask) {
        let open = route.asks_for_model();
        if !open && !route.takes(caller, ask) {
            continue;
        }
        let mut excluded = Vec::new();
        // Which rule holds may depend on what is not known yet.
        for target in route.pools().flat_map(|pool| &pool.targets) {
            match target.judge(snapshot, caller, ask, 0) {
                Ok(_) | Err(Why::NoModel) => return Ok(()),
                Err(why) => excluded.push(target.excluded(why)),
            }
        }
        // It may turn out to be for the next one.
        if !open {
            return Err(none_left(route, &excluded));
        }
    }
    direct::possible(snapshot, caller)
}

/// Why a plan whose targets all rest came to nothing.
pub fn all_rest(plan: &Plan) -> Error {
    match &plan.route {
        Some(route) => none_left(route, &plan.excluded),
        None => Error::new(Kind::Unavailable, "nothing can be tried now"),
    }
}

/// 400 where nobody said which model.
fn no_model(why: &str) -> Error {
    Error::invalid(format!("the request names no model, and {why}"))
        .param("model")
        .hint("set `model` in the body")
}

/// Names every target and why it is out: 400 where the request itself rules each of them out, else 503.
fn none_left(route: &route::Route, excluded: &[Excluded]) -> Error {
    let route = &route.name;
    let fix = format!("see `gw route explain {route}`");
    if excluded.is_empty() {
        let why = format!(
            "no rule of route `{route}` takes this request, and it has no targets of its own"
        );
        return Error::new(Kind::Forbidden, why).hint(format!(
            "give it some: `gw route set {route} --to PROVIDER/MODEL`, or another rule"
        ));
    }
    // The caller can mend this one.
    let no_model_asked = |out: &Excluded| matches!(out.why, Why::NoModel | Why::WeightZero);
    if excluded.iter().all(no_model_asked) {
        return no_model(&format!("route `{route}` supplies none"));
    }
    let of_request = |out: &Excluded| {
        matches!(
            out.why,
            Why::Lacks(_) | Why::KnownToLack(_) | Why::Context(_) | Why::Op
        )
    };
    let kind = if excluded.iter().all(of_request) {
        Kind::Invalid
    } else {
        Kind::Unavailable
    };
    let reasons: Vec<String> = excluded
        .iter()
        .map(|out| match &out.model {
            Some(model) => format!("`{}/{model}`: {}", out.provider, out.why),
            None => format!("`{}`: {}", out.provider, out.why),
        })
        .collect();
    let error = Error::new(
        kind,
        format!(
            "route `{route}` has no target left ({})",
            reasons.join("; ")
        ),
    )
    .hint(fix);
    let free = excluded.iter().filter_map(|out| match out.why {
        Why::Resting(ms) => Some(Duration::from_millis(ms)),
        _ => None,
    });
    match free.min() {
        Some(soonest) => error.come_back(soonest),
        None => error,
    }
}
