//! Whether a provider's model can take a request: what is known before anything is sent.

use super::{Ask, Caller, Facts, Snapshot, Why};
use crate::catalog::betas;
use crate::chat::Op;
use crate::resources::glob;

/// How many times a context window an estimate has to be before it rules a model out: dense text has twice as many
/// tokens for its bytes as sparse text, and only the provider counts them.
const SURELY: u64 = 2;

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
    if let Some(can) = facts.can {
        let lacks = [
            ("tools", ask.needs.tools && !can.tools),
            ("images", ask.needs.images && !can.images),
            ("schema", ask.needs.schema && !can.schema),
        ];
        if let Some((what, _)) = lacks.into_iter().find(|(_, lacks)| *lacks) {
            return Err(Why::Lacks(what));
        }
    }
    let over = |window: u64| !ask.media && ask.tokens > window.saturating_mul(SURELY);
    match facts.context_window {
        // Features that enlarge it are looked for only where it would be too small.
        Some(own) if over(own) => {
            let window = betas::window(own, model, ask.headers);
            match over(window) {
                true => Err(Why::Context(window)),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
