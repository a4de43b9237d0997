//! How `gw route explain` shows its answer: candidates and why, attempts in order, what is left out and why.

use super::print::{clean, table, text};
use serde_json::Value;

/// The answer as lines.
pub(crate) fn render(answer: &Value) -> String {
    let mut out = format!(
        "as key {} of user {}{}\n",
        field(answer, "key"),
        field(answer, "user"),
        asked(answer)
    );
    let candidates = list(answer, "candidates");
    if !candidates.is_empty() {
        let rows = candidates
            .iter()
            .map(|one| {
                ["route", "bound_by", "priority", "why"]
                    .map(|name| field(one, name))
                    .to_vec()
            })
            .collect();
        block(
            &mut out,
            &table(&["ROUTE", "BOUND BY", "PRIORITY", "WHY"], rows, true),
        );
    }
    for through in list(answer, "passthrough") {
        out.push_str(&format!(
            "\nroute {} lets through to {}: {} below {}\n",
            field(&through, "route"),
            joined(&through, "providers"),
            joined(&through, "methods"),
            joined(&through, "paths")
        ));
    }
    if let Some(named) = answer
        .get("named")
        .filter(|named| named.get("decides") == Some(&Value::Bool(false)))
    {
        out.push_str(&format!(
            "\nroute {} does not decide: {}\n",
            field(named, "route"),
            field(named, "why")
        ));
    }
    if let Some(refused) = answer.get("refused") {
        let fix = Some(field(refused, "fix"))
            .filter(|fix| fix != "-")
            .map(|fix| format!("\n  fix: {fix}"))
            .unwrap_or_default();
        out.push_str(&format!(
            "\nwould be refused with status {}: {}{fix}\n",
            field(refused, "status"),
            field(refused, "message")
        ));
        return out;
    }
    let attempts = list(answer, "attempts");
    let rows: Vec<Vec<String>> = attempts
        .iter()
        .enumerate()
        .map(|(at, one)| {
            vec![
                (at + 1).to_string(),
                target(one),
                field(one, "tier"),
                field(one, "weight"),
            ]
        })
        .collect();
    out.push_str(&match answer.get("route").and_then(Value::as_str) {
        Some(route) => format!("\n{}, {}\n", clean(route), field(answer, "strategy")),
        None => "\nno route: the key may call it directly\n".into(),
    });
    if !rows.is_empty() {
        out.push_str(&table(&["TRY", "TARGET", "TIER", "WEIGHT"], rows, true));
    }
    for one in &attempts {
        for note in list(one, "notes") {
            out.push_str(&format!("{}: {}\n", target(one), clean(&text(&note))));
        }
    }
    let excluded: Vec<Vec<String>> = list(answer, "excluded")
        .iter()
        .map(|one| vec![target(one), field(one, "why")])
        .collect();
    if !excluded.is_empty() {
        block(&mut out, &table(&["LEFT OUT", "WHY"], excluded, true));
    }
    let draws: Vec<Vec<String>> = answer
        .get("draws")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(target, count)| vec![clean(target), text(count)])
        .collect();
    if !draws.is_empty() {
        block(&mut out, &table(&["FIRST CHOICE", "DRAWN"], draws, true));
    }
    out.push_str(&match attempts.first() {
        Some(first) => format!("\nwould use {}\n", target(first)),
        None => "\nwould find no target\n".into(),
    });
    out
}

fn block(out: &mut String, table: &str) {
    out.push('\n');
    out.push_str(table);
}

fn asked(answer: &Value) -> String {
    let model = answer
        .get("requested_model")
        .and_then(Value::as_str)
        .map(|model| format!(", asking for {}", clean(model)))
        .unwrap_or_default();
    let barred = if answer.get("admitted") == Some(&Value::Bool(false)) {
        " (not let in: disabled, expired or revoked)"
    } else {
        ""
    };
    format!("{model}{barred}")
}

fn list(answer: &Value, name: &str) -> Vec<Value> {
    answer
        .get(name)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn joined(value: &Value, name: &str) -> String {
    let items = list(value, name);
    let items: Vec<String> = items.iter().map(|item| clean(&text(item))).collect();
    items.join(", ")
}

fn field(value: &Value, name: &str) -> String {
    value
        .get(name)
        .map(text)
        .map(|text| clean(&text))
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "-".into())
}

fn target(value: &Value) -> String {
    match field(value, "model").as_str() {
        "-" => field(value, "provider"),
        model => format!("{}/{model}", field(value, "provider")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn explanations_in_lines() {
        let answer = json!({"key": "k", "user": "u", "admitted": true, "requested_model": "x",
            "candidates": [{"route": "r", "bound_by": "key", "priority": 0, "decides": true, "why": "decides"}], "route": "r", "strategy": "fallback",
            "named": {"route": "other", "decides": false, "why": "it is for others"},
            "attempts": [{"provider": "a", "model": "m", "tier": 0, "weight": 1}], "excluded": [{"provider": "c", "model": null, "why": "disabled"}],
            "draws": {"a/m": 3}});
        let shown = "as key k of user u, asking for x\n\nROUTE   BOUND BY   PRIORITY   WHY\nr       key        0          decides\n\n\
            route other does not decide: it is for others\n\nr, fallback\nTRY   TARGET   TIER   WEIGHT\n1     a/m      0      1\n\n\
            LEFT OUT   WHY\nc          disabled\n\nFIRST CHOICE   DRAWN\na/m            3\n\nwould use a/m\n";
        assert_eq!(render(&answer), shown);
    }

    #[test]
    fn notes_stand_below_the_attempts() {
        let answer = json!({"key": "k", "user": "u", "candidates": [], "route": "r", "strategy": "fallback", "excluded": [],
            "attempts": [{"provider": "a", "model": "m", "tier": 0, "weight": 1, "notes": ["resting"]}]});
        assert_eq!(
            render(&answer),
            "as key k of user u\n\nr, fallback\nTRY   TARGET   TIER   WEIGHT\n1     a/m      0      1\na/m: resting\n\nwould use a/m\n"
        );
    }

    #[test]
    fn refusals_with_what_to_do() {
        let refused = json!({"key": "k", "user": "u", "candidates": [], "refused": {"status": 403, "message": "no route", "fix": "gw route create"}});
        assert_eq!(
            render(&refused),
            "as key k of user u\n\nwould be refused with status 403: no route\n  fix: gw route create\n"
        );
    }
}
