//! What a request body says about one record: the spec, and beside it what is never stored as such.

use crate::error::{Error, Result};
use crate::resources::{Kind, KindId, Record, Spec};
use crate::store::secret::Secret;
use serde_json::Value;

/// A record as somebody wants it.
#[derive(Clone, Debug, Default)]
pub struct Item {
    pub kind: String,
    pub name: String,
    pub spec: Spec,
    /// Keys: the secret to use instead of a new one.
    pub secret: Option<Secret>,
    /// Keys: an existing secret may be replaced by `secret`.
    pub replace_secret: bool,
    /// Keys: a brought-along secret may be one that could be guessed.
    pub allow_weak: bool,
    /// Keys: a secret the caller holds, to be told whether it is this key's.
    pub secret_check: Option<Secret>,
    /// Providers: the managed credential.
    pub credential: Option<Secret>,
    /// An existing record is fine.
    pub if_not_exists: bool,
}

impl Item {
    /// Takes a body apart: what the server adds when it shows a record is taken off again.
    pub fn parse(kind: &Kind, name: Option<&str>, body: Value) -> Result<Item> {
        let Value::Object(mut spec) = body else {
            return Err(Error::invalid(format!("a {} is a JSON object", kind.name)));
        };
        if let Some(said) = spec.get("kind")
            && said.as_str() != Some(kind.name)
        {
            return Err(Error::invalid(format!(
                "the body is a {} and not a {}",
                said.as_str().unwrap_or("thing without a kind"),
                kind.name
            ))
            .param("kind"));
        }
        if let Some(said) = spec.get("apiVersion")
            && said.as_str() != Some("gw/v1")
        {
            return Err(Error::invalid("`apiVersion` is not one this gateway knows")
                .param("apiVersion")
                .hint("write gw/v1, or leave it out"));
        }
        let named = spec.get("name").and_then(Value::as_str).map(str::to_owned);
        let name = match (name, named) {
            (Some(path), Some(body)) if path != body => {
                return Err(Error::invalid(format!(
                    "the body names `{}` and the path `{}`",
                    body.escape_debug(),
                    path.escape_debug()
                ))
                .param("name")
                .hint("records cannot be renamed; create another one"));
            }
            (Some(path), _) => path.to_owned(),
            (None, Some(body)) => body,
            (None, None) => {
                return Err(Error::invalid(format!(
                    "a {} has a name, and `name` is missing",
                    kind.name
                ))
                .param("name"));
            }
        };
        for field in Record::ENVELOPE {
            spec.shift_remove(field);
        }
        let mut item = Item {
            kind: kind.name.into(),
            name,
            ..Item::default()
        };
        item.if_not_exists = flag(&mut spec, "if_not_exists")?;
        let mut secret = match kind.id.secret_field() {
            Some(field) => text(&mut spec, field)?,
            None => None,
        };
        match kind.id {
            KindId::Key => {
                item.secret = secret.take();
                item.secret_check = text(&mut spec, "secret_check")?;
                item.allow_weak = flag(&mut spec, "allow_weak")?;
                item.replace_secret = flag(&mut spec, "replace_secret")?;
            }
            KindId::Provider => item.credential = secret.take(),
            KindId::User | KindId::Model | KindId::Route => {}
        }
        item.spec = spec;
        Ok(item)
    }
}

fn text(spec: &mut Spec, field: &str) -> Result<Option<Secret>> {
    match spec.shift_remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Secret::new(text))),
        // The value is not echoed: it is meant to be a secret.
        Some(_) => Err(Error::invalid(format!("`{field}` is not a string")).param(field)),
    }
}

fn flag(spec: &mut Spec, field: &str) -> Result<bool> {
    match spec.shift_remove(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(on)) => Ok(on),
        Some(_) => Err(Error::invalid(format!("`{field}` is neither true nor false")).param(field)),
    }
}
