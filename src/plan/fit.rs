//! Whether a provider's model can take a request: what is known before anything is sent.

use super::{Ask, Caller, Facts, Needs, Snapshot, Why};
use crate::catalog::betas;
use crate::chat::Op;
use crate::resources::glob;

/// How many times a context window an estimate has to be before it rules a model out: dense text has twice as many
/// tokens for its bytes as sparse text, and only the provider counts them.
const SURELY: u64 = 2;

/// What a request may need of a model.
type Need = fn(&Needs) -> bool;
const NEEDS: [(&str, Need); 3] = [
    ("tools", |of| of.tools),
    ("images", |of| of.images),
    ("schema", |of| of.schema),
];

/// What the catalogue is asked about. Not schemas: what holds an answer to one is not alike everywhere, and a "no" may mean
/// another way of saying it.
const SURE: [(&str, Need); 2] = [NEEDS[0], NEEDS[1]];

/// The first of these that a request needs and is lacking.
fn lacking(
    ask: &Ask<'_>,
    of: &[(&'static str, Need)],
    lacks: impl Fn(Need) -> bool,
) -> Option<&'static str> {
    let mut needed = of.iter().filter(|(_, of)| of(&ask.needs));
    needed.find(|(_, of)| lacks(*of)).map(|(what, _)| *what)
}

/// Whether a provider's model can take a request.
pub(super) fn judge(
    snapshot: &Snapshot,
    caller: &Caller,
    ask: &Ask<'_>,
    provider: usize,
    model: &str,
    facts: &Facts,
) -> Result<(), Why> {
    let entry = snapshot.providers.get(provider).ok_or(Why::NoProvider)?;
    if !entry.spec.enabled {
        return Err(Why::ProviderDisabled);
    }
    if !entry.active_in(&caller.environment) {
        return Err(Why::Environment);
    }
    if !entry.ops.contains(&ask.op) {
        return Err(Why::Op);
    }
    if let Op::Keep(_) = ask.op {
        return Ok(());
    }
    if !entry.spec.models.is_empty() && !glob::any(&entry.spec.models, model) {
        return Err(Why::NotExposed);
    }
    if !facts.enabled {
        return Err(Why::ModelDisabled);
    }
    if let Some(what) = facts
        .can
        .and_then(|can| lacking(ask, &NEEDS, |of| !of(&can)))
    {
        return Err(Why::Lacks(what));
    }
    // The catalogue's "no" is said by one source and gainsaid by none; where it says nothing, nothing is ruled out.
    if let Some(what) = lacking(ask, &SURE, |of| of(&facts.cannot)) {
        return Err(Why::KnownToLack(what));
    }
    let over = |window: u64| !ask.media && ask.tokens > window.saturating_mul(SURELY);
    match facts.context_window {
        // Features that enlarge it are looked for only where it would be too small.
        Some(own) if over(own) => {
            let window = betas::window(own, model, ask.headers.texts(betas::HEADER));
            match over(window) {
                true => Err(Why::Context(window)),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
