//! What a process, its threads and its children use. CPU time as the scheduler counts it, in nanoseconds: clock ticks are ten
//! milliseconds.

use std::io;
use std::time::Duration;

/// CPU time so far.
pub fn used(pid: u32) -> io::Result<Duration> {
    let mut used = Duration::ZERO;
    for task in tasks(pid)? {
        used += nanoseconds(&format!("/proc/{pid}/task/{task}/schedstat"));
    }
    for child in children(pid)? {
        used += self::used(child).unwrap_or_default();
    }
    Ok(used)
}

/// CPU time of the calling thread.
pub fn used_by_this_thread() -> io::Result<Duration> {
    Ok(nanoseconds("/proc/thread-self/schedstat"))
}

/// Time that the host of a virtual machine gave to others while a core of ours wanted it, so far: of the subject's core and of
/// the rig's. In ticks of ten milliseconds (`steal` in `/proc/stat`, proc_stat(5)).
pub fn stolen() -> [Duration; 2] {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    ["cpu0 ", "cpu1 "].map(|core| {
        let line = stat.lines().find_map(|line| line.strip_prefix(core));
        let ticks = line.and_then(|line| line.split_whitespace().nth(7)?.parse().ok());
        Duration::from_millis(ticks.unwrap_or(0) * 10)
    })
}

/// Memory that is in RAM, in bytes: now, and the most there was.
pub fn memory(pid: u32) -> io::Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or_default()
            * 1024
    };
    let mut sum = (field("VmRSS:"), field("VmHWM:"));
    for child in children(pid)? {
        let (now, most) = memory(child).unwrap_or_default();
        sum = (sum.0 + now, sum.1 + most);
    }
    Ok(sum)
}

/// It, its children and theirs.
pub fn family(pid: u32) -> io::Result<Vec<u32>> {
    let mut family = vec![pid];
    for child in children(pid)? {
        family.extend(self::family(child).unwrap_or_default());
    }
    Ok(family)
}

/// Its threads.
pub fn tasks(pid: u32) -> io::Result<Vec<String>> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(tasks
        .flatten()
        .filter_map(|task| task.file_name().into_string().ok())
        .collect())
}

fn children(pid: u32) -> io::Result<Vec<u32>> {
    let mut children = Vec::new();
    for task in tasks(pid)? {
        let text = std::fs::read_to_string(format!("/proc/{pid}/task/{task}/children"));
        children.extend(
            text.unwrap_or_default()
                .split_whitespace()
                .filter_map(|child| child.parse::<u32>().ok()),
        );
    }
    Ok(children)
}

/// A thread that ends meanwhile takes its count along; there are none on a hot path.
fn nanoseconds(schedstat: &str) -> Duration {
    let text = std::fs::read_to_string(schedstat).unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
