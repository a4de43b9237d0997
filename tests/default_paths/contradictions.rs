//! A flag wins over a variable that contradicts it, and says so.

use super::home::Home;

#[test]
fn a_flag_wins_over_the_variable_that_contradicts_it() {
    let home = Home::new();
    for (flags, variable, said, state) in [
        (
            &["--in-memory"][..],
            ("GW_DATA_DIR", "b"),
            "note: `GW_DATA_DIR` does not count: --in-memory keeps everything in memory\n",
            "state       in memory",
        ),
        (
            &["--in-memory"],
            ("GW_SECRETS", "sealed"),
            "note: `GW_SECRETS` does not count: --in-memory keeps everything in memory\n",
            "state       in memory",
        ),
        (
            &["--dev"],
            ("GW_SERVER__DATA_DIR", "b"),
            "note: `GW_SERVER__DATA_DIR` does not count: --dev keeps everything in memory\n",
            "state       in memory",
        ),
        (
            &["--data-dir", "b"],
            ("GW_IN_MEMORY", "1"),
            "note: `GW_IN_MEMORY` does not count: --data-dir says where state rests\n",
            "state       sled in ~/project/b/state",
        ),
    ] {
        let gateway = home.serve_as(flags, |command| {
            command.env(variable.0, variable.1);
        });
        let text = gateway.said();
        assert!(text.starts_with(said), "{flags:?}: {text}");
        assert!(text.contains(state), "{flags:?}: {text}");
    }
}

#[test]
fn variables_that_contradict_each_other_are_refused() {
    let home = Home::new();
    let mut command = home.gw(&["serve"]);
    command.env("GW_IN_MEMORY", "1").env("GW_DATA_DIR", "b");
    let ran = home.ran(command);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (
            Some(2),
            "error: `GW_IN_MEMORY` and `GW_DATA_DIR` contradict each other\n  fix: keep one: state is either in memory or in a directory\n"
        )
    );
}
