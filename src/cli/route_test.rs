//! `gw route test`: what came of one small real request through each target of a route.

use super::{
    context::Context,
    print::{Format, clean, money, table, text},
    verbs,
};
use crate::error::{Error, Kind, Result};
use crate::resources::route;
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw route test`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let name = verbs::name(&route::KIND, matches)?;
    let mut body = json!({});
    if let Some(model) = matches.get_one::<String>("model") {
        body["model"] = json!(model);
    }
    context.talk("one small real request goes through each target: it costs a few tokens");
    let remote = context.remote()?;
    let progress = context.progress("asking each target", None);
    let report = remote.action(&route::KIND, &name, "test", &body).await?;
    drop(progress);
    let items = report.get("items").and_then(Value::as_array);
    let items = items.map_or(&[][..], Vec::as_slice);
    match context.look.format {
        Format::Table | Format::Wide => context.data(&render(items)),
        _ => context.data(&context.look.value(&report)?),
    }
    for item in items {
        if let Some(faults) = item.get("not_met").map(text) {
            let name = clean(&text(item));
            let faults = clean(&faults);
            context.talk(&format!(
                "{name} was asked without what is injected in front of it: {faults}"
            ));
        }
    }
    verdict(&name, items)
}

/// Whether they worked: some failed is one thing, all another.
fn verdict(name: &str, items: &[Value]) -> Result<()> {
    let is = |field: &'static str| move |item: &&Value| item.get(field) == Some(&Value::Bool(true));
    let tried = items.iter().filter(is("tried")).count();
    let failed = tried - items.iter().filter(is("ok")).count();
    let hint = format!("see `gw route status {name}`");
    match (tried, failed) {
        (0, _) => Err(
            Error::invalid(format!("no target of route `{name}` was tried"))
                .hint("for targets that take the model as asked name one with -m MODEL"),
        ),
        (_, 0) => Ok(()),
        (1, 1) => {
            Err(Error::new(Kind::Upstream, "the only target that was tried failed").hint(hint))
        }
        (tried, failed) if tried == failed => {
            Err(Error::new(Kind::Upstream, format!("all {tried} targets failed")).hint(hint))
        }
        (tried, failed) => {
            Err(Error::new(Kind::Partial, format!("{failed} of {tried} targets failed")).hint(hint))
        }
    }
}

fn render(items: &[Value]) -> String {
    let heads = [
        "TARGET", "RESULT", "STATUS", "LATENCY", "TTFT", "TOKENS", "COST", "WHY",
    ];
    table(&heads, items.iter().map(row).collect(), true)
}

fn row(item: &Value) -> Vec<String> {
    let of = |name: &str| item.get(name).filter(|value| !value.is_null());
    let or_dash = |shown: Option<String>| shown.unwrap_or_else(|| "-".into());
    let ms = |name| or_dash(of(name).map(|ms| format!("{} ms", text(ms))));
    let tried = of("tried") == Some(&Value::Bool(true));
    let ok = of("ok") == Some(&Value::Bool(true));
    let tokens = of("usage").map(|usage| {
        let count = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
        let input = count("input")
            + count("cache_read")
            + count("cache_write_5m")
            + count("cache_write_1h");
        format!("{input}+{}", count("output") + count("reasoning"))
    });
    let cost = of("cost_pico").and_then(Value::as_i64).map(money);
    let cost = cost.or_else(|| of("cost_status").map(|status| clean(&text(status))));
    let why = of("message").map(|why| clean(&text(why)));
    vec![
        clean(&text(item)),
        match (tried, ok) {
            (false, _) => "not tried".into(),
            (true, true) => "ok".into(),
            (true, false) => "failed".into(),
        },
        or_dash(of("status").map(text)),
        ms("ms"),
        ms("first_content_ms"),
        or_dash(tokens),
        or_dash(cost),
        or_dash(why.filter(|_| !ok)),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_a_target_and_one_word_for_all() {
        let ok = json!({"provider": "a", "model": "m", "tried": true, "ok": true, "status": 200, "ms": 412, "first_content_ms": 305,
            "usage": {"input": 8, "output": 1, "reasoning": 0}, "cost_pico": 1_800_000, "cost_status": "calculated", "message": "ok, the model answered"});
        let bad = json!({"provider": "b", "model": "m", "tried": true, "ok": false, "status": 401, "ms": 3, "message": "it refused the credential (HTTP 401)"});
        let off = json!({"provider": "c", "model": null, "tried": false, "message": "weight is 0"});
        assert_eq!(
            render(&[ok.clone(), bad.clone(), off.clone()]),
            "TARGET   RESULT      STATUS   LATENCY   TTFT     TOKENS   COST        WHY\n\
             a/m      ok          200      412 ms    305 ms   8+1      $0.000002   -\n\
             b/m      failed      401      3 ms      -        -        -           it refused the credential (HTTP 401)\n\
             c        not tried   -        -         -        -        -           weight is 0\n"
        );
        let exit = |items: &[Value]| {
            verdict("r", items).map_or_else(|error| error.kind.row().exit, |()| 0)
        };
        assert_eq!(exit(&[ok.clone(), off.clone()]), 0);
        assert_eq!(exit(&[ok, bad.clone()]), 8);
        assert_eq!(exit(&[bad.clone(), bad, off.clone()]), 9);
        assert_eq!(exit(&[off]), 2);
    }
}
