//! Reading secrets: from standard input, a variable, a file or a hidden prompt; never from arguments.

use super::{context::Context, remote::Remote};
use crate::error::{Error, Result};
use crate::store::secret::LONGEST;
use clap::ArgMatches;
use serde_json::{Map, Value, json};
use std::io::Read;
use zeroize::Zeroizing;

/// A secret read by this process; wiped when dropped.
pub(crate) type Text = Zeroizing<String>;

/// The credential flags of `create`: fills in a reference, or gives back the secret itself. Where the
/// vendor wants one and none was given, asks on a terminal.
pub(crate) async fn for_create(
    context: &Context,
    remote: &Remote,
    matches: &ArgMatches,
    spec: &mut Map<String, Value>,
) -> Result<Option<Text>> {
    if matches.contains_id("credential") {
        return given(context, matches, spec);
    }
    let vendor = spec
        .get("vendor")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let vendors = remote.vendors().await?;
    let row = vendors
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|row| row.get("name").and_then(Value::as_str) == Some(&vendor));
    // An unknown vendor is refused by the gateway, with its own words.
    let Some(row) = row else { return Ok(None) };
    let env = row.get("env").and_then(Value::as_str).unwrap_or_default();
    let machine = row.get("machine").and_then(Value::as_str);
    let local = row.get("local").and_then(Value::as_bool) == Some(true);
    if local || (env.is_empty() && machine.is_none()) {
        return Ok(None);
    }
    if context.no_input {
        let variable = if env.is_empty() { "VAR" } else { env };
        // The identity of the gateway's own machine.
        let machine = machine.map(|machine| format!("--credential-ref {machine}, "));
        return Err(Error::invalid(format!("vendor `{vendor}` wants a credential, and none was given"))
            .hint(format!("add --credential-env {variable}, --credential-stdin, --credential-file FILE, --credential-ref env:{variable}, {}or --passthrough", machine.unwrap_or_default())));
    }
    spec.insert("credential".into(), json!("managed"));
    prompt(&format!("credential for {vendor}: ")).map(Some)
}

/// The credential the flags give, if any.
pub(crate) fn given(
    context: &Context,
    matches: &ArgMatches,
    spec: &mut Map<String, Value>,
) -> Result<Option<Text>> {
    let text = |id: &str| matches.get_one::<String>(id);
    if let Some(reference) = text("credential_ref") {
        // Checked here, so that a secret pasted by mistake is neither sent nor shown.
        let reference: crate::resources::provider::Credential = reference.parse()?;
        spec.insert("credential".into(), json!(reference.to_string()));
        return Ok(None);
    }
    if matches.get_flag("passthrough") {
        spec.insert("credential".into(), json!("passthrough"));
        return Ok(None);
    }
    let secret = match (
        matches.get_flag("credential_stdin"),
        text("credential_env"),
        text("credential_file"),
    ) {
        (true, ..) => Some(stdin()?),
        (_, Some(variable), _) => Some(variable_value(variable)?),
        (.., Some(file)) => Some(file_value(file)?),
        _ => None,
    };
    if secret.is_some() {
        spec.insert("credential".into(), json!("managed"));
        context.talk_verbose("the credential was read here and goes to the gateway's secret store");
    }
    Ok(secret)
}

/// Says so where the gateway stored a provider whose credential or files it cannot read as things are.
pub(crate) fn warn(context: &Context, record: &Value) {
    let why = record
        .get("status")
        .and_then(|status| status.get("credential_error"))
        .and_then(Value::as_str);
    if let Some(why) = why {
        context.talk(&format!(
            "warning: provider `{}` cannot be used as things are: {}; the gateway goes on trying",
            super::context::name_of(record),
            super::print::clean(why)
        ));
    }
}

/// A secret on standard input, its line end taken off.
pub(crate) fn stdin() -> Result<Text> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .take(LONGEST as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| Error::invalid("cannot read standard input as text").cause(error))?;
    checked(text, "standard input")
}

/// A secret in a variable of this process.
pub(crate) fn variable_value(name: &str) -> Result<Text> {
    match std::env::var(name) {
        Ok(text) => checked(Zeroizing::new(text), &format!("`{name}`")),
        Err(std::env::VarError::NotUnicode(_)) => Err(Error::invalid(format!(
            "the variable `{}` is not UTF-8",
            name.escape_debug()
        ))),
        Err(std::env::VarError::NotPresent) => Err(Error::invalid(format!(
            "the variable `{}` is not set here",
            name.escape_debug()
        ))
        .hint("set it, or let the gateway read its own with --credential-ref env:NAME")),
    }
}

/// A secret in a file.
pub(crate) fn file_value(path: &str) -> Result<Text> {
    let shown = format!("`{}`", path.escape_debug());
    let file = std::fs::File::open(path)
        .map_err(|error| Error::invalid(format!("cannot read {shown}")).cause(error))?;
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| Error::invalid(format!("cannot read {shown} as text")).cause(error))?;
    checked(text, &shown)
}

fn checked(text: Text, place: &str) -> Result<Text> {
    if text.len() > LONGEST {
        return Err(Error::invalid(format!(
            "{place} holds more than {LONGEST} bytes, which is no secret"
        )));
    }
    match text.trim() {
        "" => Err(Error::invalid(format!("{place} is empty"))
            .hint("a secret of no characters is never what was meant")),
        trimmed => Ok(Zeroizing::new(trimmed.to_owned())),
    }
}

fn prompt(question: &str) -> Result<Text> {
    let text = rpassword::prompt_password(question).map_err(|error| {
        Error::invalid("cannot ask for the credential")
            .cause(error)
            .hint("use --credential-stdin")
    })?;
    checked(Zeroizing::new(text), "the answer")
}
