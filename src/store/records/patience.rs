//! Threads that wait patiently. sled has at least seven that look for work once a second for ever, though they are woken when
//! there is any; on Linux a thread inherits from its maker how late the system may wake it when its time is up
//! (<https://man7.org/linux/man-pages/man2/PR_SET_TIMERSLACK.2const.html>). Elsewhere they wake as often as they say.

/// So late, in nanoseconds: a minute.
#[cfg(target_os = "linux")]
const PATIENCE: std::num::NonZeroU64 = std::num::NonZeroU64::MIN.saturating_add(60_000_000_000);

/// Runs something. The threads it makes are woken late when their own time is up; at once by whoever wakes them.
pub fn patiently<T>(run: impl FnOnce() -> T) -> T {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::set_current_timer_slack;
        // A system that does not take it wakes them as often as they say.
        let _ = set_current_timer_slack(Some(PATIENCE));
        let done = run();
        // As it was when this thread was made.
        let _ = set_current_timer_slack(None);
        done
    }
    #[cfg(not(target_os = "linux"))]
    run()
}
