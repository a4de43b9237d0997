//! `gw status`: what is running, where, and whether it is well.

use super::{
    context::Context,
    print::{Format, clean, text},
    verbs::describe,
};
use crate::error::Result;
use serde_json::Value;

/// Runs `gw status`.
pub(crate) async fn run(context: &Context) -> Result<()> {
    let status = context.remote()?.status().await?;
    match context.look.format {
        Format::Table | Format::Wide => context.data(&render(&status)),
        _ => context.data(&context.look.found(&status)?),
    }
    Ok(())
}

/// The fields in order; counts of records in one line.
fn render(status: &Value) -> String {
    let mut shown = status.clone();
    if let Value::Object(map) = &mut shown {
        if let Some(Value::Object(records)) = map.get("records") {
            let counts: Vec<String> = records
                .iter()
                .map(|(kind, count)| format!("{} {}", text(count), clean(kind)))
                .collect();
            map.insert("records".into(), counts.join(", ").into());
        }
        if map
            .get("urls")
            .and_then(Value::as_array)
            .is_some_and(|urls| urls.len() < 2)
        {
            map.shift_remove("urls");
        }
        map.retain(|_, value| !matches!(value, Value::Object(inner) if inner.is_empty()));
    }
    describe::lines(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn aligned_lines() {
        let status = json!({"url": "http://127.0.0.1:4000", "urls": ["http://127.0.0.1:4000"], "pid": 7, "records": {"users": 1, "keys": 2}, "credentials": {}, "log": {"written": 3}});
        assert_eq!(
            render(&status),
            "url           http://127.0.0.1:4000\npid           7\nrecords       1 users, 2 keys\nlog.written   3\n"
        );
    }
}
