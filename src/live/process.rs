//! What this process uses, as the system tells it. Zeros where the system does not.

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    pub cpu_seconds: f64,
    pub resident_bytes: u64,
    pub open_files: u64,
    pub most_files: u64,
    pub threads: u64,
    /// Unix milliseconds.
    pub started_ms: i64,
}

impl Process {
    /// As it is now. `started_ms`: when it started, as the process itself knows.
    #[cfg(target_os = "linux")]
    pub fn now(started_ms: i64) -> Process {
        // <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_ascii_whitespace().next());
            number
                .and_then(|text| text.parse().ok())
                .unwrap_or_default()
        };
        let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Process {
            cpu_seconds: used.tv_sec as f64 + used.tv_nsec as f64 / 1e9,
            resident_bytes: field("VmRSS:") * 1024,
            open_files: std::fs::read_dir("/proc/self/fd").map_or(0, |list| list.count() as u64),
            most_files: rustix::process::getrlimit(rustix::process::Resource::Nofile)
                .current
                .unwrap_or(u64::MAX),
            threads: field("Threads:"),
            started_ms,
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn now(started_ms: i64) -> Process {
        Process {
            started_ms,
            ..Process::default()
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells() {
        let now = Process::now(7);
        assert!(now.resident_bytes > 1 << 20 && now.open_files > 2 && now.threads > 0);
        assert!(now.most_files >= now.open_files && now.started_ms == 7);
    }
}
