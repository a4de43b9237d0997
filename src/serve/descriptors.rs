//! File descriptors: as many as the system gives, and how many connections follow from that. What is kept back is for
//! everything else that needs them: the admin side, the stores, and answering at all.

use crate::gateway::Settings;

/// The most that is kept back: of fewer than twice as many, half.
const KEPT: usize = 400;

/// What the system gives this process, after it was asked for all it may have; `None`: without limit, or it does not say.
#[cfg(unix)]
pub fn raise() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // Some systems say that there is no limit and take none that high: then it stays as it is.
    let _ = setrlimit(Resource::Nofile, all);
    let now = getrlimit(Resource::Nofile).current?;
    Some(usize::try_from(now).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub fn raise() -> Option<usize> {
    None
}

/// Makes the settings fit what the system gives. A connection may need a second descriptor, for its upstream.
pub fn fit(settings: &mut Settings, given: Option<usize>) {
    let Some(given) = given else { return };
    let kept = KEPT.min(given / 2);
    settings.max_connections = settings.max_connections.min(((given - kept) / 2).max(1));
    settings.max_descriptor = given - kept / 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_from_what_there_is() {
        let fitted = |given| {
            let mut settings = Settings::default();
            fit(&mut settings, given);
            (settings.max_connections, settings.max_descriptor)
        };
        assert_eq!(fitted(None), (10_000, usize::MAX));
        assert_eq!(fitted(Some(1 << 20)), (10_000, (1 << 20) - 200));
        assert_eq!(fitted(Some(4_096)), (1_848, 3_896));
        assert_eq!(fitted(Some(1_024)), (312, 824));
        assert_eq!(fitted(Some(256)), (64, 192));
        assert_eq!(fitted(Some(1)), (1, 1));
    }
}
