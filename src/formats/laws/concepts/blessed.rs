//! Files that tests write with `GW_BLESS=1` and compare otherwise.

use std::collections::BTreeSet;
use std::path::Path;

/// What to do where they differ.
const HOW: &str = "GW_BLESS=1 cargo test --lib laws::concepts writes it; look at what changed";

fn blessing() -> bool {
    std::env::var_os("GW_BLESS").is_some()
}

/// A name as that of a file.
pub fn file(name: &str) -> String {
    name.replace('\'', "")
        .replace([' ', '_'], "-")
        .to_lowercase()
}

/// A folder of nothing but these files, each with its text.
pub fn files(folder: &Path, files: Vec<(String, String)>) {
    let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.len(), files.len(), "two have one name");
    std::fs::create_dir_all(folder).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if !names.contains(entry.file_name().to_string_lossy().as_ref()) {
            assert!(
                blessing(),
                "{} is of no concept: {HOW}",
                entry.path().display()
            );
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    for (name, text) in &files {
        whole(&folder.join(name), text);
    }
}

/// One file.
pub fn whole(path: &Path, text: &str) {
    let old = std::fs::read_to_string(path).unwrap_or_default();
    if old == text {
        return;
    }
    assert!(
        blessing(),
        "{} is not as it was: {HOW}\n{}",
        path.display(),
        difference(&old, text)
    );
    std::fs::write(path, text).unwrap();
}

/// What stands between these two lines of a file.
pub fn between(path: &Path, begin: &str, end: &str, text: &str) {
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(begin).expect("the page has the mark");
    let (_, after) = rest.split_once(end).expect("the page has the mark's end");
    whole(path, &format!("{before}{begin}{text}{end}{after}"));
}

/// The first lines that differ.
fn difference(old: &str, new: &str) -> String {
    let lines = old.lines().zip(new.lines());
    match lines.clone().position(|(old, new)| old != new) {
        Some(at) => format!(
            "line {}:\n  {}\n  {}",
            at + 1,
            old.lines().nth(at).unwrap_or_default(),
            new.lines().nth(at).unwrap_or_default()
        ),
        None => format!("{} lines, now {}", old.lines().count(), new.lines().count()),
    }
}
