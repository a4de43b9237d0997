//! A test that cannot run here says so, in this one way, from wherever it stands: unit tests include this file too. It
//! knows nothing of what a test needs.

use std::io::Write;

/// Says why the running test does nothing: on stderr past cargo's capture, so that it shows in every run, and as a line
/// of the file that `GW_TESTS_SKIPPED` names. With `GW_TESTS_MUST_RUN=1` it fails the test instead.
#[track_caller]
pub fn skip(why: &str) {
    note("SKIPPED", why);
}

/// [`skip`] for want of material that is no part of a checkout: listed, and no reason not to be green.
#[allow(dead_code)] // Not every binary that includes this has such a test.
#[track_caller]
pub fn absent(why: &str) {
    note("ABSENT", why);
}

#[track_caller]
fn note(what: &str, why: &str) {
    // The test harness names a test's thread after it.
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let must = std::env::var_os("GW_TESTS_MUST_RUN").is_some_and(|value| value == "1");
    assert!(!must, "`{test}` may not be skipped here: {why}");
    let line = format!("{what} {test}: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(list) = std::env::var_os("GW_TESTS_SKIPPED") {
        std::fs::File::options()
            .create(true)
            .append(true)
            .open(&list)
            .and_then(|mut list| list.write_all(line.as_bytes()))
            .unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    }
}
