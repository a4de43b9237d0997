//! Credentials that lapse: kept renewed on the runtime of the composition root, away from the data plane's workers, and
//! waited for, for a while, before anybody is told that something is ready.

use crate::gateway::Shared;
use crate::upstream::{Lease, Upstream};
use futures_util::future::join_all;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// How long anybody waits for first credentials: what is not there by then comes when it comes.
const WAIT: Duration = Duration::from_secs(5);

/// Begins to renew what these sign in with; what is renewed already goes on as it is.
pub fn keep(upstreams: &[Arc<Upstream>]) {
    for upstream in upstreams {
        let leases = upstream.leases().iter();
        leases.for_each(|lease| lease.keep(&upstream.name));
    }
}

/// Waits until each issuer of these providers (`None`: of all) has been asked once.
pub async fn settled(shared: &Shared, names: Option<&BTreeSet<String>>) {
    let serving = shared.serving.load_full();
    let asked =
        |upstream: &&Arc<Upstream>| names.is_none_or(|names| names.contains(&*upstream.name));
    let upstreams = serving.upstreams.iter().filter(asked);
    let leases: Vec<Arc<Lease>> = upstreams
        .flat_map(|upstream| upstream.leases().to_vec())
        .collect();
    let all = join_all(leases.iter().map(|lease| lease.settled()));
    let _ = tokio::time::timeout(WAIT, all).await;
}
