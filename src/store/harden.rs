//! Makes it harder to read secrets out of the running process: no core files, no tracing by other processes
//! of the same user, where the platform has a word for it. Best effort: nothing depends on it.

/// Call once, early in `gw serve`. Says what could not be done, for the log; serving goes on all the same.
///
/// On Linux the kernel then gives `/proc/PID/mem`, `fd`, `maps` and the like to root, and refuses ptrace to
/// everybody without `CAP_SYS_PTRACE`; debuggers and profilers of the same user stop working.
pub fn process() -> Vec<String> {
    let mut missed = Vec::new();
    if let Err(error) = no_core_files() {
        missed.push(format!("core files are not switched off: {error}"));
    }
    if let Err(error) = no_tracing() {
        missed.push(format!(
            "other processes of this user can read gw's memory: {error}"
        ));
    }
    missed
}

#[cfg(unix)]
fn no_core_files() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // The hard limit too: nothing started from here gets it back.
    Ok(setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?)
}

/// Windows writes crash dumps only where an administrator asked for them.
#[cfg(not(unix))]
fn no_core_files() -> std::io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn no_tracing() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// macOS decides by entitlement (a hardened runtime without `get-task-allow`), when the binary is signed.
#[cfg(not(target_os = "linux"))]
fn no_tracing() -> std::io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn the_process_leaves_no_core_and_is_not_dumpable() {
        assert_eq!(super::process(), Vec::<String>::new());
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert!(matches!(
            dumpable_behavior().unwrap(),
            DumpableBehavior::NotDumpable
        ));
    }
}
