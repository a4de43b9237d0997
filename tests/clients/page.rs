//! The tables of docs/clients.md: written with `GW_BLESS=1` and compared otherwise. A cell says what a test of this
//! binary runs; versions are those that are installed, which have to be those that are pinned.

use crate::harness::clients;
use crate::roster::{CLIENTS, Case, Client, Environment, OFFICIAL, Package};

const BEGIN: &str =
    "<!-- from here on written by a test: GW_BLESS=1 cargo test --test clients page -->\n";
const END: &str = "<!-- up to here -->\n";

fn version(environment: Environment, package: &str) -> String {
    let pinned = environment.pinned(package);
    if let Some(installed) = environment.installed(package) {
        assert_eq!(installed, pinned, "{package}; run scripts/setup-tests.sh");
    }
    pinned
}

fn official() -> String {
    let rows = OFFICIAL.iter().map(|client| {
        let language = match client.environment {
            Environment::Node => "JavaScript",
            _ => "Python",
        };
        let version = version(client.environment, client.package);
        let class = match client.class {
            "" => String::new(),
            class => format!(", `{class}`"),
        };
        format!(
            "| {language} `{}`{class} | {version} | {} | `{}` |\n",
            client.package, client.speaks, client.told
        )
    });
    let head = "| client | version | speaks | address |\n|---|---|---|---|\n";
    format!("{head}{}", rows.collect::<String>())
}

fn frameworks() -> String {
    let head = "| client | packages | speaks | address | answer | stream | tools | tools, streamed | schema |\n|---|---|---|---|---|---|---|---|---|\n";
    let rows = CLIENTS.iter().flat_map(|client| rows(client));
    format!("{head}{}", rows.collect::<String>())
}

fn rows(client: &Client) -> Vec<String> {
    let cell = |name: &str| match client.cases.iter().find(|case| case.name() == name) {
        None => "none",
        Some(Case::Parts) => "both, in parts",
        Some(_) => "both",
    };
    let cells = ["plain", "stream", "tools", "tools streamed", "structured"]
        .map(cell)
        .join(" | ");
    let row = |package: &Package| {
        let mut named = vec![client.core, package.name];
        named.dedup();
        let versions = named.iter().map(|name| {
            let version = version(client.environment, name);
            format!("`{name}` {version}")
        });
        let versions: Vec<String> = versions.collect();
        let speaks: Vec<&str> = package.speaks.iter().map(|format| shown(format)).collect();
        format!(
            "| {} | {} | {} | `{}` | {cells} |\n",
            client.name,
            versions.join(", "),
            speaks.join(", "),
            package.told
        )
    };
    client.packages.iter().map(row).collect()
}

fn shown(format: &str) -> &str {
    match format {
        "openai-chat" => "Chat Completions",
        "openai-responses" => "Responses",
        "anthropic-messages" => "Messages",
        other => other,
    }
}

#[test]
fn the_page_lists_what_is_run() {
    let file = clients::root().join("docs/clients.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect(BEGIN);
    let (_, after) = rest.split_once(END).expect(END);
    let fresh = format!(
        "{before}{BEGIN}\n## Official clients\n\n{}\n## Frameworks\n\n`both`: on an upstream of OpenAI and on one of Anthropic. `none`: it has nothing of the kind.\n\n{}\n{END}{after}",
        official(),
        frameworks()
    );
    if std::env::var_os("GW_BLESS").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    } else {
        assert!(
            page == fresh,
            "docs/clients.md is out of date; write it with: GW_BLESS=1 cargo test --test clients page"
        );
    }
}
