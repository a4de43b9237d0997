//! What became of a request that already happened, beside what would become of it now.

use super::fields::{field, given, list, target};
use crate::cli::print::{clean, text};
use serde_json::Value;

/// As lines.
pub(super) fn render(then: &Value) -> String {
    let mut out = format!("\nthen ({}, {})\n", field(then, "id"), field(then, "at"));
    let route = match given(then, "route") {
        Some(route) => format!("route {route}"),
        None => "no route".into(),
    };
    let rule = given(then, "rule").map_or_else(String::new, |rule| format!(", rule {rule}"));
    let outcome = match field(then, "outcome").as_str() {
        "ok" => String::new(),
        outcome => format!(", {}", outcome.replace('_', " ")),
    };
    out.push_str(&format!(
        "  {route}{rule}, status {}{outcome}\n",
        field(then, "status")
    ));
    for (at, tried) in list(then, "attempts").iter().enumerate() {
        let came_to = match given(tried, "status") {
            Some(status) => format!("{status} {}", field(tried, "class")),
            None => field(tried, "class"),
        };
        out.push_str(&format!("  {}. {}: {came_to}\n", at + 1, target(tried)));
    }
    if let Some(error) = given(then, "error") {
        out.push_str(&format!("  told: {error}\n"));
    }
    for what in list(then, "unknown") {
        out.push_str(&format!("not known: {}\n", clean(&text(what))));
    }
    match list(then, "differs") {
        [] => out.push_str("nothing is otherwise now\n"),
        differs => {
            for what in differs {
                out.push_str(&format!("otherwise now: {}\n", clean(&text(what))));
            }
        }
    }
    out
}
