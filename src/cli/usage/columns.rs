//! Sums in columns for programs: exact figures, no totals, nothing rounded.

use crate::cli::{path::lookup, print::text};
use crate::visible::clean;
use serde_json::Value;

/// Figures of a line, and where they are in it.
const FIGURES: [(&str, &str); 15] = [
    ("requests", "requests"),
    ("errors", "errors"),
    ("tokens", "tokens"),
    ("input", "input"),
    ("output", "output"),
    ("cache_read", "usage.cache_read"),
    ("spend", "spend"),
    ("unpriced", "unpriced"),
    ("estimated", "estimated"),
    ("latency_mean_ms", "latency_ms.mean"),
    ("latency_p50_ms", "latency_ms.p50"),
    ("latency_p95_ms", "latency_ms.p95"),
    ("ttft_mean_ms", "ttft_ms.mean"),
    ("ttft_p50_ms", "ttft_ms.p50"),
    ("ttft_p95_ms", "ttft_ms.p95"),
];

/// What the lines are told apart by.
pub(super) fn by(told: &Value) -> Vec<&str> {
    let by = told.get("by").and_then(Value::as_array);
    by.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A field of tab-separated columns: without what would end it.
pub(super) fn plain(field: &str) -> String {
    clean(&field.replace('\t', " "))
}

/// A line a line of sums, with a head.
pub(super) fn lines(
    told: &Value,
    items: &[Value],
    between: &str,
    field: &dyn Fn(&str) -> String,
    headers: bool,
) -> String {
    let by = by(told);
    let heads = by.iter().copied().chain(FIGURES.map(|(head, _)| head));
    let mut out = String::new();
    let mut line = |cells: Vec<String>| {
        out.push_str(&cells.join(between));
        out.push('\n');
    };
    if headers {
        line(heads.map(field).collect());
    }
    for item in items {
        let of = |value: Option<&Value>| field(&value.map(text).unwrap_or_default());
        let named = by.iter().map(|by| of(item.get(*by)));
        // Of what was used only what there is of it is told.
        let none = Value::from(0);
        let counted = FIGURES.iter().map(|(_, path)| {
            let found = lookup(item, path);
            of(found.or(path.starts_with("usage.").then_some(&none)))
        });
        line(named.chain(counted).collect());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::print::quoted;
    use serde_json::json;

    #[test]
    fn figures_are_exact_and_what_is_not_known_is_empty() {
        let told = json!({"by": ["user", "label:team"]});
        let items = [
            json!({"user": "a\tb", "label:team": "x,y", "requests": 2, "errors": 1, "tokens": 30, "input": 20, "output": 10,
                "usage": {"cache_read": 4}, "spend": "0.000000000001", "unpriced": 0, "estimated": 0,
                "latency_ms": {"mean": 5, "p50": 4, "p95": 9}, "ttft_ms": {"mean": null, "p50": null, "p95": null}}),
            json!({"user": null, "label:team": null, "requests": 1, "errors": 0, "tokens": 1, "input": 1, "output": 0,
                "usage": {}, "spend": null, "unpriced": 1, "estimated": 0}),
        ];
        let head = "user\tlabel:team\trequests\terrors\ttokens\tinput\toutput\tcache_read\tspend\tunpriced\testimated\tlatency_mean_ms\tlatency_p50_ms\tlatency_p95_ms\tttft_mean_ms\tttft_p50_ms\tttft_p95_ms\n";
        assert_eq!(
            lines(&told, &items, "\t", &plain, true),
            format!(
                "{head}a b\tx,y\t2\t1\t30\t20\t10\t4\t0.000000000001\t0\t0\t5\t4\t9\t\t\t\n\t\t1\t0\t1\t1\t0\t0\t\t1\t0\t\t\t\t\t\t\n"
            )
        );
        assert_eq!(
            lines(&told, &items[..1], ",", &quoted, false),
            "a\tb,\"x,y\",2,1,30,20,10,4,0.000000000001,0,0,5,4,9,,,\n"
        );
    }
}
