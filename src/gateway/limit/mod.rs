//! What limits let through: tokens and counts are reserved between caller and plan, money when the plan is known, and what
//! limits a provider or a model at the attempt. All of it is settled with what was used when the request's record is written.
//! Must not know how it is counted.

mod refusal;
mod sizes;
mod tab;
mod told;

pub use refusal::Limited;
pub use tab::Tab;
pub use told::tell;

use super::{Serving, Shared, ended::Ended, exchange::Exchange, failure::Failure, record::Record};
use crate::catalog;
use crate::chat::Op;
use crate::error::{Error, Kind};
use crate::formats::peek::Peek;
use crate::plan::{Allowance, Caller, Choice, Plan};
use crate::resources::{
    Millis,
    limit::{Limit, Metric},
};
use crate::store::counters::{Account, Amounts, Counters, Refusal, Reserved, Standing};
use bytes::Bytes;
use sizes::Sizes;
use std::sync::Arc;
use tab::Held;

/// What limits a request of this kind. Counting a prompt's tokens is none that is counted.
pub fn of(caller: &Caller, op: Op) -> Option<&Allowance> {
    let allowance = caller.allowance.as_ref()?;
    (op != Op::Count).then_some(allowance)
}

/// Reserves what is known before the plan: the request itself, and its tokens.
pub async fn admit(
    shared: &Shared,
    allowance: &Allowance,
    asked: (Op, &Peek<'_>, &Bytes),
    record: &mut Record,
) -> Result<(), Ended> {
    let (op, peek, body) = asked;
    let counters = &*shared.counters;
    let accounts = allowance.accounts(counters, record.row.session.as_deref());
    if accounts.is_empty() {
        return Ok(());
    }
    let sizes = match allowance.tokens || allowance.spend {
        true => Sizes::of(op, peek, body),
        false => Sizes::default(),
    };
    let most = Amounts {
        requests: 1,
        parallel: 1,
        input: sizes.input,
        output: sizes.output(None),
        pico: 0,
    };
    let least = Amounts {
        output: sizes.least(most.output),
        ..most
    };
    let reserved = reserve(shared, &accounts, most, least).await;
    let reserved = reserved.map_err(|refusal| refused(&refusal, record))?;
    shadowed(&reserved, record);
    let tab = record.tab();
    tab.sizes = Some(sizes);
    tab.caller = Some(Held { accounts, reserved });
    Ok(())
}

/// Reserves what is known of a planned request: its money, at the dearest of its targets, and as many more tokens as the
/// longest answer of any of them has where the request does not say how long it may be. Targets of which no price is known
/// leave the plan where the caller is to be kept from them.
pub async fn afford(
    shared: &Shared,
    allowance: &Allowance,
    op: Op,
    plan: &mut Plan,
    record: &mut Record,
) -> Result<(), Ended> {
    if allowance.priced_alone && !matches!(op, Op::Keep(_)) {
        priced(shared, plan)?;
    }
    let tab = record.tab();
    let (Some(held), Some(sizes)) = (&tab.caller, tab.sizes) else {
        return Ok(());
    };
    let choices = || plan.attempts.iter().chain(&plan.later);
    let output = choices().map(|it| sizes.output(Some(&it.facts))).max();
    let cost = |output: fn(&Sizes, u64) -> u64| {
        let of = |it: &Choice| {
            let longest = sizes.output(Some(&it.facts));
            cost(it, sizes.input, output(&sizes, longest))
        };
        choices().map(of).max().unwrap_or(0)
    };
    let spends = |pico: u64| if allowance.spend { pico } else { 0 };
    let most = Amounts {
        output: output
            .unwrap_or(0)
            .saturating_sub(held.reserved.amounts.output),
        pico: spends(cost(|_, longest| longest)),
        ..Amounts::default()
    };
    let least = match sizes.said() {
        true => most,
        false => Amounts {
            pico: spends(cost(Sizes::least)),
            ..Amounts::default()
        },
    };
    if most == Amounts::default() {
        return Ok(());
    }
    let reserved = reserve(shared, &held.accounts, most, least).await;
    let reserved = reserved.map_err(|refusal| refused(&refusal, record))?;
    shadowed(&reserved, record);
    let tab = record.tab();
    match &mut tab.caller {
        // Nearly always: one thing to settle, then.
        Some(held) if held.reserved.at == reserved.at => {
            held.reserved.amounts.add(&reserved.amounts);
        }
        _ => tab.money = Some(reserved),
    }
    Ok(())
}

/// Reserves at the limits of a target: of its provider, and of the model there.
pub async fn enter(
    exchange: &Exchange<'_>,
    choice: &Choice,
    record: &mut Record,
) -> Result<(), Failure> {
    let shared = &exchange.worker.shared;
    let counters = &*shared.counters;
    let Some(provider) = exchange.serving.snapshot.providers.get(choice.provider) else {
        return Ok(());
    };
    let limits = [
        provider.limited.as_deref(),
        provider.limited_model(&choice.model),
    ];
    let limits = limits.into_iter().flatten();
    let accounts: Vec<_> = limits.map(|it| it.account(counters).clone()).collect();
    let op = exchange.format.op;
    let sizes = *record
        .tab()
        .sizes
        .get_or_insert_with(|| Sizes::of(op, exchange.peek, exchange.body));
    let output = sizes.output(Some(&choice.facts));
    let most = Amounts {
        requests: 1,
        parallel: 1,
        input: sizes.input,
        output,
        pico: cost(choice, sizes.input, output),
    };
    let shortest = sizes.least(output);
    let least = Amounts {
        output: shortest,
        pico: cost(choice, sizes.input, shortest),
        ..most
    };
    match reserve(shared, &accounts, most, least).await {
        Ok(reserved) => {
            shadowed(&reserved, record);
            record.tab().target = Some(Held { accounts, reserved });
            Ok(())
        }
        Err(refusal) => Err(Failure::limited(Limited::of(&refusal, counters.now()))),
    }
}

/// Whether anything limits a target.
pub fn has_limits(exchange: &Exchange<'_>, choice: &Choice) -> bool {
    let provider = exchange.serving.snapshot.providers.get(choice.provider);
    exchange.format.op != Op::Count
        && provider.is_some_and(|provider| {
            provider.limited.is_some() || provider.limited_model(&choice.model).is_some()
        })
}

/// Which limits of a target are used up, for people.
pub fn used_up(shared: &Shared, serving: &Serving, provider: &str, model: &str) -> Vec<String> {
    let place = serving.snapshot.provider(provider);
    let Some(provider) = place.and_then(|place| serving.snapshot.providers.get(place)) else {
        return Vec::new();
    };
    let counters = &*shared.counters;
    let now = counters.now();
    let limits = [provider.limited.as_deref(), provider.limited_model(model)];
    let standings = limits.into_iter().flatten().filter_map(|limited| {
        let account = limited.account(counters);
        counters.standings(account, now).now()
    });
    let over = |standing: &Standing| standing.left == 0 && !standing.limit.shadow;
    let told = |standing: Standing| {
        let free = standing.reset.map(|at| at.saturating_sub(now));
        let free = free.map(|left| format!(", whole again in {}", Millis::secs(left.into())));
        let limit = standing.limit;
        format!("its limit `{limit}` is used up{}", free.unwrap_or_default())
    };
    standings.flatten().filter(over).map(told).collect()
}

/// How often a reservation is tried that may be smaller: there are few limits that bound an answer.
const TRIES: usize = 8;

/// Reserves as much as there is room for, from `most` down to `least`.
async fn reserve(
    shared: &Shared,
    accounts: &[Arc<Account>],
    most: Amounts,
    least: Amounts,
) -> Result<Reserved, Box<Refusal>> {
    let accounts: Vec<&Arc<Account>> = accounts.iter().collect();
    let counters = &*shared.counters;
    let mut asked = most;
    if least != most {
        // Nearly always there is room for all of it, and then nobody needs to know how much more there is.
        let all = counters.try_reserve(&accounts, most, counters.now()).await;
        if let Some(reserved) = all {
            return Ok(reserved);
        }
        asked = fitting(counters, &accounts, most, least).await;
    }
    for _ in 0..TRIES {
        let refusal = match counters.reserve(&accounts, asked, counters.now()).await {
            Ok(reserved) => return Ok(reserved),
            Err(refusal) => refusal,
        };
        let taken = refusal.used.saturating_add(refusal.reserved);
        let left = refusal.limit.amount.saturating_sub(taken);
        match smaller(asked, least, &refusal.limit, left) {
            Some(fewer) => asked = fewer,
            None if asked == least => return Err(refusal),
            // So that it is refused for what it needs, and not for more.
            None => break,
        }
    }
    counters.reserve(&accounts, least, counters.now()).await
}

/// What there is room for as limits stand now. Others may be faster: what is then refused is tried again with less.
async fn fitting(
    counters: &dyn Counters,
    accounts: &[&Arc<Account>],
    most: Amounts,
    least: Amounts,
) -> Amounts {
    let mut asked = most;
    for account in accounts {
        for standing in counters.standings(account, counters.now()).await {
            let limit = &standing.limit;
            if asked.of(limit.metric) <= standing.left {
                continue;
            }
            match smaller(asked, least, limit, standing.left) {
                Some(fewer) => asked = fewer,
                // It is refused, then for what it needs and not for more.
                None if !limit.shadow => return least,
                None => {}
            }
        }
    }
    asked
}

/// What fits into what is left of a limit, where that is enough.
fn smaller(asked: Amounts, least: Amounts, limit: &Limit, left: u64) -> Option<Amounts> {
    let mut fewer = asked;
    match limit.metric {
        Metric::Tokens => fewer.output = left.checked_sub(asked.input)?,
        Metric::Output => fewer.output = left,
        Metric::Spend => fewer.pico = left,
        Metric::Input | Metric::Requests | Metric::Parallel => return None,
    }
    let enough = fewer.output >= least.output && fewer.pico >= least.pico;
    let fewer_of_it = fewer.output < asked.output || fewer.pico < asked.pico;
    (enough && fewer_of_it).then_some(fewer)
}

/// What an answer of this length costs there at most; nothing where no price is known.
fn cost(choice: &Choice, input: u64, output: u64) -> u64 {
    let pico = catalog::estimate(&choice.facts.prices, input, output).pico;
    pico.map_or(0, |pico| u64::try_from(pico).unwrap_or(u64::MAX))
}

/// Takes the targets out of the plan of which no price is known; 403 where no other is left.
fn priced(shared: &Shared, plan: &mut Plan) -> Result<(), Error> {
    let known = |choice: &Choice| catalog::estimate(&choice.facts.prices, 1, 1).pico.is_some();
    let first = plan.attempts.first().or(plan.later.first()).cloned();
    plan.attempts.retain(known);
    plan.later.retain(known);
    let Some(first) = first.filter(|_| plan.attempts.is_empty() && plan.later.is_empty()) else {
        return Ok(());
    };
    let serving = shared.serving.load();
    let provider = serving.snapshot.providers.get(first.provider);
    let provider = provider.map_or("", |provider| &*provider.name);
    let model = &first.model;
    Err(Error::new(
        Kind::Forbidden,
        format!("no price is known for `{provider}/{model}`, and this key may only call models that have one"),
    )
    .hint(format!(
        "tell its price: gw model create {provider}/{model} --provider {provider} --price-input USD --price-output USD"
    )))
}

/// What a caller is told whose request is over a limit, noted in its row. What had been reserved is given back.
fn refused(refusal: &Refusal, record: &mut Record) -> Ended {
    let limited = record.refused_by(refusal);
    Ended::Limited(Box::new(limited))
}

fn shadowed(reserved: &Reserved, record: &mut Record) {
    for refusal in &reserved.shadowed {
        let name = refusal::name(refusal);
        if !record.row.shadowed.contains(&name) {
            record.shadowed_by(refusal, name);
        }
    }
}
