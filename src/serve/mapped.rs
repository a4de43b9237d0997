//! Pages of files that the start needed and serving does not, given back to the system. It maps them many at a time around
//! each that is touched, and the start touches most of the executable: two thirds of what an idle gateway would take.

/// Takes the executable and its libraries out of this process's memory, where the system can bring them back by itself. They stay
/// in its cache of files: what is used again costs a page fault that reads no disk. Once, when the start is nearly over.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "what memory is advised of is not in Rust's types"
)]
pub fn give_back() {
    use rustix::mm::{Advice, madvise};
    // Where it cannot be read (`/proc` is not mounted) memory stays as it is.
    let Ok(smaps) = std::fs::read_to_string("/proc/self/smaps") else {
        return;
    };
    for range in clean(&smaps) {
        let begin = std::ptr::with_exposed_provenance_mut(range.start);
        // SAFETY: nothing here was ever written to, so that reading it gives what it gave before: the file's bytes again (madvise(2),
        // MADV_DONTNEED). The system drops such pages by itself whenever it is short of memory, whichever threads run in them.
        let given = unsafe { madvise(begin, range.len(), Advice::LinuxDontNeed) };
        if let Err(error) = given {
            tracing::debug!("memory at {:x} is not given back: {error}", range.start);
        }
    }
}

/// Elsewhere the system decides by itself.
#[cfg(not(target_os = "linux"))]
pub fn give_back() {}

/// The mappings of files that cannot be written to and have no page of this process's own. Relocated data has some, and so has code in
/// which a debugger or a tracer has set a breakpoint: for them `MADV_DONTNEED` would bring back what the file says.
#[cfg(target_os = "linux")]
fn clean(smaps: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut mapping = None;
    let mut own = None;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        match first {
            "Anonymous:" => own = words.next(),
            // The last word on what is its own: pages that are swapped out are, too.
            "Swap:" => {
                let swapped = words.next();
                if (own.take(), swapped) == (Some("0"), Some("0")) {
                    found.extend(mapping.take());
                }
            }
            _ if !first.ends_with(':') => (mapping, own) = (file(line), None),
            _ => {}
        }
    }
    found
}

/// Where a file is mapped that can only be read or run, by the first line on a mapping:
/// `55fdbc4ab000-55fdbdac1000 r-xp 00692000 fe:00 131 /usr/bin/gw`.
#[cfg(target_os = "linux")]
fn file(line: &str) -> Option<std::ops::Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (begin, end) = words.next()?.split_once('-')?;
    let place = |hex| usize::from_str_radix(hex, 16).ok();
    let read_only = matches!(words.next()?, "r-xp" | "r--p");
    let is_file = words.nth(3)?.starts_with('/');
    (read_only && is_file).then_some(place(begin)?..place(end)?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Of each mapping: its first line, its own pages, what of them is swapped out.
    fn smaps(mappings: &[(&str, &str, &str)]) -> String {
        mappings
            .iter()
            .map(|(first, own, swapped)| {
                format!(
                    "{first}\nSize:               6732 kB\nRss:                2828 kB\nAnonymous:             {own} kB\nSwap:                  {swapped} kB\nTHPeligible:           0\nVmFlags: rd mr mw me\n"
                )
            })
            .collect()
    }

    #[test]
    fn only_what_the_file_says_is_given_back() {
        let text = "1000-3000 r-xp 00692000 fe:00 131                        /usr/bin/gw";
        let constants =
            "4000-5000 r--p 00000000 fe:00 131                        /usr/bin/gw (deleted)";
        let relocated = "5000-6000 r--p 01ca7000 fe:00 131                        /usr/bin/gw";
        let data = "6000-7000 rw-p 01d90000 fe:00 131                        /usr/bin/gw";
        let nobodys = "7000-8000 r--p 00000000 00:00 0";
        let vdso = "8000-9000 r-xp 00000000 00:00 0                          [vdso]";
        let shared = "9000-a000 r--s 00000000 fe:00 132                        /var/lib/gw/x";
        let all = [
            (text, "0", "0"),
            (constants, "0", "0"),
            (relocated, "936", "0"),
            (relocated, "0", "4"),
            (data, "0", "0"),
            (nobodys, "0", "0"),
            (vdso, "0", "0"),
            (shared, "0", "0"),
        ];
        assert_eq!(clean(&smaps(&all)), [0x1000..0x3000, 0x4000..0x5000]);
        assert!(clean(&smaps(&[(text, "4", "0")])).is_empty());
    }

    #[test]
    fn what_is_not_told_is_not_given_back() {
        let untold = "1000-3000 r-xp 00692000 fe:00 131 /usr/bin/gw\nRss: 4 kB\n";
        let swap_alone = "3000-4000 r-xp 00692000 fe:00 131 /usr/bin/gw\nSwap: 0 kB\n";
        assert!(clean(&format!("{untold}{swap_alone}")).is_empty());
        assert!(clean("what else there is\n-\n").is_empty());
    }

    #[test]
    fn code_goes_on_without_its_pages() {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
        assert!(!clean(&smaps).is_empty(), "{smaps}");
        give_back();
        assert_eq!("as before".to_uppercase(), "AS BEFORE");
    }
}
