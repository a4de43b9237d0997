//! Leases under load, with the clock and the issuer in the test's hands.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::resources::provider::Provider;
use crate::store::secret::Secret;
use crate::upstream::issuer::{Issued, Script};
use crate::upstream::{Access, Ask, Content, SignIn, Timers, Unsigned, Upstream};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, header};
use serde_json::json;
use std::sync::atomic::AtomicU64;

/// A clock that stands still until the test moves it.
struct Still(watch::Sender<Duration>);

impl time::Clock for Still {
    fn now(&self) -> Duration {
        *self.0.borrow()
    }
    fn until(&self, at: Duration) -> BoxFuture<'static, ()> {
        let mut time = self.0.subscribe();
        Box::pin(async move { drop(time.wait_for(|now| *now >= at).await) })
    }
}

/// How the issuer behaves.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Down,
    Silent,
}

const HOUR: Duration = Duration::from_secs(3600);
const STEP: Duration = Duration::from_secs(60);

/// A lease on a clock of its own; its issuer gives tokens for an hour that are named after the second they were asked for.
struct Stage {
    clock: Arc<Still>,
    lease: Arc<Lease>,
    mood: Arc<Mutex<Mood>>,
    asked: Arc<Mutex<Vec<Duration>>>,
}

fn stage() -> Stage {
    let clock = Arc::new(Still(watch::Sender::new(Duration::from_secs(1000))));
    let mood = Arc::new(Mutex::new(Mood::Well));
    let asked = Arc::<Mutex<Vec<Duration>>>::default();
    let script = {
        let (clock, mood, asked) = (clock.clone(), mood.clone(), asked.clone());
        Script(Arc::new(move || {
            let now = *clock.0.borrow();
            asked.lock().unwrap().push(now);
            let mood = *mood.lock().unwrap();
            Box::pin(async move {
                match mood {
                    Mood::Well => {
                        let text = format!("Bearer {}", now.as_secs());
                        Ok(Issued {
                            token: Token::Bearer(HeaderValue::try_from(text).unwrap()),
                            lifetime: Some(HOUR),
                        })
                    }
                    Mood::Down => Err("the script is down".into()),
                    Mood::Silent => std::future::pending().await,
                }
            })
        }))
    };
    let lease = Lease::by(Issuer::Scripted(script), clock.clone());
    Stage {
        clock,
        lease,
        mood,
        asked,
    }
}

impl Stage {
    fn now(&self) -> Duration {
        *self.clock.0.borrow()
    }

    fn keep(&self) {
        self.lease.keep(&"up".into());
    }

    /// Moves the clock and lets the tasks of this runtime do what is due.
    async fn step(&self, by: Duration) {
        self.clock.0.send_modify(|now| *now += by);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    fn upstream(&self) -> Upstream {
        let spec: Provider = serde_json::from_value(
            json!({"vendor": "openai-compatible", "base_url": "http://127.0.0.1:1/v1"}),
        )
        .unwrap();
        let mut upstream = Upstream::build("up".into(), &spec, None, Timers::default()).unwrap();
        upstream.sign_in = SignIn::Leased(self.lease.clone(), None);
        upstream
    }
}

/// When the token of a request was asked for; or why it was not signed.
fn request(upstream: &Upstream) -> Result<Duration, Unsigned> {
    let request = upstream.request(Ask {
        method: Method::POST,
        target: "/v1/chat/completions".parse().unwrap(),
        accept: "application/json",
        content: Content::Json,
        body: Bytes::from_static(b"{}"),
        way: None,
        caller: None,
        betas: None,
        more: None,
        own_key: None,
    })?;
    let value = request.headers()[header::AUTHORIZATION].to_str().unwrap();
    let second = value.strip_prefix("Bearer ").unwrap().parse().unwrap();
    Ok(Duration::from_secs(second))
}

#[tokio::test]
async fn refreshed_under_load_without_a_gap_and_not_by_requests() {
    let stage = stage();
    let upstream = Arc::new(stage.upstream());
    assert_eq!(
        request(&upstream),
        Err(Unsigned::Unavailable(
            "the script has not been asked yet".into()
        ))
    );
    stage.keep();
    stage.keep();
    stage.lease.settled().await;
    // Callers on threads of their own ask all the time; each reports how many requests it has made, and every one is
    // signed with a token that was good when it was begun.
    let stop = Arc::new(AtomicBool::new(false));
    let counts: Vec<Arc<AtomicU64>> = (0..2).map(|_| Arc::default()).collect();
    let callers: Vec<_> = counts
        .iter()
        .map(|count| {
            let (upstream, clock) = (upstream.clone(), stage.clock.clone());
            let (stop, count) = (stop.clone(), count.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let begun = *clock.0.borrow();
                    let issued = request(&upstream).expect("every request is signed");
                    assert!(begun < issued + HOUR, "{begun:?} {issued:?}");
                    count.fetch_add(1, Ordering::SeqCst);
                    std::thread::yield_now();
                }
            })
        })
        .collect();
    let all_ask = || {
        let before: Vec<u64> = counts.iter().map(|it| it.load(Ordering::SeqCst)).collect();
        while counts.iter().zip(&before).any(|(count, before)| {
            count.load(Ordering::SeqCst) < before + 2 && !callers.iter().any(|it| it.is_finished())
        }) {
            std::thread::yield_now();
        }
    };
    let end = stage.now() + 4 * HOUR;
    while stage.now() < end {
        stage.step(STEP).await;
        all_ask();
    }
    let asked = stage.asked.lock().unwrap().clone();
    for pair in asked.windows(2) {
        let after = pair[1] - pair[0];
        let early = Duration::from_secs(3360)..=Duration::from_secs(3390) + STEP;
        assert!(early.contains(&after), "{asked:?}");
    }
    assert_eq!(asked.len(), 5, "once a period: {asked:?}");

    // An issuer that says nothing delays nobody, and the old token serves until it is over.
    *stage.mood.lock().unwrap() = Mood::Silent;
    let over = *asked.last().unwrap() + HOUR;
    while stage.now() + 2 * STEP < over {
        stage.step(STEP / 3).await;
        all_ask();
    }
    let trouble = stage.lease.trouble().unwrap();
    assert_eq!(trouble.why, "the script does not answer");
    assert_eq!(trouble.lapses, Some(over - stage.now()));
    // Well again in time: nobody has noticed.
    *stage.mood.lock().unwrap() = Mood::Well;
    let next = stage.now() + HOUR;
    while stage.now() < next {
        stage.step(STEP / 3).await;
        all_ask();
    }
    assert_eq!(stage.lease.trouble(), None);
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.join().unwrap();
    }
}

#[tokio::test]
async fn what_is_over_is_not_sent_and_an_issuer_that_is_down_is_asked_less_and_less() {
    let stage = stage();
    let upstream = stage.upstream();
    stage.keep();
    stage.lease.settled().await;
    *stage.mood.lock().unwrap() = Mood::Down;
    let over = stage.now() + HOUR;
    while stage.now() < over - Duration::from_secs(1) {
        stage.step(Duration::from_secs(1)).await;
        assert!(request(&upstream).is_ok());
    }
    stage.step(Duration::from_secs(1)).await;
    assert_eq!(
        request(&upstream),
        Err(Unsigned::Unavailable("the script is down".into()))
    );
    assert_eq!(
        stage.lease.trouble(),
        Some(Trouble {
            why: "the script is down".into(),
            lapses: None
        })
    );
    let asked = stage.asked.lock().unwrap().len();
    // Four minutes of pauses between 15 and 30 seconds, after some shorter ones.
    assert!((10..=24).contains(&asked), "{asked}");
    *stage.mood.lock().unwrap() = Mood::Well;
    for _ in 0..30 {
        stage.step(Duration::from_secs(1)).await;
    }
    assert!(request(&upstream).is_ok());
    // Nobody has it any more: nobody asks.
    let Stage {
        clock,
        lease,
        asked,
        ..
    } = stage;
    drop((lease, upstream));
    let before = asked.lock().unwrap().len();
    for _ in 0..100 {
        clock.0.send_modify(|now| *now += HOUR);
        tokio::task::yield_now().await;
    }
    assert_eq!(asked.lock().unwrap().len(), before);
}

#[test]
fn a_lease_stays_while_what_it_is_made_from_does() {
    let build = |tenant: &str, display: &str| {
        let spec: Provider = serde_json::from_value(json!({
            "vendor": "azure", "base_url": "http://127.0.0.1:1", "credential": "managed",
            "headers": {"x-display": display},
        }))
        .unwrap();
        let secret = json!({"tenant_id": tenant, "client_id": "c", "client_secret": "s"});
        let access = Ok(Access::secret(Some(Secret::new(secret.to_string()))));
        Upstream::build("up".into(), &spec, Some(&access), Timers::default()).unwrap()
    };
    let first = build("t", "a");
    assert_eq!(first.leases().len(), 1);
    let same = build("t", "b").after(&first);
    assert!(Arc::ptr_eq(&same.leases()[0], &first.leases()[0]));
    assert!(Arc::ptr_eq(
        same.sign_in.lease().unwrap(),
        &first.leases()[0]
    ));
    let other = build("u", "b").after(&same);
    assert_eq!(other.leases().len(), 1);
    assert!(!Arc::ptr_eq(&other.leases()[0], &same.leases()[0]));
}

#[tokio::test]
async fn a_credential_that_is_replaced_serves_until_the_new_one_has_been_asked_for() {
    let (old, new) = (stage(), stage());
    let before = old.upstream().sharing(&[]);
    old.lease.obtain().await.unwrap();
    let issued = request(&before).unwrap();
    new.step(Duration::from_secs(7)).await;
    *new.mood.lock().unwrap() = Mood::Down;
    let after = new.upstream().sharing(&[]).after(&before);
    assert_eq!(request(&after), Ok(issued));
    // Not in place of one that cannot be had.
    assert_eq!(new.lease.renew().await, Err("the script is down".into()));
    assert!(request(&after).is_err());
    *new.mood.lock().unwrap() = Mood::Well;
    new.lease.obtain().await.unwrap();
    assert_eq!(request(&after), Ok(new.now()));
    // Nor to another address.
    let mut elsewhere = stage().upstream().sharing(&[]);
    elsewhere.origin.port += 1;
    assert!(request(&elsewhere.after(&before)).is_err());
}

#[tokio::test]
async fn what_was_refused_is_renewed_early_but_not_often() {
    let stage = stage();
    let upstream = stage.upstream().sharing(&[]);
    stage.keep();
    stage.lease.settled().await;
    let asked = || stage.asked.lock().unwrap().len();
    upstream.refused_credential();
    stage.step(Duration::from_secs(59)).await;
    upstream.refused_credential();
    assert_eq!(asked(), 1);
    stage.step(Duration::from_secs(1)).await;
    assert_eq!(asked(), 2);
    assert_eq!(request(&upstream), Ok(stage.now()));
    // Once: nothing has been refused since.
    stage.step(Duration::from_secs(600)).await;
    assert_eq!(asked(), 2);
    upstream.refused_credential();
    stage.step(Duration::ZERO).await;
    assert_eq!(asked(), 3);
}
