//! Coding agents as callers: the agents themselves, doing one task straight at the simulator and through gw, and the
//! requests of those that cannot be run here, as their guides and sources show them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../harness/mod.rs"]
mod harness;

mod claude_code;
mod compare;
mod roster;
mod run;
mod shapes;
mod tasks;

/// docs/agents.md tells its readers what is run here.
#[test]
fn the_page_names_each_agent_in_the_version_that_is_run() {
    let read = |name: &str| std::fs::read_to_string(harness::clients::root().join(name)).unwrap();
    let page = read("docs/agents.md");
    let npm = read("tests/agents/npm.txt");
    let python = read("tests/agents/requirements.txt");
    let aider = python
        .lines()
        .filter(|line| line.starts_with("aider-chat=="));
    let agents = npm.lines().filter(|line| !line.starts_with('#'));
    let mut named = 0;
    for line in agents.chain(aider) {
        let (package, version) = line.rsplit_once('@').or(line.rsplit_once("==")).unwrap();
        let version = version.trim_end_matches("-PLATFORM");
        let row = page
            .lines()
            .find(|row| row.starts_with("| ") && row.contains(&format!("| {version} |")));
        assert!(
            row.is_some(),
            "{package} {version} is not in docs/agents.md"
        );
        named += 1;
    }
    assert_eq!(named, 6);
}
