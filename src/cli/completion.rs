//! Shell completion: the scripts, and answers with live names from the running gateway.

use super::context::{lost, write_out};
use crate::config::{self, Layer};
use crate::error::{Error, Result};
use crate::resources::{KINDS, Kind, kind};
use crate::stdio::{self, Undelivered};
use clap::{ArgMatches, builder::StyledStr};
use clap_complete::{
    ArgValueCompleter, CompleteEnv, CompletionCandidate,
    env::{EnvCompleter, Fish, Powershell, Zsh},
};
use std::{ffi::OsStr, process::ExitCode, time::Duration};

/// The variable that asks for completions instead of running a command.
const VARIABLE: &str = "GW_COMPLETE";
/// How long the gateway may take to name things; after that there are no names.
const BUDGET: Duration = Duration::from_millis(150);

/// Answers a shell that asks for completions; `None`: nobody asked.
pub(crate) fn answered() -> Option<ExitCode> {
    let args = std::env::args_os();
    let asked = CompleteEnv::with_factory(super::command)
        .var(VARIABLE)
        .try_complete(args, std::env::current_dir().ok().as_deref());
    let failed = match asked {
        Ok(false) => return None,
        // Its last line may still be waiting for its end.
        Ok(true) => stdio::data(b"").err(),
        Err(error) => Some(failure(&error)),
    };
    Some(match failed {
        None => ExitCode::SUCCESS,
        Some(undelivered) => ExitCode::from(lost(undelivered)),
    })
}

/// clap keeps only the text of a failed write; its number tells it from a shell that is not known.
fn failure(error: &clap::Error) -> Undelivered {
    let text = error.to_string();
    let text = text.trim().trim_start_matches("error: ");
    let number = text
        .rsplit_once("(os error ")
        .and_then(|(_, rest)| rest.trim_end_matches(')').parse().ok());
    match number {
        Some(number) => std::io::Error::from_raw_os_error(number).into(),
        None => Undelivered::Failed(Error::invalid(text.to_owned())),
    }
}

/// `gw completion SHELL`.
pub(crate) fn print(matches: &ArgMatches) -> Result<ExitCode> {
    let shell = matches
        .get_one::<String>("shell")
        .map(String::as_str)
        .unwrap_or_default();
    write_out(script(shell)?.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// Bash splits words at `:` and `=`, which occur in model ids and weights. So the words are put together
/// again from the line, and what was already typed before the last such mark is taken off the answers.
const BASH: &str = r#"# bash completion for gw
_gw() {
    local line=$COMP_LINE words=() at=-1 mine=0 i word
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if ((at >= 0)) && [[ -n $word && $line != [[:space:]]* ]]; then
            words[at]+=$word
        elif ((at >= 0)) && [[ -z $word && $line != [[:space:]]* && ${words[at]} == *[:=] && $i -eq $COMP_CWORD ]]; then
            :
        else
            words[++at]=$word
            line=${line#"${line%%[![:space:]]*}"}
        fi
        line=${line#"$word"}
        ((i == COMP_CWORD)) && mine=$at
    done
    local typed=${words[mine]} last=$2
    [[ $last == [:=]* ]] && last=${last#[:=]}
    local before=${typed%"$last"}
    [[ $before == *[:=]* ]] || before=
    local IFS=$'\013'
    COMPREPLY=($(_CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX="$mine" _CLAP_COMPLETE_COMP_TYPE="$COMP_TYPE" _CLAP_COMPLETE_SPACE=false GW_COMPLETE=bash gw -- "${words[@]}" 2>/dev/null)) || COMPREPLY=()
    if [[ -n $before ]]; then
        for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=${COMPREPLY[i]#"$before"}
        done
    fi
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} != *[=/:] ]]; then
        compopt +o nospace 2>/dev/null
    fi
}
if [[ ${BASH_VERSINFO[0]} -gt 4 || (${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4) ]]; then
    complete -o nospace -o bashdefault -o nosort -F _gw gw
else
    complete -o nospace -o bashdefault -F _gw gw
fi
"#;

/// The completion script of a shell.
pub(crate) fn script(shell: &str) -> Result<String> {
    let completer: &dyn EnvCompleter = match shell {
        "bash" => return Ok(BASH.into()),
        "zsh" => &Zsh,
        "fish" => &Fish,
        "powershell" => &Powershell,
        _ => {
            return Err(
                Error::invalid(format!("no completion for `{}`", shell.escape_debug()))
                    .hint("one of: bash, zsh, fish, powershell"),
            );
        }
    };
    let mut text = Vec::new();
    completer
        .write_registration(VARIABLE, "gw", "gw", "gw", &mut text)
        .map_err(|error| Error::internal("cannot write the script").cause(error))?;
    let text = String::from_utf8_lossy(&text);
    Ok(format!("{}\n", text.trim_end()))
}

/// Completes names of a kind; `vendor`, `target` and `field` are understood, too.
pub(crate) fn names_of(what: &'static str) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| candidates(what, &typed.to_string_lossy()))
}

/// Completes `TYPE` and `TYPE/NAME`.
pub(crate) fn typed_names() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        match typed
            .split_once('/')
            .and_then(|(word, rest)| Some((word, kind(word).ok()?, rest)))
        {
            Some((word, kind, rest)) => live(kind)
                .into_iter()
                .filter(|(name, _)| name.starts_with(rest))
                .map(|(name, help)| candidate(format!("{word}/{name}"), &help))
                .collect(),
            None => KINDS
                .iter()
                .filter(|kind| kind.name.starts_with(typed.as_ref()))
                .map(|kind| candidate(format!("{}/", kind.name), kind.about))
                .collect(),
        }
    })
}

fn candidates(what: &str, typed: &str) -> Vec<CompletionCandidate> {
    let fitting = |all: Vec<(String, String)>| {
        all.into_iter()
            .filter(|(name, _)| name.starts_with(typed))
            .map(|(name, help)| candidate(name, &help))
            .collect()
    };
    match what {
        "vendor" => fitting(vendors()),
        // A provider, and behind its slash the models it is known to have.
        "target" => match typed.split_once('/') {
            None => kind("provider")
                .map(|kind| fitting(live(kind)))
                .unwrap_or_default(),
            Some((provider, _)) => fitting(
                kind("model")
                    .map(live)
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(name, help)| {
                        let id = name
                            .strip_prefix(&format!("{provider}/"))
                            .map(String::from)
                            .unwrap_or(name);
                        (format!("{provider}/{id}"), help)
                    })
                    .collect(),
            ),
        },
        "field" => fitting(
            KINDS
                .iter()
                .flat_map(|kind| {
                    let fields = kind.fields.iter().map(|field| {
                        (
                            format!("{}.{}", kind.name, field.name),
                            field.help.to_owned(),
                        )
                    });
                    std::iter::once((kind.name.to_owned(), kind.about.to_owned())).chain(fields)
                })
                .collect(),
        ),
        _ => kind(what)
            .map(|kind| fitting(live(kind)))
            .unwrap_or_default(),
    }
}

fn candidate(value: String, help: &str) -> CompletionCandidate {
    let help = super::print::clean(help);
    CompletionCandidate::new(value).help((!help.is_empty()).then(|| StyledStr::from(help)))
}

/// Asks the gateway, within the budget; silence is no names.
fn ask(
    question: impl AsyncFnOnce(&super::Remote) -> Result<serde_json::Value>,
) -> Vec<serde_json::Value> {
    let answer = || {
        let given = std::env::var("GW_ADMIN_URL")
            .ok()
            .filter(|url| !url.is_empty());
        let config = config::load(None, std::env::vars_os(), Layer::default()).ok()?;
        let client = super::endpoint::client(given.as_deref(), &config).ok()?;
        let remote = super::Remote::new(client.timeout(BUDGET), false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        runtime
            .block_on(async { tokio::time::timeout(BUDGET, question(&remote)).await })
            .ok()?
            .ok()
    };
    match answer()
        .as_mut()
        .and_then(|answer| answer.get_mut("items"))
        .map(serde_json::Value::take)
    {
        Some(serde_json::Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn live(kind: &'static Kind) -> Vec<(String, String)> {
    let text = |item: &serde_json::Value, name: &str| {
        item.get(name)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    // What it is: the first further column that says something.
    let help = |item: &serde_json::Value| {
        let said = kind
            .columns
            .iter()
            .skip(1)
            .filter_map(|column| super::path::lookup(item, column.path))
            .map(super::print::text)
            .find(|text| !text.is_empty());
        said.unwrap_or_default()
    };
    let items = ask(async |remote| remote.list(kind, None, Some(500), None, None).await);
    items
        .iter()
        .map(|item| (text(item, "name"), help(item)))
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

fn vendors() -> Vec<(String, String)> {
    let text = |item: &serde_json::Value, name: &str| {
        item.get(name)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    ask(async |remote| remote.vendors().await)
        .iter()
        .map(|item| (text(item, "name"), text(item, "title")))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// With `GW_BLESS=1` writes the files instead of comparing.
    #[test]
    fn the_files_are_what_the_binary_prints() {
        for (shell, file) in [
            ("bash", "gw.bash"),
            ("zsh", "gw.zsh"),
            ("fish", "gw.fish"),
            ("powershell", "gw.ps1"),
        ] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("completions")
                .join(file);
            let script = script(shell).unwrap();
            if std::env::var_os("GW_BLESS").is_some() {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &script).unwrap();
            }
            assert_eq!(
                std::fs::read_to_string(&path)
                    .unwrap()
                    .replace("\r\n", "\n"),
                script,
                "{file} is stale: run the tests with GW_BLESS=1"
            );
        }
        assert!(script("tcsh").is_err());
    }

    #[test]
    fn fields_complete_without_a_gateway() {
        let names: Vec<String> = candidates("field", "route.ta")
            .iter()
            .map(|candidate| candidate.get_value().to_string_lossy().into_owned())
            .collect();
        assert_eq!(names, ["route.targets"]);
    }
}
