//! Pure planning: a snapshot, a caller and what the request asks for become the ordered attempts, and why
//! every other target was left out. No I/O, no async, no clock (time is an argument). The same function
//! serves requests and `gw route explain`.

pub mod caller;
pub mod dice;
pub mod direct;
pub mod explain;
pub mod health;
pub mod moment;
pub mod naming;
pub mod passthrough;
pub mod retry;
pub mod route;
pub mod snapshot;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use caller::Caller;
pub use dice::Dice;
pub use health::Health;
pub use moment::Moment;
pub use snapshot::{Provider, Snapshot};

pub use crate::catalog::Facts;
use crate::chat::Op;
use crate::error::{Error, Kind, Result};
/// What a request needs of a model.
pub use crate::resources::model::Capabilities as Needs;
use http::HeaderMap;
use std::sync::Arc;

/// What planning needs to know of a request.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub op: Op,
    /// The body's `model`; a hint once a route is chosen.
    pub model: Option<&'a str>,
    /// The request's path, where it is below none of gw's own.
    pub path: Option<&'a str>,
    pub needs: Needs,
    /// Tokens of the prompt's text, estimated.
    pub tokens: u64,
    /// There is more to the prompt than its text, so that the estimate says little.
    pub media: bool,
    /// The request's headers.
    pub headers: &'a HeaderMap,
}

impl<'a> Ask<'a> {
    /// What is asked of no model.
    pub fn nothing(headers: &'a HeaderMap) -> Ask<'a> {
        Ask {
            op: Op::Chat,
            model: None,
            path: None,
            needs: Needs::default(),
            tokens: 0,
            media: false,
            headers,
        }
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
    /// The prompt does not fit; the window in tokens.
    Context(u64),
    WeightZero,
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
            Why::Context(window) => write!(
                f,
                "request does not fit the context window of {window} tokens"
            ),
            Why::WeightZero => f.write_str("weight is 0"),
            Why::Checks(ms) => {
                let seconds = crate::resources::Millis(ms / 1_000 * 1_000);
                write!(f, "failing its health checks for {seconds}")
            }
            Why::Resting(ms) => write!(
                f,
                "resting after failures for another {}",
                crate::resources::Millis(*ms)
            ),
        }
    }
}

/// What a request becomes: the attempts in order, and why every other target was left out.
#[derive(Debug)]
pub struct Plan {
    /// The deciding route; `None` where the key's `direct` globs allowed the call.
    pub route: Option<Arc<route::Route>>,
    pub attempts: Vec<Choice>,
    pub excluded: Vec<Excluded>,
}

/// The plan for what only one provider can do, whatever the routes prefer. `model`: whose it is, or none.
pub fn pinned(snapshot: &Snapshot, provider: usize, model: Arc<str>) -> Plan {
    let health = &snapshot.providers[provider].health;
    Plan {
        route: None,
        attempts: vec![Choice {
            state: health::TargetState::asked(health, &model),
            provider,
            facts: snapshot.facts(provider, &model),
            model,
            tier: 0,
            weight: 1,
        }],
        excluded: Vec::new(),
    }
}

impl Plan {
    /// Whose key a caller's own is: the provider of the first target written to take one, whether it is to be had now
    /// or not. It goes to that provider's origin and nowhere else.
    pub fn own_key_provider(&self, snapshot: &Snapshot) -> Option<usize> {
        match &self.route {
            Some(route) => {
                let names = route.targets.iter().map(|target| &target.provider_name);
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
    /// Which turn of a seeded route to draw; `None`: the route's next, which is then used up.
    pub turn: Option<u64>,
}

/// Plans one request.
///
/// Errors: 403 where nothing lets the key call anything, 404 for an unknown model, 400 where several
/// providers serve it, 503 where a route was chosen and every target is out.
pub fn plan(snapshot: &Snapshot, mut context: Context<'_>) -> Result<Plan> {
    let (caller, ask) = (context.caller, context.ask);
    let Some(route) = route::deciding(snapshot, caller, &ask) else {
        return direct::plan(snapshot, caller, &ask, context.now);
    };
    let mut plan = Plan {
        route: Some(route.clone()),
        attempts: Vec::with_capacity(route.targets.len()),
        excluded: Vec::new(),
    };
    for target in &route.targets {
        match target.judge(snapshot, caller, &ask) {
            Ok(choice) => plan.attempts.push(choice),
            Err(why) => plan.excluded.push(Excluded {
                provider: target.provider_name.clone(),
                model: target.model.clone(),
                why,
            }),
        }
    }
    route::order(&route, &mut plan.attempts, &mut context);
    health::rest(
        snapshot,
        &mut plan.attempts,
        &mut plan.excluded,
        context.now,
    );
    match plan.attempts.is_empty() {
        false => Ok(plan),
        // The caller can mend this one.
        true if plan
            .excluded
            .iter()
            .all(|out| matches!(out.why, Why::NoModel | Why::WeightZero)) =>
        {
            Err(no_model(&format!("route `{}` supplies none", route.name)))
        }
        true => Err(none_left(&route.name, &plan.excluded)),
    }
}

/// Whether a request that has not said its model yet may be served at all. The errors are those of [`plan`].
pub fn possible(snapshot: &Snapshot, caller: &Caller, ask: &Ask<'_>) -> Result<()> {
    let Some(route) = route::deciding(snapshot, caller, ask) else {
        return direct::possible(caller);
    };
    let mut excluded = Vec::new();
    for target in &route.targets {
        match target.judge(snapshot, caller, ask) {
            Ok(_) | Err(Why::NoModel) => return Ok(()),
            Err(why) => excluded.push(Excluded {
                provider: target.provider_name.clone(),
                model: target.model.clone(),
                why,
            }),
        }
    }
    Err(none_left(&route.name, &excluded))
}

/// 400 where nobody said which model.
fn no_model(why: &str) -> Error {
    Error::invalid(format!("the request names no model, and {why}"))
        .param("model")
        .hint("set `model` in the body")
}

/// Names every target and why it is out: 400 where the request itself rules each of them out, else 503.
fn none_left(route: &str, excluded: &[Excluded]) -> Error {
    let of_request = |out: &Excluded| matches!(out.why, Why::Lacks(_) | Why::Context(_) | Why::Op);
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
    Error::new(
        kind,
        format!(
            "route `{route}` has no target left ({})",
            reasons.join("; ")
        ),
    )
    .hint(format!("see `gw route explain {route}`"))
}
