//! `gw serve --dev`: what it makes, and that a second terminal finds it.

use super::home::{Home, Started, text};

#[test]
fn dev_is_found_from_a_second_terminal_and_has_the_providers_of_the_environment() {
    let home = Home::new();
    let mut command = home.gw(&["serve", "--dev", "--listen", "127.0.0.1:0"]);
    command
        .env("OPENAI_API_KEY", "sk-of-openai")
        .env("GROQ_API_KEY", "gsk-of-groq")
        .env("MISTRAL_API_KEY", "")
        .env("AZURE_OPENAI_API_KEY", "of-azure");
    let mut gateway = Started::start(&mut command);
    gateway.says("gw key rotate dev");
    assert_eq!(
        home.ok(&["get", "provider,user,key,route", "-o", "name"]),
        "provider/groq\nprovider/mock\nprovider/openai\nuser/dev\nkey/dev\n"
    );
    assert_eq!(
        home.ok(&[
            "provider",
            "get",
            "openai",
            "groq",
            "-o",
            "value=.status.credential"
        ]),
        "env:OPENAI_API_KEY\nenv:GROQ_API_KEY\n"
    );
    let said = gateway.err();
    let after = said
        .split_once("logging ")
        .unwrap()
        .1
        .split_once('\n')
        .unwrap()
        .1;
    assert_eq!(
        after,
        "provider    openai with OPENAI_API_KEY from the environment\n\
         provider    groq with GROQ_API_KEY from the environment\n\
         provider    mock, a simulator: ask for mock/MODEL\n\
         next        gw provider create azure --vendor azure --account ACCOUNT --credential-ref env:AZURE_OPENAI_API_KEY   (AZURE_OPENAI_API_KEY is set here)\n\
         key         dev is new; its secret is shown on terminals only. To get one: gw key rotate dev\n"
    );
    assert!(!said.contains("of-"), "{said}");
    let secret = home.ok(&["key", "rotate", "dev"]);
    let mut request = home.gw(&["request", "hello", "-m", "mock/any"]);
    let answer = request.env("GW_API_KEY", secret.trim()).output().unwrap();
    assert!(answer.status.success(), "{answer:?}");
}

#[test]
fn dev_alone_answers_for_every_model() {
    let home = Home::new();
    let mut gateway = Started::start(&mut home.gw(&["serve", "--dev", "--listen", "127.0.0.1:0"]));
    gateway.says("gw key rotate dev");
    assert!(
        gateway
            .err()
            .contains("provider    mock, a simulator that answers for every model\n")
    );
    assert_eq!(
        home.ok(&["get", "provider,user,key,route", "-o", "name"]),
        "provider/mock\nuser/dev\nkey/dev\nroute/dev\n"
    );
    let secret = home.ok(&["key", "rotate", "dev"]);
    let mut request = home.gw(&["request", "hello", "-m", "gpt-4o"]);
    let answer = request.env("GW_API_KEY", secret.trim()).output().unwrap();
    assert!(answer.status.success(), "{answer:?}");
}

#[test]
fn a_second_dev_gateway_takes_a_place_of_its_own_and_says_where() {
    let home = Home::new();
    let args = ["serve", "--dev", "--listen", "127.0.0.1:0"];
    let mut first = Started::start(&mut home.gw(&args));
    first.says("gw key rotate dev");
    let pid = home.ok(&["status", "-o", "value=.pid"]);
    let mut second = Started::start(&mut home.gw(&args));
    second.says("gw key rotate dev");
    let said = second.err();
    let admin = said
        .split("export GW_ADMIN_URL=")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    assert_eq!(
        home.ok(&["status", "-o", "value=.pid"]),
        pid,
        "the first is still there"
    );
    assert_ne!(
        home.ok(&["status", "--admin-url", admin, "-o", "value=.pid"]),
        pid
    );
    // With a command nobody else needs to find it.
    drop((first, second));
    let output = home.run(&[
        "serve",
        "--dev",
        "--",
        "sh",
        "-c",
        "echo $GW_ADMIN_URL; \"$GW\" status -o value=.admin",
    ]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        !text(&output.stdout).contains("/run/gw/admin.sock"),
        "{output:?}"
    );
}

#[test]
fn dev_with_a_command_takes_a_free_port() {
    let home = Home::new();
    // Whether this succeeds or not, the port is taken then.
    let _taken = std::net::TcpListener::bind("127.0.0.1:4000");
    let script = "echo $GW_URL; \"$GW\" request hello -m gpt-4o --expect status==200 -q";
    let output = home.run(&["serve", "--dev", "--", "sh", "-c", script]);
    assert!(output.status.success(), "{output:?}");
    let url = text(&output.stdout);
    assert!(
        url.starts_with("http://127.0.0.1:") && !url.contains(":4000\n"),
        "{url}"
    );
    // Unless one is given.
    let refused = home.run(&["serve", "--dev", "--listen", "127.0.0.1:4000", "--", "true"]);
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
}
