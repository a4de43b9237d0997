//! Newer prices than those that came with the program: read, laid beside what holds now, and put in force.

use super::call::{Call, answer};
use super::desk::blocking;
use crate::catalog::{Overlay, Published, published};
use crate::error::{Error, Result};
use crate::resources::Stamp;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// `PUT /api/v1/prices`: `data` is what somebody published, or `null` to go back to the built-in prices. Answers
/// `{source, dated, models, differences: [{vendor, model, price, old?, new?}], dry_run}`.
pub async fn replace(call: Call) -> Result<Response> {
    let dry_run = call.flag("dry_run")?;
    let Value::Object(mut body) = call.json()? else {
        return Err(Error::invalid("the body is not a JSON object"));
    };
    if let Some(field) = body.keys().find(|field| *field != "data") {
        return Err(
            Error::invalid(format!("unknown field `{}`", field.escape_debug()))
                .param(field.clone())
                .hint("it takes: data"),
        );
    }
    let data = body
        .shift_remove("data")
        .ok_or_else(|| Error::invalid("`data` is missing").param("data"))?;
    let before = call.desk.in_force().prices.clone();
    // Some thousand models take their time.
    let (newer, differences) = blocking(move || {
        let published = match data {
            Value::Null => Published::default(),
            data => {
                let now = Stamp::now().rfc3339();
                published::read(&data, now.get(..10).unwrap_or_default())?
            }
        };
        let newer = Overlay::new(published)?;
        let differences = before.differences(&newer);
        Ok((Arc::new(newer), differences))
    })
    .await?;
    if !dry_run {
        call.desk.reprice(newer.clone()).await?;
    }
    let mut told = newer.told();
    told.insert("differences".into(), json!(differences));
    told.insert("dry_run".into(), dry_run.into());
    Ok(answer(StatusCode::OK, &Value::Object(told)))
}
