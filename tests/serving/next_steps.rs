//! The commands that `gw serve` names as the next ones can be typed as they stand: they know what there is.

use super::home::Home;

/// The steps named where these records are there from the start.
fn steps(records: &str) -> Vec<String> {
    let home = Home::new();
    home.write("records.toml", records);
    let ended = home.run(&[
        "serve",
        "--in-memory",
        "--listen",
        "127.0.0.1:0",
        "-f",
        "records.toml",
        "--output-dir",
        "keys",
        "--exit-on-stdin-close",
    ]);
    let said = super::home::text(&ended.stderr);
    said.lines()
        .skip_while(|line| !line.starts_with("next"))
        .map(|line| line.trim_start_matches("next").trim().to_owned())
        .take_while(|line| line.starts_with("gw "))
        .collect()
}

#[test]
fn next_steps_name_the_user_and_key_there_are() {
    let provider = "gw provider create openai --vendor openai --credential-env OPENAI_API_KEY";
    let user = "[[user]]\nname = \"ann\"\n";
    assert_eq!(
        steps(user),
        [
            provider,
            "gw key create dev --user ann",
            "gw route create dev --key dev --to openai/MODEL",
        ]
    );
    let key = "[[key]]\nname = \"ci\"\nuser = \"ann\"\n";
    assert_eq!(
        steps(&format!("{user}{key}")),
        [provider, "gw route create dev --key ci --to openai/MODEL",]
    );
}
