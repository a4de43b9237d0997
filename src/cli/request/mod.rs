//! `gw request`: send a request through the gateway as any client would, and check the answer. The exit
//! code tells causes apart: 6 no gateway, 7 no answer in time, 9 the upstream failed, 10 not as expected.

mod answer;
mod ask;
mod check;
mod estimate;
mod expect;
mod send;

pub(crate) use ask::{header, text};
pub(crate) use check::run as check;
pub(crate) use estimate::run as estimate;
pub(crate) use expect::help;

use super::{
    context::{Context, write_out},
    print::Format,
};
use crate::error::{Error, Kind, Result};
use crate::expression::Condition;
pub(crate) use answer::{Answer, text_in as text_of};
use ask::Ask;
use clap::ArgMatches;
use serde_json::Value;
use std::time::Duration;

/// Runs `gw request`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let expectations = matches
        .get_many::<String>("expect")
        .into_iter()
        .flatten()
        .map(|text| expect::read(text))
        .collect::<Result<Vec<Condition>>>()?;
    let ask = Ask::new(context, matches).await?;
    let repeat = matches.get_one::<u32>("repeat").copied().unwrap_or(1);
    let retry = matches.get_one::<u32>("retry").copied().unwrap_or(0);
    let mut failures: Vec<Error> = Vec::new();
    for _ in 0..repeat {
        match send_once(context, matches, &ask, &expectations, retry).await {
            Ok(()) => {}
            Err(error) if hopeless(error.kind) => return Err(error),
            Err(error) => failures.push(error),
        }
    }
    let failed = failures.len();
    // Failures of several kinds have no exit code of their own but "some failed".
    let kind = failures.first().map(|first| first.kind);
    let mixed = failures.iter().any(|error| Some(error.kind) != kind);
    match failures.into_iter().next() {
        None => Ok(()),
        Some(error) if repeat == 1 => Err(error),
        Some(mut error) => {
            error.message = format!("{failed} of {repeat} failed; the first: {}", error.message);
            if mixed {
                error.kind = Kind::Partial;
            }
            Err(error)
        }
    }
}

/// Sends a body to a path once, with the key that is given, and shows nothing.
pub(crate) async fn resend(
    context: &Context,
    matches: &ArgMatches,
    path: &str,
    body: Value,
) -> Result<Answer> {
    let ask = Ask::to(context, matches, path, body).await?;
    send::send(&ask, context.timeout, |_| {}).await
}

/// Whether sending the same again cannot end otherwise.
fn hopeless(kind: Kind) -> bool {
    matches!(kind, Kind::NoGateway | Kind::Invalid | Kind::TooLarge)
}

/// One request, tried again as often as allowed while it is not as expected.
async fn send_once(
    context: &Context,
    matches: &ArgMatches,
    ask: &Ask,
    expectations: &[Condition],
    retry: u32,
) -> Result<()> {
    let mut left = retry;
    loop {
        // Text is shown as it streams only where it cannot be taken back by another try.
        let live = ask.stream && left == 0 && shows_text(context);
        let mut shown = false;
        let sent = send::send(ask, context.timeout, |piece| {
            if live {
                shown = true;
                write_out(piece.as_bytes());
            }
        })
        .await;
        let result = match sent {
            Ok(mut answer) => {
                look_into(context, ask, &mut answer).await;
                let verdict = expect::verdict(&answer, expectations);
                if left == 0 || verdict.is_ok() {
                    show(context, matches, &answer, live, shown)?;
                }
                verdict
            }
            Err(error) => Err(error),
        };
        match result {
            Err(error) if left > 0 && !matches!(error.kind, Kind::Invalid | Kind::TooLarge) => {
                left -= 1
            }
            other => return other,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What a failure needs to be understood: how each target did, which only the gateway's log knows, and
/// which command helps. A log that cannot be asked, or does not know the request, is no further failure.
async fn look_into(context: &Context, ask: &Ask, answer: &mut Answer) {
    if answer.succeeded() {
        return;
    }
    answer.advice = match answer.error().map(|error| error.kind) {
        Some(Kind::Unauthenticated) if ask.key.is_none() => {
            Some("name the key with --key-file FILE or GW_API_KEY; `gw key create NAME --user USER` makes one".into())
        }
        Some(Kind::Unauthenticated) => Some("gw key get".into()),
        _ => None,
    };
    let (Some(id), Ok(remote)) = (answer.request_id(), context.remote_within(LOG)) else {
        return;
    };
    // The row is written behind the answer.
    for _ in 0..20 {
        match remote.log(id).await {
            Ok(mut row) => {
                if let Some(Value::Array(attempts)) = row.get_mut("attempts").map(Value::take) {
                    answer.attempts = attempts;
                }
                return;
            }
            Err(error) if error.kind == Kind::NotFound => {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            Err(_) => return,
        }
    }
}

/// How long the log may take to say something.
const LOG: Duration = Duration::from_secs(2);

fn shows_text(context: &Context) -> bool {
    matches!(context.look.format, Format::Table | Format::Wide)
}

/// Shows the answer. `live`: its text was shown as it came, `shown`: there was some.
fn show(
    context: &Context,
    matches: &ArgMatches,
    answer: &Answer,
    live: bool,
    shown: bool,
) -> Result<()> {
    match context.look.format {
        Format::Table | Format::Wide if live => {
            if shown {
                write_out(b"\n");
            }
        }
        Format::Table | Format::Wide if answer.succeeded() => {
            context.data(&format!("{}\n", answer.text()))
        }
        Format::Table | Format::Wide => {}
        _ => context.data(&context.look.value(&answer.facts)?),
    }
    if matches.get_flag("explain") {
        context.talk(&answer.explain());
    }
    Ok(())
}
