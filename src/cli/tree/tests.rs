//! The tree is sound, shows no secrets, and the documented command lines parse.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::command;
use clap::Command;

#[test]
fn the_tree_is_sound() {
    command().debug_assert();
}

#[test]
fn help_never_shows_environment_values() {
    fn walk(command: &Command, path: &str) {
        for arg in command.get_arguments() {
            assert!(
                arg.is_hide_env_values_set() || arg.get_env().is_none(),
                "{path} {}",
                arg.get_id()
            );
        }
        command
            .get_subcommands()
            .for_each(|sub| walk(sub, &format!("{path} {}", sub.get_name())));
    }
    let mut built = command();
    built.build();
    walk(&built, "gw");
}

/// No option takes a secret itself.
#[test]
fn secrets_never_come_in_arguments() {
    fn walk(command: &Command) {
        for arg in command
            .get_arguments()
            .filter(|arg| arg.get_action().takes_values())
        {
            let long = arg.get_long().unwrap_or_default();
            assert!(
                !["secret", "token", "password", "api-key", "credential"].contains(&long),
                "{} --{long}",
                command.get_name()
            );
        }
        command.get_subcommands().for_each(walk);
    }
    walk(&command());
}

#[test]
fn documented_lines_parse() {
    for line in [
        "gw provider create openai --vendor openai --credential-env OPENAI_API_KEY --if-not-exists",
        "gw provider create anthropic --vendor anthropic --credential-stdin --verify=false",
        "gw user create checkout --team payments -o name",
        "gw key create checkout-prod --user checkout --expires 90d --output-file /run/secrets/gw.key --if-not-exists",
        "gw route create checkout --key checkout-prod --strategy fallback --to openai/gpt-4o --to anthropic/claude-sonnet-4 --fallback-on 429,5xx,timeout",
        "gw route create laptop --user alice --key laptop --provider openai",
        "gw route create openai-route --path /openai --provider openai --model gpt-4o",
        "gw route create s --key k --strategy split --to a=8 --to b=2 --then c/m",
        "gw route explain -m gpt-4o --key ci --path /x --times 100",
        "gw route explain -m gpt-4o --key ci -H x-team:search --stream --at 2030-01-01",
        "gw route explain --as-of req_1 --key other",
        "gw rt ls --show-labels -l env=ci",
        "gw keys list",
        "gw pv get openai -o yaml",
        "gw get user,key -o name",
        "gw delete key/ci route/r -y",
        "gw delete -f gw.toml",
        "gw apply -f a.toml -f - --owner ci --prune --dry-run",
        "gw diff -f gw.toml",
        "gw logs -f --status error,429 --since 1h",
        "gw logs show req_1 --bodies",
        "gw logs get req_1 --curl",
        "gw logs export --key ci",
        "gw usage --by model,day --since 7d --sort requests --label team=a",
        "gw usage reprice --since 7d --dry-run",
        "gw request ping -m mock/429 --expect status==200 --retry 2 -q",
        "gw request - --path /v1/messages --stream",
        "gw wait --for=ready --timeout 10s",
        "gw help exit-codes",
        "gw help user create",
        "gw serve --in-memory --mock -f ci/gw.toml --listen 127.0.0.1:0 -- gw status --quiet",
        "gw completion bash",
        "gw explain route.targets",
        "gw key rotate ci --grace 24h",
        "gw key revoke ci -y",
        "gw key disable -l env=ci,team!=a",
        "gw describe key,user -l env=ci",
        "gw delete key --all -y",
        "gw key set a b --label env=ci",
        "gw export route -l env=ci",
        "gw model search gpt --provider openai --enabled --group-snapshots",
    ] {
        let parsed = command().try_get_matches_from(line.split(' '));
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn wrong_lines_are_refused() {
    for line in [
        "gw user create",
        "gw provider create x --vendor openai --credential-stdin --passthrough",
        "gw serve --in-memory --data-dir d",
        "gw apply -f x --prune",
        "gw delete",
        "gw key delete -y",
        "gw key revoke",
        "gw key disable -l",
        "gw get key -l=",
        "gw user get ann -l env=ci",
        "gw delete --all",
        "gw user delete",
        "gw user delete a --all",
        "gw route create r --model m",
        "gw key create k --user u --from-stdin --output-file f",
        "gw logs --key a show req_1",
        "gw usage reprice",
    ] {
        assert!(
            command().try_get_matches_from(line.split(' ')).is_err(),
            "{line}"
        );
    }
}

/// Every command that does something, with the words that lead to it.
fn leaves(command: &Command, path: &str, out: &mut Vec<String>) {
    if !command.has_subcommands() || ["logs", "usage"].contains(&command.get_name()) {
        out.push(path.trim_start().to_owned());
    }
    for sub in command.get_subcommands() {
        leaves(sub, &format!("{path} {}", sub.get_name()), out);
    }
}

#[test]
fn every_command_has_examples_that_parse_and_are_shown() {
    let (root, mut paths) = (command(), Vec::new());
    leaves(&root, "", &mut paths);
    assert!(paths.contains(&"logs".to_owned()) && paths.contains(&"key rotate".to_owned()));
    for path in paths {
        let leaf =
            super::leaf(&path).unwrap_or_else(|| panic!("nothing is said about `gw {path}`"));
        let words = path.split(' ');
        let mut at = command();
        for word in words {
            at = at.find_subcommand(word).unwrap().clone();
        }
        let help = at.render_help().to_string();
        assert!(!leaf.examples().is_empty(), "{path}");
        for line in leaf.examples() {
            assert!(help.contains(&line), "{line} is not in the help of {path}");
            assert!(
                line.starts_with(&format!("gw {path}")),
                "{line} is no example of {path}"
            );
            // What the shell takes for itself.
            let line = line.split(['>', '<']).next().unwrap();
            let parsed = command().try_get_matches_from(line.trim().replace('\'', "").split(' '));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }
}
