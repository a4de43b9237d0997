//! `gw usage reprice`: requests of the log priced again, as models are priced now. What would change is shown first.

use crate::cli::{
    context::Context,
    print::{Format, amount, clean, table, text},
};
use crate::error::Result;
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw usage reprice`.
pub(super) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let mut body = json!({"dry_run": true});
    for name in ["since", "until"] {
        if let Some(value) = matches.get_one::<String>(name) {
            body[name] = value.as_str().into();
        }
    }
    for name in ["model", "provider"] {
        let values = matches.get_many::<String>(name).into_iter().flatten();
        let values: Vec<&String> = values.collect();
        if !values.is_empty() {
            body[name] = json!(values);
        }
    }
    let dry_run = matches.get_flag("dry_run");
    let people = matches!(context.look.format, Format::Table | Format::Wide);
    let remote = context.remote_for_many()?;
    let ask = !dry_run && !matches.get_flag("yes");
    if !dry_run && !ask {
        body["dry_run"] = false.into();
    }
    let progress = context.progress("pricing again", None);
    let mut told = remote.reprice(&body).await?;
    drop(progress);
    let changed = |told: &Value| told.get("changed").and_then(Value::as_u64).unwrap_or(0);
    if ask && changed(&told) > 0 {
        if people {
            context.data(&render(&told));
        }
        let count = changed(&told);
        context.confirm(&format!(
            "change the cost of {count} request{}",
            if count == 1 { "" } else { "s" }
        ))?;
        body["dry_run"] = false.into();
        told = remote.reprice(&body).await?;
    } else if people && (!matches.get_flag("yes") || changed(&told) > 0) {
        context.data(&render(&told));
    }
    if !people {
        context.data(&context.look.found(&told)?);
        return Ok(());
    }
    let count = changed(&told);
    let requests = if count == 1 { "request" } else { "requests" };
    context.talk(&match told.get("dry_run") {
        Some(Value::Bool(true)) if count > 0 => {
            format!("{count} {requests} would change; nothing was changed")
        }
        _ if count == 0 => "no cost is another than it was".into(),
        _ => format!("changed the cost of {count} {requests}; what it was is kept: gw logs get ID"),
    });
    Ok(())
}

/// Old and new sums by model.
fn render(told: &Value) -> String {
    let items = told.get("items").and_then(Value::as_array);
    let money = |line: &Value, field: &str| {
        let known = line.get(field).and_then(Value::as_str);
        known.map_or_else(|| "-".into(), amount)
    };
    let name = |line: &Value, field: &str| {
        let name = line.get(field).map(text).unwrap_or_default();
        match clean(&name) {
            name if name.is_empty() => "-".into(),
            name => name,
        }
    };
    let row = |of: [String; 2], line: &Value| {
        let count = |field: &str| line.get(field).map(text).unwrap_or_default();
        let [model, provider] = of;
        vec![
            model,
            provider,
            count("requests"),
            count("changed"),
            money(line, "before"),
            money(line, "after"),
            count("unpriced_before"),
            count("unpriced_after"),
        ]
    };
    let items = items.map_or(&[][..], Vec::as_slice);
    let mut rows: Vec<Vec<String>> = items
        .iter()
        .map(|line| row([name(line, "model"), name(line, "provider")], line))
        .collect();
    if items.len() > 1 {
        rows.push(row(["total".into(), String::new()], told));
    }
    let heads = [
        "MODEL", "PROVIDER", "REQUESTS", "CHANGED", "BEFORE", "AFTER", "UNPRICED", "NOW",
    ];
    table(&heads, rows, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_sums_stand_side_by_side() {
        let line = json!({"model": "m", "provider": "p", "requests": 3, "changed": 2, "before": null, "after": "1.5",
            "unpriced_before": 2, "unpriced_after": 0});
        let mut told = json!({"items": [line.clone()]});
        assert_eq!(
            render(&told),
            "MODEL   PROVIDER   REQUESTS   CHANGED   BEFORE   AFTER   UNPRICED   NOW\nm       p          3          2         -        $1.50   2          0\n"
        );
        told["items"] = json!([line.clone(), line]);
        for field in ["requests", "changed", "unpriced_before", "unpriced_after"] {
            told[field] = 6.into();
        }
        told["before"] = "0".into();
        told["after"] = "3".into();
        assert_eq!(
            render(&told).lines().last(),
            Some("total              6          6         $0       $3.00   6          6")
        );
    }
}
