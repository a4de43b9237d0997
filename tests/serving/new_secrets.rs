//! The secret of a key that gw makes is shown once, and there is always a place where it was shown.

use super::harness::{Gateway, until};
use super::home::{Home, Started, text};

/// A file with one key that has no secret of its own.
fn a_key(gateway: &Gateway, name: &str) -> String {
    let file = gateway.path(&format!("{name}.toml"));
    std::fs::write(
        &file,
        format!("[[user]]\nname = \"u\"\n[[key]]\nname = \"{name}\"\nuser = \"u\"\n"),
    )
    .unwrap();
    file.to_str().unwrap().to_owned()
}

/// The one secret in a text.
fn secret(text: &str) -> Option<String> {
    let begin = text.find("sk-gw-")?;
    assert_eq!(text.matches("sk-gw-").count(), 1, "shown once: {text}");
    let rest = &text[begin..];
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
        .unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

#[test]
fn apply_shows_a_new_keys_secret_once_in_every_format() {
    let gateway = Gateway::start();
    for (at, (format, quiet)) in [
        "table",
        "wide",
        "json",
        "jsonl",
        "yaml",
        "toml",
        "name",
        "value=.created",
        "value=.items",
    ]
    .into_iter()
    .flat_map(|format| [(format, false), (format, true)])
    .enumerate()
    {
        let name = format!("k{at}");
        let file = a_key(&gateway, &name);
        let mut args = vec!["apply", "-f", &file, "-o", format];
        args.extend(quiet.then_some("-q"));
        let ran = gateway.cli(&args);
        let shown = secret(&format!("{}{}", ran.stdout, ran.stderr))
            .unwrap_or_else(|| panic!("{}: lost\n{}{}", ran.what, ran.stdout, ran.stderr));
        ran.success();
        let whose = gateway
            .cli_with_input(&["key", "identify", "-o", "value=.name"], &shown)
            .success();
        assert_eq!(whose, format!("{name}\n"), "-o {format}");
    }
}

#[test]
fn apply_says_a_new_keys_secret_beside_data_that_cannot_be_written() {
    let gateway = Gateway::start();
    let file = a_key(&gateway, "k");
    let mut apply = gateway.command(&["apply", "-f", &file, "-o", "json"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let ran = apply.stdout(full.unwrap()).output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    let shown = secret(&text(&ran.stderr)).unwrap();
    let whose = gateway.cli_with_input(&["key", "identify", "-o", "value=.name"], &shown);
    assert_eq!(whose.success(), "k\n");
}

#[test]
fn apply_refuses_a_format_it_cannot_print_before_it_makes_a_key() {
    let gateway = Gateway::start();
    let file = a_key(&gateway, "k");
    let ran = gateway.cli(&["apply", "-f", &file, "-o", "csv"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert_eq!(gateway.ok(&["key", "get", "-o", "name"]), "");
}

const SEED: &str = "[[user]]\nname = \"u\"\n[[key]]\nname = \"a\"\nuser = \"u\"\n[[key]]\nname = \"b\"\nuser = \"u\"\n";

fn home_with_seed() -> Home {
    let home = Home::new();
    home.write("seed.toml", SEED);
    home
}

/// The mode of a file.
fn mode(path: &std::path::Path) -> u32 {
    std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).unwrap()) & 0o777
}

/// Whose secret it is, says the gateway.
fn whose(home: &Home, secret: &str) -> String {
    let mut identify = Started::start(
        home.gw(&["key", "identify", "-o", "value=.name"])
            .stdin(std::process::Stdio::piped()),
    );
    identify.types(secret);
    identify.close();
    assert_eq!(identify.ends(), Some(0), "{}", identify.err());
    identify.out().trim().to_owned()
}

const SEEDED: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "-f", "seed.toml"];

#[test]
fn serve_refuses_to_make_a_secret_it_can_show_nowhere() {
    let home = home_with_seed();
    let refused = home.run(&SEEDED);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        text(&refused.stderr),
        "error: gw would make a secret for key `a`, key `b` and has nowhere to show it\n  \
         fix: add --output-dir DIR, or --ready-file FILE --ready-secrets, or bring a secret along with secret_from\n"
    );
    // A command has room for one of them.
    let refused = home.run(&[&SEEDED[..], &["--", "true"]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("for key `b` and"),
        "{refused:?}"
    );
    // Nothing was made: the next start still makes both.
    let mut gateway =
        Started::start(&mut home.gw(&[&SEEDED[..], &["--output-dir", "keys"]].concat()));
    gateway.says("key         b is new");
    assert_eq!(whose(&home, &home.read("keys/a.key")), "a");
}

#[test]
fn serve_writes_new_secrets_into_files_and_never_over_one() {
    let home = home_with_seed();
    let args = [&SEEDED[..], &["--output-dir", "keys"]].concat();
    let mut gateway = Started::start(&mut home.gw(&args));
    gateway.says("GW_API_KEY=\"$(cat");
    gateway.says("key         b is new");
    for name in ["a", "b"] {
        let path = home.path(&format!("keys/{name}.key"));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(whose(&home, &std::fs::read_to_string(&path).unwrap()), name);
    }
    assert_eq!(mode(&home.path("keys")), 0o700);
    assert_eq!(secret(&gateway.err()), None, "a log has no secrets");
    gateway.signal(rustix::process::Signal::TERM);
    assert_eq!(gateway.ends(), Some(0));
    // The keys are there now; nothing is made and nothing is written.
    let before = home.read("keys/a.key");
    let mut gateway = Started::start(&mut home.gw(&args));
    gateway.says("listening");
    assert_eq!(home.read("keys/a.key"), before);
    gateway.signal(rustix::process::Signal::TERM);
    assert_eq!(gateway.ends(), Some(0));
    // Another gateway's key of the same name finds its place taken and is not made.
    let refused = home.run(&[&args[..], &["--in-memory"]].concat());
    assert_eq!(refused.status.code(), Some(5));
    assert_eq!(
        text(&refused.stderr),
        format!(
            "error: `{}` exists and is not overwritten\n  fix: move it away, or name another place\n",
            home.path("keys/a.key").display()
        )
    );
    assert_eq!(home.read("keys/a.key"), before);
}

#[test]
fn the_ready_file_holds_new_secrets_when_asked_and_is_private() {
    let home = home_with_seed();
    let args = [
        &SEEDED[..],
        &["--ready-file", "ready.json", "--ready-secrets"],
    ]
    .concat();
    let mut gateway = Started::start(&mut home.gw(&args));
    let ready: serde_json::Value = until("it is ready", || {
        serde_json::from_str(&home.read("ready.json")).ok()
    });
    assert_eq!(mode(&home.path("ready.json")), 0o600);
    for name in ["a", "b"] {
        assert_eq!(whose(&home, ready["keys"][name].as_str().unwrap()), name);
    }
    gateway.says("listening");
    assert_eq!(secret(&gateway.err()), None, "a log has no secrets");
    gateway.signal(rustix::process::Signal::TERM);
    assert_eq!(gateway.ends(), Some(0));
    let refused = home.run(&["serve", "--dev", "--ready-secrets"]);
    assert_eq!(
        (refused.status.code(), text(&refused.stderr).as_str()),
        (
            Some(2),
            "error: there is no ready file for the secrets\n  fix: add --ready-file FILE, or --print-ready\n"
        )
    );
}

#[test]
fn serve_shows_new_secrets_on_a_terminal_as_lines_to_paste() {
    let home = home_with_seed();
    let line = "exec \"$GW\" serve --listen 127.0.0.1:0 -f seed.toml";
    let mut gateway = home.terminal(line, &[]);
    gateway.says("key         b is new");
    gateway.says("GW_API_KEY=sk-gw-");
    let said = until("both are shown", || {
        let said = gateway.out();
        (said.matches(" GW_API_KEY=sk-gw-").count() == 2 && said.ends_with("\n\n")).then_some(said)
    });
    let url = said
        .split("listening   ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let base = url.trim_end_matches("/v1");
    for (name, block) in ["a", "b"].into_iter().zip(said.split(" is new; ").skip(1)) {
        let secret = block
            .split("GW_API_KEY=")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        assert_eq!(whose(&home, secret), name);
        let lines = format!(
            "its secret is shown this once. To use it in another terminal:\n\n\
             export OPENAI_BASE_URL={base}/v1 OPENAI_API_KEY={secret}\n\
             export ANTHROPIC_BASE_URL={base} ANTHROPIC_API_KEY={secret}\n\
             export GW_URL={base} GW_API_KEY={secret}\n"
        );
        assert!(block.starts_with(&lines), "{block}");
    }
    gateway.types("\u{3}");
    assert_eq!(gateway.ends(), Some(0), "Ctrl-C is how a gateway ends");
}
