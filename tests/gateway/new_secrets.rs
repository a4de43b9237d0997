//! The secret of a key that gw makes is shown once, and there is always a place where it was shown.

use super::harness::Gateway;

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
fn apply_refuses_a_format_it_cannot_print_before_it_makes_a_key() {
    let gateway = Gateway::start();
    let file = a_key(&gateway, "k");
    let ran = gateway.cli(&["apply", "-f", &file, "-o", "csv"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert_eq!(gateway.ok(&["key", "get", "-o", "name"]), "");
}
