//! `gw notify test`: whether those who are to be told of limits and failing targets hear.

use super::{
    context::Context,
    print::{Format, aligned, clean, text},
};
use crate::error::{Error, Kind, Result};
use serde_json::Value;

/// Runs `gw notify test`.
pub(crate) async fn test(context: &Context) -> Result<()> {
    let told = context.remote()?.notify_test().await?;
    let items = told.get("items").and_then(Value::as_array);
    let items = items.map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() {
        return Err(Error::invalid("nobody is to be told").hint(
            "start the gateway with --notify COMMAND or --notify https://…, or set notify.to",
        ));
    }
    match context.look.format {
        Format::Table | Format::Wide => {
            let rows: Vec<Vec<String>> = items.iter().map(row).collect();
            context.data(&aligned(rows));
        }
        _ => context.data(&context.look.found(&told)?),
    }
    let failed = items
        .iter()
        .filter(|item| item.get("ok") != Some(&Value::Bool(true)));
    match failed.count() {
        0 => Ok(()),
        some => Err(Error::new(
            Kind::Unavailable,
            format!("{some} of {} did not hear", items.len()),
        )
        .hint("what each said stands above")),
    }
}

fn row(item: &Value) -> Vec<String> {
    let of = |name: &str| item.get(name).map(text).unwrap_or_default();
    let said = match item.get("error") {
        None => "heard".to_owned(),
        Some(why) => clean(&text(why)),
    };
    vec![clean(&of("to")), format!("{} ms", of("ms")), said]
}
