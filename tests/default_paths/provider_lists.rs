//! What of a provider is refused or bounded before it is used: its address, and the list of its models.

use crate::home::{Home, Ran};
use gw::mock::{Mock, Settings};

#[test]
fn base_urls_in_every_spelling_of_a_metadata_address_are_refused() {
    let home = Home::new();
    let _serving = home.serve();
    for host in [
        "169.254.169.254",
        "0xa9fea9fe",
        "192.0.0.192",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
    ] {
        let url = format!("http://{host}/v1");
        let args = [
            "provider",
            "create",
            "p",
            "--vendor",
            "openai-compatible",
            "--base-url",
            &url,
        ];
        assert_eq!(
            home.run(&args),
            Ran {
                code: Some(2),
                out: String::new(),
                err: format!(
                    "error: base URL `{url}` is an address gw never connects to\n  fix: write it as https://HOST[:PORT]/PATH\n"
                ),
            }
        );
    }
}

#[test]
fn a_list_of_models_beyond_the_bound_is_an_error_that_says_the_limit() {
    let mock = Mock::start(Settings {
        models: (0..20).map(|at| format!("m{at}")).collect(),
        ..Settings::default()
    })
    .unwrap();
    let url = format!("{}/v1", mock.url());
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |command| {
        command.env("GW_LIMITS__UPSTREAM_MAX_MODELS", "10");
    });
    let args = [
        "provider",
        "create",
        "p",
        "--vendor",
        "openai-compatible",
        "--base-url",
        &url,
    ];
    // Its credential is as good as ever.
    assert_eq!(home.run(&args).code, Some(0));
    let found = home.run(&["provider", "discover", "p"]);
    assert_eq!(found.code, Some(9), "{found:?}");
    assert!(
        found.err.starts_with(
            "error: the models of provider `p` are not to be had: it lists more than 10 models, see limits.upstream_max_models\n"
        ),
        "{}",
        found.err
    );
}
