//! Laws of the windows: random traffic against a model that forgets nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::account::Account;
use super::ledger::{Ledger, MOST_BYTES};
use super::naive::Naive;
use super::{Amounts, Kind, Refusal, Reserved, Second, Subject, reserving};
use crate::resources::Stamp;
use crate::resources::limit::{Limit, Metric, Span, Window};
use proptest::prelude::*;
use std::sync::Arc;

/// 2026-11-18T11:33:20Z.
const START: Second = 1_795_001_600;

const WINDOWS: [Window; 9] = [
    Window::Rolling(Span::Minute),
    Window::Rolling(Span::Hour),
    Window::Rolling(Span::Day),
    Window::Rolling(Span::Month),
    Window::Calendar(Span::Minute),
    Window::Calendar(Span::Hour),
    Window::Calendar(Span::Day),
    Window::Calendar(Span::Month),
    Window::Total,
];

const METRICS: [Metric; 5] = [
    Metric::Tokens,
    Metric::Input,
    Metric::Output,
    Metric::Requests,
    Metric::Spend,
];

#[derive(Clone, Debug)]
enum Step {
    Wait(u32),
    /// Time is told as it was so long ago.
    Late(u32),
    Reserve(Amounts),
    /// Settles the request of this number, if so many run.
    Settle(usize, Amounts),
}

fn limit() -> impl Strategy<Value = Limit> {
    let windows = prop::sample::select(&WINDOWS[..]);
    let metrics = prop::sample::select(&METRICS[..]);
    let counted = (metrics, windows, 0u64..400, any::<bool>());
    let counted = counted.prop_map(|(metric, window, amount, shadow)| Limit {
        metric,
        window,
        amount,
        shadow,
    });
    let parallel = (1u64..5).prop_map(|amount| Limit {
        metric: Metric::Parallel,
        window: Window::Now,
        amount,
        shadow: false,
    });
    prop_oneof![6 => counted, 1 => parallel]
}

fn limits() -> impl Strategy<Value = Vec<Limit>> {
    prop::collection::vec(limit(), 0..8).prop_map(|mut limits| {
        limits.sort_by_key(Limit::name);
        limits.dedup_by_key(|limit| limit.name());
        limits
    })
}

fn amounts() -> impl Strategy<Value = Amounts> {
    (0u64..2, 0u64..60, 0u64..60, 0u64..60, 0u64..2).prop_map(
        |(requests, input, output, pico, parallel)| Amounts {
            requests,
            input,
            output,
            pico,
            parallel,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let waits = &[
        0, 1, 1, 2, 7, 30, 59, 60, 61, 1_800, 3_599, 3_600, 3_601, 80_000, 86_400, 2_592_000,
        2_600_000,
    ];
    prop_oneof![
        4 => prop::sample::select(&waits[..]).prop_map(Step::Wait),
        1 => (0u32..5).prop_map(Step::Late),
        6 => amounts().prop_map(Step::Reserve),
        6 => (0usize..4, amounts()).prop_map(|(which, used)| Step::Settle(which, used)),
    ]
}

fn account(kind: Kind, limits: &[Limit]) -> (Arc<Account>, Naive) {
    let subject = Subject::new(kind, "it", Stamp(1));
    let account = Arc::new(Account::new(subject.clone(), Ledger::default(), None));
    account.limit(limits, 1, START);
    (account, Naive::new(subject, limits))
}

/// Numbers that look random, the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The refusal that lasts longest, the first of equals.
fn longest(refusals: Vec<Refusal>) -> Option<Refusal> {
    let lasts = |it: &Refusal| it.retry_after.unwrap_or(u32::MAX);
    let most = refusals.iter().map(lasts).max()?;
    refusals.into_iter().find(|it| lasts(it) == most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// A key and its user, with any limits: what is let in, what refuses it and until when, and how everything stands is
    /// what adding up says, as long as no window looks further back than places are told apart.
    #[test]
    fn windows_are_what_adding_up_says(
        of_key in limits(),
        of_user in limits(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let (key, mut model_key) = account(Kind::Key, &of_key);
        let (user, mut model_user) = account(Kind::User, &of_user);
        let accounts = [&key, &user];
        let (mut told, mut now) = (START, START);
        let mut running: Vec<Reserved> = Vec::new();
        for step in steps {
            match step {
                Step::Wait(seconds) => told = now + seconds,
                Step::Late(seconds) => told = now - seconds,
                Step::Reserve(asked) => {
                    let refusals = |shadow| {
                        let mut all = model_key.refusals(&asked, now, shadow);
                        all.extend(model_user.refusals(&asked, now, shadow));
                        all
                    };
                    let (refused, shadowed) = (longest(refusals(false)), refusals(true));
                    model_key.note_refused(&asked, now);
                    model_user.note_refused(&asked, now);
                    let free = refused.is_none() && shadowed.is_empty();
                    let tried = (asked.input % 2 == 0).then(|| reserving::try_reserve(&accounts, asked, told));
                    prop_assert!(tried.as_ref().is_none_or(|it| it.is_some() == free));
                    let reserve = || reserving::reserve(&accounts, asked, told);
                    match tried.flatten().map_or_else(reserve, Ok) {
                        Err(refusal) => prop_assert_eq!(Some(*refusal), refused),
                        Ok(reserved) => {
                            prop_assert_eq!(refused, None);
                            let expected = Reserved { amounts: asked, at: now, shadowed };
                            prop_assert_eq!(&reserved, &expected);
                            model_key.reserve(&asked, now);
                            model_user.reserve(&asked, now);
                            running.push(reserved);
                        }
                    }
                }
                Step::Settle(which, mut used) if which < running.len() => {
                    let reserved = running.remove(which);
                    used.requests = used.requests.min(reserved.amounts.requests);
                    reserving::settle(&accounts, &reserved, &used, told);
                    model_key.settle(&reserved, &used);
                    model_user.settle(&reserved, &used);
                }
                Step::Settle(..) => {}
            }
            now = now.max(told);
            for (account, model) in [(&key, &model_key), (&user, &model_user)] {
                let mut ledger = account.ledger();
                ledger.advance(now);
                prop_assert_eq!(ledger.standings(), model.standings(now));
            }
        }
    }
}

/// Limits from their texts.
fn texts(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Three hours, most seconds with a request or several that take up to two minutes: each second is checked against sums over
/// an array with a place for each second.
#[test]
fn three_hours_of_random_traffic_are_exact_to_the_second() {
    const LENGTH: u32 = 3 * 3_600;
    let limits = texts(&[
        "tokens=40000/hour",
        "input=28000/hour",
        "output=400/minute",
        "requests=50/minute",
        "spend=0.00000002/minute",
        "parallel=60",
    ]);
    for seed in [3] {
        let (account, _) = account(Kind::Key, &limits);
        let mut dice = Dice(seed);
        let mut below = |most: u64| dice.next() % most;
        let mut seconds = vec![Amounts::default(); LENGTH as usize];
        let mut running: Vec<(u32, Reserved, Amounts)> = Vec::new();
        let mut held = Amounts::default();
        let (mut let_in, mut refused) = (0, 0);
        for passed in 0..LENGTH {
            let now = START + passed;
            let window = |seconds: &[Amounts], limit: &Limit| -> u64 {
                let length = match limit.window {
                    Window::Rolling(span) => span.seconds() as u32,
                    _ => return 0,
                };
                let begin = (passed + 1).saturating_sub(length) as usize;
                let inside = &seconds[begin..=passed as usize];
                inside.iter().map(|used| used.of(limit.metric)).sum()
            };
            // Those whose time has come are settled, a few of them as if they had never been.
            let (done, still) = running.into_iter().partition(|(end, ..)| *end <= passed);
            running = still;
            for (_, reserved, used) in done {
                reserving::settle(&[&account], &reserved, &used, now);
                held.take(&reserved.amounts.held());
                let second = &mut seconds[(reserved.at - START) as usize];
                second.take(&Amounts {
                    requests: reserved.amounts.requests,
                    ..Amounts::default()
                });
                second.add(&Amounts {
                    parallel: 0,
                    ..used
                });
            }
            for _ in 0..below(3) {
                let asked = Amounts {
                    requests: 1,
                    input: below(20),
                    output: below(20),
                    pico: below(900),
                    parallel: 1,
                };
                let fits = limits.iter().all(|limit| {
                    let there = window(&seconds, limit) + held.of(limit.metric);
                    let asked = asked.of(limit.metric);
                    asked == 0 || there + asked <= limit.amount
                });
                match reserving::reserve(&[&account], asked, now) {
                    Ok(reserved) => {
                        assert!(fits, "second {passed}");
                        held.add(&asked.held());
                        seconds[passed as usize].requests += 1;
                        let used = match below(10) {
                            0 => Amounts::default(),
                            _ => Amounts {
                                output: below(20),
                                pico: below(900),
                                ..asked
                            },
                        };
                        let end = passed + below(120) as u32;
                        running.push((end, reserved, used));
                        let_in += 1;
                    }
                    Err(_) => {
                        assert!(!fits, "second {passed}");
                        refused += 1;
                    }
                }
            }
            let mut ledger = account.ledger();
            ledger.advance(now);
            for standing in ledger.standings() {
                let used = window(&seconds, &standing.limit);
                assert_eq!(standing.used, used, "second {passed}: {}", standing.limit);
                assert_eq!(standing.reserved, held.of(standing.limit.metric));
            }
            assert!(ledger.allocated() <= MOST_BYTES);
        }
        assert!(let_in > 1_000 && refused > 1_000, "{let_in} {refused}");
    }
}

/// Windows that look back so far that seconds are put together: never too little, and late by a small part of the age.
#[test]
fn what_is_put_together_counts_no_less_and_little_longer() {
    let limits = texts(&[
        "tokens=1/rolling-month",
        "input=1/hour",
        "requests=1/rolling-day",
        "requests=1/minute",
        "spend=1/rolling-month",
        "spend=1/hour",
    ]);
    let shadows: Vec<Limit> = limits
        .iter()
        .map(|it| Limit {
            shadow: true,
            ..*it
        })
        .collect();
    let (account, _) = account(Kind::Key, &shadows);
    let mut dice = Dice(7);
    // By second from the start on.
    let mut sums = vec![Amounts::default()];
    let mut now = START;
    let mut most = 0;
    while now < START + 70 * 86_400 {
        let wait = match dice.next() % 50_000 {
            0 => 90_000,
            wait if wait < 2_000 => 60,
            wait if wait < 2_500 => 1_000,
            _ => 1,
        };
        now += wait;
        let before = *sums.last().unwrap();
        sums.resize((now - START) as usize + 1, before);
        let asked = Amounts {
            requests: 1,
            input: 3,
            output: 2,
            pico: 11,
            parallel: 1,
        };
        let reserved = reserving::reserve(&[&account], asked, now).unwrap();
        reserving::settle(&[&account], &reserved, &asked, now);
        sums.last_mut().unwrap().add(&asked);
        if !dice.next().is_multiple_of(400) {
            continue;
        }
        let ledger = account.ledger();
        most = most.max(ledger.allocated());
        for standing in ledger.standings() {
            let Window::Rolling(span) = standing.limit.window else {
                continue;
            };
            // In the window as it is, and in one longer by what is put off at most.
            let within = |length: u64| {
                let edge = i64::from(now - START) - length as i64;
                let gone =
                    usize::try_from(edge).map_or(0, |edge| sums[edge].of(standing.limit.metric));
                sums.last().unwrap().of(standing.limit.metric) - gone
            };
            let length = span.seconds();
            let late = length / u64::from(super::trail::FINENESS);
            let (least, most) = (within(length), within(length + late));
            assert!(
                (least..=most).contains(&standing.used),
                "{}: {} is not in {least}..={most}",
                standing.limit,
                standing.used
            );
        }
    }
    assert!(most <= MOST_BYTES, "{most}");
}

/// The worst there is: tokens of an hour beside all else that has windows by the second, in whatever rhythm.
#[test]
fn an_account_stays_small() {
    let limits = texts(&[
        "tokens=1/hour:shadow",
        "output=1/minute:shadow",
        "requests=1/minute:shadow",
        "spend=1/minute:shadow",
        "spend=1/month:shadow",
        "tokens=1/day:shadow",
        "tokens=1/total:shadow",
    ]);
    let (account, _) = account(Kind::Key, &limits);
    let mut now = START;
    let mut most = 0;
    for rhythm in [1, 2, 1, 3, 1, 2, 60, 1] {
        for _ in 0..4_000 {
            now += rhythm;
            let asked = Amounts {
                requests: 1,
                input: 3,
                output: 2,
                pico: 11,
                parallel: 1,
            };
            let reserved = reserving::reserve(&[&account], asked, now).unwrap();
            reserving::settle(&[&account], &reserved, &asked, now + 30);
            most = most.max(account.ledger().allocated());
        }
    }
    assert!(most <= MOST_BYTES, "{most}");
    // And gives back what it does not need.
    account.ledger().advance(now + 4_000);
    let idle = account.ledger().allocated();
    assert!(idle < 4 << 10, "{idle}");
}
