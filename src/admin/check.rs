//! What would become of a request at a provider: the records are found here, `upstream` says what happens.

use super::call::{Call, answer};
use super::probe;
use crate::error::{Error, Result};
use crate::resources::provider::Provider;
use crate::upstream::check::{Question, check as look};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

/// What is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// `PROVIDER`, or `PROVIDER/MODEL`.
    to: String,
    /// The caller's format; absent: the one the body looks like.
    format: Option<String>,
    /// The body as its text: how it is spelled counts.
    body: String,
}

pub async fn check(call: Call) -> Result<Response> {
    let asked: Asked = serde_json::from_value(call.json()?).map_err(|error| {
        Error::invalid(format!("the question cannot be read: {error}"))
            .hint("see gw request check --help")
    })?;
    let (provider, model) = match asked.to.split_once('/') {
        Some((provider, model)) => (provider, Some(model).filter(|model| !model.is_empty())),
        None => (asked.to.as_str(), None),
    };
    let state = call.desk.in_force();
    let record = state.get("provider", provider)?;
    let spec: Provider = serde_json::from_value(Value::Object(record.spec.clone()))
        .map_err(|error| Error::internal("the provider record cannot be read").cause(error))?;
    let model = model.map(|model| probe::known_as(&state, &record, model));
    let found = look(&Question {
        provider,
        spec: &spec,
        model: model.as_deref(),
        format: asked.format.as_deref(),
        body: &asked.body,
    })?;
    Ok(answer(StatusCode::OK, &found))
}
