//! What only keys have: a secret that is shown once. Creating one twice must never end well with nothing
//! to show for it, so the secret goes where it was asked for or the command fails saying how to get one.

use super::{
    context::{Context, name_of},
    credential,
    print::{self, Format},
    progress,
    remote::{Query, Remote},
    verbs,
};
use crate::error::{Error, Kind, Result};
use crate::resources::{self, Millis, key};
use crate::store::{
    key_file::{self, KeyFile},
    secret::Secret,
    token,
};
use crate::{shell, stdio};
use clap::ArgMatches;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// `gw key create`.
pub(crate) async fn create(context: &Context, matches: &ArgMatches) -> Result<()> {
    let kind = &key::KIND;
    let name = verbs::name(kind, matches)?;
    let spec = verbs::create::spec(kind, matches)?;
    let wanted = (kind.check)(spec.clone())?;
    let mut body = spec.clone();
    body.insert("name".into(), json!(name));
    let remote = context.remote()?;
    let dry_run = matches.get_flag("dry_run");
    let again = matches.get_flag("if_not_exists");
    if matches.get_flag("from_stdin") {
        return bring(context, &remote, matches, body, (&spec, &wanted)).await;
    }
    let file = matches.get_one::<String>("output_file").map(PathBuf::from);
    if file.is_none() {
        shown_somewhere(context, &name)?;
    }
    if let Some(path) = file.as_deref().filter(|path| again && path.exists()) {
        return known(context, &remote, path, &spec, &wanted, &name).await;
    }
    let place = if dry_run {
        None
    } else {
        reserve(file.as_deref())?
    };
    let made = remote
        .create(kind, &Value::Object(body), &options(dry_run))
        .await;
    let record = match made {
        Ok(record) => record,
        Err(error) => {
            return Err(if error.kind == Kind::Conflict {
                cannot_show(error, &remote, &name, file.as_deref()).await
            } else {
                error
            });
        }
    };
    if dry_run {
        return context.changed(kind, &record, "would be created (dry run)");
    }
    deliver(context, record, place, "created")
}

/// `gw key rotate`.
pub(crate) async fn rotate(context: &Context, matches: &ArgMatches) -> Result<()> {
    let name = verbs::name(&key::KIND, matches)?;
    let grace: Millis = matches
        .get_one::<String>("grace")
        .map_or(Ok(Millis(0)), |grace| grace.parse())
        .map_err(|error: Error| error.param("--grace"))?;
    let file = matches.get_one::<String>("output_file").map(PathBuf::from);
    if file.is_none() {
        shown_somewhere(context, &name)?;
    }
    let remote = context.remote()?;
    let place = reserve(file.as_deref())?;
    let record = remote
        .action(&key::KIND, &name, "rotate", &json!({ "grace": grace }))
        .await?;
    deliver(context, record, place, "rotated")
}

/// `gw key revoke`.
pub(crate) async fn revoke(context: &Context, matches: &ArgMatches) -> Result<()> {
    let remote = context.remote()?;
    let names = verbs::chosen::chosen(context, &remote, &key::KIND, matches).await?;
    if !names.is_empty() && !matches.get_flag("yes") {
        context.confirm(&format!("revoking {} for ever", names.join(", ")))?;
    }
    let mut problems = verbs::Several::new(names.len());
    for name in &names {
        match remote.action(&key::KIND, name, "revoke", &json!({})).await {
            Ok(record) => context.changed(&key::KIND, &record, "revoked")?,
            Err(error) => problems.note(error)?,
        }
    }
    problems.end()
}

/// `gw key identify`: the secret comes on standard input.
pub(crate) async fn identify(context: &Context) -> Result<()> {
    let secret = credential::stdin()?;
    let record = context.remote()?.identify(&secret).await?;
    context.show(&key::KIND, &[record], true)
}

/// A secret of the user's own.
///
/// The same secret again is fine, another one is a conflict unless it may be replaced: only this form of
/// creation can be repeated without a file.
async fn bring(
    context: &Context,
    remote: &Remote,
    matches: &ArgMatches,
    mut body: Map<String, Value>,
    (spec, wanted): (&Map<String, Value>, &Map<String, Value>),
) -> Result<()> {
    let secret = credential::stdin()?;
    match matches.get_flag("allow_weak") {
        true => _ = body.insert("allow_weak".into(), json!(true)),
        // The gateway's own rule, asked before the secret is sent.
        false => token::strong_enough(&secret)?,
    }
    let replace = matches.get_flag("replace_secret");
    body.insert("secret".into(), json!(secret.as_str()));
    body.insert("replace_secret".into(), json!(replace));
    body.insert("if_not_exists".into(), json!(true));
    let dry_run = matches.get_flag("dry_run");
    let record = remote
        .create(&key::KIND, &Value::Object(body), &options(dry_run))
        .await?;
    let result = match record
        .get("result")
        .and_then(Value::as_str)
        .unwrap_or("created")
    {
        "unchanged" => return verbs::create::unchanged(context, &key::KIND, &record, spec, wanted),
        "configured" | "changed" | "updated" => "replaced".to_owned(),
        other => other.to_owned(),
    };
    context.changed(
        &key::KIND,
        &record,
        &if dry_run {
            format!("would be {result} (dry run)")
        } else {
            result
        },
    )
}

/// The file is there: fine when it holds this key's secret.
async fn known(
    context: &Context,
    remote: &Remote,
    path: &Path,
    spec: &Map<String, Value>,
    wanted: &Map<String, Value>,
    name: &str,
) -> Result<()> {
    let kind = &key::KIND;
    let held = credential::file_value(&path.to_string_lossy())?;
    if let Err(error) = remote.get(kind, name).await {
        return Err(match error.kind {
            Kind::NotFound => key_file::exists(path).param("--output-file"),
            _ => error,
        });
    }
    let mut body = spec.clone();
    body.extend([
        ("name".to_owned(), json!(name)),
        ("if_not_exists".to_owned(), json!(true)),
        ("secret_check".to_owned(), json!(held.as_str())),
    ]);
    let record = remote
        .create(kind, &Value::Object(body), &options(false))
        .await?;
    match record
        .pointer("/status/secret_matches")
        .and_then(Value::as_bool)
    {
        Some(true) => verbs::create::unchanged(context, kind, &record, spec, wanted),
        _ => Err(lost(name, Some(path))),
    }
}

/// A conflict means the key exists, if it does.
async fn cannot_show(error: Error, remote: &Remote, name: &str, file: Option<&Path>) -> Error {
    match remote.get(&key::KIND, name).await {
        Ok(_) => lost(name, file),
        Err(_) => error,
    }
}

fn lost(name: &str, file: Option<&Path>) -> Error {
    let fix = match file {
        Some(path) => format!(
            "gw key rotate {name} --output-file {}",
            shell::quoted(&path.display().to_string())
        ),
        None => format!("gw key rotate {name}"),
    };
    Error::new(
        Kind::Conflict,
        format!("key `{name}` exists and its secret cannot be shown again"),
    )
    .param("name")
    .hint(fix)
}

fn options(dry_run: bool) -> Query {
    if dry_run {
        vec![("dry_run", "true".into())]
    } else {
        Query::new()
    }
}

/// Whether a format has a place for the secret, which is shown only once.
pub(crate) fn has_secret(format: &Format) -> bool {
    match format {
        Format::Name | Format::Csv | Format::Toml => false,
        Format::Value(path) => matches!(path.trim_start_matches('.'), "secret" | ""),
        _ => true,
    }
}

/// Refuses formats that would drop the only showing of a secret.
fn shown_somewhere(context: &Context, name: &str) -> Result<()> {
    let format = &context.look.format;
    match has_secret(format) {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "`-o {}` has no place for the secret of `{name}`, which is shown only once",
            print::written(&[format.name()])
        ))
        .hint("add --output-file FILE, or use -o table, -o json or -o value=.secret")),
    }
}

/// The file is made before the key.
fn reserve(path: Option<&Path>) -> Result<Option<KeyFile>> {
    path.map(KeyFile::reserve)
        .transpose()
        .map_err(|error| error.param("--output-file"))
}

/// Hands the secret over: to the file, or alone on standard output.
fn deliver(context: &Context, mut record: Value, place: Option<KeyFile>, what: &str) -> Result<()> {
    let kind: &'static resources::Kind = &key::KIND;
    let Some(secret) = record
        .get("secret")
        .and_then(Value::as_str)
        .map(|secret| Secret::new(secret.to_owned()))
    else {
        return Err(Error::internal("the gateway sent no secret")
            .hint(format!("gw key rotate {}", name_of(&record))));
    };
    if let Some(place) = place {
        let path = place.path().display().to_string();
        place.write(name_of(&record), &secret)?;
        if let Value::Object(map) = &mut record {
            map.remove("secret");
        }
        context.talk(&format!("secret written to {path}"));
        return context.changed(kind, &record, what);
    }
    match context.look.format {
        Format::Table | Format::Wide => {
            context.talk(&format!(
                "key/{} {what}; its secret is shown this once",
                name_of(&record)
            ));
            shown_once(&format!("{}\n", secret.expose()), &record)
        }
        _ => {
            let text = context
                .look
                .records(kind, std::slice::from_ref(&record), true)?;
            shown_once(&text, &record)
        }
    }
}

/// A secret that did not get out is lost, also where the reader merely went away.
fn shown_once(text: &str, record: &Value) -> Result<()> {
    progress::beside(|| stdio::data(text.as_bytes())).map_err(|undelivered| {
        undelivered.into_error().hint(format!(
            "the secret was not read and cannot be shown again: gw key rotate {}",
            name_of(record)
        ))
    })
}
