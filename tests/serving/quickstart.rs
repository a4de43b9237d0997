//! `gw quickstart`: the tour, and the gateway that stays after it.

use super::harness::until;
use super::home::{Home, Started, text};
use rustix::process::Signal;

/// A home whose temporary directory is its own, so that what is left behind can be seen.
fn started(home: &Home, args: &[&str]) -> Started {
    std::fs::create_dir_all(home.path("tmp")).unwrap();
    let mut command = home.gw(&[&["quickstart"], args].concat());
    Started::start(command.env("TMPDIR", home.path("tmp")))
}

fn left(home: &Home) -> usize {
    std::fs::read_dir(home.path("tmp")).unwrap().count()
}

#[test]
fn quickstart_serves_on_until_ctrl_c_and_then_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM] {
        let home = Home::new();
        let mut tour = started(&home, &[]);
        tour.says("The gateway keeps running until you press Ctrl-C. In another terminal:");
        tour.says("gw logs -f");
        // The lines it gives, pasted into another terminal.
        let said = tour.out();
        let exports: String = said
            .lines()
            .filter_map(|line| line.trim().strip_prefix("$ export "))
            .map(|line| format!("export {line}\n"))
            .collect();
        let script = format!(
            "{exports}\"$GW\" logs -o name | wc -l; GW_API_KEY=$OPENAI_API_KEY \"$GW\" request again -m gpt-4o -q --expect status==200 && \"$GW\" logs -o name | wc -l"
        );
        let second = home.program("sh", &["-c", &script]).output().unwrap();
        assert!(second.status.success(), "{second:?}\n{said}");
        assert_eq!(left(&home), 1);
        tour.signal(signal);
        assert_eq!(tour.ends(), Some(0), "{}", text(tour.err().as_bytes()));
        assert_eq!(left(&home), 0, "the directory holds a key");
    }
}

#[test]
fn quickstart_on_a_terminal_ends_with_ctrl_c() {
    let home = Home::new();
    std::fs::create_dir(home.path("tmp")).unwrap();
    let tmp = home.path("tmp");
    let mut terminal = home.terminal(
        "exec \"$GW\" quickstart",
        &[("TMPDIR", tmp.to_str().unwrap())],
    );
    terminal.says("gw logs -f");
    terminal.types("\u{3}");
    assert_eq!(terminal.ends(), Some(0), "{}", terminal.out());
    assert_eq!(left(&home), 0);
}

#[test]
fn quickstart_interrupted_in_the_middle_leaves_nothing() {
    let home = Home::new();
    let mut tour = started(&home, &[]);
    until("its directory is there", || {
        (left(&home) == 1).then_some(())
    });
    tour.signal(Signal::INT);
    assert_eq!(tour.ends(), Some(130), "{}", tour.err());
    assert_eq!(left(&home), 0);
}

#[test]
fn quickstart_once_ends_after_the_tour() {
    let home = Home::new();
    let mut tour = started(&home, &["--once"]);
    assert_eq!(tour.ends(), Some(0), "{}", tour.err());
    assert_eq!(left(&home), 0);
}
