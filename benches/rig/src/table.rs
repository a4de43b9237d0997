//! The figures as a table, and whether they may be believed.

use crate::drive::Figure;

/// A rig that gives a lean forwarder less of nginx than this measures itself.
const LEAN_AT_LEAST: f64 = 0.6;
/// Upstream and load tool have room below this part of their core.
const ROOM: f64 = 0.7;
/// Above it they have not held back a subject that used this much of its own.
const SATURATED: f64 = 0.93;
/// Above this part they were what was measured.
const FULL: f64 = 0.95;

/// Prints medians, each with its ratio to nginx. Whether the run is worth something; where not, the table says so.
pub fn print(figures: &[Figure], passes: &str, seconds: &str) -> bool {
    let mut names: Vec<&str> = Vec::new();
    for figure in figures {
        if !names.contains(&figure.name.as_str()) {
            names.push(&figure.name);
        }
    }
    let of = |name: &str, what: &dyn Fn(&Figure) -> f64| -> Vec<f64> {
        let mut values: Vec<f64> = figures
            .iter()
            .filter(|figure| figure.name == name)
            .map(what)
            .collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let rate = |name: &str| of(name, &|figure| figure.rate);
    let cost = |name: &str| median(&of(name, &|figure| figure.cost.as_secs_f64() * 1e6));
    let busy = |name: &str| median(&of(name, &|figure| figure.busy));
    let rig = |name: &str| median(&of(name, &|figure| figure.rig));
    let base = (median(&rate("nginx")), cost("nginx"));
    println!(
        "{passes} passes of {seconds} s, medians; `busy` and `rig`: the parts of their cores that the subject, and upstream and load tool, used"
    );
    println!(
        "{:<16}{:>12}{:>9}{:>9}{:>9}{:>9}{:>7}{:>7}",
        "subject", "requests/s", "/ nginx", "CPU µs", "/ nginx", "spread", "busy", "rig"
    );
    for name in &names {
        let rates = rate(name);
        let middle = median(&rates);
        let spread = (rates.last().unwrap_or(&0.0) - rates.first().unwrap_or(&0.0)) / middle;
        println!(
            "{name:<16}{:>12}{:>9.2}{:>9.1}{:>9.2}{:>8.0}%{:>6.0}%{:>6.0}%",
            thousands(middle),
            middle / base.0,
            cost(name),
            cost(name) / base.1,
            spread * 100.0,
            busy(name) * 100.0,
            rig(name) * 100.0
        );
    }
    let mut believed = true;
    let lean = median(&rate("lean-hyper")) / base.0;
    if lean < LEAN_AT_LEAST {
        println!(
            "void: the lean forwarder reaches {lean:.2} of nginx, less than {LEAN_AT_LEAST}: something else was measured"
        );
        believed = false;
    }
    for name in &names {
        let (own, rig) = (busy(name), rig(name));
        if rig > FULL || rig > ROOM && own < SATURATED {
            let word = if rig > FULL { "void" } else { "note" };
            println!(
                "{word}: upstream and load tool were {:.0}% busy and may have held `{name}` back",
                rig * 100.0
            );
            believed &= rig <= FULL;
        }
    }
    believed
}

fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
